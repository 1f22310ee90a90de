//! Makes, changes and removes databases of servers: writes down what is wanted, and has it done.

use std::{collections::HashMap, time::Duration};

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use serde_json::json;
use tokio::{sync::OwnedSemaphorePermit, time::timeout};
use warren_entity::{database_hosts, databases, servers};
use warren_proto::ids::DatabaseId;

use super::{
    choose,
    dto::{
        Database, DatabaseConnection, DatabaseCreate, DatabaseHostChoice, DatabaseProblem,
        DatabaseState,
    },
    names,
    work::{self, Claim},
};
use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::{ServerAccess, secret},
    database_host::{dto::Engine, engine::is_source, store::count_of},
    db::Lane,
    egg::view::lenient,
    error::{Error, Fields, Result},
    http::{Page, Stamp},
    outbox::{self, Event},
    quota::{self, Kind},
    server::dto::Limits,
};

/// Databases of one server, whatever its limit; the list is one page.
pub const MOST: u64 = 200;
/// More connections than any host takes.
const MOST_CONNECTIONS: u32 = 100_000;
/// So long a person waits for a host; then the answer is that it is still being done.
const PATIENCE: Duration = Duration::from_secs(8);

/// Where the password of a database is sealed for.
#[must_use]
pub fn place(id: &str) -> String {
    format!("database.{id}")
}

fn seal(app: &App, id: &str, password: &secret::Secret) -> Result<Vec<u8>> {
    let sealed = app
        .keys
        .sealer
        .seal(&place(id), password.expose().as_bytes());
    sealed.map_err(Error::internal)
}

/// A host's words are for those who look after it: what it means is for everybody.
fn problem(row: &databases::Model) -> Option<DatabaseProblem> {
    let code = row.problem.clone()?;
    let what = match &*code {
        "unreachable" | "timed_out" | "busy" => "the database host does not answer at the moment",
        _ => {
            "the database host does not do as it is told; whoever runs the panel can see why, under Database hosts"
        }
    };
    Some(DatabaseProblem {
        detail: format!("{what}. It is asked again by itself."),
        code,
        retry_at: Stamp(row.due_at_ms),
    })
}

fn shown(row: databases::Model, host: &database_hosts::Model) -> Database {
    Database {
        host: choose::reference(host),
        state: DatabaseState::parse(&row.state),
        problem: problem(&row),
        id: row.id,
        name: row.name,
        username: row.username,
        connections_from: row.connections_from,
        most_connections: count_of(row.most_connections),
        created_at: Stamp(row.created_at_ms),
    }
}

/// All of a server, by id.
/// # Errors
/// Database.
pub async fn list(app: &App, access: &ServerAccess) -> Result<Page<Database>> {
    let db = app.db.read();
    let rows = databases::Entity::find()
        .filter(databases::Column::ServerId.eq(&*access.server.id))
        .order_by_asc(databases::Column::Id)
        .limit(MOST)
        .all(db)
        .await?;
    let hosts = rows.iter().map(|row| row.host_id.clone());
    let hosts = database_hosts::Entity::find()
        .filter(database_hosts::Column::Id.is_in(hosts))
        .all(db)
        .await?;
    let hosts: HashMap<String, database_hosts::Model> =
        hosts.into_iter().map(|h| (h.id.clone(), h)).collect();
    let items = rows.into_iter().filter_map(|row| {
        let host = hosts.get(&row.host_id)?;
        Some(shown(row, host))
    });
    Ok(Page::whole(items.collect()))
}

/// Hosts on which it may get one.
/// # Errors
/// Database.
pub async fn hosts(app: &App, access: &ServerAccess) -> Result<Page<DatabaseHostChoice>> {
    let choices = choose::choices(app.db.read(), &access.server).await?;
    Ok(Page::whole(choices))
}

