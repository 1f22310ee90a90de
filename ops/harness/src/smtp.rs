//! A private SMTP server that keeps what it is sent.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::net::free_port;
use crate::process::Process;
use crate::tool::tool;

const READY: Duration = Duration::from_secs(20);
const BEGIN: &str = "---------- MESSAGE FOLLOWS ----------";
const END: &str = "------------ END MESSAGE ------------";

/// A running aiosmtpd; killed when dropped.
#[derive(Debug)]
pub struct Smtp {
    port: u16,
    process: Process,
    _dir: tempfile::TempDir,
}

/// A message that it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Header lines, one under the other.
    pub head: String,
    /// Decoded text.
    pub text: String,
}

impl Smtp {
    /// On a free port of loopback.
    ///
    /// # Errors
    /// When aiosmtpd is not installed (names the package) or does not come up.
    pub fn start() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let port = free_port()?;
        let mut command = Command::new(tool("aiosmtpd", "python3-aiosmtpd")?);
        command
            .args(["-n", "-l", &format!("127.0.0.1:{port}")])
            .args(["-c", "aiosmtpd.handlers.Debugging", "stdout"])
            .env("PYTHONUNBUFFERED", "1");
        let mut process = Process::spawn("aiosmtpd", command, &dir.path().join("smtp.log"))?;
        process.wait_ready(READY, || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        })?;
        Ok(Self {
            port,
            process,
            _dir: dir,
        })
    }

    /// `smtp://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// All that it took so far, the oldest first.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        let log = self.process.log().replace("\r\n", "\n");
        let whole = log
            .split(BEGIN)
            .skip(1)
            .filter_map(|rest| rest.split_once(END));
        whole
            .map(|(message, _)| {
                let message = message.trim_start_matches('\n');
                let (head, text) = message.split_once("\n\n").unwrap_or((message, ""));
                Mail {
                    head: head.to_owned(),
                    text: decoded(head, text),
                }
            })
            .collect()
    }
}

/// Lines that were too long for mail come folded (RFC 2045).
fn decoded(head: &str, text: &str) -> String {
    if !head
        .to_lowercase()
        .contains("content-transfer-encoding: quoted-printable")
    {
        return text.to_owned();
    }
    let text = text.replace("=\n", "");
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let byte = (*first == b'=')
            .then(|| std::str::from_utf8(after.get(..2)?).ok())
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
