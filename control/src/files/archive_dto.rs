//! Archives of a server's files.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::Stamp;

/// Which directory of which archive.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ArchiveQuery {
    /// The archive, below the server's root.
    pub path: String,
    /// A directory in it; its top by default.
    pub inside: Option<String>,
    /// Rows per page, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 200)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// What stands in a directory of an archive, directories first, then by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ArchivePage {
    /// `zip`, `7z`, `tar`, `tar.gz`, `tar.bz2`, `tar.xz`, `tar.zst`; `gz`, `bz2`, `xz` and `zst` of a single file.
    pub format: String,
    /// In this order.
    pub items: Vec<ArchiveEntryInfo>,
    /// `cursor` of the next page; null on the last.
    pub next: Option<String>,
    /// In this directory.
    pub total: u32,
    /// In the whole archive.
    pub entries: u64,
}

/// An entry of an archive, as it says itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ArchiveEntryInfo {
    /// Name.
    pub name: String,
    /// `file`, `directory`, `symlink`, `hardlink`, or `refused` for what is never unpacked.
    pub kind: String,
    /// Unpacked; 0 where the format does not say.
    pub size_bytes: u64,
    /// Last change, where it says.
    pub modified_at: Option<Stamp>,
    /// Where a link leads.
    pub target: Option<String>,
    /// Why it is not unpacked.
    pub refused: Option<String>,
}

/// Formats of archives that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub enum ArchiveFormat {
    /// Everybody reads it.
    #[serde(rename = "zip")]
    Zip,
    /// Small, and slow to make.
    #[serde(rename = "7z")]
    SevenZ,
    /// Not compressed.
    #[serde(rename = "tar")]
    Tar,
    /// As it is usual on Unix.
    #[serde(rename = "tar.gz")]
    TarGz,
    /// Older.
    #[serde(rename = "tar.bz2")]
    TarBz2,
    /// Small, and slow to make.
    #[serde(rename = "tar.xz")]
    TarXz,
    /// Fast, and smaller than `tar.gz`.
    #[serde(rename = "tar.zst")]
    TarZst,
}

impl ArchiveFormat {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::SevenZ => "7z",
            Self::Tar => "tar",
            Self::TarGz => "tar.gz",
            Self::TarBz2 => "tar.bz2",
            Self::TarXz => "tar.xz",
            Self::TarZst => "tar.zst",
        }
    }
}

/// What to pack.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ArchiveCreate {
    /// Below the server's root; directories with all that is in them. 1 to 100.
    pub paths: Vec<String>,
    /// How.
    pub format: ArchiveFormat,
    /// The archive, below the server's root. Nothing is replaced.
    pub to: String,
}

/// What to do with files that are there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ArchiveExisting {
    /// Nothing is unpacked at all.
    #[default]
    Refuse,
    /// They give way; needs `file.update` too.
    Replace,
    /// They stay.
    Skip,
}

impl ArchiveExisting {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Replace => "replace",
            Self::Skip => "skip",
        }
    }
}

/// What to unpack.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ArchiveExtract {
    /// Below the server's root.
    pub archive: String,
    /// A directory below the server's root, made if it is not there; the root by default.
    pub to: Option<String>,
    /// What to do with files that are there already.
    #[serde(default)]
    pub existing: ArchiveExisting,
    /// Entries of the archive, with all that is below them; all of it by default. At most 100.
    #[serde(default)]
    pub only: Vec<String>,
}
