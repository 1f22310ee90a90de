//! Databases of servers. What is wanted is a row; `work` has the host follow it, however often it takes, and no
//! transaction is held meanwhile.

pub mod api;
mod choose;
pub mod dto;
pub mod names;
pub mod service;
pub mod work;
