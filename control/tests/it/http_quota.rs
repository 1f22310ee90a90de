//! What somebody's servers may have together.

use serde_json::{Value, json};
use warren_proto::ids::NodeId;

use crate::{
    fake_node::FakeNode,
    http_panel::Person,
    http_servers::{Scene, give},
    on_both,
    world::World,
};

on_both! {
    a_storm_of_wishes_never_gets_more_than_the_quota
    servers_on_two_nodes_do_not_both_get_what_is_left
    each_kind_is_held_to_and_what_shrinks_is_never_refused
    a_server_is_not_given_to_somebody_whose_quota_it_would_exceed
    shares_that_have_not_ended_count
    ports_of_a_deleted_server_count_until_its_node_has_confirmed
    with_a_role_people_make_their_own_servers_up_to_their_quota
    a_quota_is_set_by_those_who_may_and_never_by_oneself
    a_storm_of_first_wishes_never_gets_more_than_the_standard_plan
    people_are_on_a_plan_on_the_standard_one_or_have_their_own
    nobody_but_an_admin_changes_the_plan_that_bounds_them
}

const GIB: u64 = 1 << 30;

fn quota_of(person: &Person) -> String {
    format!("/users/{}/quota", person.id.unwrap())
}

/// A server of one GiB, one core and one GiB of disk.
fn wish(scene: &Scene, node: NodeId, owner: &Person) -> Value {
    let mut wish = scene.wish("quota");
    wish["node"] = json!(node.to_string());
    wish["owner"] = json!(owner.id.unwrap().to_string());
    wish["limits"] = json!({"memory_bytes": GIB, "disk_bytes": GIB, "cpu_percent": 100});
    wish
}

async fn made(scene: &Scene, owner: &Person) -> String {
    let wish = wish(scene, scene.node.id, owner);
    let made = scene.admin.post("/servers", wish).await.expect(201);
    format!("/servers/{}", made["server"]["id"].as_str().unwrap())
}

async fn a_storm_of_wishes_never_gets_more_than_the_quota(world: World) {
    let scene = Scene::set(world).await;
    // On two nodes: their rows keep nobody apart.
    let other = FakeNode::join(&scene.panel.world).await;
    let ann = scene.panel.logged_in("ann", false).await;
    let limits = json!({"servers": 5, "memory_bytes": 3 * GIB});
    scene.admin.put(&quota_of(&ann), limits).await.expect(200);
    let wishes = (0..16).map(|n| {
        let node = if n % 2 == 0 { scene.node.id } else { other.id };
        scene.admin.post("/servers", wish(&scene, node, &ann))
    });
    let answers = futures_util::future::join_all(wishes).await;
    let (got, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == 201);
    assert_eq!(got.len(), 3);
    for answer in refused {
        assert_eq!(answer.problem(409), "quota_exceeded");
    }
    let quota = ann.get("/account/quota").await.expect(200);
    assert_eq!(quota["used"]["servers"], 3);
    assert_eq!(quota["used"]["memory_bytes"], 3 * GIB);
    assert_eq!(quota["limits"]["servers"], 5);
    // One that goes makes room at once.
    let server = got[0].json()["server"]["id"].as_str().unwrap().to_owned();
    let path = format!("/servers/{server}?name=quota");
    scene.admin.delete(&path).await.expect(202);
    made(&scene, &ann).await;
}

/// Nothing but the quota keeps these apart: each locks its own node and its own server.
async fn servers_on_two_nodes_do_not_both_get_what_is_left(world: World) {
    let scene = Scene::set(world).await;
    let other = FakeNode::join(&scene.panel.world).await;
    let ann = scene.panel.logged_in("ann", false).await;
    let mut servers = Vec::new();
    for node in [scene.node.id, other.id] {
        let wish = wish(&scene, node, &ann);
        let made = scene.admin.post("/servers", wish).await.expect(201);
        servers.push(format!(
            "/servers/{}",
            made["server"]["id"].as_str().unwrap()
        ));
    }
    let limits = json!({"memory_bytes": 3 * GIB});
    scene.admin.put(&quota_of(&ann), limits).await.expect(200);
    let to = |gib: u64| json!({"limits": {"memory_bytes": gib * GIB}});
    for _ in 0..12 {
        let raised = servers.iter().map(|path| scene.admin.patch(path, to(2)));
        let raised = futures_util::future::join_all(raised).await;
        let won = raised.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(won, 1);
        for path in &servers {
            scene.admin.patch(path, to(1)).await.expect(200);
        }
    }
}

