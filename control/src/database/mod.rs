//! Databases of servers.

pub mod dto;
