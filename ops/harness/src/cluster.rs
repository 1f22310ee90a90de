//! A database server shared by all test processes of this machine: started by the first that needs it, ended by a
//! small watchdog once no process has held its lock for some seconds, however they died.

use std::fs::{self, File};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};

/// Where a server keeps its files and who runs it.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    /// Its folder.
    pub base: PathBuf,
    /// As root, such servers refuse to run; they then run as the user that Debian's package made.
    pub user: &'static str,
}

impl Cluster {
    /// `/tmp/warren-<name>-<uid>`.
    pub fn new(name: &str, user: &'static str) -> Self {
        let base = format!("/tmp/warren-{name}-{}", nix::unistd::geteuid());
        Self {
            base: base.into(),
            user,
        }
    }

    /// The server's port, and the lock that keeps it up; `start` is called where none runs.
    pub fn join(&self, start: impl FnOnce() -> Result<u16>) -> Result<(u16, Flock<File>)> {
        let users = lock(&self.users(), FlockArg::LockShared)?;
        let starting = lock(&self.base.with_extension("start"), FlockArg::LockExclusive)?;
        let port = match self.running_port() {
            Some(port) => port,
            None => start()?,
        };
        drop(starting);
        Ok((port, users))
    }

    fn users(&self) -> PathBuf {
        self.base.with_extension("users")
    }

    fn running_port(&self) -> Option<u16> {
        let port = fs::read_to_string(self.base.join("port")).ok()?;
        let port = port.trim().parse().ok()?;
        TcpStream::connect(("127.0.0.1", port)).ok().map(|_| port)
    }

    /// An empty folder that the server's user may fill.
    pub fn prepare(&self) -> Result<()> {
        drop(fs::remove_dir_all(&self.base));
        fs::create_dir_all(&self.base).context("make the server's folder")?;
        self.mode(0o777).context("open the folder")
    }

    /// Says to the others where it listens.
    pub fn is_up(&self, port: u16) -> Result<()> {
        fs::write(self.base.join("port"), port.to_string()).context("write the port")?;
        self.mode(0o755).context("close the folder")
    }

    fn mode(&self, mode: u32) -> std::io::Result<()> {
        fs::set_permissions(&self.base, fs::Permissions::from_mode(mode))
    }

    /// The same command as the server's user.
    pub fn as_user<'a>(&self, command: &'a mut Command) -> Result<&'a mut Command> {
        if nix::unistd::geteuid().is_root() {
            let user = nix::unistd::User::from_name(self.user)?
                .with_context(|| format!("there is no user {}", self.user))?;
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        Ok(command)
    }

    /// Makes a file the server's own.
    pub fn give(&self, path: &Path) -> Result<()> {
        if nix::unistd::geteuid().is_root() {
            let user = nix::unistd::User::from_name(self.user)?
                .with_context(|| format!("there is no user {}", self.user))?;
            nix::unistd::chown(path, Some(user.uid), Some(user.gid)).context("give a file away")?;
        }
        Ok(())
    }

    /// Runs `server`, and ends it when the lock that every user holds shared has been free for ten
    /// seconds. The lock is taken before the end, so a newcomer waits and then starts afresh.
    pub fn watch(&self, server: &str) -> Result<()> {
        let script = format!(
            r#"{server} >{base}/log 2>&1 &
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
rm -rf {base}/data {base}/log {base}/port {base}/server.* {base}/.s.*
"#,
            base = self.base.display(),
            users = self.users().display(),
        );
        fs::set_permissions(self.users(), fs::Permissions::from_mode(0o666))
            .context("share the lock")?;
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg(script)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.as_user(&mut command)?.process_group(0);
        if command.spawn().is_err() {
            bail!("cannot run /bin/sh as user {}", self.user);
        }
        Ok(())
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
        .context("take the server's lock")
}
