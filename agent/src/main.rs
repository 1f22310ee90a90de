//! `warren-agent`: joins this machine to a Warren and runs its game servers.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use warren_agent::backup::worker::{self, Sandbox};
use warren_agent::config::{Config, DEFAULT_PATH};
use warren_agent::identity::Identity;
use warren_agent::node::{self, Machine, Node};
use warren_agent::{halt, link, machine, metrics_page, service, supervise};
use warren_proto::bus::{Bus, Options};

#[derive(Parser)]
#[command(
    name = "warren-agent",
    version,
    about = "Runs this machine's game servers"
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make this machine a node, with a token from the panel.
    Join {
        /// Begins with `wjoin_`; `-` reads it from standard input.
        token: String,
        #[arg(long, default_value = DEFAULT_PATH)]
        config: PathBuf,
        /// Also write, enable and start a systemd unit.
        #[arg(long)]
        service: bool,
    },
    /// Run the agent.
    Run {
        #[arg(long, default_value = DEFAULT_PATH)]
        config: PathBuf,
        /// Start it again whenever it ends, for machines without systemd.
        #[arg(long)]
        supervise: bool,
    },
    /// End all games of this node as their eggs say, while no agent runs. They come back when it runs again.
    Halt {
        #[arg(long, default_value = DEFAULT_PATH)]
        config: PathBuf,
        /// Games that take longer are killed, seconds.
        #[arg(long, default_value_t = 60)]
        limit: u64,
    },
    /// Print every setting with its default and what it means.
    Settings,
    /// What the agent starts to read and write the files of one server for a backup.
    #[command(hide = true)]
    Worker(Sandbox),
    /// Undo `join`: end all servers of this node, take away its service and forget who it was. Servers' files stay.
    Leave {
        #[arg(long, default_value = DEFAULT_PATH)]
        config: PathBuf,
        /// Also delete the servers' files, with the whole data directory.
        #[arg(long)]
        delete_files: bool,
    },
}

fn main() {
    // The one crypto provider of all; a second call can't happen here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let args = Args::parse();
    if let Command::Worker(sandbox) = &args.command {
        // Before anything else: it shuts itself in while it has one thread.
        if let Err(e) = worker::run(sandbox) {
            eprintln!("{e:#}");
            std::process::exit(1);
        }
        return;
    }
    log();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(args)),
        Err(e) => Err(e.into()),
    };
    if let Err(e) = result {
        // For people at a terminal and for journals alike.
        eprintln!("warren-agent: {e:#}");
        std::process::exit(1);
    }
}

fn log() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("WARREN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match std::io::stderr().is_terminal() {
        true => builder.with_target(false).init(),
        false => builder.json().init(),
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::Join {
            token,
            config,
            service: with_service,
        } => join(&token, &config, with_service).await,
        Command::Run {
            config,
            supervise: true,
        } => supervise::run(&config).await,
        Command::Run { config, .. } => agent(Config::load(&config)?).await,
        Command::Halt { config, limit } => {
            halt::run(Config::load(&config)?, Duration::from_secs(limit)).await
        }
        Command::Worker(_) => bail!("a worker has no runtime"),
        Command::Settings => {
            print!("{}", warren_agent::config::REFERENCE);
            Ok(())
        }
        Command::Leave {
            config,
            delete_files,
        } => leave(&config, delete_files).await,
    }
}

async fn join(token: &str, path: &Path, with_service: bool) -> anyhow::Result<()> {
    let config = Config::load(path)?;
    let mut token = token.to_owned();
    if token == "-" {
        token = std::io::read_to_string(std::io::stdin()).context("read the token")?;
    }
    let identity = link::enroll::join(&config, &token).await?;
    machine::ensure_config(path)?;
    println!("this machine is node {}", identity.node);
    if with_service {
        service::install(path)?;
        println!("the agent runs; see journalctl -u warren-agent");
    } else {
        println!(
            "start it with: warren-agent run --config {}",
            path.display()
        );
    }
    Ok(())
}

async fn agent(config: Config) -> anyhow::Result<()> {
    let Some(identity) = Identity::load(&config.data_dir)? else {
        bail!(
            "this machine has not joined: run `warren-agent join TOKEN` with a token from the panel (data in {})",
            config.data_dir.display()
        );
    };
    let _lock = machine::lock(&config.data_dir)?;
    let stop = CancellationToken::new();
    let machine = machine::open(&config)?;
    let (node, live) = Node::start(config.clone(), identity.clone(), machine, stop.clone())?;
    if let Some(at) = config.metrics_listen {
        let (node, stop) = (node.clone(), stop.clone());
        tokio::spawn(async move {
            if let Err(e) = metrics_page::serve(node, at, stop).await {
                error!("{e:#}");
            }
        });
    }
    let bus = connect(&config, &identity, "").await?;
    let bulk = connect(&config, &identity, " bulk").await?;
    let bytes = tokio::spawn(link::bulk::run(
        node.clone(),
        bus.clone(),
        bulk,
        stop.clone(),
    ));
    let link = tokio::spawn(link::run(node.clone(), bus, live, stop.clone()));
    wait_for_end(link, &stop).await?;
    info!("ending; games run on");
    stop.cancel();
    // Chunks in hand are answered.
    let _ = tokio::time::timeout(node::STOP_WAIT, bytes).await;
    if tokio::time::timeout(node::STOP_WAIT, node.deps.journal.stop())
        .await
        .is_err()
    {
        warn!("the journal did not end in time");
    }
    Ok(())
}

async fn connect(config: &Config, identity: &Identity, what_for: &str) -> anyhow::Result<Bus> {
    let urls = match config.nats_urls.is_empty() {
        true => identity.nats_urls.clone(),
        false => config.nats_urls.clone(),
    };
    let options = Options {
        urls,
        name: format!("warren-agent {}{what_for}", identity.node),
        creds: identity.newest().creds()?,
        ca_pem: identity.nats_ca_pem.clone(),
    };
    Ok(Bus::start(options).await?)
}

async fn wait_for_end(
    link: tokio::task::JoinHandle<anyhow::Result<()>>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut link = link;
    tokio::select! {
        ended = &mut link => ended?.context("the link to control"),
        _ = terminate.recv() => end(link, stop).await,
        _ = interrupt.recv() => end(link, stop).await,
    }
}

async fn end(
    link: tokio::task::JoinHandle<anyhow::Result<()>>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    stop.cancel();
    // Asks in hand are answered; nobody waits longer for them.
    let _ = tokio::time::timeout(node::STOP_WAIT, link).await;
    Ok(())
}

async fn leave(path: &Path, delete_files: bool) -> anyhow::Result<()> {
    let config = Config::load(path)?;
    service::remove(path)?;
    supervise::end_running(&config.data_dir).await?;
    let _lock = machine::lock(&config.data_dir)?;
    let machine: Machine = machine::open(&config)?;
    let runtime = Arc::clone(&machine.runtime);
    let found = runtime.adopt().await;
    let found = found.context("look for this node's containers; is containerd running?")?;
    for container in found {
        println!("ending {}", container.id);
        runtime.delete(&container.id).await?;
    }
    runtime.purge().await?;
    machine.network.cleanup_all().await?;
    node::forget(&config.data_dir)?;
    let files = match delete_files {
        true => {
            let dir = &config.data_dir;
            std::fs::remove_dir_all(dir).with_context(|| format!("remove {}", dir.display()))?;
            "servers' files are deleted".to_owned()
        }
        false => format!(
            "servers' files stay in {}",
            config.data("servers").display()
        ),
    };
    println!("this machine is no node any more; {files}. Remove the node in the panel too");
    Ok(())
}