async fn ports_of_a_deleted_server_count_until_its_node_has_confirmed(world: World) {
    let scene = Scene::set(world).await;
    let ann = scene.panel.logged_in("ann", false).await;
    let limits = json!({"ports": 1});
    scene.admin.put(&quota_of(&ann), limits).await.expect(200);
    let server = made(&scene, &ann).await;
    let path = format!("{server}?name=quota");
    scene.admin.delete(&path).await.expect(202);
    let quota = ann.get("/account/quota").await.expect(200);
    assert_eq!(
        (&quota["used"]["servers"], &quota["used"]["ports"]),
        (&json!(0), &json!(1))
    );
    let wish = wish(&scene, scene.node.id, &ann);
    let refused = scene.admin.post("/servers", wish).await;
    assert_eq!(refused.problem(409), "quota_exceeded");
}

async fn each_kind_is_held_to_and_what_shrinks_is_never_refused(world: World) {
    let scene = Scene::set(world).await;
    let ann = scene.panel.logged_in("ann", false).await;
    let server = made(&scene, &ann).await;
    let set = async |limits: Value| scene.admin.put(&quota_of(&ann), limits).await.expect(200);
    for (quota, change) in [
        (
            json!({"memory_bytes": GIB}),
            json!({"limits": {"memory_bytes": GIB, "swap_bytes": 1, "disk_bytes": GIB, "cpu_percent": 100}}),
        ),
        (
            json!({"memory_bytes": 2 * GIB}),
            json!({"limits": {"disk_bytes": GIB, "cpu_percent": 100}}),
        ),
        (
            json!({"disk_bytes": GIB}),
            json!({"limits": {"memory_bytes": GIB, "disk_bytes": GIB + 1, "cpu_percent": 100}}),
        ),
        (
            json!({"disk_bytes": GIB}),
            json!({"limits": {"memory_bytes": GIB, "cpu_percent": 100}}),
        ),
        (
            json!({"cpu_percent": 100}),
            json!({"limits": {"memory_bytes": GIB, "disk_bytes": GIB, "cpu_percent": 101}}),
        ),
        (
            json!({"cpu_percent": 100}),
            json!({"limits": {"memory_bytes": GIB, "disk_bytes": GIB}}),
        ),
        (json!({"ports": 1}), json!({"ports": {"extra": 1}})),
    ] {
        set(quota.clone()).await;
        let refused = scene.admin.patch(&server, change.clone()).await;
        assert_eq!(refused.problem(409), "quota_exceeded", "{quota} {change}");
        set(json!({})).await;
        // Nothing of it was done, so now it is.
        scene.admin.patch(&server, change).await.expect(200);
        let back = json!({"limits": {"memory_bytes": GIB, "disk_bytes": GIB, "cpu_percent": 100}});
        scene.admin.patch(&server, back).await.expect(200);
    }
    // A port that is named twice is given back once.
    let shown = scene.admin.get(&server).await.expect(200);
    let ports = shown["allocations"].as_array().unwrap();
    let second = ports.iter().find(|port| port["primary"] == false).unwrap();
    set(json!({"ports": 2})).await;
    let swap = |times: usize, extra: u8| json!({"ports": {"remove": vec![second["id"].clone(); times], "extra": extra}});
    let refused = scene.admin.patch(&server, swap(2, 2)).await;
    assert_eq!(refused.problem(409), "quota_exceeded");
    scene.admin.patch(&server, swap(1, 1)).await.expect(200);
    // A quota below what is given out takes nothing away; it may become less, and other things go on.
    let shown = set(
        json!({"servers": 0, "memory_bytes": 0, "disk_bytes": 0, "cpu_percent": 0, "ports": 0}),
    )
    .await;
    assert_eq!(shown["used"]["servers"], 1);
    assert_eq!(shown["used"]["ports"], 2);
    let less = json!({"name": "smaller", "limits": {"memory_bytes": GIB / 2, "disk_bytes": GIB, "cpu_percent": 100}});
    scene.admin.patch(&server, less).await.expect(200);
    let wish = wish(&scene, scene.node.id, &ann);
    let refused = scene.admin.post("/servers", wish).await;
    assert_eq!(refused.problem(409), "quota_exceeded");
}

