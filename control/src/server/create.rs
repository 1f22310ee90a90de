//! Makes servers.

use std::collections::BTreeMap;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::OnConflict,
};
use serde_json::json;
use warren_entity::{eggs, nodes, server_variables, servers};
use warren_proto::{ids::ServerId, state::State};

use super::{
    check,
    dto::{ServerCreate, ServerCreated},
    job::shown,
    owner, ports,
    service::get,
    spec,
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
    job::{
        Kind as JobKind,
        begin::{NewOperation, begin},
    },
    outbox::{self, Event},
    quota::{self, Kind},
    wanted,
};

/// Makes a server and begins to install it.
/// # Errors
/// 422 names the field; 409 without a free port.
pub async fn create(app: &App, caller: &Caller, req: ServerCreate) -> Result<ServerCreated> {
    let mut fields = Fields::new();
    let name = fields.line("name", &req.name, 64);
    let description = fields.text("description", &req.description, 1024);
    check::limits(&mut fields, &req.limits);
    let staff = owner::sets_limits(app, caller, req.node).await;
    if !staff {
        check::plain(&mut fields, &req);
    }
    let wish = ports::wish(&mut fields, &req.ports);
    let now_ms = app.clock.now_ms();
    let id = ServerId::new();
    let (key, node_id) = (id.to_string(), req.node.to_string());
    let owner = req.owner.unwrap_or(caller.actor.user);
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
    // After the node, as where an owner changes.
    owner::there(&*tx, owner).await?;
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
    check::image(&mut fields, &image, &images, staff);
    let startup = req.startup.unwrap_or_else(|| {
        document
            .startup_commands
            .first()
            .map(|c| c.command.clone())
            .unwrap_or_default()
    });
    check::startup(&mut fields, &startup);
    let offered = document.startup_commands.iter();
    fields.check(
        staff || offered.map(|c| &*c.command).any(|c| c == startup),
        "startup",
        "not_offered",
        "is none of the egg's start commands",
    );
    let known = egg_view::variables(&*tx, &egg.id).await?;
    check::variables(&mut fields, &known, &req.variables, staff, true);
    fields.finish()?;
    let start = req.start_after_install;
    let row = servers::ActiveModel {
        id: Set(key.clone()),
        name: Set(name.clone()),
        description: Set(description),
        owner_id: Set(owner.to_string()),
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
    quota::hold(&*tx, &owner.to_string(), &Kind::OF_A_SERVER, now_ms).await?;
    spec::refresh(&*tx, &key).await?;
    let new = NewOperation {
        kind: JobKind::Install,
        server: &key,
        node: &node.id,
        generation: 1,
        wipe: false,
        body: None,
        actor: Some(caller.actor.user.to_string()),
    };
    let operation = begin(&*tx, new, now_ms).await?;
    let data = json!({"name": name, "egg": egg.id, "owner": owner.to_string()});
    let event = Event::of_server(id, Some(req.node), "created", now_ms, data);
    outbox::write(&*tx, event).await?;
    Entry::of(Key::ServerCreate, "server", &key)
        .on(id)
        .with(json!({
            "name": name,
            "egg": egg.id,
            "node": node.id,
            "owner": owner.to_string(),
            "limits": req.limits,
        }))
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
