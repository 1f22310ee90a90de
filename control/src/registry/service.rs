//! Keeps registries' credentials, and gives a server's row those of its own images.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, SqlErr,
};
use serde_json::json;
use warren_entity::{registries, servers};
use warren_proto::{
    ids::{NodeId, RegistryId},
    image, wire,
};

use super::dto::{Registry, RegistryCreate, RegistryUpdate};
use crate::{
    access::Key,
    app::{App, Ground},
    audit::Entry,
    auth::Caller,
    db::Lane,
    error::{Error, Fields, Result},
    http::{IfMatch, Page, Version, later},
    wanted,
};

/// More hosts than anybody has; the list is one page.
const MOST: u64 = 200;
/// Servers that are told of a change in one transaction.
const AT_ONCE: u64 = 200;

fn place(host: &str) -> String {
    format!("registry.{host}")
}

/// By host.
/// # Errors
/// Database.
pub async fn list(app: &App) -> Result<Page<Registry>> {
    let rows = registries::Entity::find()
        .order_by_asc(registries::Column::Host)
        .limit(MOST)
        .all(app.db.read())
        .await?;
    Ok(Page::whole(rows.into_iter().map(Into::into).collect()))
}

/// Makes a credential known.
/// # Errors
/// 422 for a host that is none, 409 when the host has one already or there are too many.
pub async fn create(app: &App, caller: &Caller, req: RegistryCreate) -> Result<Registry> {
    let mut fields = Fields::new();
    let host = host(&mut fields, &req.host);
    credential(&mut fields, &req.username, &req.password);
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    let row = registries::Model {
        id: RegistryId::new().to_string(),
        secret: seal(app, &host, &req.password)?,
        host,
        username: req.username.trim().to_owned(),
        created_by: Some(caller.user.id.clone()),
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
    };
    let tx = app.db.begin(Lane::People).await?;
    if registries::Entity::find().count(&*tx).await? >= MOST {
        let text = format!("there are {MOST} registries; remove one that is no longer used");
        return Err(Error::conflict("too_many_registries", text));
    }
    let active = registries::ActiveModel::from(row.clone());
    let stored = registries::Entity::insert(active)
        .exec_without_returning(&*tx)
        .await;
    stored.map_err(|e| match e.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::conflict(
            "registry_exists",
            format!("{} has a credential already; change that one", row.host),
        ),
        _ => e.into(),
    })?;
    note(&*tx, caller, &row, "created", now_ms).await?;
    tx.commit().await?;
    tell(app, &row.host).await?;
    Ok(row.into())
}

/// Replaces a credential.
/// # Errors
/// 404, 422.
pub async fn update(
    app: &App,
    caller: &Caller,
    id: RegistryId,
    if_match: &IfMatch,
    req: RegistryUpdate,
) -> Result<Registry> {
    let mut fields = Fields::new();
    credential(&mut fields, &req.username, &req.password);
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let mut row = find(&*tx, id).await?;
    if_match.check(&Version::at(row.updated_at_ms))?;
    row.username = req.username.trim().to_owned();
    row.secret = seal(app, &row.host, &req.password)?;
    row.updated_at_ms = later(row.updated_at_ms, now_ms);
    let changed = registries::ActiveModel {
        id: Set(row.id.clone()),
        username: Set(row.username.clone()),
        secret: Set(row.secret.clone()),
        updated_at_ms: Set(row.updated_at_ms),
        ..Default::default()
    };
    registries::Entity::update(changed).exec(&*tx).await?;
    note(&*tx, caller, &row, "changed", now_ms).await?;
    tx.commit().await?;
    tell(app, &row.host).await?;
    Ok(row.into())
}

/// Forgets a credential.
/// # Errors
/// 404.
pub async fn delete(app: &App, caller: &Caller, id: RegistryId) -> Result<()> {
    let tx = app.db.begin(Lane::People).await?;
    let row = find(&*tx, id).await?;
    registries::Entity::delete_by_id(&*row.id)
        .exec(&*tx)
        .await?;
    note(&*tx, caller, &row, "deleted", app.clock.now_ms()).await?;
    tx.commit().await?;
    tell(app, &row.host).await
}

async fn find(db: &impl ConnectionTrait, id: RegistryId) -> Result<registries::Model> {
    registries::Entity::find_by_id(id.to_string())
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("registry"))
}

fn host(fields: &mut Fields, text: &str) -> String {
    let host = image::normal(text.trim());
    let (name, port) = host.rsplit_once(':').unwrap_or((&host, "443"));
    let label = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let good = !name.is_empty()
        && host.len() <= 253
        && name.chars().all(label)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && port.parse::<u16>().is_ok_and(|p| p > 0);
    let text =
        "must be a host as it stands in front of an image's name: ghcr.io, registry.example:5000";
    fields.check(good, "host", "invalid", text);
    host
}

