//! One PostgreSQL cluster shared by all test processes of this machine, a database per test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::fcntl::Flock;

use crate::cluster::Cluster;
use crate::net::free_port;
use crate::process::{Tag, run};
use crate::wait::eventually;

const READY: Duration = Duration::from_secs(60);

/// A fresh database; dropped with the value.
#[derive(Debug)]
pub struct Postgres {
    port: u16,
    database: String,
    bin: PathBuf,
    _user: Flock<File>,
}

impl Postgres {
    /// A new, empty database.
    ///
    /// # Errors
    /// When PostgreSQL is not installed (names the package) or the cluster does not come up.
    pub fn start() -> Result<Self> {
        let bin = bin_dir()?;
        let cluster = Cluster::new("postgres", "postgres");
        let (port, user) = cluster.join(|| start_cluster(&bin, &cluster))?;
        let database = format!("warren_{}", Tag::random());
        let this = Self {
            port,
            database,
            bin,
            _user: user,
        };
        this.psql("postgres", &format!("CREATE DATABASE {}", this.database))?;
        Ok(this)
    }

    /// `postgres://postgres@127.0.0.1:<port>/<database>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!(
            "postgres://postgres@127.0.0.1:{}/{}",
            self.port, self.database
        )
    }

    /// Runs SQL in this database and gives psql's unaligned output without headers.
    ///
    /// # Errors
    /// When the statement fails; carries psql's message.
    pub fn sql(&self, statement: &str) -> Result<String> {
        self.psql(&self.database, statement)
    }

    /// Where the server listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs SQL wherever `url` leads, as psql does for anybody.
    ///
    /// # Errors
    /// When the log-in or the statement fails; carries psql's message.
    pub fn sql_at(&self, url: &str, statement: &str) -> Result<String> {
        run(Command::new(self.bin.join("psql")).args([
            "-XqAtw",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            url,
            "-c",
            statement,
        ]))
    }

    fn psql(&self, database: &str, statement: &str) -> Result<String> {
        run(Command::new(self.bin.join("psql"))
            .args([
                "-XqAt",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                "127.0.0.1",
                "-U",
                "postgres",
            ])
            .args([
                "-p",
                &self.port.to_string(),
                "-d",
                database,
                "-c",
                statement,
            ]))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let drop_it = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.database);
        drop(self.psql("postgres", &drop_it));
    }
}

fn bin_dir() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("WARREN_POSTGRES_BIN") {
        return Ok(PathBuf::from(dir));
    }
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let found = versions.map(|entry| entry.path().join("bin"));
    found
        .filter(|bin| bin.join("initdb").exists())
        .max()
        .context("PostgreSQL is not installed: apt-get install --no-install-recommends postgresql")
}

fn start_cluster(bin: &Path, cluster: &Cluster) -> Result<u16> {
    cluster.prepare()?;
    let base = &cluster.base;
    let data = base.join("data");
    run(cluster.as_user(
        Command::new(bin.join("initdb"))
            .args([
                "-U",
                "postgres",
                "-A",
                "trust",
                "--no-sync",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
            ])
            .arg("-D")
            .arg(&data)
            .current_dir(base),
    )?)?;
    let port = free_port()?;
    // Tests ask for correctness, not for durability over a power cut; control's own answers after
    // commit are proven on the agents' side.
    let options = format!(
        "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{}'\n\
         fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nmax_connections = 300\n\
         shared_buffers = 64MB\n",
        base.display()
    );
    let conf = data.join("postgresql.conf");
    let before = fs::read_to_string(&conf).context("read postgresql.conf")?;
    fs::write(&conf, format!("{before}\n{options}")).context("write postgresql.conf")?;
    // The tests' own connections need no password; those of people who are made by what is tested do.
    let hba = "local all all trust\nhost all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
    fs::write(data.join("pg_hba.conf"), hba).context("write pg_hba.conf")?;
    cluster.watch(&format!("{}/postgres -D {}", bin.display(), data.display()))?;
    eventually("PostgreSQL to accept connections", READY, || {
        let mut ready = Command::new(bin.join("pg_isready"));
        run(ready.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])).ok()
    })?;
    cluster.is_up(port)?;
    Ok(port)
}
