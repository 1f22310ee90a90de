//! One file that is held open for somebody.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use warren_proto::ids::{HandleId, ServerId, UploadId};
use warren_proto::wire;
use warren_runtime::jail::{
    Attributes, Entry, Partial, RelPath, WriteOptions, accessed, look_at, set_attributes,
};

use super::archive::Archive;
use super::kept::Kept;
use super::{Failed, Live, Owner, blocking, failure, unknown_handle};
use crate::clock;
use crate::link::session::refuse;

/// Calls of one handle at one time: chunks that its asker may have on their way.
const TURNS: usize = 32;
/// A chunk that came before the one it follows waits so long for it.
const OVERTAKEN: Duration = Duration::from_millis(300);
/// No file is larger than what its size is counted with.
const MOST: u64 = i64::MAX as u64;

/// One call of a handle.
pub(super) type Turn = OwnedSemaphorePermit;

pub(super) struct Handle {
    pub id: HandleId,
    pub server: ServerId,
    pub owner: Owner,
    pub path: RelPath,
    pub reads: bool,
    /// The right that writing needs, if it is open for that.
    pub writes: Option<&'static str>,
    pub upload: Option<UploadId>,
    pub body: Body,
    turns: Arc<Semaphore>,
    touched: AtomicI64,
    was_read: AtomicBool,
    was_written: AtomicBool,
}

pub(super) enum Body {
    /// The file itself.
    InPlace {
        file: Arc<File>,
        /// Every write goes to the end, one after the other.
        append: Option<Arc<tokio::sync::Mutex<()>>>,
    },
    /// What of it has come.
    Coming {
        coming: Arc<tokio::sync::Mutex<Coming>>,
        grown: Notify,
    },
    /// Packed while it is read.
    Archive(Archive),
}

pub(super) struct Coming {
    /// `None` once it is at its end.
    pub partial: Option<Arc<Partial>>,
    /// Bytes that have come, without a hole.
    pub next: u64,
    pub options: WriteOptions,
    pub host_boot: String,
}

/// What a handle is made of.
pub(super) struct Parts {
    pub server: ServerId,
    pub owner: Owner,
    pub path: RelPath,
    pub reads: bool,
    pub writes: Option<&'static str>,
    pub upload: Option<UploadId>,
    pub body: Body,
}

impl Handle {
    pub fn new(parts: Parts) -> Self {
        Self {
            id: HandleId::new(),
            server: parts.server,
            owner: parts.owner,
            path: parts.path,
            reads: parts.reads,
            writes: parts.writes,
            upload: parts.upload,
            body: parts.body,
            turns: Arc::new(Semaphore::new(TURNS)),
            touched: AtomicI64::new(clock::mono_ms()),
            was_read: AtomicBool::new(false),
            was_written: AtomicBool::new(false),
        }
    }

    pub fn touched(&self) -> i64 {
        self.touched.load(Relaxed)
    }

    pub fn is_archive(&self) -> bool {
        matches!(self.body, Body::Archive(_))
    }

    pub fn is_coming(&self) -> bool {
        matches!(self.body, Body::Coming { .. })
    }

    /// The size of what is read here, the first time that it is.
    pub fn first_read(&self) -> Option<u64> {
        if self.was_read.swap(true, Relaxed) {
            return None;
        }
        match &self.body {
            Body::InPlace { file, .. } => Some(size_of(file)),
            Body::Coming { .. } | Body::Archive(_) => Some(0),
        }
    }

    /// Whether this was the first write into the file itself.
    pub fn first_write(&self) -> bool {
        matches!(self.body, Body::InPlace { .. }) && !self.was_written.swap(true, Relaxed)
    }

    /// # Errors
    /// `busy` when more are on their way than may be.
    pub fn turn(&self) -> Result<Turn, Failed> {
        self.touched.store(clock::mono_ms(), Relaxed);
        let turn = self.turns.clone().try_acquire_owned();
        turn.map_err(|_| refuse("busy", "too much at once is asked of this file", true))
    }

