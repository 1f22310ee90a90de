//! Servers over HTTP: made, changed, ordered about, read back, and kept from those they do not belong to.

use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use warren_control::{db::Lane, server::spec};
use warren_entity::{allocations, audit_log, outbox};
use warren_harness::eventually_async;
use warren_proto::{
    Message,
    ids::{NodeId, RunId, ServerId},
    wire,
};

use crate::{
    fake_node::FakeNode,
    http_panel::{Answer, Panel, Person},
    on_both,
    world::{SOON, World},
};

on_both! {
    a_server_is_made_with_ports_variables_and_an_install
    bad_wishes_are_all_named_at_once
    ports_are_never_given_twice
    an_owner_changes_what_owners_may_and_no_more
    power_orders_raise_the_generation_and_wait_for_jobs
    a_start_asked_for_at_creation_comes_with_the_first_install_that_ends_well
    a_start_that_was_withdrawn_does_not_come_with_an_install
    a_server_goes_only_by_its_name
    lists_are_cut_into_pages_and_searched_as_text
    console_history_is_paged_searched_and_downloaded
    a_node_that_is_away_is_not_waited_for
    a_nodes_settings_are_checked
    events_that_were_let_go_are_a_gap_with_a_name
    prometheus_gets_the_servers_series_with_a_key
}

pub struct Scene {
    pub panel: Panel,
    pub node: FakeNode,
    pub admin: Person,
    pub egg: String,
}

impl Scene {
    pub async fn set(world: World) -> Self {
        let panel = Panel::open(world).await;
        let admin = panel.as_admin().await;
        let node = FakeNode::join(&panel.world).await;
        let made = admin
            .post("/eggs/starters/minecraft-vanilla", json!({}))
            .await
            .expect(201);
        Self {
            panel,
            node,
            admin,
            egg: made["egg"]["id"].as_str().unwrap().to_owned(),
        }
    }

    pub fn wish(&self, name: &str) -> Value {
        json!({
            "name": name,
            "egg": self.egg,
            "node": self.node.id.to_string(),
            "limits": {"memory_bytes": 1 << 30, "cpu_percent": 150},
        })
    }

    pub async fn server(&self, name: &str) -> (ServerId, Value) {
        let made = self
            .admin
            .post("/servers", self.wish(name))
            .await
            .expect(201);
        let id = made["server"]["id"].as_str().unwrap().parse().unwrap();
        (id, made)
    }

    /// As the node reports it.
    pub async fn installed(&mut self, id: ServerId, operation: &str) {
        let began = self.node.boot_started(None);
        self.node.upload_surely(vec![began]).await;
        let states = [
            wire::State::New,
            wire::State::Installing,
            wire::State::Stopped,
        ];
        self.job_ended(id, operation, "install", states).await;
    }

    /// By way of these states. The node's first fact must have come.
    pub async fn job_ended(
        &mut self,
        id: ServerId,
        operation: &str,
        kind: &str,
        [from, by, to]: [wire::State; 3],
    ) {
        let result = match to {
            wire::State::Error => wire::JobResult::Failed,
            _ => wire::JobResult::Done,
        };
        let busy = self.node.state(id, from, by);
        let still = self.node.state(id, by, to);
        let ended = self.node.fact(
            Some(id),
            wire::fact::What::JobEnded(wire::JobEnded {
                job: operation.into(),
                kind: kind.into(),
                result: result.into(),
                ..Default::default()
            }),
        );
        self.node.upload_surely(vec![busy, still, ended]).await;
    }

    /// A server that shall start when it is installed, and whose install has failed.
    pub async fn failed(&mut self, name: &str) -> ServerId {
        let mut wish = self.wish(name);
        wish["start_after_install"] = json!(true);
        let made = self.admin.post("/servers", wish).await.expect(201);
        let id = made["server"]["id"].as_str().unwrap().parse().unwrap();
        let began = self.node.boot_started(None);
        self.node.upload_surely(vec![began]).await;
        let operation = made["operation"]["id"].as_str().unwrap().to_owned();
        let states = [
            wire::State::New,
            wire::State::Installing,
            wire::State::Error,
        ];
        self.job_ended(id, &operation, "install", states).await;
        id
    }

