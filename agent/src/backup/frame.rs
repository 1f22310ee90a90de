//! What a worker and the agent say to each other over their socket pair: a head in JSON and bytes behind it.
//!
//! The worker handles what a game has written, so the agent takes nothing from it for granted: names of files are 64
//! hex digits, kinds are of a closed list, and which of them may be written or removed depends on the task.

use std::io;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// A list of all packs of a large repository fits.
const MOST_HEAD: usize = 256 << 20;
/// Restic's packs are below 128 MiB.
pub const MOST_BODY: usize = 160 << 20;

/// Kinds of files in a restic repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// One of them, without a name.
    Config,
    /// Which blobs are in which pack.
    Index,
    /// The master key, sealed with a password.
    Key,
    /// One per backup.
    Snapshot,
    /// Blobs.
    Pack,
}

/// One file of a repository. Can only be made of a valid name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileName {
    kind: FileKind,
    id: String,
}

impl FileName {
    /// Checks a name that somebody else says.
    /// # Errors
    /// It is none.
    pub fn new(kind: FileKind, id: &str) -> Result<Self, &'static str> {
        let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if kind != FileKind::Config && (id.len() != 64 || !id.bytes().all(hex)) {
            return Err("that is no name of a file in a repository");
        }
        let id = match kind {
            FileKind::Config => String::new(),
            _ => id.to_owned(),
        };
        Ok(Self { kind, id })
    }

    /// What it is.
    pub fn kind(&self) -> FileKind {
        self.kind
    }

    /// Below the repository, as restic lays it out.
    pub fn path(&self) -> String {
        match self.kind {
            FileKind::Config => "config".into(),
            FileKind::Pack => format!("data/{}/{}", &self.id[..2], self.id),
            kind => format!("{}/{}", kind.dir(), self.id),
        }
    }
}

impl FileKind {
    /// The directory that files of it are in.
    pub fn dir(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Index => "index",
            Self::Key => "keys",
            Self::Snapshot => "snapshots",
            Self::Pack => "data",
        }
    }
}

/// The worker says.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromWorker {
    /// Asks about the store; answered under the same number.
    Ask {
        /// Counts up.
        id: u64,
        /// What for.
        ask: Ask,
    },
    /// How far it is.
    Progress {
        /// In words.
        step: String,
        /// Bytes done, and in all.
        bytes: Option<(u64, u64)>,
    },
    /// The task is done.
    Done(Report),
    /// It is not.
    Failed {
        /// Stable.
        code: String,
        /// For a person.
        message: String,
    },
}

/// What a worker asks of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// Names and sizes.
    List(FileKind),
    /// A file, or a part of it: offset and length.
    Read(FileKind, String, Option<(u32, u32)>),
    /// A new file; its bytes follow.
    Write(FileKind, String),
    /// A file goes.
    Remove(FileKind, String),
}

/// The agent says.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToWorker {
    /// Comes first, once.
    Task(Task),
    /// Names and sizes.
    Listed(u64, Vec<(String, u32)>),
    /// Its bytes follow.
    Data(u64),
    /// Written or removed.
    Done(u64),
    /// With a code and words.
    Refused(u64, String, String),
}

/// What a worker is to do.
#[derive(Clone, Serialize, Deserialize)]
pub struct Task {
    /// Of the repository.
    pub password: String,
    /// Which.
    pub what: What,
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Task({:?}, ***)", self.what)
    }
}

/// See [`Task`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// Makes a snapshot of the directory it was given.
    Backup {
        /// Restic's host: the server's id.
        host: String,
        /// Control's id of the backup.
        tag: String,
        /// Lines as in a .gitignore.
        ignore: Vec<String>,
    },
    /// Writes a snapshot's files into the directory it was given, which is empty.
    Restore {
        /// Its id.
        snapshot: String,
        /// None: all.
        paths: Vec<String>,
    },
    /// Removes snapshots.
    Forget {
        /// Their ids.
        snapshots: Vec<String>,
        /// And what none needs any more.
        prune: bool,
    },
    /// Lists a directory of a snapshot.
    List {
        /// Its id.
        snapshot: String,
        /// Which directory.
        path: String,
        /// Name after which to go on.
        after: String,
        /// Entries at most.
        limit: usize,
    },
}

impl What {
    /// Whether a task may write a file of that kind. Nothing is ever written over.
    pub fn may_write(&self, kind: FileKind) -> bool {
        match self {
            // A first backup makes the repository.
            Self::Backup { .. } => true,
            Self::Forget { prune, .. } => {
                *prune && matches!(kind, FileKind::Pack | FileKind::Index)
            }
            Self::Restore { .. } | Self::List { .. } => false,
        }
    }

    /// Whether it may remove one.
    pub fn may_remove(&self, kind: FileKind, id: &str) -> bool {
        match self {
            Self::Forget { snapshots, prune } => match kind {
                FileKind::Snapshot => snapshots.iter().any(|s| s == id),
                FileKind::Pack | FileKind::Index => *prune,
                FileKind::Config | FileKind::Key => false,
            },
            Self::Backup { .. } | Self::Restore { .. } | Self::List { .. } => false,
        }
    }
}

/// What came of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// A snapshot.
    Made {
        /// Its id.
        snapshot: String,
        /// Sum of its files.
        total_bytes: u64,
        /// How many.
        files: u64,
        /// Entries left out.
        skipped: u64,
        /// Some of them, in words.
        warnings: Vec<String>,
    },
    /// Files.
    Restored {
        /// How many.
        files: u64,
        /// Their bytes.
        bytes: u64,
        /// What could not be made, in words.
        warnings: Vec<String>,
    },
    /// Nothing to tell.
    Forgotten,
    /// A page of a directory.
    Listing {
        /// In order.
        entries: Vec<Listed>,
        /// Non-empty: there is more after this name.
        next: String,
    },
}

