//! What every part of control shares.

use std::{ops::Deref, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use warren_proto::{
    bus::{Bus, Options},
    ids::ControlId,
};

use crate::{
    auth::Door,
    clock::Clock,
    config::Config,
    database_host::desk::Desk,
    db::{Db, Role},
    keys::Keys,
    mail::Mailer,
    node::{conduct::Conduct, presence::Met},
    nudge::Nudges,
    panel::{self, Live},
};

/// Everything that needs no connection: what subcommands and tests of services work with.
#[derive(Clone)]
pub struct Ground {
    /// The database.
    pub db: Db,
    /// As validated at the start.
    pub config: Arc<Config>,
    /// What admins set about the panel.
    pub panel: Live,
    /// Mail to people.
    pub mail: Mailer,
    /// Control's time.
    pub clock: Clock,
    /// Secrets, opened.
    pub keys: Arc<Keys>,
    /// Wakes what waits for a commit.
    pub nudges: Nudges,
    /// Nodes that have said hello to this process.
    pub met: Met,
    /// Who is not listened to for a while.
    pub conduct: Conduct,
    /// How much is in hand on each database host.
    pub desk: Desk,
}

impl Ground {
    /// Opens database and keys.
    /// # Errors
    /// Says what to do: run `init`, bring back the key file, stop the other control.
    pub async fn open(config: Config, role: Role) -> Result<Self> {
        let db = Db::open(&config, role).await?;
        let keys = Keys::load(&config, db.read()).await?;
        let ground = Self {
            db,
            panel: Live::configured(&config),
            mail: Mailer::of(&config.mail),
            config: Arc::new(config),
            clock: Clock::system(),
            keys: Arc::new(keys),
            nudges: Nudges::default(),
            met: Met::default(),
            conduct: Conduct::default(),
            desk: Desk::default(),
        };
        panel::load(&ground)
            .await
            .context("read the panel's settings")?;
        Ok(ground)
    }
}

/// Cheap to clone: each field is shared. Reads as the [`Ground`] it stands on: `app.db`, `app.config`.
#[derive(Clone)]
pub struct App {
    ground: Ground,
    /// Connection in account CORE.
    pub bus: Bus,
    /// This process, on the bus and in leases.
    pub id: ControlId,
    /// What the HTTP side keeps in memory.
    pub door: Arc<Door>,
}

impl Deref for App {
    type Target = Ground;
    fn deref(&self) -> &Ground {
        &self.ground
    }
}

impl App {
    /// Starts to connect to the bus, and goes on trying for ever.
    /// # Errors
    /// Only for what trying again can't mend.
    pub async fn start(ground: Ground) -> Result<Self> {
        let id = ControlId::new();
        let creds = ground.keys.realm.control_creds(id, ground.clock.now_s())?;
        let bus = Bus::start(options(&ground.config, creds)?).await?;
        let door = Arc::new(Door::new(&ground.config));
        Ok(Self {
            ground,
            bus,
            id,
            door,
        })
    }

    /// The same control under another configuration: same database, connection and clock.
    #[must_use]
    pub fn reconfigured(&self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::clone(&self.ground.config);
        change(&mut config);
        let mut app = self.clone();
        app.door = Arc::new(Door::new(&config));
        app.ground.mail = Mailer::of(&config.mail);
        app.ground.panel = Live::configured(&config);
        app.ground.config = Arc::new(config);
        app
    }

    /// A second connection, in account SYS.
    /// # Errors
    /// As [`App::start`].
    pub async fn sys_bus(&self) -> Result<Bus> {
        let creds = self.keys.realm.sys_creds(self.id, self.clock.now_s())?;
        Ok(Bus::start(options(&self.config, creds)?).await?)
    }

    /// Waits until the bus is there.
    /// # Errors
    /// A refused credential, a server that is too old, no server within `within`.
    pub async fn bus_ready(&self, within: Duration) -> Result<()> {
        let version = self.bus.ready(within).await.with_context(|| {
            format!(
                "connect to nats-server at {}",
                self.config.nats_urls.join(", ")
            )
        })?;
        tracing::info!(nats.version = %version, "connected to nats-server {version}");
        Ok(())
    }
}

pub(crate) fn options(config: &Config, creds: warren_proto::bus::Creds) -> Result<Options> {
    let tls = config.nats_urls.iter().any(|url| url.starts_with("tls://"));
    let path = config.ca_path();
    let ca_pem = if tls && (path.exists() || !config.nats_ca.is_empty()) {
        let pem = std::fs::read_to_string(&path);
        Some(pem.with_context(|| format!("read nats_ca {}", path.display()))?)
    } else {
        None
    };
    Ok(Options {
        urls: config.nats_urls.clone(),
        name: "warren-control".into(),
        creds,
        ca_pem,
    })
}
