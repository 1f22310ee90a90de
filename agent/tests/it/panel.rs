//! The real control on a nats-server of its own, over self-signed HTTPS.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use sea_orm::EntityTrait;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use warren_control::app::{App, Ground};
use warren_control::clock::Clock;
use warren_control::config::Config;
use warren_control::db::Role;
use warren_control::keys::{self, Init};
use warren_control::node::token::{self, TokenAsk};
use warren_control::{http, run};
use warren_entity::nodes;
use warren_harness::{Nats, free_port};
use warren_proto::ids::NodeId;
use warren_proto::join::JoinToken;

pub const SOON: Duration = Duration::from_secs(20);

pub struct Panel {
    pub nats: Nats,
    pub app: App,
    pub clock: Clock,
    pub https: SocketAddr,
    /// SHA-256 of its certificate, hex.
    pub pin: String,
    config: Config,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<anyhow::Result<()>>>,
    /// All that control does, when it may be killed.
    runtime: Option<Runtime>,
    apart: bool,
    dir: tempfile::TempDir,
}

impl Panel {
    pub async fn start(clock: Clock) -> Self {
        Self::begin(clock, false, None).await
    }

    /// A control that [`Panel::die`] can kill.
    pub async fn start_apart() -> Self {
        Self::begin(Clock::system(), true, None).await
    }

    /// A control whose nats-server is also at that address of this machine, and so speaks TLS.
    pub async fn start_at(address: Ipv4Addr) -> Self {
        Self::begin(Clock::system(), true, Some(address)).await
    }

    async fn begin(clock: Clock, apart: bool, address: Option<Ipv4Addr>) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let dir = tempfile::tempdir().unwrap();
        let port = free_port().unwrap();
        let text = |value: &str| value.to_owned();
        let environment = HashMap::from([
            (
                text("WARREN_CONTROL_DATA_DIR"),
                dir.path().join("control").display().to_string(),
            ),
            (
                text("WARREN_CONTROL_NATS_URLS"),
                match address {
                    Some(address) => format!("tls://{address}:{port}"),
                    None => format!("nats://127.0.0.1:{port}"),
                },
            ),
            (text("WARREN_CONTROL_HTTP_LISTEN"), text("127.0.0.1:0")),
            (text("WARREN_CONTROL_TLS__MODE"), text("self-signed")),
        ]);
        let config = Config::from_parts(None, environment).unwrap();
        let ask = Init {
            nats_dir: dir.path().join("nats"),
            listen: match address {
                Some(_) => format!("0.0.0.0:{port}"),
                None => format!("127.0.0.1:{port}"),
            },
            monitor: None,
            addresses: address.iter().map(ToString::to_string).collect(),
            tls: false,
            nats_server: std::env::var_os("WARREN_NATS_SERVER")
                .unwrap_or_else(|| "nats-server".into())
                .into(),
        };
        let made = keys::init(&config, &Clock::system(), &ask).await.unwrap();
        let nats = Nats::builder()
            .conf_file(made.nats_conf, port)
            .start()
            .unwrap();
        let running = Running::begin(&config, &clock, apart).await;
        Self {
            nats,
            app: running.app,
            clock,
            https: running.https,
            pin: running.pin,
            config,
            stop: running.stop,
            tasks: running.tasks,
            runtime: running.runtime,
            apart,
            dir,
        }
    }

    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Control ends, as on SIGTERM.
    pub async fn halt(&mut self) {
        self.stop.cancel();
        for task in self.tasks.drain(..) {
            task.await.unwrap().unwrap();
        }
    }

    /// And is started again, as another process would be.
    pub async fn resume(&mut self) {
        let running = Running::begin(&self.config, &self.clock, self.apart).await;
        self.app = running.app;
        self.https = running.https;
        self.stop = running.stop;
        self.tasks = running.tasks;
        self.runtime = running.runtime;
    }

    /// As by SIGKILL: each of its tasks ends where it waits, whatever it was about.
    pub fn die(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
        self.tasks.clear();
    }

    /// [`Panel::resume`], if it was halted or killed.
    pub async fn revive(&mut self) {
        if self.tasks.is_empty() {
            self.resume().await;
        }
    }

    pub async fn token(&self, node: Option<NodeId>) -> JoinToken {
        let ask = TokenAsk {
            node,
            local: true,
            control_key_sha256: Some(self.pin.clone()),
            ..TokenAsk::default()
        };
        let made = token::create(&self.app, &ask).await.unwrap();
        JoinToken::decode(&made.token).unwrap()
    }

    pub async fn row(&self, node: NodeId) -> nodes::Model {
        nodes::Entity::find_by_id(node.to_string())
            .one(self.app.db.read())
            .await
            .unwrap()
            .unwrap()
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        self.stop.cancel();
        for task in &self.tasks {
            task.abort();
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

struct Running {
    app: App,
    https: SocketAddr,
    pin: String,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<anyhow::Result<()>>>,
    runtime: Option<Runtime>,
}

impl Running {
    async fn begin(config: &Config, clock: &Clock, apart: bool) -> Self {
        if !apart {
            return Self::here(config.clone(), clock.clone()).await;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let here = Self::here(config.clone(), clock.clone());
        let running = runtime.spawn(here).await.unwrap();
        Self {
            runtime: Some(runtime),
            ..running
        }
    }

    async fn here(config: Config, clock: Clock) -> Self {
        // Not as `serve`: the lock file of the control before may still be held by its last task.
        let mut ground = Ground::open(config, Role::Tool).await.unwrap();
        ground.clock = clock;
        let app = App::start(ground).await.unwrap();
        app.bus_ready(SOON).await.unwrap();
        let stop = CancellationToken::new();
        let (tell, told) = tokio::sync::oneshot::channel();
        let tasks = vec![
            tokio::spawn(run::bus_side(app.clone(), stop.clone())),
            tokio::spawn(http::serve(app.clone(), stop.clone(), Some(tell))),
        ];
        let listening = told.await.unwrap();
        Self {
            pin: app.door.pin.get().unwrap().hex(),
            app,
            https: listening.address,
            stop,
            tasks,
            runtime: None,
        }
    }
}
