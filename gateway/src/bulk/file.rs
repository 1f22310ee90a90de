//! One file that is open on a node.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use warren_proto::bus::CallError;
use warren_proto::subjects::bulk;
use warren_proto::wire::{
    BulkClose, BulkClosed, BulkData, BulkHandle, BulkLook, BulkOpen, BulkOpened, BulkRead, BulkSet,
    BulkStat, BulkSync, BulkWrite, BulkWritten,
};

use super::line::Line;

/// Bytes that one answer carries at most.
pub const CHUNK: usize = 256 * 1024;
/// A whole file may have to be read and synced before it is in its place.
const COMMIT: Duration = Duration::from_secs(58);

/// See the module. Closed by [`RemoteFile::close`]; one that is only dropped is closed by the node when the line ends.
pub struct RemoteFile {
    pub line: Arc<Line>,
    pub opened: BulkOpened,
    /// What is said twice is done twice.
    append: bool,
}

impl RemoteFile {
    /// Opens as `ask` says; session and server are filled in.
    /// # Errors
    /// What the node refuses, or that it does not answer.
    pub async fn open(line: &Arc<Line>, ask: BulkOpen) -> Result<Self, CallError> {
        let append = ask.append;
        let ask = BulkOpen {
            server: line.server.to_string(),
            ..ask
        };
        let with = |session| BulkOpen {
            session,
            ..ask.clone()
        };
        let opened = line
            .patiently(|within| line.call(bulk::OPEN, within, with))
            .await?;
        Ok(Self {
            line: line.clone(),
            opened,
            append,
        })
    }

    fn of(&self, session: String) -> Option<BulkHandle> {
        Some(BulkHandle {
            session,
            handle: self.opened.handle.clone(),
        })
    }

    /// Up to `length` bytes (at most [`CHUNK`]) from `offset`, and whether the file ends there.
    /// # Errors
    /// As [`Line::call`].
    pub async fn read(&self, offset: u64, length: u32) -> Result<BulkData, CallError> {
        let ask = |session| BulkRead {
            of: self.of(session),
            offset,
            length,
        };
        let read = |within| async move {
            let data: BulkData = self.line.call(bulk::READ, within, ask).await?;
            match crc32fast::hash(&data.data) == data.crc && data.data.len() <= length as usize {
                true => Ok(data),
                false => Err(CallError::Failed {
                    code: "checksum_differs".into(),
                    message: "these bytes are not those that were sent".into(),
                    retryable: true,
                }),
            }
        };
        self.line.patiently(read).await
    }

    /// Writes at most [`CHUNK`] bytes; gives the offset behind them.
    /// # Errors
    /// As [`Line::call`].
    pub async fn write(&self, offset: u64, data: Bytes) -> Result<u64, CallError> {
        let crc = crc32fast::hash(&data);
        let ask = |session| BulkWrite {
            of: self.of(session),
            offset,
            data: data.clone(),
            crc,
        };
        let write = |within| self.line.call(bulk::WRITE, within, &ask);
        let written: BulkWritten = match self.append {
            true => write(self.line.pace.wait()).await?,
            false => self.line.patiently(write).await?,
        };
        Ok(written.end)
    }

    /// # Errors
    /// As [`Line::call`].
    pub async fn stat(&self) -> Result<BulkStat, CallError> {
        let ask = |session| BulkLook {
            of: self.of(session),
        };
        let stat = |within| self.line.call(bulk::STAT, within, ask);
        self.line.patiently(stat).await
    }

    /// Sets size, mode and times.
    /// # Errors
    /// As [`Line::call`].
    pub async fn set(&self, set: BulkSet) -> Result<BulkStat, CallError> {
        let ask = |session| BulkSet {
            of: self.of(session),
            ..set.clone()
        };
        let set = |within| self.line.call(bulk::SET, within, &ask);
        self.line.patiently(set).await
    }

    /// To the disk.
    /// # Errors
    /// As [`Line::call`].
    pub async fn sync(&self) -> Result<BulkStat, CallError> {
        let ask = |session| BulkSync {
            of: self.of(session),
        };
        let sync = |_| self.line.call(bulk::SYNC, COMMIT, ask);
        self.line.patiently(sync).await
    }

    /// Ends it as `close` says. Said again when no answer comes: the node remembers how it ended.
    /// # Errors
    /// As [`Line::call`].
    pub async fn close(&self, close: BulkClose) -> Result<BulkClosed, CallError> {
        let ask = |session| BulkClose {
            of: self.of(session),
            ..close.clone()
        };
        let within = |wait: Duration| if close.commit { COMMIT } else { wait };
        let closing = |wait| self.line.call(bulk::CLOSE, within(wait), &ask);
        self.line.patiently(closing).await
    }
}
