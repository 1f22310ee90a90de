//! Plans: quotas with a name. Somebody has a quota of their own, is on a plan, or is on the standard one if there is one.

pub mod api;
pub mod dto;
pub mod service;
mod store;

pub use store::{locked, on, standard};
