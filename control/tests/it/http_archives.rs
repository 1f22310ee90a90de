//! Archives over HTTP: who may make and unpack them, what the node is told, and what comes of it.

use reqwest::Method;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use warren_entity::audit_log;
use warren_proto::wire::{self, job_ended::Made, job_start::Work};

use crate::{
    file_rig::{FileRig, id},
    on_both,
    world::World,
};

on_both! {
    an_archive_is_looked_into_a_page_at_a_time
    archives_are_jobs_of_the_node_one_at_a_time_and_audited
    who_may_pack_may_not_replace_what_they_may_not_change
    what_can_be_no_archive_is_refused_before_anybody_is_asked
}

async fn an_archive_is_looked_into_a_page_at_a_time(world: World) {
    let rig = FileRig::set(world).await;
    let admin = &rig.scene.admin;
    let path = format!("{}/archive?path=/a.zip&inside=world&limit=4", rig.path);
    let page = admin.get(&path).await.expect(200);
    assert_eq!(
        (&page["format"], &page["total"]),
        (&json!("zip"), &json!(9))
    );
    assert_eq!(page["entries"], 70);
    let kinds = page["items"].as_array().unwrap().iter();
    let kinds = kinds.map(|item| item["kind"].as_str().unwrap().to_owned());
    let kinds: Vec<String> = kinds.collect();
    assert_eq!(kinds, ["directory", "symlink", "refused", "refused"]);
    assert_eq!(page["items"][1]["target"], "world/x");
    assert_eq!(page["items"][2]["refused"], "device");
    let next = page["next"].as_str().unwrap();
    admin
        .get(&format!("{path}&cursor={next}"))
        .await
        .expect(200);
    let asked = rig.scene.node.told.lock().unwrap().disk.asked.clone();
    assert_eq!(
        asked,
        ["archive /a.zip world  4", "archive /a.zip world f/odd 4"]
    );
    let none = admin
        .get(&format!("{}/archive?path=/no.zip", rig.path))
        .await;
    assert_eq!(none.problem(422), "archive_unknown");
    let bad = admin
        .get(&format!("{}/archive?path=/../x&cursor=x&limit=0", rig.path))
        .await;
    assert_eq!(
        bad.fields(),
        ["path invalid", "limit out_of_range", "cursor unknown"]
    );
}

async fn archives_are_jobs_of_the_node_one_at_a_time_and_audited(world: World) {
    let mut rig = FileRig::set(world).await;
    let body = json!({"paths": ["world", "/plugins"], "format": "tar.zst", "to": "all.tar.zst"});
    let begun = rig
        .post(&rig.scene.admin, "archive", body.clone())
        .await
        .expect(202);
    assert_eq!(
        (&begun["kind"], &begun["state"]),
        (&json!("archive"), &json!("pending"))
    );
    let start = rig.told(&id(&begun)).await;
    let Some(Work::Pack(work)) = start.work else {
        panic!("{start:?}")
    };
    assert_eq!(start.kind, "archive");
    assert_eq!(work.paths, ["/world", "/plugins"]);
    assert_eq!((&*work.to, &*work.format), ("/all.tar.zst", "tar.zst"));
    let again = rig.post(&rig.scene.admin, "archive", body).await;
    assert_eq!(again.problem(409), "archive_running");
    let packed = wire::FilesPacked {
        entries: 7,
        bytes: 99,
        skipped: 2,
    };
    rig.end(&id(&begun), "archive", Made::Packed(packed)).await;
    let path = format!("/operations/{}", id(&begun));
    let ended = rig.scene.admin.get(&path).await.expect(200);
    assert_eq!(
        (&ended["state"], &ended["code"]),
        (&json!("done"), &json!("left_out"))
    );
    assert!(ended["message"].as_str().unwrap().ends_with(": 2"));
    let body = json!({"archive": "/all.tar.zst", "to": "/", "existing": "skip", "only": ["world"]});
    let begun = rig
        .post(&rig.scene.admin, "extract", body)
        .await
        .expect(202);
    let start = rig.told(&id(&begun)).await;
    let Some(Work::Extract(work)) = start.work else {
        panic!("{start:?}")
    };
    assert_eq!((&*work.archive, &*work.to), ("/all.tar.zst", "/"));
    assert_eq!((&*work.existing, &*work.only[0]), ("skip", "world"));
    let path = format!("/operations/{}/cancel", id(&begun));
    let cancelled = rig.scene.admin.send(Method::POST, &path, None).await;
    assert!(cancelled.status.is_success(), "{}", cancelled.text);
    let rows = audit_log::Entity::find()
        .filter(audit_log::Column::Action.eq("file.archive"))
        .all(rig.scene.panel.world.app.db.read())
        .await
        .unwrap();
    let said: Vec<String> = rows
        .iter()
        .map(|row| row.diff.clone().unwrap_or_default().to_string())
        .collect();
    assert!(
        said.iter()
            .any(|d| d.contains("\"archive\":\"/all.tar.zst\"")),
        "{said:?}"
    );
    assert!(
        said.iter()
            .any(|d| d.contains("\"extract\":\"/all.tar.zst\"")),
        "{said:?}"
    );
}

async fn who_may_pack_may_not_replace_what_they_may_not_change(world: World) {
    let rig = FileRig::set(world).await;
    let packer = rig.shared("packer", json!(["file.archive"])).await;
    let reader = rig
        .shared(
            "reader",
            json!(["file.read", "file.read-content", "file.update"]),
        )
        .await;
    let pack = json!({"paths": ["world"], "format": "zip", "to": "a.zip"});
    let extract = |existing: &str| json!({"archive": "a.zip", "existing": existing});
    for (verb, body) in [("archive", pack), ("extract", extract("refuse"))] {
        assert_eq!(rig.post(&reader, verb, body).await.status, 403, "{verb}");
    }
    let replace = rig.post(&packer, "extract", extract("replace")).await;
    assert_eq!(replace.status, 403);
    let look = packer
        .get(&format!("{}/archive?path=a.zip", rig.path))
        .await;
    assert_eq!(look.status, 403);
    let begun = rig
        .post(&packer, "extract", extract("refuse"))
        .await
        .expect(202);
    // Who may begin it may end it, and nobody else among those who only read.
    let path = format!("/operations/{}/cancel", id(&begun));
    assert_eq!(reader.send(Method::POST, &path, None).await.status, 403);
    let ended = packer.send(Method::POST, &path, None).await;
    assert!(ended.status.is_success(), "{}", ended.text);
}

async fn what_can_be_no_archive_is_refused_before_anybody_is_asked(world: World) {
    let rig = FileRig::set(world).await;
    let admin = &rig.scene.admin;
    let bad = json!({"paths": ["/"], "format": "zip", "to": "../x"});
    let bad = rig.post(admin, "archive", bad).await;
    assert_eq!(bad.fields(), ["paths[0] required", "to invalid"]);
    let format = json!({"paths": ["a"], "format": "rar", "to": "x"});
    assert_eq!(rig.post(admin, "archive", format).await.status, 422);
    let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    let bad = json!({"archive": "", "to": "a\u{0}b", "only": many});
    let bad = rig.post(admin, "extract", bad).await;
    assert_eq!(
        bad.fields(),
        ["archive required", "to invalid", "only out_of_range"]
    );
    let path = format!("/servers/{}", rig.server);
    let suspended = admin.patch(&path, json!({"suspended": true})).await;
    suspended.expect(200);
    let begun = rig.post(
        admin,
        "archive",
        json!({"paths": ["a"], "format": "7z", "to": "x.7z"}),
    );
    assert_eq!(begun.await.problem(409), "suspended");
}
