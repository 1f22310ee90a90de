//! Database servers that databases of game servers are made on, and what is done there.

pub mod api;
pub mod desk;
pub mod dto;
pub mod engine;
pub mod fields;
pub mod service;
pub mod store;
pub mod test;
