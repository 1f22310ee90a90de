//! Ports over HTTP: offered, withdrawn, held by others, given to servers and given back.

use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use warren_entity::allocations;
use warren_proto::{
    Message,
    ids::ServerId,
    wire::{self, State, fact::What},
};

use crate::{
    http_servers::{Scene, give},
    on_both, with_two_controls,
    world::World,
};

on_both! {
    a_withdrawn_port_is_not_given_out_until_it_is_offered_again
    a_port_that_was_held_is_free_again_by_its_run_the_nodes_word_or_an_admins
    ports_offered_by_hand_are_given_when_the_range_is_full
    a_servers_ports_are_added_given_back_and_switched
    only_an_admin_gives_a_server_more_ports
    a_storm_of_changes_gives_no_port_twice
    an_alias_is_what_players_see
}
with_two_controls! {
    a_storm_of_changes_gives_no_port_twice
}

impl Scene {
    fn ports(&self) -> String {
        format!("/nodes/{}/allocations", self.node.id)
    }

    async fn range(&self, first: u16, last: u16) {
        let range = json!({"port_range": {"first": first, "last": last}});
        let path = format!("/nodes/{}", self.node.id);
        self.admin.patch(&path, range).await.expect(200);
    }

    async fn offer(&self, ports: &str) -> Vec<Value> {
        let made = self
            .admin
            .post(&self.ports(), json!({"ports": ports}))
            .await;
        made.expect(201)["items"].as_array().unwrap().clone()
    }

    /// The node's row of a port, as the API shows it.
    async fn port(&self, port: u16) -> Option<Value> {
        let list = self.admin.get(&self.ports()).await.expect(200);
        let items = list["items"].as_array().unwrap();
        items.iter().find(|a| a["port"] == port).cloned()
    }
}

async fn a_withdrawn_port_is_not_given_out_until_it_is_offered_again(world: World) {
    let scene = Scene::set(world).await;
    scene.range(30000, 30001).await;
    let offered = scene.offer("30000").await;
    let path = format!("{}/{}", scene.ports(), offered[0]["id"].as_str().unwrap());
    scene.admin.delete(&path).await.expect(204);
    assert_eq!(scene.port(30000).await, None);
    assert_eq!(scene.admin.delete(&path).await.problem(404), "not_found");
    let (_, made) = scene.server("one").await;
    assert_eq!(made["server"]["address"]["port"], 30001);
    let full = scene.admin.post("/servers", scene.wish("two")).await;
    assert_eq!(full.problem(409), "no_free_port");
    let mut wish = scene.wish("two");
    wish["ports"] = json!({"primary": 30000});
    let withdrawn = scene.admin.post("/servers", wish.clone()).await;
    assert_eq!(withdrawn.problem(409), "port_withdrawn");
    let again = scene.offer("30000").await;
    assert_eq!((again.len(), &again[0]["port"]), (1, &json!(30000)));
    let made = scene.admin.post("/servers", wish).await.expect(201);
    assert_eq!(made["server"]["address"]["port"], 30000);
}

fn taken(port: u32) -> What {
    What::PortTaken(wire::PortTaken {
        port,
        protocol: "tcp".into(),
        holder: "nginx (pid 7)".into(),
    })
}

