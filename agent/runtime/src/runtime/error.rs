//! Errors by what the caller can do about them.

use std::time::Duration;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// containerd is away or restarting. Games run on; try again later.
    #[error("containerd is not reachable: {0}")]
    Unavailable(String),
    #[error("{what} took longer than {limit:?}")]
    Timeout { what: String, limit: Duration },
    #[error("{what} not found")]
    NotFound { what: String },
    #[error("{what} exists already")]
    Conflict { what: String },
    /// The request itself is wrong; the same again fails again.
    #[error("{0}")]
    Invalid(String),
    /// This machine lacks something; the text names it and what to do.
    #[error("{0}")]
    Unsupported(String),
    #[error("image {image}: {problem}")]
    Image {
        image: String,
        problem: ImageProblem,
    },
    /// The engine or the kernel said no, in its own words.
    #[error("{what}: {detail}")]
    Refused { what: String, detail: String },
    /// No room, or less than the floor. The text names the disk and what to do.
    #[error("{0}")]
    DiskFull(String),
    #[error("{path} {problem}")]
    HostDir {
        path: String,
        problem: HostDirProblem,
    },
    #[error("cancelled")]
    Cancelled,
    #[error("{what}: {source}")]
    Io {
        what: String,
        #[source]
        source: std::io::Error,
    },
}

/// Why an image could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageProblem {
    #[error("not a valid image name: {0}")]
    BadName(String),
    #[error("the registry does not have it: {0}")]
    NotFound(String),
    #[error("the registry refuses these credentials: {0}")]
    Unauthorized(String),
    #[error("the registry limits the rate of requests: {0}")]
    RateLimited(String),
    #[error("the registry can't be reached: {0}")]
    Unreachable(String),
    #[error(
        "the certificate of {host} is not trusted ({detail}): list the CA that signed it in registry_ca_files of the agent's settings, or have the registry present another"
    )]
    Untrusted { host: String, detail: String },
    #[error(
        "{0} does not speak TLS: list it in insecure_registries of the agent's settings if plain http is meant"
    )]
    NoTls(String),
    #[error("plain http is allowed only for loopback or configured registries, not for {0}")]
    Insecure(String),
    #[error("not made for {wanted}; it exists for {}", found.join(", "))]
    NoPlatform { wanted: String, found: Vec<String> },
    #[error("what arrived is not what was named: {0}")]
    Corrupt(String),
    #[error("a kind of image that can't run here: {0}")]
    Unsupported(String),
    #[error("not on this node, and the pull policy is `never`")]
    Absent,
}

/// Why a directory of this machine is not shown to a container.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostDirProblem {
    #[error("does not exist on this node")]
    Missing,
    #[error("is or leads through a symlink")]
    Symlink,
    #[error("is not a directory")]
    NotADirectory,
    #[error("was exchanged for something else while the container was made; nothing has run")]
    Exchanged,
    /// The container's runtime or this kernel can't.
    #[error("has a file system mounted below it that could not be made read-only; nothing has run")]
    Writable,
    #[error("can't be opened safely: this kernel has no openat2 (Linux 5.6)")]
    NoOpenat2,
}

impl HostDirProblem {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing => "mount_missing",
            Self::Symlink => "mount_symlink",
            Self::NotADirectory => "mount_not_a_directory",
            Self::Exchanged => "mount_exchanged",
            Self::Writable => "mount_writable",
            Self::NoOpenat2 => "openat2_missing",
        }
    }
}

impl Error {
    /// Wraps an I/O error with what was being done.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    pub(crate) fn image(image: impl ToString, problem: ImageProblem) -> Self {
        Self::Image {
            image: image.to_string(),
            problem,
        }
    }

    /// A stable name for clients and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "containerd_unavailable",
            Self::Timeout { .. } => "timeout",
            Self::NotFound { .. } => "not_found",
            Self::Conflict { .. } => "conflict",
            Self::Invalid(_) => "invalid",
            Self::Unsupported(_) => "unsupported",
            Self::Image { problem, .. } => problem.code(),
            Self::Refused { .. } => "refused",
            Self::DiskFull(_) => "disk_full",
            Self::HostDir { problem, .. } => problem.code(),
            Self::Cancelled => "cancelled",
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                "disk_full"
            }
            Self::Io { .. } => "io",
        }
    }

    /// Whether the same request may succeed later without anybody changing it.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Timeout { .. } => true,
            Self::Image { problem, .. } => matches!(
                problem,
                ImageProblem::Unreachable(_) | ImageProblem::RateLimited(_)
            ),
            _ => false,
        }
    }
}

impl ImageProblem {
    fn code(&self) -> &'static str {
        match self {
            Self::BadName(_) => "image_bad_name",
            Self::NotFound(_) => "image_not_found",
            Self::Unauthorized(_) => "image_unauthorized",
            Self::RateLimited(_) => "image_rate_limited",
            Self::Unreachable(_) => "registry_unreachable",
            Self::Untrusted { .. } => "registry_untrusted",
            Self::NoTls(_) => "registry_no_tls",
            Self::Insecure(_) => "registry_insecure",
            Self::NoPlatform { .. } => "image_no_platform",
            Self::Corrupt(_) => "image_corrupt",
            Self::Unsupported(_) => "image_unsupported",
            Self::Absent => "image_absent",
        }
    }
}