    pub async fn read(&self, offset: u64, length: usize) -> Result<wire::BulkData, Failed> {
        let file = match &self.body {
            Body::InPlace { file, .. } => file.clone(),
            Body::Archive(archive) => return archive.read(offset).await,
            Body::Coming { .. } => return Err(not_so("this file is not open for reading")),
        };
        let path = self.path.clone();
        blocking(move || {
            let data = read_at(&file, &path, offset, length)?;
            let eof = data.len() < length;
            let data = Bytes::from(data);
            let crc = crc32fast::hash(&data);
            Ok(wire::BulkData { data, crc, eof })
        })
        .await
    }

    pub async fn write(
        &self,
        live: &Live,
        offset: u64,
        data: Bytes,
    ) -> Result<wire::BulkWritten, Failed> {
        let end = offset.checked_add(data.len() as u64);
        let end = end.filter(|end| *end <= MOST);
        let end = end.ok_or_else(|| refuse("bad_offset", "no file is so large", false))?;
        match &self.body {
            Body::InPlace { file, append } => {
                let _alone = match append {
                    Some(lock) => Some(lock.clone().lock_owned().await),
                    None => None,
                };
                let appends = append.is_some();
                let (file, path, live) = (file.clone(), self.path.clone(), live.clone());
                blocking(move || write_in_place(&file, &path, &live, offset, &data, appends)).await
            }
            Body::Coming { coming, grown } => {
                live.takes(end)?;
                self.write_next(live, coming, grown, offset, end, data)
                    .await
            }
            Body::Archive(_) => Err(not_so("an archive is only read")),
        }
    }

    /// In order, so that what has come has no hole and its size tells all.
    async fn write_next(
        &self,
        live: &Live,
        coming: &Arc<tokio::sync::Mutex<Coming>>,
        grown: &Notify,
        offset: u64,
        end: u64,
        data: Bytes,
    ) -> Result<wire::BulkWritten, Failed> {
        let until = tokio::time::Instant::now() + OVERTAKEN;
        loop {
            let news = grown.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            let guard = coming.clone().lock_owned().await;
            let Some(partial) = guard.partial.clone() else {
                return Err(unknown_handle());
            };
            if end <= guard.next {
                // Said again: it is there.
                return Ok(wire::BulkWritten { end });
            }
            if offset <= guard.next {
                let skip = usize::try_from(guard.next - offset).unwrap_or(data.len());
                let live = live.clone();
                blocking(move || {
                    let mut guard = guard;
                    let fresh = data.get(skip..).unwrap_or_default();
                    live.grow(fresh.len() as u64)?;
                    let written = partial.write_at(fresh, guard.next);
                    if let Err(e) = written {
                        // Half a chunk may stand there: back to what is known.
                        let _ = partial.cut(guard.next);
                        live.shrink(fresh.len() as u64);
                        return Err(failure(e));
                    }
                    guard.next = end;
                    Ok(())
                })
                .await?;
                grown.notify_waiters();
                return Ok(wire::BulkWritten { end });
            }
            let next = guard.next;
            drop(guard);
            if tokio::time::timeout_at(until, news).await.is_err() {
                let text =
                    format!("bytes from {next} on are missing before these; send those first");
                return Err(refuse("out_of_order", text, true));
            }
        }
    }

    pub async fn stat(&self) -> Result<wire::BulkStat, Failed> {
        match &self.body {
            Body::InPlace { file, .. } => {
                let (file, path) = (file.clone(), self.path.clone());
                blocking(move || stat(&file, &path)).await
            }
            Body::Coming { coming, .. } => {
                let next = coming.lock().await.next;
                Ok(wire::BulkStat {
                    size_bytes: next,
                    ..Default::default()
                })
            }
            Body::Archive(_) => Ok(wire::BulkStat::default()),
        }
    }

