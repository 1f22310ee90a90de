//! Backups of servers: snapshots in a restic repository per server and store, which the server's node makes and reads.

pub mod api;
pub mod dto;
pub mod job;
mod repository;
pub mod restore;
pub mod retention;
pub mod service;
pub mod settings;
