//! What makes, moves, marks and removes entries.

use std::time::{Duration, SystemTime};

use warren_proto::wire;
use warren_runtime::jail::{Error, RelPath, WriteOptions};

use super::{Answer, Files, inner};

impl Files<'_> {
    pub(super) fn mkdir(&self, ask: &wire::FileMkdir) -> Result<(), Error> {
        let options = WriteOptions {
            parents: !ask.exact,
            owner: self.owner(),
            ..WriteOptions::default()
        };
        self.jail.mkdir(&inner(&ask.path)?, &options)
    }

    pub(super) fn rename(&self, ask: &wire::FileRename) -> Result<(), Error> {
        self.jail
            .rename(&inner(&ask.from)?, &inner(&ask.to)?, ask.replace)
    }

    pub(super) fn copy(&self, ask: &wire::FileCopy) -> Result<Answer, Error> {
        let (from, to) = (inner(&ask.from)?, inner(&ask.to)?);
        let copied = self
            .jail
            .copy(&from, &to, self.owner(), &mut self.budget())?;
        self.grown(copied.bytes);
        Ok(Answer::Copied(wire::FileCopied {
            entries: copied.entries,
            bytes: copied.bytes,
            skipped: copied.skipped,
        }))
    }

    pub(super) fn chmod(&self, ask: &wire::FileChmod) -> Result<(), Error> {
        let paths = ask.paths.iter().map(|path| inner(path));
        let paths: Vec<RelPath> = paths.collect::<Result<_, _>>()?;
        paths
            .iter()
            .try_for_each(|path| self.jail.chmod(path, ask.mode))
    }

    pub(super) fn symlink(&self, ask: &wire::FileSymlink) -> Result<(), Error> {
        self.jail
            .symlink(&inner(&ask.path)?, &ask.target, self.owner())
    }

    pub(super) fn times(&self, ask: &wire::FileTimes) -> Result<(), Error> {
        let path = inner(&ask.path)?;
        let accessed = time(ask.accessed_at_ms);
        self.jail
            .set_times(&path, accessed, time(ask.modified_at_ms), ask.follow)
    }

    pub(super) fn remove(&self, ask: &wire::FileRemove) -> Result<(), Error> {
        self.jail.remove(&inner(&ask.path)?, ask.directory)
    }
}

fn time(ms: i64) -> SystemTime {
    let since = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    SystemTime::UNIX_EPOCH
        .checked_add(since)
        .unwrap_or(SystemTime::UNIX_EPOCH)
}
