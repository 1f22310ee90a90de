//! Nodes: how a machine becomes one, who may speak for it, and whether it is there.

pub mod alive;
pub mod api;
pub mod beats;
pub mod command;
pub mod conduct;
pub mod convert;
pub mod credential;
pub mod dto;
pub mod enroll;
pub(crate) mod hello;
pub mod identity;
pub mod pace;
pub mod place;
pub mod presence;
pub mod push;
pub mod service;
pub mod settle;
pub mod token;
pub mod view;

mod asking;

pub use asking::{ask, ask_by_id};
