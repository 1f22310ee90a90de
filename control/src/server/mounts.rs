//! Mounts of a server: which it sees, which are offered to it, and switching them on and off. All of it counts with the
//! server's next start.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use warren_entity::{mount_offers, mount_servers, mounts, nodes, servers};
use warren_proto::{
    ids::MountId,
    mount::{MOST, allowed_by, overlap},
};

use super::{
    dto::ServerMount,
    service::{begin_change, say},
    spec,
};
use crate::{
    access::{Key, Resource, may},
    app::App,
    audit::Entry,
    auth::ServerAccess,
    db::Lane,
    egg::view::lenient,
    error::{Error, Result},
    http::Page,
    mount::{Offers, Place, most_servers, store},
    node::dto::HostInfo,
    transfer,
};

/// Passes for whoever may switch any mount here, or those that are for self-service.
/// # Errors
/// 403.
pub fn require(access: &ServerAccess) -> Result<()> {
    match access.may(Key::ServerLimits) {
        true => Ok(()),
        false => access.require(Key::MountUse),
    }
}

/// A server, as far as mounts go.
struct Ground {
    egg: String,
    node: nodes::Model,
}

impl Ground {
    async fn load(db: &impl ConnectionTrait, access: &ServerAccess) -> Result<Self> {
        let server: Option<(String, String)> = servers::Entity::find_by_id(&*access.server.id)
            .filter(servers::Column::DeletedAtMs.is_null())
            .select_only()
            .columns([servers::Column::EggId, servers::Column::NodeId])
            .into_tuple()
            .one(db)
            .await?;
        let (egg, node) = server.ok_or_else(|| Error::not_found("server"))?;
        let node = nodes::Entity::find_by_id(node).one(db).await?;
        let node = node.ok_or_else(|| Error::not_found("node"))?;
        Ok(Self { egg, node })
    }

    fn place(&self) -> Place<'_> {
        Place {
            node: &self.node.id,
            location: self.node.location_id.as_deref(),
            egg: &self.egg,
        }
    }

    /// What the node's own settings allow.
    fn allowed(&self) -> Vec<String> {
        lenient::<HostInfo>(&self.node.host).allowed_mounts
    }
}

/// How a mount stands to a server.
#[derive(Clone, Copy)]
struct Standing {
    on: bool,
    offered: bool,
}

fn shown(
    access: &ServerAccess,
    mount: mounts::Model,
    Standing { on, offered }: Standing,
    allowed: &[String],
) -> ServerMount {
    let any = access.may(Key::ServerLimits);
    let switchable = any || mount.self_service && access.may(Key::MountUse);
    // Where things lie on a machine is for those who look after it.
    let seen = any || may(&access.caller.actor, Key::MountRead, Resource::Panel);
    ServerMount {
        allowed: allowed_by(allowed, &mount.source).is_some(),
        id: mount.id,
        name: mount.name,
        description: mount.description,
        source: seen.then_some(mount.source),
        target: mount.target,
        read_only: mount.read_only,
        on,
        offered,
        switchable: switchable && (on || offered),
    }
}

/// Those that are on, and those that the caller could switch on: by name.
/// # Errors
/// Database.
pub async fn list(app: &App, access: &ServerAccess) -> Result<Page<ServerMount>> {
    let db = app.db.read();
    let ground = Ground::load(db, access).await?;
    let on: BTreeSet<String> = mount_servers::Entity::find()
        .filter(mount_servers::Column::ServerId.eq(&*access.server.id))
        .select_only()
        .column(mount_servers::Column::MountId)
        .into_tuple::<String>()
        .all(db)
        .await?
        .into_iter()
        .collect();
    let place = ground.place();
    let here: Vec<&str> = [Some(place.node), place.location, Some(place.egg)]
        .into_iter()
        .flatten()
        .collect();
    let mut offers: HashMap<String, Vec<mount_offers::Model>> = HashMap::new();
    for row in mount_offers::Entity::find()
        .filter(mount_offers::Column::TargetId.is_in(here))
        .all(db)
        .await?
    {
        offers.entry(row.mount_id.clone()).or_default().push(row);
    }
    let all = mounts::Entity::find()
        .order_by_asc(mounts::Column::NameFolded)
        .all(db)
        .await?;
    let allowed = ground.allowed();
    let items = all.into_iter().filter_map(|mount| {
        let rows = offers.get(&mount.id).into_iter().flatten();
        let standing = Standing {
            on: on.contains(&mount.id),
            offered: Offers::of(&mount, rows).to(place),
        };
        let shown = shown(access, mount, standing, &allowed);
        (shown.on || shown.switchable).then_some(shown)
    });
    Ok(Page::whole(items.collect()))
}

