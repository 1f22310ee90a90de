//! What facts mean for the rows that they are about. Pure: [`super::effect`] writes it down.

use warren_proto::{
    state::State,
    wire::{self, JobResult},
};

use super::cursor::{Boot, Lost};

/// States in which an operation may be told its end: one that counted as lost and ended after all is what it
/// ended as.
pub const OPEN: [&str; 3] = ["pending", "running", "lost"];

/// The generation that a server is made in. Every later order raises it.
pub const CREATED: i64 = 1;

/// A server's last power order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order<'a> {
    /// What people wait for: `start`, `stop`, `restart`, `kill`.
    pub intent: Option<&'a str>,
    /// Generation that it was given in.
    pub generation: i64,
    /// The node has the row that holds it.
    pub taken: bool,
}

/// Whether the order is done with once the server came to `to`, as a node says that knew `generation`; `from` is
/// none where the node is only seen there: its state is
/// reached, or the game has ended by itself. A state from before the order settles it only if it is the one that
/// the order asks for, and the node has found nothing to do.
#[must_use]
pub fn settles(order: Order<'_>, generation: i64, from: Option<State>, to: State) -> bool {
    let Some(intent) = order.intent else {
        return false;
    };
    if generation < order.generation {
        return order.taken && is_there(intent, to);
    }
    match intent {
        "start" => matches!(
            to,
            State::Running | State::Stopped | State::Crashed | State::Error
        ),
        // On its way from stopping to starting it is stopped too.
        "restart" if from == Some(State::Stopping) => false,
        "restart" => matches!(
            to,
            State::Running | State::Stopped | State::Crashed | State::Error
        ),
        _ => matches!(to, State::Stopped | State::Crashed | State::Error),
    }
}

/// Whether a server in that state is as the order wants it, so that no further fact comes of it.
#[must_use]
pub fn is_there(intent: &str, state: State) -> bool {
    match intent {
        "start" => state == State::Running,
        "restart" => false,
        _ => matches!(state, State::New | State::Stopped | State::Error),
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

/// Whether a server still waits for the start that its creation asked for: nobody gave another order since, and no
/// install has ended well. The node settles that order with the first install that fails, as a start must not meet
/// half of the files.
#[must_use]
pub fn waits_for_install(power: &str, power_generation: i64, installed: Option<&str>) -> bool {
    power == "start" && power_generation == CREATED && installed != Some("done")
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
    fn a_start_waits_for_an_install_until_one_ends_well_or_another_order_is_given() {
        assert!(waits_for_install("start", CREATED, None));
        assert!(waits_for_install("start", CREATED, Some("failed")));
        assert!(!waits_for_install("start", CREATED, Some("done")));
        assert!(!waits_for_install("stop", 0, Some("failed")), "not asked");
        assert!(!waits_for_install("stop", 3, Some("failed")), "withdrawn");
        assert!(!waits_for_install("start", 3, None), "a later order");
    }

    #[test]
    fn an_order_is_settled_by_its_state_or_by_the_games_own_end() {
        let start = Order {
            intent: Some("start"),
            generation: 4,
            taken: false,
        };
        assert!(settles(start, 4, None, State::Running));
        assert!(settles(start, 5, None, State::Crashed));
        assert!(
            !settles(start, 3, None, State::Running),
            "it does not know of it"
        );
        assert!(!settles(start, 4, None, State::Starting));
        let restart = Order {
            intent: Some("restart"),
            ..start
        };
        let (stopping, starting) = (Some(State::Stopping), Some(State::Starting));
        assert!(!settles(restart, 4, stopping, State::Stopped));
        assert!(
            settles(restart, 4, starting, State::Stopped),
            "it ended at once"
        );
        let taken = Order {
            taken: true,
            ..start
        };
        assert!(
            settles(taken, 3, None, State::Running),
            "there was nothing to do"
        );
        assert!(!settles(taken, 3, None, State::Stopped), "that was before");
        let none = Order {
            intent: None,
            ..start
        };
        assert!(!settles(none, 9, None, State::Running));
    }
}
