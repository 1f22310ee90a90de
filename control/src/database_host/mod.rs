//! Database servers that databases of game servers are made on, and what is done there.

pub mod dto;
pub mod engine;