    pub async fn sync(&self, kept: &Kept) -> Result<wire::BulkStat, Failed> {
        match &self.body {
            Body::InPlace { file, .. } => {
                let (file, path) = (file.clone(), self.path.clone());
                blocking(move || {
                    file.sync_all()
                        .map_err(|e| refuse("file_io", e.to_string(), true))?;
                    stat(&file, &path)
                })
                .await
            }
            Body::Coming { coming, .. } => {
                let guard = coming.clone().lock_owned().await;
                let size_bytes = self.settle(&guard, kept).await?;
                Ok(wire::BulkStat {
                    size_bytes,
                    ..Default::default()
                })
            }
            Body::Archive(_) => Ok(wire::BulkStat::default()),
        }
    }

    /// What has come is on the disk, and it is written down how much that is.
    async fn settle(&self, coming: &Coming, kept: &Kept) -> Result<u64, Failed> {
        let partial = coming.partial.clone().ok_or_else(unknown_handle)?;
        let (server, upload, path) = (self.server, self.upload, self.path.clone());
        let (kept, next, boot) = (kept.clone(), coming.next, coming.host_boot.clone());
        blocking(move || {
            partial.sync().map_err(failure)?;
            if let Some(upload) = upload {
                let noted = kept.note(server, upload, &path, &boot, next);
                noted.map_err(|e| refuse("file_io", e.to_string(), true))?;
            }
            Ok(next)
        })
        .await
    }

    pub async fn set(&self, live: &Live, asked: &wire::BulkSet) -> Result<wire::BulkStat, Failed> {
        let set = Attributes {
            size_bytes: asked.size_bytes,
            mode: asked.mode,
            modified: asked.modified_at_ms.map(time),
            accessed: asked.accessed_at_ms.map(time),
        };
        let Body::InPlace { file, .. } = &self.body else {
            return Err(not_so(
                "set these when the file is closed: it is not in its place yet",
            ));
        };
        let (file, path, live) = (file.clone(), self.path.clone(), live.clone());
        blocking(move || {
            let before = size_of(&file);
            if let Some(size) = set.size_bytes.filter(|size| *size > MOST) {
                let text = format!("no file has {size} bytes");
                return Err(refuse("bad_offset", text, false));
            }
            if let Some(size) = set.size_bytes.filter(|size| *size > before) {
                live.takes(size)?;
            }
            set_attributes(&file, &path, set).map_err(failure)?;
            // A hole takes nothing.
            live.shrink(before.saturating_sub(size_of(&file)));
            stat(&file, &path)
        })
        .await
    }

    /// Ends it as asked. After an error it is as before.
    pub async fn close(
        &self,
        live: &Live,
        kept: &Kept,
        asked: &wire::BulkClose,
    ) -> Result<wire::BulkClosed, Failed> {
        let Body::Coming { coming, .. } = &self.body else {
            return Ok(wire::BulkClosed {
                stat: Some(self.stat().await?),
            });
        };
        let mut guard = coming.clone().lock_owned().await;
        let partial = guard.partial.clone().ok_or_else(unknown_handle)?;
        if asked.commit {
            let stat = commit(&guard, partial, asked).await?;
            guard.partial = None;
            self.forget(kept);
            return Ok(wire::BulkClosed { stat: Some(stat) });
        }
        if self.upload.is_some() && !asked.discard {
            self.settle(&guard, kept).await?;
            guard.partial = None;
            return Ok(wire::BulkClosed::default());
        }
        guard.partial = None;
        live.shrink(guard.next);
        self.throw_away(partial, kept).await;
        Ok(wire::BulkClosed::default())
    }

    fn forget(&self, kept: &Kept) {
        if let Some(upload) = self.upload {
            kept.forget(self.server, upload);
        }
    }

    async fn throw_away(&self, partial: Arc<Partial>, kept: &Kept) {
        let gone = blocking(move || partial.discard().map_err(failure));
        match gone.await {
            Ok(()) => self.forget(kept),
            Err(f) => tracing::warn!("what came of a file stays beside it: {}", f.message),
        }
    }

