//! Log-in and log-out.

pub mod api;
pub mod dto;
pub mod service;
pub mod store;
