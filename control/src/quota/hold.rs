//! Holds a change to its owner's quota.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, QuerySelect, QueryTrait, sea_query::OnConflict,
};
use warren_entity::{
    allocations, backup_repositories, backups, databases, quotas, servers, subusers,
};

use super::dto::{QuotaLimits, QuotaUse};
use crate::{
    access::load,
    egg::view::lenient,
    error::{Error, Result},
    plan,
    server::dto::Limits,
    text::to_u64,
};

/// One thing that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Servers.
    Servers,
    /// Memory and swap.
    Memory,
    /// Disk.
    Disk,
    /// Processor.
    Cpu,
    /// Ports.
    Ports,
    /// Shares.
    Subusers,
    /// Databases.
    Databases,
    /// Backups.
    Backups,
    /// What they take.
    BackupBytes,
}

impl Kind {
    /// What a new server takes.
    pub const OF_A_SERVER: [Self; 5] = [
        Self::Servers,
        Self::Memory,
        Self::Disk,
        Self::Cpu,
        Self::Ports,
    ];
    /// All: a server that comes with its people and its databases.
    pub const ALL: [Self; 9] = [
        Self::Servers,
        Self::Memory,
        Self::Disk,
        Self::Cpu,
        Self::Ports,
        Self::Subusers,
        Self::Databases,
        Self::Backups,
        Self::BackupBytes,
    ];

    fn of(self, quota: &QuotaLimits) -> Option<u64> {
        match self {
            Self::Servers => quota.servers.map(u64::from),
            Self::Memory => quota.memory_bytes,
            Self::Disk => quota.disk_bytes,
            Self::Cpu => quota.cpu_percent.map(u64::from),
            Self::Ports => quota.ports.map(u64::from),
            Self::Subusers => quota.subusers.map(u64::from),
            Self::Databases => quota.databases.map(u64::from),
            Self::Backups => quota.backups.map(u64::from),
            Self::BackupBytes => quota.backup_bytes,
        }
    }
}

/// What a change of limits makes more of. What stays as it is or shrinks is nobody's business, also where more is given
/// out than there is.
#[must_use]
pub fn grown(before: &Limits, after: &Limits) -> Vec<Kind> {
    let memory = |limits: &Limits| match limits.memory_bytes {
        0 => u64::MAX,
        bytes => bytes.saturating_add(limits.swap_bytes),
    };
    let disk = |limits: &Limits| limits.disk_bytes.wrapping_sub(1);
    let cpu = |limits: &Limits| match limits.cpu_percent {
        0.0 => f64::INFINITY,
        percent => percent,
    };
    let mut grown = Vec::new();
    if memory(after) > memory(before) {
        grown.push(Kind::Memory);
    }
    // 0 is no limit, and the most there is.
    if disk(after) > disk(before) {
        grown.push(Kind::Disk);
    }
    if cpu(after) > cpu(before) {
        grown.push(Kind::Cpu);
    }
    grown
}

