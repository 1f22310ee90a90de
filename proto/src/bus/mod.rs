//! The bus as programs use it: who may speak (`accounts`, `jwt`, `creds`), how a server is set up
//! (`config`, `version`), one connection (`client`), answering (`serve`), asking (`ask`), and the two kinds
//! of signed words that travel on it (`signed`, `ticket`).

pub mod accounts;
pub mod ask;
mod bridges;
pub mod client;
pub mod clock;
pub mod config;
pub mod creds;
pub mod events;
pub mod jwt;
pub mod keyring;
pub mod reply;
pub mod serve;
pub mod signed;
pub mod sys;
pub mod ticket;
pub mod tls;
pub mod version;

pub use ask::CallError;
pub use client::{Bus, Error, Options, Subscription};
pub use creds::{Creds, Seed};
pub use events::{Event, Link};
pub use serve::{Ask, ServeOptions, Serving, failure};
