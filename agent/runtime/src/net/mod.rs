//! The network of servers: one named namespace each, a routed line of its own to it, and one nftables
//! table of ours that publishes ports and keeps servers away from what is not theirs.

pub mod fake;
mod foreign;
mod link;
mod linux;
mod nft;
mod ports;
mod run;
mod types;

pub(crate) use foreign::foreign_drops;

pub use linux::{LinuxNetwork, NetConfig};
pub use ports::{Holder, port_held};
pub use types::{Attached, Egress, Ipv4Net, NetKey, NetSpec, Proto, Publish};

use crate::runtime::{BoxFuture, Result};

/// Our nftables tables are called this plus the node's tag.
pub(crate) const TABLE_PREFIX: &str = "warren_";

/// Per-server networking on this machine. All calls are idempotent.
pub trait Network: Send + Sync + 'static {
    /// Makes namespace, link, address and rules as given; existing ones are kept and brought in line.
    fn ensure<'a>(&'a self, key: &'a NetKey, spec: &'a NetSpec) -> BoxFuture<'a, Result<Attached>>;

    /// Takes all of a server's network away. Absent is success.
    fn remove<'a>(&'a self, key: &'a NetKey) -> BoxFuture<'a, Result<()>>;

    /// What is there, also from before a restart of the agent.
    fn list(&self) -> BoxFuture<'_, Result<Vec<Attached>>>;

    /// Puts back what others took away, e.g. by flushing all nftables rules. Whether it had to.
    fn repair(&self) -> BoxFuture<'_, Result<bool>>;

    /// Removes everything that carries this node's tag, the table included.
    fn cleanup_all(&self) -> BoxFuture<'_, Result<()>>;
}
