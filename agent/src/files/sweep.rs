//! What work on files has left that was broken off and that nobody comes back for.

use std::time::{Duration, Instant, SystemTime};

use tracing::info;
use warren_proto::ids::ServerId;
use warren_runtime::jail::{Budget, Error, Jail};

use crate::server::deps::Settings;

/// Longer than any upload is kept, and than any work on an archive may take.
const UNTOUCHED: Duration = Duration::from_secs(26 * 3600);
/// How long one server's files may be looked through.
const WORK: Duration = Duration::from_secs(300);

/// Removes it. Blocks on the disk.
/// # Errors
/// The disk; more files than can be looked through, of which some were.
pub fn sweep(settings: &Settings, server: ServerId) -> Result<(), Error> {
    let jail = match Jail::open(&settings.files_of(server)) {
        Ok(jail) => jail,
        Err(Error::NotFound(_)) => return Ok(()),
        Err(e) => return Err(e),
    };
    let Some(before) = SystemTime::now().checked_sub(UNTOUCHED) else {
        return Ok(());
    };
    let mut budget = Budget::new(Instant::now() + WORK, u64::MAX);
    let swept = jail.sweep(before, &mut budget)?;
    if swept > 0 {
        info!(server.id = %server, "removed {swept} half written files that nobody came back for");
    }
    Ok(())
}
