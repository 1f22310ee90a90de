//! Configuration: compiled-in defaults, then a file, then the environment; validated once.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `config.default.toml`: the reference of all keys.
pub const DEFAULTS: &str = include_str!("../config.default.toml");
const PREFIX: &str = "WARREN_CONTROL";
/// Read by the keys alone, so that it never stands in a struct that may be printed.
pub const KEY_VARIABLE: &str = "WARREN_CONTROL_KEY";

/// Why control can't start with what it was given.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Unknown key, wrong type, unreadable file: the text names it.
    #[error("configuration: {0}")]
    Read(#[from] config::ConfigError),
    /// The value can't be.
    #[error("configuration key `{key}`: {problem}")]
    Value {
        /// Which.
        key: &'static str,
        /// What is wrong and what would do.
        problem: String,
    },
}

/// See `config.default.toml` for what each key means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents every key")]
pub struct Config {
    pub data_dir: PathBuf,
    pub http_listen: String,
    pub public_url: String,
    pub database_url: Secret,
    pub database_connections: u32,
    pub nats_urls: Vec<String>,
    pub nats_ca: String,
    pub key_file: String,
    pub address: String,
    pub nats_public_urls: Vec<String>,
    pub gateway_upstream: String,
    pub sftp_host: String,
    pub sftp_port: u16,
    pub install_dir: String,
    pub allowed_hosts: Vec<String>,
    pub trusted_proxies: Vec<String>,
    pub second_factor_of: SecondFactorOf,
    pub invite_by_sharing: bool,
    pub web_dir: String,
    pub event_max_bytes: i64,
    pub event_keep_s: u64,
    pub event_replicas: usize,
    pub console_keep_bytes: i64,
    pub console_keep_s: i64,
    pub metrics_keep_s: i64,
    pub metrics_minutes_keep_s: i64,
    pub metrics_hours_keep_s: i64,
    pub facts_keep_s: i64,
    pub operations_keep_s: i64,
    pub keep_files_s: u32,
    pub log_format: LogFormat,
    pub log_filter: String,
    pub tls: Tls,
    pub mail: Mail,
    #[serde(default)]
    pub sso: BTreeMap<String, Provider>,
}

/// A provider of log-ins (OpenID Connect).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents every key")]
pub struct Provider {
    pub name: String,
    pub issuer: String,
    pub client_id: String,
    #[serde(default)]
    pub client_secret: Secret,
    #[serde(default = "Provider::usual_scopes")]
    pub scopes: String,
    #[serde(default)]
    pub create_accounts: bool,
    #[serde(default)]
    pub link_by_email: bool,
    #[serde(default)]
    pub two_steps: bool,
    #[serde(default = "Provider::usual_claim")]
    pub roles_claim: String,
    #[serde(default)]
    pub roles: BTreeMap<String, String>,
    #[serde(default = "Provider::usual_days")]
    pub roles_days: u32,
}

impl Provider {
    fn usual_days() -> u32 {
        7
    }

    fn usual_scopes() -> String {
        "openid profile email".into()
    }

    fn usual_claim() -> String {
        "groups".into()
    }
}

/// Mail to people.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents every key")]
pub struct Mail {
    pub url: Secret,
    pub from: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "config.default.toml documents every value")]
pub enum LogFormat {
    Auto,
    Json,
    Text,
}

/// Of whom the panel wants a second step at log-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "config.default.toml documents every value")]
pub enum SecondFactorOf {
    Nobody,
    Admins,
    Everyone,
}

impl SecondFactorOf {
    /// Whether it wants one of such a person.
    #[must_use]
    pub fn wants(self, admin: bool) -> bool {
        match self {
            Self::Nobody => false,
            Self::Admins => admin,
            Self::Everyone => true,
        }
    }
}

/// HTTPS of control itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents every key")]
pub struct Tls {
    pub mode: TlsMode,
    pub cert: String,
    pub key: String,
    pub acme_names: Vec<String>,
    pub acme_contact: String,
    pub acme_directory: String,
    pub acme_ca: String,
}

/// Where the certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "config.default.toml documents every value")]
pub enum TlsMode {
    Off,
    SelfSigned,
    Files,
    Acme,
}

/// Prints as `***`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The value itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "***" })
    }
}

impl Config {
    /// Defaults, then `file`, then `WARREN_CONTROL_…`.
    /// # Errors
    /// Names the key or the file.
    pub fn load(file: Option<&Path>) -> Result<Self, Error> {
        Self::from_parts(file, std::env::vars().collect())
    }

    /// As [`Config::load`] with the environment given.
    /// # Errors
    /// Names the key or the file.
    pub fn from_parts(
        file: Option<&Path>,
        mut environment: HashMap<String, String>,
    ) -> Result<Self, Error> {
        environment.remove(KEY_VARIABLE);
        let mut builder = config::Config::builder()
            .add_source(config::File::from_str(DEFAULTS, config::FileFormat::Toml));
        if let Some(path) = file {
            builder = builder.add_source(
                config::File::from(path.to_path_buf()).format(config::FileFormat::Toml),
            );
        }
        let environment = config::Environment::with_prefix(PREFIX)
            .prefix_separator("_")
            .separator("__")
            .list_separator(",")
            .with_list_parse_key("nats_urls")
            .with_list_parse_key("nats_public_urls")
            .with_list_parse_key("allowed_hosts")
            .with_list_parse_key("trusted_proxies")
            .with_list_parse_key("tls.acme_names")
            .try_parsing(true)
            .source(Some(environment.into_iter().collect()));
        let config: Self = builder.add_source(environment).build()?.try_deserialize()?;
        config.validated()
    }

