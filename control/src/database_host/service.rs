//! Keeps database hosts.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use serde_json::{Map, Value, json};
use warren_entity::{database_hosts, databases, locations, nodes, servers};
use warren_proto::ids::{DatabaseHostId, DatabaseId};

use super::{
    dto::{DatabaseHost, DatabaseHostCreate, DatabaseHostUpdate, Engine, HostedDatabase, Tls},
    fields,
    store::{self, count_of, find, locked, place, port},
};
use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::Caller,
    database::dto::DatabaseState,
    db::Lane,
    egg::view::lenient,
    error::{Error, Fields, Result},
    http::{IfMatch, Page, PageQuery, Stamp, Version, later},
    operation::dto::Named,
};

/// More hosts than anybody has; the list is one page.
const MOST: u64 = 100;

fn shown(row: database_hosts::Model, databases: u64, troubled: u64) -> DatabaseHost {
    DatabaseHost {
        version: Version::at(row.updated_at_ms),
        engine: Engine::parse(&row.engine),
        tls: Tls::parse(&row.tls),
        id: row.id,
        name: row.name,
        address: row.address,
        port: port(row.port),
        public_address: row.public_address,
        public_port: row.public_port.map(port),
        username: row.username,
        ca_pem: row.ca_pem,
        most_databases: count_of(row.most_databases),
        most_connections: count_of(row.most_connections),
        nodes: lenient(&row.nodes),
        locations: lenient(&row.locations),
        databases,
        troubled,
        created_at: Stamp(row.created_at_ms),
        updated_at: Stamp(row.updated_at_ms),
    }
}

/// By name.
/// # Errors
/// Database.
pub async fn list(app: &App) -> Result<Page<DatabaseHost>> {
    let db = app.db.read();
    let rows = database_hosts::Entity::find()
        .order_by_asc(database_hosts::Column::NameFolded)
        .limit(MOST)
        .all(db)
        .await?;
    let all = store::counts(db, false).await?;
    let troubled = store::counts(db, true).await?;
    let of = |counts: &HashMap<String, u64>, id: &str| counts.get(id).copied().unwrap_or_default();
    let items = rows.into_iter().map(|row| {
        let (all, troubled) = (of(&all, &row.id), of(&troubled, &row.id));
        shown(row, all, troubled)
    });
    Ok(Page::whole(items.collect()))
}

/// One.
/// # Errors
/// 404.
pub async fn get(app: &App, id: DatabaseHostId) -> Result<DatabaseHost> {
    let row = find(app.db.read(), id).await?;
    counted(app.db.read(), row).await
}

async fn counted(db: &impl ConnectionTrait, row: database_hosts::Model) -> Result<DatabaseHost> {
    let all = store::count(db, &row.id).await?;
    let troubled = databases::Entity::find()
        .filter(databases::Column::HostId.eq(&*row.id))
        .filter(databases::Column::Failures.gt(0))
        .count(db)
        .await?;
    Ok(shown(row, all, troubled))
}

/// What a host is for must be there.
async fn places(
    db: &impl ConnectionTrait,
    fields: &mut Fields,
    req: &DatabaseHostUpdate,
) -> Result<()> {
    let ids = req.nodes.iter().map(ToString::to_string);
    let there = nodes::Entity::find()
        .filter(nodes::Column::Id.is_in(ids))
        .filter(nodes::Column::DeletedAtMs.is_null())
        .count(db)
        .await?;
    let all = there == req.nodes.len() as u64;
    fields.check(all, "nodes", "unknown", "names a node that is not there");
    let ids = req.locations.iter().map(ToString::to_string);
    let there = locations::Entity::find()
        .filter(locations::Column::Id.is_in(ids))
        .count(db)
        .await?;
    let all = there == req.locations.len() as u64;
    let text = "names a location that is not there";
    fields.check(all, "locations", "unknown", text);
    Ok(())
}

fn ids(list: &[impl ToString]) -> Value {
    list.iter().map(ToString::to_string).collect()
}

