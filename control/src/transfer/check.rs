//! Whether a server can go to a node, and what does not go with it.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use warren_entity::{
    allocations, backup_stores, backups, mount_offers, mount_servers, mounts, nodes, operations,
    servers, tombstones,
};
use warren_proto::{mount::allowed_by, state::State};

use super::{dto::TransferPort, store};
use crate::{
    allocation::take::{self, Choice},
    backup_store::dto::Kind as StoreKind,
    egg::view::lenient,
    error::{Error, Fields, Result},
    mount::{Offers, Place},
    node::dto::HostInfo,
    server::dto::Limits,
};

fn refuse(code: &'static str, text: impl Into<String>) -> Error {
    Error::conflict(code, text)
}

/// Refuses in words what can't be moved now. Both nodes' rows and the server's are as the transaction sees them.
/// # Errors
/// 409, 422.
pub(super) async fn possible(
    server: &servers::Model,
    from: &nodes::Model,
    to: &nodes::Model,
    db: &impl ConnectionTrait,
) -> Result<()> {
    if from.id == to.id {
        let text = "is the node that the server is on";
        return Err(Error::field("node", "same", text));
    }
    if to.revoked_at_ms.is_some() {
        let text = "its credential is revoked; take another";
        return Err(Error::field("node", "revoked", text));
    }
    if store::active(db, &server.id).await?.is_some() {
        let text = "this server is being moved already; wait for it or cancel it";
        return Err(refuse("transfer_running", text));
    }
    if store::untidied(db, &server.id, &to.id).await? {
        let text = format!(
            "node {} has not yet cleared away what an earlier transfer of this server has left there",
            to.name
        );
        return Err(refuse("transfer_untidied", text));
    }
    let stone = tombstones::Entity::find_by_id((server.id.clone(), to.id.clone()))
        .filter(tombstones::Column::ConfirmedAtMs.is_null())
        .one(db)
        .await?;
    if stone.is_some() {
        let text = format!(
            "node {} has not yet removed what it had of this server; try again in a moment",
            to.name
        );
        return Err(refuse("transfer_untidied", text));
    }
    if server.suspended {
        let text = "this server is suspended; an admin must lift that first";
        return Err(refuse("suspended", text));
    }
    let state = server.state.parse();
    if matches!(state, Ok(State::New | State::Installing)) || !is_installed(server) {
        let text = "this server is not installed yet; that comes first";
        return Err(refuse("not_installed", text));
    }
    for node in [from, to] {
        if !node.online {
            let text = format!("node {} is offline: both nodes are needed", node.name);
            return Err(refuse("node_offline", text));
        }
        if node.quarantined_because.is_some() {
            let text = format!(
                "node {} is quarantined; an admin decides about it first",
                node.name
            );
            return Err(refuse("node_quarantined", text));
        }
    }
    idle(db, server).await?;
    let (old, new) = (
        lenient::<HostInfo>(&from.host),
        lenient::<HostInfo>(&to.host),
    );
    if !old.arch.is_empty() && !new.arch.is_empty() && old.arch != new.arch {
        let text = format!(
            "node {} is a machine of another kind ({}, here it is {}): what is installed would not run there",
            to.name, new.arch, old.arch
        );
        return Err(refuse("other_architecture", text));
    }
    room(server, to, &new)?;
    mounts_there(db, server, to).await
}

fn is_installed(server: &servers::Model) -> bool {
    let result = server.install.as_ref().and_then(|i| i.get("result"));
    // Servers that were adopted, or have no script, have none.
    result
        .and_then(serde_json::Value::as_str)
        .is_none_or(|r| r == "done")
}

async fn idle(db: &impl ConnectionTrait, server: &servers::Model) -> Result<()> {
    let job = operations::Entity::find()
        .filter(operations::Column::ServerId.eq(&*server.id))
        .filter(operations::Column::State.is_in(["pending", "running"]))
        .one(db)
        .await?;
    match job {
        Some(job) => {
            let text = format!(
                "operation {} ({}) is under way on this server; wait for it or cancel it",
                job.id, job.kind
            );
            Err(refuse("job_running", text))
        }
        None => Ok(()),
    }
}

