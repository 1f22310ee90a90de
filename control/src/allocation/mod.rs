//! Ports on nodes.

pub mod api;
pub mod dto;
pub mod ports;
pub mod regain;
pub mod service;
pub mod take;