async fn a_port_that_was_held_is_free_again_by_its_run_the_nodes_word_or_an_admins(world: World) {
    let mut scene = Scene::set(world).await;
    let (id, made) = scene.server("one").await;
    let operation = made["operation"]["id"].as_str().unwrap().to_owned();
    scene.installed(id, &operation).await;
    let held = scene.node.fact(Some(id), taken(25565));
    scene.node.upload_surely(vec![held]).await;
    let holder = |row: Option<Value>| row.unwrap()["taken_by"].clone();
    let named = json!("nginx (pid 7) (tcp)");
    assert_eq!(holder(scene.port(25565).await), named);
    let up = vec![
        scene.node.state(id, State::Stopped, State::Starting),
        scene.node.state(id, State::Starting, State::Running),
    ];
    scene.node.upload_surely(up).await;
    assert_eq!(holder(scene.port(25565).await), Value::Null);
    // Held again, by now without a server of ours on it: an admin knows better.
    let free = scene.offer("25570").await;
    let path = format!("{}/{}", scene.ports(), free[0]["id"].as_str().unwrap());
    let held = scene.node.fact(Some(id), taken(25570));
    scene.node.upload_surely(vec![held]).await;
    let mut wish = scene.wish("two");
    wish["ports"] = json!({"primary": 25570});
    let refused = scene.admin.post("/servers", wish.clone()).await;
    assert_eq!(refused.problem(409), "port_taken");
    let freed = scene.admin.patch(&path, json!({"free": true})).await;
    assert_eq!(freed.expect(200)["taken_by"], Value::Null);
    // Or the node says so.
    let held = scene.node.fact(Some(id), taken(25570));
    let freed = What::PortFreed(wire::PortFreed { port: 25570 });
    let freed = scene.node.fact(None, freed);
    scene.node.upload_surely(vec![held, freed]).await;
    assert_eq!(holder(scene.port(25570).await), Value::Null);
    scene.admin.post("/servers", wish).await.expect(201);
}

async fn ports_offered_by_hand_are_given_when_the_range_is_full(world: World) {
    let scene = Scene::set(world).await;
    scene.range(30000, 30000).await;
    scene.offer("40000").await;
    let one_ip = json!({"ports": "40001", "ip": "192.0.2.7"});
    scene.admin.post(&scene.ports(), one_ip).await.expect(201);
    let mut given = Vec::new();
    for name in ["one", "two", "three"] {
        let (_, made) = scene.server(name).await;
        let port = &made["server"]["allocations"][0];
        given.push(format!("{}:{}", port["ip"].as_str().unwrap(), port["port"]));
    }
    assert_eq!(given, ["0.0.0.0:30000", "0.0.0.0:40000", "192.0.2.7:40001"]);
    let full = scene.admin.post("/servers", scene.wish("four")).await;
    assert_eq!(full.problem(409), "no_free_port");
}

/// Ports of a server as `ip:port`, the first one marked.
fn shown(server: &Value) -> Vec<String> {
    let ports = server["allocations"].as_array().unwrap().iter();
    ports
        .map(|a| {
            let mark = if a["primary"] == true { "*" } else { "" };
            format!("{}{mark}", a["port"])
        })
        .collect()
}

fn id_of(server: &Value, port: u16) -> Value {
    let mut ports = server["allocations"].as_array().unwrap().iter();
    ports.find(|a| a["port"] == port).unwrap()["id"].clone()
}

