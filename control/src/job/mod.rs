//! Jobs of nodes, by kind: where they stand to others, what the node is told to do, and what follows from their end.
//!
//! A new kind is an arm of [`Kind`] and of [`work`] and [`ended`], with a file of its own for what these do. The agent
//! has the same seam in `agent/src/job`. Secrets are read when a job is sent, and stand in no operation's row.

pub mod begin;

use sea_orm::{ConnectionTrait, DbErr};
use warren_entity::operations;
use warren_proto::wire::{self, job_start::Work};

use crate::{access::Key, app::App, backup, error::Result, files};

/// What an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The first run of the install script.
    Install,
    /// A later one.
    Reinstall,
    /// Carried out by a tombstone, not by a job.
    Delete,
    /// Makes a backup.
    Backup,
    /// Puts files of a backup back.
    Restore,
    /// Removes backups.
    Forget,
    /// Packs files.
    Archive,
    /// Unpacks an archive.
    Extract,
    /// Fetches a file from an address.
    Download,
    /// Keeps the game down while its server goes to another node.
    Handover,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Install,
        Self::Reinstall,
        Self::Delete,
        Self::Backup,
        Self::Restore,
        Self::Forget,
        Self::Archive,
        Self::Extract,
        Self::Download,
        Self::Handover,
    ];

    /// The word in rows and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Reinstall => "reinstall",
            Self::Delete => "delete",
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::Forget => "forget",
            Self::Archive => "archive",
            Self::Extract => "extract",
            Self::Download => "download",
            Self::Handover => "handover",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Of two active operations of one server no two have the same lane. None: any number at once.
    #[must_use]
    pub fn lane(self) -> Option<&'static str> {
        match self {
            Self::Install | Self::Reinstall | Self::Delete | Self::Restore | Self::Handover => {
                Some(FILES)
            }
            Self::Backup | Self::Forget => Some(BACKUPS),
            Self::Archive | Self::Extract => Some(ARCHIVES),
            Self::Download => Some(DOWNLOADS),
        }
    }

    /// Who may call it off; none: nobody.
    #[must_use]
    pub fn cancelled_by(self) -> Option<Key> {
        match self {
            Self::Install | Self::Reinstall => Some(Key::SettingsReinstall),
            // The transfer is cancelled, which ends it.
            Self::Delete | Self::Handover => None,
            Self::Backup => Some(Key::BackupCreate),
            Self::Restore => Some(Key::BackupRestore),
            Self::Forget => Some(Key::BackupDelete),
            Self::Archive | Self::Extract => Some(Key::FileArchive),
            Self::Download => Some(Key::FileCreate),
        }
    }
}

/// Lane of the work that owns a server's files: its game can't start meanwhile.
pub const FILES: &str = "files";

/// Lane of the work on a server's repositories.
pub const BACKUPS: &str = "backups";

/// Lane of packing and unpacking.
pub const ARCHIVES: &str = "archives";

/// Lane of fetching files from addresses.
pub const DOWNLOADS: &str = "downloads";

/// Whether a job can be sent.
#[derive(Debug)]
pub enum Ready {
    /// What the node is told to do; none where its wanted row says so.
    Work(Option<Box<Work>>),
    /// Something else has to end first.
    Wait,
    /// It never can be: it ends so.
    Refused {
        /// Stable.
        code: &'static str,
        /// For a person.
        message: String,
    },
}

impl Ready {
    /// It ends so.
    #[must_use]
    pub fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::Refused {
            code,
            message: message.into(),
        }
    }
}

/// What a job's node is told.
/// # Errors
/// Database; secrets that were sealed under another key.
pub async fn work(app: &App, job: &operations::Model) -> Result<Ready> {
    match Kind::parse(&job.kind) {
        Some(Kind::Install | Kind::Reinstall | Kind::Delete | Kind::Handover) => {
            Ok(Ready::Work(None))
        }
        Some(kind @ (Kind::Backup | Kind::Restore | Kind::Forget)) => {
            backup::job::work(app, kind, job).await
        }
        Some(kind @ (Kind::Archive | Kind::Extract)) => Ok(files::archive::work(kind, job)),
        Some(Kind::Download) => files::download::work(app, job).await,
        None => {
            let text = format!("this control knows no job {:?}", job.kind);
            Ok(Ready::refused("unknown_kind", text))
        }
    }
}

/// How an operation ended, whoever says so: the node by a fact, or control because the node has forgotten it.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// `done`, `failed`, `cancelled` or `lost`.
    pub state: &'a str,
    /// Stable.
    pub code: Option<&'a str>,
    /// For a person.
    pub message: Option<&'a str>,
    /// The node's fact.
    pub fact: Option<&'a wire::JobEnded>,
    /// Unix milliseconds.
    pub at_ms: i64,
}

/// What follows from an end, in the transaction that writes it down. May come twice: as lost, and then by a fact.
/// # Errors
/// Database.
pub async fn ended(
    db: &impl ConnectionTrait,
    job: &operations::Model,
    end: End<'_>,
) -> Result<(), DbErr> {
    match Kind::parse(&job.kind) {
        // `ingest::effect` has it: they change the server itself.
        // What follows from a handover is the transfer's to say.
        Some(Kind::Install | Kind::Reinstall | Kind::Delete | Kind::Handover) | None => Ok(()),
        Some(kind @ (Kind::Backup | Kind::Restore | Kind::Forget)) => {
            backup::job::ended(db, kind, job, end).await
        }
        Some(Kind::Archive | Kind::Extract) => files::archive::ended(db, job, end).await,
        Some(Kind::Download) => files::download::ended(db, job, end).await,
    }
}
