//! Keeps backup stores.

use std::time::Duration;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::{Map, Value, json};
use warren_entity::{backup_repositories, backup_stores, backups, nodes};
use warren_proto::{
    ids::{BackupStoreId, ServerId},
    subjects::down,
    wire::{self, job_ask},
};

use super::{
    dto::{
        BackupStore, BackupStoreCreate, BackupStoreTest, BackupStoreTestAsk, BackupStoreUpdate,
        Kind,
    },
    fields,
    store::{find, locked, place, told as told_of, used},
};
use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::Caller,
    db::Lane,
    egg::view::lenient,
    error::{Error, Fields, Result},
    http::{IfMatch, Page, Stamp, Version, later},
};

/// More stores than anybody has; the list is one page.
const MOST: u64 = 100;
/// A store that is far away is tried a few times; a person waits.
const PATIENCE: Duration = Duration::from_secs(20);

async fn shown(db: &impl ConnectionTrait, row: backup_stores::Model) -> Result<BackupStore> {
    let (backups, bytes) = used(db, &row.id).await?;
    Ok(BackupStore {
        version: Version::at(row.updated_at_ms),
        kind: Kind::parse(&row.kind),
        id: row.id,
        name: row.name,
        path: row.path,
        endpoint: row.endpoint,
        region: row.region,
        bucket: row.bucket,
        prefix: row.prefix,
        access_key: row.access_key,
        nodes: lenient(&row.nodes),
        backups,
        bytes,
        created_at: Stamp(row.created_at_ms),
        updated_at: Stamp(row.updated_at_ms),
    })
}

/// By name.
/// # Errors
/// Database.
pub async fn list(app: &App) -> Result<Page<BackupStore>> {
    let db = app.db.read();
    let rows = backup_stores::Entity::find()
        .order_by_asc(backup_stores::Column::NameFolded)
        .limit(MOST)
        .all(db)
        .await?;
    let mut items = Vec::new();
    for row in rows {
        items.push(shown(db, row).await?);
    }
    Ok(Page::whole(items))
}

/// One.
/// # Errors
/// 404.
pub async fn get(app: &App, id: BackupStoreId) -> Result<BackupStore> {
    let row = find(app.db.read(), id).await?;
    shown(app.db.read(), row).await
}

async fn places(
    db: &impl ConnectionTrait,
    fields: &mut Fields,
    req: &BackupStoreUpdate,
) -> Result<()> {
    let ids = req.nodes.iter().map(ToString::to_string);
    let there = nodes::Entity::find()
        .filter(nodes::Column::Id.is_in(ids))
        .filter(nodes::Column::DeletedAtMs.is_null())
        .count(db)
        .await?;
    let all = there == req.nodes.len() as u64;
    fields.check(all, "nodes", "unknown", "names a node that is not there");
    Ok(())
}

fn row(
    app: &App,
    id: &str,
    req: &BackupStoreUpdate,
    now_ms: i64,
) -> Result<backup_stores::ActiveModel> {
    let secret = match &req.secret_key {
        Some(secret) => {
            let sealed = app.keys.sealer.seal(&place(id), secret.as_bytes());
            Set(Some(sealed.map_err(Error::internal)?))
        }
        None => sea_orm::NotSet,
    };
    let nodes: Value = req.nodes.iter().map(ToString::to_string).collect();
    Ok(backup_stores::ActiveModel {
        id: Set(id.to_owned()),
        name: Set(req.name.clone()),
        name_folded: Set(req.name.to_lowercase()),
        path: Set(req.path.clone()),
        endpoint: Set(req.endpoint.clone()),
        region: Set(req.region.clone()),
        bucket: Set(req.bucket.clone()),
        prefix: Set(req.prefix.clone()),
        access_key: Set(req.access_key.clone()),
        secret,
        nodes: Set(nodes),
        updated_at_ms: Set(now_ms),
        ..Default::default()
    })
}

fn told(row: &backup_stores::Model) -> Map<String, Value> {
    let told = json!({
        "name": row.name,
        "kind": row.kind,
        "path": row.path,
        "endpoint": row.endpoint,
        "region": row.region,
        "bucket": row.bucket,
        "prefix": row.prefix,
        "access_key": row.access_key,
        "nodes": row.nodes,
    });
    match told {
        Value::Object(told) => told,
        _ => Map::new(),
    }
}

/// Makes one known.
/// # Errors
/// 422; 409 when there are too many.
pub async fn create(app: &App, caller: &Caller, req: BackupStoreCreate) -> Result<BackupStore> {
    let kind = req.kind;
    let mut refused = Fields::new();
    let req = fields::check(&mut refused, kind, req.into());
    let known = kind != Kind::S3 || req.secret_key.is_some();
    refused.check(known, "secret_key", "required", "is needed for S3");
    let now_ms = app.clock.now_ms();
    let id = BackupStoreId::new().to_string();
    let tx = app.db.begin(Lane::People).await?;
    places(&*tx, &mut refused, &req).await?;
    refused.finish()?;
    if backup_stores::Entity::find().count(&*tx).await? >= MOST {
        let text = format!("there are {MOST} backup stores; remove one that is no longer used");
        return Err(Error::conflict("too_many_backup_stores", text));
    }
    let mut row = row(app, &id, &req, now_ms)?;
    row.kind = Set(kind.as_str().to_owned());
    row.created_at_ms = Set(now_ms);
    let row = row
        .insert(&*tx)
        .await
        .map_err(Error::name_taken("backup store"))?;
    Entry::of(Key::BackupStoreCreate, "backup_store", &row.id)
        .with(told(&row).into())
        .by(&*tx, caller, now_ms)
        .await?;
    let shown = shown(&*tx, row).await?;
    tx.commit().await?;
    Ok(shown)
}

