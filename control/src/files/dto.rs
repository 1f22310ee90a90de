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
    /// For good, and not into the trash.
    #[serde(default)]
    pub permanent: bool,
}

/// What was removed and can be had back.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FilesDeletedInfo {
    /// Empty for what is gone for good.
    pub trashed: Vec<TrashItem>,
}

/// Something that was deleted.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TrashItem {
    /// Names it in the trash.
    pub id: String,
    /// Where it was.
    pub path: String,
    /// When.
    pub deleted_at: Stamp,
    /// When it goes for good; sooner where there is too much.
    pub until: Stamp,
    /// `file`, `directory`, `symlink` or `other`.
    pub kind: String,
    /// What it occupies, which counts for the server's disk limit.
    pub disk_bytes: u64,
    /// Entries of a directory, itself included.
    pub entries: u64,
}

/// Which page of the trash.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TrashQuery {
    /// Rows per page, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 200)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// What can be had back, newest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TrashPage {
    /// Newest first.
    pub items: Vec<TrashItem>,
    /// `cursor` of the next page; null on the last.
    pub next: Option<String>,
    /// Of the whole trash.
    pub total: u32,
    /// Of the whole trash.
    pub disk_bytes: u64,
}

/// What to put back.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileRestore {
    /// Of the trash.
    pub id: String,
    /// Another place than where it was.
    pub to: Option<String>,
    /// Where something is already: under a name beside it, instead of a refusal.
    #[serde(default)]
    pub rename: bool,
}

/// It is back.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FileRestoredInfo {
    /// Where.
    pub path: String,
}

/// What to give up.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrashEmptyRequest {
    /// None: everything.
    #[serde(default)]
    pub ids: Vec<String>,
}

/// What to look for: both given are files whose name and content fit.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSearchRequest {
    /// Directory to begin in; `/` by default.
    pub path: Option<String>,
    /// A part of the name, or all of it with `*`, `?` and the like.
    pub name: Option<String>,
    /// In a line of a file.
    pub content: Option<String>,
    /// `content` is a regular expression, without back references.
    #[serde(default)]
    pub regex: bool,
    /// Capitals are other letters.
    #[serde(default)]
    pub case_sensitive: bool,
    /// 1 to 500, 200 by default.
    #[schema(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
}

/// What was found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SearchInfo {
    /// By path and line.
    pub items: Vec<FileMatchInfo>,
    /// That were read.
    pub files: u64,
    /// That were read.
    pub bytes: u64,
    /// Files that are no text or could not be read.
    pub skipped: u64,
    /// Why there may be more; null: this is all.
    pub cut: Option<SearchCut>,
}

/// Where a search ended before all was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SearchCut {
    /// There are more matches than were asked for.
    Matches,
    /// There are more entries than one search looks at.
    Entries,
    /// There is more content than one search reads.
    Bytes,
    /// It took too long.
    Time,
    /// Directories are nested too deeply.
    Depth,
}

/// One place.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FileMatchInfo {
    /// Below the server's root.
    pub path: String,
    /// `file`, `directory`, `symlink` or `other`.
    pub kind: String,
    /// Size.
    pub size_bytes: u64,
    /// From 1 on; null where no content was looked for.
    pub line: Option<u64>,
    /// The line, or what is around the match in it.
    pub text: Option<String>,
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