/// The row of a host, but for what it was.
fn row(
    app: &App,
    id: &str,
    req: &DatabaseHostUpdate,
    now_ms: i64,
) -> Result<database_hosts::ActiveModel> {
    let secret = match &req.password {
        Some(password) => {
            let sealed = app.keys.sealer.seal(&place(id), password.as_bytes());
            Set(sealed.map_err(Error::internal)?)
        }
        None => sea_orm::NotSet,
    };
    Ok(database_hosts::ActiveModel {
        id: Set(id.to_owned()),
        name: Set(req.name.clone()),
        name_folded: Set(req.name.to_lowercase()),
        address: Set(req.address.clone()),
        port: Set(i32::from(req.port)),
        public_address: Set(req.public_address.clone()),
        public_port: Set(req.public_port.map(i32::from)),
        username: Set(req.username.clone()),
        secret,
        tls: Set(req.tls.as_str().to_owned()),
        ca_pem: Set(req.ca_pem.clone()),
        most_databases: Set(req.most_databases.map(i64::from)),
        most_connections: Set(req.most_connections.map(i64::from)),
        nodes: Set(ids(&req.nodes)),
        locations: Set(ids(&req.locations)),
        updated_at_ms: Set(now_ms),
        ..Default::default()
    })
}

/// What an audit row says of a host. Certificates are long: whether there are any.
fn told(row: &database_hosts::Model) -> Map<String, Value> {
    let told = json!({
        "name": row.name,
        "engine": row.engine,
        "address": row.address,
        "port": row.port,
        "public_address": row.public_address,
        "public_port": row.public_port,
        "username": row.username,
        "tls": row.tls,
        "ca": row.ca_pem.is_some(),
        "most_databases": row.most_databases,
        "most_connections": row.most_connections,
        "nodes": row.nodes,
        "locations": row.locations,
    });
    match told {
        Value::Object(told) => told,
        _ => Map::new(),
    }
}

/// Makes one known.
/// # Errors
/// 422; 409 when there are too many.
pub async fn create(app: &App, caller: &Caller, req: DatabaseHostCreate) -> Result<DatabaseHost> {
    let engine = req.engine;
    let mut refused = Fields::new();
    let req = fields::check(&mut refused, DatabaseHostUpdate::from(&req));
    let now_ms = app.clock.now_ms();
    let id = DatabaseHostId::new().to_string();
    let tx = app.db.begin(Lane::People).await?;
    places(&*tx, &mut refused, &req).await?;
    refused.finish()?;
    if database_hosts::Entity::find().count(&*tx).await? >= MOST {
        let text = format!("there are {MOST} database hosts; remove one that is no longer used");
        return Err(Error::conflict("too_many_database_hosts", text));
    }
    let mut row = row(app, &id, &req, now_ms)?;
    row.engine = Set(engine.as_str().to_owned());
    row.created_at_ms = Set(now_ms);
    let row = row
        .insert(&*tx)
        .await
        .map_err(Error::name_taken("database host"))?;
    Entry::of(Key::DatabaseHostCreate, "database_host", &row.id)
        .with(told(&row).into())
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(shown(row, 0, 0))
}

/// Whether control would give its password to somebody whom it did not give it to before.
fn leads_elsewhere(before: &database_hosts::Model, req: &DatabaseHostUpdate) -> bool {
    before.address != req.address
        || port(before.port) != req.port
        || before.username != req.username
        || before.tls != req.tls.as_str()
        || before.ca_pem != req.ca_pem
}

/// Changes one.
/// # Errors
/// 404; 412 when it is another by now; 422, also for another address, account or way of encryption without the password.
pub async fn update(
    app: &App,
    caller: &Caller,
    id: DatabaseHostId,
    if_match: &IfMatch,
    req: DatabaseHostUpdate,
) -> Result<DatabaseHost> {
    let mut refused = Fields::new();
    let req = fields::check(&mut refused, req);
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let before = locked(&*tx, &id.to_string()).await?;
    let before = before.ok_or_else(|| Error::not_found("database host"))?;
    if_match.check(&Version::at(before.updated_at_ms))?;
    places(&*tx, &mut refused, &req).await?;
    // Or the stored one could be had by letting control log in somewhere else with it.
    let known = req.password.is_some() || !leads_elsewhere(&before, &req);
    let text = "goes to another place than before: type it once more";
    refused.check(known, "password", "required", text);
    refused.finish()?;
    let changed_ms = later(before.updated_at_ms, now_ms);
    let after = row(app, &before.id, &req, changed_ms)?;
    let after = after
        .update(&*tx)
        .await
        .map_err(Error::name_taken("database host"))?;
    let (had, has) = (told(&before), told(&after));
    let mut diff = Map::new();
    for (name, to) in has {
        if had.get(&name) != Some(&to) {
            let from = had.get(&name);
            diff.insert(name, json!({"from": from, "to": to}));
        }
    }
    if before.ca_pem != after.ca_pem {
        diff.insert("ca".into(), json!("changed"));
    }
    if req.password.is_some() {
        diff.insert("password".into(), json!("changed"));
    }
    hurry(&*tx, &after.id, now_ms).await?;
    Entry::of(Key::DatabaseHostUpdate, "database_host", &after.id)
        .with(diff.into())
        .by(&*tx, caller, now_ms)
        .await?;
    let shown = counted(&*tx, after).await?;
    tx.commit().await?;
    app.nudges.databases();
    Ok(shown)
}

