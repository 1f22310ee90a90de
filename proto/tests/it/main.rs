//! The bus against real nats-servers: the one in PATH (or `WARREN_NATS_SERVER`) and those that
//! `WARREN_NATS_SERVER_EXTRA` names (paths with `:` between them).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cluster;
mod connection;
mod hostile_gateway;
mod hostile_node;
mod hostile_reader;
mod layout;
mod nats;
mod revocation;
mod serving;
