//! The bus as programs use it.

pub mod creds;
pub mod jwt;

pub use creds::{Creds, Seed};