/// An entry of a directory in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its name; bytes that are no UTF-8 appear as U+FFFD, and then it can't be asked for.
    pub name: String,
    /// `file`, `directory`, `symlink`, `other`.
    pub kind: String,
    /// Of a file.
    pub size_bytes: u64,
    /// Unix milliseconds.
    pub modified_at_ms: i64,
}

fn head(head: &impl Serialize, body: usize) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(head).map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(8 + json.len());
    for len in [json.len(), body] {
        let len = u32::try_from(len).map_err(io::Error::other)?;
        bytes.extend_from_slice(&len.to_le_bytes());
    }
    bytes.extend_from_slice(&json);
    Ok(bytes)
}

fn lengths(prefix: [u8; 8]) -> io::Result<(usize, usize)> {
    let [a, b, c, d, e, f, g, h] = prefix;
    let head = u32::from_le_bytes([a, b, c, d]) as usize;
    let body = u32::from_le_bytes([e, f, g, h]) as usize;
    match head > MOST_HEAD || body > MOST_BODY {
        true => Err(io::Error::other(
            "a frame of the worker's pipe is too large",
        )),
        false => Ok((head, body)),
    }
}

/// Writes one, on a blocking thread.
/// # Errors
/// The other end is gone.
pub fn put(to: &mut impl io::Write, said: &impl Serialize, body: &[&[u8]]) -> io::Result<()> {
    let len = body.iter().map(|part| part.len()).sum();
    to.write_all(&head(said, len)?)?;
    for part in body {
        to.write_all(part)?;
    }
    to.flush()
}

/// Reads one, on a blocking thread.
/// # Errors
/// The other end is gone.
pub fn take<T: for<'de> Deserialize<'de>>(from: &mut impl io::Read) -> io::Result<(T, Vec<u8>)> {
    let mut prefix = [0; 8];
    from.read_exact(&mut prefix)?;
    let (head, body) = lengths(prefix)?;
    let mut json = vec![0; head];
    from.read_exact(&mut json)?;
    let mut bytes = vec![0; body];
    from.read_exact(&mut bytes)?;
    Ok((serde_json::from_slice(&json)?, bytes))
}

/// As [`put`].
/// # Errors
/// The other end is gone.
pub async fn send(
    to: &mut (impl AsyncWrite + Unpin),
    said: &impl Serialize,
    body: &[u8],
) -> io::Result<()> {
    to.write_all(&head(said, body.len())?).await?;
    to.write_all(body).await?;
    to.flush().await
}

/// As [`take`].
/// # Errors
/// The other end is gone.
pub async fn receive<T: for<'de> Deserialize<'de>>(
    from: &mut (impl AsyncRead + Unpin),
) -> io::Result<(T, Vec<u8>)> {
    let mut prefix = [0; 8];
    from.read_exact(&mut prefix).await?;
    let (head, body) = lengths(prefix)?;
    let mut json = vec![0; head];
    from.read_exact(&mut json).await?;
    let mut bytes = vec![0; body];
    from.read_exact(&mut bytes).await?;
    Ok((serde_json::from_slice(&json)?, bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_is_a_path_in_restics_layout_and_nothing_else() {
        let id = "ab".repeat(32);
        let pack = FileName::new(FileKind::Pack, &id).unwrap();
        assert_eq!(pack.path(), format!("data/ab/{id}"));
        assert_eq!(
            FileName::new(FileKind::Config, "../../etc").unwrap().path(),
            "config"
        );
        for bad in [
            "",
            "..",
            "/etc/passwd",
            &"AB".repeat(32),
            &"ab".repeat(31),
            &"é/".repeat(21),
        ] {
            assert!(FileName::new(FileKind::Key, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_task_may_do_what_it_needs_and_no_more() {
        let (one, other) = ("aa".repeat(32), "bb".repeat(32));
        let backup = What::Backup {
            host: String::new(),
            tag: String::new(),
            ignore: Vec::new(),
        };
        assert!(backup.may_write(FileKind::Pack) && !backup.may_remove(FileKind::Pack, &one));
        let forget = What::Forget {
            snapshots: vec![one.clone()],
            prune: false,
        };
        assert!(forget.may_remove(FileKind::Snapshot, &one));
        assert!(!forget.may_remove(FileKind::Snapshot, &other));
        assert!(!forget.may_remove(FileKind::Pack, &one) && !forget.may_write(FileKind::Index));
        let restore = What::Restore {
            snapshot: one.clone(),
            paths: Vec::new(),
        };
        for kind in [
            FileKind::Config,
            FileKind::Key,
            FileKind::Pack,
            FileKind::Snapshot,
        ] {
            assert!(!restore.may_write(kind) && !restore.may_remove(kind, &one));
        }
    }

    #[test]
    fn a_frame_comes_back_as_it_was_and_a_huge_one_is_refused() {
        let mut bytes = Vec::new();
        let ask = FromWorker::Ask {
            id: 7,
            ask: Ask::Write(FileKind::Pack, "x".into()),
        };
        put(&mut bytes, &ask, &[b"ab", b"c"]).unwrap();
        let (said, body): (FromWorker, _) = take(&mut bytes.as_slice()).unwrap();
        assert!(matches!(said, FromWorker::Ask { id: 7, .. }));
        assert_eq!(body, b"abc");
        let huge = [0xff; 8];
        assert!(take::<FromWorker>(&mut huge.as_slice()).is_err());
    }
}
