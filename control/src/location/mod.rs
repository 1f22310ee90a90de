//! Places that nodes stand at: roles can be over all that is there.

pub mod api;
pub mod dto;
pub mod service;
