//! Eggs: import, list, export.

pub mod api;
pub mod dto;
pub mod service;
pub mod upload;
pub mod view;