/// Passes if the caller may switch this one here. One that they do not see is not told of.
fn may_switch(access: &ServerAccess, mount: &mounts::Model, on: bool) -> Result<()> {
    if access.may(Key::ServerLimits) || mount.self_service {
        return Ok(());
    }
    if !on {
        return Err(Error::not_found("mount"));
    }
    let text = "this mount is not for self-service: ask whoever runs the panel";
    Err(Error::forbidden("mount_not_self_service", text))
}

/// Switches one on.
/// # Errors
/// 403, 404; 409 `mount_not_offered`, `mount_target_taken`, `too_many_mounts`.
pub async fn add(app: &App, access: &ServerAccess, id: MountId) -> Result<ServerMount> {
    let now_ms = app.clock.now_ms();
    let server = &*access.server.id;
    let tx = app.db.begin(Lane::People).await?;
    let mount = store::locked(&*tx, id).await?;
    let on = store::is_on(&*tx, &mount.id, server).await?;
    may_switch(access, &mount, on)?;
    let ground = Ground::load(&*tx, access).await?;
    let offered = store::offers(&*tx, &mount).await?.to(ground.place());
    let standing = Standing { on: true, offered };
    if on {
        return Ok(shown(access, mount, standing, &ground.allowed()));
    }
    if !offered {
        // Whoever could not see it is not told that it is there.
        access
            .require(Key::ServerLimits)
            .map_err(|_| Error::not_found("mount"))?;
        let text = "it is offered neither on this node nor at its location, or not to this egg";
        return Err(Error::conflict("mount_not_offered", text));
    }
    let (_, generation) = begin_change(&*tx, access).await?;
    transfer::stays(&*tx, server).await?;
    // Behind the server's lock: nobody switches another one on in between.
    let others = store::of_server(&*tx, server).await?;
    if others.len() >= MOST {
        let text = format!("a server has at most {MOST} mounts; switch another one off first");
        return Err(Error::conflict("too_many_mounts", text));
    }
    if let Some(other) = others.iter().find(|m| overlap(&m.target, &mount.target)) {
        let text = format!(
            "mount {:?} is at {} already, and one would hide the other",
            other.name, other.target
        );
        return Err(Error::conflict("mount_target_taken", text));
    }
    if store::servers(&*tx, &mount.id).await? >= most_servers() {
        let text = format!(
            "{} servers have it switched on, which is the most; make another of the same directory",
            most_servers()
        );
        return Err(Error::conflict("too_many_servers", text));
    }
    store::switch_on(&*tx, &mount.id, server, now_ms).await?;
    switched(&*tx, access, &mount, true, (generation, now_ms)).await?;
    tx.commit().await?;
    app.nudges.node(access.node);
    app.nudges.outbox();
    Ok(shown(access, mount, standing, &ground.allowed()))
}

/// Switches one off.
/// # Errors
/// 403, 404.
pub async fn remove(app: &App, access: &ServerAccess, id: MountId) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let server = &*access.server.id;
    let tx = app.db.begin(Lane::People).await?;
    let mount = store::locked(&*tx, id).await?;
    let on = store::is_on(&*tx, &mount.id, server).await?;
    may_switch(access, &mount, on)?;
    if !on {
        return Err(Error::not_found("mount"));
    }
    let (_, generation) = begin_change(&*tx, access).await?;
    store::switch_off(&*tx, &mount.id, server).await?;
    switched(&*tx, access, &mount, false, (generation, now_ms)).await?;
    tx.commit().await?;
    app.nudges.node(access.node);
    app.nudges.outbox();
    Ok(())
}

/// What both leave behind. The source is not for the eyes of all who see what was done on a server.
async fn switched(
    db: &impl ConnectionTrait,
    access: &ServerAccess,
    mount: &mounts::Model,
    on: bool,
    (generation, now_ms): (i64, i64),
) -> Result<()> {
    spec::refresh(db, &access.server.id).await?;
    let data = json!({"generation": generation});
    say(db, access, "wanted", now_ms, data).await?;
    Entry::of(Key::MountUse, "mount", &mount.id)
        .on(access.id)
        .with(json!({
            "name": mount.name,
            "in_container": mount.target,
            "read_only": mount.read_only,
            "switched_on": {"from": !on, "to": on},
        }))
        .by(db, &access.caller, now_ms)
        .await
}
