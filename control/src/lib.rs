//! Control: REST API, identity, wanted state, persistence. Keeps nothing but its database.

pub mod app;
pub mod clock;
pub mod config;
pub mod console;
pub mod db;
pub mod gate;
pub mod ingest;
pub mod keys;
pub mod metrics;
pub mod node;
pub mod nudge;
pub mod outbox;
pub mod reconcile;
pub mod serve;
pub mod text;
pub mod wanted;