async fn a_server_is_not_given_to_somebody_whose_quota_it_would_exceed(world: World) {
    let scene = Scene::set(world).await;
    let ann = scene.panel.logged_in("ann", false).await;
    let bob = scene.panel.logged_in("bob", false).await;
    let server = made(&scene, &ann).await;
    scene
        .admin
        .put(&quota_of(&bob), json!({"memory_bytes": GIB - 1}))
        .await
        .expect(200);
    let give = json!({"owner": bob.id.unwrap().to_string()});
    let refused = scene.admin.patch(&server, give.clone()).await;
    assert_eq!(refused.problem(409), "quota_exceeded");
    let shown = ann.get(&server).await.expect(200);
    assert_eq!(shown["limits"]["memory_bytes"], GIB);
    scene
        .admin
        .put(&quota_of(&bob), json!({"memory_bytes": GIB}))
        .await
        .expect(200);
    scene.admin.patch(&server, give).await.expect(200);
    let of_ann = ann.get("/account/quota").await.expect(200);
    assert_eq!(of_ann["used"]["servers"], 0);
    assert_eq!(of_ann["used"]["memory_bytes"], 0);
}

async fn shares_that_have_not_ended_count(world: World) {
    let scene = Scene::set(world).await;
    let ann = scene.panel.logged_in("ann", false).await;
    for name in ["bob", "cat", "dan"] {
        scene.panel.logged_in(name, false).await;
    }
    let server = made(&scene, &ann).await;
    scene
        .admin
        .put(&quota_of(&ann), json!({"subusers": 1}))
        .await
        .expect(200);
    let share = |login: &str| json!({"login": login, "keys": ["control.console"]});
    let path = format!("{server}/users");
    let bob = ann.post(&path, share("bob")).await.expect(201);
    assert_eq!(
        ann.post(&path, share("cat")).await.problem(409),
        "quota_exceeded"
    );
    let bob = format!("{path}/{}", bob["id"].as_str().unwrap());
    ann.delete(&bob).await.expect(204);
    ann.post(&path, share("dan")).await.expect(201);
}

