//! Files of a server.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::Stamp;

/// Which directory.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Below the server's root; `/` by default.
    pub path: Option<String>,
    /// Rows per page, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 200)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// Which file.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FileQuery {
    /// Below the server's root.
    pub path: String,
}

/// What stands in a directory.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FileInfo {
    /// Name.
    pub name: String,
    /// `file`, `directory`, `symlink` or `other`.
    pub kind: String,
    /// Size.
    pub size_bytes: u64,
    /// Last change.
    pub modified_at: Stamp,
    /// Unix permission bits.
    pub mode: u32,
}

/// A file was written.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FileWrittenInfo {
    /// Changes with the content.
    pub etag: String,
    /// Size.
    pub size_bytes: u64,
}

/// A directory to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectoryCreate {
    /// Below the server's root; parents are made too.
    pub path: String,
}

/// What to remove.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesDelete {
    /// Below the server's root; directories with all that is in them. 1 to 100.
    pub paths: Vec<String>,
}

/// What to move.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileRenameRequest {
    /// What.
    pub from: String,
    /// Its new path.
    pub to: String,
}
