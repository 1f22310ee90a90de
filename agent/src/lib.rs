//! One agent per node: dials out, keeps wanted servers running on containerd, reports what it sees.
//!
//! Pure middle, I/O at the rim: [`server::lifecycle`] and [`link`]'s core decide, the tasks around
//! them act. Nothing here listens on the network.

pub mod backup;
pub mod bulk;
pub mod clock;
pub mod conditions;
pub mod config;
pub mod console;
pub mod disk;
pub mod fetch;
pub mod files;
pub mod halt;
pub mod host;
pub mod identity;
pub mod job;
pub mod journal;
pub mod ledger;
pub mod link;
pub mod machine;
pub mod metrics_page;
pub mod node;
pub mod server;
pub mod service;
pub mod stats;
pub mod supervise;
pub mod tasks;
pub mod transfer;
