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
    /// By what the rows stand.
    #[param(inline)]
    pub sort: Option<FileSort>,
    /// Which way; ascending by default.
    #[param(inline)]
    pub order: Option<FileOrder>,
    /// Directories stand among the rest and not before it.
    pub mixed: Option<bool>,
}

/// By what files are sorted.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileSort {
    /// Without regard to case.
    #[default]
    Name,
    /// Of files.
    Size,
    /// Last change.
    Modified,
}

/// Which way files are sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileOrder {
    /// Smallest, oldest, A first.
    #[default]
    Asc,
    /// Largest, newest, Z first.
    Desc,
}

/// Rows of a directory.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FilePage {
    /// In the order that was asked for.
    pub items: Vec<FileInfo>,
    /// `cursor` of the next page; null on the last.
    pub next: Option<String>,
    /// Entries of the whole directory.
    pub total: u32,
    /// The directory has more than 200,000 entries, and some are not counted and not shown.
    pub truncated: bool,
}

/// Which entry.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StatQuery {
    /// Below the server's root; `/` is the root.
    pub path: String,
    /// Of a symlink: what it points at, as long as that lies inside.
    pub follow: Option<bool>,
}

/// Of which file, and how.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChecksumQuery {
    /// Below the server's root.
    pub path: String,
    /// `sha256` by default.
    #[param(inline)]
    pub algorithm: Option<ChecksumAlgorithm>,
}

/// Ways to sum up a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChecksumAlgorithm {
    /// As zip has it; tells damage, not forgery.
    Crc32,
    /// As some download pages have it; tells damage, not forgery.
    Sha1,
    /// The usual one.
    #[default]
    Sha256,
    /// Longer.
    Sha512,
}

impl ChecksumAlgorithm {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "crc32",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

/// A file's checksum.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChecksumInfo {
    /// Which.
    pub algorithm: ChecksumAlgorithm,
    /// Lower-case hexadecimal.
    pub digest: String,
    /// Bytes that were read.
    pub size_bytes: u64,
    /// Of the file when reading began.
    pub etag: String,
}

/// What a file or directory occupies.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UsageInfo {
    /// On disk: holes are not counted, files with several names once.
    pub disk_bytes: u64,
    /// Entries below it, or 1 for a file.
    pub entries: u64,
    /// False: it is so large that counting was given up.
    pub complete: bool,
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
    /// Changes with content, times and mode.
    pub etag: String,
    /// Where a symlink points, as it is written there.
    pub target: Option<String>,
    /// The egg keeps it back: it is shown, and neither read nor changed.
    pub kept_back: bool,
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

/// What to copy.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileCopyRequest {
    /// A file, a symlink, or a directory with all that is in it.
    pub from: String,
    /// Where nothing is yet.
    pub to: String,
}

/// What was copied.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FileCopiedInfo {
    /// Files, directories and symlinks.
    pub entries: u64,
    /// On disk.
    pub bytes: u64,
    /// Entries that the egg keeps back, and FIFOs, sockets and devices: they were left out.
    pub skipped: u64,
}

/// Whose permission bits to set.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesChmod {
    /// Below the server's root, 1 to 100.
    pub paths: Vec<String>,
    /// Unix permission bits, such as 420 for 0644.
    #[schema(minimum = 0, maximum = 511)]
    pub mode: u32,
}

/// A link to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SymlinkCreate {
    /// Where nothing is yet.
    pub path: String,
    /// Relative to the directory of `path`; must not lead above the server's root.
    pub target: String,
}
