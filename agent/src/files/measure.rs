//! What files weigh: checksums and disk usage.

use std::time::Instant;

use warren_proto::wire;
use warren_runtime::jail::{Algorithm, Error, Kind};

use super::{Answer, Files, WORK, path};

/// Entries between two looks at the clock.
const STEP: usize = 2000;

impl Files<'_> {
    pub(super) fn checksum(&self, ask: &wire::FileChecksumAsk) -> Result<Answer, Error> {
        let algorithm = Algorithm::named(&ask.algorithm);
        let algorithm = algorithm.ok_or_else(|| Error::Unknown(ask.algorithm.clone()))?;
        let sum = self
            .jail
            .checksum(&path(&ask.path)?, algorithm, &self.budget())?;
        Ok(Answer::Checksum(wire::FileChecksum {
            digest: sum.digest,
            size_bytes: sum.size_bytes,
            etag: sum.etag.0,
        }))
    }

    /// What the disk has, or what is left of the server's own limit where that is less.
    pub(super) fn disk_room(&self, ask: &wire::FileRoomAsk) -> Result<Answer, Error> {
        self.jail.stat(&path(&ask.path)?)?;
        let disk = self.jail.room()?;
        let limit = self.status.lock().disk_limit;
        let (total, free) = match limit {
            0 => (disk.total_bytes, disk.free_bytes),
            limit => (
                limit.min(disk.total_bytes),
                self.room().min(disk.free_bytes),
            ),
        };
        Ok(Answer::Room(wire::FileRoom {
            total_bytes: total,
            free_bytes: free,
            total_files: disk.total_files,
            free_files: disk.free_files,
        }))
    }

    pub(super) fn usage(&self, ask: &wire::FileUsageAsk) -> Result<Answer, Error> {
        let path = path(&ask.path)?;
        let top = self.jail.stat(&path)?;
        if top.kind != Kind::Directory {
            return Ok(Answer::Usage(wire::FileUsage {
                disk_bytes: top.disk_bytes,
                entries: 1,
                complete: true,
            }));
        }
        let until = Instant::now() + WORK;
        let mut scan = self.jail.usage_scan_of(&path)?;
        let (usage, complete) = loop {
            if let Some(usage) = scan.step(STEP)? {
                break (usage, true);
            }
            if Instant::now() >= until {
                break (scan.so_far(), false);
            }
        };
        Ok(Answer::Usage(wire::FileUsage {
            disk_bytes: usage.disk_bytes,
            entries: usage.entries,
            complete,
        }))
    }
}
