//! `--detach`: the supervisor as a process of its own, watched until all is ready.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::args::UpArgs;
use crate::demo;
use crate::instance::Instance;
use crate::report::{self, Admin, Ready};

/// Starts the supervisor in the background, shows its progress and returns once all is ready.
///
/// # Errors
/// When it ends before; what it said was shown.
pub async fn run(instance: &Instance, args: &UpArgs) -> Result<()> {
    let log = instance.log_file("up");
    drop(fs::remove_file(&log));
    let out = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log)
        .with_context(|| format!("open {}", log.display()))?;
    let err = out.try_clone().context("clone the log's handle")?;
    drop(fs::remove_file(instance.ready_file()));
    let mut command = Command::new(std::env::current_exe().context("find myself")?);
    command
        .args(std::env::args_os().skip(1))
        .arg("--background");
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    // SAFETY: setsid is async-signal-safe.
    unsafe {
        command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(Into::into));
    }
    let mut child = command.spawn().context("start the supervisor")?;
    let mut shown = 0;
    loop {
        shown += show(&log, shown);
        if let Some(status) = child.try_wait().context("wait for the supervisor")? {
            show(&log, shown);
            bail!("it did not start ({status})");
        }
        if instance.ready_file().exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    show(&log, shown);
    let text = fs::read_to_string(instance.ready_file()).context("read ready.json")?;
    let ready: Ready = serde_json::from_str(&text).context("read ready.json")?;
    let admin = fs::read_to_string(instance.admin_file()).ok();
    let admin: Option<Admin> = admin.and_then(|text| serde_json::from_str(&text).ok());
    report::ready(&ready, &instance.data, admin.as_ref(), true);
    if args.demo {
        demo::show(instance);
    }
    println!("\nIt runs in the background; ./ops/down ends it, games too.");
    Ok(())
}

/// Prints whole lines of the log beyond `from` and gives how many bytes that was.
fn show(log: &std::path::Path, from: usize) -> usize {
    let text = fs::read(log).unwrap_or_default();
    let fresh = text.get(from..).unwrap_or_default();
    let end = fresh
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    print!("{}", String::from_utf8_lossy(&fresh[..end]));
    end
}
