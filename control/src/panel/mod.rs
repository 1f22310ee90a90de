//! What admins set about the panel as a whole while it runs: its name and looks, mail, who may come in and how. What they
//! have not set is as the configuration says.

pub mod api;
pub mod dto;
mod live;
pub mod service;
mod store;
pub mod upload;

pub use live::{Live, Now, load, run};