/// What the node last said of its disk. The node itself looks again once it knows the files.
fn room(server: &servers::Model, to: &nodes::Model, host: &HostInfo) -> Result<()> {
    let load = to.load.as_ref();
    let used = load
        .and_then(|l| l.get("disk_used_bytes"))
        .and_then(serde_json::Value::as_u64);
    let total = load
        .and_then(|l| l.get("disk_total_bytes"))
        .and_then(serde_json::Value::as_u64);
    let limits: Limits = lenient(&server.limits);
    if limits.memory_bytes > 0 && host.memory_bytes > 0 && limits.memory_bytes > host.memory_bytes {
        let text = format!(
            "the server may have {} MiB of memory, and node {} has {} MiB",
            limits.memory_bytes >> 20,
            to.name,
            host.memory_bytes >> 20
        );
        return Err(refuse("no_memory", text));
    }
    if let (Some(used), Some(total)) = (used, total)
        && total > 0
        && total.saturating_sub(used) < total / 100
    {
        let text = format!("the disk of node {} is full", to.name);
        return Err(refuse("disk_full", text));
    }
    Ok(())
}

/// Refuses a node on which the server would not see one of its mounts.
/// # Errors
/// 409.
pub(super) async fn mounts_there(
    db: &impl ConnectionTrait,
    server: &servers::Model,
    to: &nodes::Model,
) -> Result<()> {
    let host: HostInfo = lenient(&to.host);
    let on = mount_servers::Entity::find()
        .filter(mount_servers::Column::ServerId.eq(&*server.id))
        .all(db)
        .await?;
    for switched in on {
        let Some(mount) = mounts::Entity::find_by_id(&*switched.mount_id)
            .one(db)
            .await?
        else {
            continue;
        };
        let rows = mount_offers::Entity::find()
            .filter(mount_offers::Column::MountId.eq(&*mount.id))
            .all(db)
            .await?;
        let place = Place {
            node: &to.id,
            location: to.location_id.as_deref(),
            egg: &server.egg_id,
        };
        if !Offers::of(&mount, &rows).to(place)
            || allowed_by(&host.allowed_mounts, &mount.source).is_none()
        {
            let text = format!(
                "the server sees mount {:?}, which node {} does not have; switch it off first, or offer it there",
                mount.name, to.name
            );
            return Err(refuse("mount_missing", text));
        }
    }
    Ok(())
}

/// What stays behind, in words.
/// # Errors
/// Database.
pub(super) async fn warnings(
    db: &impl ConnectionTrait,
    server: &servers::Model,
    from: &nodes::Model,
) -> Result<Vec<String>> {
    let kept = backups::Entity::find()
        .filter(backups::Column::ServerId.eq(&*server.id))
        .all(db)
        .await?;
    let mut said = Vec::new();
    for place in backup_stores::Entity::find().all(db).await? {
        let count = kept.iter().filter(|b| b.store_id == place.id).count();
        if count > 0 && StoreKind::parse(&place.kind) == StoreKind::Directory {
            let what = match count {
                1 => "one backup is kept",
                _ => &format!("{count} backups are kept"),
            };
            said.push(format!(
                "{what} in a directory of node {} ({:?}), which stays there and restores only to servers of that node",
                from.name, place.name
            ));
        }
    }
    said.push(format!(
        "what was deleted from the server's files and could still be had back stays on node {}",
        from.name
    ));
    Ok(said)
}

/// Which port there for which one here: the one that was named, else the same number, else any.
pub(super) async fn choices(
    db: &impl ConnectionTrait,
    server: &str,
    to: &nodes::Model,
    asked: &[TransferPort],
) -> Result<Vec<(u16, Option<Choice>, bool)>> {
    let mine = take::of_server(db, server).await?;
    let there = allocations::Entity::find()
        .filter(allocations::Column::NodeId.eq(&*to.id))
        .order_by_asc(allocations::Column::Port)
        .all(db)
        .await?;
    let mut fields = Fields::new();
    for port in asked {
        let has = mine.iter().any(|row| row.port == i32::from(port.from));
        fields.check(
            has,
            "ports",
            "unknown",
            format!("{} is no port of this server", port.from),
        );
        let low = port.to < crate::allocation::ports::LOWEST;
        let text = format!("is at least {}", crate::allocation::ports::LOWEST);
        fields.check(!low, "ports", "out_of_range", text);
    }
    fields.finish()?;
    let free = |port: i32| {
        let rows = there.iter().filter(|row| row.port == port);
        let (mut known, mut good) = (false, true);
        for row in rows {
            known = true;
            good &= row.server_id.is_none()
                && row.reserved_for.is_none()
                && row.taken_by.is_none()
                && !row.withdrawn;
        }
        good && (known || (to.port_first..=to.port_last).contains(&port))
    };
    let mut chosen = Vec::with_capacity(mine.len());
    for row in &mine {
        let port = u16::try_from(row.port).map_err(Error::internal)?;
        let named = asked.iter().find(|ask| ask.from == port);
        let (to, named) = match named {
            Some(ask) => (Some(ask.to), true),
            None => (free(row.port).then_some(port), false),
        };
        chosen.push((port, to.map(|port| Choice { ip: None, port }), named));
    }
    Ok(chosen)
}
