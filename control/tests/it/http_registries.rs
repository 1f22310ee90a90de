//! Credentials of private registries: kept sealed, shown to nobody, told to the nodes that need them.

use prost::Message;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;
use warren_control::db::Lane;
use warren_entity::{audit_log, registries, servers};
use warren_harness::eventually_async;
use warren_proto::{ids::ServerId, wire};

use crate::{
    fake_node::FakeNode,
    http_panel::Panel,
    on_both,
    world::{SOON, World},
};

on_both! {
    a_credential_reaches_only_servers_whose_images_come_from_there
    a_credential_is_kept_sealed_and_never_shown
    what_is_no_host_or_no_credential_is_refused
}

/// What the node was last told of that server.
async fn told(node: &FakeNode, server: ServerId, user: Option<&str>) -> Vec<wire::RegistryAuth> {
    let probe = || {
        let told = node.told.lock().unwrap();
        let mut rows = told
            .applies
            .iter()
            .rev()
            .flat_map(|a| a.servers.iter().rev());
        let last = rows.find(|r| r.server == server.to_string());
        let auths = last.and_then(|r| Some(r.spec.as_ref()?.registries.clone()));
        let mut users = auths.iter().flatten().map(|a| a.username.as_str());
        let there = match user {
            Some(user) => users.any(|u| u == user),
            None => users.next().is_none(),
        };
        drop(users);
        std::future::ready(auths.filter(|_| there))
    };
    eventually_async("the credential at the node", SOON, probe)
        .await
        .unwrap()
}

async fn runs(world: &World, server: ServerId, image: &str, installer: &str) {
    let spec = wire::ServerSpec {
        image: image.into(),
        install: Some(wire::InstallSpec {
            image: installer.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let tx = world.app.db.begin(Lane::People).await.unwrap();
    servers::Entity::update_many()
        .col_expr(servers::Column::Image, Expr::value(image))
        .col_expr(servers::Column::Spec, Expr::value(spec.encode_to_vec()))
        .filter(servers::Column::Id.eq(server.to_string()))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn a_credential_reaches_only_servers_whose_images_come_from_there(world: World) {
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    let node = FakeNode::join(&panel.world).await;
    let private = panel.world.server(node.id).await;
    let public = panel.world.server(node.id).await;
    let world = &panel.world;
    runs(world, private, "games.example:5000/one:1", "alpine:3").await;
    runs(world, public, "games.example/two:1", "games.example/two:1").await;
    let body = json!({"host": "Games.example:5000", "username": "ann", "password": "s3cret"});
    let made = admin.post("/registries", body.clone()).await.expect(201);
    assert_eq!(made["host"], "games.example:5000");
    let auth = told(&node, private, Some("ann")).await;
    assert_eq!((&*auth[0].password, auth.len()), ("s3cret", 1));
    let again = admin.post("/registries", body).await;
    assert_eq!(again.problem(409), "registry_exists");
    world.bump(public).await;
    world.app.nudges.node(node.id);
    assert!(told(&node, public, None).await.is_empty());
    let path = format!("/registries/{}", made["id"].as_str().unwrap());
    let new = json!({"username": "bob", "password": "other"});
    admin.put(&path, new).await.expect(200);
    assert_eq!(told(&node, private, Some("bob")).await[0].password, "other");
    admin.delete(&path).await.expect(204);
    assert!(told(&node, private, None).await.is_empty());
    assert_eq!(admin.delete(&path).await.problem(404), "not_found");
}

async fn a_credential_is_kept_sealed_and_never_shown(world: World) {
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    let body = json!({"host": "docker.io", "username": "", "password": "tok-0123456789"});
    let made = admin.post("/registries", body).await;
    assert!(!made.text.contains("tok-"));
    let id = made.expect(201)["id"].as_str().unwrap().to_owned();
    let list = admin.get("/registries").await;
    assert!(list.text.contains("docker.io") && !list.text.contains("tok-"));
    let new = json!({"username": "", "password": "tok-next"});
    let changed = admin.put(&format!("/registries/{id}"), new).await;
    assert!(!changed.text.contains("tok-"));
    let db = panel.world.app.db.read();
    let row = registries::Entity::find_by_id(&*id).one(db).await.unwrap();
    let secret = row.unwrap().secret;
    assert!(!secret.windows(4).any(|w| w == b"tok-"));
    let notes = audit_log::Entity::find()
        .filter(audit_log::Column::ResourceId.eq(&*id))
        .all(db)
        .await
        .unwrap();
    assert_eq!(notes.len(), 2);
    assert!(!format!("{notes:?}").contains("tok-"));
    // Moved to another host's row, a sealed secret opens nothing.
    let tx = panel.world.app.db.begin(Lane::People).await.unwrap();
    tx.execute_unprepared("UPDATE registries SET host = 'evil.example'")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let known = warren_control::registry::service::Known::load(panel.world.app.db.read());
    let spec = wire::ServerSpec {
        image: "evil.example/game".into(),
        ..Default::default()
    };
    let known = known.await.unwrap();
    assert!(known.of_images(&panel.world.app, &spec).is_err());
}

async fn what_is_no_host_or_no_credential_is_refused(world: World) {
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    for host in [
        "",
        "https://ghcr.io",
        "ghcr.io/games",
        "a b",
        "host:port",
        "host:0",
        ":5000",
        "-x",
    ] {
        let body = json!({"host": host, "username": "ann", "password": "x"});
        let fields = admin.post("/registries", body).await.fields();
        assert_eq!(fields, ["host invalid"], "{host}");
    }
    let body = json!({"host": "ghcr.io", "username": "a:b", "password": " "});
    let fields = admin.post("/registries", body).await.fields();
    assert_eq!(fields, ["username invalid", "password required"]);
    let list = admin.get("/registries").await.expect(200);
    assert_eq!(list["items"], json!([]));
}
