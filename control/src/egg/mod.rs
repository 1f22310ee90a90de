//! Eggs: import, list, export, check.

pub mod api;
pub mod check;
pub mod dto;
pub mod service;
pub mod upload;
pub mod view;
