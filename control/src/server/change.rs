//! Changes what a server is set to.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait};
use serde_json::{Value, json};
use warren_entity::{eggs, servers};

use super::{
    check,
    create::set_variables,
    dto::{Server, ServerPatch},
    owner, ports,
    service::{begin_change, fresh, say},
    spec, version,
};
use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::ServerAccess,
    db::Lane,
    egg::view as egg_view,
    error::{Error, Fields, Result},
    gate,
    http::IfMatch,
    quota::{self, Kind},
    sftp,
};

fn require_for(access: &ServerAccess, req: &ServerPatch) -> Result<()> {
    for (asked, key) in [
        (
            req.name.is_some() || req.description.is_some(),
            Key::SettingsRename,
        ),
        (req.startup.is_some(), Key::ServerLimits),
        (
            req.limits.is_some() && !owner::resizes(access),
            Key::ServerLimits,
        ),
        (req.image.is_some(), Key::StartupDockerImage),
        (req.variables.is_some(), Key::StartupUpdate),
        (req.crash_policy.is_some(), Key::ServerCrashPolicy),
        (req.suspended.is_some(), Key::ServerSuspend),
        (req.owner.is_some(), Key::ServerOwner),
    ] {
        if asked {
            access.require(key)?;
        }
    }
    if req.owner.is_some() {
        // Whoever gives a server away could give it to themselves.
        owner::require_all(access)?;
    }
    match &req.ports {
        Some(change) => ports::require(access, change),
        None => Ok(()),
    }
}

/// Changes settings.
/// # Errors
/// 403 for what the caller may not change; 422 names the field.
pub async fn update(
    app: &App,
    access: ServerAccess,
    if_match: &IfMatch,
    req: ServerPatch,
) -> Result<Server> {
    require_for(&access, &req)?;
    let any = access.may(Key::ServerLimits);
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
    if let Some(limits) = &req.limits
        && !any
    {
        // Given away since it was loaded: it is no longer theirs to size.
        if row.owner_id != access.caller.actor.user.to_string() {
            access.require(Key::ServerLimits)?;
        }
        check::uncounted_stay(&mut fields, &egg_view::lenient(&row.limits), limits);
    }
    if if_match.asks() {
        if_match.check(&version::of(app, &*tx, &row).await?)?;
    }
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
    let more = more(&row, &req);
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
    let new_owner = req.owner.filter(|owner| owner.to_string() != row.owner_id);
    if let Some(owner) = new_owner {
        owner::change(&*tx, &row, owner).await?;
        change.owner_id = Set(owner.to_string());
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
    let owner = new_owner.map_or_else(|| row.owner_id.clone(), |owner| owner.to_string());
    quota::hold(&*tx, &owner, &more, now_ms).await?;
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
    let suspends = req.suspended == Some(true) && !row.suspended;
    if suspends {
        sftp::end_of_server(&*tx, &row.id, now_ms).await?;
    }
    if new_owner.is_some() {
        gate::end_people(&*tx, [row.owner_id.clone()], now_ms).await?;
    }
    tx.commit().await?;
    app.nudges.node(access.node);
    app.nudges.outbox();
    if suspends || new_owner.is_some() {
        app.nudges.revoked();
    }
    fresh(app, access).await
}

/// What the change makes more of, for its owner.
fn more(row: &servers::Model, req: &ServerPatch) -> Vec<Kind> {
    if req
        .owner
        .is_some_and(|owner| owner.to_string() != row.owner_id)
    {
        return Kind::ALL.to_vec();
    }
    let before = egg_view::lenient(&row.limits);
    let mut more = match &req.limits {
        Some(after) => quota::grown(&before, after),
        None => Vec::new(),
    };
    if let Some(ports) = &req.ports
        && usize::from(ports.extra) + ports.add.len() > ports.remove.len()
    {
        more.push(Kind::Ports);
    }
    more
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
    let owner = req.owner.as_ref().map(|v| json!(v));
    put("owner", json!(row.owner_id), owner);
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
