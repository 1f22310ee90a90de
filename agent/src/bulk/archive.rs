//! Whole directories as one file, packed while it is read. The packer waits for its reader and the reader for it; what is
//! between them is a few chunks.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;
use warren_proto::wire;
use warren_runtime::jail::{
    Entry, Error, Jail, Kind, ListOptions, RelPath, Whole, Zip, is_half_written, pack_level,
};

use super::{Failed, MAX_CHUNK, failure};
use crate::clock;
use crate::link::session::refuse;

/// Chunks that were asked for again may be so far behind the newest ask.
const BEHIND: u64 = 16;
/// Chunks between packer and reader: what may be asked for again, and what may be asked for ahead. 10 MiB.
const HELD: usize = 40;
/// A chunk that is not packed yet is waited for so long; then its reader asks again.
const WAIT: Duration = Duration::from_millis(1200);
/// Directories below one another.
const DEPTH: usize = 128;
/// What is left out is named up to here.
const NAMED: usize = 200;

/// See the module. Dropped, the packer stops.
pub(super) struct Archive {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    room: Condvar,
    news: Notify,
}

#[derive(Default)]
struct State {
    /// Number of the first chunk here.
    first: u64,
    chunks: VecDeque<Bytes>,
    end: Option<Result<(), Failed>>,
    /// Nobody reads any more.
    gone: bool,
}

/// What is packed.
pub(super) struct What {
    pub jail: Jail,
    pub dir: RelPath,
    /// In `dir`; empty: all that is in it.
    pub names: Vec<String>,
    pub tar: bool,
}

impl Archive {
    /// Begins to pack.
    /// # Errors
    /// If no thread can be had.
    pub fn begin(what: What) -> io::Result<Self> {
        let shared: Arc<Shared> = Arc::default();
        let out = Out {
            shared: shared.clone(),
            chunk: Vec::with_capacity(MAX_CHUNK),
        };
        let thread = std::thread::Builder::new().name("archive".into());
        thread.spawn(move || out.pack(what))?;
        Ok(Self { shared })
    }

    /// The chunk that begins at `offset`.
    pub async fn read(&self, offset: u64) -> Result<wire::BulkData, Failed> {
        let size = MAX_CHUNK as u64;
        if !offset.is_multiple_of(size) {
            let text = "an archive is read in whole chunks, one after the other";
            return Err(refuse("bad_offset", text, false));
        }
        let number = offset / size;
        let until = tokio::time::Instant::now() + WAIT;
        loop {
            let news = self.shared.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            if let Some(data) = self.have(number)? {
                return Ok(data);
            }
            if tokio::time::timeout_at(until, news).await.is_err() {
                let text = "the archive is still being packed; ask again";
                return Err(refuse("not_yet", text, true));
            }
        }
    }

    fn have(&self, number: u64) -> Result<Option<wire::BulkData>, Failed> {
        let mut state = self.shared.state.lock();
        let Some(at) = number.checked_sub(state.first) else {
            let text = "this part of the archive was read before and is gone";
            return Err(refuse("bad_offset", text, false));
        };
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let last = at + 1 >= state.chunks.len();
        let found = state.chunks.get(at).cloned();
        if found.is_some() {
            while state.first + BEHIND < number {
                state.chunks.pop_front();
                state.first += 1;
            }
            self.shared.room.notify_one();
        }
        let eof = match &state.end {
            Some(Err(failed)) if found.is_none() => return Err(failed.clone()),
            Some(Ok(())) => last,
            _ => false,
        };
        if found.is_none() && !eof {
            return Ok(None);
        }
        let data = found.unwrap_or_default();
        let crc = crc32fast::hash(&data);
        Ok(Some(wire::BulkData { data, crc, eof }))
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        self.shared.state.lock().gone = true;
        self.shared.room.notify_all();
    }
}

/// The packer's end.
struct Out {
    shared: Arc<Shared>,
    chunk: Vec<u8>,
}

