//! What clients may have on their way to us, and their answers, in all.

use std::sync::Arc;

use crate::edge::Edge;

/// Bytes of all channels, as the metrics show them.
pub struct Memory {
    edge: Arc<Edge>,
    most: i64,
}

impl Memory {
    pub fn new(edge: Arc<Edge>, most: usize) -> Arc<Self> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        Arc::new(Self { edge, most })
    }

    /// From now on each gets less.
    pub fn short(&self) -> bool {
        self.edge.metrics.sftp_bytes.get() > self.most / 2
    }

    pub fn share(self: &Arc<Self>) -> Share {
        Share {
            memory: self.clone(),
            held: 0,
        }
    }
}

/// Of one channel; given back when it is dropped, however that comes.
pub struct Share {
    memory: Arc<Memory>,
    held: i64,
}

impl Share {
    pub fn set(&mut self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        if bytes != self.held {
            let more = bytes - self.held;
            self.memory.edge.metrics.sftp_bytes.add(more);
            self.held = bytes;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}
