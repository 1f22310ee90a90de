//! Join tokens as the API shows them; `node::token` makes them.

pub mod api;
pub mod dto;
pub mod service;
