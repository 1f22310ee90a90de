//! Downloads to a server over HTTP: who may begin one, what the node is told, and what is kept of an address.

use reqwest::Method;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use warren_entity::{audit_log, operations};
use warren_proto::bus::keyring::{Keyring, Use};
use warren_proto::bus::ticket;
use warren_proto::wire::{self, job_ask, job_ended::Made, job_start::Work};

use crate::{
    file_rig::{FileRig, id},
    on_both,
    world::World,
};

on_both! {
    a_download_is_a_job_of_the_node_whose_address_is_kept_sealed_and_told_in_part
    who_may_make_files_may_download_but_not_replace
    what_can_be_no_address_is_refused_before_anybody_is_asked
    how_large_a_file_may_be_that_comes_is_the_servers_own_limit_or_the_panels
}

const URL: &str = "https://files.example.com/paper.jar?X-Amz-Signature=hunter2#frag";

async fn row(rig: &FileRig, operation: &str) -> operations::Model {
    let db = rig.scene.panel.world.app.db.read();
    let row = operations::Entity::find_by_id(operation).one(db).await;
    row.unwrap().unwrap()
}

async fn a_download_is_a_job_of_the_node_whose_address_is_kept_sealed_and_told_in_part(
    world: World,
) {
    let mut rig = FileRig::set(world).await;
    let body = json!({"url": URL, "path": "plugins", "name": "p.jar", "replace": true});
    let begun = rig
        .post(&rig.scene.admin, "download", body.clone())
        .await
        .expect(202);
    assert_eq!(
        (&begun["kind"], &begun["state"]),
        (&json!("download"), &json!("pending"))
    );
    let start = rig.told(&id(&begun)).await;
    assert_eq!(start.kind, "download");
    assert!(!format!("{start:?}").contains("hunter2"));
    let Some(Work::Download(work)) = start.work else {
        panic!("{start:?}")
    };
    assert_eq!((&*work.url, work.max_bytes), (URL, 0));
    assert_eq!(
        (&*work.to, &*work.name, work.replace),
        ("/plugins", "p.jar", true)
    );
    let again = rig.post(&rig.scene.admin, "download", body).await;
    assert_eq!(again.problem(409), "download_running");
    let kept = row(&rig, &id(&begun)).await.body.unwrap();
    assert_eq!(kept["from"], "https://files.example.com/paper.jar");
    assert!(
        kept["sealed"].is_string() && !kept.to_string().contains("hunter2"),
        "{kept}"
    );
    let made = wire::FileDownloaded {
        path: "/plugins/paper.jar".into(),
        bytes: 7,
    };
    rig.end(&id(&begun), "download", Made::Downloaded(made))
        .await;
    let ended = rig
        .scene
        .admin
        .get(&format!("/operations/{}", id(&begun)))
        .await
        .expect(200);
    assert_eq!(
        (&ended["state"], &ended["code"], &ended["message"]),
        (
            &json!("done"),
            &json!("downloaded"),
            &json!("/plugins/paper.jar")
        )
    );
    assert_eq!(
        row(&rig, &id(&begun)).await.body.unwrap().get("sealed"),
        None
    );
    let rows = audit_log::Entity::find()
        .filter(audit_log::Column::Action.eq("file.download_remote"))
        .all(rig.scene.panel.world.app.db.read())
        .await
        .unwrap();
    let [row] = &rows[..] else { panic!("{rows:?}") };
    let diff = row.diff.clone().unwrap();
    assert_eq!(diff["from"], "https://files.example.com/paper.jar");
    assert_eq!(
        (&diff["to"], &diff["operation"]),
        (&json!("/plugins"), &begun["id"])
    );
    assert!(!diff.to_string().contains("hunter2"));
    assert_eq!(row.server_id.as_deref(), Some(&*rig.server.to_string()));
}

