#![allow(clippy::unwrap_used, clippy::expect_used)]
//! The harness against the real programs that it starts.

mod containerd;
mod nats;
mod netlab;
mod postgres;
mod registry;