async fn with_a_role_people_make_their_own_servers_up_to_their_quota(world: World) {
    let scene = Scene::set(world).await;
    let other = FakeNode::join(&scene.panel.world).await;
    let root = &scene.admin;
    let ann = scene.panel.logged_in("ann", false).await;
    let node = scene.node.id.to_string();
    let user = ann.id.unwrap().to_string();
    for (keys, give) in [
        (
            json!(["admin.server.create", "node.read"]),
            json!({"user": user, "reach": "node", "target": node}),
        ),
        (
            json!(["egg.read"]),
            json!({"user": user, "reach": "everything"}),
        ),
    ] {
        let role = json!({"name": format!("Customer {keys}"), "keys": keys});
        let role = root.post("/roles", role).await.expect(201);
        let path = format!("/roles/{}/grants", role["id"].as_str().unwrap());
        root.post(&path, give).await.expect(201);
    }
    // What they choose from.
    let nodes = ann.get("/nodes").await.expect(200);
    assert_eq!(nodes["items"].as_array().unwrap().len(), 1);
    ann.get(&format!("/eggs/{}", scene.egg)).await.expect(200);
    let limits = json!({"servers": 1, "memory_bytes": 2 * GIB});
    root.put(&quota_of(&ann), limits).await.expect(200);
    let mut own = wish(&scene, scene.node.id, &ann);
    own["owner"] = Value::Null;
    let mut greedy = own.clone();
    greedy["limits"] = json!({"disk_bytes": GIB});
    let refused = ann.post("/servers", greedy).await;
    assert!(refused.text.contains("2048 MiB"), "{}", refused.text);
    assert_eq!(refused.problem(409), "quota_exceeded");
    let mut elsewhere = own.clone();
    elsewhere["node"] = json!(other.id.to_string());
    assert_eq!(
        ann.post("/servers", elsewhere).await.problem(403),
        "forbidden"
    );
    // What staff choose is not theirs, for no quota counts it.
    let mut staff = own.clone();
    staff["image"] = json!("docker.io/evil/miner:1");
    staff["startup"] = json!("./miner");
    staff["limits"]["cpuset"] = json!("0");
    staff["limits"]["pids"] = json!(0);
    staff["ports"] = json!({"primary": 2022});
    assert_eq!(
        ann.post("/servers", staff).await.fields(),
        [
            "limits.cpuset not_allowed",
            "limits.pids not_allowed",
            "ports.primary not_allowed",
            "image not_offered",
            "startup not_offered"
        ]
    );
    let made = ann.post("/servers", own.clone()).await.expect(201);
    let refused = ann.post("/servers", own).await;
    assert_eq!(refused.problem(409), "quota_exceeded");
    // They size it as they could have made it.
    let path = format!("/servers/{}", made["server"]["id"].as_str().unwrap());
    let sized = |limits: Value| json!({"limits": limits});
    let more = sized(json!({"memory_bytes": 2 * GIB, "disk_bytes": 8 * GIB}));
    let now = ann.patch(&path, more).await.expect(200);
    assert_eq!(now["limits"]["disk_bytes"], 8 * GIB);
    for greedy in [
        json!({"memory_bytes": 2 * GIB + 1}),
        json!({"memory_bytes": 0}),
    ] {
        let refused = ann.patch(&path, sized(greedy)).await;
        assert_eq!(refused.problem(409), "quota_exceeded");
    }
    let staff = json!({"memory_bytes": GIB, "cpuset": "0", "pids": 0, "io_weight": 900});
    assert_eq!(
        ann.patch(&path, sized(staff)).await.fields(),
        [
            "limits.io_weight not_allowed",
            "limits.cpuset not_allowed",
            "limits.pids not_allowed"
        ]
    );
    let startup = json!({"startup": "./miner"});
    assert_eq!(ann.patch(&path, startup).await.problem(403), "forbidden");
    // What staff set there stays theirs.
    let pinned = json!({"memory_bytes": GIB, "cpuset": "0"});
    root.patch(&path, sized(pinned.clone())).await.expect(200);
    ann.patch(&path, sized(pinned)).await.expect(200);
    let freed = ann.patch(&path, sized(json!({"memory_bytes": GIB}))).await;
    assert_eq!(freed.fields(), ["limits.cpuset not_allowed"]);
    // Nobody sizes another's, and nobody their own without the right to make servers there.
    let bob = scene.panel.logged_in("bob", false).await;
    let (bobs, _) = scene.server("bobs").await;
    give(&scene, bobs, &bob).await;
    let role = json!({"name": "Looker", "keys": ["server.read"]});
    let role = root.post("/roles", role).await.expect(201);
    let grants = format!("/roles/{}/grants", role["id"].as_str().unwrap());
    let all = json!({"user": ann.id.unwrap().to_string(), "reach": "everything"});
    root.post(&grants, all).await.expect(201);
    for person in [&ann, &bob] {
        let wish = sized(json!({"memory_bytes": GIB}));
        let refused = person.patch(&format!("/servers/{bobs}"), wish).await;
        assert_eq!(refused.problem(403), "forbidden");
    }
}

