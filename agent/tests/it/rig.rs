//! One node: nats-server, control's part, containerd, a registry, and the agent's program.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nkeys::KeyPair;
use warren_harness::{Containerd, FakeGame, ImageBuilder, Nats, Registry, eventually_async};
use warren_proto::bus::accounts::{Realm, Revocations, Storage};
use warren_proto::bus::config::ServerConfig;
use warren_proto::bus::ticket::{self, Scope, Ticket};
use warren_proto::bus::{Bus, CallError, Creds, Options, Seed, version};
use warren_proto::ids::{GatewayId, JobId, JoinTokenId, ServerId, SessionId, UserId};
use warren_proto::join::{CommandKey, JoinToken};
use warren_proto::subjects::{self, down};
use warren_proto::wire::{self, fact::What};

use crate::control::{Control, SOON};

pub const LIMIT: Duration = Duration::from_secs(40);

/// Writes the settings of an agent whose containerd this is; where they stand.
pub fn settings_in(containerd: &Containerd) -> PathBuf {
    let config = containerd.dir().join("agent.toml");
    let text = format!(
        "data_dir = {:?}\ncontainerd_address = {:?}\nrunc_root = {:?}\ntag = {:?}\ncgroup_parent = {:?}\nbridge_subnet = {:?}\nuid_base = {}\ndisk_floor_bytes = 1048576\n",
        containerd.dir().join("agent"),
        containerd.socket(),
        containerd.runc_root(),
        containerd.tag(),
        containerd.cgroup_parent(),
        containerd.subnet(),
        containerd.uid_base(),
    );
    std::fs::write(&config, text).unwrap();
    config
}

pub struct Rig {
    pub nats: Nats,
    pub control: Arc<Control>,
    pub containerd: Containerd,
    _registry: Registry,
    pub image: String,
    pub config: PathBuf,
    agent: Option<Child>,
    generation: u64,
    rev: u64,
    _turn: File,
}

pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

pub async fn connect(nats: &Nats, creds: Creds) -> Bus {
    let options = Options {
        urls: vec![nats.url()],
        name: "test".into(),
        creds,
        ca_pem: None,
    };
    let bus = Bus::start(options).await.unwrap();
    bus.ready(Duration::from_secs(10)).await.unwrap();
    bus
}

/// One at a time, also across processes: two cores, one kernel, many shims.
pub fn turn() -> File {
    let path = std::env::temp_dir().join("warren-runtime-tests.lock");
    let file = File::create(path).unwrap();
    file.lock().unwrap();
    file
}

fn nats(realm: &Realm) -> Nats {
    let plain = Nats::start("listen: \"127.0.0.1:{{PORT}}\"\n").unwrap();
    let config = ServerConfig {
        server_name: "n1".into(),
        listen: "127.0.0.1:{{PORT}}".into(),
        monitor: None,
        dir: "{{DIR}}".into(),
        storage: Storage::default(),
        tls: None,
        cluster: None,
        pid_file: None,
        ports_dir: None,
        version: version::from_banner(&plain.version().unwrap()).unwrap(),
    };
    let since = now_ms() / 1000 - 10;
    let conf = config.render(realm, |_| Revocations::new(), since).unwrap();
    Nats::start(&conf).unwrap()
}

impl Rig {
    /// Joined and running, with the game image in the registry.
    pub async fn new() -> Self {
        let mut rig = Self::bare().await;
        rig.join("secret").await;
        rig.launch();
        rig.greeted().await;
        rig
    }

    /// As [`Rig::new`], with a data disk of so many bytes, of which `floor` are to stay free.
    pub async fn on_disk_of(bytes: u64, floor: u64) -> Self {
        let mut rig = Self::bare().await;
        warren_harness::mount_disk(&rig.data(), bytes).unwrap();
        let text = std::fs::read_to_string(&rig.config).unwrap();
        let floor = format!("disk_floor_bytes = {floor}");
        let text = text.replace("disk_floor_bytes = 1048576", &floor);
        std::fs::write(&rig.config, text).unwrap();
        rig.join("secret").await;
        rig.launch();
        rig.greeted().await;
        rig
    }

    /// A server that is up at once and says nothing of being ready.
    pub async fn running_unmarked(&mut self, game: &FakeGame) -> ServerId {
        let server = ServerId::new();
        let mut spec = self.spec(game);
        spec.done.clear();
        self.order(server, wire::Power::Start, spec).await;
        self.until_state(server, wire::State::Running).await;
        server
    }

