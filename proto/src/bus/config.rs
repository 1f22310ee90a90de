//! Writes the nats-server configuration of one server: operator mode, full resolver (the memory one forgets
//! revocations at a restart), preloaded accounts, JetStream within CORE's claims.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::accounts::{Account, Realm, Revocations, Storage};
use super::jwt;
use super::version::{FLOOR, Support, Version};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "nats-server {found} is too old, Warren needs {FLOOR} or newer: install a newer nats-server and start again"
    )]
    TooOld { found: Version },
    #[error("`{key}` can not stand in nats.conf: {value:?}")]
    Value { key: &'static str, value: String },
    #[error(transparent)]
    Jwt(#[from] jwt::Error),
}

/// Files in PEM.
#[derive(Debug, Clone)]
pub struct Tls {
    pub cert: PathBuf,
    pub key: PathBuf,
    /// Also what cluster routes are checked against.
    pub ca: PathBuf,
}

#[derive(Debug, Clone)]
pub struct Cluster {
    pub name: String,
    pub listen: String,
    /// `host:port` of every member, this one included or not.
    pub routes: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Unique among the members of a cluster.
    pub server_name: String,
    /// `host:port`; port `-1` picks a free one and writes it into `ports_dir`.
    pub listen: String,
    /// `host:port` of the monitoring pages. Loopback: they carry no login.
    pub monitor: Option<String>,
    /// Holds `js/` and `jwt/`.
    pub dir: PathBuf,
    pub storage: Storage,
    pub tls: Option<Tls>,
    pub cluster: Option<Cluster>,
    pub pid_file: Option<PathBuf>,
    pub ports_dir: Option<PathBuf>,
    /// The version of the binary that will read this.
    pub version: Version,
}

impl ServerConfig {
    /// The file's text. `revocations` are per account, so that a server with an empty directory starts with
    /// what is revoked already; a stored account JWT that is newer wins over this.
    /// # Errors
    /// [`Error::TooOld`] below the floor, [`Error::Value`] for text that would end a quoted string.
    pub fn render(
        &self,
        realm: &Realm,
        revocations: impl Fn(Account) -> Revocations,
        iat: i64,
    ) -> Result<String, Error> {
        if self.version.support() == Support::TooOld {
            return Err(Error::TooOld {
                found: self.version,
            });
        }
        let mut out = String::new();
        self.write_basics(&mut out)?;
        self.write_storage(&mut out)?;
        line(&mut out, format_args!("operator: {}", realm.operator_jwt));
        line(
            &mut out,
            format_args!("system_account: {}", realm.public(Account::Sys)?),
        );
        let jwt_dir = quoted("dir", &self.dir.join("jwt").to_string_lossy())?;
        // A server that was down during a revocation asks the others after `interval`; the default of 2 min
        // leaves a revoked credential working for that long.
        line(
            &mut out,
            format_args!(
                "resolver {{ type: full, dir: {jwt_dir}, allow_delete: true, interval: \"5s\", timeout: \"1.9s\" }}"
            ),
        );
        line(&mut out, format_args!("resolver_preload {{"));
        for account in Account::ALL {
            let jwt = realm.account_jwt(account, self.storage, &revocations(account), iat)?;
            line(
                &mut out,
                format_args!("  {}: {jwt}", realm.public(account)?),
            );
        }
        line(&mut out, format_args!("}}"));
        self.write_tls(&mut out)?;
        self.write_cluster(&mut out)?;
        Ok(out)
    }

    fn write_basics(&self, out: &mut String) -> Result<(), Error> {
        line(
            out,
            format_args!("server_name: {}", quoted("server_name", &self.server_name)?),
        );
        line(
            out,
            format_args!("listen: {}", quoted("listen", &self.listen)?),
        );
        if let Some(monitor) = &self.monitor {
            line(out, format_args!("http: {}", quoted("monitor", monitor)?));
        }
        if let Some(path) = &self.pid_file {
            line(
                out,
                format_args!("pid_file: {}", path_of("pid_file", path)?),
            );
        }
        if let Some(path) = &self.ports_dir {
            line(
                out,
                format_args!("ports_file_dir: {}", path_of("ports_dir", path)?),
            );
        }
        // An account's JWT names every refused key and travels as one message with what is around it: a server
        // takes a JWT of 1 MiB, some 11,000 keys, and its message must not be what ends it before. What nodes, gateways and consumers may send is bounded by their scopes. (`8MB` is
        // 2^23; `8M` would be 8000000.)
        line(out, format_args!("max_payload: 8MB"));
        // A client that does not read loses its connection at 16 MiB instead of 64: transfers run under
        // credits of at most 4 MiB.
        line(out, format_args!("max_pending: 16MB"));
        line(out, format_args!("write_deadline: \"5s\""));
        // A node whose line was cut in silence is noticed here too, not only by its heartbeats.
        line(out, format_args!("ping_interval: \"15s\""));
        line(out, format_args!("ping_max: 2"));
        Ok(())
    }

    fn write_storage(&self, out: &mut String) -> Result<(), Error> {
        let dir = quoted("dir", &self.dir.join("js").to_string_lossy())?;
        let sync = if self.version.caps().sync_always {
            ", sync_interval: always"
        } else {
            ""
        };
        line(
            out,
            format_args!(
                "jetstream {{ store_dir: {dir}, max_mem: {}, max_file: {}{sync} }}",
                self.storage.memory_bytes, self.storage.file_bytes
            ),
        );
        Ok(())
    }

    fn write_tls(&self, out: &mut String) -> Result<(), Error> {
        let Some(tls) = &self.tls else { return Ok(()) };
        line(
            out,
            format_args!(
                "tls {{ cert_file: {}, key_file: {}, ca_file: {}, timeout: 5 }}",
                path_of("cert", &tls.cert)?,
                path_of("key", &tls.key)?,
                path_of("ca", &tls.ca)?
            ),
        );
        Ok(())
    }

    fn write_cluster(&self, out: &mut String) -> Result<(), Error> {
        let Some(cluster) = &self.cluster else {
            return Ok(());
        };
        line(out, format_args!("cluster {{"));
        line(
            out,
            format_args!("  name: {}", quoted("cluster.name", &cluster.name)?),
        );
        line(
            out,
            format_args!("  listen: {}", quoted("cluster.listen", &cluster.listen)?),
        );
        let mut routes = Vec::new();
        for route in &cluster.routes {
            routes.push(quoted("cluster.routes", &format!("nats-route://{route}"))?);
        }
        line(out, format_args!("  routes: [{}]", routes.join(", ")));
        if let Some(tls) = &self.tls {
            line(
                out,
                format_args!(
                    "  tls {{ cert_file: {}, key_file: {}, ca_file: {}, verify: true, timeout: 5 }}",
                    path_of("cert", &tls.cert)?,
                    path_of("key", &tls.key)?,
                    path_of("ca", &tls.ca)?
                ),
            );
        }
        line(out, format_args!("}}"));
        Ok(())
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into a String can not fail.
    let _ = out.write_fmt(text);
    out.push('\n');
}

fn path_of(key: &'static str, path: &Path) -> Result<String, Error> {
    quoted(key, &path.to_string_lossy())
}

/// A double-quoted string of nats.conf.
fn quoted(key: &'static str, value: &str) -> Result<String, Error> {
    if value.is_empty()
        || value
            .chars()
            .any(|c| c.is_control() || c == '"' || c == '\\')
    {
        return Err(Error::Value {
            key,
            value: value.chars().take(80).collect(),
        });
    }
    Ok(format!("\"{value}\""))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn sync_always_only_where_it_is_known() {
        assert!(!render(config(FLOOR)).unwrap().contains("sync_interval"));
        assert!(
            render(config(Version::new(2, 12, 8)))
                .unwrap()
                .contains("sync_interval: always")
        );
    }

    #[test]
    fn an_old_server_is_refused_by_name() {
        let error = render(config(Version::new(2, 9, 9)))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("2.9.9") && error.contains("2.9.10"),
            "{error}"
        );
    }

    #[test]
    fn a_value_can_not_leave_its_quotes() {
        for name in ["a\"b", "a\nb", "a\\", ""] {
            let config = ServerConfig {
                server_name: name.into(),
                ..config(FLOOR)
            };
            assert!(matches!(
                render(config),
                Err(Error::Value {
                    key: "server_name",
                    ..
                })
            ));
        }
    }

    #[test]
    fn no_seed_is_written() {
        let (realm, root) = Realm::create("test", 1).unwrap();
        let text = config(FLOOR)
            .render(&realm, |_| Revocations::new(), 1)
            .unwrap();
        assert!(!text.contains(root.expose()));
        let seeds = serde_json::to_string(&realm).unwrap();
        for seed in seeds
            .split('"')
            .filter(|s| s.starts_with('S') && s.len() == 58)
        {
            assert!(!text.contains(seed));
        }
    }

    fn render(config: ServerConfig) -> Result<String, Error> {
        let (realm, _) = Realm::create("test", 1).unwrap();
        config.render(&realm, |_| Revocations::new(), 1)
    }

    fn config(version: Version) -> ServerConfig {
        ServerConfig {
            server_name: "n1".into(),
            listen: "127.0.0.1:-1".into(),
            monitor: None,
            dir: "/tmp/warren".into(),
            storage: Storage::default(),
            tls: None,
            cluster: None,
            pid_file: None,
            ports_dir: None,
            version,
        }
    }
}
