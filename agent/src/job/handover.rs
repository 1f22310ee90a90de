//! The server goes to another node: from when this has begun until control ends it, no game runs here and nobody writes
//! to its files, whatever process of the agent is there. Its end is the server's, or takes everything back.

use super::{At, Doing, Figures, HELD, Work, cancelled};

/// See the module.
pub(super) struct Handover;

impl Work for Handover {
    fn run(self: Box<Self>, at: At) -> Doing {
        Box::pin(async move {
            (at.progress)(Figures::step(HELD));
            at.cancel.cancelled().await;
            Err(cancelled())
        })
    }
}
