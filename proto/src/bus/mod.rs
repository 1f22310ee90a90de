//! The bus as programs use it.

pub mod accounts;
pub mod config;
pub mod creds;
pub mod jwt;
pub mod version;

pub use creds::{Creds, Seed};
