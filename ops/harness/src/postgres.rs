//! One PostgreSQL cluster shared by all test processes of this machine, a database per test.

use std::fs::{self, File};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};

use crate::net::free_port;
use crate::process::{Tag, run};
use crate::wait::eventually;

const READY: Duration = Duration::from_secs(60);

/// A fresh database; dropped with the value.
///
/// The cluster is started by the first test that needs it and serves the others. A small watchdog
/// stops and removes it once no process has held the lock for some seconds, however they died.
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
        let base = PathBuf::from(format!("/tmp/warren-pg-{}", nix::unistd::geteuid()));
        let user = lock(&base.with_extension("users"), FlockArg::LockShared)?;
        let start = lock(&base.with_extension("start"), FlockArg::LockExclusive)?;
        let port = match running_port(&base) {
            Some(port) => port,
            None => start_cluster(&bin, &base)?,
        };
        drop(start);
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

fn lock(path: &Path, how: FlockArg) -> Result<Flock<File>> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .with_context(|| format!("open {}", path.display()))?;
    Flock::lock(file, how)
        .map_err(|(_, errno)| errno)
        .context("take the cluster's lock")
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

fn running_port(base: &Path) -> Option<u16> {
    let port = fs::read_to_string(base.join("port"))
        .ok()?
        .trim()
        .parse()
        .ok()?;
    TcpStream::connect(("127.0.0.1", port)).ok().map(|_| port)
}

/// As root, PostgreSQL refuses to run; it then runs as the user that Debian's package made.
fn as_postgres(command: &mut Command) -> Result<&mut Command> {
    if nix::unistd::geteuid().is_root() {
        let user =
            nix::unistd::User::from_name("postgres")?.context("there is no user postgres")?;
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    Ok(command)
}

fn start_cluster(bin: &Path, base: &Path) -> Result<u16> {
    drop(fs::remove_dir_all(base));
    fs::create_dir_all(base).context("make the cluster's folder")?;
    fs::set_permissions(base, fs::Permissions::from_mode(0o777)).context("open the folder")?;
    let data = base.join("data");
    run(as_postgres(
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
    watchdog(bin, base, &data)?;
    eventually("PostgreSQL to accept connections", READY, || {
        let mut ready = Command::new(bin.join("pg_isready"));
        run(ready.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])).ok()
    })?;
    fs::write(base.join("port"), port.to_string()).context("write the port")?;
    fs::set_permissions(base, fs::Permissions::from_mode(0o755)).context("close the folder")?;
    Ok(port)
}

/// Runs the server, and ends it when the lock that every user holds shared has been free for ten
/// seconds. The lock is taken before the end, so a newcomer waits and then starts afresh.
fn watchdog(bin: &Path, base: &Path, data: &Path) -> Result<()> {
    let script = format!(
        r#"{bin}/postgres -D {data} >{base}/log 2>&1 &
server=$!
idle=0
while kill -0 $server 2>/dev/null; do
    sleep 1
    if flock -n -x {users} true; then idle=$((idle + 1)); else idle=0; fi
    if [ $idle -ge 10 ]; then
        exec 9<>{users}
        flock -n -x 9 || continue
        kill -QUIT $server; wait $server; break
    fi
done
rm -rf {data} {base}/log {base}/port {base}/.s.*
"#,
        bin = bin.display(),
        data = data.display(),
        base = base.display(),
        users = base.with_extension("users").display(),
    );
    let users = base.with_extension("users");
    fs::set_permissions(&users, fs::Permissions::from_mode(0o666)).context("share the lock")?;
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(script)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    as_postgres(&mut command)?.process_group(0);
    if command.spawn().is_err() {
        bail!("cannot run /bin/sh as user postgres");
    }
    Ok(())
}
