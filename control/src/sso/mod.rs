//! Log-ins that other providers vouch for (OpenID Connect): sending a browser there, believing what comes back, and whose
//! account here it is.

pub mod api;
pub mod dto;
mod login;
mod person;
mod provider;
mod roles;
pub mod service;

pub use login::{count, forget, forget_by_address, forget_connected};
pub use provider::{Providers, check};
