//! One node, put together: what is on disk, the servers, and what is known of the machine.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use warren_proto::bus::keyring::Keyring;
use warren_proto::ids::NodeId;
use warren_proto::wire;
use warren_runtime::Runtime;
use warren_runtime::net::{Ipv4Net, Network};
use warren_runtime::runtime::Probe;

use crate::bulk::Bulk;
use crate::clock::{self, ControlTime};
use crate::conditions::{Conditions, Level};
use crate::config::Config;
use crate::console::input::Inputs;
use crate::console::stream::Rate;
use crate::console::{Bounds, Consoles, Live};
use crate::files;
use crate::host;
use crate::identity::Identity;
use crate::job::Jobs;
use crate::journal::{self, Journal};
use crate::ledger::{Boot, Ledger};
use crate::link::session::Sessions;
use crate::server::Servers;
use crate::server::deps::{Deps, Settings};
use crate::stats::{Reader, Stats};
use crate::transfer::Transfers;

/// Live messages that may wait for the bus.
const LIVE_WAITING: usize = 1024;

/// See the module.
pub struct Node {
    /// Given by control.
    pub id: NodeId,
    /// Settings.
    pub config: Config,
    /// This process start.
    pub boot: Boot,
    /// What servers share.
    pub deps: Arc<Deps>,
    /// The servers.
    pub servers: Arc<Servers>,
    /// Browsers' sessions.
    pub sessions: Sessions,
    /// What was typed.
    pub inputs: Inputs,
    /// Files being written.
    pub files: Arc<files::Shared>,
    /// Files held open from afar.
    pub bulk: Bulk,
    /// Servers that come and go.
    pub transfers: Transfers,
    /// Control's clock.
    pub control_time: ControlTime,
    /// Control's pinned keys.
    pub keys: ArcSwap<Keyring>,
    /// Figures.
    pub stats: Stats,
    identity: Mutex<Identity>,
    conditions: Conditions,
    probe: Mutex<Option<Probe>>,
    quarantined: Mutex<Option<String>>,
    counts: Mutex<BTreeMap<String, u64>>,
    up: AtomicBool,
}

/// What a node stands on; tests put fakes here.
pub struct Machine {
    /// Containers.
    pub runtime: Arc<dyn Runtime>,
    /// Their network.
    pub network: Arc<dyn Network>,
}

impl Node {
    /// Opens what is on disk, begins a boot, and brings the servers up. Needs no control.
    pub fn start(
        config: Config,
        identity: Identity,
        machine: Machine,
        stop: CancellationToken,
    ) -> anyhow::Result<(Arc<Self>, mpsc::Receiver<Live>)> {
        let ledger = Arc::new(Ledger::open(&config.data("ledger"))?);
        let boot = ledger.begin_boot(&host::place(), host::is_over)?;
        let journal = Journal::open(&config.data("journal"), boot.id, |previous, last_seq| {
            boot_started(&boot, previous, last_seq)
        })?;
        info!(boot = %boot.id, node.id = %identity.node, "node {} begins boot {}", identity.node, boot.id);
        let (live, live_rx) = mpsc::channel(LIVE_WAITING);
        let bounds = Bounds {
            rate: Rate {
                per_second: config.console_rate_bytes,
                burst: config.console_rate_bytes.saturating_mul(4),
            },
            floor_bytes: config.disk_floor_bytes,
            ..Bounds::default()
        };
        let consoles = Consoles::open(
            &config.data("console"),
            bounds,
            journal.clone(),
            live,
            stop.clone(),
        )
        .context("open the consoles")?;
        let deps = Arc::new(Deps {
            settings: settings(&config)?,
            runtime: machine.runtime,
            network: machine.network,
            ledger,
            journal,
            consoles,
            watched_ports: Default::default(),
            jobs: Jobs::open(config.data("jobs")).context("open the notes of jobs")?,
        });
        for dir in [&deps.settings.servers_dir, &deps.settings.run_dir] {
            std::fs::create_dir_all(dir).map_err(crate::disk::at("create", dir))?;
        }
        let servers = Servers::start(deps.clone(), boot.host_rebooted, stop.clone())?;
        let kept = |server| servers.get(server).is_some();
        let inputs = Inputs::open(&config.data("inputs"), kept)?;
        let bulk = Bulk::open(&config.data("uploads")).context("open the list of uploads")?;
        let keys = identity.keyring().context("control's pinned keys")?;
        let node = Arc::new(Self {
            id: identity.node,
            stats: Stats::new(&config.data_dir),
            config,
            boot,
            deps,
            servers,
            sessions: Sessions::default(),
            inputs,
            files: Arc::default(),
            bulk,
            transfers: Transfers::default(),
            control_time: ControlTime::default(),
            keys: ArcSwap::from_pointee(keys),
            identity: Mutex::new(identity),
            conditions: Conditions::default(),
            probe: Mutex::new(None),
            quarantined: Mutex::new(None),
            counts: Mutex::default(),
            up: AtomicBool::new(false),
        });
        for damage in node.deps.ledger.damaged() {
            node.condition("ledger_damaged", Level::Error, Some(damage));
        }
        crate::tasks::spawn_all(&node, &stop);
        Ok((node, live_rx))
    }

