//! The process that reads and writes a server's files for a backup: rustic's code, and whatever a game has written,
//! are let loose in here and nowhere else.
//!
//! It sees one directory and nothing of the machine beside it, has the server's uid and no capability, no network, no
//! credentials, and dies with the agent. What it wants of the store it asks for over its standard input.

mod pipe;
#[cfg(test)]
mod race;
mod restore;
mod sandbox;
mod source;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustic_core::repofile::SnapshotFile;
use rustic_core::{
    BackupOptions, ConfigOptions, Credentials, FileType, IndexedFull, KeyOptions, Open, OpenStatus,
    Progress, ProgressBars, ProgressType, PruneOptions, Repository, RepositoryBackends,
    RepositoryOptions, RusticError, RusticProgress, SnapshotOptions,
};

use super::frame::{self, FromWorker, Listed, Report, Task, ToWorker, What};
use pipe::Pipe;
pub use sandbox::Sandbox;

/// Packs of data, bytes: a pack is held in memory while it is made and while it is written.
const PACK_BYTES: u64 = 16 << 20;
/// Where the directory is, in here.
const FILES: &str = "/files";

/// Why a task is not done.
#[derive(Debug)]
pub struct Failed {
    /// Stable.
    pub code: &'static str,
    /// For a person.
    pub message: String,
}

impl Failed {
    fn new(code: &'static str, message: impl ToString) -> Self {
        Self {
            code,
            message: message.to_string(),
        }
    }
}

impl From<Box<RusticError>> for Failed {
    fn from(e: Box<RusticError>) -> Self {
        let code = match e.is_incorrect_password() {
            true => "wrong_password",
            false => "repository",
        };
        Self::new(code, e.display_log())
    }
}

type Result<T> = std::result::Result<T, Failed>;

/// Shuts itself in and does one task. Standard input is the pipe, standard output a handle of the directory.
/// # Errors
/// It could not be shut in, or the agent is gone.
pub fn run(sandbox: &Sandbox) -> anyhow::Result<()> {
    let socket = sandbox.enter()?;
    let mut input = socket.try_clone()?;
    let (first, _) = frame::take::<ToWorker>(&mut input)?;
    let ToWorker::Task(task) = first else {
        anyhow::bail!("no task came first");
    };
    let pipe = Pipe::new(socket)?;
    pipe.listen(input);
    let end = match work(&pipe, task) {
        Ok(report) => FromWorker::Done(report),
        // What the store said is why, whatever rustic made of it.
        Err(failed) => match pipe.refusal() {
            Some((code, message)) => FromWorker::Failed { code, message },
            None => FromWorker::Failed {
                code: failed.code.into(),
                message: failed.message,
            },
        },
    };
    pipe.say(&end)?;
    Ok(())
}

fn work(pipe: &Arc<Pipe>, task: Task) -> Result<Report> {
    let options = RepositoryOptions::default().no_cache(true);
    let backends = RepositoryBackends::new(pipe.clone(), None);
    let bars = Bars(pipe.clone());
    let repository = Repository::new_with_progress(&options, &backends, bars)?;
    let credentials = Credentials::password(&task.password);
    match task.what {
        What::Backup { host, tag, ignore } => {
            pipe.step("opening the repository");
            let repository = match repository.config_id()? {
                Some(_) => repository.open(&credentials)?,
                None => init(repository, &credentials, &host)?,
            };
            backup(pipe, repository, &host, &tag, &ignore)
        }
        What::Restore { snapshot, paths } => {
            pipe.step("opening the repository");
            let repository = repository.open(&credentials)?;
            let found = find(&repository, &snapshot)?;
            restore::restore(pipe, &repository.to_indexed()?, &found, &paths)
        }
        What::Forget { snapshots, prune } => {
            let repository = repository.open(&credentials)?;
            forget(pipe, &repository, &snapshots, prune)
        }
        What::List {
            snapshot,
            path,
            after,
            limit,
        } => {
            let repository = repository.open(&credentials)?;
            let found = find(&repository, &snapshot)?;
            list(&repository.to_indexed()?, &found, &path, &after, limit)
        }
    }
}

fn init(
    repository: Repository<()>,
    credentials: &Credentials,
    host: &str,
) -> Result<Repository<OpenStatus>> {
    let size = bytesize::ByteSize(PACK_BYTES);
    let config = ConfigOptions::default()
        .set_datapack_size(size)
        .set_datapack_growfactor(0_u32)
        .set_treepack_growfactor(0_u32)
        .set_compression(1_i32);
    let mut key = KeyOptions::default();
    key.hostname = Some(host.to_owned());
    key.username = Some("warren".into());
    Ok(repository.init(credentials, &key, &config)?)
}