async fn find(
    db: &impl ConnectionTrait,
    access: &ServerAccess,
    id: DatabaseId,
) -> Result<databases::Model> {
    databases::Entity::find_by_id(id.to_string())
        .filter(databases::Column::ServerId.eq(&*access.server.id))
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("database"))
}

async fn host_of(db: &impl ConnectionTrait, id: &str) -> Result<database_hosts::Model> {
    database_hosts::Entity::find_by_id(id)
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("database host"))
}

/// Says to all who look at the server that one of its databases is another. The server's row must be locked.
pub(super) async fn say(
    db: &impl ConnectionTrait,
    server: &servers::Model,
    database: &str,
    state: &str,
    now_ms: i64,
) -> Result<(), DbErr> {
    let damaged = |e: warren_proto::ids::InvalidId| DbErr::Custom(format!("servers: {e}"));
    let id = server.id.parse().map_err(damaged)?;
    let node = server.node_id.parse().ok();
    let data = json!({"database": database, "state": state});
    let event = Event::of_server(id, node, "database", now_ms, data);
    outbox::write(db, event).await
}

/// What may be asked for, checked.
struct Wish {
    name: String,
    username: String,
    from: String,
}

fn wish(req: &DatabaseCreate) -> Result<Wish> {
    let mut fields = Fields::new();
    if let Some(end) = &req.name {
        let text = format!("is 1 to {} of a-z, 0-9 and _", names::MOST);
        fields.check(names::is_end(end), "name", "invalid", text);
    }
    let from = req
        .connections_from
        .as_deref()
        .map_or("%", str::trim)
        .to_ascii_lowercase();
    let text = "is an address, a name or a pattern of them: 10.0.0.5, 10.0.%, 10.0.0.0/255.255.0.0";
    fields.check(is_source(&from), "connections_from", "invalid", text);
    let fits = req
        .most_connections
        .is_none_or(|n| (1..=MOST_CONNECTIONS).contains(&n));
    let text = format!("is between 1 and {MOST_CONNECTIONS}");
    fields.check(fits, "most_connections", "out_of_range", text);
    fields.finish()?;
    let (name, username) = names::fresh(req.name.as_deref())?;
    Ok(Wish {
        name,
        username,
        from,
    })
}

/// Connections that one database gets on a host.
fn connections(host: &database_hosts::Model, asked: Option<u32>) -> Result<Option<i64>> {
    let most = count_of(host.most_connections);
    if let (Some(most), Some(asked)) = (most, asked)
        && asked > most
    {
        let text = format!("is at most {most} on this host");
        return Err(Error::field("most_connections", "out_of_range", text));
    }
    Ok(asked.or(most).map(i64::from))
}

async fn room(db: &impl ConnectionTrait, server: &servers::Model) -> Result<()> {
    let limits: Limits = lenient(&server.limits);
    let most = limits.databases.map_or(MOST, u64::from).min(MOST);
    let have = databases::Entity::find()
        .filter(databases::Column::ServerId.eq(&*server.id))
        .count(db)
        .await?;
    if have < most {
        return Ok(());
    }
    let text = match most {
        0 => "this server may have no databases; its limits say so".to_owned(),
        _ => format!("this server has {have} of the {most} databases that its limits give it"),
    };
    Err(Error::conflict("database_limit", text))
}

