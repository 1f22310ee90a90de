//! The audit log as a file.

use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::{Value, json};
use warren_control::db::Lane;
use warren_entity::audit_log;

use crate::{
    http_panel::{Panel, Person},
    on_both,
    world::World,
};

on_both! {
    the_log_leaves_whole_as_a_file_and_that_stands_in_it
}

/// More than are read at one time, twice.
const ROWS: usize = 1203;

async fn fill(panel: &Panel, ann: &Person) {
    let rows = (0..ROWS).map(|n| audit_log::ActiveModel {
        id: Set(ulid::Ulid::new().to_string().to_lowercase()),
        at_ms: Set(i64::try_from(n).unwrap()),
        actor_kind: Set("user".into()),
        actor_id: Set(ann.id.map(|id| id.to_string())),
        action: Set("server.rename".into()),
        resource_kind: Set("=1+1".into()),
        resource_id: Set(Some(n.to_string())),
        server_id: Set(None),
        address: Set(Some("192.0.2.7".into())),
        diff: Set(Some(json!({"name": {"from": "a,\"b\"\n", "to": n}}))),
        seq: Set(None),
        seal: Set(None),
    });
    let tx = panel.world.app.db.begin(Lane::People).await.unwrap();
    for some in rows.collect::<Vec<_>>().chunks(400) {
        audit_log::Entity::insert_many(some.to_vec())
            .exec_without_returning(&*tx)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
}

async fn the_log_leaves_whole_as_a_file_and_that_stands_in_it(world: World) {
    let panel = Panel::open(world).await;
    let root = panel.as_admin().await;
    let ann = panel.logged_in("ann", false).await;
    fill(&panel, &ann).await;
    let of_ann = format!("user={}", ann.id.unwrap());
    let refused = ann.get("/audit/export?format=csv").await;
    assert_eq!(refused.problem(403), "forbidden");
    let wrong = root.get("/audit/export?format=xml").await;
    assert_eq!(wrong.status, 422);
    let path = format!("/audit/export?format=jsonl&{of_ann}&action=server.");
    let file = root.get(&path).await;
    assert_eq!(file.headers["content-type"], "application/x-ndjson");
    let rows = file
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let rows: Vec<Value> = rows.collect();
    assert_eq!(rows.len(), ROWS);
    let id = |row: &Value| row["id"].as_str().unwrap().to_owned();
    assert!(
        rows.is_sorted_by(|a, b| id(a) > id(b)),
        "the newest first, each once"
    );
    assert_eq!(rows[0]["actor"]["user"]["name"], "ann");
    let file = root
        .get(&format!("/audit/export?format=csv&{of_ann}&action=server."))
        .await;
    let name = file.headers["content-disposition"].to_str().unwrap();
    assert_eq!(name, "attachment; filename=\"audit.csv\"");
    let mut table = csv::Reader::from_reader(file.text.as_bytes());
    let at = |name: &str, head: &csv::StringRecord| head.iter().position(|h| h == name).unwrap();
    let head = table.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), ROWS);
    assert_eq!(&rows[0][at("resource", &head)], "'=1+1", "no formula");
    let diff: Value = serde_json::from_str(&rows[0][at("diff", &head)]).unwrap();
    assert_eq!(diff["name"]["from"], "a,\"b\"\n");
    let none = root.get("/audit/export?format=jsonl&action=nothing.").await;
    assert_eq!((none.status.as_u16(), &*none.text), (200, ""));
    // Who took it stands in the log.
    let log = root.get("/audit?action=audit.read").await.expect(200);
    let taken = log["items"].as_array().unwrap();
    assert_eq!(taken.len(), 3);
    assert_eq!(taken[2]["diff"]["export"], "jsonl");
    assert_eq!(taken[2]["diff"]["of"]["user"], ann.id.unwrap().to_string());
}
