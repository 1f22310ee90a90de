//! The edge for bytes: console and stats of agents to WebSockets, files of servers by SFTP. Keeps no state, holds no database and no
//! signing key: it can use only the tickets that pass through it.

pub mod bulk;
pub mod config;
pub mod console;
mod control;
pub mod edge;
mod http;
pub mod metrics;
mod mine;
mod serve;
mod sessions;
pub mod sftp;
pub mod ssh;
mod strangers;
mod transfer;
pub mod ws;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use warren_proto::bus::{Bus, Creds, Options};

use config::Config;
use edge::Edge;

/// A running gateway.
pub struct Gateway {
    pub address: SocketAddr,
    /// Where SFTP is served, if it is.
    pub sftp_address: Option<SocketAddr>,
    pub edge: Arc<Edge>,
    tasks: tokio::task::JoinSet<()>,
}

impl Gateway {
    /// Listens and begins to connect; whether it is ready `/readyz` says.
    /// # Errors
    /// Names the key of the configuration that does not work.
    pub async fn start(config: &Config, stop: CancellationToken) -> Result<Self> {
        let creds = Creds::load(&config.creds_file).context("creds_file")?;
        let ca_pem = match &config.nats_ca {
            Some(path) => {
                let read = std::fs::read_to_string(path);
                Some(read.with_context(|| format!("nats_ca: read {}", path.display()))?)
            }
            None => None,
        };
        let options = Options {
            urls: config.nats_urls.clone(),
            name: "warren-gateway".into(),
            creds,
            ca_pem,
        };
        let bus = Bus::start(options.clone()).await?;
        // Chunks of files go another way than consoles, and delay none.
        let bulk = Bus::start(Options {
            name: "warren-gateway bulk".into(),
            ..options
        })
        .await?;
        let listening = TcpListener::bind(config.listen).await;
        let listener =
            listening.with_context(|| format!("listen: {} can not be taken", config.listen))?;
        let address = listener.local_addr()?;
        let edge = Edge::new(bus, bulk, config, stop);
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(control::follow(edge.clone()));
        tasks.spawn(mine::follow(edge.clone()));
        let app = http::router(edge.clone());
        tasks.spawn(serve::serve(listener, app, edge.clone()));
        tracing::info!(%address, "gateway listens on {address}");
        let sftp_address = match config.sftp.listen {
            Some(listen) => {
                let (edge, bounds) = (edge.clone(), config.sftp.bounds());
                match TcpListener::bind(listen).await {
                    Ok(listener) => {
                        let address = listener.local_addr()?;
                        tasks.spawn(sftp::serve(listener, edge, bounds));
                        tracing::info!(%address, "SFTP listens on {address}");
                        Some(address)
                    }
                    // Consoles need not go without because another has this port.
                    Err(error) => {
                        tracing::error!(%error, "sftp.listen: {listen} can not be taken; tried again");
                        tasks.spawn(sftp::serve_later(listen, edge, bounds));
                        None
                    }
                }
            }
            None => None,
        };
        Ok(Self {
            address,
            sftp_address,
            edge,
            tasks,
        })
    }

    /// Ends all connections with a close frame and lets go of the bus.
    pub async fn stop(mut self) {
        self.edge.stop.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(Duration::from_secs(3), ended).await;
        self.edge.bus.close(Duration::from_secs(1)).await;
        self.edge.bulk.close(Duration::from_secs(1)).await;
    }
}
