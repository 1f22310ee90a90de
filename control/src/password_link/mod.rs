//! Passwords that are set by a link in a mail: the first one of an invitation, and another one for who forgot theirs.

pub mod api;
pub mod dto;
pub mod service;