/// What waits for a host is due now.
pub(super) async fn hurry(db: &impl ConnectionTrait, host: &str, now_ms: i64) -> Result<(), DbErr> {
    databases::Entity::update_many()
        .col_expr(databases::Column::DueAtMs, Expr::value(now_ms))
        .filter(databases::Column::HostId.eq(host))
        .filter(databases::Column::State.ne(DatabaseState::Ready.as_str()))
        .exec(db)
        .await?;
    Ok(())
}

/// Forgets one.
/// # Errors
/// 404; 409 `database_host_in_use`.
pub async fn delete(app: &App, caller: &Caller, id: DatabaseHostId) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let row = locked(&*tx, &id.to_string()).await?;
    let row = row.ok_or_else(|| Error::not_found("database host"))?;
    let on_it = store::count(&*tx, &row.id).await?;
    if on_it > 0 {
        let text = format!(
            "{on_it} database(s) are on it: remove them first, and forget those that can't be removed there"
        );
        return Err(Error::conflict("database_host_in_use", text));
    }
    database_hosts::Entity::delete_by_id(&*row.id)
        .exec(&*tx)
        .await?;
    Entry::of(Key::DatabaseHostDelete, "database_host", &row.id)
        .with(told(&row).into())
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    app.desk.forget(&row.id);
    Ok(())
}

/// What is on one, by id.
/// # Errors
/// 404; 422 for a bad cursor.
pub async fn hosted(
    app: &App,
    id: DatabaseHostId,
    query: &PageQuery,
) -> Result<Page<HostedDatabase>> {
    let db = app.db.read();
    let host = find(db, id).await?;
    let limit = query.limit()?;
    let mut rows = databases::Entity::find()
        .filter(databases::Column::HostId.eq(host.id))
        .order_by_asc(databases::Column::Id)
        .limit(limit + 1);
    if let Some(after) = query.after()? {
        rows = rows.filter(databases::Column::Id.gt(after));
    }
    let page = Page::cut(rows.all(db).await?, limit, |row| row.id.clone());
    let owners = page.items.iter().map(|row| row.server_id.clone());
    let owners: Vec<(String, String, Option<i64>)> = servers::Entity::find()
        .filter(servers::Column::Id.is_in(owners))
        .select_only()
        .columns([
            servers::Column::Id,
            servers::Column::Name,
            servers::Column::DeletedAtMs,
        ])
        .into_tuple()
        .all(db)
        .await?;
    let owners: HashMap<String, (String, bool)> = owners
        .into_iter()
        .map(|(id, name, deleted)| (id, (name, deleted.is_some())))
        .collect();
    Ok(page.map(|row| {
        let server = owners.get(&row.server_id);
        let state = DatabaseState::parse(&row.state);
        HostedDatabase {
            id: row.id,
            name: row.name,
            username: row.username,
            orphaned: server.is_none_or(|(_, deleted)| *deleted),
            server: server.map(|(name, _)| Named {
                id: row.server_id,
                name: name.clone(),
            }),
            state,
            problem: row.problem,
            problem_detail: row.problem_detail,
            failures: u32::try_from(row.failures).unwrap_or_default(),
            retry_at: (state != DatabaseState::Ready).then_some(Stamp(row.due_at_ms)),
            created_at: Stamp(row.created_at_ms),
        }
    }))
}

/// Forgets a database that can't be removed where it is.
/// # Errors
/// 404; 409 while it is not to be removed, or nobody has tried yet.
pub async fn forget(
    app: &App,
    caller: &Caller,
    host: DatabaseHostId,
    id: DatabaseId,
) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let row = databases::Entity::find_by_id(id.to_string())
        .filter(databases::Column::HostId.eq(host.to_string()))
        .lock_exclusive()
        .one(&*tx)
        .await?
        .ok_or_else(|| Error::not_found("database"))?;
    if DatabaseState::parse(&row.state) != DatabaseState::Dropping || row.failures == 0 {
        let text = "is forgotten only once it was to be removed and its host did not do it";
        return Err(Error::conflict("database_wanted", format!("it {text}")));
    }
    databases::Entity::delete_by_id(&*row.id).exec(&*tx).await?;
    Entry::word("database.forget", "database", &row.id)
        .with(json!({
            "name": row.name,
            "username": row.username,
            "host": row.host_id,
            "server": row.server_id,
            "problem": row.problem,
        }))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(())
}
