//! What people type into an SFTP client.

use serde::Serialize;
use utoipa::ToSchema;

/// How to reach a server's files by SFTP: the same address for all servers, wherever their nodes are.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SftpDetails {
    /// Host name or address.
    #[schema(example = "panel.example.net")]
    pub host: String,
    /// Port.
    #[schema(example = 2022)]
    pub port: u16,
    /// Log-in name of the caller for this server; with the short form of the server's id.
    #[schema(example = "ann.7k2m9qxz")]
    pub username: String,
    /// The same with the whole id.
    #[schema(example = "ann.01kb3v0c5x8d1e2f7k2m9qxz00")]
    pub username_long: String,
    /// `sftp://` with all of it, for clients that open links.
    #[schema(example = "sftp://ann.7k2m9qxz@panel.example.net:2022/")]
    pub url: String,
    /// The password of the account is enough; false: an SSH key or an API key is needed, for log-ins take a second step.
    pub password: bool,
    /// What the server shows of itself at the first connection.
    pub host_keys: Vec<SftpHostKey>,
}

/// One of the keys that the SSH server proves itself with.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SftpHostKey {
    /// Kind.
    #[schema(example = "ssh-ed25519")]
    pub algorithm: String,
    /// As clients show it.
    #[schema(example = "SHA256:Wtl4Lc2E7dZtK1bGvCT4qOaJNmYVXK8zv8mYhL2sQ0o")]
    pub fingerprint: String,
    /// Behind the host it makes a line of `known_hosts`.
    pub public_key: String,
}
