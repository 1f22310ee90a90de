//! A private containerd, a registry and our engine on top: what most tests stand on.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use warren_harness::{FakeGame, ImageBuilder, Registry, eventually};
use warren_runtime::console;
use warren_runtime::containerd::{Config, Containerd};
use warren_runtime::runtime::{
    Console, ContainerId, ContainerSpec, Event, Events, Exit, Limits, Memory, Profile, PullRequest,
    RootFs, Runtime, Swap,
};

pub const LIMIT: Duration = Duration::from_secs(30);
pub const MIB: u64 = 1 << 20;

pub struct Machine {
    pub containerd: warren_harness::Containerd,
    pub registry: Registry,
    pub runtime: Containerd,
    pub image: String,
    _turn: File,
}

/// One after the other, also across processes: two cores, one kernel, many shims.
pub fn turn() -> File {
    let path = std::env::temp_dir().join("warren-runtime-tests.lock");
    let file = File::create(path).unwrap();
    file.lock().unwrap();
    file
}

impl Machine {
    /// With the game image pulled.
    pub async fn with_game() -> Self {
        let mut machine = Self::bare(None);
        let image = ImageBuilder::game().unwrap().build().unwrap();
        machine.image = machine.registry.push("games/fake", "1", &image).unwrap();
        let request = PullRequest::new(machine.image.parse().unwrap());
        machine.runtime.pull(request).await.unwrap();
        machine
    }

    pub fn bare(auth: Option<(&str, &str)>) -> Self {
        let turn = turn();
        Self::over(turn, warren_harness::Containerd::start().unwrap(), auth, 0)
    }

    /// With a small disk for containerd, of which `floor` bytes are to stay free.
    pub fn on_disk_of(bytes: u64, floor: u64) -> Self {
        let turn = turn();
        let containerd = warren_harness::Containerd::start_on_disk_of(bytes).unwrap();
        Self::over(turn, containerd, None, floor)
    }

    fn over(
        turn: File,
        containerd: warren_harness::Containerd,
        auth: Option<(&str, &str)>,
        floor: u64,
    ) -> Self {
        // What a failed test prints tells what the engine did.
        let _ = tracing_subscriber::fmt()
            .with_test_writer()
            .with_env_filter("warren_runtime=debug")
            .try_init();
        let mut settings = config(&containerd);
        settings.disk_floor_bytes = floor;
        let runtime = Containerd::new(settings).unwrap();
        Self {
            registry: Registry::start(auth).unwrap(),
            runtime,
            containerd,
            image: String::new(),
            _turn: turn,
        }
    }

    pub fn dir(&self) -> &Path {
        self.containerd.dir()
    }

    /// A game with a terminal, an own uid and Wings' kind of limits. Console files are made.
    pub fn spec(&self, id: &str, args: &[&str]) -> ContainerSpec {
        let dir = self.dir().join("servers").join(id);
        let data = dir.join("data");
        std::fs::create_dir_all(&data).unwrap();
        let uid = self.containerd.uid_base() + 1;
        std::os::unix::fs::chown(&data, Some(uid), Some(uid)).unwrap();
        let run = format!("run-{:08x}", rand::random::<u32>());
        let console = Console {
            tty: true,
            stdin: Some(dir.join("stdin")),
            stdout: dir.join(format!("{run}.out")),
            stderr: None,
        };
        console::prepare(&console).unwrap();
        ContainerSpec {
            id: id.parse().unwrap(),
            run,
            labels: BTreeMap::from([("server".to_owned(), id.to_owned())]),
            image: self.image.parse().unwrap(),
            args: Some(args.iter().map(|s| (*s).to_owned()).collect()),
            env: vec![("HOME".into(), "/home/container".into())],
            cwd: Some("/home/container".into()),
            uid,
            gid: uid,
            mounts: vec![warren_runtime::runtime::BindMount {
                source: data,
                target: "/home/container".into(),
                read_only: false,
            }],
            host_dirs: Vec::new(),
            console,
            limits: Limits {
                memory: Some(Memory {
                    soft_bytes: 96 * MIB,
                    hard_bytes: 128 * MIB,
                }),
                swap: Swap::None,
                cpu_percent: Some(100.0),
                pids: Some(64),
                ..Limits::default()
            },
            root: RootFs::ReadOnly,
            profile: Profile::Game,
            hostname: id.to_owned(),
            host_files: None,
            netns: None,
            tmp_bytes: 16 * MIB,
            oom_score_adj: 300,
        }
    }

    pub fn game(&self, id: &str, game: &FakeGame) -> ContainerSpec {
        let args = game.args();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.spec(id, &args)
    }

    pub fn shell(&self, id: &str, script: &str) -> ContainerSpec {
        self.spec(id, &["/bin/sh", "-c", script])
    }

    /// Runs a script to its end: exit and everything it printed.
    pub async fn run(&self, id: &str, script: &str) -> (Exit, String) {
        self.run_spec(self.shell(id, script)).await
    }

    pub async fn run_spec(&self, spec: ContainerSpec) -> (Exit, String) {
        let mut events = self.runtime.events();
        let (id, out) = (spec.id.clone(), spec.console.stdout.clone());
        self.runtime.create_and_start(spec).await.unwrap();
        let exit = exit_of(&mut events, &id).await;
        self.runtime.delete(&id).await.unwrap();
        // Deleting waits for the copy of the console.
        let text = std::fs::read_to_string(out).unwrap().replace('\r', "");
        (exit, text)
    }
}

pub fn config(containerd: &warren_harness::Containerd) -> Config {
    let mut config = Config::tagged(&containerd.socket(), containerd.tag()).unwrap();
    config.runc_root = Some(containerd.runc_root());
    assert_eq!(config.namespace, containerd.namespace());
    assert_eq!(config.cgroup_parent, containerd.cgroup_parent());
    config
}

pub fn id(text: &str) -> ContainerId {
    text.parse().unwrap()
}

/// The next event that `pick` wants, others passed over.
pub async fn event<T>(events: &mut Events, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
    let search = async {
        loop {
            let event = events.next().await.expect("the runtime is there");
            if let Some(found) = pick(&event) {
                return found;
            }
        }
    };
    tokio::time::timeout(LIMIT, search)
        .await
        .expect("the event comes")
}

pub async fn exit_of(events: &mut Events, wanted: &ContainerId) -> Exit {
    event(events, |event| match event {
        Event::Exit { id, exit, .. } if id == wanted => Some(exit.clone()),
        _ => None,
    })
    .await
}

/// Waits until the console holds a text, and gives all of it.
pub fn printed(out: &Path, text: &str) -> String {
    eventually(&format!("{text:?} on the console"), LIMIT, || {
        let all = String::from_utf8_lossy(&std::fs::read(out).ok()?).into_owned();
        all.contains(text).then_some(all)
    })
    .unwrap_or_else(|e| panic!("{e}; it has {:?}", std::fs::read_to_string(out)))
}

pub fn alive(pid: u32) -> bool {
    PathBuf::from(format!("/proc/{pid}")).exists()
}