async fn a_quota_is_set_by_those_who_may_and_never_by_oneself(world: World) {
    let scene = Scene::set(world).await;
    let root = &scene.admin;
    let ann = scene.panel.logged_in("ann", false).await;
    let bob = scene.panel.logged_in("bob", false).await;
    let none = ann.get("/account/quota").await.expect(200);
    assert_eq!(none["limits"]["servers"], Value::Null);
    assert_eq!(none["used"]["cpu_percent"], 0.0);
    assert_eq!(
        ann.put(&quota_of(&bob), json!({})).await.problem(403),
        "forbidden"
    );
    assert_eq!(ann.get(&quota_of(&bob)).await.problem(403), "forbidden");
    let role = json!({"name": "Sales", "keys": ["person.quota"]});
    let role = root.post("/roles", role).await.expect(201);
    let give = json!({"user": ann.id.unwrap().to_string(), "reach": "everything"});
    let path = format!("/roles/{}/grants", role["id"].as_str().unwrap());
    root.post(&path, give).await.expect(201);
    // Also of somebody who has servers, and so rights that the one who sets it has not.
    made(&scene, &bob).await;
    ann.put(&quota_of(&bob), json!({"servers": 1}))
        .await
        .expect(200);
    assert_eq!(
        ann.put(&quota_of(&ann), json!({})).await.problem(409),
        "own_account"
    );
    assert_eq!(
        ann.put(&quota_of(root), json!({})).await.problem(403),
        "more_than_own"
    );
    let far = json!({"servers": 1_000_001, "memory_bytes": (1_u64 << 60) + 1});
    let far = ann.put(&quota_of(&bob), far).await;
    assert_eq!(
        far.fields(),
        ["servers out_of_range", "memory_bytes out_of_range"]
    );
    assert_eq!(
        ann.put(&quota_of(&bob), json!({"server": 1})).await.status,
        422
    );
    let seen = root.get(&quota_of(&bob)).await.expect(200);
    assert_eq!(seen["limits"]["servers"], 1);
    let nobody = format!("/users/{}/quota", NodeId::new());
    assert_eq!(root.get(&nobody).await.problem(404), "not_found");
    let log = root.get("/audit?action=person.quota").await.expect(200);
    assert_eq!(
        log["items"][0]["diff"],
        json!({"servers": {"from": null, "to": 1}, "plan": {"from": null, "to": "own"}})
    );
}

