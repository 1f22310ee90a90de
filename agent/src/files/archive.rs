//! Archives: a look into one by an ask; packing and unpacking as jobs beside the game.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::{Semaphore, SemaphorePermit};
use warren_proto::wire;
use warren_proto::wire::job_ended::Made;
use warren_runtime::jail::{
    Budget, Error, Existing, Extract, Extracted, Format, Head, Jail, Limits, Pack, RelPath, Tally,
    What,
};

use super::{Answer, Files, inner, path, room};
use crate::clock;
use crate::job::{At, Doing, Done, Figures, Work, cancelled, interrupted};
use crate::server::start::{self, Failure, blocking};

/// Entries of one page of an archive.
const MAX_PAGE: usize = 1000;
/// Archives that are worked on at one time on this node: each takes a core and may take some hundred MiB.
static PLACES: Semaphore = Semaphore::const_new(2);
/// Archives that are looked into at one time, for the same reason.
static LOOKS: [Mutex<()>; 2] = [Mutex::new(()), Mutex::new(())];
/// How long one may take.
const WORK: Duration = Duration::from_secs(2 * 3600);
const MAX_ENTRIES: u64 = 200_000;
/// Between two looks at how far it is.
const STEP: Duration = Duration::from_millis(250);

impl Files<'_> {
    pub(super) fn archive_list(&self, ask: &wire::ArchiveList) -> Result<Answer, Error> {
        let after = match ask.after.split_once('/') {
            _ if ask.after.is_empty() => None,
            Some((kind, name)) => Some((kind == "d", name)),
            None => return Err(Error::Unknown(ask.after.clone())),
        };
        let limit = match ask.limit as usize {
            0 => MAX_PAGE,
            n => n.min(MAX_PAGE),
        };
        let (archive, inside) = (path(&ask.path)?, path(&ask.inside)?);
        let mut budget = self.budget();
        let [first, second] = &LOOKS;
        let place = first.try_lock();
        let place = place.or_else(|| second.try_lock_until(budget.until));
        let _place = place.ok_or(Error::TookTooLong)?;
        let folder = self
            .jail
            .archive_folder(&archive, &inside, after, limit, &mut budget)?;
        let next = folder.entries.last().filter(|_| folder.more).map(|last| {
            let kind = if last.what == What::Directory {
                "d"
            } else {
                "f"
            };
            format!("{kind}/{}", last.path)
        });
        Ok(Answer::Archive(wire::ArchiveEntries {
            format: folder.format.as_str().into(),
            next: next.unwrap_or_default(),
            total: u32::try_from(folder.total).unwrap_or(u32::MAX),
            all: folder.all,
            entries: folder.entries.into_iter().map(shown).collect(),
        }))
    }
}

fn shown(head: Head) -> wire::ArchiveEntry {
    let (kind, about) = match head.what {
        What::File | What::Sparse(_) => ("file", String::new()),
        What::Directory => ("directory", String::new()),
        What::Symlink(target) => ("symlink", target),
        What::Hardlink(target) => ("hardlink", target),
        What::Refused(why) => ("refused", why.to_owned()),
    };
    wire::ArchiveEntry {
        name: head.path,
        kind: kind.into(),
        size_bytes: head.size_bytes,
        modified_at_ms: head.modified.map_or(0, clock::to_ms),
        about,
    }
}

impl Work for wire::PackWork {
    fn run(self: Box<Self>, at: At) -> Doing {
        Box::pin(async move { pack(*self, at).await })
    }
}

impl Work for wire::ExtractWork {
    fn run(self: Box<Self>, at: At) -> Doing {
        Box::pin(async move { extract(*self, at).await })
    }
}

async fn pack(work: wire::PackWork, at: At) -> Done {
    let _place = place(&at).await?;
    let format = Format::parse(&work.format);
    let format = format.ok_or_else(|| Error::Unknown(work.format.clone()))?;
    let paths = work.paths.iter().map(|path| inner(path));
    let paths: Vec<RelPath> = paths.collect::<Result<_, _>>()?;
    let to = inner(&work.to)?;
    note(&at, json!({"to": to.as_str()})).await?;
    let task = Task::of(&at);
    let (jail, owner) = jail_of(&at).await?;
    let (mut budget, tally, id) = (task.budget.clone(), task.tally.clone(), at.job.to_string());
    let packed = task
        .watched(&at, "packing", move || {
            let ask = Pack {
                paths: &paths,
                to: &to,
                format,
                id: &id,
                owner,
            };
            Ok(jail.pack(&ask, &mut budget, &tally)?)
        })
        .await?;
    Ok(Some(Made::Packed(wire::FilesPacked {
        entries: packed.entries,
        bytes: packed.entry.size_bytes,
        skipped: packed.skipped,
    })))
}

