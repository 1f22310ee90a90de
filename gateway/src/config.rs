//! The gateway's configuration: a file, then `WARREN_GATEWAY_…`.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// Every key, as `gateway.toml` has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where browsers (through control's splice or a proxy) connect; plain http.
    pub listen: SocketAddr,
    /// `nats://host:port` or `tls://host:port`.
    pub nats_urls: Vec<String>,
    /// PEM file of the only CA that may vouch for the bus; without it TLS follows the system's roots.
    #[serde(default)]
    pub nats_ca: Option<PathBuf>,
    /// The gateway's credential, as control writes it.
    pub creds_file: PathBuf,
    /// WebSockets from one address that have shown no ticket yet; the oldest goes when there is one more. A
    /// browser is among them for a moment.
    #[serde(default = "strangers_per_address")]
    pub strangers_per_address: usize,
    /// The same in all.
    #[serde(default = "strangers")]
    pub strangers: usize,
    /// Addresses of proxies whose `x-forwarded-for` is believed; loopback always is.
    #[serde(default)]
    pub trusted_proxies: Vec<IpAddr>,
}

fn strangers_per_address() -> usize {
    64
}

fn strangers() -> usize {
    4096
}

impl Config {
    /// Reads `path`, lays the environment over it and checks it.
    /// # Errors
    /// Names the file or the key, and what is wrong with it.
    pub fn load(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        Self::parse(&text, |key| std::env::var(key).ok())
            .with_context(|| path.display().to_string())
    }

    fn parse(text: &str, env: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut table: toml::Table = text.parse()?;
        for key in ["listen", "nats_ca", "creds_file"] {
            if let Some(value) = env(&format!("WARREN_GATEWAY_{}", key.to_uppercase())) {
                table.insert(key.into(), value.into());
            }
        }
        if let Some(urls) = env("WARREN_GATEWAY_NATS_URLS") {
            let urls: Vec<toml::Value> = urls.split(',').map(|u| u.trim().into()).collect();
            table.insert("nats_urls".into(), urls.into());
        }
        let config: Self = table.try_into()?;
        if config.nats_urls.is_empty() {
            bail!("nats_urls is empty: name at least one, as in [\"nats://127.0.0.1:4222\"]");
        }
        for (key, value) in [
            ("strangers_per_address", config.strangers_per_address),
            ("strangers", config.strangers),
        ] {
            if value == 0 {
                bail!("{key} is 0: nobody could show a ticket; leave it out for the default");
            }
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const FILE: &str =
        "listen = \"127.0.0.1:0\"\nnats_urls = [\"nats://a:1\"]\ncreds_file = \"g.creds\"\n";

    #[test]
    fn the_environment_lies_over_the_file() {
        let env = |key: &str| {
            (key == "WARREN_GATEWAY_NATS_URLS").then(|| "nats://b:1, nats://c:1".to_owned())
        };
        let config = Config::parse(FILE, env).unwrap();
        assert_eq!(config.nats_urls, ["nats://b:1", "nats://c:1"]);
        assert_eq!(config.creds_file, Path::new("g.creds"));
    }

    #[test]
    fn an_error_names_its_key() {
        let error = |text: &str| format!("{:#}", Config::parse(text, |_| None).unwrap_err());
        assert!(error(&FILE.replace("listen", "lisen")).contains("lisen"));
        assert!(error(&FILE.replace("127.0.0.1:0", "x")).contains("listen"));
        assert!(error(&FILE.replace("[\"nats://a:1\"]", "[]")).contains("nats_urls"));
        for line in [
            "strangers_per_address = 0",
            "strangers = 0",
            "trusted_proxies = [\"proxy\"]",
        ] {
            let key = line.split(' ').next().unwrap();
            assert!(error(&format!("{FILE}{line}\n")).contains(key), "{line}");
        }
    }
}
