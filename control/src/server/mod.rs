//! Game servers.

pub mod adopt;
pub mod api;
pub mod change;
pub mod check;
pub mod console;
pub mod console_api;
pub mod create;
pub mod dto;
mod include;
pub mod job;
pub mod list;
pub mod live;
pub mod mounts;
pub mod owner;
pub mod ports;
pub mod power;
pub mod row;
pub mod search;
pub mod service;
pub mod spec;
pub mod store;
pub mod upload;
mod version;
pub mod view;