/// Changes one.
/// # Errors
/// 404; 412 when it is another by now; 409 for another place while backups are in it; 422, also for another endpoint
/// or key without the secret.
pub async fn update(
    app: &App,
    caller: &Caller,
    id: BackupStoreId,
    if_match: &IfMatch,
    req: BackupStoreUpdate,
) -> Result<BackupStore> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let before = locked(&*tx, &id.to_string()).await?;
    if_match.check(&Version::at(before.updated_at_ms))?;
    let mut refused = Fields::new();
    let req = fields::check(&mut refused, Kind::parse(&before.kind), req);
    places(&*tx, &mut refused, &req).await?;
    let elsewhere = before.endpoint != req.endpoint || before.access_key != req.access_key;
    // Or the stored one could be had by letting a node log in somewhere else with it.
    let text = "goes to another place than before: type it once more";
    refused.check(
        !elsewhere || req.secret_key.is_some(),
        "secret_key",
        "required",
        text,
    );
    refused.finish()?;
    let moved =
        before.path != req.path || before.bucket != req.bucket || before.prefix != req.prefix;
    if moved && used(&*tx, &before.id).await?.0 > 0 {
        let text =
            "backups are in it, and would be looked for at another place: make a second store";
        return Err(Error::conflict("backup_store_in_use", text));
    }
    let changed_ms = later(before.updated_at_ms, now_ms);
    let after = row(app, &before.id, &req, changed_ms)?;
    let after = after
        .update(&*tx)
        .await
        .map_err(Error::name_taken("backup store"))?;
    let (had, has) = (told(&before), told(&after));
    let mut diff = Map::new();
    for (name, to) in has {
        if had.get(&name) != Some(&to) {
            diff.insert(name.clone(), json!({"from": had.get(&name), "to": to}));
        }
    }
    if req.secret_key.is_some() {
        diff.insert("secret_key".into(), json!("changed"));
    }
    Entry::of(Key::BackupStoreUpdate, "backup_store", &after.id)
        .with(diff.into())
        .by(&*tx, caller, now_ms)
        .await?;
    let shown = shown(&*tx, after).await?;
    tx.commit().await?;
    Ok(shown)
}

/// Forgets one.
/// # Errors
/// 404; 409 `backup_store_in_use`.
pub async fn delete(app: &App, caller: &Caller, id: BackupStoreId) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let row = locked(&*tx, &id.to_string()).await?;
    let (in_it, _) = used(&*tx, &row.id).await?;
    if in_it > 0 {
        let text = format!("{in_it} backup(s) are in it: remove them first");
        return Err(Error::conflict("backup_store_in_use", text));
    }
    backups::Entity::delete_many()
        .filter(backups::Column::StoreId.eq(&*row.id))
        .exec(&*tx)
        .await?;
    backup_repositories::Entity::delete_many()
        .filter(backup_repositories::Column::StoreId.eq(&*row.id))
        .exec(&*tx)
        .await?;
    backup_stores::Entity::delete_by_id(&*row.id)
        .exec(&*tx)
        .await?;
    Entry::of(Key::BackupStoreDelete, "backup_store", &row.id)
        .with(told(&row).into())
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// Has a node write, read and remove a small file there.
/// # Errors
/// 404; 422 for a node that it is not for; 503 while the node is away.
pub async fn test(
    app: &App,
    caller: &Caller,
    id: BackupStoreId,
    ask: &BackupStoreTestAsk,
) -> Result<BackupStoreTest> {
    let row = find(app.db.read(), id).await?;
    if !super::store::serves(&row, &ask.node.to_string()) {
        return Err(Error::field(
            "node",
            "conflict",
            "this store is not for that node",
        ));
    }
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    Entry::word("backup_store.test", "backup_store", &row.id)
        .with(json!({"node": ask.node.to_string()}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    let repository = wire::Repository {
        store: Some(told_of(app, &row)?),
        // Of no server: what is tried leaves nothing in anybody's.
        name: ServerId::new().to_string(),
        password: String::new(),
    };
    let probe = wire::StoreProbe {
        repository: Some(repository),
    };
    let body = wire::JobAsk {
        ask: Some(job_ask::Ask::Probe(probe)),
    };
    let answer =
        crate::node::ask::<wire::Accepted>(app, ask.node, down::JOBS, &body, PATIENCE).await;
    match answer {
        Ok(_) => Ok(BackupStoreTest {
            ok: true,
            code: None,
            detail: "a file was written, read back and removed".into(),
        }),
        Err(Error::Agent { code, message, .. }) => Ok(BackupStoreTest {
            ok: false,
            code: Some(crate::text::tame(&code, 64)),
            detail: crate::text::tame(&message, 500),
        }),
        Err(error) => Err(error),
    }
}
