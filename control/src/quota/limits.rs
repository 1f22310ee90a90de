//! The numbers of a quota: as the API has them, as rows have them, and what can't be.

use serde_json::{Map, Value, json};
use warren_entity::{plans, quotas};

use super::dto::QuotaLimits;
use crate::{
    error::{Error, Fields, Result},
    text::to_i64,
};

/// More than any fleet has.
const MOST_COUNT: u32 = 1_000_000;
const MOST_BYTES: u64 = 1 << 60;

/// As rows have them.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "QuotaLimits documents each")]
pub struct Columns {
    pub servers: Option<i64>,
    pub memory_bytes: Option<i64>,
    pub disk_bytes: Option<i64>,
    pub cpu_percent: Option<i64>,
    pub ports: Option<i64>,
    pub subusers: Option<i64>,
    pub databases: Option<i64>,
    pub backups: Option<i64>,
    pub backup_bytes: Option<i64>,
}

impl From<&QuotaLimits> for Columns {
    fn from(limits: &QuotaLimits) -> Self {
        let count = |n: Option<u32>| n.map(i64::from);
        let bytes = |n: Option<u64>| n.map(to_i64);
        Self {
            servers: count(limits.servers),
            memory_bytes: bytes(limits.memory_bytes),
            disk_bytes: bytes(limits.disk_bytes),
            cpu_percent: count(limits.cpu_percent),
            ports: count(limits.ports),
            subusers: count(limits.subusers),
            databases: count(limits.databases),
            backups: count(limits.backups),
            backup_bytes: bytes(limits.backup_bytes),
        }
    }
}

impl From<Columns> for QuotaLimits {
    fn from(row: Columns) -> Self {
        let count = |n: Option<i64>| n.and_then(|n| u32::try_from(n).ok());
        let bytes = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok());
        Self {
            servers: count(row.servers),
            memory_bytes: bytes(row.memory_bytes),
            disk_bytes: bytes(row.disk_bytes),
            cpu_percent: count(row.cpu_percent),
            ports: count(row.ports),
            subusers: count(row.subusers),
            databases: count(row.databases),
            backups: count(row.backups),
            backup_bytes: bytes(row.backup_bytes),
        }
    }
}

impl From<&quotas::Model> for QuotaLimits {
    fn from(row: &quotas::Model) -> Self {
        Columns {
            servers: row.servers,
            memory_bytes: row.memory_bytes,
            disk_bytes: row.disk_bytes,
            cpu_percent: row.cpu_percent,
            ports: row.ports,
            subusers: row.subusers,
            databases: row.databases,
            backups: row.backups,
            backup_bytes: row.backup_bytes,
        }
        .into()
    }
}

impl From<&plans::Model> for QuotaLimits {
    fn from(row: &plans::Model) -> Self {
        Columns {
            servers: row.servers,
            memory_bytes: row.memory_bytes,
            disk_bytes: row.disk_bytes,
            cpu_percent: row.cpu_percent,
            ports: row.ports,
            subusers: row.subusers,
            databases: row.databases,
            backups: row.backups,
            backup_bytes: row.backup_bytes,
        }
        .into()
    }
}

/// Says what is wrong with them, if anything; `within` stands before the names of the fields.
pub fn check(fields: &mut Fields, within: &str, limits: &QuotaLimits) {
    for (name, count) in [
        ("servers", limits.servers),
        ("cpu_percent", limits.cpu_percent),
        ("ports", limits.ports),
        ("subusers", limits.subusers),
        ("databases", limits.databases),
        ("backups", limits.backups),
    ] {
        let most = format!("is at most {MOST_COUNT}; leave it out for no limit");
        let fits = count.is_none_or(|n| n <= MOST_COUNT);
        fields.check(fits, &format!("{within}{name}"), "out_of_range", most);
    }
    for (name, bytes) in [
        ("memory_bytes", limits.memory_bytes),
        ("disk_bytes", limits.disk_bytes),
        ("backup_bytes", limits.backup_bytes),
    ] {
        let most = format!("is at most {MOST_BYTES}; leave it out for no limit");
        let fits = bytes.is_none_or(|n| n <= MOST_BYTES);
        fields.check(fits, &format!("{within}{name}"), "out_of_range", most);
    }
}

/// What an audit row says: the numbers that are others now.
/// # Errors
/// Only for what can't be written as JSON.
pub fn changed(before: &QuotaLimits, after: &QuotaLimits) -> Result<Map<String, Value>> {
    let value = |limits| serde_json::to_value(limits).map_err(Error::internal);
    let (before, after) = (value(before)?, value(after)?);
    let mut diff = Map::new();
    for (name, to) in after.as_object().into_iter().flatten() {
        if before[name] != *to {
            diff.insert(name.clone(), json!({"from": before[name], "to": to}));
        }
    }
    Ok(diff)
}
