//! `warren-gateway serve --config gateway.toml`.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use warren_gateway::Gateway;
use warren_gateway::config::Config;

/// The edge for bytes of a Warren installation.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves browsers until SIGTERM or Ctrl-C.
    Serve {
        #[arg(long, env = "WARREN_GATEWAY_CONFIG")]
        config: PathBuf,
    },
}

/// Each browser holds a socket, and a login shell's soft limit of 1024 files would end all service at a thousand.
fn raise_open_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let Command::Serve { config } = Args::parse().command;
    log();
    raise_open_files();
    let config = Config::load(&config)?;
    let (mut term, mut int) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let gateway = Gateway::start(&config, CancellationToken::new())
        .await
        .context("start the gateway")?;
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    tracing::info!("stopping");
    gateway.stop().await;
    Ok(())
}

/// For people on a terminal, JSON everywhere else; `RUST_LOG` chooses.
fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| "info,async_nats=warn".into());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        log.init();
    } else {
        log.json().init();
    }
}