    /// Sets or clears a condition.
    pub fn condition(&self, code: &str, level: Level, message: Option<String>) {
        self.conditions
            .set(&self.deps.journal, code, level, message);
    }

    /// What was last probed.
    pub fn set_probe(&self, probe: Probe) {
        *self.probe.lock() = Some(probe);
    }

    /// Why nothing is applied, if so.
    pub fn quarantined(&self) -> Option<String> {
        self.quarantined.lock().clone()
    }

    /// Control's word on this identity.
    pub fn set_quarantined(&self, because: Option<String>) {
        *self.quarantined.lock() = because;
    }

    /// Whether control has answered hello on the present connection.
    pub fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// See [`Node::is_up`].
    pub fn set_up(&self, up: bool) {
        self.up.store(up, Ordering::Relaxed);
    }

    /// Pins control's keys, on disk too. What can't be read changes nothing.
    pub fn pin(&self, keys: &[wire::VerifyKey]) {
        let believed = self.identity().believed(keys);
        let strange = (believed.len() < keys.len()).then(|| {
            "control announces keys that this machine did not learn when it joined, and they are not \
             believed; if the panel was set up anew, join again with a fresh token"
                .to_owned()
        });
        self.condition("keys_strange", Level::Error, strange);
        if believed.is_empty() {
            return;
        }
        let keys = &*believed;
        let ring = match Keyring::of(keys) {
            Ok(ring) => ring,
            Err(e) => {
                warn!("control's keys are not pinned: {e}");
                return;
            }
        };
        self.keys.store(Arc::new(ring));
        let saved = self.change_identity(|identity| {
            let before = identity.keys.clone();
            identity.pin(keys);
            identity.keys != before
        });
        if let Err(e) = saved {
            warn!("{e:#}");
        }
    }

    /// A copy.
    pub fn identity(&self) -> Identity {
        self.identity.lock().clone()
    }

    /// Changes the identity; it is on disk when this returns. `change` says whether it did.
    pub fn change_identity(
        &self,
        change: impl FnOnce(&mut Identity) -> bool,
    ) -> anyhow::Result<bool> {
        let mut identity = self.identity.lock();
        let mut next = identity.clone();
        if !change(&mut next) {
            return Ok(false);
        }
        next.save(&self.config.data_dir)?;
        *identity = next;
        Ok(true)
    }

    /// A message was dropped by a bounded queue.
    pub fn count_drop(&self, queue: &str) {
        *self.counts.lock().entry(queue.to_owned()).or_default() += 1;
    }

    /// An ask was refused.
    pub fn count_refused(&self, code: &str) {
        metrics::counter!("warren_agent_refused_total", "code" => code.to_owned()).increment(1);
    }

