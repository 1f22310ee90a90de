//! Unpacking: into a hidden directory, whole or not at all.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek as _, SeekFrom, Write as _};

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use super::merge::{Existing, merge};
use super::read::{Reading, each};
use super::staging::Staging;
use super::{Head, Limits, Parts, Tally, What, bad_entry};
use crate::jail::entries::leads_to;
use crate::jail::open::{Attributes, set_attributes};
use crate::jail::read::io as failed;
use crate::jail::walk::join;
use crate::jail::write::{chown_at, is_temporary};
use crate::jail::{Budget, Error, Jail, Kind, RelPath, Result, explain, kind};

/// What an entry takes at least on most disks: very many small ones are much.
const BLOCK: u64 = 4096;
const BUFFER: usize = 128 * 1024;
/// Bytes of symlinks, which are held in memory until all else is there.
const MAX_LINKS: usize = 32 << 20;

/// What is to be unpacked, and where.
#[derive(Debug)]
pub struct Extract<'a> {
    pub archive: &'a RelPath,
    /// Made if it is not there.
    pub to: &'a RelPath,
    /// Entries of the archive, with all below them; none: all of it.
    pub only: &'a [RelPath],
    /// Of letters and digits: what is being unpacked is called by it.
    pub id: &'a str,
    pub limits: Limits,
    /// uid and gid of what is made; `None` leaves it with the agent.
    pub owner: Option<(u32, u32)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extracted {
    pub entries: u64,
    pub bytes: u64,
    /// Kept back by the egg, or there already.
    pub skipped: u64,
}

/// All of an archive, not yet in its place. Dropped, nothing is left of it.
#[derive(Debug)]
pub struct Unpacked {
    staging: Staging,
    done: Extracted,
}

impl Jail {
    /// Unpacks an archive beside what is there. What fails or is called off leaves nothing.
    /// # Errors
    /// `BadEntry` for paths and links that lead out, devices and the like; `Bomb`; what the budget says.
    pub fn unpack(
        &self,
        ask: &Extract<'_>,
        budget: &mut Budget,
        tally: &Tally,
    ) -> Result<Unpacked> {
        let file = self.open_file(ask.archive)?;
        let size = file.metadata().map_err(|e| failed(ask.archive, &e))?.len();
        // What could never be put in place is not begun.
        self.permit(ask.to.as_str())?;
        match self.stat_followed(ask.to) {
            Ok(entry) if entry.kind == Kind::Directory => {}
            Ok(_) => return Err(Error::NotADirectory(ask.to.to_string())),
            Err(Error::NotFound(_)) => {}
            Err(e) => return Err(e),
        }
        let staging = Staging::make(self, ask.id)?;
        let mut unpacking = Unpacking {
            jail: self,
            staging: &staging.jail,
            ask,
            tally,
            most: size
                .saturating_mul(ask.limits.ratio)
                .max(ask.limits.harmless),
            done: Extracted::default(),
            links: Vec::new(),
            links_bytes: 0,
            above: RelPath::root(),
            buffer: vec![0; BUFFER],
        };
        let reading = Reading {
            path: ask.archive,
            names_only: false,
            tally,
        };
        each(file, &reading, budget, &mut |head, content, budget| {
            unpacking.one(head, content, budget)?;
            Ok(true)
        })?;
        unpacking.make_links()?;
        let done = unpacking.done;
        budget.goes_on()?;
        Ok(Unpacked { staging, done })
    }

    /// What an earlier process has unpacked and perhaps begun to put in place.
    /// # Errors
    /// `NotFound`.
    pub fn unpacked(&self, id: &str) -> Result<Unpacked> {
        let staging = Staging::left(self, id)?;
        let done = Extracted::default();
        Ok(Unpacked { staging, done })
    }
}

impl Unpacked {
    /// Moves it into its place, piece by piece. Where that can't succeed whole it does not begin; once it has begun it is
    /// not broken off, and what breaks it off all the same can go on with [`Jail::unpacked`].
    /// # Errors
    /// `Exists`.
    pub fn put(
        self,
        jail: &Jail,
        to: &RelPath,
        existing: Existing,
        owner: Option<(u32, u32)>,
    ) -> Result<Extracted> {
        let mut done = self.done;
        done.skipped += merge(jail, &self.staging.jail, to, existing, owner)?;
        Ok(done)
    }
}

