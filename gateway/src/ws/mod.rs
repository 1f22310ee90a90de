//! WebSockets: the handshake, the frames, and one connection.

pub mod conn;
pub mod frame;
pub mod handshake;
pub mod message;
mod server_sub;
pub mod viewer;