impl Out {
    fn pack(self, what: What) {
        let shared = self.shared.clone();
        let packed = match what.tar {
            true => Packer::new(what, Tar(tar::Builder::new(self))).run(),
            false => Packer::new(what, Zip::new(self)).run(),
        };
        let end = packed.and_then(|mut out| {
            let rest = std::mem::take(&mut out.chunk);
            out.put(rest.into()).map_err(|e| broken(&e))
        });
        shared.state.lock().end = Some(end);
        shared.news.notify_waiters();
    }

    fn put(&self, chunk: Bytes) -> io::Result<()> {
        let mut state = self.shared.state.lock();
        while state.chunks.len() >= HELD && !state.gone {
            self.shared.room.wait(&mut state);
        }
        if state.gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if !chunk.is_empty() {
            state.chunks.push_back(chunk);
        }
        drop(state);
        self.shared.news.notify_waiters();
        Ok(())
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let take = bytes.len().min(MAX_CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..take]);
        if self.chunk.len() == MAX_CHUNK {
            let full = std::mem::replace(&mut self.chunk, Vec::with_capacity(MAX_CHUNK));
            self.put(full.into())?;
        }
        Ok(take)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One format.
trait Format {
    fn is_full(&self) -> bool;
    fn directory(&mut self, name: &str, entry: &Entry) -> io::Result<()>;
    /// The outer error is the archive's, the inner the file's.
    fn file(
        &mut self,
        name: &str,
        entry: &Entry,
        file: std::fs::File,
    ) -> io::Result<io::Result<()>>;
    fn text(&mut self, name: &str, text: &str) -> io::Result<()>;
    fn finish(self) -> io::Result<Out>;
}

struct Packer<F> {
    what: What,
    format: F,
    left_out: Vec<String>,
    more: usize,
}

impl<F: Format> Packer<F> {
    fn new(what: What, format: F) -> Self {
        Self {
            what,
            format,
            left_out: Vec::new(),
            more: 0,
        }
    }

    fn run(mut self) -> Result<Out, Failed> {
        let names = match self.what.names.is_empty() {
            true => self.names_in(&self.what.dir.clone())?,
            false => std::mem::take(&mut self.what.names),
        };
        // What is to come, last first; no recursion, whatever the depth.
        let mut stack: Vec<(RelPath, String, usize)> = Vec::new();
        for name in names.into_iter().rev() {
            let path = self.what.dir.join(&name).map_err(failure)?;
            let shown = path
                .as_str()
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned();
            let shown = match name.contains('/') {
                true => name.trim_matches('/').to_owned(),
                false => shown,
            };
            stack.push((path, shown, 0));
        }
        while let Some((path, shown, depth)) = stack.pop() {
            if self.what.jail.keeps_back(&path) || is_half_written(&path) {
                continue;
            }
            let Ok(entry) = self.what.jail.stat(&path) else {
                continue;
            };
            if self.format.is_full() {
                let text = "so many files don't go into one archive; take a part of them";
                return Err(refuse("too_many_entries", text, false));
            }
            match entry.kind {
                Kind::Directory => {
                    let made = self.format.directory(&shown, &entry);
                    made.map_err(|e| broken(&e))?;
                    if depth >= DEPTH {
                        self.leave_out(&shown);
                        continue;
                    }
                    let Ok(mut names) = self.names_in(&path) else {
                        self.leave_out(&shown);
                        continue;
                    };
                    names.reverse();
                    for name in names {
                        let below = format!("{shown}/{name}");
                        match path.join(&name) {
                            Ok(path) => stack.push((path, below, depth + 1)),
                            Err(_) => self.leave_out(&below),
                        }
                    }
                }
                Kind::File => self.file(&path, &shown, &entry)?,
                Kind::Symlink | Kind::Other => self.leave_out(&shown),
            }
        }
        self.tell_left_out().map_err(|e| broken(&e))?;
        self.format.finish().map_err(|e| broken(&e))
    }

    fn file(&mut self, path: &RelPath, shown: &str, entry: &Entry) -> Result<(), Failed> {
        let file = match self.what.jail.open_file(path) {
            Ok(file) => file,
            // What the egg keeps back is not spoken of.
            Err(Error::Denied(_)) => return Ok(()),
            Err(_) => {
                self.leave_out(shown);
                return Ok(());
            }
        };
        let packed = self.format.file(shown, entry, file);
        if packed.map_err(|e| broken(&e))?.is_err() {
            self.leave_out(shown);
        }
        Ok(())
    }

