//! Transfers over HTTP: who may, what is refused in words, and what everything else of the server may meanwhile. That
//! servers really move is shown in the agent's tests, where there are two.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};
use warren_control::{
    db::Lane,
    transfer::switch::{self, Tried},
};
use warren_entity::{allocations, nodes, operations, servers, transfers};
use warren_harness::eventually_async;
use warren_proto::{
    ids::ServerId,
    state::State,
    wire::{job_ask, transfer_ask},
};

use crate::{
    fake_node::FakeNode,
    http_servers::Scene,
    on_both,
    world::{SOON, World},
};

on_both! {
    what_cannot_be_moved_is_refused_in_words
    a_transfer_under_way_keeps_ports_and_keeps_others_off
    it_takes_the_right_on_both_nodes
    each_refusal_says_what_is_wrong_and_keeps_nothing
    of_two_asks_at_once_one_is_taken
    what_its_new_node_was_looked_at_for_stays_as_it_is
    a_node_that_goes_takes_transfers_to_it_back
    what_is_left_on_one_node_keeps_no_other_from_having_the_server
    a_server_whose_new_node_never_comes_back_can_be_deleted
    more_than_a_node_bears_at_once_waits_for_its_turn
    the_owner_changes_once_while_the_game_is_held_and_no_node_is_contested
}

struct Two {
    scene: Scene,
    other: FakeNode,
    server: ServerId,
}

impl Two {
    async fn set(world: World) -> Self {
        let scene = Scene::set(world).await;
        let other = FakeNode::join(&scene.panel.world).await;
        let (server, _) = scene.server("moves").await;
        let two = Self {
            scene,
            other,
            server,
        };
        two.ended().await;
        two
    }

    fn path(&self) -> String {
        format!("/servers/{}/transfer", self.server)
    }

    fn wish(&self) -> Value {
        json!({"node": self.other.id.to_string()})
    }

