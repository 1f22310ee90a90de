//! The HTTP side: front door, routes, pages, TLS.

pub mod acme;
mod certificate;
mod docs;
mod door;
mod first_bytes;
mod health;
pub mod idempotency;
mod install;
mod json;
mod linger;
pub mod openapi;
mod paging;
mod proxy;
mod rate;
mod routes;
mod serve;
mod stamp;
mod tls;
mod version;
mod web;

pub use certificate::Pin;
pub use door::RequestId;
pub use health::install_recorder;
pub use json::{Json, Path, Query, from_slice, read_body};
pub use paging::{DEFAULT_LIMIT, MAX_LIMIT, Page, PageQuery, Sort};
pub use rate::Rates;
pub use routes::router;
pub use serve::{Listening, serve};
pub use stamp::Stamp;
pub(crate) use version::versioned;
pub use version::{IfMatch, Tagged, Version, Versioned, later};