/// Makes one.
/// # Errors
/// 409 for what is full: server, owner's quota, host; 409 while the server is suspended; 422.
pub async fn create(app: &App, access: &ServerAccess, req: DatabaseCreate) -> Result<Database> {
    let wish = wish(&req)?;
    let id = DatabaseId::new().to_string();
    let secret = seal(app, &id, &secret::database_password()?)?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let (access, server) = access
        .locked_for(&*tx, &[Key::DatabaseCreate], now_ms)
        .await?;
    room(&*tx, &server).await?;
    let host = choose::host(&*tx, &access.server, req.host, req.engine).await?;
    if Engine::parse(&host.engine) == Engine::Postgresql && wish.from != "%" {
        let text = "can't be set with PostgreSQL, where the host's own configuration says who may come from where";
        return Err(Error::field("connections_from", "conflict", text));
    }
    let turn = app.desk.try_turn(&host.id);
    let claim = turn.as_ref().map(|_| Claim::new(app, &id));
    let row = databases::ActiveModel {
        id: Set(id.clone()),
        server_id: Set(server.id.clone()),
        host_id: Set(host.id.clone()),
        name: Set(wish.name),
        username: Set(wish.username),
        connections_from: Set(wish.from),
        most_connections: Set(connections(&host, req.most_connections)?),
        secret: Set(secret),
        next_secret: Set(None),
        state: Set(DatabaseState::Creating.as_str().to_owned()),
        failures: Set(0),
        problem: Set(None),
        problem_detail: Set(None),
        due_at_ms: Set(now_ms),
        leased_by: Set(claim.as_ref().map(|claim| claim.token.clone())),
        leased_until_ms: Set(claim.as_ref().map_or(0, |_| now_ms + work::LEASE_MS)),
        created_at_ms: Set(now_ms),
        updated_at_ms: Set(now_ms),
    };
    let row = row.insert(&*tx).await?;
    quota::hold(&*tx, &server.owner_id, &[Kind::Databases], now_ms).await?;
    say(&*tx, &server, &id, &row.state, now_ms).await?;
    Entry::of(Key::DatabaseCreate, "database", &id)
        .on(access.id)
        .with(json!({
            "name": row.name,
            "username": row.username,
            "host": host.name,
            "connections_from": row.connections_from,
            "most_connections": row.most_connections,
        }))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    carry_out(app, turn, claim).await;
    let now = databases::Entity::find_by_id(&*id)
        .one(app.db.read())
        .await?;
    // Removed by somebody in the same moment: it was made, and that is what is answered.
    Ok(shown(now.unwrap_or(row), &host))
}

/// Has a claimed row's host follow, here and now if there is a turn; goes on behind the answer when it takes long.
async fn carry_out(app: &App, turn: Option<OwnedSemaphorePermit>, claim: Option<Claim>) {
    app.nudges.outbox();
    let (Some(turn), Some(claim)) = (turn, claim) else {
        app.nudges.databases();
        return;
    };
    let worker = app.clone();
    // A task of its own: whoever hangs up does not break it off.
    let work = tokio::spawn(async move { work::carry_out(&worker, claim, turn).await });
    drop(timeout(PATIENCE, work).await);
}