async fn plan(scene: &Scene, name: &str, standard: bool, limits: Value) -> String {
    let body = json!({"name": name, "standard": standard, "limits": limits});
    let made = scene.admin.post("/plans", body).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

/// Nobody has a row of a quota yet: there is nothing to lock but what the first wish makes.
async fn a_storm_of_first_wishes_never_gets_more_than_the_standard_plan(world: World) {
    let scene = Scene::set(world).await;
    let other = FakeNode::join(&scene.panel.world).await;
    plan(&scene, "Starter", true, json!({"servers": 2})).await;
    for n in 0..4 {
        let ann = scene.panel.logged_in(&format!("ann{n}"), false).await;
        let wishes = (0..8).map(|n| {
            let node = if n % 2 == 0 { scene.node.id } else { other.id };
            scene.admin.post("/servers", wish(&scene, node, &ann))
        });
        let answers = futures_util::future::join_all(wishes).await;
        let got = answers.iter().filter(|a| a.status == 201).count();
        assert_eq!(got, 2, "{answers:?}");
        let quota = ann.get("/account/quota").await.expect(200);
        assert_eq!(
            (&quota["plan"]["name"], &quota["own"]),
            (&json!("Starter"), &json!(false))
        );
    }
}

async fn people_are_on_a_plan_on_the_standard_one_or_have_their_own(world: World) {
    let scene = Scene::set(world).await;
    let ann = scene.panel.logged_in("ann", false).await;
    let set = async |body: Value| scene.admin.put(&quota_of(&ann), body).await;
    let servers = async || ann.get("/account/quota").await.expect(200)["limits"]["servers"].clone();
    assert_eq!(servers().await, Value::Null);
    let starter = plan(&scene, "Starter", true, json!({"servers": 1})).await;
    let large = plan(&scene, "Large", false, json!({"servers": 2, "ports": 9})).await;
    assert_eq!(servers().await, 1);
    made(&scene, &ann).await;
    let wished = async || {
        let wish = wish(&scene, scene.node.id, &ann);
        scene.admin.post("/servers", wish).await
    };
    assert_eq!(wished().await.problem(409), "quota_exceeded");
    set(json!({"plan": large})).await.expect(200);
    assert_eq!(servers().await, 2);
    wished().await.expect(201);
    assert_eq!(wished().await.problem(409), "quota_exceeded");
    // A plan that is changed counts for all who are on it, at once.
    let path = format!("/plans/{large}");
    let more = json!({"limits": {"servers": 3}});
    scene.admin.patch(&path, more).await.expect(200);
    wished().await.expect(201);
    // Numbers of their own, none at all, and back to the standard one.
    set(json!({"servers": 4})).await.expect(200);
    assert_eq!(servers().await, 4);
    set(json!({"own": true})).await.expect(200);
    assert_eq!(servers().await, Value::Null);
    for _ in 0..2 {
        wished().await.expect(201);
    }
    let back = set(json!({})).await.expect(200);
    assert_eq!(
        (&back["plan"]["id"], &back["used"]["servers"]),
        (&json!(starter), &json!(5))
    );
    assert_eq!(wished().await.problem(409), "quota_exceeded");
    // What can't be.
    let both = set(json!({"plan": large, "servers": 1})).await;
    assert_eq!(both.fields(), ["plan conflict"]);
    let unknown = set(json!({"plan": NodeId::new().to_string()})).await;
    assert_eq!(unknown.fields(), ["plan unknown"]);
    let same = json!({"name": "LARGE", "limits": {}});
    assert_eq!(
        scene.admin.post("/plans", same).await.fields(),
        ["name taken"]
    );
    let far = json!({"name": "Far", "limits": {"servers": 1_000_001}});
    assert_eq!(
        scene.admin.post("/plans", far).await.fields(),
        ["limits.servers out_of_range"]
    );
    // Nobody is without bounds because a plan went.
    set(json!({"plan": large})).await.expect(200);
    assert_eq!(scene.admin.delete(&path).await.problem(409), "plan_in_use");
    let standard = format!("/plans/{starter}");
    assert_eq!(
        scene.admin.delete(&standard).await.problem(409),
        "plan_in_use"
    );
    // Who is removed is on no plan any more.
    let gone = scene.panel.logged_in("gone", false).await;
    let third = plan(&scene, "Third", false, json!({})).await;
    let on = json!({"plan": third});
    scene.admin.put(&quota_of(&gone), on).await.expect(200);
    let person = format!("/users/{}", gone.id.unwrap());
    scene.admin.delete(&person).await.expect(204);
    scene
        .admin
        .delete(&format!("/plans/{third}"))
        .await
        .expect(204);
    // There is one standard plan at most.
    scene
        .admin
        .patch(&path, json!({"standard": true}))
        .await
        .expect(200);
    let list = scene.admin.get("/plans").await.expect(200);
    let told = |plan: &Value| {
        (
            plan["name"].clone(),
            plan["standard"].clone(),
            plan["people"].clone(),
        )
    };
    let told: Vec<_> = list["items"].as_array().unwrap().iter().map(told).collect();
    let row =
        |name: &str, standard: bool, people: u64| (json!(name), json!(standard), json!(people));
    assert_eq!(told, [row("Large", true, 1), row("Starter", false, 0)]);
    scene.admin.delete(&standard).await.expect(204);
}

async fn nobody_but_an_admin_changes_the_plan_that_bounds_them(world: World) {
    let scene = Scene::set(world).await;
    let sales = scene.panel.logged_in("sales", false).await;
    let keys = [
        "plan.read",
        "plan.create",
        "plan.update",
        "plan.delete",
        "person.quota",
    ];
    let role = json!({"name": "Sales", "keys": keys});
    let role = scene.admin.post("/roles", role).await.expect(201);
    let grants = format!("/roles/{}/grants", role["id"].as_str().unwrap());
    let give = json!({"user": sales.id.unwrap().to_string(), "reach": "everything"});
    scene.admin.post(&grants, give).await.expect(201);
    let starter = plan(&scene, "Starter", true, json!({"servers": 1})).await;
    let path = format!("/plans/{starter}");
    let more = json!({"limits": {"servers": 100}});
    assert_eq!(
        sales.patch(&path, more.clone()).await.problem(403),
        "own_rights"
    );
    assert_eq!(
        sales
            .patch(&path, json!({"standard": false}))
            .await
            .problem(403),
        "own_rights"
    );
    let wide = json!({"name": "Wide", "standard": true, "limits": {}});
    assert_eq!(
        sales.post("/plans", wide.clone()).await.problem(403),
        "own_rights"
    );
    // What does not bound them they may.
    sales
        .patch(&path, json!({"description": "For everybody"}))
        .await
        .expect(200);
    scene
        .admin
        .put(&quota_of(&sales), json!({"servers": 0}))
        .await
        .expect(200);
    sales.patch(&path, more).await.expect(200);
    sales.post("/plans", wide).await.expect(201);
}
