//! What people want of servers. Each change is one transaction: rights and shape are checked first, the
//! node's rev and the server's generation raised, the row changed, its spec compiled anew, the audit row
//! written; the node is nudged after the commit.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, SqlErr,
    sea_query::{Expr, OnConflict},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use warren_entity::{eggs, nodes, operations, server_variables, servers};
use warren_proto::{
    ids::{JobId, ServerId},
    state::State,
};

use super::{
    check,
    dto::{PowerAction, Server, ServerCreate, ServerCreated, ServerPatch},
    ports, spec, store, view,
};
use crate::{
    access::Key,
    allocation::take,
    app::App,
    audit::Entry,
    auth::{Caller, ServerAccess},
    db::Lane,
    egg::view as egg_view,
    error::{Error, Fields, Result},
    ingest::effect::waits_for_install,
    operation::{
        dto::{Named, Operation},
        view as operation_view,
    },
    outbox::{self, Event},
    wanted,
};

/// Servers that a ticket can name: it travels in one message.
const IN_TICKET: u64 = 500;

/// One server.
/// # Errors
/// Database.
pub async fn get(app: &App, access: &ServerAccess) -> Result<Server> {
    view::whole(app, access).await
}

async fn fresh(app: &App, access: ServerAccess) -> Result<Server> {
    let access = ServerAccess::load(app, access.caller, access.id).await?;
    get(app, &access).await
}

/// A race that the transaction lost; the caller may simply ask again.
fn gone(error: DbErr) -> Error {
    match error {
        DbErr::RecordNotFound(_) => Error::not_found("server"),
        other => other.into(),
    }
}

/// Locks a server for a change: node first, then the server, as everywhere.
async fn begin_change(
    db: &impl ConnectionTrait,
    access: &ServerAccess,
) -> Result<(servers::Model, i64)> {
    let bumped = wanted::bump(db, &access.server.id).await.map_err(gone)?;
    let row = servers::Entity::find_by_id(&*access.server.id)
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("server"))?;
    Ok((row, bumped.generation))
}

async fn say(
    db: &impl ConnectionTrait,
    access: &ServerAccess,
    kind: &'static str,
    now_ms: i64,
    data: Value,
) -> Result<()> {
    let event = Event::of_server(access.id, Some(access.node), kind, now_ms, data);
    outbox::write(db, event).await?;
    Ok(())
}

/// The work that holds a server's files, if any.
async fn active(db: &impl ConnectionTrait, server: &str) -> Result<Option<operations::Model>> {
    Ok(operations::Entity::find()
        .filter(operations::Column::ServerId.eq(server))
        .filter(operations::Column::State.is_in(["pending", "running"]))
        .one(db)
        .await?)
}

struct NewOperation<'a> {
    kind: &'static str,
    server: &'a str,
    node: &'a str,
    generation: i64,
    wipe: bool,
}

async fn begin_operation(
    db: &impl ConnectionTrait,
    caller: &Caller,
    new: NewOperation<'_>,
    now_ms: i64,
) -> Result<operations::Model> {
    let row = operations::ActiveModel {
        id: Set(JobId::new().to_string()),
        kind: Set(new.kind.to_owned()),
        server_id: Set(Some(new.server.to_owned())),
        node_id: Set(Some(new.node.to_owned())),
        state: Set("pending".to_owned()),
        percent: Set(None),
        step: Set(None),
        code: Set(None),
        message: Set(None),
        generation: Set(new.generation),
        wipe: Set(new.wipe),
        run_id: Set(None),
        exit_code: Set(None),
        actor: Set(Some(caller.actor.user.to_string())),
        created_at_ms: Set(now_ms),
        sent_at_ms: Set(None),
        started_at_ms: Set(None),
        ended_at_ms: Set(None),
        cancel_asked_at_ms: Set(None),
    };
    // At most one active operation per server is a unique index.
    row.insert(db).await.map_err(|e| match e.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::conflict(
            "job_running",
            "an install or another job works on this server's files; wait for it or cancel it",
        ),
        _ => e.into(),
    })
}