    /// As after an install.
    async fn ended(&self) {
        let tx = self
            .scene
            .panel
            .world
            .app
            .db
            .begin(Lane::People)
            .await
            .unwrap();
        warren_entity::operations::Entity::update_many()
            .col_expr(
                warren_entity::operations::Column::State,
                Expr::value("done"),
            )
            .exec(&*tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        self.change(|update| {
            update
                .col_expr(servers::Column::State, Expr::value(State::Stopped.as_str()))
                .col_expr(
                    servers::Column::Install,
                    Expr::value(json!({"result": "done"})),
                )
        })
        .await;
    }

    async fn change(
        &self,
        change: impl FnOnce(
            sea_orm::UpdateMany<servers::Entity>,
        ) -> sea_orm::UpdateMany<servers::Entity>,
    ) {
        let tx = self
            .scene
            .panel
            .world
            .app
            .db
            .begin(Lane::People)
            .await
            .unwrap();
        let update = servers::Entity::update_many();
        change(update)
            .filter(servers::Column::Id.eq(self.server.to_string()))
            .exec(&*tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    async fn node(
        &self,
        id: warren_proto::ids::NodeId,
        change: impl FnOnce(sea_orm::UpdateMany<nodes::Entity>) -> sea_orm::UpdateMany<nodes::Entity>,
    ) {
        let app = &self.scene.panel.world.app;
        let tx = app.db.begin(Lane::People).await.unwrap();
        change(nodes::Entity::update_many())
            .filter(nodes::Column::Id.eq(id.to_string()))
            .exec(&*tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// Its install is a job of that kind, which runs.
    async fn busy_with(&self, kind: &str) {
        let app = &self.scene.panel.world.app;
        let tx = app.db.begin(Lane::People).await.unwrap();
        operations::Entity::update_many()
            .col_expr(operations::Column::State, Expr::value("running"))
            .col_expr(operations::Column::Kind, Expr::value(kind))
            .filter(operations::Column::ServerId.eq(self.server.to_string()))
            .exec(&*tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    async fn begun(&self) -> String {
        let begun = self.scene.admin.post(&self.path(), self.wish()).await;
        let begun = begun.expect(202);
        begun["transfer"]["id"].as_str().unwrap().to_owned()
    }

    async fn row(&self, id: &str) -> transfers::Model {
        let row = transfers::Entity::find_by_id(id)
            .one(self.scene.panel.world.app.db.read())
            .await;
        row.unwrap().unwrap()
    }

    async fn comes_to(&self, id: &str, phase: &str) -> transfers::Model {
        eventually_async(phase, SOON, || async {
            let row = self.row(id).await;
            (row.phase == phase).then_some(row)
        })
        .await
        .unwrap()
    }

    async fn kept(&self) -> u64 {
        allocations::Entity::find()
            .filter(allocations::Column::ReservedFor.is_not_null())
            .count(self.scene.panel.world.app.db.read())
            .await
            .unwrap()
    }
}

async fn what_cannot_be_moved_is_refused_in_words(world: World) {
    let two = Two::set(world).await;
    let admin = &two.scene.admin;
    let same = json!({"node": two.scene.node.id.to_string()});
    assert_eq!(admin.post(&two.path(), same).await.fields(), ["node same"]);
    let strange = json!({"node": warren_proto::ids::NodeId::new().to_string()});
    admin.post(&two.path(), strange).await.problem(404);
    let ports = json!({"node": two.other.id.to_string(), "ports": [{"from": 1, "to": 80}]});
    let said = admin.post(&two.path(), ports).await;
    assert_eq!(said.fields(), ["ports unknown", "ports out_of_range"]);
    let dry = json!({"node": two.other.id.to_string(), "dry_run": true});
    let plan = admin.post(&two.path(), dry).await.expect(200);
    assert_eq!(plan["plan"]["ports"].as_array().unwrap().len(), 1, "{plan}");
    assert_eq!(two.kept().await, 0);
    admin.get(&two.path()).await.problem(404);
    two.change(|u| u.col_expr(servers::Column::Suspended, Expr::value(true)))
        .await;
    assert_eq!(
        admin.post(&two.path(), two.wish()).await.problem(409),
        "suspended"
    );
    two.change(|u| {
        u.col_expr(servers::Column::Suspended, Expr::value(false))
            .col_expr(servers::Column::State, Expr::value("new"))
    })
    .await;
    assert_eq!(
        admin.post(&two.path(), two.wish()).await.problem(409),
        "not_installed"
    );
    two.change(|u| u.col_expr(servers::Column::State, Expr::value("stopped")))
        .await;
    let path = format!("/servers/{}/reinstall", two.server);
    admin.post(&path, json!({"wipe": false})).await.expect(202);
    assert_eq!(
        admin.post(&two.path(), two.wish()).await.problem(409),
        "job_running"
    );
    two.ended().await;
    for (host, code) in [
        (json!({"arch": "aarch64"}), "other_architecture"),
        (json!({"memory_bytes": 1 << 20}), "no_memory"),
    ] {
        let app = &two.scene.panel.world.app;
        for (id, host) in [
            (two.scene.node.id, json!({"arch": "x86_64"})),
            (two.other.id, host),
        ] {
            let tx = app.db.begin(Lane::People).await.unwrap();
            nodes::Entity::update_many()
                .col_expr(nodes::Column::Host, Expr::value(host))
                .filter(nodes::Column::Id.eq(id.to_string()))
                .exec(&*tx)
                .await
                .unwrap();
            tx.commit().await.unwrap();
        }
        assert_eq!(admin.post(&two.path(), two.wish()).await.problem(409), code);
    }
    assert_eq!(two.kept().await, 0);
}

async fn a_transfer_under_way_keeps_ports_and_keeps_others_off(world: World) {
    let two = Two::set(world).await;
    let admin = &two.scene.admin;
    let begun = admin.post(&two.path(), two.wish()).await.expect(202);
    let id = begun["transfer"]["id"].as_str().unwrap().to_owned();
    assert_eq!(begun["transfer"]["state"], "copying");
    assert_eq!(two.kept().await, 1);
    assert_eq!(
        admin.post(&two.path(), two.wish()).await.problem(409),
        "transfer_running"
    );
    let server = format!("/servers/{}", two.server);
    let reinstall = admin
        .post(&format!("{server}/reinstall"), json!({"wipe": false}))
        .await;
    assert_eq!(reinstall.problem(409), "transfer_running");
    let gone = admin.delete(&format!("{server}?name=moves")).await;
    assert_eq!(gone.problem(409), "transfer_running");
    // Its game may be started and stopped: it is where it was.
    let order = json!({"action": "start"});
    admin
        .post(&format!("{server}/power"), order)
        .await
        .expect(202);
    // The port that is kept is nobody else's.
    let port = begun["transfer"]["ports"][0].as_u64().unwrap();
    let mut wish = two.scene.wish("other");
    wish["node"] = json!(two.other.id.to_string());
    wish["ports"] = json!({"primary": port});
    assert_eq!(
        admin.post("/servers", wish).await.problem(409),
        "port_taken"
    );
    admin.delete(&two.path()).await.expect(202);
    let app = &two.scene.panel.world.app;
    eventually_async("the end", SOON, || async {
        let row = transfers::Entity::find_by_id(&id)
            .one(app.db.read())
            .await
            .unwrap();
        row.filter(|row| row.phase == "cancelled")
    })
    .await
    .unwrap();
    assert_eq!(two.kept().await, 0);
    assert_eq!(
        admin.get(&two.path()).await.expect(200)["state"],
        "cancelled"
    );
    let late = admin.delete(&two.path()).await;
    assert_eq!(late.problem(409), "transfer_gone_further");
    let row = two.scene.panel.world.row(two.server).await;
    assert_eq!(
        (row.node_id, &*row.power),
        (two.scene.node.id.to_string(), "start")
    );
}

async fn it_takes_the_right_on_both_nodes(world: World) {
    let two = Two::set(world).await;
    let panel = &two.scene.panel;
    let ann = panel.logged_in("ann", false).await;
    let keys = json!(["server.read", "node.read", "admin.server.transfer"]);
    let body = json!({"name": "Movers", "keys": keys});
    let role = two.scene.admin.post("/roles", body).await.expect(201);
    let give = async |node: String| {
        let body = json!({"user": ann.id.unwrap().to_string(), "reach": "node", "target": node});
        let path = format!("/roles/{}/grants", role["id"].as_str().unwrap());
        two.scene.admin.post(&path, body).await.expect(201);
    };
    ann.post(&two.path(), two.wish()).await.problem(404);
    give(two.scene.node.id.to_string()).await;
    ann.post(&two.path(), two.wish()).await.problem(404);
    give(two.other.id.to_string()).await;
    ann.post(&two.path(), two.wish()).await.expect(202);
}

async fn each_refusal_says_what_is_wrong_and_keeps_nothing(world: World) {
    let two = Two::set(world).await;
    let admin = &two.scene.admin;
    let (here, there) = (two.scene.node.id, two.other.id);
    let refused = async |code: &str, words: &str| {
        let said = admin.post(&two.path(), two.wish()).await;
        assert!(said.text.contains(words), "{code}: {}", said.text);
        assert_eq!(said.problem(409), code);
        assert_eq!(two.kept().await, 0, "{code}");
    };
    for node in [here, there] {
        two.node(node, |u| {
            u.col_expr(nodes::Column::Online, Expr::value(false))
        })
        .await;
        refused("node_offline", "both nodes are needed").await;
        two.node(node, |u| {
            u.col_expr(nodes::Column::Online, Expr::value(true))
        })
        .await;
        let forked = Expr::value(Some("a clone"));
        two.node(node, |u| {
            u.col_expr(nodes::Column::QuarantinedBecause, forked)
        })
        .await;
        refused("node_quarantined", "an admin decides").await;
        let none = Expr::value(Option::<String>::None);
        two.node(node, |u| {
            u.col_expr(nodes::Column::QuarantinedBecause, none)
        })
        .await;
    }
    let disk = |used: u64| json!({"disk_used_bytes": used, "disk_total_bytes": 1000});
    two.node(there, |u| {
        u.col_expr(nodes::Column::Load, Expr::value(disk(995)))
    })
    .await;
    refused("disk_full", "is full").await;
    two.node(there, |u| {
        u.col_expr(nodes::Column::Load, Expr::value(disk(500)))
    })
    .await;
    let memory = json!({"memory_bytes": 512 << 20, "allowed_mounts": ["/srv/games"]});
    two.node(there, |u| {
        u.col_expr(nodes::Column::Host, Expr::value(memory))
    })
    .await;
    refused("no_memory", "the server may have 1024 MiB").await;
    let plain = json!({"allowed_mounts": ["/srv/games"]});
    two.node(there, |u| {
        u.col_expr(nodes::Column::Host, Expr::value(plain))
    })
    .await;
    for kind in ["install", "backup", "restore", "archive", "forget"] {
        two.busy_with(kind).await;
        refused("job_running", &format!("({kind}) is under way")).await;
        two.ended().await;
    }
    // A mount that the other node does not allow, and one that is not offered there.
    let mount = json!({"name": "Maps", "source": "/srv/games/maps", "target": "/mnt/maps", "self_service": true,
        "all_nodes": true, "all_eggs": true});
    let mount = admin.post("/mounts", mount).await.expect(201);
    let mount = mount["id"].as_str().unwrap().to_owned();
    let switch = format!("/servers/{}/mounts/{mount}", two.server);
    admin.put(&switch, json!({})).await.expect(200);
    two.node(there, |u| {
        u.col_expr(nodes::Column::Host, Expr::value(json!({})))
    })
    .await;
    refused("mount_missing", "Maps").await;
    let only = json!({"all_nodes": false, "nodes": [here.to_string()]});
    admin
        .patch(&format!("/mounts/{mount}"), only)
        .await
        .expect(200);
    refused("mount_missing", "offer it there").await;
    admin.delete(&switch).await.expect(204);
    // No port is free: its one is taken there, by number and by range.
    two.node(there, |u| {
        u.col_expr(nodes::Column::PortFirst, Expr::value(25565))
            .col_expr(nodes::Column::PortLast, Expr::value(25565))
    })
    .await;
    let mut other = two.scene.wish("has it");
    other["node"] = json!(there.to_string());
    admin.post("/servers", other).await.expect(201);
    refused("no_free_port", "port").await;
    let mut named = two.wish();
    named["ports"] = json!([{"from": 25565, "to": 25565}]);
    let said = admin.post(&two.path(), named).await;
    assert_eq!(said.problem(409), "port_taken");
    assert_eq!(two.kept().await, 0);
}

async fn of_two_asks_at_once_one_is_taken(world: World) {
    let two = Two::set(world).await;
    let third = FakeNode::join(&two.scene.panel.world).await;
    let admin = &two.scene.admin;
    let path = two.path();
    let asks = (0..6).map(|n| {
        let node = if n % 2 == 0 { two.other.id } else { third.id };
        admin.post(&path, json!({"node": node.to_string()}))
    });
    let mut said: Vec<(u16, String)> = Vec::new();
    for answer in futures_util::future::join_all(asks).await {
        let code = answer.json()["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        said.push((answer.status.as_u16(), code));
    }
    said.sort();
    assert_eq!(said[0], (202, String::new()), "{said:?}");
    for other in &said[1..] {
        assert_eq!(*other, (409, "transfer_running".into()), "{said:?}");
    }
    assert_eq!(two.kept().await, 1);
}

async fn what_its_new_node_was_looked_at_for_stays_as_it_is(world: World) {
    let two = Two::set(world).await;
    let admin = &two.scene.admin;
    let mount = json!({"name": "Maps", "source": "/srv/games/maps", "target": "/mnt/maps", "self_service": true,
        "all_nodes": true, "all_eggs": true});
    let mount = admin.post("/mounts", mount).await.expect(201);
    two.begun().await;
    let server = format!("/servers/{}", two.server);
    let ports = json!({"ports": {"extra": 1}});
    let said = admin.patch(&server, ports).await;
    assert_eq!(said.problem(409), "transfer_running");
    let switch = format!("{server}/mounts/{}", mount["id"].as_str().unwrap());
    let said = admin.put(&switch, json!({})).await;
    assert_eq!(said.problem(409), "transfer_running");
    // All else may be changed.
    admin
        .patch(&server, json!({"name": "moves on"}))
        .await
        .expect(200);
}

async fn a_node_that_goes_takes_transfers_to_it_back(world: World) {
    let two = Two::set(world).await;
    let admin = &two.scene.admin;
    let id = two.begun().await;
    let node = format!("/nodes/{}", two.other.id);
    let said = admin.delete(&node).await;
    assert_eq!(said.problem(409), "node_has_transfers");
    admin
        .delete(&format!("{node}?force=true"))
        .await
        .expect(204);
    let row = two.comes_to(&id, "failed").await;
    assert_eq!(row.code.as_deref(), Some("node_gone"));
    assert_eq!(two.kept().await, 0);
    let server = two.scene.panel.world.row(two.server).await;
    assert_eq!(server.node_id, two.scene.node.id.to_string());
    // Nobody waits until it has heard of that.
    eventually_async("the end", SOON, || async {
        two.row(&id).await.tidied.then_some(())
    })
    .await
    .unwrap();
}

async fn what_is_left_on_one_node_keeps_no_other_from_having_the_server(world: World) {
    let two = Two::set(world).await;
    let third = FakeNode::join(&two.scene.panel.world).await;
    let admin = &two.scene.admin;
    two.other.told.lock().unwrap().deaf = true;
    let id = two.begun().await;
    admin.delete(&two.path()).await.expect(202);
    two.comes_to(&id, "cancelled").await;
    let again = admin.post(&two.path(), two.wish()).await;
    assert_eq!(again.problem(409), "transfer_untidied");
    let wish = json!({"node": third.id.to_string()});
    admin.post(&two.path(), wish).await.expect(202);
    admin.delete(&two.path()).await.expect(202);
    two.other.told.lock().unwrap().deaf = false;
    eventually_async("the other node to have heard", SOON, || async {
        two.row(&id).await.tidied.then_some(())
    })
    .await
    .unwrap();
}

async fn a_server_whose_new_node_never_comes_back_can_be_deleted(world: World) {
    let two = Two::set(world).await;
    let admin = &two.scene.admin;
    two.other.told.lock().unwrap().deaf = true;
    let id = two.begun().await;
    let gone = format!("/servers/{}?name=moves", two.server);
    assert_eq!(admin.delete(&gone).await.problem(409), "transfer_running");
    let app = &two.scene.panel.world.app;
    let tx = app.db.begin(Lane::People).await.unwrap();
    transfers::Entity::update_many()
        .col_expr(transfers::Column::Phase, Expr::value("starting"))
        .col_expr(transfers::Column::Generation, Expr::value(1_000))
        .filter(transfers::Column::Id.eq(&*id))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let late = admin.delete(&two.path()).await;
    assert_eq!(late.problem(409), "transfer_gone_further");
    admin.delete(&gone).await.expect(202);
    two.comes_to(&id, "done").await;
}

async fn more_than_a_node_bears_at_once_waits_for_its_turn(world: World) {
    let two = Two::set(world).await;
    let admin = &two.scene.admin;
    let mut servers = vec![two.server];
    for n in 0..4 {
        servers.push(two.scene.server(&format!("more {n}")).await.0);
    }
    let app = &two.scene.panel.world.app;
    let tx = app.db.begin(Lane::People).await.unwrap();
    operations::Entity::update_many()
        .col_expr(operations::Column::State, Expr::value("done"))
        .exec(&*tx)
        .await
        .unwrap();
    servers::Entity::update_many()
        .col_expr(servers::Column::State, Expr::value("stopped"))
        .col_expr(
            servers::Column::Install,
            Expr::value(json!({"result": "done"})),
        )
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    for server in &servers {
        let path = format!("/servers/{server}/transfer");
        admin.post(&path, two.wish()).await.expect(202);
    }
    let asked = |server: &ServerId| {
        let told = two.other.told.lock().unwrap();
        told.jobs.iter().any(|job| match &job.ask {
            Some(job_ask::Ask::Transfer(ask)) => {
                ask.server == server.to_string()
                    && matches!(ask.ask, Some(transfer_ask::Ask::Receive(_)))
            }
            _ => false,
        })
    };
    for server in &servers[..4] {
        eventually_async("the first four", SOON, || async {
            asked(server).then_some(())
        })
        .await
        .unwrap();
    }
    let last = format!("/servers/{}/transfer", servers[4]);
    eventually_async("the last one to be shown as waiting", SOON, || async {
        let shown = admin.get(&last).await.expect(200);
        (shown["step"] == "queued" && shown["state"] == "copying").then_some(())
    })
    .await
    .unwrap();
    assert!(!asked(&servers[4]));
    admin.delete(&two.path()).await.expect(202);
    eventually_async("its turn", SOON, || async {
        asked(&servers[4]).then_some(())
    })
    .await
    .unwrap();
}

async fn the_owner_changes_once_while_the_game_is_held_and_no_node_is_contested(world: World) {
    let two = Two::set(world).await;
    let app = &two.scene.panel.world.app;
    // What they would say is written down here.
    for node in [&two.scene.node, &two.other] {
        node.told.lock().unwrap().deaf = true;
    }
    let id = two.begun().await;
    let held = async |step: &str| {
        let tx = app.db.begin(Lane::People).await.unwrap();
        let job = operations::Entity::find()
            .filter(operations::Column::ServerId.eq(two.server.to_string()))
            .one(&*tx)
            .await
            .unwrap()
            .unwrap();
        operations::Entity::update_many()
            .col_expr(operations::Column::State, Expr::value("running"))
            .col_expr(operations::Column::Kind, Expr::value("handover"))
            .col_expr(operations::Column::Step, Expr::value(step))
            .filter(operations::Column::Id.eq(&*job.id))
            .exec(&*tx)
            .await
            .unwrap();
        transfers::Entity::update_many()
            .col_expr(transfers::Column::Phase, Expr::value("placing"))
            .col_expr(transfers::Column::OperationId, Expr::value(job.id))
            .filter(transfers::Column::Id.eq(&*id))
            .exec(&*tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    };
    held("waiting for the game to stop").await;
    let row = two.row(&id).await;
    let tried = switch::switch(app, &row).await.unwrap();
    assert!(
        matches!(
            tried,
            Tried::Refused {
                code: "not_held",
                ..
            }
        ),
        "{tried:?}"
    );
    held(switch::HELD).await;
    for node in [two.scene.node.id, two.other.id] {
        let cause = |cause: Option<&'static str>| {
            two.node(node, move |u| {
                u.col_expr(nodes::Column::QuarantinedBecause, Expr::value(cause))
            })
        };
        cause(Some("a clone")).await;
        assert_eq!(switch::switch(app, &row).await.unwrap(), Tried::Wait);
        cause(None).await;
    }
    let owner = async || two.scene.panel.world.row(two.server).await.node_id;
    assert_eq!(owner().await, two.scene.node.id.to_string());
    // Two controls at once: one does it.
    let (one, other) = tokio::join!(switch::switch(app, &row), switch::switch(app, &row));
    let mut tried = [one.unwrap(), other.unwrap()];
    tried.sort_by_key(|tried| *tried != Tried::Done);
    assert_eq!(tried, [Tried::Done, Tried::Wait]);
    assert_eq!(owner().await, two.other.id.to_string());
    let ports = allocations::Entity::find()
        .filter(allocations::Column::ServerId.eq(two.server.to_string()))
        .all(app.db.read())
        .await
        .unwrap();
    assert_eq!(ports.len(), 1);
    assert_eq!(ports[0].node_id, two.other.id.to_string());
    assert!(ports[0].is_primary);
    assert_eq!(two.kept().await, 0);
    let stones = warren_entity::tombstones::Entity::find()
        .filter(warren_entity::tombstones::Column::ServerId.eq(two.server.to_string()))
        .all(app.db.read())
        .await
        .unwrap();
    assert_eq!(stones.len(), 1);
    assert_eq!(stones[0].node_id, two.scene.node.id.to_string());
    let late = two.scene.admin.delete(&two.path()).await;
    assert_eq!(late.problem(409), "transfer_gone_further");
}