    /// Reinstalls a server in error; it is left in `to`.
    pub async fn reinstalled(&mut self, id: ServerId, to: wire::State) {
        let path = format!("/servers/{id}/reinstall");
        let job = self.admin.post(&path, json!({"wipe": true})).await;
        let job = job.expect(202)["id"].as_str().unwrap().to_owned();
        let states = [wire::State::Error, wire::State::Installing, to];
        self.job_ended(id, &job, "reinstall", states).await;
    }
}

async fn a_server_is_made_with_ports_variables_and_an_install(world: World) {
    let scene = Scene::set(world).await;
    let mut wish = scene.wish("First 🐇");
    wish["ports"] = json!({"extra": 2});
    wish["variables"] = json!({"VANILLA_VERSION": "1.20.4"});
    let made = scene.admin.post("/servers", wish).await.expect(201);
    let server = &made["server"];
    assert_eq!(server["state"], "new");
    assert_eq!(server["address"]["port"], 25565);
    let ports: Vec<&Value> = server["allocations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["port"])
        .collect();
    assert_eq!(ports, [25565, 25566, 25567]);
    assert_eq!(made["operation"]["kind"], "install");
    assert_eq!(server["operation"]["id"], made["operation"]["id"]);
    let id: ServerId = server["id"].as_str().unwrap().parse().unwrap();
    let row = scene.panel.world.row(id).await;
    let stored = wire::ServerSpec::decode(&*row.spec).unwrap();
    let compiled = spec::compile(scene.panel.world.app.db.read(), &row.id)
        .await
        .unwrap();
    assert_eq!(stored, compiled);
    let env = |name: &str| {
        let found = stored.env.iter().find(|e| e.name == name);
        found.map(|e| e.value.as_str())
    };
    assert_eq!(env("VANILLA_VERSION"), Some("1.20.4"));
    assert_eq!(env("SERVER_MEMORY"), Some("1024"));
    eventually_async("the node to be told and asked to install", SOON, || async {
        let told = scene.node.told.lock().unwrap();
        let wanted = told
            .applies
            .iter()
            .any(|a| a.servers.iter().any(|s| s.server == id.to_string()));
        (wanted && !told.jobs.is_empty()).then_some(())
    })
    .await
    .unwrap();
    let audit = audit_log::Entity::find()
        .filter(audit_log::Column::Action.eq("admin.server.create"))
        .all(scene.panel.world.app.db.read())
        .await
        .unwrap();
    assert_eq!(audit.len(), 1);
    eventually_async("the event to be readable", SOON, || async {
        let events = scene
            .admin
            .get(&format!("/events?server={id}"))
            .await
            .expect(200);
        let first = events["items"].get(0)?.clone();
        assert_eq!(first["type"], "warren.server.created");
        assert_eq!(first["subject"], format!("server/{id}"));
        Some(())
    })
    .await
    .unwrap();
}

async fn bad_wishes_are_all_named_at_once(world: World) {
    let scene = Scene::set(world).await;
    let mut wish = scene.wish(" ");
    wish["limits"] = json!({"memory_bytes": 5, "cpu_percent": 0.5, "cpuset": "x"});
    wish["ports"] = json!({"primary": 80, "extra": 99});
    wish["image"] = json!("--privileged");
    wish["variables"] = json!({"NOPE": "1", "SERVER_JARFILE": "../../evil"});
    let fields = scene.admin.post("/servers", wish).await.fields();
    assert_eq!(
        fields,
        [
            "name required",
            "limits.memory_bytes out_of_range",
            "limits.cpu_percent out_of_range",
            "limits.cpuset invalid",
            "ports.extra out_of_range",
            "ports.primary out_of_range",
            "image invalid",
            "variables.NOPE unknown",
            "variables.SERVER_JARFILE rule_regex"
        ]
    );
    let mut wish = scene.wish("a");
    wish["egg"] = json!(warren_proto::ids::EggId::new().to_string());
    wish["node"] = json!(warren_proto::ids::NodeId::new().to_string());
    assert_eq!(
        scene.admin.post("/servers", wish).await.fields(),
        ["egg unknown", "node unknown"]
    );
    let mut wish = scene.wish("a");
    wish["node"] = json!("*");
    assert_eq!(
        scene.admin.post("/servers", wish).await.fields(),
        ["node invalid"]
    );
    let mut wish = scene.wish("a");
    wish["limits"]["memory_bytes"] = json!("much");
    assert_eq!(
        scene.admin.post("/servers", wish).await.fields(),
        ["limits.memory_bytes invalid"]
    );
    let none = scene.admin.get("/servers").await.expect(200);
    assert_eq!(none["items"], json!([]), "nothing is half done");
}

async fn ports_are_never_given_twice(world: World) {
    let scene = Scene::set(world).await;
    let path = format!("/nodes/{}", scene.node.id);
    let range = json!({"port_range": {"first": 30000, "last": 30007}});
    scene.admin.patch(&path, range).await.expect(200);
    let mut wish = scene.wish("many");
    wish["ports"] = json!({"extra": 1});
    let tries = (0..8).map(|_| scene.admin.post("/servers", wish.clone()));
    let answers = futures_util::future::join_all(tries).await;
    let mut codes: Vec<u16> = answers.iter().map(|a| a.status.as_u16()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [201, 201, 201, 201, 409, 409, 409, 409]);
    let rows = allocations::Entity::find()
        .filter(allocations::Column::ServerId.is_not_null())
        .all(scene.panel.world.app.db.read())
        .await
        .unwrap();
    let ports: BTreeSet<i32> = rows.iter().map(|r| r.port).collect();
    assert_eq!((rows.len(), ports.len()), (8, 8));
    let mut wish = scene.wish("one");
    wish["ports"] = json!({"primary": 30003});
    let taken = scene.admin.post("/servers", wish.clone()).await;
    assert_eq!(taken.problem(409), "port_taken");
    wish["ports"] = json!({"primary": 40000});
    let made = scene.admin.post("/servers", wish).await.expect(201);
    assert_eq!(made["server"]["address"]["port"], 40000);
    let full = scene.admin.post("/servers", scene.wish("full")).await;
    assert_eq!(full.problem(409), "no_free_port");
}

pub async fn give(scene: &Scene, id: ServerId, owner: &Person) {
    use sea_orm::{ActiveModelTrait, ActiveValue::Set};
    let tx = scene
        .panel
        .world
        .app
        .db
        .begin(warren_control::db::Lane::People)
        .await
        .unwrap();
    let row = warren_entity::servers::ActiveModel {
        id: Set(id.to_string()),
        owner_id: Set(owner.id.unwrap().to_string()),
        ..Default::default()
    };
    row.update(&*tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn an_owner_changes_what_owners_may_and_no_more(world: World) {
    let scene = Scene::set(world).await;
    let (id, made) = scene.server("one").await;
    let owner = scene.panel.logged_in("owner", false).await;
    let stranger = scene.panel.logged_in("stranger", false).await;
    give(&scene, id, &owner).await;
    let path = format!("/servers/{id}");
    assert_eq!(stranger.get(&path).await.problem(404), "not_found");
    let seen = owner.get(&path).await.expect(200);
    assert!(seen["permissions"].as_array().unwrap().len() > 30);
    let before = seen["generation"].as_i64().unwrap();
    let image = made["server"]["images"][1]["image"].clone();
    let change = json!({"name": "two", "image": image, "variables": {"VANILLA_VERSION": "1.19"},
        "crash_policy": {"restart": false, "max_restarts": 1, "window_s": 60, "clean_exit_is_crash": true}});
    let seen = owner.patch(&path, change).await.expect(200);
    assert_eq!((&seen["name"], &seen["image"]), (&json!("two"), &image));
    assert!(seen["generation"].as_i64().unwrap() > before);
    for (refused, status) in [
        (json!({"limits": {"memory_bytes": 0}}), 403),
        (json!({"startup": "rm -rf /"}), 403),
        (json!({"suspended": false}), 403),
    ] {
        assert_eq!(
            owner.patch(&path, refused).await.problem(status),
            "forbidden"
        );
    }
    let foreign = owner.patch(&path, json!({"image": "evil/miner:1"})).await;
    assert_eq!(foreign.fields(), ["image not_offered"]);
    let typo = owner.patch(&path, json!({"nmae": "x"})).await;
    assert_eq!(typo.fields(), ["nmae invalid"]);
    let audit = audit_log::Entity::find()
        .filter(audit_log::Column::Action.eq("server.update"))
        .all(scene.panel.world.app.db.read())
        .await
        .unwrap();
    assert_eq!(
        audit.len(),
        1,
        "what was refused leaves no trace of a change"
    );
    let diff = audit[0].diff.as_ref().unwrap();
    assert_eq!(diff["name"], json!({"from": "one", "to": "two"}));
    assert_eq!(diff["variables"], json!(["VANILLA_VERSION"]));
    scene
        .admin
        .patch(&path, json!({"suspended": true}))
        .await
        .expect(200);
    let start = owner
        .post(&format!("{path}/power"), json!({"action": "start"}))
        .await;
    assert_eq!(start.problem(409), "suspended");
}

async fn power_orders_raise_the_generation_and_wait_for_jobs(world: World) {
    let mut scene = Scene::set(world).await;
    let (id, made) = scene.server("one").await;
    let power = format!("/servers/{id}/power");
    let start = scene.admin.post(&power, json!({"action": "start"})).await;
    assert_eq!(start.problem(409), "job_running");
    let operation = made["operation"]["id"].as_str().unwrap().to_owned();
    scene.installed(id, &operation).await;
    let done = scene
        .admin
        .get(&format!("/operations/{operation}"))
        .await
        .expect(200);
    assert_eq!(done["state"], "done");
    let cancel = scene
        .admin
        .post(&format!("/operations/{operation}/cancel"), json!({}))
        .await;
    assert_eq!(cancel.problem(409), "already_ended");
    let first = scene
        .admin
        .post(&power, json!({"action": "start"}))
        .await
        .expect(202);
    let seen = scene.admin.get(&format!("/servers/{id}")).await.expect(200);
    assert_eq!(seen["intent"]["action"], "start");
    let second = scene
        .admin
        .post(&power, json!({"action": "restart"}))
        .await
        .expect(202);
    assert!(second["generation"].as_i64() > first["generation"].as_i64());
    let row = scene.panel.world.row(id).await;
    assert_eq!((row.power.as_str(), row.restarts), ("start", 1));
    assert_eq!(Some(row.power_generation), second["generation"].as_i64());
    let odd = scene.admin.post(&power, json!({"action": "explode"})).await;
    assert_eq!(odd.fields(), ["action invalid"]);
    let again = format!("/servers/{id}/reinstall");
    let job = scene
        .admin
        .post(&again, json!({"wipe": true}))
        .await
        .expect(202);
    assert_eq!(job["kind"], "reinstall");
    let twice = scene.admin.post(&again, json!({"wipe": true})).await;
    assert_eq!(twice.problem(409), "job_running");
    let active = scene
        .admin
        .get(&format!("/operations?active=true&server={id}"))
        .await
        .expect(200);
    assert_eq!(active["items"].as_array().unwrap().len(), 1);
    let path = format!("/operations/{}/cancel", job["id"].as_str().unwrap());
    scene.admin.post(&path, json!({})).await.expect(202);
}

async fn a_start_asked_for_at_creation_comes_with_the_first_install_that_ends_well(world: World) {
    let mut scene = Scene::set(world).await;
    let id = scene.failed("late").await;
    let path = format!("/servers/{id}");
    scene.reinstalled(id, wire::State::Error).await;
    let row = scene.panel.world.row(id).await;
    assert_eq!(
        (row.power.as_str(), row.power_generation),
        ("start", 1),
        "no order that could meet half of the files"
    );
    assert_eq!(row.intent, None);
    scene.reinstalled(id, wire::State::Stopped).await;
    let row = scene.panel.world.row(id).await;
    assert_eq!(row.power, "start");
    assert_eq!(row.power_generation, row.generation);
    let seen = scene.admin.get(&path).await.expect(200);
    assert_eq!(seen["intent"]["action"], "start");
    let generation = u64::try_from(row.generation).unwrap();
    eventually_async("the node to be given the order", SOON, || async {
        let told = scene.node.told.lock().unwrap();
        let wanted = told
            .applies
            .iter()
            .flat_map(|a| &a.servers)
            .find(|s| s.server == id.to_string() && s.generation == generation)?;
        let order = wanted.power.as_ref()?;
        (order.power() == wire::Power::Start && order.generation == generation).then_some(())
    })
    .await
    .unwrap();
    // Once.
    let states = [wire::State::Stopped, wire::State::Starting];
    let busy = scene.node.state(id, states[0], states[1]);
    let up = scene.node.state(id, states[1], wire::State::Running);
    let stopping = scene
        .node
        .state(id, wire::State::Running, wire::State::Stopping);
    let down = scene
        .node
        .state(id, wire::State::Stopping, wire::State::Stopped);
    scene
        .node
        .upload_surely(vec![busy, up, stopping, down])
        .await;
    let job = scene
        .admin
        .post(&format!("{path}/reinstall"), json!({"wipe": false}))
        .await;
    let job = job.expect(202)["id"].as_str().unwrap().to_owned();
    let states = [
        wire::State::Stopped,
        wire::State::Installing,
        wire::State::Stopped,
    ];
    scene.job_ended(id, &job, "reinstall", states).await;
    let row = scene.panel.world.row(id).await;
    assert_eq!((row.power.as_str(), row.intent), ("stop", None));
}

async fn a_start_that_was_withdrawn_does_not_come_with_an_install(world: World) {
    let mut scene = Scene::set(world).await;
    let id = scene.failed("never").await;
    scene
        .admin
        .post(&format!("/servers/{id}/power"), json!({"action": "stop"}))
        .await
        .expect(202);
    scene.reinstalled(id, wire::State::Stopped).await;
    let row = scene.panel.world.row(id).await;
    assert_eq!((row.power.as_str(), row.intent), ("stop", None));
}

async fn a_server_goes_only_by_its_name(world: World) {
    let scene = Scene::set(world).await;
    let (id, _) = scene.server("Precious").await;
    let path = format!("/servers/{id}");
    assert_eq!(scene.admin.delete(&path).await.fields(), ["name required"]);
    assert_eq!(
        scene
            .admin
            .delete(&format!("{path}?name=precious"))
            .await
            .fields(),
        ["name mismatch"]
    );
    scene.admin.get(&path).await.expect(200);
    let node = format!("/nodes/{}", scene.node.id);
    assert_eq!(
        scene.admin.delete(&node).await.problem(409),
        "node_has_servers"
    );
    let gone = scene
        .admin
        .delete(&format!("{path}?name=Precious"))
        .await
        .expect(202);
    assert_eq!(gone["operation"]["kind"], "delete");
    assert_eq!(scene.admin.get(&path).await.problem(404), "not_found");
    eventually_async("the node to get the tombstone", SOON, || async {
        let told = scene.node.told.lock().unwrap();
        let named = |a: &wire::Apply| a.tombstones.iter().any(|t| t.server == id.to_string());
        told.applies.iter().any(named).then_some(())
    })
    .await
    .unwrap();
    scene.admin.delete(&node).await.expect(204);
    assert_eq!(scene.admin.get(&node).await.problem(404), "not_found");
}

async fn lists_are_cut_into_pages_and_searched_as_text(world: World) {
    let scene = Scene::set(world).await;
    for name in ["alpha", "100%", "a_b", "ALPHABET", "<b>bold</b>"] {
        scene.server(name).await;
    }
    let names = async |query: &str| {
        let page = scene
            .admin
            .get(&format!("/servers?{query}"))
            .await
            .expect(200);
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|s| s["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("search=alpha").await, ["ALPHABET", "alpha"]);
    assert_eq!(names("search=%25").await, ["100%"]);
    assert_eq!(names("search=_").await, ["a_b"]);
    assert_eq!(names("search=%3Cb%3E").await, ["<b>bold</b>"]);
    assert_eq!(names("search='%20OR%201=1").await, Vec::<String>::new());
    assert_eq!(names("state=running").await, Vec::<String>::new());
    let first = scene.admin.get("/servers?limit=2").await.expect(200);
    let next = first["next"].as_str().unwrap();
    scene.server("newer").await;
    let second = scene
        .admin
        .get(&format!("/servers?limit=4&cursor={next}"))
        .await
        .expect(200);
    assert_eq!(second["items"].as_array().unwrap().len(), 3);
    assert!(second["next"].is_null());
    for bad in [
        "limit=0",
        "limit=101",
        "limit=x",
        "cursor=%00",
        "state=flying",
        "node=*",
    ] {
        let answer = scene.admin.get(&format!("/servers?{bad}")).await;
        let field = bad.split('=').next().unwrap();
        let fields = answer.fields();
        assert!(fields[0].starts_with(field), "{bad}: {fields:?}");
    }
}

async fn console_history_is_paged_searched_and_downloaded(world: World) {
    let scene = Scene::set(world).await;
    let (id, _) = scene.server("talker").await;
    let path = format!("/servers/{id}");
    let empty = scene
        .admin
        .get(&format!("{path}/console?tail=100"))
        .await
        .expect(200);
    assert_eq!(empty, json!({"run": null, "chunks": []}));
    let run = RunId::new();
    let (a, b) = (
        "first line\nneed",
        "le in two uploads\n\u{1b}[31mred\u{1b}[0m end\n",
    );
    let offset = a.len() as u64;
    scene
        .node
        .print(vec![FakeNode::range(id, run, 0, a)])
        .await
        .unwrap();
    scene
        .node
        .print(vec![FakeNode::range(id, run, offset, b)])
        .await
        .unwrap();
    let page = scene
        .admin
        .get(&format!("{path}/console?from=6&to=15"))
        .await
        .expect(200);
    assert_eq!(page["run"], run.to_string());
    use base64::{Engine, engine::general_purpose::STANDARD};
    let bytes: Vec<u8> = page["chunks"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|c| STANDARD.decode(c["data"].as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(bytes, &a.as_bytes()[6..], "line\nneed");
    let found = scene
        .admin
        .get(&format!("{path}/console/search?q=NEEDLE"))
        .await
        .expect(200);
    assert_eq!(found["items"][0]["line"], "needle in two uploads");
    assert_eq!(found["items"][0]["offset"], 11);
    let found = scene
        .admin
        .get(&format!("{path}/console/search?q=red%20end"))
        .await
        .expect(200);
    assert_eq!(found["items"][0]["line"], "red end");
    let file = scene.admin.get(&format!("{path}/console/download")).await;
    assert_eq!(file.text, format!("{a}{b}"));
    assert!(
        file.headers["content-disposition"]
            .to_str()
            .unwrap()
            .starts_with("attachment")
    );
    let runs = scene.admin.get(&format!("{path}/runs")).await.expect(200);
    assert_eq!(runs["items"][0]["bytes"], (a.len() + b.len()) as u64);
    let other = scene
        .admin
        .get(&format!("{path}/console?run={}", RunId::new()))
        .await;
    assert_eq!(other.problem(404), "not_found");
    let long = "x".repeat(257);
    let long = scene
        .admin
        .get(&format!("{path}/console/search?q={long}"))
        .await;
    assert_eq!(long.fields(), ["q out_of_range"]);
}

async fn a_node_that_is_away_is_not_waited_for(world: World) {
    let scene = Scene::set(world).await;
    let (id, _) = scene.server("one").await;
    let node = scene.node.id;
    scene
        .node
        .bus
        .close(std::time::Duration::from_secs(1))
        .await;
    eventually_async("the node to be away", SOON, || async {
        let node = scene.admin.get(&format!("/nodes/{node}")).await.expect(200);
        (node["state"] == "offline").then_some(())
    })
    .await
    .unwrap();
    let began = std::time::Instant::now();
    let path = format!("/servers/{id}");
    let list = scene.admin.get(&format!("{path}/files")).await;
    assert_eq!(list.problem(503), "node_offline");
    let line = scene
        .admin
        .post(&format!("{path}/input"), json!({"line": "say hi"}))
        .await;
    assert_eq!(line.problem(503), "node_offline");
    assert!(began.elapsed() < std::time::Duration::from_secs(2));
    let line = scene
        .admin
        .post(&format!("{path}/input"), json!({"line": "a\nb"}))
        .await;
    assert_eq!(line.fields(), ["line invalid"]);
    let outside = scene
        .admin
        .get(&format!("{path}/files/content?path=../../etc/passwd"))
        .await;
    assert_eq!(outside.fields(), ["path invalid"]);
    // Wanted changes are taken all the same.
    scene
        .admin
        .patch(&path, json!({"name": "two"}))
        .await
        .expect(200);
    let ticket = scene
        .admin
        .post(&format!("{path}/ticket"), json!({}))
        .await
        .expect(200);
    assert_eq!(ticket["ws"], "/ws");
}

async fn a_nodes_settings_are_checked(world: World) {
    let scene = Scene::set(world).await;
    let path = format!("/nodes/{}", scene.node.id);
    let odd = json!({"name": "", "player_address": "not an address:25565", "port_range": {"first": 5, "last": 1}});
    assert_eq!(
        scene.admin.patch(&path, odd).await.fields(),
        [
            "name required",
            "player_address invalid",
            "port_range invalid"
        ]
    );
    let good = json!({"name": "rack 7", "player_address": "play.example.net"});
    let node = scene.admin.patch(&path, good).await.expect(200);
    assert_eq!(node["player_address"], "play.example.net");
    let (_, made) = scene.server("one").await;
    assert_eq!(
        made["server"]["address"]["display"],
        "play.example.net:25565"
    );
    let ports = format!("{path}/allocations");
    for bad in ["", "80", "70000", "2-1", "1024-65535", "x"] {
        let answer = scene.admin.post(&ports, json!({"ports": bad})).await;
        assert_eq!(answer.status, 422, "{bad}");
    }
    let made = scene
        .admin
        .post(
            &ports,
            json!({"ports": "27015-27017,25565", "ip": "0.0.0.0"}),
        )
        .await
        .expect(201);
    assert_eq!(made["items"].as_array().unwrap().len(), 3);
    assert_eq!(made["already"], json!([25565]));
    let list = scene.admin.get(&ports).await.expect(200);
    let of = |port: u64| {
        let items = list["items"].as_array().unwrap().iter();
        items
            .filter(|a| a["port"] == port)
            .map(|a| a["id"].as_str().unwrap().to_owned())
            .next()
            .unwrap()
    };
    scene
        .admin
        .delete(&format!("{ports}/{}", of(27015)))
        .await
        .expect(204);
    let used = scene.admin.delete(&format!("{ports}/{}", of(25565))).await;
    assert_eq!(used.problem(409), "allocation_in_use");
    let token = scene.admin.post("/nodes/tokens", json!({})).await;
    assert_eq!(token.problem(409), "no_public_address");
    let many = scene
        .admin
        .post("/nodes/tokens?local=true", json!({"uses": 5000}))
        .await;
    assert_eq!(many.fields(), ["uses out_of_range"]);
    let of_nobody = json!({"node": NodeId::new().to_string()});
    let refused = scene.admin.post("/nodes/tokens?local=true", of_nobody);
    assert_eq!(refused.await.fields(), ["node unknown"]);
    let node = scene.node.id.to_string();
    for (more, field) in [
        (json!({"node": node, "uses": 2}), "uses out_of_range"),
        (json!({"node": node, "labels": {}}), "labels not_with_node"),
    ] {
        let refused = scene.admin.post("/nodes/tokens?local=true", more).await;
        assert_eq!(refused.fields(), [field]);
    }
    let back = scene
        .admin
        .post("/nodes/tokens?local=true", json!({"node": node}))
        .await
        .expect(201);
    let tokens = scene.admin.get("/nodes/tokens").await.expect(200);
    assert_eq!(tokens["items"][0]["id"], back["id"]);
    assert_eq!(tokens["items"][0]["node"], node);
    let made = scene
        .admin
        .post("/nodes/tokens?local=true", json!({"uses": 3}))
        .await
        .expect(201);
    assert!(
        made["command"]
            .as_str()
            .unwrap()
            .starts_with("warren-agent join wjoin_")
    );
    let tokens = scene.admin.get("/nodes/tokens").await.expect(200);
    assert_eq!(tokens["items"][0]["uses_left"], 3);
    let path = format!("/nodes/tokens/{}", made["id"].as_str().unwrap());
    scene.admin.delete(&path).await.expect(204);
    assert_eq!(scene.admin.delete(&path).await.problem(404), "not_found");
}

async fn events_that_were_let_go_are_a_gap_with_a_name(world: World) {
    let scene = Scene::set(world).await;
    scene.server("one").await;
    scene.server("two").await;
    let page = eventually_async("events", SOON, || async {
        let page = scene.admin.get("/events").await.expect(200);
        (page["last"].as_i64()? >= 4).then_some(page)
    })
    .await
    .unwrap();
    assert_eq!((&page["first"], &page["gap"]), (&json!(1), &Value::Null));
    let tx = scene.panel.world.app.db.begin(Lane::People).await.unwrap();
    outbox::Entity::delete_many()
        .filter(outbox::Column::Seq.lte(3))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let page = scene.admin.get("/events?after=1").await.expect(200);
    assert_eq!(page["first"], 4);
    assert_eq!(page["gap"], json!({"from": 2, "to": 3}));
    assert_eq!(page["items"][0]["sequence"], "4");
    let page = scene.admin.get("/events?after=3").await.expect(200);
    assert_eq!(page["gap"], Value::Null);
}

async fn prometheus_gets_the_servers_series_with_a_key(world: World) {
    warren_control::http::install_recorder();
    let scene = Scene::set(world).await;
    let (id, _) = scene.server("my \"first\"").await;
    let sample = wire::ServerSample {
        server: id.to_string(),
        at_ms: scene.panel.world.app.clock.now_ms(),
        cpu_percent: 12.5,
        memory_bytes: 1 << 20,
        ..Default::default()
    };
    let batch = wire::MetricsBatch {
        boot: scene.node.boot.to_string(),
        node: None,
        servers: vec![sample],
    };
    let taken = eventually_async("samples to be taken", SOON, || async {
        let answer: Result<wire::MetricsAnswer, _> = scene
            .node
            .ask(warren_proto::subjects::up::METRICS, &batch)
            .await;
        answer.ok()
    });
    taken.await.unwrap();
    let read = async |person: &Person| {
        let request = person.request(reqwest::Method::GET, "/metrics");
        Answer::of(request.send().await.unwrap()).await
    };
    let own = read(&scene.panel.nobody()).await;
    assert_eq!(own.status, 200);
    assert!(!own.text.contains(&id.to_string()), "names are for admins");
    let mut by_key = scene.panel.nobody();
    let made = scene
        .admin
        .post("/account/api-keys", json!({"name": "prometheus"}))
        .await
        .expect(201);
    by_key.key = made["secret"]
        .as_str()
        .or(made["key"].as_str())
        .map(str::to_owned);
    let page = read(&by_key).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let labels = format!(
        "{{server=\"{id}\",node=\"{}\",name=\"my \\\"first\\\"\"}}",
        scene.node.id
    );
    assert!(page.text.contains("warren_http_requests_total"));
    assert!(
        page.text
            .contains(&format!("warren_server_cpu_percent{labels} 12.5\n")),
        "{}",
        page.text
    );
    assert!(
        page.text
            .contains(&format!("warren_server_memory_bytes{labels} 1048576\n"))
    );
    let ann = scene.panel.logged_in("ann", false).await;
    let made = ann
        .post("/account/api-keys", json!({"name": "mine"}))
        .await
        .expect(201);
    by_key.key = made["secret"]
        .as_str()
        .or(made["key"].as_str())
        .map(str::to_owned);
    assert_eq!(read(&by_key).await.status, 403);
}