    /// For hello.
    pub fn hello(&self) -> wire::Hello {
        let ledger = &self.deps.ledger;
        let probe = self.probe.lock().clone();
        let config = &self.config;
        let mut facts = host::facts(&config.data_dir, probe.as_ref(), &config.bridge_subnet);
        facts.conditions = self.conditions.all();
        facts.allowed_mounts.clone_from(&config.allowed_mounts);
        wire::Hello {
            boot: self.boot.id.to_string(),
            boots: ledger.boots().iter().map(ToString::to_string).collect(),
            ended: ledger.ended().iter().map(ToString::to_string).collect(),
            ledger: Some(ledger.position()),
            servers: self.servers.observed(),
            jobs: self.servers.jobs(),
            host: Some(facts),
            journal: self.deps.journal.positions(),
            ..Default::default()
        }
    }

    /// For heartbeats.
    pub fn heartbeat(&self) -> wire::Heartbeat {
        let mut drops: std::collections::HashMap<String, u64> = self
            .counts
            .lock()
            .iter()
            .map(|(k, v)| (k.clone(), *v))
            .collect();
        let live = self.deps.consoles.dropped();
        if live > 0 {
            *drops.entry("live".into()).or_default() += live;
        }
        wire::Heartbeat {
            boot: self.boot.id.to_string(),
            ledger: Some(self.deps.ledger.position()),
            journal_bytes: self.deps.journal.bytes(),
            load: Some(self.node_sample()),
            jobs: self.servers.jobs().into_iter().map(|j| j.job).collect(),
            drops,
        }
    }

    fn node_sample(&self) -> wire::NodeSample {
        let all = self.servers.all();
        let up = all.values().filter(|h| h.status.lock().up.is_some());
        self.stats.node(up.count())
    }

    /// For the batch of figures.
    pub fn metrics(&self) -> wire::MetricsBatch {
        let all = self.servers.all();
        self.stats.keep(|server| all.contains_key(&server));
        self.inputs.keep(|server| all.contains_key(&server));
        let servers = all.iter().map(|(server, handle)| {
            let status = handle.status.lock().clone();
            self.stats.server(*server, &status, Reader::Batch)
        });
        wire::MetricsBatch {
            boot: self.boot.id.to_string(),
            servers: servers.collect(),
            node: Some(self.node_sample()),
        }
    }

    /// What is wrong right now with journal, disk and machine.
    pub fn check_health(&self) {
        let journal = &self.deps.journal;
        let text =
            "facts pile up on this node because control does not take them; no new job is begun";
        let full = journal.under_pressure().then(|| text.to_owned());
        self.condition("journal_full", Level::Error, full);
        let text = "the data disk takes no more facts: free space on it";
        let stuck = journal.stuck().then(|| text.to_owned());
        self.condition("journal_stuck", Level::Error, stuck);
        let text = format!(
            "the disk of {} takes no change of servers: orders are refused and not written down until there is room",
            self.config.data_dir.display()
        );
        let stuck = self.deps.ledger.stuck().then_some(text);
        self.condition("ledger_stuck", Level::Error, stuck);
        let low = self.deps.consoles.guard_disk();
        let text = self.low_text(
            &self.config.data_dir,
            "consoles lose bytes and nothing is started",
        );
        self.condition("disk_low", Level::Error, low.then_some(text));
        self.check_engine_disk();
    }

    fn low_text(&self, dir: &Path, what_follows: &str) -> String {
        format!(
            "less than {} MiB are free on the disk of {}: {what_follows}; free space on it, or lower disk_floor_bytes",
            self.config.disk_floor_bytes >> 20,
            dir.display()
        )
    }

    /// containerd's disk, where it is another one.
    fn check_engine_disk(&self) {
        let root = self
            .probe
            .lock()
            .as_ref()
            .and_then(|p| p.engine_root.clone());
        let device = |dir: &Path| std::fs::metadata(dir).map(|m| m.dev()).ok();
        let other = root.filter(|root| device(root) != device(&self.config.data_dir));
        let low = other.filter(|root| {
            let free = warren_runtime::console::free_bytes(root);
            free.is_ok_and(|free| free < self.config.disk_floor_bytes)
        });
        let text = low.map(|root| self.low_text(&root, "no image is pulled and nothing started"));
        self.condition("engine_disk_low", Level::Error, text);
    }

