//! Everything that is said to and heard from control and gateways.

pub mod core;
