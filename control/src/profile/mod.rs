//! What people say about themselves, their pictures, and how they like the panel.

pub mod api;
pub mod dto;
mod image;
pub mod service;
mod store;

pub use store::{choices, forget};
