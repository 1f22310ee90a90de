//! Links that show whether mail to an address reaches somebody: the one that they have, or the one that they want.

pub mod api;
pub mod dto;
pub mod service;
