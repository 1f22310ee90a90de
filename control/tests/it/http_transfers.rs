//! Transfers over HTTP: who may, what is refused in words, and what everything else of the server may meanwhile. That
//! servers really move is shown in the agent's tests, where there are two.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};
use warren_control::db::Lane;
use warren_entity::{allocations, nodes, servers, transfers};
use warren_harness::eventually_async;
use warren_proto::{ids::ServerId, state::State};

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
