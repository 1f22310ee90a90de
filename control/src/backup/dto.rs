//! Backups as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use warren_proto::ids::{BackupStoreId, ServerId};

use super::retention::Retention;
use crate::{
    backup_store::dto::Kind,
    http::{Stamp, Version},
    operation::dto::{Named, Operation},
};

/// How far a backup is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BackupState {
    /// It is being made.
    Running,
    /// It is there.
    Done,
    /// It was not made.
    Failed,
    /// It is being removed.
    Removing,
}

impl BackupState {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Removing => "removing",
        }
    }

    /// Reads the word in the database.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "running" => Self::Running,
            "done" => Self::Done,
            "removing" => Self::Removing,
            _ => Self::Failed,
        }
    }
}

/// A backup of a server.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Backup {
    /// ULID.
    pub id: String,
    /// What somebody calls it.
    pub name: String,
    /// How far it is.
    pub state: BackupState,
    /// Where it is.
    pub store: Named,
    /// Sum of its files.
    pub total_bytes: u64,
    /// What it added to the store: files that were there already are kept once.
    pub added_bytes: u64,
    /// How many.
    pub files: u64,
    /// Entries that it does not hold: sockets, pipes, devices, what could not be read.
    pub skipped: u64,
    /// Some of these, for a person.
    pub warnings: Vec<String>,
    /// Retention leaves it, and nobody removes it before it is unlocked.
    pub locked: bool,
    /// Stable, when something went wrong.
    pub code: Option<String>,
    /// For a person.
    pub message: Option<String>,
    /// What makes or removes it now.
    pub operation: Option<Operation>,
    /// When it was asked for.
    pub created_at: Stamp,
    /// When it was there.
    pub completed_at: Option<Stamp>,
}

/// Backups of a server, and what there is room for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BackupList {
    /// The newest first.
    pub items: Vec<Backup>,
    /// How many count against the limit.
    pub used: u64,
    /// How many it may have; null: no limit of its own.
    pub limit: Option<u32>,
    /// What its repositories take.
    pub bytes: u64,
    /// Where it may be backed up to; none: nobody has set a store up.
    pub stores: Vec<BackupStoreChoice>,
    /// A restore that is under way or waits.
    pub restore: Option<Operation>,
}

/// A place that a server may be backed up to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BackupStoreChoice {
    /// ULID.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// A backup to be made.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupCreate {
    /// What it is called; left out, nothing.
    #[serde(default)]
    #[schema(example = "before the update", max_length = 64)]
    pub name: Option<String>,
    /// Where to; left out, as the server's settings say, or the first that it may use.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub store: Option<BackupStoreId>,
    /// What to leave out besides, lines as in a .gitignore.
    #[serde(default)]
    pub ignore: Vec<String>,
    /// Retention leaves it.
    #[serde(default)]
    pub locked: bool,
}

/// Changes to a backup.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupUpdate {
    /// What it is called.
    #[serde(default)]
    #[schema(max_length = 64)]
    pub name: Option<String>,
    /// Whether retention leaves it.
    #[serde(default)]
    pub locked: Option<bool>,
}

/// What is put back, and how.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupRestore {
    /// Paths in the backup: each takes the place of what is there now. None: all of it, and what is not in the backup
    /// goes.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Another server that it is put into; left out, its own.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub server: Option<ServerId>,
    /// Backs up what is there now before.
    #[serde(default)]
    pub safety_backup: bool,
    /// Starts the server when it is done.
    #[serde(default)]
    pub start: bool,
}

/// Which directory of a backup.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BackupFilesQuery {
    /// Left out: the root.
    pub path: Option<String>,
    /// `next` of the page before.
    pub after: Option<String>,
    /// Entries per page, 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 200)]
    pub limit: Option<u32>,
}

/// An entry of a directory in a backup.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BackupEntry {
    /// Its name.
    pub name: String,
    /// `file`, `directory`, `symlink` or `other`.
    pub kind: String,
    /// Of a file.
    pub size_bytes: u64,
    /// As it was then.
    pub modified_at: Stamp,
}

/// A page of a directory in a backup.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BackupEntries {
    /// By name.
    pub items: Vec<BackupEntry>,
    /// For the next page; null: this is the last.
    pub next: Option<String>,
}

/// Proof that it is oneself.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupKeyAsk {
    /// One's own password.
    #[schema(max_length = 1024)]
    pub current_password: String,
}

/// What opens a repository with restic.
#[derive(Clone, Serialize, ToSchema)]
pub struct BackupKey {
    /// Where it is.
    pub store: Named,
    /// As restic names it: `s3:https://host/bucket/prefix/server`, or a directory of the node.
    pub repository: String,
    /// Its password.
    pub password: String,
}

/// What opens a server's repositories with restic.
#[derive(Clone, Serialize, ToSchema)]
pub struct BackupKeys {
    /// One per store.
    pub items: Vec<BackupKey>,
}

/// What is typed into a running game, so that its files are whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupHooks {
    /// Lines before its files are read.
    #[serde(default)]
    #[schema(example = json!(["save-off", "save-all flush"]))]
    pub before: Vec<String>,
    /// Lines after, however it went.
    #[serde(default)]
    #[schema(example = json!(["save-on"]))]
    pub after: Vec<String>,
    /// What the game says when its files are as they should be; empty: only the time counts.
    #[serde(default)]
    #[schema(example = "Saved the game", max_length = 200)]
    pub ready: String,
    /// Waited for at most, seconds; 0: 30 s for what the game says, nothing without it.
    #[serde(default)]
    #[schema(maximum = 300)]
    pub wait_s: u32,
}

/// All of how a server is backed up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupSettingsUpdate {
    /// Where to; null: the first store that it may use.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub store: Option<BackupStoreId>,
    /// What is left out, lines as in a .gitignore, besides those in the server's own .pteroignore.
    #[serde(default)]
    pub ignore: Vec<String>,
    /// What is typed into the game.
    #[serde(default)]
    pub hooks: BackupHooks,
    /// Which backups go by themselves after each.
    #[serde(default)]
    pub retention: Retention,
}

/// How a server is backed up.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BackupSettings {
    /// Which state this is; `if-match` takes it, and `etag` carries it.
    pub version: Version,
    /// All of it.
    #[serde(flatten)]
    pub settings: BackupSettingsUpdate,
}

crate::http::versioned!(BackupSettings);
