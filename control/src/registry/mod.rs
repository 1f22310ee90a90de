//! Private image registries: who we are there. The secret lies sealed in the database, is never shown again,
//! and goes to a node only in the row of a server whose images come from that very host.

pub mod api;
pub mod dto;
pub mod service;
