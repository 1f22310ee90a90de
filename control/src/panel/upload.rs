//! How large a file may be that people upload: as a server's own limit says, else as the panel's.

use crate::{app::Ground, error::Fields};

/// Less would keep away what panels are for.
const LEAST: u64 = 1024 * 1024;
/// More than any disk has.
const MOST: u64 = 1 << 50;

/// Refuses a limit that can't be meant.
pub fn check(fields: &mut Fields, field: &str, bytes: Option<u64>) {
    fields.check(
        bytes.is_none_or(|bytes| (LEAST..=MOST).contains(&bytes)),
        field,
        "out_of_range",
        "is at least 1 MiB; null is no limit",
    );
}

/// What holds for a server with this limit of its own.
#[must_use]
pub fn holds(ground: &Ground, own: Option<u64>) -> Option<u64> {
    own.or(ground.panel.now().upload_bytes)
}