    pub async fn bare() -> Self {
        let turn = turn();
        let realm = Realm::create("test", now_ms() / 1000 - 10).unwrap().0;
        let nats = nats(&realm);
        let control = Control::start(&nats, realm).await;
        let containerd = Containerd::start().unwrap();
        let registry = Registry::start(None).unwrap();
        let image = ImageBuilder::game().unwrap().build().unwrap();
        let image = registry.push("games/fake", "1", &image).unwrap();
        let config = settings_in(&containerd);
        Self {
            nats,
            control,
            containerd,
            _registry: registry,
            image,
            config,
            agent: None,
            generation: 0,
            rev: 0,
            _turn: turn,
        }
    }

    pub fn data(&self) -> PathBuf {
        self.containerd.dir().join("agent")
    }

    pub fn token(&self, secret: &str) -> String {
        let id = JoinTokenId::new();
        let user = KeyPair::new_user();
        let now = now_ms() / 1000;
        let realm = &self.control.realm;
        let jwt = realm.mint_enroll(id, &user.public_key(), now, now + 600);
        let token = JoinToken {
            id,
            secret: secret.into(),
            nats_urls: vec![self.nats.url()],
            ca_pem: None,
            jwt: jwt.unwrap(),
            seed: Seed::of(&user).unwrap().expose().to_owned(),
            control_url: None,
            control_key_sha256: None,
            command_key: CommandKey {
                id: self.control.command.id(),
                public_key: self.control.command.public_text(),
            },
        };
        token.encode()
    }

    fn program(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_warren-agent"));
        command.args(words).arg("--config").arg(&self.config);
        command.env("WARREN_LOG", "info,warren_agent=debug");
        command
    }

