//! What somebody's servers may have together. Nothing is counted beside what is there: whatever makes it more counts it
//! anew, in its own transaction and with the quota's row locked, so no two changes take the same rest.

pub mod api;
pub mod dto;
pub mod hold;
pub mod limits;
pub mod service;

pub use hold::{Kind, grown, hold};
