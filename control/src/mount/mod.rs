//! Mounts: directories of nodes that servers see beside their own files. Here is what there is and to whom it is offered;
//! switching one on is a server's business, and whether a node mounts it is decided by that node's own settings.

pub mod api;
mod check;
pub mod dto;
mod offer;
pub mod service;
mod spread;
pub mod store;

pub use offer::{Offers, Place};

/// Servers that may have one mount switched on.
#[must_use]
pub fn most_servers() -> u64 {
    spread::MOST
}
