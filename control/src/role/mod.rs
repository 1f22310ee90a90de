//! Roles: named sets of permission keys, given to people over everything, a location, a node or a server.

pub mod api;
pub mod dto;
pub mod grant;
pub mod service;