    /// Ends it without being asked: its owner is gone.
    pub async fn abandon(&self, kept: &Kept, live: Option<&Live>) {
        let Body::Coming { coming, .. } = &self.body else {
            return;
        };
        let (partial, size) = {
            let mut coming = coming.lock().await;
            (coming.partial.take(), coming.next)
        };
        if let Some(partial) = partial.filter(|_| self.upload.is_none()) {
            if let Some(live) = live {
                live.shrink(size);
            }
            self.throw_away(partial, kept).await;
        }
    }
}

async fn commit(
    coming: &Coming,
    partial: Arc<Partial>,
    asked: &wire::BulkClose,
) -> Result<wire::BulkStat, Failed> {
    if asked.size_bytes.is_some_and(|size| size != coming.next) {
        let text = format!("{} bytes have come, not all of them", coming.next);
        return Err(refuse("size_differs", text, true));
    }
    let set = Attributes {
        size_bytes: None,
        mode: asked.mode,
        modified: asked.modified_at_ms.map(time),
        accessed: None,
    };
    let (options, size, sha256) = (coming.options.clone(), coming.next, asked.sha256.clone());
    blocking(move || {
        if !sha256.is_empty() && digest(partial.file(), size)? != sha256 {
            let text = "the file that came is not the one that was sent; send it again";
            return Err(refuse("checksum_differs", text, false));
        }
        // What it replaces is taken off by the next count of all files.
        let entry = partial.commit(&options, set).map_err(failure)?;
        Ok(of_entry(&entry, accessed(partial.file())))
    })
    .await
}

fn digest(file: &File, size: u64) -> Result<Vec<u8>, Failed> {
    let mut sha = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut at = 0;
    while at < size {
        let read = file.read_at(&mut buffer, at);
        let n = read.map_err(|e| refuse("file_io", e.to_string(), true))?;
        if n == 0 {
            break;
        }
        sha.update(&buffer[..n]);
        at += n as u64;
    }
    Ok(sha.finalize().to_vec())
}

fn read_at(file: &File, path: &RelPath, offset: u64, length: usize) -> Result<Vec<u8>, Failed> {
    let left = size_of(file).saturating_sub(offset);
    let length = usize::try_from(left).unwrap_or(length).min(length);
    let mut data = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut data[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(refuse("file_io", format!("{path}: {e}"), true)),
        }
    }
    data.truncate(filled);
    Ok(data)
}

fn write_in_place(
    file: &File,
    path: &RelPath,
    live: &Live,
    offset: u64,
    data: &[u8],
    append: bool,
) -> Result<wire::BulkWritten, Failed> {
    let size = size_of(file);
    let offset = if append { size } else { offset };
    let end = offset.saturating_add(data.len() as u64);
    let growth = end.saturating_sub(size.max(offset));
    // What the game has made larger may be changed all the same.
    if end > size {
        live.takes(end)?;
    }
    live.grow(growth)?;
    if let Err(e) = file.write_all_at(data, offset) {
        live.shrink(growth);
        return Err(match e.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                refuse("disk_full", "the disk is full", false)
            }
            _ => refuse("file_io", format!("{path}: {e}"), true),
        });
    }
    Ok(wire::BulkWritten { end })
}

fn not_so(text: &str) -> Failed {
    refuse("handle_mode", text, false)
}

pub(super) fn size_of(file: &File) -> u64 {
    file.metadata().map_or(0, |m| m.len())
}

pub(super) fn stat(file: &File, path: &RelPath) -> Result<wire::BulkStat, Failed> {
    let entry = look_at(file, path).map_err(failure)?;
    Ok(of_entry(&entry, accessed(file)))
}

fn of_entry(entry: &Entry, accessed: SystemTime) -> wire::BulkStat {
    wire::BulkStat {
        size_bytes: entry.size_bytes,
        etag: entry.etag.0.clone(),
        mode: entry.mode,
        modified_at_ms: clock::to_ms(entry.modified),
        accessed_at_ms: clock::to_ms(accessed),
    }
}

fn time(ms: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(ms.max(0).unsigned_abs())
}
