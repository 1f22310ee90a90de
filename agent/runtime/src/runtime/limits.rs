//! Resource limits, and Wings' table of memory head-room.

/// What a container may use. `None` means no limit of that kind.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Limits {
    pub memory: Option<Memory>,
    pub swap: Swap,
    /// 100 = one core.
    pub cpu_percent: Option<f64>,
    /// Pinned CPUs as the kernel writes them, e.g. `0-2,5`; what is not online is left out.
    pub cpuset: Option<String>,
    /// 10..=1000, 500 is usual. Ignored where the kernel has no such controller.
    pub io_weight: Option<u16>,
    pub pids: Option<u32>,
    /// Open files per process; clamped to the agent's own hard limit without CAP_SYS_RESOURCE.
    pub nofile: Option<u64>,
    /// Size of `/dev/shm` in bytes; 64 MiB if not given.
    pub shm_bytes: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Under pressure the kernel reclaims down to this. What the user was sold.
    pub soft_bytes: u64,
    /// Beyond this the kernel kills. See [`head_room_bytes`].
    pub hard_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Swap {
    /// No swap at all.
    #[default]
    None,
    Unlimited,
    /// On top of the memory limit.
    Bytes(u64),
}

/// One step of a head-room table: up to `up_to_bytes` multiply by `factor`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeadRoom {
    pub up_to_bytes: u64,
    pub factor: f64,
}

const MIB: u64 = 1 << 20;

/// Wings' table: small servers get relatively more for the runtime around the heap.
pub const WINGS_HEAD_ROOM: [HeadRoom; 3] = [
    HeadRoom {
        up_to_bytes: 2048 * MIB,
        factor: 1.15,
    },
    HeadRoom {
        up_to_bytes: 4096 * MIB,
        factor: 1.10,
    },
    HeadRoom {
        up_to_bytes: u64::MAX,
        factor: 1.05,
    },
];

/// The hard limit in bytes for a server that was promised `bytes`. Zero (no limit) stays zero.
/// The first step whose bound is not below `bytes` counts; past the last one the factor is 1.
pub fn head_room_bytes(bytes: u64, table: &[HeadRoom]) -> u64 {
    let factor = table
        .iter()
        .find(|step| bytes <= step.up_to_bytes)
        .map_or(1.0, |step| step.factor.max(1.0));
    // Exact enough: f64 holds whole bytes up to 8 PiB.
    (bytes as f64 * factor).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_room_follows_the_table_at_its_edges() {
        let at = |mib: u64| head_room_bytes(mib * MIB, &WINGS_HEAD_ROOM);
        assert_eq!(at(0), 0);
        assert_eq!(at(1000), 1150 * MIB);
        assert_eq!(at(2048), (2048.0 * 1.15 * MIB as f64).round() as u64);
        assert_eq!(at(2049), (2049.0 * 1.10 * MIB as f64).round() as u64);
        assert_eq!(at(4096), (4096.0 * 1.10 * MIB as f64).round() as u64);
        assert_eq!(at(4097), (4097.0 * 1.05 * MIB as f64).round() as u64);
    }

    #[test]
    fn a_table_can_never_take_memory_away() {
        let table = [HeadRoom {
            up_to_bytes: u64::MAX,
            factor: 0.5,
        }];
        assert_eq!(head_room_bytes(100, &table), 100);
        assert_eq!(head_room_bytes(100, &[]), 100);
    }
}
