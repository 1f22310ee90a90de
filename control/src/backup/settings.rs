//! How a server is backed up: where to, what is left out, what is typed into its game, what is kept.

use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, sea_query::OnConflict};
use serde_json::json;
use warren_entity::{backup_settings, servers};

use super::{
    dto::{BackupHooks, BackupSettings, BackupSettingsUpdate},
    repository,
};
use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::ServerAccess,
    db::Lane,
    egg::view::lenient,
    error::{Error, Fields, Result},
    http::{IfMatch, Version, later},
};

const MOST_RULES: usize = 200;
const MOST_LINES: usize = 8;

/// What is set; nothing set is the default.
/// # Errors
/// Database.
pub async fn of(
    db: &impl ConnectionTrait,
    server: &str,
) -> Result<(BackupSettingsUpdate, i64), DbErr> {
    let row = backup_settings::Entity::find_by_id(server).one(db).await?;
    Ok(row.map_or_else(Default::default, |row| {
        (lenient(&row.settings), row.updated_at_ms)
    }))
}

/// For people.
/// # Errors
/// Database.
pub async fn get(app: &App, access: &ServerAccess) -> Result<BackupSettings> {
    let (settings, at_ms) = of(app.db.read(), &access.server.id).await?;
    Ok(BackupSettings {
        version: Version::at(at_ms),
        settings,
    })
}

/// Says what is wrong with rules, if anything, and gives them as they are kept.
pub fn rules(fields: &mut Fields, lines: Vec<String>) -> Vec<String> {
    let text = format!("has at most {MOST_RULES} lines");
    fields.check(lines.len() <= MOST_RULES, "ignore", "too_many", text);
    let good = |line: &String| line.len() <= 512 && !line.chars().any(char::is_control);
    let text = "each line has at most 512 bytes and no control characters";
    fields.check(lines.iter().all(good), "ignore", "invalid", text);
    let lines = lines.into_iter().map(|line| line.trim_end().to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

fn check(fields: &mut Fields, mut req: BackupSettingsUpdate) -> BackupSettingsUpdate {
    req.ignore = rules(fields, req.ignore);
    for (name, lines) in [
        ("hooks.before", &req.hooks.before),
        ("hooks.after", &req.hooks.after),
    ] {
        let text = format!("has at most {MOST_LINES} lines");
        fields.check(lines.len() <= MOST_LINES, name, "too_many", text);
        let good =
            |line: &String| (1..=500).contains(&line.len()) && !line.chars().any(char::is_control);
        let text = "each is one line of 1 to 500 bytes";
        fields.check(lines.iter().all(good), name, "invalid", text);
    }
    let ready = &req.hooks.ready;
    let good = ready.len() <= 200 && !ready.chars().any(char::is_control);
    let text = "has at most 200 bytes and no control characters";
    fields.check(good, "hooks.ready", "invalid", text);
    let text = "is at most 300";
    fields.check(
        req.hooks.wait_s <= 300,
        "hooks.wait_s",
        "out_of_range",
        text,
    );
    let retention = &req.retention;
    for (name, number, most) in [
        ("retention.last", retention.last, 1000),
        ("retention.days", retention.days, 3650),
        ("retention.daily", retention.daily, 1000),
        ("retention.weekly", retention.weekly, 1000),
        ("retention.monthly", retention.monthly, 1000),
    ] {
        let fits = number.is_none_or(|n| (1..=most).contains(&n));
        let text = format!("is between 1 and {most}; leave it out for none");
        fields.check(fits, name, "out_of_range", text);
    }
    req
}

/// Sets all of it.
/// # Errors
/// 403 for hooks without the right to type; 412 when it is another by now; 422.
pub async fn set(
    app: &App,
    access: &ServerAccess,
    if_match: &IfMatch,
    req: BackupSettingsUpdate,
) -> Result<BackupSettings> {
    let mut fields = Fields::new();
    let req = check(&mut fields, req);
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let access = access.locked(&*tx, now_ms).await?;
    access.require(Key::BackupCreate)?;
    let (before, at_ms) = of(&*tx, &access.server.id).await?;
    if_match.check(&Version::at(at_ms))?;
    if before.hooks != req.hooks && req.hooks != BackupHooks::default() {
        // What they type, they could not type otherwise.
        access.require(Key::ControlConsole)?;
    }
    // What goes by itself, nobody has to be asked for.
    if before.retention != req.retention {
        access.require(Key::BackupDelete)?;
    }
    if let Some(store) = req.store {
        let server = servers::Entity::find_by_id(&*access.server.id)
            .one(&*tx)
            .await?
            .ok_or_else(|| Error::not_found("server"))?;
        let usable = repository::choices(&*tx, &server.node_id).await?;
        let known = usable.iter().any(|s| s.id == store.to_string());
        fields.check(
            known,
            "store",
            "unknown",
            "this server can't use such a store",
        );
    }
    fields.finish()?;
    let changed_ms = later(at_ms, now_ms);
    let row = backup_settings::ActiveModel {
        server_id: Set(access.server.id.clone()),
        settings: Set(json!(req)),
        updated_at_ms: Set(changed_ms),
    };
    let replace = OnConflict::column(backup_settings::Column::ServerId)
        .update_columns([
            backup_settings::Column::Settings,
            backup_settings::Column::UpdatedAtMs,
        ])
        .to_owned();
    backup_settings::Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(&*tx)
        .await?;
    Entry::word("backup.settings", "server", &access.server.id)
        .on(access.id)
        .with(json!({"from": before, "to": req}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(BackupSettings {
        version: Version::at(changed_ms),
        settings: req,
    })
}
