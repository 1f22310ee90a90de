//! Passkeys: keys that people's devices hold and unlock with a finger, a face or a PIN. A log-in with one takes neither
//! password nor code.

pub mod api;
pub mod dto;
mod relying;
pub mod service;
mod store;

pub use store::{count, forget};
