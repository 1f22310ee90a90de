//! Quotas as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_proto::ids::PlanId;

use crate::http::Version;
use crate::operation::dto::Named;

/// What somebody's servers may have together. Null or left out: as much as there is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaLimits {
    /// Servers.
    #[schema(example = 3)]
    #[serde(default)]
    pub servers: Option<u32>,
    /// Memory, and swap beside it.
    #[schema(example = 8_589_934_592_u64)]
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// Disk.
    #[serde(default)]
    pub disk_bytes: Option<u64>,
    /// 100 = one core.
    #[schema(example = 400)]
    #[serde(default)]
    pub cpu_percent: Option<u32>,
    /// Ports, the first one of each server too.
    #[serde(default)]
    pub ports: Option<u32>,
    /// Shares with others, of all servers.
    #[serde(default)]
    pub subusers: Option<u32>,
    /// Databases of all servers.
    #[serde(default)]
    pub databases: Option<u32>,
    /// Backups of all servers.
    #[serde(default)]
    pub backups: Option<u32>,
    /// What backups take in their stores. Where that much is taken, none is begun.
    #[serde(default)]
    pub backup_bytes: Option<u64>,
}

/// What somebody's servers have together by their limits, whether they run or not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct QuotaUse {
    /// Servers.
    pub servers: u64,
    /// Memory and swap; null: one of them has no limit.
    pub memory_bytes: Option<u64>,
    /// Disk; null: one of them has no limit.
    pub disk_bytes: Option<u64>,
    /// 100 = one core; null: one of them has no limit.
    pub cpu_percent: Option<f64>,
    /// Ports.
    pub ports: u64,
    /// Shares that have not ended.
    pub subusers: u64,
    /// Databases, also those that are being made or removed.
    pub databases: u64,
    /// Backups, also those that are being made or removed.
    pub backups: u64,
    /// What backups take in their stores, as last told.
    pub backup_bytes: u64,
}

/// A quota and what of it is given out. More may be given out than there is: a quota that is lowered takes nothing away.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Quota {
    /// Which state this is; `if-match` takes it, and `etag` carries it.
    pub version: Version,
    /// What there is.
    pub limits: QuotaLimits,
    /// What is given out.
    pub used: QuotaUse,
    /// The plan whose numbers they are; null: their own, or none.
    pub plan: Option<Named>,
    /// The numbers are this person's own.
    pub own: bool,
}

crate::http::versioned!(Quota);

/// Sets all of a quota: numbers of one's own, a plan, or neither, for the standard plan if there is one.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaSet {
    /// Plan to be on.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub plan: Option<PlanId>,
    /// Numbers of one's own, though there may be none among them: as much as there is, also where there is a standard plan.
    #[serde(default)]
    pub own: bool,
    /// Servers.
    #[schema(example = 3)]
    #[serde(default)]
    pub servers: Option<u32>,
    /// Memory, and swap beside it.
    #[schema(example = 8_589_934_592_u64)]
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// Disk.
    #[serde(default)]
    pub disk_bytes: Option<u64>,
    /// 100 = one core.
    #[schema(example = 400)]
    #[serde(default)]
    pub cpu_percent: Option<u32>,
    /// Ports, the first one of each server too.
    #[serde(default)]
    pub ports: Option<u32>,
    /// Shares with others, of all servers.
    #[serde(default)]
    pub subusers: Option<u32>,
    /// Databases of all servers.
    #[serde(default)]
    pub databases: Option<u32>,
    /// Backups of all servers.
    #[serde(default)]
    pub backups: Option<u32>,
    /// What backups take in their stores. Where that much is taken, none is begun.
    #[serde(default)]
    pub backup_bytes: Option<u64>,
}

impl QuotaSet {
    /// Its numbers alone.
    #[must_use]
    pub fn limits(&self) -> QuotaLimits {
        QuotaLimits {
            servers: self.servers,
            memory_bytes: self.memory_bytes,
            disk_bytes: self.disk_bytes,
            cpu_percent: self.cpu_percent,
            ports: self.ports,
            subusers: self.subusers,
            databases: self.databases,
            backups: self.backups,
            backup_bytes: self.backup_bytes,
        }
    }
}
