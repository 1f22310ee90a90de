//! Work with an end and progress: the nodes' jobs, as people see them.

pub mod api;
pub mod dto;
pub mod service;
pub mod view;
