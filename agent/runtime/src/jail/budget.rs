//! What one piece of work may use up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::{Error, Result};

/// Counts down while work goes on; the work ends with the first of these that is used up.
#[derive(Debug, Clone)]
pub struct Budget {
    /// Entries that may still be made or looked at.
    pub entries: u64,
    /// Bytes that may still be written to the disk.
    pub bytes: u64,
    /// When to give up.
    pub until: Instant,
    /// Set by whoever does not want the result any more.
    pub cancelled: Arc<AtomicBool>,
}

impl Budget {
    /// Bounded by time and entries alone.
    pub fn new(until: Instant, entries: u64) -> Self {
        Self {
            entries,
            bytes: u64::MAX,
            until,
            cancelled: Arc::default(),
        }
    }

    /// As many bytes as well.
    #[must_use]
    pub fn bytes(self, bytes: u64) -> Self {
        Self { bytes, ..self }
    }

    /// One entry more.
    /// # Errors
    /// `TooMany`, and as [`Self::goes_on`].
    pub fn entry(&mut self) -> Result<()> {
        self.entries = self.entries.checked_sub(1).ok_or(Error::TooMany)?;
        self.goes_on()
    }

    /// So many bytes more.
    /// # Errors
    /// `Quota`, and as [`Self::goes_on`].
    pub fn spend(&mut self, bytes: u64) -> Result<()> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or(Error::Quota)?;
        self.goes_on()
    }

    /// # Errors
    /// `Cancelled`, `TookTooLong`.
    pub fn goes_on(&self) -> Result<()> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Error::Cancelled);
        }
        match Instant::now() < self.until {
            true => Ok(()),
            false => Err(Error::TookTooLong),
        }
    }
}
