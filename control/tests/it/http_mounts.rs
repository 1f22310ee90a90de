//! Mounts: who makes them, to whom they are offered, who switches them on, and that the node hears of it.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use warren_entity::audit_log;
use warren_harness::eventually_async;
use warren_proto::{ids::ServerId, wire};

use crate::{
    fake_node::FakeNode,
    http_panel::Person,
    http_servers::Scene,
    on_both,
    world::{SOON, World},
};

on_both! {
    a_mount_is_made_changed_and_removed_and_all_of_it_is_written_down
    paths_names_and_lists_are_checked
    an_empty_list_offers_nothing
    owners_switch_what_is_for_self_service_and_learn_of_nothing_else
    two_mounts_never_hide_each_other
    the_node_hears_of_every_change_and_of_nothing_that_is_none
    what_is_in_use_is_neither_removed_nor_taken_back
    a_mount_has_so_many_at_most_on_one_server_whoever_asks_at_once
}

/// Offered to everybody, for self-service.
fn wish(name: &str, target: &str) -> Value {
    json!({
        "name": name,
        "source": format!("/srv/games/{}", name.to_lowercase()),
        "target": target,
        "self_service": true,
        "all_nodes": true,
        "all_eggs": true,
    })
}

async fn made(admin: &Person, wish: Value) -> String {
    let made = admin.post("/mounts", wish).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn server_of(scene: &Scene, owner: &Person, name: &str) -> String {
    let mut wish = scene.wish(name);
    wish["owner"] = json!(owner.id.unwrap().to_string());
    let made = scene.admin.post("/servers", wish).await.expect(201);
    format!("/servers/{}", made["server"]["id"].as_str().unwrap())
}

async fn listed(person: &Person, server: &str) -> Vec<(String, bool, bool)> {
    let list = person.get(&format!("{server}/mounts")).await.expect(200);
    let told = |m: &Value| {
        let flag = |name: &str| m[name].as_bool().unwrap();
        (
            m["name"].as_str().unwrap().to_owned(),
            flag("on"),
            flag("switchable"),
        )
    };
    list["items"].as_array().unwrap().iter().map(told).collect()
}

fn row(name: &str, on: bool, switchable: bool) -> (String, bool, bool) {
    (name.to_owned(), on, switchable)
}

async fn audit(scene: &Scene, action: &str) -> Vec<audit_log::Model> {
    audit_log::Entity::find()
        .filter(audit_log::Column::Action.eq(action))
        .order_by_asc(audit_log::Column::Id)
        .all(scene.panel.world.app.db.read())
        .await
        .unwrap()
}

async fn a_mount_is_made_changed_and_removed_and_all_of_it_is_written_down(world: World) {
    let scene = Scene::set(world).await;
    let admin = &scene.admin;
    let node = scene.node.id.to_string();
    let place = admin
        .post("/locations", json!({"name": "fra-1"}))
        .await
        .expect(201);
    let ask = json!({
        "name": "Maps", "description": "Read by all", "source": "/srv/elsewhere/maps", "target": "/mnt/maps",
        "nodes": [node], "locations": [place["id"]], "eggs": [scene.egg],
    });
    let made = admin.post("/mounts", ask).await.expect(201);
    let path = format!("/mounts/{}", made["id"].as_str().unwrap());
    assert_eq!(made["read_only"], true, "unless said otherwise");
    assert_eq!(made["self_service"], false);
    assert_eq!(made["nodes"][0]["id"], json!(node));
    assert_eq!(made["locations"][0]["name"], "fra-1");
    assert_eq!(made["eggs"][0]["id"], json!(scene.egg));
    // The node says which directories it allows, and this is none of them.
    assert_eq!(
        (&made["refusing"], &made["refusing_nodes"][0]["id"]),
        (&json!(1), &json!(node))
    );
    assert_eq!(admin.get(&path).await.expect(200), made);
    let host = admin.get(&format!("/nodes/{node}")).await.expect(200);
    assert_eq!(host["host"]["allowed_mounts"], json!(["/srv/games"]));
    let change =
        json!({"source": "/srv/games/maps", "read_only": false, "nodes": [], "all_nodes": true});
    let changed = admin.patch(&path, change).await.expect(200);
    assert_eq!(changed["refusing"], 0);
    assert_eq!(
        (&changed["all_nodes"], &changed["nodes"]),
        (&json!(true), &json!([]))
    );
    assert_eq!(changed["target"], "/mnt/maps", "what is left out stays");
    // A location that goes is no longer one that it is offered at.
    let place = format!("/locations/{}", place["id"].as_str().unwrap());
    admin.delete(&place).await.expect(204);
    assert_eq!(admin.get(&path).await.expect(200)["locations"], json!([]));
    admin.delete(&path).await.expect(204);
    assert_eq!(admin.get(&path).await.problem(404), "not_found");
    assert_eq!(admin.get("/mounts").await.expect(200)["items"], json!([]));
    let diff = |rows: Vec<audit_log::Model>| rows[0].diff.clone().unwrap();
    let created = diff(audit(&scene, "mount.create").await);
    assert_eq!(
        (&created["on_node"], &created["offered"]["nodes"]),
        (&json!("/srv/elsewhere/maps"), &json!([node]))
    );
    let updated = diff(audit(&scene, "mount.update").await);
    assert_eq!(updated["read_only"], json!({"from": true, "to": false}));
    assert_eq!(updated["offered"]["to"]["all_nodes"], true);
    assert!(updated.get("in_container").is_none(), "{updated}");
    assert_eq!(diff(audit(&scene, "mount.delete").await)["name"], "Maps");
}

async fn paths_names_and_lists_are_checked(world: World) {
    let scene = Scene::set(world).await;
    let admin = &scene.admin;
    let first = made(admin, wish("Maps", "/mnt/maps")).await;
    let with = |name: &str, value: Value| {
        let mut wish = wish("Other", "/mnt/other");
        wish[name] = value;
        wish
    };
    let none = warren_proto::ids::NodeId::new().to_string();
    let many: Vec<String> = (0..201).map(|_| none.clone()).collect();
    for (name, value, refused) in [
        ("name", json!("mAPS"), "name taken"),
        ("name", json!(" "), "name required"),
        ("name", json!("a\u{202e}b"), "name control_character"),
        ("source", json!(""), "source required"),
        ("source", json!("srv/games"), "source invalid"),
        ("source", json!("/srv/../etc"), "source invalid"),
        ("source", json!("/srv/games/"), "source invalid"),
        ("source", json!("/"), "source reserved"),
        ("source", json!("/etc"), "source reserved"),
        (
            "source",
            json!("/var/lib/warren/servers/x"),
            "source reserved",
        ),
        ("source", json!("/proc/1/root"), "source reserved"),
        ("source", json!("/srv/a\nb"), "source control_character"),
        (
            "source",
            json!("/srv/a\u{2066}b"),
            "source control_character",
        ),
        (
            "source",
            json!(format!("/{}", "a/".repeat(300))),
            "source too_long",
        ),
        ("target", json!("/"), "target reserved"),
        ("target", json!("/home"), "target reserved"),
        ("target", json!("/home/container"), "target reserved"),
        (
            "target",
            json!("/home/container/plugins"),
            "target reserved",
        ),
        ("target", json!("/etc/ssl"), "target reserved"),
        ("target", json!("/tmp/x"), "target reserved"),
        ("target", json!("/mnt/./x"), "target invalid"),
        ("target", json!("/mnt/a\0"), "target control_character"),
        ("nodes", json!(["*"]), "nodes invalid"),
        ("nodes", json!([none]), "nodes unknown"),
        ("nodes", json!(many), "nodes too_many"),
        ("locations", json!([none]), "locations unknown"),
        ("eggs", json!([none]), "eggs unknown"),
        ("owner", json!("me"), "owner invalid"),
    ] {
        let asked = admin.post("/mounts", with(name, value.clone())).await;
        assert_eq!(asked.fields(), [refused], "{name}: {value}");
        if name != "owner" && value != json!("mAPS") {
            let mut patch = json!({});
            patch[name] = value.clone();
            let asked = admin.patch(&format!("/mounts/{first}"), patch).await;
            assert_eq!(asked.fields(), [refused], "{name}: {value}");
        }
    }
    assert_eq!(
        admin.get("/mounts").await.expect(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

async fn an_empty_list_offers_nothing(world: World) {
    let scene = Scene::set(world).await;
    let admin = &scene.admin;
    let ann = scene.panel.logged_in("ann", false).await;
    let server = server_of(&scene, &ann, "one").await;
    let mut ask = wish("Maps", "/mnt/maps");
    for all in ["all_nodes", "all_eggs"] {
        ask[all] = json!(false);
    }
    let id = made(admin, ask).await;
    let (path, switch) = (format!("/mounts/{id}"), format!("{server}/mounts/{id}"));
    let node = scene.node.id.to_string();
    let other = FakeNode::join(&scene.panel.world).await;
    let place = admin
        .post("/locations", json!({"name": "fra-1"}))
        .await
        .expect(201);
    for (offer, is) in [
        (json!({}), false),
        (json!({"nodes": [node]}), false),
        (json!({"eggs": [scene.egg]}), true),
        (json!({"nodes": [other.id.to_string()]}), false),
        (json!({"all_nodes": true}), true),
        (
            json!({"all_nodes": false, "locations": [place["id"]]}),
            false,
        ),
    ] {
        admin.patch(&path, offer.clone()).await.expect(200);
        let seen = if is {
            vec![row("Maps", false, true)]
        } else {
            Vec::new()
        };
        assert_eq!(listed(&ann, &server).await, seen, "{offer}");
        if !is {
            assert_eq!(
                ann.put(&switch, json!({})).await.problem(404),
                "not_found",
                "{offer}"
            );
            let refused = admin.put(&switch, json!({})).await;
            assert_eq!(refused.problem(409), "mount_not_offered", "{offer}");
        }
    }
    // It comes with the place that the node stands at, and what is on stays when the node goes elsewhere.
    let at = |place: Value| json!({"location": place});
    let stands = format!("/nodes/{node}");
    admin
        .patch(&stands, at(place["id"].clone()))
        .await
        .expect(200);
    let on = ann.put(&switch, json!({})).await.expect(200);
    assert_eq!((&on["on"], &on["offered"]), (&json!(true), &json!(true)));
    admin.patch(&stands, at(json!(""))).await.expect(200);
    let list = ann.get(&format!("{server}/mounts")).await.expect(200);
    let one = &list["items"][0];
    assert_eq!((&one["on"], &one["offered"]), (&json!(true), &json!(false)));
    ann.delete(&switch).await.expect(204);
    assert!(listed(&ann, &server).await.is_empty());
}

async fn owners_switch_what_is_for_self_service_and_learn_of_nothing_else(world: World) {
    let scene = Scene::set(world).await;
    let admin = &scene.admin;
    let (ann, bob) = (
        scene.panel.logged_in("ann", false).await,
        scene.panel.logged_in("bob", false).await,
    );
    let (anns, bobs) = (
        server_of(&scene, &ann, "anns").await,
        server_of(&scene, &bob, "bobs").await,
    );
    let maps = made(admin, wish("Maps", "/mnt/maps")).await;
    let mut staff = wish("Staff", "/mnt/staff");
    staff["self_service"] = json!(false);
    staff["source"] = json!("/srv/elsewhere");
    let staff = made(admin, staff).await;
    // Owners see what they may switch, and not where it lies.
    assert_eq!(listed(&ann, &anns).await, [row("Maps", false, true)]);
    let on = ann
        .put(&format!("{anns}/mounts/{maps}"), json!({}))
        .await
        .expect(200);
    assert_eq!(
        (&on["on"], &on["source"], &on["allowed"]),
        (&json!(true), &json!(null), &json!(true))
    );
    let again = ann
        .put(&format!("{anns}/mounts/{maps}"), json!({}))
        .await
        .expect(200);
    assert_eq!(again, on);
    // What is not for self-service they are not told of before it is on, and do not switch then either.
    let switch = format!("{anns}/mounts/{staff}");
    assert_eq!(ann.put(&switch, json!({})).await.problem(404), "not_found");
    assert_eq!(ann.delete(&switch).await.problem(404), "not_found");
    let on = admin.put(&switch, json!({})).await.expect(200);
    assert_eq!(
        (&on["source"], &on["allowed"]),
        (&json!("/srv/elsewhere"), &json!(false))
    );
    assert_eq!(
        listed(&ann, &anns).await,
        [row("Maps", true, true), row("Staff", true, false)]
    );
    assert_eq!(
        ann.delete(&switch).await.problem(403),
        "mount_not_self_service"
    );
    // Nobody reaches another's server, nor another's switch.
    for person in [&bob, &ann] {
        let theirs = if std::ptr::eq(person, &bob) {
            &anns
        } else {
            &bobs
        };
        assert_eq!(
            person.get(&format!("{theirs}/mounts")).await.problem(404),
            "not_found"
        );
        let there = format!("{theirs}/mounts/{maps}");
        assert_eq!(
            person.put(&there, json!({})).await.problem(404),
            "not_found"
        );
        assert_eq!(person.delete(&there).await.problem(404), "not_found");
    }
    assert_eq!(listed(&bob, &bobs).await, [row("Maps", false, true)]);
    for path in ["/mounts".to_owned(), format!("/mounts/{maps}")] {
        assert_eq!(ann.get(&path).await.problem(403), "forbidden");
    }
    // Somebody on whom it is shared needs the key, whatever else they have.
    let guest = scene.panel.logged_in("guest", false).await;
    let share = json!({"login": "guest", "keys": ["startup.read", "startup.update"]});
    ann.post(&format!("{anns}/users"), share).await.expect(201);
    assert_eq!(
        listed(&guest, &anns).await,
        [row("Maps", true, false), row("Staff", true, false)]
    );
    let switch = format!("{anns}/mounts/{maps}");
    assert_eq!(guest.delete(&switch).await.problem(403), "forbidden");
    let share = format!("{anns}/users/{}", guest.id.unwrap());
    ann.put(&share, json!({"keys": ["mount.use"]}))
        .await
        .expect(200);
    guest.delete(&switch).await.expect(204);
    guest.put(&switch, json!({})).await.expect(200);
    // Made non-public while it is on: it stays, and is no longer theirs to switch.
    admin
        .patch(&format!("/mounts/{maps}"), json!({"self_service": false}))
        .await
        .expect(200);
    assert_eq!(
        listed(&ann, &anns).await,
        [row("Maps", true, false), row("Staff", true, false)]
    );
    assert_eq!(
        ann.delete(&switch).await.problem(403),
        "mount_not_self_service"
    );
    // A role over the node's servers switches any of them.
    let hand = scene.panel.logged_in("hand", false).await;
    let role = json!({"name": "Hands", "keys": ["node.read", "server.read", "startup.read", "admin.server.limits"]});
    let role = admin.post("/roles", role).await.expect(201);
    let grants = format!("/roles/{}/grants", role["id"].as_str().unwrap());
    let give = json!({"user": hand.id.unwrap().to_string(), "reach": "node", "target": scene.node.id.to_string()});
    admin.post(&grants, give).await.expect(201);
    hand.delete(&switch).await.expect(204);
    assert_eq!(
        listed(&hand, &bobs).await,
        [row("Maps", false, true), row("Staff", false, true)]
    );
    // What was done stands with the server, without the place on the machine.
    let rows = audit(&scene, "mount.use").await;
    let id = anns.rsplit('/').next().unwrap();
    assert_eq!(rows.len(), 5);
    for row in rows {
        assert_eq!(row.server_id.as_deref(), Some(id));
        let diff = row.diff.unwrap().to_string();
        assert!(
            diff.contains("\"switched_on\"") && !diff.contains("/srv"),
            "{diff}"
        );
    }
}

async fn two_mounts_never_hide_each_other(world: World) {
    let scene = Scene::set(world).await;
    let admin = &scene.admin;
    let (id, _) = scene.server("one").await;
    let server = format!("/servers/{id}");
    let mut ids = Vec::new();
    for (name, target) in [
        ("A", "/mnt/a"),
        ("B", "/mnt/a"),
        ("C", "/mnt/a/deep"),
        ("D", "/mnt"),
        ("E", "/mnt/ab"),
    ] {
        ids.push(made(admin, wish(name, target)).await);
    }
    let switch = |n: usize| format!("{server}/mounts/{}", ids[n]);
    admin.put(&switch(0), json!({})).await.expect(200);
    for n in 1..4 {
        let refused = admin.put(&switch(n), json!({})).await;
        assert_eq!(refused.problem(409), "mount_target_taken");
    }
    admin.put(&switch(4), json!({})).await.expect(200);
    // Nor by a change of what is on.
    for target in ["/mnt/ab", "/mnt/ab/c", "/mnt"] {
        let moved = admin
            .patch(&format!("/mounts/{}", ids[0]), json!({"target": target}))
            .await;
        assert!(moved.text.contains("one"), "{}", moved.text);
        assert_eq!(moved.problem(409), "mount_target_taken", "{target}");
    }
    let seen = admin.get(&format!("/mounts/{}", ids[0])).await.expect(200);
    assert_eq!(seen["target"], "/mnt/a");
    admin.delete(&switch(0)).await.expect(204);
    // Asked for at once, one of them wins.
    for _ in 0..6 {
        let (one, two) = (switch(1), switch(2));
        let (b, c) = tokio::join!(admin.put(&one, json!({})), admin.put(&two, json!({})));
        let (won, lost, winner) = if b.status == 200 {
            (b, c, 1)
        } else {
            (c, b, 2)
        };
        won.expect(200);
        assert_eq!(lost.problem(409), "mount_target_taken");
        admin.delete(&switch(winner)).await.expect(204);
    }
    // And one that is switched on beside one that is moved there.
    for n in 0..6 {
        admin.put(&switch(1), json!({})).await.expect(200);
        let there = format!("/srv/t{n}");
        let other = made(admin, wish(&format!("X{n}"), &there)).await;
        let other = format!("{server}/mounts/{other}");
        let path = format!("/mounts/{}", ids[1]);
        let (moved, on) = tokio::join!(
            admin.patch(&path, json!({"target": there})),
            admin.put(&other, json!({}))
        );
        let won = [&moved, &on].iter().filter(|a| a.status == 200).count();
        assert_eq!(won, 1, "{} {}", moved.text, on.text);
        let lost = if moved.status == 200 { on } else { moved };
        assert_eq!(lost.problem(409), "mount_target_taken");
        for path in [switch(1), other] {
            admin.delete(&path).await;
        }
    }
}

async fn told(node: &FakeNode, server: ServerId, generation: i64) -> wire::WantedServer {
    let generation = u64::try_from(generation).unwrap();
    eventually_async("the node to be told", SOON, || async {
        let row = node.told.lock().unwrap().wanted(&server.to_string())?;
        (row.generation >= generation).then_some(row)
    })
    .await
    .unwrap()
}

async fn the_node_hears_of_every_change_and_of_nothing_that_is_none(world: World) {
    let scene = Scene::set(world).await;
    let (admin, node) = (&scene.admin, &scene.node);
    let (server, _) = scene.server("one").await;
    let (beside, _) = scene.server("two").await;
    let generation = async |server| scene.panel.world.row(server).await.generation;
    let id = made(admin, wish("Maps", "/mnt/maps")).await;
    let (path, switch) = (
        format!("/mounts/{id}"),
        format!("/servers/{server}/mounts/{id}"),
    );
    let before = generation(server).await;
    admin.put(&switch, json!({})).await.expect(200);
    assert_eq!(generation(server).await, before + 1);
    let row = told(node, server, before + 1).await;
    let expected = wire::Mount {
        id: id.clone(),
        name: "Maps".into(),
        source: "/srv/games/maps".into(),
        target: "/mnt/maps".into(),
        read_only: true,
    };
    assert_eq!(row.spec.unwrap().mounts, [expected]);
    // Switching it on again, or changing what the node need not know, is no change.
    admin.put(&switch, json!({})).await.expect(200);
    for change in [
        json!({"description": "x"}),
        json!({"self_service": false}),
        json!({"read_only": true}),
    ] {
        admin.patch(&path, change).await.expect(200);
    }
    assert_eq!(generation(server).await, before + 1);
    let change = json!({"read_only": false, "source": "/srv/games/new", "target": "/srv/maps", "name": "New"});
    admin.patch(&path, change).await.expect(200);
    assert_eq!(generation(server).await, before + 2);
    let row = told(node, server, before + 2).await;
    let now = row.spec.unwrap().mounts.remove(0);
    assert_eq!(
        (
            now.name.as_str(),
            now.source.as_str(),
            now.target.as_str(),
            now.read_only
        ),
        ("New", "/srv/games/new", "/srv/maps", false)
    );
    // Another change of the server carries it along.
    let name = json!({"name": "renamed"});
    admin
        .patch(&format!("/servers/{server}"), name)
        .await
        .expect(200);
    let row = told(node, server, before + 3).await;
    assert_eq!(row.spec.unwrap().mounts[0].source, "/srv/games/new");
    admin.delete(&switch).await.expect(204);
    let row = told(node, server, before + 4).await;
    assert_eq!(row.spec.unwrap().mounts, []);
    assert_eq!(admin.delete(&switch).await.problem(404), "not_found");
    assert_eq!(generation(server).await, before + 4);
    assert_eq!(
        generation(beside).await,
        1,
        "the neighbour has nothing of it"
    );
    let row = told(node, beside, 1).await;
    assert_eq!(row.spec.unwrap().mounts, []);
}

async fn what_is_in_use_is_neither_removed_nor_taken_back(world: World) {
    let scene = Scene::set(world).await;
    let admin = &scene.admin;
    let (server, _) = scene.server("one").await;
    let id = made(admin, wish("Maps", "/mnt/maps")).await;
    let (path, switch) = (
        format!("/mounts/{id}"),
        format!("/servers/{server}/mounts/{id}"),
    );
    admin.put(&switch, json!({})).await.expect(200);
    let refused = admin.delete(&path).await;
    assert!(refused.text.contains("one"), "{}", refused.text);
    assert_eq!(refused.problem(409), "mount_in_use");
    for less in [
        json!({"all_nodes": false}),
        json!({"all_eggs": false, "eggs": []}),
    ] {
        assert_eq!(admin.patch(&path, less).await.problem(409), "mount_in_use");
    }
    let same = json!({"all_nodes": false, "nodes": [scene.node.id.to_string()], "all_eggs": false, "eggs": [scene.egg]});
    admin.patch(&path, same).await.expect(200);
    assert_eq!(admin.get(&path).await.expect(200)["servers"], 1);
    // A server that is deleted holds nothing.
    admin
        .delete(&format!("/servers/{server}?name=one"))
        .await
        .expect(202);
    assert_eq!(admin.get(&path).await.expect(200)["servers"], 0);
    admin.delete(&path).await.expect(204);
    // Switched on and removed at once: one of them wins, and no server is left with what there is not.
    let (server, _) = scene.server("two").await;
    for n in 0..6 {
        let id = made(admin, wish(&format!("M{n}"), "/mnt/m")).await;
        let (path, switch) = (
            format!("/mounts/{id}"),
            format!("/servers/{server}/mounts/{id}"),
        );
        let (on, removed) = tokio::join!(admin.put(&switch, json!({})), admin.delete(&path));
        match removed.status.as_u16() {
            204 => assert_eq!(on.problem(404), "not_found"),
            _ => {
                assert_eq!(removed.problem(409), "mount_in_use");
                on.expect(200);
                admin.delete(&switch).await.expect(204);
            }
        }
    }
}

async fn a_mount_has_so_many_at_most_on_one_server_whoever_asks_at_once(world: World) {
    let scene = Scene::set(world).await;
    let admin = &scene.admin;
    let (server, _) = scene.server("one").await;
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(made(admin, wish(&format!("M{n}"), &format!("/mnt/m{n}"))).await);
    }
    let asks = ids.iter().map(|id| {
        let path = format!("/servers/{server}/mounts/{id}");
        async move { admin.put(&path, json!({})).await }
    });
    let answers = futures_util::future::join_all(asks).await;
    let (on, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == 200);
    assert_eq!(on.len(), warren_proto::mount::MOST);
    for answer in refused {
        assert_eq!(answer.problem(409), "too_many_mounts");
    }
    let row = told(&scene.node, server, 1 + i64::try_from(on.len()).unwrap()).await;
    assert_eq!(row.spec.unwrap().mounts.len(), on.len());
}
