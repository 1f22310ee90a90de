//! Which host a database comes to.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder, QuerySelect};
use warren_entity::{database_hosts, nodes};
use warren_proto::ids::DatabaseHostId;

use super::dto::{DatabaseHostChoice, DatabaseHostRef};
use crate::{
    access::load::ServerKey,
    database_host::{
        dto::Engine,
        store::{self, count_of, port, serves},
    },
    error::{Error, Result},
};

/// As many hosts as there may be, and more.
const ALL: u64 = 1000;

/// A host as games reach it.
#[must_use]
pub fn reference(host: &database_hosts::Model) -> DatabaseHostRef {
    DatabaseHostRef {
        id: host.id.clone(),
        name: host.name.clone(),
        engine: Engine::parse(&host.engine),
        address: host
            .public_address
            .clone()
            .unwrap_or_else(|| host.address.clone()),
        port: port(host.public_port.unwrap_or(host.port)),
    }
}

fn is_full(host: &database_hosts::Model, on_it: u64) -> bool {
    count_of(host.most_databases).is_some_and(|most| on_it >= u64::from(most))
}

/// Hosts that are for a server, by name, with what is on each.
async fn serving(
    db: &impl ConnectionTrait,
    server: &ServerKey,
) -> Result<Vec<(database_hosts::Model, u64)>> {
    let mut hosts = database_hosts::Entity::find()
        .order_by_asc(database_hosts::Column::NameFolded)
        .limit(ALL)
        .all(db)
        .await?;
    let location: Option<Option<String>> = nodes::Entity::find_by_id(&*server.node_id)
        .select_only()
        .column(nodes::Column::LocationId)
        .into_tuple()
        .one(db)
        .await?;
    let location = location.flatten();
    hosts.retain(|host| serves(host, &server.node_id, location.as_deref()));
    let counts: HashMap<String, u64> = store::counts(db, false).await?;
    let with = hosts.into_iter().map(|host| {
        let on_it = counts.get(&host.id).copied().unwrap_or_default();
        (host, on_it)
    });
    Ok(with.collect())
}

/// What a server's people choose from.
/// # Errors
/// Database.
pub async fn choices(
    db: &impl ConnectionTrait,
    server: &ServerKey,
) -> Result<Vec<DatabaseHostChoice>> {
    let hosts = serving(db, server).await?;
    let shown = hosts.iter().map(|(host, on_it)| DatabaseHostChoice {
        host: reference(host),
        full: is_full(host, *on_it),
        most_connections: count_of(host.most_connections),
    });
    Ok(shown.collect())
}

/// The host that a new database comes to, locked and with room for it.
/// # Errors
/// 409 where there is none or no room; 422 for one that is not for this server.
pub async fn host(
    db: &impl ConnectionTrait,
    server: &ServerKey,
    wanted: Option<DatabaseHostId>,
    engine: Option<Engine>,
) -> Result<database_hosts::Model> {
    let mut hosts = serving(db, server).await?;
    if let Some(id) = wanted {
        let id = id.to_string();
        hosts.retain(|(host, _)| host.id == id);
        if hosts.is_empty() {
            let text = "is no database host for this server";
            return Err(Error::field("host", "unknown", text));
        }
    }
    if let Some(engine) = engine {
        hosts.retain(|(host, _)| host.engine == engine.as_str());
    }
    if hosts.is_empty() {
        let text = "there is no database host for this server; ask whoever runs the panel";
        return Err(Error::conflict("no_database_host", text));
    }
    hosts.retain(|(host, on_it)| !is_full(host, *on_it));
    let emptiest = hosts.into_iter().min_by_key(|(_, on_it)| *on_it);
    let full = || {
        let text = "the database host takes no more; choose another, or ask whoever runs the panel";
        Error::conflict("database_host_full", text)
    };
    let (chosen, _) = emptiest.ok_or_else(full)?;
    // One lock alone: two that took several could wait for each other.
    let host = store::locked(db, &chosen.id).await?.ok_or_else(full)?;
    if is_full(&host, store::count(db, &host.id).await?) {
        return Err(full());
    }
    Ok(host)
}
