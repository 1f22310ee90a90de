//! The command line of `ops/up` and `ops/down`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Whole command line.
#[derive(Debug, Parser)]
#[command(name = "warren-ops", version, about, disable_help_subcommand = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub task: Task,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Start everything and keep it running.
    Up(Box<UpArgs>),
    /// Stop everything, games too, and leave nothing of it on the machine but the data.
    Down(DownArgs),
}

/// Options of `up`.
#[derive(Debug, Clone, Args)]
pub struct UpArgs {
    /// Folder that holds all data of this instance
    #[arg(long, env = "WARREN_DATA", default_value = ".warren")]
    pub data: PathBuf,
    /// Listen on all addresses, over HTTPS with a self-signed certificate
    #[arg(long)]
    pub public: bool,
    /// Name or address of this machine that other machines use; join tokens carry it
    #[arg(long, value_name = "HOST")]
    pub address: Option<String>,
    /// PEM file with the certificate of the panel's address (and those between it and its
    /// authority), instead of a self-signed one; a renewed file is taken over while it runs
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// PEM file with that certificate's key
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Ask Let's Encrypt for the certificate of --address, which must lead to this machine's port 443, and renew it;
    /// MAIL is where it writes to before one runs out
    #[arg(long, value_name = "MAIL", requires_all = ["address", "public"], conflicts_with = "cert")]
    pub acme: Option<String>,
    /// Use this PostgreSQL database instead of SQLite
    #[arg(long, value_name = "URL", env = "WARREN_POSTGRES")]
    pub postgres: Option<String>,
    /// Use these NATS servers (comma separated) instead of starting one; they must run with the
    /// nats.conf that the first start writes, which it does before it asks them
    #[arg(long, value_name = "URL", env = "WARREN_NATS")]
    pub nats: Option<String>,
    /// Socket of a running containerd to use instead of a private one
    #[arg(long, value_name = "SOCKET")]
    pub containerd: Option<PathBuf>,
    /// Port of the web app and API
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Port of the gateway, on loopback behind the web app's port
    #[arg(long, default_value_t = 8081)]
    pub gateway_port: u16,
    /// Port of SFTP; 0 turns it off. Left out: as before, or 2022, or a free one where that is taken
    #[arg(long)]
    pub sftp_port: Option<u16>,
    /// Port of the agent's health and metrics pages, on loopback
    #[arg(long, default_value_t = 8082)]
    pub agent_port: u16,
    /// Port of nats-server
    #[arg(long, default_value_t = 4222)]
    pub nats_port: u16,
    /// Port of the demo's image registry, on loopback
    #[arg(long, default_value_t = 5000)]
    pub registry_port: u16,
    /// Ports that servers of the local node may use
    #[arg(long, default_value = "25565-25664", value_name = "FIRST-LAST")]
    pub port_range: String,
    /// Return once everything is ready and keep it running in the background
    #[arg(long)]
    pub detach: bool,
    /// Build the demo image and create the demo servers
    #[arg(long)]
    pub demo: bool,
    /// Folder of the built programs
    #[arg(
        long,
        env = "WARREN_BIN_DIR",
        hide = true,
        default_value = "target/release"
    )]
    pub bin_dir: PathBuf,
    /// Folder of the checkout
    #[arg(long, env = "WARREN_SOURCE_DIR", hide = true, default_value = ".")]
    pub source_dir: PathBuf,
    /// Steps done and steps in all so far, as `3/9`
    #[arg(long, env = "WARREN_STEPS", hide = true, default_value = "0/6")]
    pub steps: String,
    /// Set in the background process of `--detach`
    #[arg(long, hide = true)]
    pub background: bool,
}

impl UpArgs {
    /// Whether the panel speaks HTTPS.
    #[must_use]
    pub const fn tls(&self) -> bool {
        self.public || self.cert.is_some()
    }
}

/// Options of `down`.
#[derive(Debug, Clone, Args)]
pub struct DownArgs {
    /// Folder that holds all data of the instance
    #[arg(long, env = "WARREN_DATA", default_value = ".warren")]
    pub data: PathBuf,
    /// Seconds that games get to stop as their eggs say; those that take longer are killed
    #[arg(long, default_value_t = 60)]
    pub grace: u64,
    /// Folder of the built programs; that of this one if not given
    #[arg(long, env = "WARREN_BIN_DIR", hide = true)]
    pub bin_dir: Option<PathBuf>,
}
