//! What Warren's programs say to each other: ids, subjects, messages and the state table.
//!
//! Does no I/O and knows no other room, unless feature `bus` is on, which adds the NATS client.

pub mod address;
#[cfg(feature = "bus")]
pub mod bus;
pub mod envelope;
pub mod ids;
pub mod image;
pub mod join;
pub mod mount;
pub mod state;
pub mod subjects;

/// Messages, generated from `proto/*.proto`. Wire types stop at each program's door: there a
/// `TryFrom` turns them into domain types and rejects what is out of range.
pub mod wire {
    #![allow(missing_docs, clippy::all, clippy::pedantic)]
    include!(concat!(env!("OUT_DIR"), "/warren.v1.rs"));

    impl std::fmt::Debug for Repository {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "Repository({:?}, ***)", self.name)
        }
    }

    impl std::fmt::Debug for S3Store {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "S3Store({:?}, ***)", self.endpoint)
        }
    }

    impl std::fmt::Debug for DownloadWork {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "DownloadWork(***, to {:?}, {:?})", self.to, self.name)
        }
    }
}

pub use prost::Message;
