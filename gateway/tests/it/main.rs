//! The gateway between real browsers' protocol and a real nats-server; agent and control are played by the
//! tests over the bus.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod browser;
mod console;
mod mine;
mod rig;
mod slow;
mod strangers;
