//! A private `nats-server` on a free port.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use crate::clean::sweep_stale;
use crate::net::free_port;
use crate::process::{Process, Tag, run};
use crate::tool::tool;

const READY: Duration = Duration::from_secs(15);

/// How to start a `nats-server`. The default is a plain server with JetStream.
#[derive(Debug, Default)]
pub struct NatsBuilder {
    conf: Option<String>,
    file: Option<(PathBuf, u16)>,
    binary: Option<PathBuf>,
}

impl NatsBuilder {
    /// Configuration text; `{{PORT}}`, `{{MONITOR}}` and `{{DIR}}` stand for a free client port, a
    /// free monitoring port and the server's own folder.
    #[must_use]
    pub fn conf(mut self, text: impl Into<String>) -> Self {
        self.conf = Some(text.into());
        self
    }

    /// A configuration file made by somebody else, and the port that it listens on.
    #[must_use]
    pub fn conf_file(mut self, path: impl Into<PathBuf>, port: u16) -> Self {
        self.file = Some((path.into(), port));
        self
    }

    /// Another server binary than `WARREN_NATS_SERVER` or the one in `PATH`.
    #[must_use]
    pub fn binary(mut self, path: impl Into<PathBuf>) -> Self {
        self.binary = Some(path.into());
        self
    }

    /// Starts it and waits until its port answers.
    ///
    /// # Errors
    /// When the binary is missing (names the package) or the server ends at once (carries its log).
    pub fn start(self) -> Result<Nats> {
        sweep_stale();
        let tag = Tag::random();
        let dir = tag.make_dir()?;
        let binary = match self.binary {
            Some(path) => path,
            None => tool("nats-server", "nats-server")?,
        };
        let (conf, port) = match self.file {
            Some(given) => given,
            None => {
                let (port, monitor) = (free_port()?, free_port()?);
                let text = self.conf.unwrap_or_else(|| PLAIN.to_owned());
                let text = text
                    .replace("{{PORT}}", &port.to_string())
                    .replace("{{MONITOR}}", &monitor.to_string())
                    .replace("{{DIR}}", &dir.display().to_string());
                let path = dir.join("nats.conf");
                std::fs::write(&path, text).context("write nats.conf")?;
                (path, port)
            }
        };
        let process = launch(&binary, &conf, &dir)?;
        let mut nats = Nats {
            process,
            binary,
            conf,
            port,
            dir,
        };
        nats.wait_ready()?;
        Ok(nats)
    }
}

const PLAIN: &str = "listen: \"127.0.0.1:{{PORT}}\"\njetstream { store_dir: \"{{DIR}}/js\" }\n";

/// A running `nats-server`; killed and its folder removed when dropped.
#[derive(Debug)]
pub struct Nats {
    process: Process,
    binary: PathBuf,
    conf: PathBuf,
    port: u16,
    dir: PathBuf,
}

impl Nats {
    /// See [`NatsBuilder`].
    #[must_use]
    pub fn builder() -> NatsBuilder {
        NatsBuilder::default()
    }

    /// Starts a server with this configuration text (placeholders as in [`NatsBuilder::conf`]).
    ///
    /// # Errors
    /// As [`NatsBuilder::start`].
    pub fn start(conf: &str) -> Result<Self> {
        Self::builder().conf(conf).start()
    }

    /// `nats://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Client port; stays the same over restarts.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The configuration file in use.
    #[must_use]
    pub fn conf_path(&self) -> &Path {
        &self.conf
    }

    /// Process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// `2.9.10` and the like, asked from the binary.
    ///
    /// # Errors
    /// When the binary does not answer.
    pub fn version(&self) -> Result<String> {
        let text = run(Command::new(&self.binary).arg("--version"))?;
        let version = text
            .rsplit_once('v')
            .map_or(text.as_str(), |(_, version)| version);
        Ok(version.trim().to_owned())
    }

    /// SIGKILL; returns when it is gone.
    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// An orderly stop.
    pub fn stop(&mut self) {
        self.process.stop(Duration::from_secs(5));
    }

    /// Starts it again on the same port with the same files, after killing it if it still runs.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<()> {
        self.process.kill9();
        self.process = launch(&self.binary, &self.conf, &self.dir)?;
        self.wait_ready()
    }

    /// Makes it read its configuration again (SIGHUP).
    ///
    /// # Errors
    /// When the process is gone.
    pub fn reload(&self) -> Result<()> {
        self.process.signal(Signal::SIGHUP)
    }

    /// All that it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    fn wait_ready(&mut self) -> Result<()> {
        let port = self.port;
        self.process.wait_ready(READY, || greets(port))
    }
}

/// Whether a NATS server says its INFO line on that port.
fn greets(port: u16) -> bool {
    use std::io::Read;
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    drop(stream.set_read_timeout(Some(Duration::from_secs(1))));
    let mut hello = [0u8; 4];
    // A server that wants TLS first says nothing; a connection that stays open is enough then.
    stream.read_exact(&mut hello).map_or_else(
        |error| matches!(error.kind(), std::io::ErrorKind::WouldBlock),
        |()| &hello == b"INFO",
    )
}

fn launch(binary: &Path, conf: &Path, dir: &Path) -> Result<Process> {
    let mut command = Command::new(binary);
    command.arg("-c").arg(conf).current_dir(dir);
    Process::spawn("nats-server", command, &dir.join("nats.log"))
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.process.kill9();
        drop(std::fs::remove_dir_all(&self.dir));
    }
}
