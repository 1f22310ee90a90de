//! SSH keys as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_entity::ssh_keys;

use crate::http::Stamp;

/// An SSH key of one's own: the public half.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SshKey {
    /// ULID.
    pub id: String,
    /// What its owner calls it.
    #[schema(example = "Laptop")]
    pub name: String,
    /// Kind of key.
    #[schema(example = "ssh-ed25519")]
    pub algorithm: String,
    /// As `ssh-keygen -l` shows it.
    #[schema(example = "SHA256:Wtl4Lc2E7dZtK1bGvCT4qOaJNmYVXK8zv8mYhL2sQ0o")]
    pub fingerprint: String,
    /// As it stands in `authorized_keys`, without the comment.
    pub public_key: String,
    /// When it was added.
    pub created_at: Stamp,
    /// Last log-in with it.
    pub last_used_at: Option<Stamp>,
}

impl From<ssh_keys::Model> for SshKey {
    fn from(row: ssh_keys::Model) -> Self {
        Self {
            id: row.id,
            name: row.name,
            algorithm: row.algorithm,
            fingerprint: row.fingerprint,
            public_key: row.public_key,
            created_at: Stamp(row.created_at_ms),
            last_used_at: row.last_used_at_ms.map(Stamp),
        }
    }
}

/// A new SSH key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SshKeyCreate {
    /// 1 to 64 characters. Left out: the comment behind the key.
    #[serde(default)]
    #[schema(example = "Laptop", min_length = 1, max_length = 64)]
    pub name: Option<String>,
    /// The line of the file that ends in `.pub`: Ed25519, ECDSA, RSA from 2048 bits on, or a security key's.
    #[schema(
        example = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti ann@laptop"
    )]
    pub public_key: String,
    /// The account's password that is good now.
    #[schema(format = Password)]
    pub current_password: String,
}

/// Calls it something else.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SshKeyPatch {
    /// 1 to 64 characters.
    #[schema(example = "Old laptop", min_length = 1, max_length = 64)]
    pub name: String,
}
