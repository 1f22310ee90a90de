//! Personal API keys.

pub mod api;
pub mod dto;
pub mod service;