fn shown(row: &operations::Model, server: &str, node: &str) -> Operation {
    let named = |id: &Option<String>, name: &str| {
        id.clone().map(|id| Named {
            id,
            name: name.to_owned(),
        })
    };
    operation_view::operation(
        row,
        named(&row.server_id, server),
        named(&row.node_id, node),
    )
}

/// Makes a server and begins to install it.
/// # Errors
/// 422 names the field; 409 without a free port.
pub async fn create(app: &App, caller: &Caller, req: ServerCreate) -> Result<ServerCreated> {
    let mut fields = Fields::new();
    let name = fields.line("name", &req.name, 64);
    let description = fields.text("description", &req.description, 1024);
    check::limits(&mut fields, &req.limits);
    let wish = ports::wish(&mut fields, &req.ports);
    let now_ms = app.clock.now_ms();
    let id = ServerId::new();
    let (key, node_id) = (id.to_string(), req.node.to_string());
    let tx = app.db.begin(Lane::People).await?;
    let egg = eggs::Entity::find_by_id(req.egg.to_string())
        .filter(eggs::Column::DeletedAtMs.is_null())
        .lock_exclusive()
        .one(&*tx)
        .await?;
    let raised = wanted::raise_rev(&*tx, &node_id).await;
    let node = match raised {
        Ok(_) => {
            nodes::Entity::find_by_id(&node_id)
                .filter(nodes::Column::DeletedAtMs.is_null())
                .one(&*tx)
                .await?
        }
        Err(DbErr::RecordNotFound(_)) => None,
        Err(error) => return Err(error.into()),
    };
    fields.check(egg.is_some(), "egg", "unknown", "there is no such egg");
    match &node {
        None => fields.refuse("node", "unknown", "there is no such node"),
        Some(node) if node.revoked_at_ms.is_some() => {
            fields.refuse("node", "revoked", "its credential is revoked; take another");
        }
        Some(_) => {}
    }
    let (Some(egg), Some(node)) = (egg, node) else {
        return Err(fields
            .finish()
            .err()
            .unwrap_or_else(|| Error::not_found("egg")));
    };
    let document = egg_view::document(&egg)?;
    let images = egg_view::lenient::<Vec<crate::egg::dto::ImageChoice>>(&egg.images);
    let image = req
        .image
        .or_else(|| images.first().map(|i| i.image.clone()))
        .unwrap_or_default();
    check::image(&mut fields, &image, &images, true);
    let startup = req.startup.unwrap_or_else(|| {
        document
            .startup_commands
            .first()
            .map(|c| c.command.clone())
            .unwrap_or_default()
    });
    check::startup(&mut fields, &startup);
    let known = egg_view::variables(&*tx, &egg.id).await?;
    check::variables(&mut fields, &known, &req.variables, true, true);
    fields.finish()?;
    let start = req.start_after_install;
    let row = servers::ActiveModel {
        id: Set(key.clone()),
        name: Set(name.clone()),
        description: Set(description),
        owner_id: Set(caller.actor.user.to_string()),
        node_id: Set(node.id.clone()),
        egg_id: Set(egg.id.clone()),
        image: Set(image),
        startup: Set(startup),
        limits: Set(serde_json::to_value(&req.limits).map_err(Error::internal)?),
        crash_policy: Set(json!(super::dto::CrashPolicyInfo::default())),
        suspended: Set(false),
        generation: Set(1),
        rev: Set(node.rev),
        // A start order waits on the node until the install that holds the files has ended well.
        power: Set(if start { "start" } else { "stop" }.to_owned()),
        power_generation: Set(i64::from(start)),
        restarts: Set(0),
        intent: Set(start.then(|| "start".to_owned())),
        intent_at_ms: Set(start.then_some(now_ms)),
        spec: Set(Vec::new()),
        state: Set(State::New.as_str().to_owned()),
        state_since_ms: Set(now_ms),
        state_reason: Set(None),
        state_detail: Set(None),
        observed_generation: Set(0),
        run_id: Set(None),
        run_started_at_ms: Set(None),
        last_exit: Set(None),
        install: Set(None),
        created_at_ms: Set(now_ms),
        updated_at_ms: Set(now_ms),
        deleted_at_ms: Set(None),
    };
    servers::Entity::insert(row)
        .exec_without_returning(&*tx)
        .await?;
    set_variables(&*tx, &key, &req.variables).await?;
    take::take(&*tx, &node, &key, &wish, false, now_ms).await?;
    spec::refresh(&*tx, &key).await?;
    let new = NewOperation {
        kind: "install",
        server: &key,
        node: &node.id,
        generation: 1,
        wipe: false,
    };
    let operation = begin_operation(&*tx, caller, new, now_ms).await?;
    let data = json!({"name": name, "egg": egg.id, "owner": caller.actor.user.to_string()});
    let event = Event::of_server(id, Some(req.node), "created", now_ms, data);
    outbox::write(&*tx, event).await?;
    Entry::of(Key::ServerCreate, "server", &key)
        .on(id)
        .with(json!({"name": name, "egg": egg.id, "node": node.id, "limits": req.limits}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    app.nudges.node(req.node);
    app.nudges.outbox();
    let access = ServerAccess::load(app, caller.clone(), id).await?;
    Ok(ServerCreated {
        server: get(app, &access).await?,
        operation: shown(&operation, &name, &node.name),
    })
}

pub(super) async fn set_variables(
    db: &impl ConnectionTrait,
    server: &str,
    values: &BTreeMap<String, String>,
) -> Result<()> {
    let rows = values
        .iter()
        .map(|(env, value)| server_variables::ActiveModel {
            server_id: Set(server.to_owned()),
            env: Set(env.clone()),
            value: Set(value.clone()),
        });
    let key = [
        server_variables::Column::ServerId,
        server_variables::Column::Env,
    ];
    let replace = OnConflict::columns(key)
        .update_column(server_variables::Column::Value)
        .to_owned();
    // An egg has at most some dozens; 3 columns each is far below any parameter limit.
    if !values.is_empty() {
        server_variables::Entity::insert_many(rows)
            .on_conflict(replace)
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

fn require_for(access: &ServerAccess, req: &ServerPatch) -> Result<()> {
    for (asked, key) in [
        (
            req.name.is_some() || req.description.is_some(),
            Key::SettingsRename,
        ),
        (
            req.limits.is_some() || req.startup.is_some(),
            Key::ServerLimits,
        ),
        (req.image.is_some(), Key::StartupDockerImage),
        (req.variables.is_some(), Key::StartupUpdate),
        (req.crash_policy.is_some(), Key::ServerCrashPolicy),
        (req.suspended.is_some(), Key::ServerSuspend),
    ] {
        if asked {
            access.require(key)?;
        }
    }
    match &req.ports {
        Some(change) => ports::require(access, change),
        None => Ok(()),
    }
}

/// Changes settings.
/// # Errors
/// 403 for what the caller may not change; 422 names the field.
pub async fn update(app: &App, access: ServerAccess, req: ServerPatch) -> Result<Server> {
    require_for(&access, &req)?;
    let any = access.caller.actor.admin;
    let mut fields = Fields::new();
    let name = req.name.as_ref().map(|n| fields.line("name", n, 64));
    let description = req
        .description
        .as_ref()
        .map(|d| fields.text("description", d, 1024));
    if let Some(limits) = &req.limits {
        check::limits(&mut fields, limits);
    }
    if let Some(policy) = &req.crash_policy {
        check::crash_policy(&mut fields, policy);
    }
    if let Some(command) = &req.startup {
        check::startup(&mut fields, command);
    }
    if let Some(change) = &req.ports {
        ports::check(&mut fields, change);
    }
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let (row, generation) = begin_change(&*tx, &access).await?;
    let egg = eggs::Entity::find_by_id(&*row.egg_id).one(&*tx).await?;
    let egg = egg.ok_or_else(|| Error::not_found("egg"))?;
    if let Some(image) = &req.image {
        // The one that it has may stay, even if the egg no longer offers it.
        if *image != row.image {
            let offered = egg_view::lenient::<Vec<crate::egg::dto::ImageChoice>>(&egg.images);
            check::image(&mut fields, image, &offered, any);
        }
    }
    if let Some(values) = &req.variables {
        let known = egg_view::variables(&*tx, &egg.id).await?;
        check::variables(&mut fields, &known, values, any, false);
    }
    fields.finish()?;
    if let Some(values) = &req.variables {
        set_variables(&*tx, &row.id, values).await?;
    }
    let diff = diff(&row, &req);
    let mut change = servers::ActiveModel {
        id: Set(row.id.clone()),
        updated_at_ms: Set(now_ms),
        ..Default::default()
    };
    if let Some(name) = name {
        change.name = Set(name);
    }
    if let Some(description) = description {
        change.description = Set(description);
    }
    if let Some(limits) = &req.limits {
        change.limits = Set(serde_json::to_value(limits).map_err(Error::internal)?);
    }
    if let Some(image) = req.image {
        change.image = Set(image);
    }
    if let Some(startup) = req.startup {
        change.startup = Set(startup);
    }
    if let Some(policy) = req.crash_policy {
        change.crash_policy = Set(json!(policy));
    }
    if let Some(suspended) = req.suspended {
        change.suspended = Set(suspended);
        if suspended {
            // Whatever people wait for does not come.
            change.intent = Set(None);
            change.intent_at_ms = Set(None);
        }
    }
    change.update(&*tx).await?;
    if let Some(change) = &req.ports {
        ports::change(&*tx, &row, change, now_ms).await?;
    }
    spec::refresh(&*tx, &row.id).await?;
    say(
        &*tx,
        &access,
        "wanted",
        now_ms,
        json!({"generation": generation}),
    )
    .await?;
    Entry::word("server.update", "server", &row.id)
        .on(access.id)
        .with(diff)
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    app.nudges.node(access.node);
    app.nudges.outbox();
    fresh(app, access).await
}

/// What an audit row says of a change. Values of variables may be secrets: only their names stand in it.
fn diff(row: &servers::Model, req: &ServerPatch) -> Value {
    let mut diff = serde_json::Map::new();
    let mut put = |name: &str, from: Value, to: Option<Value>| {
        if let Some(to) = to
            && to != from
        {
            diff.insert(name.to_owned(), json!({"from": from, "to": to}));
        }
    };
    put("name", json!(row.name), req.name.as_ref().map(|v| json!(v)));
    let description = req.description.as_ref().map(|v| json!(v));
    put("description", json!(row.description), description);
    put(
        "image",
        json!(row.image),
        req.image.as_ref().map(|v| json!(v)),
    );
    put(
        "startup",
        json!(row.startup),
        req.startup.as_ref().map(|v| json!(v)),
    );
    put(
        "limits",
        row.limits.clone(),
        req.limits.as_ref().map(|v| json!(v)),
    );
    let policy = req.crash_policy.as_ref().map(|v| json!(v));
    put("crash_policy", row.crash_policy.clone(), policy);
    put(
        "suspended",
        json!(row.suspended),
        req.suspended.map(|v| json!(v)),
    );
    if let Some(values) = &req.variables {
        let names: Vec<&String> = values.keys().collect();
        diff.insert("variables".into(), json!(names));
    }
    if let Some(change) = &req.ports {
        diff.insert("ports".into(), json!(change));
    }
    Value::Object(diff)
}

/// Gives a power order.
/// # Errors
/// 409 when the server is suspended, not installed, or its files are held by a job.
pub async fn power(app: &App, access: ServerAccess, action: PowerAction) -> Result<i64> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let (row, generation) = begin_change(&*tx, &access).await?;
    if matches!(action, PowerAction::Start | PowerAction::Restart) {
        may_start(&*tx, &row).await?;
    }
    let (power, restarts) = match action {
        PowerAction::Start => ("start", 0),
        PowerAction::Restart => ("start", 1),
        PowerAction::Stop => ("stop", 0),
        PowerAction::Kill => ("kill", 0),
    };
    servers::Entity::update_many()
        .col_expr(servers::Column::Power, Expr::value(power))
        .col_expr(servers::Column::PowerGeneration, Expr::value(generation))
        .col_expr(
            servers::Column::Restarts,
            Expr::col(servers::Column::Restarts).add(restarts),
        )
        .col_expr(servers::Column::Intent, Expr::value(intent(&row, action)))
        .col_expr(servers::Column::IntentAtMs, Expr::value(Some(now_ms)))
        .col_expr(servers::Column::UpdatedAtMs, Expr::value(now_ms))
        .filter(servers::Column::Id.eq(&*row.id))
        .exec(&*tx)
        .await?;
    let data = json!({"generation": generation, "power": action});
    say(&*tx, &access, "wanted", now_ms, data).await?;
    Entry::of(action.key(), "server", &row.id)
        .on(access.id)
        .with(json!({"action": action, "generation": generation}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    app.nudges.node(access.node);
    app.nudges.outbox();
    Ok(generation)
}

/// What people see until the fact arrives. An order that asks for what is there already leaves nothing to see.
fn intent(row: &servers::Model, action: PowerAction) -> Option<String> {
    let state = row.state.parse::<State>().ok();
    let there = match action {
        PowerAction::Start => state == Some(State::Running),
        PowerAction::Restart => false,
        PowerAction::Stop | PowerAction::Kill => matches!(
            state,
            Some(State::Stopped | State::New | State::Installing | State::Error)
        ),
    };
    (!there).then(|| action.as_str().to_owned())
}

async fn may_start(db: &impl ConnectionTrait, row: &servers::Model) -> Result<()> {
    if row.suspended {
        return Err(Error::conflict(
            "suspended",
            "this server is suspended; an admin must lift that first",
        ));
    }
    if let Some(job) = active(db, &row.id).await? {
        return Err(Error::conflict(
            "job_running",
            format!(
                "operation {} ({}) holds this server's files; wait for it or cancel it",
                job.id, job.kind
            ),
        ));
    }
    let install = row.install.as_ref();
    let failed = install.is_some_and(|i| i.get("result") == Some(&json!("failed")));
    if failed || row.state == State::New.as_str() {
        return Err(Error::conflict(
            "not_installed",
            "its install has not ended well; look at the install log and reinstall it",
        ));
    }
    Ok(())
}

/// Runs the install script again.
/// # Errors
/// 409 while another job holds the server.
pub async fn reinstall(app: &App, access: ServerAccess, wipe: bool) -> Result<Operation> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let (row, generation) = begin_change(&*tx, &access).await?;
    if row.suspended {
        return Err(Error::conflict(
            "suspended",
            "this server is suspended; an admin must lift that first",
        ));
    }
    let new = NewOperation {
        kind: "reinstall",
        server: &row.id,
        node: &row.node_id,
        generation,
        wipe,
    };
    let operation = begin_operation(&*tx, &access.caller, new, now_ms).await?;
    // The job needs the files for itself: the game is stopped for it and not started again. Where none was ever
    // installed there is no game, and the start that its creation asked for comes when the files are there.
    let bare = matches!(
        row.state.parse(),
        Ok(State::New | State::Installing | State::Error)
    );
    let first = bare && waits_for_install(&row);
    let mut update = servers::Entity::update_many()
        .col_expr(
            servers::Column::Intent,
            Expr::value(first.then_some("start")),
        )
        .col_expr(
            servers::Column::IntentAtMs,
            Expr::value(first.then_some(now_ms)),
        )
        .col_expr(servers::Column::UpdatedAtMs, Expr::value(now_ms))
        .filter(servers::Column::Id.eq(&*row.id));
    if !first {
        update = update
            .col_expr(servers::Column::Power, Expr::value("stop"))
            .col_expr(servers::Column::PowerGeneration, Expr::value(generation));
    }
    update.exec(&*tx).await?;
    spec::refresh(&*tx, &row.id).await?;
    let data = json!({"operation": operation.id, "kind": "reinstall", "state": "pending"});
    say(&*tx, &access, "operation", now_ms, data).await?;
    Entry::of(Key::SettingsReinstall, "server", &row.id)
        .on(access.id)
        .with(json!({"wipe": wipe, "operation": operation.id}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    app.nudges.node(access.node);
    app.nudges.outbox();
    let node = node_name(app, &row.node_id).await?;
    Ok(shown(&operation, &row.name, &node))
}

async fn node_name(app: &App, id: &str) -> Result<String> {
    let node = nodes::Entity::find_by_id(id).one(app.db.read()).await?;
    Ok(node.map(|n| n.name).unwrap_or_default())
}

/// Deletes a server: the row goes softly, its node gets a tombstone.
/// # Errors
/// 422 when the typed name is another.
pub async fn delete(app: &App, access: ServerAccess, name: &str) -> Result<Operation> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let keep_s = app.config.keep_files_s;
    let bumped = wanted::remove(&*tx, &access.server.id, keep_s, now_ms)
        .await
        .map_err(gone)?;
    let row = servers::Entity::find_by_id(&*access.server.id)
        .one(&*tx)
        .await?
        .ok_or_else(|| Error::not_found("server"))?;
    if row.name != name.trim() {
        return Err(Error::field(
            "name",
            "mismatch",
            "is not the server's name; type it as it stands",
        ));
    }
    // Whatever worked on the files is pointless now; the node breaks it off when the tombstone arrives.
    operations::Entity::update_many()
        .col_expr(operations::Column::State, Expr::value("cancelled"))
        .col_expr(operations::Column::Code, Expr::value("server_deleted"))
        .col_expr(operations::Column::EndedAtMs, Expr::value(now_ms))
        .filter(operations::Column::ServerId.eq(&*row.id))
        .filter(operations::Column::State.is_in(["pending", "running"]))
        .exec(&*tx)
        .await?;
    let new = NewOperation {
        kind: "delete",
        server: &row.id,
        node: &row.node_id,
        generation: bumped.generation,
        wipe: true,
    };
    let operation = begin_operation(&*tx, &access.caller, new, now_ms).await?;
    let data = json!({"operation": operation.id, "kind": "delete", "state": "pending"});
    say(&*tx, &access, "operation", now_ms, data).await?;
    Entry::of(Key::ServerDelete, "server", &row.id)
        .on(access.id)
        .with(json!({"name": row.name}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    app.nudges.node(access.node);
    app.nudges.outbox();
    let node = node_name(app, &row.node_id).await?;
    Ok(shown(&operation, &row.name, &node))
}

/// Ids of the servers that the caller may see, for a ticket: the newest 500, and how many more there are.
/// # Errors
/// Database.
pub async fn own_ids(app: &App, caller: &Caller) -> Result<(Vec<ServerId>, u64)> {
    let ids: Vec<String> = store::visible_to(&caller.actor)
        .select_only()
        .column(servers::Column::Id)
        .order_by_desc(servers::Column::Id)
        .limit(IN_TICKET)
        .into_tuple()
        .all(app.db.read())
        .await?;
    let mut left_out = 0;
    if ids.len() as u64 == IN_TICKET {
        let all = store::visible_to(&caller.actor)
            .count(app.db.read())
            .await?;
        left_out = all.saturating_sub(IN_TICKET);
    }
    let ids = ids.iter().filter_map(|id| id.parse().ok()).collect();
    Ok((ids, left_out))
}
