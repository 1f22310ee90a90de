//! People with an account, for those who look after them.

pub mod api;
pub mod dto;
pub mod newcomer;
pub mod service;
mod sign_up;
mod suspension;
pub mod why;
