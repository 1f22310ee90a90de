//! One MariaDB server shared by all test processes of this machine. Each test names what it makes there, and takes it
//! away again.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::fcntl::Flock;

use crate::cluster::Cluster;
use crate::net::free_port;
use crate::process::{Tag, run};
use crate::tool::tool;
use crate::wait::eventually;

const READY: Duration = Duration::from_secs(60);

/// An account that may make databases and users; removed with the value.
#[derive(Debug)]
pub struct MariaDb {
    port: u16,
    socket: String,
    certificate: String,
    admin: String,
    _user: Flock<File>,
}

impl MariaDb {
    /// An account of one's own on the server.
    ///
    /// # Errors
    /// When MariaDB is not installed (names the package) or the server does not come up.
    pub fn start() -> Result<Self> {
        let server = tool("mariadbd", "mariadb-server")?;
        let cluster = Cluster::new("mariadb", "mysql");
        let (port, user) = cluster.join(|| start_server(&server, &cluster))?;
        let this = Self {
            port,
            socket: cluster.base.join("server.sock").display().to_string(),
            certificate: fs::read_to_string(cluster.base.join("server.pem"))
                .context("read the server's certificate")?,
            admin: format!("admin_{}", Tag::random()),
            _user: user,
        };
        this.sql(&format!(
            "CREATE USER {0}@'127.0.0.1' IDENTIFIED BY '{0}'; GRANT ALL ON *.* TO {0}@'127.0.0.1' WITH GRANT OPTION",
            this.admin
        ))?;
        Ok(this)
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Name and password, from 127.0.0.1, of an account that may do everything.
    #[must_use]
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// The server's own certificate, for 127.0.0.1 alone; nobody else has signed it.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Runs SQL as root and gives the client's output: a line per row, tabs between columns.
    ///
    /// # Errors
    /// When a statement fails; carries the client's message.
    pub fn sql(&self, statement: &str) -> Result<String> {
        run(Command::new("mariadb")
            .args(["--no-defaults", "-N", "-B", "-u", "root", "-S"])
            .arg(&self.socket)
            .args(["-e", statement]))
    }

    /// Runs SQL over TCP as somebody else; an empty `database` is none.
    ///
    /// # Errors
    /// When the log-in or a statement fails; carries the client's message.
    pub fn sql_as(
        &self,
        user: &str,
        password: &str,
        database: &str,
        statement: &str,
    ) -> Result<String> {
        let mut client = Command::new("mariadb");
        client
            .args(["--no-defaults", "--protocol=tcp", "-h", "127.0.0.1"])
            .args(["-N", "-B", "-P", &self.port.to_string(), "-u", user])
            .env("MYSQL_PWD", password)
            .args(["-e", statement]);
        if !database.is_empty() {
            client.args(["-D", database]);
        }
        run(&mut client)
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        drop(self.sql(&format!("DROP USER IF EXISTS {}@'127.0.0.1'", self.admin)));
    }
}

fn start_server(server: &Path, cluster: &Cluster) -> Result<u16> {
    cluster.prepare()?;
    let base = &cluster.base;
    let data = base.join("data");
    // Root of the machine is root of the server, by its socket; nobody is by TCP.
    run(cluster.as_user(
        Command::new("mariadb-install-db")
            .args(["--no-defaults", "--skip-test-db", "--skip-name-resolve"])
            .args(["--auth-root-authentication-method=normal"])
            .arg(format!("--datadir={}", data.display()))
            .current_dir(base),
    )?)
    .context("mariadb-install-db")?;
    certificate(base)?;
    cluster.give(&base.join("server.key"))?;
    let port = free_port()?;
    let conf = base.join("data").join("server.cnf");
    // Tests ask for correctness, not for durability over a power cut.
    fs::write(
        &conf,
        format!(
            "[mariadbd]\ndatadir={data}\nsocket={base}/server.sock\npid-file={data}/pid\nbind-address=127.0.0.1\n\
             port={port}\nskip-name-resolve\nmax_connections=300\ninnodb_flush_log_at_trx_commit=0\n\
             ssl-cert={base}/server.pem\nssl-key={base}/server.key\ninnodb_doublewrite=0\ninnodb_buffer_pool_size=32M\nperformance_schema=off\nskip-log-bin\n",
            data = data.display(),
            base = base.display(),
        ),
    )
    .context("write the server's configuration")?;
    cluster.watch(&format!(
        "{} --defaults-file={}",
        server.display(),
        conf.display()
    ))?;
    let socket = base.join("server.sock");
    eventually("MariaDB to accept connections", READY, || {
        let mut ready = Command::new("mariadb");
        ready
            .args(["--no-defaults", "-u", "root", "-e", "SELECT 1", "-S"])
            .arg(&socket);
        run(&mut ready).ok()
    })?;
    cluster.is_up(port)?;
    Ok(port)
}

/// Of its own making, and no authority's: whoever trusts it trusts this server alone.
fn certificate(base: &Path) -> Result<()> {
    let conf = base.join("openssl.cnf");
    let text = "[req]\ndistinguished_name=name\nx509_extensions=ext\nprompt=no\n[name]\nCN=warren-test\n[ext]\n\
                basicConstraints=critical,CA:FALSE\nsubjectAltName=IP:127.0.0.1\n";
    fs::write(&conf, text).context("write openssl.cnf")?;
    run(Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args(["-nodes", "-days", "30", "-config"])
        .arg(&conf)
        .arg("-keyout")
        .arg(base.join("server.key"))
        .arg("-out")
        .arg(base.join("server.pem")))
    .map(drop)
}
