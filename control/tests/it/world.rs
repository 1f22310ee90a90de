//! One or two controls on a database, and a nats-server set up by `init`.

use std::{collections::HashMap, process::Command, time::Duration};

use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use warren_control::{
    app::{App, Ground},
    clock::Clock,
    config::Config,
    db::{Lane, Role},
    keys::{self, Init},
    run, wanted,
};
use warren_entity::{eggs, servers, users};
use warren_harness::{Nats, Postgres, Process, free_port};
use warren_proto::{
    ids::{EggId, NodeId, ServerId, UserId},
    wire,
};

/// Anything in these tests happens within this.
pub const SOON: Duration = Duration::from_secs(20);

pub struct World {
    pub nats: Nats,
    pub app: App,
    /// More controls on the same database.
    pub others: Vec<App>,
    pub config: Config,
    pub processes: Vec<Process>,
    running: Vec<(CancellationToken, JoinHandle<()>)>,
    _postgres: Option<Postgres>,
    _dir: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        for (stop, task) in &self.running {
            stop.cancel();
            task.abort();
        }
    }
}

impl World {
    pub async fn on_sqlite() -> Self {
        Self::start(None, 1, 0).await
    }

    pub async fn on_postgres(controls: usize) -> Self {
        Self::start(Some(Postgres::start().unwrap()), controls, 0).await
    }

    /// Control as processes of their own, to be killed; `app` only reads.
    pub async fn of_processes(postgres: bool, controls: usize) -> Self {
        let postgres = postgres.then(|| Postgres::start().unwrap());
        Self::start(postgres, 0, controls).await
    }

