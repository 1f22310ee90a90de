//! Nests: eggs in groups with a name. An egg is in one of them or in none.

pub mod api;
pub mod dto;
pub mod service;
