//! Backup stores as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_proto::ids::NodeId;

use crate::http::{Stamp, Version};

/// What a backup store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = BackupStoreKind)]
pub enum Kind {
    /// A directory of each node. Servers find there what was backed up on the same node alone.
    Directory,
    /// A bucket of S3, or of whoever speaks it.
    S3,
}

impl Kind {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::S3 => "s3",
        }
    }

    /// Reads the word in the database.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "s3" => Self::S3,
            _ => Self::Directory,
        }
    }
}

/// A backup store without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BackupStore {
    /// ULID.
    pub id: String,
    /// Which state this is; `if-match` takes it, and `etag` carries it.
    pub version: Version,
    /// What it is called.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Directory: one that the settings of nodes allow; empty: each node's first.
    pub path: String,
    /// S3: address.
    pub endpoint: String,
    /// S3: region; empty: us-east-1.
    pub region: String,
    /// S3: bucket.
    pub bucket: String,
    /// S3: what stands before the names of repositories.
    pub prefix: String,
    /// S3: access key; its secret is never shown.
    pub access_key: String,
    /// Ids of nodes whose servers it is for; none: all.
    pub nodes: Vec<String>,
    /// Backups in it.
    pub backups: u64,
    /// What they take together, as last told.
    pub bytes: u64,
    /// When it was made.
    pub created_at: Stamp,
    /// When it was changed last.
    pub updated_at: Stamp,
}

crate::http::versioned!(BackupStore);

/// A backup store to be made known.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupStoreCreate {
    /// What it is; never another thing.
    pub kind: Kind,
    /// 1 to 64 characters, unique whatever the case.
    #[schema(example = "archive", max_length = 64)]
    pub name: String,
    /// Directory: one that the settings of nodes allow (`backup_dirs`); empty: each node's first.
    #[serde(default)]
    #[schema(max_length = 1024)]
    pub path: String,
    /// S3: address, as nodes reach it.
    #[serde(default)]
    #[schema(example = "https://s3.eu-central-1.amazonaws.com", max_length = 512)]
    pub endpoint: String,
    /// S3: region; empty: us-east-1.
    #[serde(default)]
    #[schema(example = "eu-central-1", max_length = 64)]
    pub region: String,
    /// S3: bucket, which has to be there.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub bucket: String,
    /// S3: what stands before the names of repositories.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub prefix: String,
    /// S3: access key.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub access_key: String,
    /// S3: its secret. Never shown again.
    #[serde(default)]
    #[schema(max_length = 1024)]
    pub secret_key: Option<String>,
    /// Nodes whose servers it is for; none: all.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub nodes: Vec<NodeId>,
}

/// All of a backup store, as it is from now on.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupStoreUpdate {
    /// 1 to 64 characters, unique whatever the case.
    #[schema(example = "archive", max_length = 64)]
    pub name: String,
    /// Directory: one that the settings of nodes allow (`backup_dirs`); empty: each node's first.
    #[serde(default)]
    #[schema(max_length = 1024)]
    pub path: String,
    /// S3: address, as nodes reach it.
    #[serde(default)]
    #[schema(example = "https://s3.eu-central-1.amazonaws.com", max_length = 512)]
    pub endpoint: String,
    /// S3: region; empty: us-east-1.
    #[serde(default)]
    #[schema(example = "eu-central-1", max_length = 64)]
    pub region: String,
    /// S3: bucket, which has to be there.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub bucket: String,
    /// S3: what stands before the names of repositories.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub prefix: String,
    /// S3: access key.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub access_key: String,
    /// S3: its secret. Never shown again; left out, it stays what it is.
    #[serde(default)]
    #[schema(max_length = 1024)]
    pub secret_key: Option<String>,
    /// Nodes whose servers it is for; none: all.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub nodes: Vec<NodeId>,
}

impl From<BackupStoreCreate> for BackupStoreUpdate {
    fn from(req: BackupStoreCreate) -> Self {
        Self {
            name: req.name,
            path: req.path,
            endpoint: req.endpoint,
            region: req.region,
            bucket: req.bucket,
            prefix: req.prefix,
            access_key: req.access_key,
            secret_key: req.secret_key,
            nodes: req.nodes,
        }
    }
}

/// From where a store is tried.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupStoreTestAsk {
    /// Node id.
    #[schema(value_type = String)]
    pub node: NodeId,
}

/// What came of a look.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BackupStoreTest {
    /// A file was written, read and removed.
    pub ok: bool,
    /// Stable, where it is not.
    pub code: Option<String>,
    /// For a person.
    pub detail: String,
}