async fn a_servers_ports_are_added_given_back_and_switched(world: World) {
    let mut scene = Scene::set(world).await;
    scene.range(30000, 30009).await;
    let mut wish = scene.wish("one");
    wish["ports"] = json!({"primary": 30005, "more": [{"port": 30001}], "extra": 1});
    let made = scene.admin.post("/servers", wish).await.expect(201);
    let server = &made["server"];
    assert_eq!(shown(server), ["30005*", "30000", "30001"]);
    let id: ServerId = server["id"].as_str().unwrap().parse().unwrap();
    let path = format!("/servers/{id}");
    let change = json!({"ports": {"add": [{"port": 40000}], "extra": 1,
        "primary": id_of(server, 30000), "remove": [id_of(server, 30005)]}});
    let changed = scene.admin.patch(&path, change).await.expect(200);
    assert_eq!(shown(&changed), ["30000*", "30001", "30002", "40000"]);
    assert_eq!(changed["address"]["port"], 30000);
    let row = scene.panel.world.row(id).await;
    let spec = wire::ServerSpec::decode(&*row.spec).unwrap();
    let ports: Vec<u32> = spec.ports.iter().map(|p| p.port).collect();
    assert_eq!(ports, [30000, 30001, 30002, 40000], "its node is told");
    // What was given back is free for another.
    scene.server("two").await;
    let mut wish = scene.wish("three");
    wish["ports"] = json!({"primary": 30005});
    scene.admin.post("/servers", wish).await.expect(201);
    for (change, refused) in [
        (
            json!({"remove": [id_of(&changed, 30000)]}),
            "ports.remove primary",
        ),
        (
            json!({"remove": [id_of(server, 30005)]}),
            "ports.remove unknown",
        ),
        (
            json!({"primary": id_of(server, 30005)}),
            "ports.primary unknown",
        ),
        (json!({"add": [{"port": 80}]}), "ports.add out_of_range"),
        (
            json!({"add": [{"ip": "x", "port": 30009}]}),
            "ports.add invalid",
        ),
        (json!({"extra": 33}), "ports.extra out_of_range"),
        (json!({"extra": 32}), "ports.add out_of_range"),
    ] {
        let answer = scene.admin.patch(&path, json!({"ports": change})).await;
        assert_eq!(answer.fields(), [refused]);
    }
    for (change, code) in [
        (json!({"add": [{"port": 30005}]}), "port_taken"),
        (json!({"add": [{"port": 30001}]}), "port_taken"),
        (
            json!({"add": [{"ip": "192.0.2.9", "port": 30001}]}),
            "port_not_offered",
        ),
    ] {
        let answer = scene.admin.patch(&path, json!({"ports": change})).await;
        assert_eq!(answer.problem(409), code);
    }
    let after = scene.admin.get(&path).await.expect(200);
    assert_eq!(shown(&after), shown(&changed), "nothing is half done");
    let operation = made["operation"]["id"].as_str().unwrap().to_owned();
    scene.installed(id, &operation).await;
    let up = vec![
        scene.node.state(id, State::Stopped, State::Starting),
        scene.node.state(id, State::Starting, State::Running),
    ];
    scene.node.upload_surely(up).await;
    let change = json!({"ports": {"remove": [id_of(&changed, 30001)]}});
    let answer = scene.admin.patch(&path, change).await;
    assert_eq!(answer.problem(409), "server_running");
}

async fn only_an_admin_gives_a_server_more_ports(world: World) {
    let scene = Scene::set(world).await;
    let mut wish = scene.wish("one");
    wish["ports"] = json!({"extra": 1});
    let made = scene.admin.post("/servers", wish).await.expect(201);
    let id: ServerId = made["server"]["id"].as_str().unwrap().parse().unwrap();
    let owner = scene.panel.logged_in("owner", false).await;
    let stranger = scene.panel.logged_in("stranger", false).await;
    give(&scene, id, &owner).await;
    let path = format!("/servers/{id}");
    for change in [json!({"extra": 1}), json!({"add": [{"port": 30000}]})] {
        let answer = owner.patch(&path, json!({"ports": change.clone()})).await;
        assert_eq!(answer.problem(403), "forbidden");
        let answer = stranger.patch(&path, json!({"ports": change})).await;
        assert_eq!(answer.problem(404), "not_found");
    }
    let switch = json!({"ports": {"primary": id_of(&made["server"], 25566)}});
    let changed = owner.patch(&path, switch).await.expect(200);
    assert_eq!(shown(&changed), ["25566*", "25565"]);
    let back = json!({"ports": {"remove": [id_of(&made["server"], 25565)]}});
    let changed = owner.patch(&path, back).await.expect(200);
    assert_eq!(shown(&changed), ["25566*"]);
    let (_, other) = scene.server("two").await;
    let theirs = json!({"ports": {"remove": [id_of(&other["server"], 25565)]}});
    let answer = owner.patch(&path, theirs).await;
    assert_eq!(answer.fields(), ["ports.remove unknown"]);
    let alias = format!(
        "{}/{}",
        scene.ports(),
        id_of(&changed, 25566).as_str().unwrap()
    );
    let answer = owner.patch(&alias, json!({"alias": "x.example"})).await;
    assert_eq!(answer.problem(404), "not_found");
}