    /// Runs `warren-agent join`; gives what it said on stderr if it failed.
    pub async fn try_join(&self, token: &str) -> Result<(), String> {
        let mut command = tokio::process::Command::from(self.program(&["join", token]));
        let out = command.output().await.unwrap();
        match out.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&out.stderr).into_owned()),
        }
    }

    pub async fn join(&self, secret: &str) {
        self.try_join(&self.token(secret)).await.unwrap();
    }

    pub fn launch(&mut self) {
        self.launch_as(&["run"]);
    }

    /// Runs a command of the agent's to its end: both its outputs, and whether it succeeded.
    pub fn command(&self, words: &[&str]) -> (String, bool) {
        let out = self.program(words).stdin(Stdio::null()).output().unwrap();
        let all = [out.stdout, out.stderr].concat();
        (
            String::from_utf8_lossy(&all).into_owned(),
            out.status.success(),
        )
    }

    pub fn agent_pid(&self) -> u32 {
        self.agent.as_ref().unwrap().id()
    }

    /// It was ended by something else than us.
    pub fn forget_agent(&mut self) {
        let mut agent = self.agent.take().unwrap();
        agent.wait().unwrap();
    }

    /// The child of a supervisor.
    pub fn supervised_now(&self) -> Option<nix::unistd::Pid> {
        let me = self.agent_pid();
        let text = std::fs::read_to_string(format!("/proc/{me}/task/{me}/children")).ok()?;
        let all = std::fs::read_dir(format!("/proc/{me}/task"))
            .ok()?
            .flatten();
        let texts = all.filter_map(|t| std::fs::read_to_string(t.path().join("children")).ok());
        let mut pids = texts.chain([text]).flat_map(|t| {
            let pids = t.split_whitespace().filter_map(|p| p.parse::<i32>().ok());
            pids.collect::<Vec<_>>()
        });
        pids.next().map(nix::unistd::Pid::from_raw)
    }

    pub fn supervised(&self) -> nix::unistd::Pid {
        warren_harness::eventually("a child", LIMIT, || self.supervised_now()).unwrap()
    }

    /// What of this node stands on the machine: namespaces, links, tables, cgroups.
    pub fn host_objects(&self) -> Vec<String> {
        let tag = self.containerd.tag();
        let names = ["/run/netns", "/sys/class/net", "/sys/fs/cgroup/memory"];
        let entries = names
            .iter()
            .flat_map(|dir| std::fs::read_dir(dir).into_iter().flatten());
        let names = entries
            .flatten()
            .map(|e| e.file_name().to_string_lossy().into_owned());
        let tables = Command::new("nft")
            .args(["list", "tables"])
            .output()
            .unwrap();
        let tables = String::from_utf8_lossy(&tables.stdout).into_owned();
        let tables = tables.lines().map(str::to_owned).collect::<Vec<_>>();
        let all = names.chain(tables);
        all.filter(|name| name.contains(tag)).collect()
    }

    pub fn launch_as(&mut self, words: &[&str]) {
        let command = self.program(words);
        self.launch_command(command);
    }

    /// The agent on a machine that lacks something.
    pub fn launch_lacking(&mut self, lack: impl FnOnce(Command) -> Command) {
        let command = lack(self.program(&["run"]));
        self.launch_command(command);
    }

    /// The agent, killed as a thread of it or of a child begins its `n`th call of that name.
    pub fn launch_killed_at(&mut self, call: &str, n: u32) {
        let plain = self.program(&["run"]);
        let mut traced = Command::new("strace");
        // As a grandchild of ours: the child is the agent itself. With --seccomp-bpf strace 6.1 does not count.
        traced.args(["-D", "-f", "-qqq", "-o", "/dev/null"]);
        traced.args(["-e", &format!("trace={call}")]);
        traced.args(["-e", &format!("inject={call}:signal=KILL:when={n}")]);
        traced.arg(plain.get_program()).args(plain.get_args());
        for (name, value) in plain.get_envs() {
            traced.env(name, value.unwrap_or_default());
        }
        self.launch_command(traced);
    }

    /// It has ended by itself, or by others.
    pub fn agent_has_ended(&mut self) -> bool {
        let agent = self.agent.as_mut().unwrap();
        agent.try_wait().unwrap().is_some()
    }

    fn launch_command(&mut self, mut command: Command) {
        let log = self.containerd.dir().join("agent.log");
        let log = File::options().create(true).append(true).open(log).unwrap();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        self.agent = Some(command.spawn().unwrap());
    }

    /// A second agent on the same data; waits for its end.
    pub async fn launch_beside(&mut self) {
        let first = self.agent.take();
        self.launch();
        let mut second = std::mem::replace(&mut self.agent, first).unwrap();
        let ended = tokio::task::spawn_blocking(move || second.wait().unwrap());
        assert!(!ended.await.unwrap().success());
    }

    pub fn log(&self) -> String {
        let log = self.containerd.dir().join("agent.log");
        std::fs::read_to_string(log).unwrap_or_default()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            agent.kill().unwrap();
            agent.wait().unwrap();
        }
    }

    /// SIGTERM, and its exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        let mut agent = self.agent.take()?;
        let pid = nix::unistd::Pid::from_raw(i32::try_from(agent.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        agent.wait().unwrap().code()
    }

    pub async fn greeted(&self) {
        self.until("hello", |r| r.control.stored.lock().hellos > 0)
            .await;
    }

    /// Kills the agent and starts it again.
    pub async fn bounce(&mut self) {
        let before = self.control.stored.lock().hellos;
        self.kill();
        self.launch();
        self.until("another hello", |r| r.control.stored.lock().hellos > before)
            .await;
    }

    pub async fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let waited = eventually_async(what, LIMIT, || {
            let held = holds(self).then_some(());
            async move { held }
        });
        if let Err(e) = waited.await {
            let log = self.log();
            let tail = log.len().saturating_sub(6000);
            panic!(
                "{e}\nfacts {:#?}\nagent: {}",
                self.control.stored.lock().facts,
                &log[tail..]
            );
        }
    }

    pub fn spec(&self, game: &FakeGame) -> wire::ServerSpec {
        let env = |name: &str, value: &str| wire::EnvVar {
            name: name.into(),
            value: value.into(),
        };
        wire::ServerSpec {
            name: "test".into(),
            image: self.image.clone(),
            startup: game.startup().into(),
            env: vec![env("STARTUP", game.startup()), env("TZ", "UTC")],
            limits: Some(wire::Limits {
                memory_bytes: 128 << 20,
                pids: 64,
                ..Default::default()
            }),
            stop: Some(wire::Stop {
                how: Some(wire::stop::How::Command("stop".into())),
                grace_ms: 10_000,
            }),
            done: vec![wire::DoneMarker {
                pattern: Some(wire::done_marker::Pattern::Contains("ready".into())),
            }],
            crash: Some(wire::CrashPolicy {
                restart: true,
                max_restarts: 3,
                window_s: 60,
                clean_exit_is_crash: false,
            }),
            tty: true,
            ..Default::default()
        }
    }

    /// A gateway's connection.
    pub async fn gateway(&self) -> Bus {
        let user = KeyPair::new_user();
        let realm = &self.control.realm;
        let now = now_ms() / 1000;
        let jwt = realm.mint_gateway(GatewayId::new(), &user.public_key(), now, None);
        let creds = Creds::new(jwt.unwrap(), Seed::of(&user).unwrap()).unwrap();
        connect(&self.nats, creds).await
    }

    /// Opens a session for a server with these rights; gives its id.
    pub async fn open(&self, gateway: &Bus, server: ServerId, rights: &[&str]) -> String {
        let node = self.control.node;
        let ticket = Ticket {
            user: UserId::new(),
            session: SessionId::new(),
            scope: Scope::Server { server, node },
            rights: rights.iter().map(ToString::to_string).collect(),
            upload_bytes: None,
            iat: now_ms() / 1000,
            exp: now_ms() / 1000 + 120,
        };
        let open = wire::Open {
            ticket: ticket::sign(&self.control.ticket, &ticket).unwrap(),
        };
        let subject = subjects::to_node(node, down::OPEN);
        let opened: wire::Opened = gateway
            .call(subject, down::OPEN, Some(node), &open, SOON)
            .await
            .unwrap();
        opened.session
    }

    pub async fn apply(&mut self, rows: Vec<wire::WantedServer>, stones: Vec<wire::Tombstone>) {
        let answer = self.try_apply(rows, stones).await.unwrap();
        assert_eq!(answer.ledger.unwrap().rev, self.rev);
    }

    pub async fn try_apply(
        &mut self,
        mut rows: Vec<wire::WantedServer>,
        stones: Vec<wire::Tombstone>,
    ) -> Result<wire::ApplyAnswer, CallError> {
        let ledger = self
            .control
            .stored
            .lock()
            .hello
            .as_ref()
            .unwrap()
            .ledger
            .clone()
            .unwrap();
        self.rev = self.rev.max(ledger.rev);
        for row in &mut rows {
            row.rev = self.rev + 1;
        }
        let apply = wire::Apply {
            ledger: ledger.id,
            from: self.rev,
            to: self.rev + 1,
            servers: rows,
            tombstones: stones,
            snapshot: false,
        };
        self.rev += 1;
        self.control.ask(down::APPLY, &apply).await
    }

    pub async fn order(&mut self, server: ServerId, power: wire::Power, spec: wire::ServerSpec) {
        let answer = self.try_order(server, power, spec).await.unwrap();
        assert_eq!(answer.ledger.unwrap().rev, self.rev);
    }

    pub async fn try_order(
        &mut self,
        server: ServerId,
        power: wire::Power,
        spec: wire::ServerSpec,
    ) -> Result<wire::ApplyAnswer, CallError> {
        self.generation += 1;
        let row = wire::WantedServer {
            server: server.to_string(),
            generation: self.generation,
            power: Some(wire::PowerOrder {
                power: power.into(),
                generation: self.generation,
                restarts: 0,
            }),
            spec: Some(spec),
            ..Default::default()
        };
        self.try_apply(vec![row], Vec::new()).await
    }

    pub async fn stone(&mut self, server: ServerId) {
        self.generation += 1;
        let stone = wire::Tombstone {
            server: server.to_string(),
            generation: self.generation,
            rev: self.rev + 1,
            keep_files_s: 0,
        };
        self.apply(Vec::new(), vec![stone]).await;
    }

    /// A server that has come to running.
    pub async fn running(&mut self, game: &FakeGame) -> ServerId {
        let server = ServerId::new();
        self.order(server, wire::Power::Start, self.spec(game))
            .await;
        self.until_state(server, wire::State::Running).await;
        server
    }

    pub fn state(&self, server: ServerId) -> Option<wire::State> {
        let facts = self.control.facts_of(&server.to_string());
        facts.iter().rev().find_map(|w| match w {
            What::StateChanged(c) => Some(c.to()),
            _ => None,
        })
    }

    pub async fn until_state(&self, server: ServerId, state: wire::State) {
        let what = format!("{server} {state:?}");
        self.until(&what, |r| r.state(server) == Some(state)).await;
    }

    /// Pid of the newest run.
    pub fn pid(&self, server: ServerId) -> u32 {
        self.pids(server).last().copied().unwrap()
    }

    /// Pids of all its runs.
    pub fn pids(&self, server: ServerId) -> Vec<u32> {
        let facts = self.control.facts_of(&server.to_string());
        let pids = facts.iter().filter_map(|w| match w {
            What::RunStarted(r) => Some(r.pid),
            _ => None,
        });
        pids.collect()
    }

    pub async fn input(&self, server: ServerId, line: &str, id: &str) -> wire::InputResult {
        let input = wire::Input {
            line: line.into(),
            id: id.into(),
            actor: "test".into(),
        };
        let ask = wire::ConsoleAsk {
            session: String::new(),
            server: server.to_string(),
            ask: Some(wire::console_ask::Ask::Input(input)),
        };
        let answer: wire::InputAnswer = self.control.ask(down::CONSOLE, &ask).await.unwrap();
        answer.result()
    }

    pub async fn job(&self, server: ServerId, kind: &str) -> JobId {
        let job = JobId::new();
        let start = wire::JobStart {
            job: job.to_string(),
            server: server.to_string(),
            kind: kind.into(),
            generation: self.generation,
            wipe: false,
            work: None,
        };
        let ask = wire::JobAsk {
            ask: Some(wire::job_ask::Ask::Start(start)),
        };
        let status: wire::JobStatus = self.control.ask(down::JOBS, &ask).await.unwrap();
        assert_eq!(status.state, "running");
        job
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail = log.len().saturating_sub(4000);
            eprintln!("agent: {}", &log[tail..]);
        }
        if let Some(mut agent) = self.agent.take() {
            let _ = agent.kill();
            let _ = agent.wait();
        }
    }
}
