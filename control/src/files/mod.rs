//! Files of servers: what is asked here is done by their nodes, inside the jail of the server's directory.

pub mod api;
pub mod archive;
pub mod archive_dto;
mod ask;
mod begin;
mod change;
mod content;
pub mod download;
pub mod dto;
mod list;
pub mod reads;
mod search;
mod trash;

/// All that the handlers call.
mod service {
    pub use super::{
        change::{chmod, copy, mkdir, rename, symlink},
        content::{read, write},
        list::{checksum, list, stat, usage},
        search::search,
        trash::{delete, empty_trash, list_trash, restore},
    };
}

/// The most that a file may hold to be read or written here. Larger ones need a transfer.
pub const MAX_BYTES: usize = 1024 * 1024;
