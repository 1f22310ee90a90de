//! Places that backups are kept in: directories of nodes, and object stores that speak S3.

pub mod api;
pub mod dto;
mod fields;
pub mod service;
pub mod store;