    fn validated(self) -> Result<Self, Error> {
        let bad = |key, problem: String| Err(Error::Value { key, problem });
        if self.http_listen.parse::<SocketAddr>().is_err() {
            return bad(
                "http_listen",
                format!("{:?} is no address like 127.0.0.1:8080", self.http_listen),
            );
        }
        if self.nats_urls.is_empty() {
            return bad("nats_urls", "give at least one address".into());
        }
        if self.database_connections == 0 {
            return bad("database_connections", "must be at least 1".into());
        }
        let url = self.database_url.expose();
        if !url.is_empty() && !self.is_postgres() && !url.starts_with("sqlite://") {
            return bad(
                "database_url",
                "starts with neither postgres:// nor sqlite://".into(),
            );
        }
        if let Some(bad_one) = self
            .trusted_proxies
            .iter()
            .find(|text| crate::auth::Networks::parse(text).is_none())
        {
            return bad(
                "trusted_proxies",
                format!("{bad_one:?} is no address or network like 10.0.0.0/8"),
            );
        }
        if self.tls.mode == TlsMode::Files && (self.tls.cert.is_empty() || self.tls.key.is_empty())
        {
            return bad("tls", "mode = \"files\" needs tls.cert and tls.key".into());
        }
        crate::mail::check(&self)?;
        crate::sso::check(&self)?;
        if self.tls.mode == TlsMode::Acme {
            crate::http::acme::names(&self)?;
        }
        Ok(self)
    }

    /// Whether `database_url` names PostgreSQL.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        let url = self.database_url.expose();
        url.starts_with("postgres://") || url.starts_with("postgresql://")
    }

    /// The SQLite file; meaningless on PostgreSQL.
    #[must_use]
    pub fn sqlite_path(&self) -> PathBuf {
        match self.database_url.expose().strip_prefix("sqlite://") {
            Some(path) => PathBuf::from(path),
            None => self.data_dir.join("warren.db"),
        }
    }

    /// File with the sealing key.
    #[must_use]
    pub fn key_path(&self) -> PathBuf {
        if self.key_file.is_empty() {
            self.data_dir.join("control.key")
        } else {
            PathBuf::from(&self.key_file)
        }
    }

    /// PEM file of the bus' CA.
    #[must_use]
    pub fn ca_path(&self) -> PathBuf {
        if self.nats_ca.is_empty() {
            self.data_dir.join("ca.pem")
        } else {
            PathBuf::from(&self.nats_ca)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn with(environment: &[(&str, &str)]) -> Result<Config, Error> {
        let pairs = environment
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Config::from_parts(None, pairs.collect())
    }

    #[test]
    fn the_environment_wins_over_the_defaults() {
        let config = with(&[
            ("WARREN_CONTROL_HTTP_LISTEN", "0.0.0.0:1"),
            ("WARREN_CONTROL_TLS__MODE", "self-signed"),
            ("WARREN_CONTROL_NATS_URLS", "nats://a:1,nats://b:2"),
            ("WARREN_CONTROL_KEY", "0123"),
        ])
        .unwrap();
        assert_eq!(config.http_listen, "0.0.0.0:1");
        assert_eq!(config.tls.mode, TlsMode::SelfSigned);
        assert_eq!(config.nats_urls.len(), 2);
    }

    #[test]
    fn an_unknown_or_wrong_key_is_named() {
        let unknown = with(&[("WARREN_CONTROL_HTP_LISTEN", "x")]).unwrap_err();
        assert!(unknown.to_string().contains("htp_listen"), "{unknown}");
        let wrong = with(&[("WARREN_CONTROL_HTTP_LISTEN", "x")]).unwrap_err();
        assert!(wrong.to_string().contains("http_listen"), "{wrong}");
    }

    #[test]
    fn acme_wants_names_that_an_authority_can_look_up() {
        let mode = ("WARREN_CONTROL_TLS__MODE", "acme");
        let none = with(&[mode]).unwrap_err();
        assert!(none.to_string().contains("tls.acme_names"), "{none}");
        for wrong in ["203.0.113.7", "*.example.net", "a b", "panel.example.net/x"] {
            let names = ("WARREN_CONTROL_TLS__ACME_NAMES", wrong);
            let error = with(&[mode, names]).unwrap_err();
            assert!(error.to_string().contains(wrong), "{error}");
        }
        let url = (
            "WARREN_CONTROL_PUBLIC_URL",
            "https://panel.example.net:8443",
        );
        let config = with(&[mode, url]).unwrap();
        assert_eq!(
            crate::http::acme::names(&config).unwrap(),
            ["panel.example.net"]
        );
    }

    #[test]
    fn mail_needs_a_server_and_a_sender() {
        let url = |text: &str| ("WARREN_CONTROL_MAIL__URL", text.to_owned());
        let wrong = with(&[(url("mail.example.net").0, "hunter2.example.net")]).unwrap_err();
        assert!(wrong.to_string().contains("mail.url"), "{wrong}");
        assert!(!wrong.to_string().contains("hunter2"), "{wrong}");
        let good = url("smtp://u:p@mail.example.net:587?tls=required");
        let none = with(&[(good.0, &good.1)]).unwrap_err();
        assert!(none.to_string().contains("mail.from"), "{none}");
        let from = ("WARREN_CONTROL_MAIL__FROM", "Warren <panel@example.net>");
        let bare = with(&[(good.0, &good.1), from]).unwrap_err();
        assert!(bare.to_string().contains("public_url"), "{bare}");
        let public = ("WARREN_CONTROL_PUBLIC_URL", "https://panel.example.net");
        with(&[(good.0, &good.1), from, public]).unwrap();
    }

    #[test]
    fn a_database_password_is_not_printed() {
        let url = "postgres://warren:hunter2@db/warren";
        let config = with(&[("WARREN_CONTROL_DATABASE_URL", url)]).unwrap();
        assert!(config.is_postgres());
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