    async fn start(postgres: Option<Postgres>, controls: usize, processes: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port().unwrap();
        let mut keys = HashMap::from([
            (
                "WARREN_CONTROL_DATA_DIR".into(),
                dir.path().join("control").display().to_string(),
            ),
            (
                "WARREN_CONTROL_NATS_URLS".into(),
                format!("nats://127.0.0.1:{port}"),
            ),
        ]);
        if let Some(postgres) = &postgres {
            keys.insert("WARREN_CONTROL_DATABASE_URL".into(), postgres.url());
        }
        let config = Config::from_parts(None, keys).unwrap();
        let ask = Init {
            nats_dir: dir.path().join("nats"),
            listen: format!("127.0.0.1:{port}"),
            monitor: None,
            addresses: Vec::new(),
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
        let mut apps = Vec::new();
        let mut running = Vec::new();
        for _ in 0..controls {
            let (app, stop, task) = control(&config).await;
            apps.push(app);
            running.push((stop, task));
        }
        if apps.is_empty() {
            let ground = Ground::open(config.clone(), Role::Tool).await.unwrap();
            apps.push(App::start(ground).await.unwrap());
            apps[0].bus_ready(SOON).await.unwrap();
        }
        let app = apps.remove(0);
        let mut world = Self {
            nats,
            app,
            others: apps,
            config,
            processes: Vec::new(),
            running,
            _postgres: postgres,
            _dir: dir,
        };
        for _ in 0..processes {
            world.spawn_control();
        }
        world
    }

    /// One more control as a process.
    pub fn spawn_control(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_warren-control"));
        command
            .arg("serve")
            .env("WARREN_CONTROL_DATA_DIR", &self.config.data_dir)
            .env("WARREN_CONTROL_HTTP_LISTEN", "127.0.0.1:0")
            .env(
                "WARREN_CONTROL_DATABASE_URL",
                self.config.database_url.expose(),
            )
            .env("WARREN_CONTROL_NATS_URLS", self.config.nats_urls.join(","));
        let log = self
            ._dir
            .path()
            .join(format!("control-{}.log", self.processes.len()));
        self.processes
            .push(Process::spawn("warren-control", command, &log).unwrap());
    }

    pub async fn user(&self) -> UserId {
        let id = UserId::new();
        let row = users::ActiveModel {
            id: Set(id.to_string()),
            username: Set(id.to_string()),
            username_folded: Set(id.to_string()),
            email: Set(format!("{id}@example.net")),
            email_folded: Set(format!("{id}@example.net")),
            password_hash: Set(String::new()),
            admin: Set(false),
            must_change_password: Set(false),
            email_verified: Set(false),
            second_factor: Set(false),
            granted: Set(false),
            shared: Set(false),
            suspended_at_ms: Set(None),
            suspended_reason: Set(None),
            created_at_ms: Set(0),
            updated_at_ms: Set(0),
            deleted_at_ms: Set(None),
        };
        let tx = self.app.db.begin(Lane::People).await.unwrap();
        users::Entity::insert(row)
            .exec_without_returning(&*tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// A server that is wanted on a node.
    pub async fn server(&self, node: NodeId) -> ServerId {
        let owner = self.user().await;
        self.server_of(node, owner).await
    }

    pub async fn server_of(&self, node: NodeId, owner: UserId) -> ServerId {
        let id = ServerId::new();
        let egg = EggId::new().to_string();
        let tx = self.app.db.begin(Lane::People).await.unwrap();
        let row = eggs::ActiveModel {
            id: Set(egg.clone()),
            nest_id: Set(None),
            name: Set("egg".into()),
            author: Set(String::new()),
            description: Set(String::new()),
            icon: Set(None),
            tags: Set(json!([])),
            images: Set(json!([])),
            source: Set("import".into()),
            starter_key: Set(None),
            document: Set(json!({})),
            report: Set(json!([])),
            raw: Set(String::new()),
            format: Set("PTDL_v2".into()),
            created_at_ms: Set(0),
            updated_at_ms: Set(0),
            deleted_at_ms: Set(None),
        };
        eggs::Entity::insert(row)
            .exec_without_returning(&*tx)
            .await
            .unwrap();
        let spec = wire::ServerSpec {
            name: "server".into(),
            image: "image".into(),
            ..Default::default()
        };
        let row = servers::ActiveModel {
            id: Set(id.to_string()),
            name: Set("server".into()),
            description: Set(String::new()),
            owner_id: Set(owner.to_string()),
            node_id: Set(node.to_string()),
            egg_id: Set(egg),
            image: Set("image".into()),
            startup: Set(String::new()),
            limits: Set(json!({})),
            crash_policy: Set(json!({})),
            suspended: Set(false),
            generation: Set(0),
            rev: Set(0),
            power: Set("stop".into()),
            power_generation: Set(0),
            restarts: Set(0),
            intent: Set(None),
            intent_at_ms: Set(None),
            spec: Set(prost::Message::encode_to_vec(&spec)),
            state: Set("new".into()),
            state_since_ms: Set(0),
            state_reason: Set(None),
            state_detail: Set(None),
            observed_generation: Set(0),
            run_id: Set(None),
            run_started_at_ms: Set(None),
            last_exit: Set(None),
            install: Set(None),
            created_at_ms: Set(0),
            updated_at_ms: Set(0),
            deleted_at_ms: Set(None),
        };
        servers::Entity::insert(row)
            .exec_without_returning(&*tx)
            .await
            .unwrap();
        wanted::bump(&*tx, &id.to_string()).await.unwrap();
        tx.commit().await.unwrap();
        self.app.nudges.node(node);
        id
    }

    pub async fn row(&self, server: ServerId) -> servers::Model {
        servers::Entity::find_by_id(server.to_string())
            .one(self.app.db.read())
            .await
            .unwrap()
            .unwrap()
    }

    /// Raises a server's generation, as a change of its row would.
    pub async fn bump(&self, server: ServerId) -> wanted::Bumped {
        let tx = self.app.db.begin(Lane::People).await.unwrap();
        let bumped = wanted::bump(&*tx, &server.to_string()).await.unwrap();
        tx.commit().await.unwrap();
        bumped
    }
}

async fn control(config: &Config) -> (App, CancellationToken, JoinHandle<()>) {
    let ground = Ground::open(config.clone(), Role::Serve).await.unwrap();
    let app = App::start(ground).await.unwrap();
    app.bus_ready(SOON).await.unwrap();
    let stop = CancellationToken::new();
    let (run_app, run_stop) = (app.clone(), stop.clone());
    let task = tokio::spawn(async move { run::bus_side(run_app, run_stop).await.unwrap() });
    (app, stop, task)
}