fn backup(
    pipe: &Arc<Pipe>,
    repository: Repository<OpenStatus>,
    host: &str,
    tag: &str,
    ignore: &[String],
) -> Result<Report> {
    let source = source::Source::open(Path::new(FILES), ignore)?;
    let notes = source.notes();
    let repository = repository.to_indexed_ids()?;
    let options = SnapshotOptions::default()
        .host(host.to_owned())
        .command("warren".to_owned());
    let snapshot = options.add_tags(tag)?.to_snapshot()?;
    let root = PathBuf::from("/");
    let made = repository.archive(&BackupOptions::default(), &source, snapshot, &[root])?;
    // rustic only says so in its log when a pack can't be written.
    if let Some((_, message)) = pipe.refusal() {
        return Err(Failed::new("store", message));
    }
    let summary = made.summary.clone().unwrap_or_default();
    let (skipped, warnings) = notes.tell();
    Ok(Report::Made {
        snapshot: full(&made),
        total_bytes: summary.total_bytes_processed,
        files: summary.total_files_processed,
        skipped,
        warnings,
    })
}

/// All 64 digits: what rustic shows is cut short.
fn full(snapshot: &SnapshotFile) -> String {
    snapshot.id.to_hex().as_str().to_owned()
}

fn find<S: Open>(repository: &Repository<S>, id: &str) -> Result<SnapshotFile> {
    if frame::FileName::new(frame::FileKind::Snapshot, id).is_err() {
        return Err(Failed::new(
            "snapshot_missing",
            "that is no id of a snapshot",
        ));
    }
    let found = repository.get_snapshots(&[id])?.pop();
    found.ok_or_else(|| Failed::new("snapshot_missing", "the repository has no such snapshot"))
}

fn forget(
    pipe: &Arc<Pipe>,
    repository: &Repository<OpenStatus>,
    snapshots: &[String],
    prune: bool,
) -> Result<Report> {
    pipe.step("removing snapshots");
    let there: Vec<_> = repository
        .get_all_snapshots()?
        .into_iter()
        .filter(|s| snapshots.contains(&full(s)))
        .map(|s| s.id)
        .collect();
    repository.delete_snapshots(&there)?;
    if prune {
        pipe.step("freeing space");
        // Nobody else works on it: control sends one job per repository at a time.
        let options = PruneOptions::default().instant_delete(true);
        let plan = repository.prune_plan(&options)?;
        repository.prune(&options, plan)?;
    }
    match pipe.refusal() {
        Some((_, message)) => Err(Failed::new("store", message)),
        None => Ok(Report::Forgotten),
    }
}

fn list<S: IndexedFull>(
    repository: &Repository<S>,
    snapshot: &SnapshotFile,
    path: &str,
    after: &str,
    limit: usize,
) -> Result<Report> {
    let missing = |_| Failed::new("file_not_found", format!("the backup has no {path:?}"));
    let node = repository
        .node_from_path(snapshot.tree, Path::new(path))
        .map_err(missing)?;
    let tree = node
        .subtree
        .ok_or_else(|| Failed::new("not_a_directory", format!("{path:?} is no directory")))?;
    let mut entries: Vec<Listed> = repository
        .get_tree(&tree)?
        .nodes
        .into_iter()
        .map(|node| Listed {
            name: node.name().to_string_lossy().into_owned(),
            kind: restore::kind(&node).into(),
            size_bytes: node.meta.size,
            modified_at_ms: node.meta.mtime.map_or(0, |t| t.as_millisecond()),
        })
        .filter(|entry| entry.name.as_str() > after)
        .collect();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let more = entries.len() > limit;
    entries.truncate(limit);
    let last = entries.last().map(|e| e.name.clone());
    Ok(Report::Listing {
        next: last.filter(|_| more).unwrap_or_default(),
        entries,
    })
}

/// rustic's progress, as the agent is told of it.
#[derive(Debug)]
struct Bars(Arc<Pipe>);

impl ProgressBars for Bars {
    fn progress(&self, kind: ProgressType, prefix: &str) -> Progress {
        match kind {
            ProgressType::Bytes => {
                let step = match prefix {
                    "backing up..." => "reading files",
                    _ => "working on the repository",
                };
                Progress::new(Bar {
                    pipe: self.0.clone(),
                    step,
                    total: Default::default(),
                    done: Default::default(),
                })
            }
            ProgressType::Spinner | ProgressType::Counter => Progress::hidden(),
        }
    }
}

#[derive(Debug)]
struct Bar {
    pipe: Arc<Pipe>,
    step: &'static str,
    total: std::sync::atomic::AtomicU64,
    done: std::sync::atomic::AtomicU64,
}

impl RusticProgress for Bar {
    fn is_hidden(&self) -> bool {
        false
    }

    fn set_length(&self, len: u64) {
        self.total.store(len, std::sync::atomic::Ordering::Relaxed);
    }

    fn set_title(&self, _title: &str) {}

    fn inc(&self, inc: u64) {
        let before = self
            .done
            .fetch_add(inc, std::sync::atomic::Ordering::Relaxed);
        let total = self.total.load(std::sync::atomic::Ordering::Relaxed);
        self.pipe.bytes(self.step, before + inc, total);
    }

    fn finish(&self) {}
}

/// rustic's word for a kind of file, and ours.
fn kind_of(kind: FileType) -> frame::FileKind {
    match kind {
        FileType::Config => frame::FileKind::Config,
        FileType::Index => frame::FileKind::Index,
        FileType::Key => frame::FileKind::Key,
        FileType::Snapshot => frame::FileKind::Snapshot,
        FileType::Pack => frame::FileKind::Pack,
    }
}