struct Unpacking<'a> {
    jail: &'a Jail,
    staging: &'a Jail,
    ask: &'a Extract<'a>,
    tally: &'a Tally,
    /// Bytes that it may become.
    most: u64,
    done: Extracted,
    /// Symlinks, made when everything else is there.
    links: Vec<(RelPath, String)>,
    links_bytes: usize,
    /// The directory that was made last.
    above: RelPath,
    buffer: Vec<u8>,
}

impl Unpacking<'_> {
    fn one(&mut self, head: Head, content: &mut dyn Read, budget: &mut Budget) -> Result<()> {
        let path = self.inside(&head.path)?;
        if path.is_root() {
            return match head.what {
                What::Directory => Ok(()),
                _ => Err(bad_entry(&head.path, "has no name")),
            };
        }
        if !self.wanted(&path) {
            return Ok(());
        }
        let there = join(self.ask.to.as_str(), path.as_str());
        // A name of ours would be hidden from everybody, and swept.
        let ours = path
            .as_str()
            .split('/')
            .any(|name| is_temporary(name.as_bytes()));
        if ours || self.jail.denied.denies(&there) {
            self.done.skipped += 1;
            return Ok(());
        }
        self.done.entries += 1;
        self.tally.one_more();
        match head.what {
            What::Refused(why) => return Err(bad_entry(&head.path, &format!("is a {why}"))),
            What::Directory => self.directories(&path, budget)?,
            What::Symlink(target) => {
                // Where it leads from its place below the server's root.
                let at: RelPath = there.parse()?;
                let leads = leads_to(&at, &target)
                    .map_err(|_| bad_entry(&head.path, "is a link that leads out"))?;
                self.jail.permit(leads.as_str())?;
                self.directories(&path.split().0, budget)?;
                budget.spend(BLOCK)?;
                self.links_bytes += path.as_str().len() + target.len();
                if self.links_bytes > MAX_LINKS {
                    return Err(Error::TooMany);
                }
                self.links.push((path, target));
            }
            What::Hardlink(target) => {
                let target = self.inside(&target)?;
                self.directories(&path.split().0, budget)?;
                budget.spend(BLOCK)?;
                self.hardlink(&target, &path)?;
            }
            What::File | What::Sparse(_) => {
                self.directories(&path.split().0, budget)?;
                self.file(&path, &head, content, budget)?;
            }
        }
        Ok(())
    }

    /// Makes a directory and those above it, which count whether or not the archive names them: a path of few bytes
    /// may have very many.
    fn directories(&mut self, path: &RelPath, budget: &mut Budget) -> Result<()> {
        if self.above.starts_with(path) {
            return Ok(());
        }
        for step in path.ancestors() {
            match self.staging.mkdir_one(&step, self.ask.owner) {
                Ok(()) => {
                    budget.entry()?;
                    budget.spend(BLOCK)?;
                }
                // What is in the way and no directory shows below.
                Err(Error::Exists(_)) => {}
                Err(e) => return Err(e),
            }
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        self.staging.open_beneath(path, flags, Mode::empty())?;
        self.above = path.clone();
        Ok(())
    }

    fn wanted(&self, path: &RelPath) -> bool {
        let only = self.ask.only;
        only.is_empty() || only.iter().any(|above| path.starts_with(above))
    }

    /// A path of the archive, below the place where it is unpacked.
    fn inside(&self, text: &str) -> Result<RelPath> {
        if text.starts_with('/') {
            return Err(bad_entry(text, "is an absolute path"));
        }
        let path: RelPath = text.parse().map_err(|e| match e {
            Error::Outside(_) => bad_entry(text, "leads out of the archive"),
            _ => bad_entry(text, "is no path"),
        })?;
        if path.as_str().split('/').count() > self.ask.limits.depth {
            return Err(Error::TooDeep(text.chars().take(200).collect()));
        }
        Ok(path)
    }

    fn file(
        &mut self,
        path: &RelPath,
        head: &Head,
        content: &mut dyn Read,
        budget: &mut Budget,
    ) -> Result<()> {
        let (parent, name) = self.staging.parent_of(path)?;
        let fail = || explain(path.as_str());
        // An archive may name a file twice: the later one counts.
        match rustix::fs::unlinkat(&parent, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(fail()(errno)),
        }
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made =
            rustix::fs::openat(&parent, name, flags, Mode::RUSR | Mode::WUSR).map_err(fail())?;
        let mut made = File::from(made);
        let begun = self.done.bytes;
        match &head.what {
            What::Sparse(parts) => self.fill_parts(&mut made, path, parts, content, budget)?,
            _ => self.fill(&mut made, path, content, budget)?,
        }
        let bytes = self.done.bytes - begun;
        budget.spend(bytes.next_multiple_of(BLOCK).max(BLOCK) - bytes)?;
        if let Some((uid, gid)) = self.ask.owner {
            rustix::fs::fchown(&made, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
                .map_err(fail())?;
        }
        let mode = head.mode.filter(|m| m & 0o777 != 0).unwrap_or(0o644);
        let set = Attributes {
            // What its owner could not change any more would be in everybody's way.
            mode: Some(mode & 0o777 | 0o600),
            modified: head.modified,
            ..Attributes::default()
        };
        set_attributes(&made, path, set)
    }

    /// Holes stay holes, and only the rest counts.
    fn fill_parts(
        &mut self,
        made: &mut File,
        path: &RelPath,
        parts: &Parts,
        content: &mut dyn Read,
        budget: &mut Budget,
    ) -> Result<()> {
        for (at, length) in &parts.at {
            // The block that it may begin in the middle of.
            budget.spend(BLOCK)?;
            made.seek(SeekFrom::Start(*at))
                .map_err(|e| failed(path, &e))?;
            self.fill(made, path, &mut (&mut *content).take(*length), budget)?;
        }
        made.set_len(parts.size_bytes).map_err(|e| failed(path, &e))
    }

    fn fill(
        &mut self,
        made: &mut File,
        path: &RelPath,
        content: &mut dyn Read,
        budget: &mut Budget,
    ) -> Result<()> {
        loop {
            let n = match content.read(&mut self.buffer) {
                Ok(0) => return Ok(()),
                Ok(n) => n,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => {
                    budget.goes_on()?;
                    return Err(Error::Damaged(format!("{path}: {e}")));
                }
            };
            budget.spend(n as u64)?;
            self.done.bytes += n as u64;
            if self.done.bytes > self.most {
                return Err(Error::Bomb);
            }
            made.write_all(&self.buffer[..n])
                .map_err(|e| failed(path, &e))?;
            self.tally.has_written(n as u64);
        }
    }

    /// A second name of a file that was unpacked already.
    fn hardlink(&mut self, target: &RelPath, path: &RelPath) -> Result<()> {
        let bad = || {
            bad_entry(
                path.as_str(),
                "is a link to what is not in the archive before it",
            )
        };
        if !self.wanted(target) {
            self.done.skipped += 1;
            return Ok(());
        }
        let (from, from_name) = self.staging.parent_of(target).map_err(|_| bad())?;
        let stat =
            rustix::fs::statat(&from, from_name, AtFlags::SYMLINK_NOFOLLOW).map_err(|_| bad())?;
        if kind(&stat) != Kind::File {
            return Err(bad());
        }
        let (to, name) = self.staging.parent_of(path)?;
        match rustix::fs::linkat(&from, from_name, &to, name, AtFlags::empty()) {
            // Itself, or a name that was there before.
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(explain(path.as_str())(errno)),
        }
    }

    fn make_links(&mut self) -> Result<()> {
        for (path, target) in std::mem::take(&mut self.links) {
            let (parent, name) = self.staging.parent_of(&path)?;
            match rustix::fs::unlinkat(&parent, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(Errno::ISDIR) => {
                    return Err(bad_entry(path.as_str(), "is a link and a directory"));
                }
                Err(errno) => return Err(explain(path.as_str())(errno)),
            }
            rustix::fs::symlinkat(&*target, &parent, name).map_err(explain(path.as_str()))?;
            if let Some((uid, gid)) = self.ask.owner {
                chown_at(&parent, name, uid, gid).map_err(explain(path.as_str()))?;
            }
        }
        Ok(())
    }
}
