//! Log-in by SFTP: who proves what, which files it reaches, and what ends it. The bytes go past control.

pub mod api;
pub mod dto;
pub mod host_keys;
mod login;
pub mod proof;
mod store;

pub use login::{SHORT, log_in, log_out, offered, still};
pub use store::{end_of_api_key, end_of_api_keys, end_of_server, end_of_ssh_key, prune};
