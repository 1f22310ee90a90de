//! The second step of a log-in: a code of an authenticator app (RFC 6238), or one of the recovery codes that stand in
//! for it once each.

pub mod api;
mod code;
pub mod dto;
pub mod service;
mod store;

pub use store::{Passed, forget, pass};