async fn a_storm_of_changes_gives_no_port_twice(world: World) {
    let scene = Scene::set(world).await;
    scene.range(30000, 30011).await;
    let mut servers = Vec::new();
    for name in ["one", "two", "three", "four"] {
        servers.push(scene.server(name).await.0);
    }
    // 8 free ports, 4 certain ones wished by all, 12 wished at random: some must be refused.
    let mut tries = Vec::new();
    for id in &servers {
        for port in 30004..30008 {
            tries.push((*id, json!({"ports": {"add": [{"port": port}]}})));
        }
        tries.push((*id, json!({"ports": {"extra": 3}})));
    }
    let asks = tries.into_iter().enumerate().map(|(i, (id, change))| {
        let mut person = scene.admin.clone();
        let others = &scene.panel.others;
        if let Some(other) = (i % 2 == 1).then(|| others.first()).flatten() {
            person.address = *other;
        }
        async move { person.patch(&format!("/servers/{id}"), change).await }
    });
    let answers = futures_util::future::join_all(asks).await;
    for answer in answers {
        if answer.status != 200 {
            let code = answer.problem(409);
            assert!(["port_taken", "no_free_port"].contains(&&*code), "{code}");
        }
    }
    let rows = allocations::Entity::find()
        .filter(allocations::Column::ServerId.is_not_null())
        .all(scene.panel.world.app.db.read())
        .await
        .unwrap();
    let ports: BTreeSet<i32> = rows.iter().map(|r| r.port).collect();
    assert_eq!(rows.len(), ports.len(), "each port once");
    // Whoever asks for three is refused when two are left.
    assert!(rows.len() >= 10, "{} of 12 are in use", rows.len());
    for id in servers {
        let first = rows
            .iter()
            .filter(|r| r.server_id.as_deref() == Some(&*id.to_string()) && r.is_primary);
        assert_eq!(first.count(), 1, "one first port each");
    }
}

async fn an_alias_is_what_players_see(world: World) {
    let scene = Scene::set(world).await;
    let (id, made) = scene.server("one").await;
    let path = format!(
        "{}/{}",
        scene.ports(),
        id_of(&made["server"], 25565).as_str().unwrap()
    );
    for bad in ["play.example.net:1", "two words", "-x.example"] {
        let answer = scene.admin.patch(&path, json!({"alias": bad})).await;
        assert_eq!(answer.fields(), ["alias invalid"], "{bad}");
    }
    let aliased = scene
        .admin
        .patch(&path, json!({"alias": "play.example.net"}))
        .await;
    assert_eq!(aliased.expect(200)["alias"], "play.example.net");
    let node = json!({"player_address": "203.0.113.9"});
    let node_path = format!("/nodes/{}", scene.node.id);
    scene.admin.patch(&node_path, node).await.expect(200);
    let list = scene.admin.get("/servers").await.expect(200);
    let shown = &list["items"][0]["address"]["display"];
    assert_eq!(shown, "play.example.net:25565");
    let whole = scene.admin.get(&format!("/servers/{id}")).await.expect(200);
    let all = whole["allocations"][0]["addresses"]
        .as_array()
        .unwrap()
        .iter();
    let all: Vec<String> = all
        .map(|a| {
            format!(
                "{} {}",
                a["kind"].as_str().unwrap(),
                a["display"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        all,
        ["alias play.example.net:25565", "node 203.0.113.9:25565"]
    );
    let cleared = scene
        .admin
        .patch(&path, json!({"alias": ""}))
        .await
        .expect(200);
    assert_eq!(cleared["alias"], Value::Null);
    let whole = scene.admin.get(&format!("/servers/{id}")).await.expect(200);
    assert_eq!(whole["address"]["display"], "203.0.113.9:25565");
    let other = format!("/nodes/{}/allocations/{}", scene.node.id, ServerId::new());
    let none = scene.admin.patch(&other, json!({"alias": ""})).await;
    assert_eq!(none.problem(404), "not_found");
}
