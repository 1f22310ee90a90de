//! One's own account.

pub mod api;
pub mod dto;
pub mod first_run;
pub mod service;
pub mod ways;
