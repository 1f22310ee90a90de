//! What facts mean for the rows that they are about. Pure: [`super::effect`] writes it down.

use warren_proto::{
    state::State,
    wire::{self, JobResult},
};

use super::cursor::{Boot, Lost};

/// States in which an operation may be told its end: one that counted as lost and ended after all is what it
/// ended as.
pub const OPEN: [&str; 3] = ["pending", "running", "lost"];

/// A server's last power order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order<'a> {
    /// What people wait for: `start`, `stop`, `restart`, `kill`.
    pub intent: Option<&'a str>,
    /// Generation that it was given in.
    pub generation: i64,
}

/// Whether the order is done with once the server is `to`, as a node says that knows `generation`: its state is
/// reached, or the game has ended by itself.
#[must_use]
pub fn settles(order: Order<'_>, generation: i64, to: State) -> bool {
    let order_is_known = generation >= order.generation;
    let Some(intent) = order.intent.filter(|_| order_is_known) else {
        return false;
    };
    match intent {
        "start" => matches!(
            to,
            State::Running | State::Stopped | State::Crashed | State::Error
        ),
        "restart" => matches!(to, State::Running | State::Crashed | State::Error),
        _ => matches!(to, State::Stopped | State::Crashed | State::Error),
    }
}

/// An operation's state after its job ended.
#[must_use]
pub fn ended_as(result: JobResult) -> Option<&'static str> {
    match result {
        JobResult::Done => Some("done"),
        JobResult::Failed => Some("failed"),
        JobResult::Cancelled => Some("cancelled"),
        JobResult::Unspecified => None,
    }
}

/// Facts of the boot before that never came, as a boot's first fact tells. `next_seq`: what was expected of it.
#[must_use]
pub fn lost_before(previous: Boot, next_seq: u64, started: &wire::BootStarted) -> Option<Lost> {
    (next_seq <= started.previous_last_seq).then_some(Lost {
        boot: previous,
        from_seq: next_seq,
        to_seq: started.previous_last_seq,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_settled_by_its_state_or_by_the_games_own_end() {
        let start = Order {
            intent: Some("start"),
            generation: 4,
        };
        assert!(settles(start, 4, State::Running));
        assert!(settles(start, 5, State::Crashed));
        assert!(!settles(start, 3, State::Running), "it does not know of it");
        assert!(!settles(start, 4, State::Starting));
        let restart = Order {
            intent: Some("restart"),
            ..start
        };
        assert!(!settles(restart, 4, State::Stopped));
        let none = Order {
            intent: None,
            ..start
        };
        assert!(!settles(none, 9, State::Running));
    }
}