/// What an owner's servers have. Those that are being deleted count no more, but for their ports and databases.
/// # Errors
/// Database.
pub async fn used(db: &impl ConnectionTrait, owner: &str, now_ms: i64) -> Result<QuotaUse> {
    let ever = || {
        servers::Entity::find()
            .filter(servers::Column::OwnerId.eq(owner))
            .select_only()
    };
    let own = || ever().filter(servers::Column::DeletedAtMs.is_null());
    let limits: Vec<serde_json::Value> = own()
        .column(servers::Column::Limits)
        .into_tuple()
        .all(db)
        .await?;
    let limits: Vec<Limits> = limits.iter().map(lenient).collect();
    // Nobody else gets the port of a deleted server until its node has confirmed: servers that are made and deleted in
    // turn must not take a node's ports.
    let held = ever().column(servers::Column::Id).into_query();
    let ports = allocations::Entity::find()
        .filter(allocations::Column::ServerId.in_subquery(held.clone()))
        .count(db)
        .await?;
    // Nor a host's room with databases, which stand there until they are removed.
    let databases = databases::Entity::find()
        .filter(databases::Column::ServerId.in_subquery(held))
        .count(db)
        .await?;
    let subusers = subusers::Entity::find()
        .filter(
            subusers::Column::ServerId.in_subquery(own().column(servers::Column::Id).into_query()),
        )
        .filter(load::unexpired(subusers::Column::ExpiresAtMs, now_ms))
        .count(db)
        .await?;
    let mine = || own().column(servers::Column::Id).into_query();
    let backups = backups::Entity::find()
        .filter(backups::Column::ServerId.in_subquery(mine()))
        .filter(backups::Column::State.ne("failed"))
        .count(db)
        .await?;
    let stored: Vec<i64> = backup_repositories::Entity::find()
        .filter(backup_repositories::Column::ServerId.in_subquery(mine()))
        .select_only()
        .column(backup_repositories::Column::Bytes)
        .into_tuple()
        .all(db)
        .await?;
    let stored = stored.iter().map(|bytes| to_u64(*bytes));
    let backup_bytes = stored.fold(0, u64::saturating_add);
    Ok(QuotaUse {
        backups,
        backup_bytes,
        ports,
        subusers,
        databases,
        ..sum(&limits)
    })
}

fn sum(limits: &[Limits]) -> QuotaUse {
    let bytes = |of: fn(&Limits) -> Option<u64>| {
        let mut each = limits.iter().map(of);
        each.try_fold(0_u64, |sum, one| Some(sum.saturating_add(one?)))
    };
    let mut cpu = limits.iter().map(|l| l.cpu_percent);
    QuotaUse {
        servers: limits.len() as u64,
        memory_bytes: bytes(|l| {
            (l.memory_bytes > 0).then(|| l.memory_bytes.saturating_add(l.swap_bytes))
        }),
        disk_bytes: bytes(|l| (l.disk_bytes > 0).then_some(l.disk_bytes)),
        cpu_percent: cpu.try_fold(0.0, |sum, one| (one > 0.0).then_some(sum + one)),
        ..QuotaUse::default()
    }
}

/// Passes if of each of these kinds the owner's servers have, the change included, what their quota has. To be called with
/// the change written and the server's row locked: the quota's row is locked here, after all others.
/// # Errors
/// 409 `quota_exceeded`.
pub async fn hold(
    db: &impl ConnectionTrait,
    owner: &str,
    kinds: &[Kind],
    now_ms: i64,
) -> Result<()> {
    if kinds.is_empty() {
        return Ok(());
    }
    let quota = bounds(db, owner, now_ms).await?;
    if !kinds.iter().any(|kind| kind.of(&quota).is_some()) {
        return Ok(());
    }
    let used = used(db, owner, now_ms).await?;
    kinds
        .iter()
        .try_for_each(|kind| judge(*kind, &quota, &used))
}

