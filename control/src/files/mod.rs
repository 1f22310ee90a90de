//! Files of servers, through their nodes.

pub mod api;
pub mod dto;
pub mod service;

/// The most that a file may hold to be read or written here. Larger ones need a transfer.
pub const MAX_BYTES: usize = 1024 * 1024;
