//! `ip` and `nft` as subprocesses. They are on every machine that can run us, speak to any kernel,
//! and one batch does what would be a dozen netlink messages. Input is built from validated parts.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::runtime::{Error, Result};

const LIMIT: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    Ip,
    Nft,
    Conntrack,
}

impl Tool {
    fn program(self) -> (&'static str, &'static str) {
        match self {
            Self::Ip => ("ip", "iproute2"),
            Self::Nft => ("nft", "nftables"),
            Self::Conntrack => ("conntrack", "conntrack"),
        }
    }
}

/// Runs a tool to its end with `input` on stdin and gives its stdout.
/// # Errors
/// `Unsupported` names the missing package, `Refused` carries the tool's own words.
pub async fn run(tool: Tool, args: &[&str], input: &str) -> Result<String> {
    let (program, package) = tool.program();
    let what = format!("{program} {}", args.join(" "));
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::Unsupported(format!(
                "{program} is missing: install the package {package}"
            )),
            _ => Error::io(&what)(e),
        })?;
    let stdin = child.stdin.take();
    let work = async {
        if let Some(mut stdin) = stdin {
            // A tool that ended early says why on stderr; that is worth more than our EPIPE.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        child.wait_with_output().await
    };
    let output = match tokio::time::timeout(LIMIT, work).await {
        Ok(output) => output.map_err(Error::io(&what))?,
        Err(_) => return Err(Error::Timeout { what, limit: LIMIT }),
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Error::Refused {
        what,
        detail: said.trim().chars().take(2000).collect(),
    })
}
