//! Image names and what a pull takes and gives.

use std::fmt;
use std::str::FromStr;

use oci_client::Reference;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::error::{Error, ImageProblem};

/// A normalised image name: `alpine` is `docker.io/library/alpine:latest`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ImageRef {
    inner: Reference,
}

impl ImageRef {
    /// The host that serves it, e.g. `index.docker.io` or `127.0.0.1:5000`.
    pub fn registry(&self) -> &str {
        self.inner.resolve_registry()
    }

    /// Path on that host, e.g. `library/alpine`.
    pub fn repository(&self) -> &str {
        self.inner.repository()
    }

    /// What is asked of the registry: the digest if the name has one, else the tag.
    pub fn version(&self) -> &str {
        match self.inner.digest() {
            Some(digest) => digest,
            None => self.inner.tag().unwrap_or("latest"),
        }
    }

    /// The digest that the name pins, if any.
    pub fn digest(&self) -> Option<&str> {
        self.inner.digest()
    }
}

impl FromStr for ImageRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let bad = |detail: String| Error::image(text, ImageProblem::BadName(detail));
        if text.len() > 512 {
            return Err(bad("longer than 512 characters".into()));
        }
        let inner: Reference = text.parse().map_err(|e| bad(format!("{e}")))?;
        Ok(Self { inner })
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Debug for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImageRef({self})")
    }
}

/// Credentials for one registry. `Debug` never shows the secret.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub enum RegistryAuth {
    #[default]
    Anonymous,
    Basic {
        username: String,
        password: String,
    },
    /// A ready-made bearer token, sent as it is.
    Bearer(String),
}

impl fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => write!(f, "Anonymous"),
            Self::Basic { username, .. } => write!(f, "Basic({username}, ***)"),
            Self::Bearer(_) => write!(f, "Bearer(***)"),
        }
    }
}

/// When to ask the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PullPolicy {
    /// Ask each time; if the registry can't be reached and the image is here, use it and say so.
    #[default]
    Always,
    /// Only if the image is not here.
    IfMissing,
    /// Never ask.
    Never,
}

/// One pull.
#[derive(Debug, Clone)]
pub struct PullRequest {
    pub image: ImageRef,
    pub auth: RegistryAuth,
    pub policy: PullPolicy,
    /// Receives the latest progress; a slow reader only sees fewer steps.
    pub progress: Option<watch::Sender<PullProgress>>,
    /// Ends this caller's interest; the transfer ends when nobody is left who wants it.
    pub cancel: CancellationToken,
}

impl PullRequest {
    /// An anonymous pull with the default policy and nobody watching.
    pub fn new(image: ImageRef) -> Self {
        Self {
            image,
            auth: RegistryAuth::Anonymous,
            policy: PullPolicy::default(),
            progress: None,
            cancel: CancellationToken::new(),
        }
    }
}

/// A snapshot of how far a pull is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullProgress {
    pub phase: PullPhase,
    /// In the order of the manifest: configuration first, then layers from the lowest.
    pub blobs: Vec<BlobProgress>,
    pub layers_unpacked: usize,
    /// Transfers that broke and were taken up again.
    pub resumed: u32,
}

impl PullProgress {
    /// Bytes here and bytes in total, over all blobs.
    pub fn bytes(&self) -> (u64, u64) {
        self.blobs.iter().fold((0, 0), |(done, total), blob| {
            (done + blob.done_bytes, total + blob.total_bytes)
        })
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PullPhase {
    #[default]
    Resolving,
    Downloading,
    Unpacking,
    Done,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobProgress {
    pub digest: String,
    pub done_bytes: u64,
    pub total_bytes: u64,
}

/// An image that is present and unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    pub image: ImageRef,
    /// Digest that the name points at (of the index, when it is one).
    pub digest: String,
    /// Bytes that came over the network.
    pub fetched_bytes: u64,
    /// The registry could not be asked and the copy on this node is used: why.
    pub stale_because: Option<String>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn short_names_are_completed_as_docker_does() {
        for (given, full) in [
            ("alpine", "docker.io/library/alpine:latest"),
            ("user/img", "docker.io/user/img:latest"),
            ("ghcr.io/a/b:1", "ghcr.io/a/b:1"),
            ("127.0.0.1:5000/x", "127.0.0.1:5000/x:latest"),
        ] {
            assert_eq!(given.parse::<ImageRef>().unwrap().to_string(), full);
        }
    }

    #[test]
    fn nonsense_is_refused_with_the_name_in_the_message() {
        let error = "UPPER//x y".parse::<ImageRef>().unwrap_err();
        assert!(error.to_string().contains("UPPER//x y"), "{error}");
        assert_eq!(error.code(), "image_bad_name");
    }

    #[test]
    fn secrets_do_not_show_in_debug() {
        let auth = RegistryAuth::Basic {
            username: "me".into(),
            password: "hunter2".into(),
        };
        assert!(!format!("{auth:?}").contains("hunter2"));
        assert!(!format!("{:?}", RegistryAuth::Bearer("tok".into())).contains("tok"));
    }
}
