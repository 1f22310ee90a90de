//! SSH keys of people: the public halves, by which their owners log in over SFTP.

pub mod api;
pub mod dto;
pub mod public_key;
pub mod service;
mod store;

pub use store::forget;
