//! Files of servers: what is asked here is done by their nodes, inside the jail of the server's directory.

pub mod api;
mod ask;
mod change;
mod content;
pub mod dto;
mod list;

/// All that the handlers call.
mod service {
    pub use super::{
        change::{chmod, copy, delete, mkdir, rename, symlink},
        content::{read, write},
        list::{checksum, list, stat, usage},
    };
}

/// The most that a file may hold to be read or written here. Larger ones need a transfer.
pub const MAX_BYTES: usize = 1024 * 1024;