/// The numbers that bound an owner, with the owner's row locked until the transaction ends.
async fn bounds(db: &impl ConnectionTrait, owner: &str, now_ms: i64) -> Result<QuotaLimits> {
    let locked = async || {
        quotas::Entity::find_by_id(owner)
            .lock_exclusive()
            .one(db)
            .await
    };
    let mut row = locked().await?;
    if row.is_none() {
        let Some(standard) = plan::standard(db).await? else {
            return Ok(QuotaLimits::default());
        };
        if QuotaLimits::from(&standard) == QuotaLimits::default() {
            return Ok(QuotaLimits::default());
        }
        // Something to lock: of two first changes at once the second waits here for the end of the first.
        let empty = quotas::ActiveModel {
            user_id: Set(owner.to_owned()),
            own: Set(false),
            updated_at_ms: Set(now_ms),
            ..Default::default()
        };
        let made = quotas::Entity::insert(empty)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(db)
            .await;
        match made {
            Ok(_) | Err(DbErr::RecordNotInserted) => row = locked().await?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(match (plan::on(db, row.as_ref()).await?, row) {
        (Some(plan), _) => QuotaLimits::from(&plan),
        (None, Some(row)) if row.own => QuotaLimits::from(&row),
        _ => QuotaLimits::default(),
    })
}

fn judge(kind: Kind, quota: &QuotaLimits, used: &QuotaUse) -> Result<()> {
    let Some(most) = kind.of(quota) else {
        return Ok(());
    };
    let count = |have: u64, of: &str| {
        (have > most).then(|| (format!("{most} {of}"), Some(have.to_string())))
    };
    let sized = |have: Option<u64>, of: &str| {
        have.is_none_or(|have| have > most)
            .then(|| (format!("{} of {of}", size(most)), have.map(size)))
    };
    let over = match kind {
        Kind::Servers => count(used.servers, "servers"),
        Kind::Ports => count(used.ports, "ports"),
        Kind::Subusers => count(used.subusers, "shares with others"),
        Kind::Databases => count(used.databases, "databases"),
        Kind::Backups => count(used.backups, "backups"),
        Kind::BackupBytes => {
            // How large one becomes shows only when it is there: none is begun where all is taken.
            sized(Some(used.backup_bytes.saturating_add(1)), "backups")
        }
        Kind::Memory => sized(used.memory_bytes, "memory and swap"),
        Kind::Disk => sized(used.disk_bytes, "disk"),
        Kind::Cpu => {
            let most = u32::try_from(most).map_or(f64::INFINITY, f64::from);
            let have = used.cpu_percent;
            // Tenths that are added up are not quite what they say.
            have.is_none_or(|have| have > most + 1e-6).then(|| {
                let have = have.map(|have| format!("{have:.1} %"));
                (format!("{most} % of a core"), have)
            })
        }
    };
    let text = match over {
        None => return Ok(()),
        Some((most, Some(have))) => format!(
            "the owner's quota is {most}, and this would make it {have}: give back something of another server, or ask \
             whoever runs the panel for more"
        ),
        Some((most, None)) => format!(
            "the owner's quota is {most}, which a server without a limit would not keep to: set a limit on each"
        ),
    };
    Err(Error::conflict("quota_exceeded", text))
}

fn size(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(memory: u64, swap: u64, disk: u64, cpu: f64) -> Limits {
        Limits {
            memory_bytes: memory,
            swap_bytes: swap,
            disk_bytes: disk,
            cpu_percent: cpu,
            ..Limits::default()
        }
    }

    #[test]
    fn only_what_becomes_more_is_asked_for() {
        let before = limits(100, 10, 50, 100.0);
        assert_eq!(grown(&before, &before), []);
        assert_eq!(grown(&before, &limits(90, 20, 40, 50.0)), []);
        assert_eq!(grown(&before, &limits(100, 11, 50, 100.0)), [Kind::Memory]);
        let none = limits(0, 0, 0, 0.0);
        assert_eq!(
            grown(&before, &none),
            [Kind::Memory, Kind::Disk, Kind::Cpu],
            "no limit is more than any"
        );
        assert_eq!(grown(&none, &before), []);
    }

    #[test]
    fn one_server_without_a_limit_has_all() {
        let sum = sum(&[limits(1, 2, 3, 50.0), limits(4, 0, 0, 25.5)]);
        assert_eq!(sum.servers, 2);
        assert_eq!(sum.memory_bytes, Some(7));
        assert_eq!(sum.disk_bytes, None);
        assert_eq!(sum.cpu_percent, Some(75.5));
        let most = super::sum(&[limits(u64::MAX, 1, 1, 1.0), limits(u64::MAX, 1, 1, 0.0)]);
        assert_eq!(
            (most.memory_bytes, most.cpu_percent),
            (Some(u64::MAX), None)
        );
        assert_eq!(super::sum(&[]).cpu_percent, Some(0.0));
    }
}
