//! SFTP for all servers at one address, wherever their nodes are: control lets people in, the gateway speaks the protocol, and
//! the node does the work, under the ticket that control gave.

mod attrs;
mod channel;
mod conn;
mod gate;
mod handle;
mod inbox;
mod listen;
mod memory;
mod ops;
mod packet;
mod path;
mod seat;
mod session;

pub use listen::{Bounds, serve, serve_later};
