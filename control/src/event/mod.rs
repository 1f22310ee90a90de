//! Public events for clients.

pub mod api;
pub mod dto;
pub mod service;