async fn who_may_make_files_may_download_but_not_replace(world: World) {
    let rig = FileRig::set(world).await;
    let maker = rig.shared("maker", json!(["file.create"])).await;
    let keys = json!([
        "file.read",
        "file.read-content",
        "file.update",
        "file.archive"
    ]);
    let reader = rig.shared("reader", keys).await;
    let body = |replace: bool| json!({"url": URL, "path": "/", "replace": replace});
    assert_eq!(rig.post(&reader, "download", body(false)).await.status, 403);
    assert_eq!(rig.post(&maker, "download", body(true)).await.status, 403);
    let begun = rig.post(&maker, "download", body(false)).await.expect(202);
    let path = format!("/operations/{}/cancel", id(&begun));
    assert_eq!(reader.send(Method::POST, &path, None).await.status, 403);
    let ended = maker.send(Method::POST, &path, None).await;
    assert!(ended.status.is_success(), "{}", ended.text);
}

async fn what_can_be_no_address_is_refused_before_anybody_is_asked(world: World) {
    let rig = FileRig::set(world).await;
    let admin = &rig.scene.admin;
    let bad = json!({"url": "file:///etc/passwd", "path": "../x", "name": "a/b"});
    let bad = rig.post(admin, "download", bad).await;
    assert_eq!(
        bad.fields(),
        ["url invalid", "path invalid", "name invalid"]
    );
    let user = json!({"url": "https://me:pw@a.example/x", "path": "/"});
    assert_eq!(
        rig.post(admin, "download", user).await.fields(),
        ["url credentials"]
    );
    let path = format!("/servers/{}", rig.server);
    admin
        .patch(&path, json!({"suspended": true}))
        .await
        .expect(200);
    let begun = rig
        .post(admin, "download", json!({"url": URL, "path": "/"}))
        .await;
    assert_eq!(begun.problem(409), "suspended");
    let told = rig.scene.node.told.lock().unwrap();
    let downloads = told.jobs.iter().filter(
        |ask| matches!(&ask.ask, Some(job_ask::Ask::Start(start)) if start.kind == "download"),
    );
    assert_eq!(downloads.count(), 0);
}

async fn how_large_a_file_may_be_that_comes_is_the_servers_own_limit_or_the_panels(world: World) {
    let rig = FileRig::set(world).await;
    let admin = &rig.scene.admin;
    let path = format!("/servers/{}", rig.server);
    let held = async || {
        let shown = admin.get(&path).await.expect(200)["upload_bytes"].clone();
        let made = admin
            .post(&format!("{path}/ticket"), json!({}))
            .await
            .expect(200);
        let app = &rig.scene.panel.world.app;
        let keys = Keyring::of(&[app.keys.ticket.announce(Use::Ticket)]).unwrap();
        let text = made["ticket"].as_str().unwrap();
        let ticket = ticket::verify(&keys, text, app.clock.now_ms()).unwrap();
        assert_eq!(shown, json!(ticket.upload_bytes));
        ticket.upload_bytes
    };
    assert_eq!(held().await, None);
    admin
        .put("/settings", json!({"upload_bytes": 2 << 20}))
        .await
        .expect(200);
    assert_eq!(held().await, Some(2 << 20));
    let mut limits = admin.get(&path).await.expect(200)["limits"].clone();
    limits["upload_bytes"] = json!(7);
    let bad = admin.patch(&path, json!({"limits": limits})).await;
    assert_eq!(bad.fields(), ["limits.upload_bytes out_of_range"]);
    limits["upload_bytes"] = json!(3 << 20);
    admin
        .patch(&path, json!({"limits": limits}))
        .await
        .expect(200);
    assert_eq!(held().await, Some(3 << 20));
    // What the node fetches itself comes from outside too.
    let begun = rig
        .post(admin, "download", json!({"url": URL, "path": "/"}))
        .await
        .expect(202);
    let Some(Work::Download(work)) = rig.told(&id(&begun)).await.work else {
        panic!("{begun}")
    };
    assert_eq!(work.max_bytes, 3 << 20);
}
