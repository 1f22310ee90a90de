//! The one table of server states. Agents walk along it, control checks facts against it, and the
//! web's table is made from it.

use serde::{Deserialize, Serialize};

use crate::wire;

/// What an agent observes of a server. `suspended`, `transferring`, `restoring` and `unreachable`
/// are conditions that control lays over a state, never states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Known, never installed.
    New,
    /// An install job owns the files.
    Installing,
    /// Installed, does not run.
    Stopped,
    /// Runs, has not shown its done marker.
    Starting,
    /// Runs and has shown it.
    Running,
    /// Asked to stop, still runs.
    Stopping,
    /// Ended by itself in a way that the crash policy counts.
    Crashed,
    /// Could not be installed or started; the reason says why.
    Error,
}

impl State {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 8] = [
        Self::New,
        Self::Installing,
        Self::Stopped,
        Self::Starting,
        Self::Running,
        Self::Stopping,
        Self::Crashed,
        Self::Error,
    ];

    /// Whether an agent may report this step. A state never goes to itself.
    #[must_use]
    pub fn may_go_to(self, to: Self) -> bool {
        use State::{Crashed, Error, Installing, New, Running, Starting, Stopped, Stopping};
        match self {
            New => matches!(to, Installing | Stopped | Error),
            Installing => matches!(to, Stopped | Error),
            Stopped => matches!(to, Installing | Starting),
            Starting => matches!(to, Running | Stopping | Stopped | Crashed | Error),
            Running => matches!(to, Stopping | Stopped | Crashed),
            Stopping => matches!(to, Stopped | Crashed),
            Crashed => matches!(to, Starting | Stopped | Installing),
            Error => matches!(to, Stopped | Installing | Starting),
        }
    }

    /// A container of the game exists.
    #[must_use]
    pub fn is_up(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Stopping)
    }

    /// The name used in the API, in events and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Installing => "installing",
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Crashed => "crashed",
            Self::Error => "error",
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for State {
    type Err = UnknownState;
    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or(UnknownState)
    }
}

/// A state that this version does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown server state")]
pub struct UnknownState;

impl TryFrom<wire::State> for State {
    type Error = UnknownState;
    fn try_from(state: wire::State) -> Result<Self, UnknownState> {
        Ok(match state {
            wire::State::Unspecified => return Err(UnknownState),
            wire::State::New => Self::New,
            wire::State::Installing => Self::Installing,
            wire::State::Stopped => Self::Stopped,
            wire::State::Starting => Self::Starting,
            wire::State::Running => Self::Running,
            wire::State::Stopping => Self::Stopping,
            wire::State::Crashed => Self::Crashed,
            wire::State::Error => Self::Error,
        })
    }
}

impl From<State> for wire::State {
    fn from(state: State) -> Self {
        match state {
            State::New => Self::New,
            State::Installing => Self::Installing,
            State::Stopped => Self::Stopped,
            State::Starting => Self::Starting,
            State::Running => Self::Running,
            State::Stopping => Self::Stopping,
            State::Crashed => Self::Crashed,
            State::Error => Self::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The table as people read it; one cell per pair, in the order of [`State::ALL`].
    const TABLE: [&str; 8] = [
        // new installing stopped starting running stopping crashed error
        "-xx----x", // new
        "--x----x", // installing
        "-x-x----", // stopped
        "--x-xxxx", // starting
        "--x--xx-", // running
        "--x---x-", // stopping
        "-xxx----", // crashed
        "-xxx----", // error
    ];

    #[test]
    fn every_cell_of_the_table_is_as_designed() {
        for (row, from) in State::ALL.into_iter().enumerate() {
            for (column, to) in State::ALL.into_iter().enumerate() {
                let allowed = TABLE[row].as_bytes()[column] == b'x';
                assert_eq!(from.may_go_to(to), allowed, "{from} to {to}");
            }
        }
    }

    #[test]
    fn a_state_keeps_its_name_on_the_wire_and_in_text() {
        for state in State::ALL {
            assert_eq!(State::try_from(wire::State::from(state)).unwrap(), state);
            assert_eq!(state.as_str().parse::<State>().unwrap(), state);
        }
        assert!(State::try_from(wire::State::Unspecified).is_err());
    }
}
