//! People who may do some things on a server that is another's.

pub mod api;
pub mod dto;
pub mod service;
