//! An admin looks at the panel as somebody else sees it: to read, and for nothing else.

pub mod api;
pub mod dto;
mod extract;
pub mod service;

pub use extract::{asks, seen_as};
