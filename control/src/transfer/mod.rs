//! Moves servers from one node to another.
//!
//! All state is a row of `transfers`, and one worker goes on from whatever stands there ([`work`]): each step may be done
//! twice. Up to the transaction that changes the owner ([`switch`]) everything is taken back when it fails or is
//! cancelled; from there on everything goes through.
//!
//! | phase | what is so | goes on when |
//! |---|---|---|
//! | `copying` | the game runs where it was; passes over its files | what changes in a pass is little |
//! | `ready` | as before; somebody wants to say when | they say so: another pass |
//! | `stopping` | a job holds the game down on its node | the node says that it is held |
//! | `last` | nobody writes; the last pass, all compared | it is done |
//! | `placing` | the files go to their place on the new node | they are there: the owner changes |
//! | `starting` | the new node has the server | it has taken it, and started it if it ran |
//! | `undoing` | the job ends, the game starts where it was | it is as before |
//! | `done`, `failed`, `cancelled` | over; nodes are told until they have heard | |

pub mod api;
mod ask;
pub mod check;
mod desk;
pub mod dto;
pub mod service;
pub mod store;
pub mod switch;
mod turn;
pub mod undo;
pub mod work;

use sea_orm::ConnectionTrait;

use crate::error::{Error, Result};

/// Refuses what a server that is on its way can't bear: its files, its ports and its mounts are what its new node was
/// looked at for.
/// # Errors
/// 409 `transfer_running`; database.
pub async fn stays(db: &impl ConnectionTrait, server: &str) -> Result<()> {
    match store::active(db, server).await? {
        Some(_) => {
            let text = "this server is being moved to another node; wait for it or cancel it";
            Err(Error::conflict("transfer_running", text))
        }
        None => Ok(()),
    }
}

/// Where a transfer is; see the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// See the module.
    Copying,
    /// See the module.
    Ready,
    /// See the module.
    Stopping,
    /// See the module.
    Last,
    /// See the module.
    Placing,
    /// See the module.
    Starting,
    /// See the module.
    Undoing,
    /// See the module.
    Done,
    /// See the module.
    Failed,
    /// See the module.
    Cancelled,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Copying,
        Self::Ready,
        Self::Stopping,
        Self::Last,
        Self::Placing,
        Self::Starting,
        Self::Undoing,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word in rows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Copying => "copying",
            Self::Ready => "ready",
            Self::Stopping => "stopping",
            Self::Last => "last",
            Self::Placing => "placing",
            Self::Starting => "starting",
            Self::Undoing => "undoing",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == text)
    }

    /// Whether it can be called off: the owner is still the old one.
    #[must_use]
    pub fn is_revocable(self) -> bool {
        matches!(
            self,
            Self::Copying | Self::Ready | Self::Stopping | Self::Last | Self::Placing
        )
    }

    /// Whether the source answers who has been granted its files.
    #[must_use]
    pub fn reads(self) -> bool {
        matches!(self, Self::Copying | Self::Last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_be_called_off_once_the_owner_has_changed() {
        for phase in Phase::ALL {
            assert_eq!(Phase::parse(phase.as_str()), Some(phase));
        }
        for phase in [
            Phase::Starting,
            Phase::Undoing,
            Phase::Done,
            Phase::Failed,
            Phase::Cancelled,
        ] {
            assert!(!phase.is_revocable(), "{phase:?}");
        }
    }
}
