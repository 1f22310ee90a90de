//! Everything of a node that touches the machine: containers, their network, cgroups, console files
//! and the jail under a server's root.
//!
//! The crate knows neither the bus nor Warren's wire types: it takes plain data in and gives plain
//! data out, so that the agent's decisions can be tested against the fake and this crate
//! against a private containerd.
//!
//! Every name that lands on the host (containerd namespace, cgroup parent, netns, veth, nft table) carries the node's tag, so several Warrens share a machine.

pub mod console;
pub mod containerd;
pub mod host_dir;
pub mod jail;
pub mod net;
mod pull;
pub mod runtime;
pub mod stats;
pub mod uid;

pub use runtime::{BoxFuture, Error, Result, Runtime};
