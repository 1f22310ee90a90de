//! Files of servers, as nodes hold them open for us: [`Line`] is somebody's way to one server, [`RemoteFile`] a file that
//! is open there, [`read`] and [`Writer`] keep several chunks of it on their way. Nothing here outlives what it is for,
//! and no more is in memory than the chunks that are on their way.

mod file;
mod line;
mod pace;
mod pipe;

pub use file::{CHUNK, RemoteFile};
pub use line::Line;
pub use pipe::{Chunks, Writer, read, read_to_end};

use warren_proto::bus::CallError;

/// The code of what a node has refused; empty when it has not answered at all.
pub fn code(error: &CallError) -> &str {
    match error {
        CallError::Failed { code, .. } => code,
        CallError::Bus(_) | CallError::Refused(_) => "",
    }
}
