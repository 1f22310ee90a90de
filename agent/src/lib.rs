//! One agent per node: dials out, keeps wanted servers running on containerd, reports what it sees.
//!
//! Pure middle, I/O at the rim: [`server::lifecycle`] and [`link`]'s core decide, the tasks around
//! them act. Nothing here listens on the network.

pub mod clock;
pub mod console;
pub mod disk;
pub mod journal;
pub mod ledger;
pub mod link;
pub mod server;
