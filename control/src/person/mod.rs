//! People with an account, for those who look after them.

pub mod api;
pub mod dto;
pub mod newcomer;
pub mod service;
mod suspension;
pub mod why;
