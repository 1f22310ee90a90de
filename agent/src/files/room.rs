//! Whether more has room among a server's files: in its own limit, and on the node's disk.

use parking_lot::Mutex;

use crate::server::deps::Settings;
use crate::server::start::Failure;
use crate::server::status::Status;

/// Bytes that may still come.
pub fn left(settings: &Settings, status: &Mutex<Status>) -> u64 {
    let (limit, used) = counted(status);
    let own = match limit {
        0 => u64::MAX,
        limit => limit.saturating_sub(used),
    };
    own.min(free(settings).saturating_sub(settings.disk_floor_bytes))
}

/// Refuses so many bytes that have no room.
/// # Errors
/// `disk_limit`, `disk_full`.
pub fn fits(settings: &Settings, status: &Mutex<Status>, bytes: u64) -> Result<(), Failure> {
    let (limit, used) = counted(status);
    if limit > 0 && used.saturating_add(bytes) > limit {
        let text = format!(
            "the server's files may take {} MiB and take {} MiB; {} MiB more have no room",
            limit >> 20,
            used >> 20,
            bytes.div_ceil(1 << 20)
        );
        return Err(Failure::new("disk_limit", text));
    }
    match free(settings) < settings.disk_floor_bytes.saturating_add(bytes) {
        true => Err(Failure::new(
            "disk_full",
            "the node's disk has no room for this",
        )),
        false => Ok(()),
    }
}

/// The limit, 0 for none, and what counts for it.
fn counted(status: &Mutex<Status>) -> (u64, u64) {
    let status = status.lock();
    (status.disk_limit, status.disk_bytes)
}

/// A disk that can't be asked says so itself when it is written to.
fn free(settings: &Settings) -> u64 {
    warren_runtime::console::free_bytes(&settings.servers_dir).unwrap_or(u64::MAX)
}
