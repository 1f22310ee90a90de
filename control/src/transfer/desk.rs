//! What this process knows of the transfers that are open: who is at work on them, what was told lately, and which of them
//! nobody has heard of for too long.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;
use warren_entity::transfers;

use super::Phase;

/// Without any news for so long while the game is down, all is taken back...
const STALLED_DOWN: Duration = Duration::from_secs(10 * 60);
/// ... and for so long while it runs: a node may be away for a while.
const STALLED: Duration = Duration::from_secs(60 * 60);

/// See the module.
#[derive(Default)]
pub(super) struct Desk {
    busy: BTreeSet<String>,
    pub granted: HashMap<String, Instant>,
    pub tidied: HashMap<String, Instant>,
    /// When a row was last changed, and since when it is seen to be so.
    heard: HashMap<String, (i64, Instant)>,
}

impl Desk {
    /// Keeps what is known of these alone.
    pub fn keep(&mut self, ids: &BTreeSet<String>) {
        self.granted.retain(|id, _| ids.contains(id));
        self.tidied.retain(|id, _| ids.contains(id));
        self.heard.retain(|id, _| ids.contains(id));
    }

    /// Why it is not waited for any longer. What counts is how long this process has seen no news: it may have been
    /// away itself.
    pub fn stalled(
        &mut self,
        row: &transfers::Model,
        phase: Phase,
        now: Instant,
    ) -> Option<&'static str> {
        let (most, text) = match phase {
            Phase::Copying | Phase::Stopping => (STALLED, "nothing was heard of it for an hour"),
            Phase::Last | Phase::Placing => (
                STALLED_DOWN,
                "the game was down, and nothing was heard of its files for ten minutes",
            ),
            _ => return None,
        };
        let seen = (row.updated_at_ms, now);
        let heard = self.heard.entry(row.id.clone()).or_insert(seen);
        if heard.0 != row.updated_at_ms {
            *heard = seen;
        }
        (now.duration_since(heard.1) > most).then_some(text)
    }
}

/// One that is at work on; given back however that ends.
pub(super) struct Place(Arc<Mutex<Desk>>, String);

impl Place {
    /// None: somebody is at work on it.
    pub fn take(desk: &Arc<Mutex<Desk>>, id: &str) -> Option<Self> {
        let free = desk.lock().busy.insert(id.to_owned());
        free.then(|| Self(desk.clone(), id.to_owned()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lock().busy.remove(&self.1);
    }
}

/// Whether it is time again, and if so notes that it was.
pub(super) fn due(seen: &mut HashMap<String, Instant>, id: &str, every: Duration) -> bool {
    let due = seen.get(id).is_none_or(|at| at.elapsed() >= every);
    if due {
        seen.insert(id.to_owned(), Instant::now());
    }
    due
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn row(updated_at_ms: i64) -> transfers::Model {
        transfers::Model {
            id: "t".into(),
            server_id: "s".into(),
            from_node: "a".into(),
            to_node: "b".into(),
            phase: "last".into(),
            active: Some("s".into()),
            tidied: false,
            secret: Vec::new(),
            ports: serde_json::json!([]),
            warnings: serde_json::json!([]),
            was_running: true,
            waits: false,
            released: false,
            pass: 1,
            tries: 0,
            operation_id: None,
            generation: 1,
            step: None,
            done_bytes: 0,
            total_bytes: 0,
            bytes_per_second: 0,
            files: 0,
            size_bytes: 0,
            skipped: 0,
            pass_ms: None,
            expected_ms: None,
            down_since_ms: None,
            downtime_ms: None,
            code: None,
            message: None,
            cancel_asked_at_ms: None,
            actor: None,
            created_at_ms: 0,
            updated_at_ms,
            ended_at_ms: None,
        }
    }

    #[test]
    fn a_game_that_is_down_does_not_wait_for_ever_for_a_node() {
        let mut desk = Desk::default();
        let begin = Instant::now();
        let mut after = |s: u64, row: &transfers::Model, phase| {
            let now = begin + Duration::from_secs(s);
            desk.stalled(row, phase, now).is_some()
        };
        // However old the row is: this process has only just come.
        assert!(!after(0, &row(1), Phase::Last));
        assert!(!after(601, &row(2), Phase::Last), "news");
        assert!(!after(1201, &row(2), Phase::Placing));
        assert!(after(1202, &row(2), Phase::Placing));
        for phase in [Phase::Copying, Phase::Ready, Phase::Starting, Phase::Done] {
            assert!(!after(1202, &row(2), phase), "{phase:?}");
        }
        assert!(after(4300, &row(2), Phase::Copying));
        assert!(!after(9000, &row(2), Phase::Ready));
    }
}