    /// Asks the machine what it can do.
    pub async fn probe(&self) {
        match self.deps.runtime.probe().await {
            Ok(probe) => {
                self.condition("containerd_away", Level::Error, None);
                let before = self.probe.lock().take();
                let old = before.iter().flat_map(|p| &p.warnings);
                for gone in old.filter(|w| probe.warnings.iter().all(|n| n.code != w.code)) {
                    self.condition(gone.code, Level::Warning, None);
                }
                for warning in &probe.warnings {
                    let level = if warning.blocking {
                        Level::Error
                    } else {
                        Level::Warning
                    };
                    self.condition(warning.code, level, Some(warning.message.clone()));
                }
                let known = |p: &Probe| (p.cgroup, p.containerd_version.clone());
                let changed = before.as_ref().map(known) != Some(known(&probe));
                self.set_probe(probe);
                if changed {
                    // The first hello did not wait for it.
                    self.servers.met.notify_one();
                }
            }
            Err(e) => {
                let text = format!(
                    "{e}; servers can't be started. Is containerd running at {}?",
                    self.config.containerd_address.display()
                );
                self.condition("containerd_away", Level::Error, Some(text));
            }
        }
    }
}

/// Waits at most so long for the journal when stopping.
pub const STOP_WAIT: Duration = Duration::from_secs(3);

fn boot_started(
    boot: &Boot,
    previous: Option<warren_proto::ids::BootId>,
    last_seq: u64,
) -> wire::Fact {
    let previous = previous.or(boot.previous);
    wire::Fact {
        at_ms: clock::wall_ms(),
        what: Some(wire::fact::What::BootStarted(wire::BootStarted {
            previous_boot: previous.map(|b| b.to_string()).unwrap_or_default(),
            previous_last_seq: last_seq,
            host_rebooted: boot.host_rebooted,
            agent_version: env!("CARGO_PKG_VERSION").into(),
        })),
        ..Default::default()
    }
}

fn settings(config: &Config) -> anyhow::Result<Settings> {
    let subnet: Ipv4Net = config.bridge_subnet.parse()?;
    let resolvers = match config.resolvers.is_empty() {
        true => host::resolvers(),
        false => config.resolvers.clone(),
    };
    Ok(Settings {
        servers_dir: config.data("servers"),
        trash_dir: config.data("trash"),
        deleted_dir: config.data("deleted"),
        deleted_limits: config.deleted_limits(),
        run_dir: config.data("run"),
        uid_base: config.uid_base,
        resolvers,
        bridge_address: subnet.nth(1).map(|a| a.to_string()).unwrap_or_default(),
        tmp_bytes: 100 << 20,
        host_boot: host::boot(),
        disk_policy: config.disk_policy,
        disk_floor_bytes: config.disk_floor_bytes,
        registry_logins: config.registry_logins.clone(),
        allowed_mounts: config.allowed_mounts.clone(),
        download_allow: config.download_allow()?,
        restore_dir: config.data("restore"),
        transfer_dir: config.data("transfers"),
        backup_dirs: config.backup_dirs(),
        worker_exe: "/proc/self/exe".into(),
        cgroup_parent: match &config.cgroup_parent {
            Some(parent) => parent.clone(),
            None => format!("/warren-{}", config.tag),
        },
    })
}

/// Deletes what an ended node of this data directory left, but for the servers' files.
pub fn forget(data_dir: &Path) -> anyhow::Result<()> {
    for name in [
        "ledger",
        "journal",
        "console",
        "inputs",
        "uploads",
        "run",
        "jobs",
        "restore",
        "transfers",
    ] {
        let path = data_dir.join(name);
        match std::fs::remove_dir_all(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(e).with_context(|| format!("remove {}", path.display()));
            }
            _ => {}
        }
    }
    for name in ["identity.json", "joining.seed", "supervisor.pid"] {
        let path = data_dir.join(name);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(e).with_context(|| format!("remove {}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// For errors of the journal at open.
pub type JournalError = journal::Error;