    fn names_in(&self, dir: &RelPath) -> Result<Vec<String>, Failed> {
        let all = ListOptions {
            limit: usize::MAX,
            ..ListOptions::default()
        };
        let page = self.what.jail.list(dir, all).map_err(failure)?;
        Ok(page.entries.into_iter().map(|e| e.name).collect())
    }

    fn leave_out(&mut self, shown: &str) {
        match self.left_out.len() < NAMED {
            true => self.left_out.push(shown.to_owned()),
            false => self.more += 1,
        }
    }

    /// Whoever takes the archive for a copy must know what is not in it.
    fn tell_left_out(&mut self) -> io::Result<()> {
        if self.left_out.is_empty() {
            return Ok(());
        }
        let mut text =
            "Not in this archive, or not whole: links, sockets, and what could not be read.\n\n"
                .to_owned();
        for name in &self.left_out {
            text.push_str(&format!("{name}\n"));
        }
        if self.more > 0 {
            text.push_str(&format!("and {} more\n", self.more));
        }
        self.format.text("LEFT-OUT.txt", &text)
    }
}

fn broken(e: &io::Error) -> Failed {
    refuse(
        "archive_broken",
        format!("the archive broke off: {e}"),
        false,
    )
}

fn seconds(entry: &Entry) -> i64 {
    clock::to_ms(entry.modified) / 1000
}

impl Format for Zip<Out> {
    fn is_full(&self) -> bool {
        Zip::is_full(self)
    }

    fn directory(&mut self, name: &str, entry: &Entry) -> io::Result<()> {
        Zip::directory(self, name, entry.mode & 0o777, seconds(entry))
    }

    fn file(
        &mut self,
        name: &str,
        entry: &Entry,
        mut file: std::fs::File,
    ) -> io::Result<io::Result<()>> {
        let (mode, at) = (entry.mode & 0o777, seconds(entry));
        Zip::file(self, name, mode, at, pack_level(name), |out| {
            let mut buffer = vec![0; 128 * 1024];
            loop {
                match file.read(&mut buffer)? {
                    0 => return Ok(()),
                    n => out.write_all(&buffer[..n])?,
                }
            }
        })
    }

    fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        let now = clock::wall_ms() / 1000;
        Zip::file(self, name, 0o644, now, 1, |out| {
            out.write_all(text.as_bytes())
        })?
    }

    fn finish(self) -> io::Result<Out> {
        Zip::finish(self)
    }
}

struct Tar(tar::Builder<Out>);

impl Tar {
    fn head(kind: tar::EntryType, mode: u32, at: i64, size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_mtime(at.max(0).unsigned_abs());
        header.set_size(size);
        header
    }
}

impl Format for Tar {
    fn is_full(&self) -> bool {
        false
    }

    fn directory(&mut self, name: &str, entry: &Entry) -> io::Result<()> {
        let kind = tar::EntryType::Directory;
        let mut head = Self::head(kind, entry.mode & 0o777, seconds(entry), 0);
        self.0
            .append_data(&mut head, format!("{name}/"), io::empty())
    }

    fn file(
        &mut self,
        name: &str,
        entry: &Entry,
        file: std::fs::File,
    ) -> io::Result<io::Result<()>> {
        let size = file.metadata().map_or(0, |m| m.len());
        let kind = tar::EntryType::Regular;
        let mut head = Self::head(kind, entry.mode & 0o777, seconds(entry), size);
        let mut whole = Whole::of(file, size);
        self.0.append_data(&mut head, name, &mut whole)?;
        Ok(whole.came())
    }

    fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        let at = clock::wall_ms() / 1000;
        let mut head = Self::head(tar::EntryType::Regular, 0o644, at, text.len() as u64);
        self.0.append_data(&mut head, name, text.as_bytes())
    }

    fn finish(self) -> io::Result<Out> {
        self.0.into_inner()
    }
}
