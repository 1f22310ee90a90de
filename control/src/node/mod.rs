//! Nodes: how a machine becomes one, who may speak for it, and whether it is there.

pub mod command;
pub mod convert;
pub mod credential;
pub mod enroll;
pub(crate) mod hello;
pub mod identity;
pub mod presence;
pub mod push;
pub mod token;
