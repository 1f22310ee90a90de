//! What every part of control shares.

use std::sync::Arc;

use crate::{clock::Clock, config::Config, db::Db, nudge::Nudges};

/// Cheap to clone: each field is shared.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub db: Db,
    /// As validated at the start.
    pub config: Arc<Config>,
    /// Control's time.
    pub clock: Clock,
    /// Wakes what waits for a commit.
    pub nudges: Nudges,
}