fn credential(fields: &mut Fields, username: &str, password: &str) {
    let long = "is longer than any registry gives out";
    fields.check(username.len() <= 256, "username", "too_long", long);
    // In HTTP's basic authentication a colon ends the name.
    let plain = !username.contains(':') && !username.chars().any(char::is_control);
    let text = "must hold neither a colon nor control characters";
    fields.check(plain, "username", "invalid", text);
    let there = !password.trim().is_empty();
    fields.check(there, "password", "required", "must not be empty");
    fields.check(password.len() <= 4096, "password", "too_long", long);
    let plain = !password.chars().any(char::is_control);
    let text = "must hold no control characters";
    fields.check(plain, "password", "invalid", text);
}

fn seal(ground: &Ground, host: &str, password: &str) -> Result<Vec<u8>> {
    let sealed = ground.keys.sealer.seal(&place(host), password.as_bytes());
    sealed.map_err(Error::internal)
}

async fn note(
    db: &impl ConnectionTrait,
    caller: &Caller,
    row: &registries::Model,
    what: &str,
    now_ms: i64,
) -> Result<()> {
    Entry::of(Key::RegistryUpdate, "registry", &row.id)
        .with(json!({"host": row.host, "username": row.username, "credential": what}))
        .by(db, caller, now_ms)
        .await?;
    Ok(())
}

/// Raises the rows of all servers that run an image from `host`, so that their nodes hear of the change.
/// A server whose install script alone uses that host hears of it with its next change.
async fn tell(app: &App, host: &str) -> Result<()> {
    let mut after = String::new();
    loop {
        let mut query = servers::Entity::find()
            .filter(servers::Column::DeletedAtMs.is_null())
            .filter(servers::Column::Id.gt(&*after));
        if host != image::DOCKER_HUB {
            // Images are stored as they were typed, and hosts have no upper case in practice.
            query = query.filter(servers::Column::Image.starts_with(format!("{host}/")));
        }
        let mut page: Vec<(String, String, String)> = query
            .order_by_asc(servers::Column::Id)
            .limit(AT_ONCE)
            .select_only()
            .columns([
                servers::Column::Id,
                servers::Column::NodeId,
                servers::Column::Image,
            ])
            .into_tuple()
            .all(app.db.read())
            .await?;
        let Some((last, ..)) = page.last() else {
            return Ok(());
        };
        after.clone_from(last);
        page.retain(|(.., image)| image::registry_of(image) == host);
        // Everybody who takes several nodes' rows takes them in this order.
        page.sort_by(|a, b| (&a.1, &a.0).cmp(&(&b.1, &b.0)));
        let mut nodes = BTreeSet::new();
        let tx = app.db.begin(Lane::People).await?;
        for (server, node, _) in &page {
            match wanted::bump(&*tx, server).await {
                Ok(_) => nodes.insert(node.clone()),
                // Deleted or moved meanwhile: it takes the new credential with its new row.
                Err(DbErr::RecordNotFound(_) | DbErr::Custom(_)) => continue,
                Err(e) => return Err(e.into()),
            };
        }
        tx.commit().await?;
        for node in nodes.iter().filter_map(|n| n.parse::<NodeId>().ok()) {
            app.nudges.node(node);
        }
    }
}

/// All credentials, still sealed: read once for a message of many rows.
#[derive(Debug)]
pub struct Known(HashMap<String, registries::Model>);

impl Known {
    /// # Errors
    /// Database.
    pub async fn load(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let rows = registries::Entity::find().limit(MOST).all(db).await?;
        Ok(Self(
            rows.into_iter().map(|r| (r.host.clone(), r)).collect(),
        ))
    }

    /// Who we are at the registries that this spec's images come from, and at no other.
    /// # Errors
    /// A secret that was sealed under another key.
    pub fn of_images(
        &self,
        ground: &Ground,
        spec: &wire::ServerSpec,
    ) -> anyhow::Result<Vec<wire::RegistryAuth>> {
        let install = spec.install.as_ref().map(|i| i.image.as_str());
        let images = [Some(spec.image.as_str()), install].into_iter().flatten();
        let hosts: BTreeSet<String> = images.map(image::registry_of).collect();
        let mine = hosts.iter().filter_map(|host| self.0.get(host));
        let open = |row: &registries::Model| {
            let secret = ground.keys.sealer.open(&place(&row.host), &row.secret)?;
            Ok(wire::RegistryAuth {
                username: row.username.clone(),
                password: String::from_utf8(secret)?,
                host: row.host.clone(),
            })
        };
        mine.map(open).collect()
    }
}
