//! SFTP for all servers at one address, wherever their nodes are: control lets people in, the gateway speaks the protocol, and
//! the node does the work, under the ticket that control gave.

mod attrs;
mod conn;
mod gate;
mod handle;
mod listen;
mod ops;
mod packet;
mod seat;
mod session;

pub use listen::{Bounds, serve, serve_later};
