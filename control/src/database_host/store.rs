//! Rows of database hosts.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
};
use warren_entity::{database_hosts, databases};
use warren_proto::ids::DatabaseHostId;

use super::{
    dto::{Engine, Tls},
    engine::{Fault, Target, Why},
};
use crate::{
    app::Ground,
    egg::view::lenient,
    error::{Error, Result},
};

/// Where the password of a host is sealed for.
#[must_use]
pub fn place(id: &str) -> String {
    format!("database_host.{id}")
}

/// One of them.
/// # Errors
/// 404; database.
pub async fn find(db: &impl ConnectionTrait, id: DatabaseHostId) -> Result<database_hosts::Model> {
    database_hosts::Entity::find_by_id(id.to_string())
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("database host"))
}

/// One of them, locked: no database comes to it or goes from it meanwhile, and it stays itself.
/// # Errors
/// Database.
pub async fn locked(
    db: &impl ConnectionTrait,
    id: &str,
) -> Result<Option<database_hosts::Model>, DbErr> {
    database_hosts::Entity::find_by_id(id)
        .lock_exclusive()
        .one(db)
        .await
}

/// Databases on a host, whatever their state.
/// # Errors
/// Database.
pub async fn count(db: &impl ConnectionTrait, id: &str) -> Result<u64, DbErr> {
    databases::Entity::find()
        .filter(databases::Column::HostId.eq(id))
        .count(db)
        .await
}

/// As [`count`], of all hosts.
/// # Errors
/// Database.
pub async fn counts(
    db: &impl ConnectionTrait,
    troubled: bool,
) -> Result<HashMap<String, u64>, DbErr> {
    let mut query = databases::Entity::find();
    if troubled {
        query = query.filter(databases::Column::Failures.gt(0));
    }
    let counts: Vec<(String, i64)> = query
        .select_only()
        .column(databases::Column::HostId)
        .column_as(databases::Column::Id.count(), "count")
        .group_by(databases::Column::HostId)
        .into_tuple()
        .all(db)
        .await?;
    let count = |n: i64| u64::try_from(n).unwrap_or_default();
    Ok(counts.into_iter().map(|(id, n)| (id, count(n))).collect())
}

/// Whether a host is for the servers of a node.
#[must_use]
pub fn serves(host: &database_hosts::Model, node: &str, location: Option<&str>) -> bool {
    let nodes: Vec<String> = lenient(&host.nodes);
    let locations: Vec<String> = lenient(&host.locations);
    if nodes.is_empty() && locations.is_empty() {
        return true;
    }
    nodes.iter().any(|id| id == node)
        || location.is_some_and(|location| locations.iter().any(|id| id == location))
}

/// How a host is reached, with its password.
/// # Errors
/// A password that was sealed under another key.
pub fn target(ground: &Ground, host: &database_hosts::Model) -> Result<Target, Fault> {
    let opened = ground.keys.sealer.open(&place(&host.id), &host.secret);
    let password = opened
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| {
            Fault::new(
                Why::Sealed,
                "the stored password can't be opened with this panel's key: set it anew",
            )
        })?;
    Ok(Target {
        engine: Engine::parse(&host.engine),
        address: host.address.clone(),
        port: port(host.port),
        username: host.username.clone(),
        password,
        tls: Tls::parse(&host.tls),
        ca_pem: host.ca_pem.clone(),
    })
}

/// As rows have it.
#[must_use]
pub fn port(stored: i32) -> u16 {
    u16::try_from(stored).unwrap_or_default()
}

/// As rows have it.
#[must_use]
pub fn count_of(stored: Option<i64>) -> Option<u32> {
    stored.and_then(|n| u32::try_from(n).ok())
}
