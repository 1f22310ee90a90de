//! Servers that a node has and control does not know: adopted from the node's own word, and never from another's.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};
use warren_control::db::Lane;
use warren_entity::{allocations, operations, orphans, server_variables, servers};
use warren_harness::eventually_async;
use warren_proto::{
    ids::{ServerId, UserId},
    wire::{self, State},
};

use crate::{
    fake_node::FakeNode,
    http_panel::{Panel, Person},
    on_both,
    world::{SOON, World},
};

on_both! {
    a_node_does_not_take_anothers_server_by_naming_it
    a_server_that_a_restored_database_forgot_is_made_anew_from_its_node
    what_a_node_says_of_an_orphan_is_checked_and_leaves_nothing_half_done
}

async fn a_node_does_not_take_anothers_server_by_naming_it(world: World) {
    let (owner, hostile) = (FakeNode::join(&world).await, FakeNode::join(&world).await);
    let server = world.server(owner.id).await;
    hostile.told.lock().unwrap().orphans = vec![server.to_string(), "\0'".into()];
    let strange = ServerId::new();
    hostile
        .told
        .lock()
        .unwrap()
        .orphans
        .push(strange.to_string());
    // Its own row is sent, and answered with the other's id.
    world.server(hostile.id).await;
    let rows = eventually_async("the answer to be noted", SOON, || async {
        let rows = orphans::Entity::find()
            .all(world.app.db.read())
            .await
            .unwrap();
        (!rows.is_empty()).then_some(rows)
    })
    .await
    .unwrap();
    assert_eq!(rows.len(), 1, "a server with a row is no orphan: {rows:?}");
    assert_eq!(rows[0].server_id, strange.to_string());
    // One that was noted before its row came.
    let row = orphans::ActiveModel {
        node_id: Set(hostile.id.to_string()),
        server_id: Set(server.to_string()),
        generation: Set(1),
        state: Set("running".into()),
        seen_at_ms: Set(1),
    };
    let tx = world.app.db.begin(Lane::Machines).await.unwrap();
    orphans::Entity::insert(row)
        .exec_without_returning(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    let path = format!("/nodes/{}/orphans/{server}", hostile.id);
    let refused = admin.post(&path, json!({"action": "adopt"})).await;
    assert_eq!(refused.problem(409), "owned_elsewhere");
    let row = panel.world.row(server).await;
    assert_eq!(row.node_id, owner.id.to_string());
}

struct Scene {
    panel: Panel,
    node: FakeNode,
    admin: Person,
    server: ServerId,
    before: Value,
}

/// A server of somebody else than the admin, known to its node and then to nobody else.
async fn forgotten(world: World) -> Scene {
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    let mut node = FakeNode::join(&panel.world).await;
    let egg = admin
        .post("/eggs/starters/minecraft-vanilla", json!({}))
        .await
        .expect(201);
    let wish = json!({
        "name": "Old faithful",
        "egg": egg["egg"]["id"],
        "node": node.id.to_string(),
        "limits": {"memory_bytes": 1u64 << 31, "cpu_percent": 150, "disk_bytes": 1u64 << 33, "cpuset": "0-1"},
        "variables": {"VANILLA_VERSION": "1.20.4"},
        "ports": {"primary": 25600, "extra": 2},
    });
    let made = admin.post("/servers", wish).await.expect(201);
    let server: ServerId = made["server"]["id"].as_str().unwrap().parse().unwrap();
    let mount = json!({
        "name": "Maps", "source": "/srv/games/maps", "target": "/mnt/maps", "all_nodes": true, "all_eggs": true,
    });
    let mount = admin.post("/mounts", mount).await.expect(201);
    let switch = format!("/servers/{server}/mounts/{}", mount["id"].as_str().unwrap());
    admin.put(&switch, json!({})).await.expect(200);
    let ann = panel.account("ann", false, false).await;
    let tx = panel.world.app.db.begin(Lane::People).await.unwrap();
    servers::Entity::update_many()
        .col_expr(servers::Column::OwnerId, Expr::value(ann.to_string()))
        .exec(&*tx)
        .await
        .unwrap();
    warren_control::wanted::bump(&*tx, &server.to_string())
        .await
        .unwrap();
    warren_control::server::spec::refresh(&*tx, &server.to_string())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    panel.world.app.nudges.node(node.id);
    eventually_async("the row to be on the node", SOON, || async {
        let told = node.told.lock().unwrap();
        let row = told.wanted(&server.to_string())?;
        (row.spec?.owner == ann.to_string()).then_some(())
    })
    .await
    .unwrap();
    let before = admin.get(&format!("/servers/{server}")).await.expect(200);
    forget(&panel, server).await;
    node.servers = vec![wire::ObservedServer {
        server: server.to_string(),
        generation: 7,
        state: State::Running.into(),
        ..Default::default()
    }];
    node.hello().await.unwrap();
    Scene {
        panel,
        node,
        admin,
        server,
        before,
    }
}

async fn forget(panel: &Panel, server: ServerId) {
    let id = server.to_string();
    let tx = panel.world.app.db.begin(Lane::People).await.unwrap();
    operations::Entity::delete_many().exec(&*tx).await.unwrap();
    allocations::Entity::delete_many().exec(&*tx).await.unwrap();
    server_variables::Entity::delete_many()
        .exec(&*tx)
        .await
        .unwrap();
    servers::Entity::delete_many()
        .filter(servers::Column::Id.eq(id))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

impl Scene {
    fn path(&self) -> String {
        format!("/nodes/{}/orphans/{}", self.node.id, self.server)
    }
}

fn ports(server: &Value) -> Vec<(u64, bool)> {
    let all = server["allocations"].as_array().unwrap().iter();
    all.map(|a| {
        (
            a["port"].as_u64().unwrap(),
            a["primary"].as_bool().unwrap_or(false),
        )
    })
    .collect()
}

async fn a_server_that_a_restored_database_forgot_is_made_anew_from_its_node(world: World) {
    let scene = forgotten(world).await;
    let list = scene
        .admin
        .get(&format!("/nodes/{}/orphans", scene.node.id))
        .await
        .expect(200);
    assert_eq!(list["items"][0]["server"], scene.server.to_string());
    let adopt = json!({"action": "adopt"});
    scene
        .admin
        .post(&scene.path(), adopt.clone())
        .await
        .expect(204);
    let after = scene
        .admin
        .get(&format!("/servers/{}", scene.server))
        .await
        .expect(200);
    for member in [
        "name",
        "image",
        "startup",
        "limits",
        "owner",
        "variables",
        "crash_policy",
    ] {
        assert_eq!(after[member], scene.before[member], "{member}");
    }
    assert_eq!(ports(&after), ports(&scene.before));
    let mounts = format!("/servers/{}/mounts", scene.server);
    let mounts = scene.admin.get(&mounts).await.expect(200);
    assert_eq!(mounts["items"][0]["on"], true);
    assert_eq!(after["state"], "running");
    let row = scene.panel.world.row(scene.server).await;
    assert!(row.generation > 7, "above all that the node has");
    eventually_async("the node to take the new row", SOON, || async {
        let told = scene.node.told.lock().unwrap();
        let row = told.wanted(&scene.server.to_string())?;
        (row.generation > 7).then_some(())
    })
    .await
    .unwrap();
    let gone = scene.admin.post(&scene.path(), adopt).await;
    assert_eq!(gone.status.as_u16(), 404);
}

async fn what_a_node_says_of_an_orphan_is_checked_and_leaves_nothing_half_done(world: World) {
    let scene = forgotten(world).await;
    let adopt = json!({"action": "adopt"});
    let id = scene.server.to_string();
    let honest = scene.node.told.lock().unwrap().wanted(&id).unwrap();
    let say = |change: &dyn Fn(&mut wire::WantedServer)| {
        let mut word = honest.clone();
        change(&mut word);
        scene.node.told.lock().unwrap().word = Some(word);
    };
    fn spec(word: &mut wire::WantedServer) -> &mut wire::ServerSpec {
        word.spec.as_mut().unwrap()
    }
    // A port that another server has.
    let wish = json!({
        "name": "Neighbour",
        "egg": spec(&mut honest.clone()).egg,
        "node": scene.node.id.to_string(),
        "limits": {"memory_bytes": 1u64 << 30, "cpu_percent": 100},
        "ports": {"primary": 25700},
    });
    scene.admin.post("/servers", wish).await.expect(201);
    say(&|word| spec(word).ports[0].port = 25700);
    let refused = scene.admin.post(&scene.path(), adopt.clone()).await;
    assert_eq!(refused.problem(409), "port_taken");
    say(&|word| {
        let spec = spec(word);
        spec.name = "a\u{202e}b".into();
        spec.image = "../../etc".into();
        spec.ports[1].host_ip = "$(reboot)".into();
        spec.limits.as_mut().unwrap().cpu_percent = f64::NAN;
    });
    let fields = scene
        .admin
        .post(&scene.path(), adopt.clone())
        .await
        .fields();
    for field in [
        "name control_character",
        "image invalid",
        "ports invalid",
        "limits.cpu_percent out_of_range",
    ] {
        assert!(fields.contains(&field.to_owned()), "{fields:?}");
    }
    say(&|word| word.server = ServerId::new().to_string());
    let fields = scene
        .admin
        .post(&scene.path(), adopt.clone())
        .await
        .fields();
    assert_eq!(fields, ["server other_server"]);
    say(&|word| word.generation = u64::MAX);
    let fields = scene
        .admin
        .post(&scene.path(), adopt.clone())
        .await
        .fields();
    assert_eq!(fields, ["generation out_of_range"]);
    say(&|word| spec(word).egg = "01kah7q3zd0000000000000001".into());
    let refused = scene.admin.post(&scene.path(), adopt.clone()).await;
    assert_eq!(refused.problem(409), "egg_unknown");
    let rows = servers::Entity::find_by_id(&id)
        .one(scene.panel.world.app.db.read())
        .await
        .unwrap();
    assert!(rows.is_none(), "nothing half done");
    let held = allocations::Entity::find()
        .filter(allocations::Column::ServerId.eq(&*id))
        .all(scene.panel.world.app.db.read())
        .await
        .unwrap();
    assert!(held.is_empty());
    // An owner who is gone: whoever adopts it has it. An egg that is named stands for one that is gone.
    say(&|word| {
        let spec = spec(word);
        spec.egg = "01kah7q3zd0000000000000001".into();
        spec.owner = UserId::new().to_string();
    });
    let mut named = adopt;
    named["egg"] = json!(spec(&mut honest.clone()).egg);
    scene.admin.post(&scene.path(), named).await.expect(204);
    let row = scene.panel.world.row(scene.server).await;
    assert_eq!(row.owner_id, scene.admin.id.unwrap().to_string());
}