async fn extract(work: wire::ExtractWork, at: At) -> Done {
    let _place = place(&at).await?;
    let existing = Existing::parse(&work.existing);
    let existing = existing.ok_or_else(|| Error::Unknown(work.existing.clone()))?;
    let only = work.only.iter().map(|path| inner(path));
    let only: Vec<RelPath> = only.collect::<Result<_, _>>()?;
    let (archive, to) = (inner(&work.archive)?, path(&work.to)?);
    let task = Task::of(&at);
    let (jail, owner) = jail_of(&at).await?;
    let jail = Arc::new(jail);
    let (mut budget, tally, id) = (task.budget.clone(), task.tally.clone(), at.job.to_string());
    let (from, into) = (jail.clone(), to.clone());
    let unpacked = task
        .watched(&at, "unpacking", move || {
            let ask = Extract {
                archive: &archive,
                to: &into,
                only: &only,
                id: &id,
                limits: Limits::default(),
                owner,
            };
            Ok(from.unpack(&ask, &mut budget, &tally)?)
        })
        .await?;
    if at.cancel.is_cancelled() {
        return Err(cancelled());
    }
    // From here on there is no way back but through.
    note(&at, json!({"to": to.as_str(), "existing": work.existing})).await?;
    (at.progress)(Figures::step("putting the files in place"));
    let done = blocking(move || Ok(unpacked.put(&jail, &to, existing, owner)?)).await?;
    Ok(Some(made(done)))
}

fn made(done: Extracted) -> Made {
    Made::Unpacked(wire::FilesUnpacked {
        entries: done.entries,
        bytes: done.bytes,
        skipped: done.skipped,
    })
}

/// Waits for its turn.
async fn place(at: &At) -> Result<SemaphorePermit<'static>, Failure> {
    (at.progress)(Figures::step("waiting for other archives of this node"));
    tokio::select! {
        place = PLACES.acquire() => place.map_err(|e| Failure::new("internal", e)),
        () = at.cancel.cancelled() => Err(cancelled()),
    }
}

async fn note(at: &At, note: serde_json::Value) -> Result<(), Failure> {
    let written = at.note.write(note).await;
    written.map_err(|e| Failure::new("disk", e))
}

/// The server's files, and whose they are.
/// # Errors
/// The disk.
pub async fn jail_of(at: &At) -> Result<(Jail, Option<(u32, u32)>), Failure> {
    let uid = start::uid_of(&at.deps, at.server)?;
    let root = at.deps.settings.files_of(at.server);
    let denylist = at.status.lock().denylist.clone();
    blocking(move || {
        start::ensure_root(&root, uid)?;
        let jail = Jail::open(&root)?.keeping_back(denylist);
        Ok((jail, Some((uid, uid))))
    })
    .await
}

/// Work on an archive, within what the server and the disk have room for.
struct Task {
    budget: Budget,
    tally: Arc<Tally>,
    off: Arc<AtomicBool>,
}

impl Task {
    fn of(at: &At) -> Self {
        let room = room::left(&at.deps.settings, &at.status);
        let budget = Budget::new(Instant::now() + WORK, MAX_ENTRIES).bytes(room);
        Self {
            off: budget.cancelled.clone(),
            budget,
            tally: Arc::default(),
        }
    }

    /// Does what blocks, shows how far it is, and ends it when the job is called off.
    async fn watched<T: Send + 'static>(
        &self,
        at: &At,
        step: &str,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let doing = blocking(work);
        tokio::pin!(doing);
        let mut beat = tokio::time::interval(STEP);
        let mut counted = 0;
        loop {
            tokio::select! {
                done = &mut doing => {
                    self.show(at, step, &mut counted);
                    return done;
                }
                () = at.cancel.cancelled(), if !self.off.load(Ordering::Relaxed) => {
                    self.off.store(true, Ordering::Relaxed);
                }
                _ = beat.tick() => self.show(at, step, &mut counted),
            }
        }
    }

    fn show(&self, at: &At, step: &str, counted: &mut u64) {
        let (tally, entries) = (&self.tally, self.tally.entries());
        (at.progress)(Figures {
            step: format!("{step}: {entries} entries so far"),
            bytes: Some((tally.read(), tally.total())),
        });
        // What others have room for, until all is counted anew.
        let written = tally.written();
        let mut status = at.status.lock();
        status.disk_bytes = status.disk_bytes.saturating_add(written - *counted);
        *counted = written;
    }
}

/// Takes back what an earlier process has left of a file that its note names.
pub fn recover_partial(at: At) -> Doing {
    Box::pin(async move {
        let (jail, _) = jail_of(&at).await?;
        let (id, note) = (at.job.to_string(), at.note.read());
        let to = note.get("to").and_then(|to| to.as_str());
        if let Some(Ok(to)) = to.map(path) {
            blocking(move || Ok(jail.discard_partial(&to, &id)?)).await?;
        }
        Err(interrupted())
    })
}

/// Ends what an earlier process has begun to put in place, and takes back what it had not.
pub fn recover_extract(at: At) -> Doing {
    Box::pin(async move {
        let (jail, owner) = jail_of(&at).await?;
        let (id, note) = (at.job.to_string(), at.note.read());
        let said = |key: &str| note.get(key).and_then(|v| v.as_str());
        let to = said("to").map(path);
        let existing = said("existing").and_then(Existing::parse);
        blocking(move || match (jail.unpacked(&id), to, existing) {
            (Ok(left), Some(Ok(to)), Some(existing)) => {
                Ok(Some(made(left.put(&jail, &to, existing, owner)?)))
            }
            // All of it is in its place.
            (Err(Error::NotFound(_)), Some(Ok(_)), Some(_)) => Ok(None),
            (Ok(_) | Err(Error::NotFound(_)), ..) => Err(interrupted()),
            (Err(e), ..) => Err(e.into()),
        })
        .await
    })
}
