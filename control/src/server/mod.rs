//! Game servers.

pub mod adopt;
pub mod api;
pub mod check;
pub mod console;
pub mod console_api;
pub mod dto;
pub mod list;
pub mod live;
pub mod ports;
pub mod row;
pub mod search;
pub mod service;
pub mod spec;
pub mod store;
pub mod view;