/// Gives one another password.
/// # Errors
/// 404; 409 while it is not ready or its server is suspended.
pub async fn rotate(app: &App, access: &ServerAccess, id: DatabaseId) -> Result<Database> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let (access, server) = access
        .locked_for(&*tx, &[Key::DatabaseUpdate], now_ms)
        .await?;
    let row = find(&*tx, &access, id).await?;
    ready(&row)?;
    let host = host_of(&*tx, &row.host_id).await?;
    let next = seal(app, &row.id, &secret::database_password()?)?;
    let rotating = DatabaseState::Rotating.as_str();
    let change = databases::ActiveModel {
        id: Set(row.id.clone()),
        state: Set(rotating.to_owned()),
        next_secret: Set(Some(next)),
        due_at_ms: Set(now_ms),
        updated_at_ms: Set(now_ms),
        ..Default::default()
    };
    change.update(&*tx).await?;
    let turn = app.desk.try_turn(&host.id);
    let claim = work::claim(&*tx, app, turn.as_ref(), &row.id, now_ms).await?;
    say(&*tx, &server, &row.id, rotating, now_ms).await?;
    Entry::of(Key::DatabaseUpdate, "database", &row.id)
        .on(access.id)
        .with(json!({"name": row.name, "password": "changed"}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    carry_out(app, turn, claim).await;
    let now = find(app.db.read(), &access, id).await?;
    Ok(shown(now, &host))
}

fn ready(row: &databases::Model) -> Result<()> {
    let what = match DatabaseState::parse(&row.state) {
        DatabaseState::Ready => return Ok(()),
        DatabaseState::Creating => "is still being made",
        DatabaseState::Rotating => "is just getting another password",
        DatabaseState::Dropping => "is being removed",
    };
    let text = format!("this database {what}; look again in a moment");
    Err(Error::conflict("database_busy", text))
}

/// Removes one.
/// # Errors
/// 404; 409 while the server is suspended; 422 when the typed name is another.
pub async fn delete(
    app: &App,
    access: &ServerAccess,
    id: DatabaseId,
    name: &str,
) -> Result<Database> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let (access, server) = access
        .locked_for(&*tx, &[Key::DatabaseDelete], now_ms)
        .await?;
    let row = find(&*tx, &access, id).await?;
    if row.name != name.trim() {
        let text = "is not the database's name; type it as it stands";
        return Err(Error::field("name", "mismatch", text));
    }
    let host = host_of(&*tx, &row.host_id).await?;
    let dropping = DatabaseState::Dropping;
    if DatabaseState::parse(&row.state) == dropping {
        return Ok(shown(row, &host));
    }
    let change = databases::ActiveModel {
        id: Set(row.id.clone()),
        state: Set(dropping.as_str().to_owned()),
        failures: Set(0),
        problem: Set(None),
        problem_detail: Set(None),
        due_at_ms: Set(now_ms),
        updated_at_ms: Set(now_ms),
        ..Default::default()
    };
    let row = change.update(&*tx).await?;
    say(&*tx, &server, &row.id, dropping.as_str(), now_ms).await?;
    Entry::of(Key::DatabaseDelete, "database", &row.id)
        .on(access.id)
        .with(json!({"name": row.name, "username": row.username, "host": host.name}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    app.nudges.outbox();
    app.nudges.databases();
    Ok(shown(row, &host))
}

/// All databases of a server go with it.
/// # Errors
/// Database.
pub async fn drop_all(db: &impl ConnectionTrait, server: &str, now_ms: i64) -> Result<(), DbErr> {
    let dropping = DatabaseState::Dropping.as_str();
    let nothing = || Expr::value(None::<String>);
    databases::Entity::update_many()
        .col_expr(databases::Column::State, Expr::value(dropping))
        .col_expr(databases::Column::Failures, Expr::value(0))
        .col_expr(databases::Column::Problem, nothing())
        .col_expr(databases::Column::ProblemDetail, nothing())
        .col_expr(databases::Column::DueAtMs, Expr::value(now_ms))
        .col_expr(databases::Column::UpdatedAtMs, Expr::value(now_ms))
        .filter(databases::Column::ServerId.eq(server))
        .filter(databases::Column::State.ne(dropping))
        .exec(db)
        .await?;
    Ok(())
}

/// All that a game needs to connect. Who looked stands in the audit log.
/// # Errors
/// 404; 409 while it is not ready or its server is suspended.
pub async fn connection(
    app: &App,
    access: &ServerAccess,
    id: DatabaseId,
) -> Result<DatabaseConnection> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let (access, _) = access
        .locked_for(&*tx, &[Key::DatabaseViewPassword], now_ms)
        .await?;
    let row = find(&*tx, &access, id).await?;
    ready(&row)?;
    let host = choose::reference(&host_of(&*tx, &row.host_id).await?);
    let password = app.keys.sealer.open(&place(&row.id), &row.secret);
    let password = String::from_utf8(password.map_err(Error::internal)?);
    let password = password.map_err(Error::internal)?;
    Entry::of(Key::DatabaseViewPassword, "database", &row.id)
        .on(access.id)
        .with(json!({"name": row.name}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    let names = (row.name, row.username, password);
    Ok(names::connection(
        host.engine,
        host.address,
        host.port,
        names,
    ))
}
