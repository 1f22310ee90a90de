//! Servers on their way from one node to another: control, nats-server, containerd and two agents are the real ones, and
//! each of the three that take part is killed at each step.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sea_orm::EntityTrait;
use serde_json::{Value, json};
use warren_control::auth::password::Passwords;
use warren_control::db::Lane;
use warren_entity::{servers, transfers, users};
use warren_harness::{Containerd, ImageBuilder, NetLab, Process, Registry};
use warren_proto::bus::CallError;
use warren_proto::ids::{TransferId, UserId};
use warren_proto::subjects::{self, xfer};
use warren_proto::wire;

use crate::panel::Panel;
use crate::rig::{settings_in, turn};

const LIMIT: Duration = Duration::from_secs(60);
const PASSWORD: &str = "correct horse battery staple";

/// Numbers each of its writes: what is lost, or done twice, shows. Writes at random places too.
const GAME: &str = r#"n=$(tail -n 1 count.txt 2>/dev/null)
n=${n:-0}
echo ready
{
    while :; do
        n=$((n + 1))
        echo $n >> count.txt
        dd if=/dev/urandom of=world.bin bs=4096 count=1 seek=$((n % 64)) conv=notrunc 2>/dev/null
        usleep 20000
    done
} </dev/null &
. /games/answer
"#;

pub struct Machine {
    containerd: Containerd,
    config: PathBuf,
    agent: Option<Child>,
    /// Behind a router of its own.
    pub lab: Option<NetLab>,
    pub id: String,
}

/// Where a machine is.
#[derive(Default)]
pub struct Site {
    /// Its data lie on a disk of so many bytes; none: on this one's.
    pub disk: Option<u64>,
    /// It is behind that router.
    pub lab: Option<NetLab>,
}

impl Machine {
    fn new(Site { disk, lab }: Site) -> Self {
        let containerd = Containerd::start().unwrap();
        if let Some(bytes) = disk {
            warren_harness::mount_disk(&containerd.dir().join("agent"), bytes).unwrap();
        }
        let config = settings_in(&containerd);
        Self {
            containerd,
            config,
            agent: None,
            lab,
            id: String::new(),
        }
    }

    pub fn data(&self) -> PathBuf {
        self.containerd.dir().join("agent")
    }

    pub fn files(&self, server: &str) -> PathBuf {
        self.data().join("servers").join(server)
    }

    fn program(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_warren-agent"));
        command.args(words).arg("--config").arg(&self.config);
        command.env("WARREN_LOG", "info,warren_agent=debug");
        command.stdin(Stdio::null()).stdout(Stdio::null());
        if let Some(lab) = &self.lab {
            lab.enter(&mut command).unwrap();
        }
        command
    }

    async fn join(&mut self, panel: &Panel) {
        let token = panel.token(None).await.encode();
        let mut join = tokio::process::Command::from(self.program(&["join", &token]));
        assert!(join.status().await.unwrap().success());
        let identity = warren_agent::identity::Identity::load(&self.data());
        self.id = identity.unwrap().unwrap().node.to_string();
        self.launch();
    }

    pub fn launch(&mut self) {
        let log = self.containerd.dir().join("agent.log");
        let log = File::options().create(true).append(true).open(log).unwrap();
        self.agent = Some(self.program(&["run"]).stderr(log).spawn().unwrap());
    }

    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.containerd.dir().join("agent.log"));
        let log = log.unwrap_or_default();
        let tail = log.len().saturating_sub(5000);
        log[tail..].to_owned()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            agent.kill().unwrap();
            agent.wait().unwrap();
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("agent {}: {}", self.id, self.log());
        }
    }
}

pub struct Scene {
    pub panel: Panel,
    pub machines: [Machine; 2],
    http: reqwest::Client,
    cookie: String,
    egg: String,
    pub registry: Registry,
    _mirrors: Vec<Process>,
    _turn: File,
}

/// Whom a kill hits.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    Source,
    Receiver,
    Control,
    Both,
}

impl Scene {
    pub async fn set() -> Self {
        Self::set_at([Site::default(), Site::default()]).await
    }

    /// With machines there.
    pub async fn set_at(sites: [Site; 2]) -> Self {
        let turn = turn();
        let hub = sites[0].lab.as_ref().map(NetLab::hub);
        let panel = match hub {
            Some(hub) => Panel::start_at(hub).await,
            None => Panel::start_apart().await,
        };
        let registry = Registry::start(None).unwrap();
        let image = ImageBuilder::game().unwrap().build().unwrap();
        let image = registry.push("games/fake", "1", &image).unwrap();
        let mut machines = sites.map(Machine::new);
        // To a machine of its own the registry is at the same place, as a mirror beside it.
        let (listen, _) = image.split_once('/').unwrap();
        let labs = machines.iter().filter_map(|m| m.lab.as_ref());
        let mirrors = labs.map(|lab| {
            let netns = PathBuf::from(format!("/run/netns/{}", lab.client()));
            registry.elsewhere(&netns, listen, None, None).unwrap()
        });
        let mirrors = mirrors.collect();
        for machine in &mut machines {
            machine.join(&panel).await;
        }
        let http = reqwest::Client::builder()
            .tls_danger_accept_invalid_certs(true)
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        let mut scene = Self {
            panel,
            machines,
            http,
            cookie: String::new(),
            egg: String::new(),
            registry,
            _mirrors: mirrors,
            _turn: turn,
        };
        scene.log_in().await;
        let script = format!("#!/bin/sh\ncat > /mnt/server/count.sh <<'END'\n{GAME}END\n");
        let egg = json!({
            "meta": {"version": "PTDL_v2", "update_url": null},
            "name": "Counting game", "author": "tests@example.net", "description": "",
            "features": null, "docker_images": {"busybox": image}, "file_denylist": [],
            "startup": "sh count.sh",
            "config": {"files": "{}", "startup": "{\"done\": \"ready\"}", "logs": "{}", "stop": "stop"},
            "scripts": {"installation": {"script": script, "container": image, "entrypoint": "sh"}},
            "variables": [],
        });
        let made = scene.ask("POST", "/eggs/import", Some(egg)).await;
        scene.egg = made["egg"]["id"].as_str().unwrap().to_owned();
        scene
            .until("both nodes", async |s| {
                let nodes = s.ask("GET", "/nodes", None).await;
                let online = nodes["items"].as_array().unwrap().iter();
                online
                    .filter(|n| n["state"] == "online" && n["host"]["agent_version"].is_string())
                    .count()
                    == 2
            })
            .await;
        scene
    }

    async fn log_in(&mut self) {
        let id = UserId::new().to_string();
        let hash = Passwords::default().hash(PASSWORD).await.unwrap();
        let row = users::ActiveModel {
            id: sea_orm::Set(id.clone()),
            username: sea_orm::Set("root".into()),
            username_folded: sea_orm::Set("root".into()),
            email: sea_orm::Set("root@example.net".into()),
            email_folded: sea_orm::Set("root@example.net".into()),
            password_hash: sea_orm::Set(hash),
            admin: sea_orm::Set(true),
            must_change_password: sea_orm::Set(false),
            email_verified: sea_orm::Set(false),
            second_factor: sea_orm::Set(false),
            granted: sea_orm::Set(false),
            shared: sea_orm::Set(false),
            suspended_at_ms: sea_orm::Set(None),
            suspended_reason: sea_orm::Set(None),
            created_at_ms: sea_orm::Set(0),
            updated_at_ms: sea_orm::Set(0),
            deleted_at_ms: sea_orm::Set(None),
        };
        let tx = self.panel.app.db.begin(Lane::People).await.unwrap();
        users::Entity::insert(row)
            .exec_without_returning(&*tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let url = format!("https://{}/api/v1/session", self.panel.https);
        let body = json!({"login": "root", "password": PASSWORD});
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        let cookie = answer.headers().get("set-cookie").cloned();
        let text = answer.text().await.unwrap();
        let cookie = cookie.unwrap_or_else(|| panic!("{text}"));
        let cookie = cookie
            .to_str()
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        self.cookie = cookie;
    }

    pub async fn try_ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("https://{}/api/v1{path}", self.panel.https);
        let mut request = self
            .http
            .request(method.parse().unwrap(), url)
            .header("cookie", &self.cookie);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    pub async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let (status, body) = self.try_ask(method, path, body).await;
        assert!(status < 300, "{method} {path}: {status} {body}");
        body
    }

    pub async fn until(&self, what: &str, mut holds: impl AsyncFnMut(&Self) -> bool) {
        let until = Instant::now() + LIMIT;
        while !holds(self).await {
            if Instant::now() > until {
                let rows = transfers::Entity::find()
                    .all(self.panel.app.db.read())
                    .await;
                panic!("{what} did not come: {:?}", rows.map(|r| r.last().cloned()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn row(&self, server: &str) -> servers::Model {
        let row = servers::Entity::find_by_id(server)
            .one(self.panel.app.db.read())
            .await;
        row.unwrap().unwrap()
    }

    pub async fn transfer(&self, id: &str) -> transfers::Model {
        let row = transfers::Entity::find_by_id(id)
            .one(self.panel.app.db.read())
            .await;
        row.unwrap().unwrap()
    }

    /// A counting game that runs on the first machine.
    pub async fn counting(&self) -> String {
        self.counting_on(0, 0).await
    }

    /// One on that machine, which may have so much of its disk.
    pub async fn counting_on(&self, at: usize, disk_bytes: u64) -> String {
        let wish = json!({
            "name": "counts", "egg": self.egg, "node": self.machines[at].id,
            "limits": {"memory_bytes": 128 << 20, "swap_bytes": 0, "disk_bytes": disk_bytes, "cpu_percent": 0},
            "ports": {"extra": 1}, "start_after_install": true,
        });
        let made = self.ask("POST", "/servers", Some(wish)).await;
        let id = made["server"]["id"].as_str().unwrap().to_owned();
        self.runs(&id, 20).await;
        id
    }

    /// It runs, and has counted so far.
    pub async fn runs(&self, server: &str, count: usize) {
        self.until("a game that counts", async |s| {
            let row = s.row(server).await;
            let at = s.machine_of(&row.node_id);
            row.state == "running" && s.counted(at, server) >= count
        })
        .await;
    }

    pub fn machine_of(&self, node: &str) -> usize {
        self.machines.iter().position(|m| m.id == node).unwrap()
    }

    pub fn counted(&self, at: usize, server: &str) -> usize {
        let text = std::fs::read_to_string(self.machines[at].files(server).join("count.txt"));
        text.unwrap_or_default().lines().count()
    }

    /// Each number once, in order.
    pub fn check_count(&self, at: usize, server: &str) -> usize {
        let path = self.machines[at].files(server).join("count.txt");
        let text = std::fs::read_to_string(path).unwrap();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for (n, line) in whole.lines().enumerate() {
            assert_eq!(line, (n + 1).to_string());
        }
        whole.lines().count()
    }

    pub async fn begin(&self, server: &str, to: usize) -> String {
        let wish = json!({"node": self.machines[to].id});
        let mut said = Value::Null;
        for _ in 0..100 {
            let path = format!("/servers/{server}/transfer");
            let (status, body) = self.try_ask("POST", &path, Some(wish.clone())).await;
            if status == 202 {
                return body["transfer"]["id"].as_str().unwrap().to_owned();
            }
            // What the last one has left is being cleared away, a node is just back, or has not told again of its disk.
            let code = body["code"].as_str().unwrap_or_default().to_owned();
            let passing = [
                "transfer_untidied",
                "node_offline",
                "job_running",
                "disk_full",
            ];
            assert!(passing.contains(&&*code), "{body}");
            said = body;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("{said}");
    }

    /// The row of one that has an end, which its nodes may not have heard of yet.
    pub async fn ended(&self, id: &str) -> transfers::Model {
        self.until("an end", async |s| {
            s.transfer(id).await.ended_at_ms.is_some()
        })
        .await;
        self.transfer(id).await
    }

    pub async fn over(&self, id: &str) -> transfers::Model {
        self.until("the end of the transfer", async |s| {
            let row = s.transfer(id).await;
            row.tidied
        })
        .await;
        self.transfer(id).await
    }

    fn kill(&mut self, part: Part, source: usize) {
        match part {
            Part::Source => self.machines[source].kill(),
            Part::Receiver => self.machines[1 - source].kill(),
            Part::Control => self.panel.die(),
            Part::Both => self.machines.iter_mut().for_each(Machine::kill),
        }
    }

    async fn revive(&mut self) {
        for machine in &mut self.machines {
            if machine.agent.is_none() {
                machine.launch();
            }
        }
        self.panel.revive().await;
    }
}

/// Process namespaces that a counting game runs in.
pub fn running() -> usize {
    let mut spaces = BTreeSet::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let path = entry.path();
        let command = std::fs::read(path.join("cmdline")).unwrap_or_default();
        if command == b"sh\0count.sh\0"
            && let Ok(space) = std::fs::read_link(path.join("ns/pid"))
        {
            spaces.insert(space);
        }
    }
    spaces.len()
}

fn read(dir: &Path, name: &str) -> Vec<u8> {
    std::fs::read(dir.join(name)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_game_that_runs_is_moved_and_loses_nothing() {
    let scene = Scene::set().await;
    let server = scene.counting().await;
    let home = scene.machines[0].files(&server);
    let big: Vec<u8> = (0..12_000_000u32).flat_map(|n| n.to_le_bytes()).collect();
    std::fs::write(home.join("big.bin"), &big).unwrap();
    std::fs::create_dir_all(home.join("deep/er")).unwrap();
    std::fs::write(home.join("deep/er/new\nline"), "x").unwrap();
    std::os::unix::fs::symlink("deep/er", home.join("link")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", home.join("out")).unwrap();
    let sparse = File::create(home.join("sparse")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    std::os::unix::fs::FileExt::write_at(&sparse, b"here", 1 << 39).unwrap();
    let many = home.join("many");
    std::fs::create_dir(&many).unwrap();
    for n in 0..2000 {
        std::fs::write(many.join(format!("{n}")), format!("{n}")).unwrap();
    }
    let before = scene.counted(0, &server);
    let dry = json!({"node": scene.machines[1].id, "dry_run": true});
    let plan = scene
        .ask("POST", &format!("/servers/{server}/transfer"), Some(dry))
        .await;
    assert_eq!(plan["plan"]["ports"].as_array().unwrap().len(), 2, "{plan}");
    assert!(plan["transfer"].is_null());
    let id = scene.begin(&server, 1).await;
    let done = scene.over(&id).await;
    assert_eq!(
        (&*done.phase, done.code.as_deref()),
        ("done", None),
        "{done:?}"
    );
    eprintln!(
        "moved {} files of {} MiB in {} passes; expected to be down {:?} ms, was down {:?} ms",
        done.files,
        done.size_bytes >> 20,
        done.pass,
        done.expected_ms,
        done.downtime_ms
    );
    assert!(done.downtime_ms.unwrap() > 0 && done.expected_ms.unwrap() > 0);
    scene.runs(&server, before + 20).await;
    let row = scene.row(&server).await;
    assert_eq!(row.node_id, scene.machines[1].id);
    assert!(scene.check_count(1, &server) > before);
    let there = scene.machines[1].files(&server);
    assert!(read(&there, "big.bin") == big);
    assert_eq!(read(&there, "deep/er/new\nline"), b"x");
    assert_eq!(
        std::fs::read_link(there.join("link")).unwrap(),
        Path::new("deep/er")
    );
    assert_eq!(
        std::fs::read_link(there.join("out")).unwrap(),
        Path::new("/etc/passwd")
    );
    let moved = std::fs::metadata(there.join("sparse")).unwrap();
    assert!(moved.len() == 1 << 40 && moved.blocks() < 10_000);
    let mut bytes = [0; 4];
    let sparse = File::open(there.join("sparse")).unwrap();
    std::os::unix::fs::FileExt::read_at(&sparse, &mut bytes, 1 << 39).unwrap();
    assert_eq!(&bytes, b"here");
    for n in [0, 7, 1999] {
        assert_eq!(
            read(&there.join("many"), &n.to_string()),
            n.to_string().as_bytes()
        );
    }
    let owner = std::fs::metadata(there.join("big.bin")).unwrap().uid();
    assert_eq!(owner, std::fs::metadata(&there).unwrap().uid());
    assert_eq!(running(), 1);
    // The old node has put its copy away, and knows nothing of the server.
    scene
        .until("nothing is left where it was", async |s| {
            !s.machines[0].files(&server).exists()
        })
        .await;
    let stages = scene.machines[1].data().join("transfers");
    assert_eq!(std::fs::read_dir(stages).unwrap().count(), 0);
    let shown = scene.ask("GET", &format!("/servers/{server}"), None).await;
    assert_eq!(shown["allocations"].as_array().unwrap().len(), 2, "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_step_ends_in_done_or_as_before() {
    let mut scene = Scene::set().await;
    let server = scene.counting().await;
    let parts = [Part::Source, Part::Receiver, Part::Control, Part::Both];
    let phases = ["copying", "stopping", "last", "placing", "starting"];
    let most = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let watch = {
        let most = most.clone();
        std::thread::spawn(move || {
            while std::sync::Arc::strong_count(&most) > 1 {
                most.fetch_max(running(), std::sync::atomic::Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        })
    };
    let mut told = Vec::new();
    for phase in phases {
        for part in parts {
            let source = scene.machine_of(&scene.row(&server).await.node_id);
            let before = scene.counted(source, &server);
            let id = scene.begin(&server, 1 - source).await;
            let seen = loop {
                let row = scene.transfer(&id).await;
                if row.phase == phase || row.ended_at_ms.is_some() {
                    break row.phase;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            };
            scene.kill(part, source);
            scene.revive().await;
            let end = scene.over(&id).await;
            scene.runs(&server, before + 10).await;
            let at = scene.machine_of(&scene.row(&server).await.node_id);
            assert_eq!(
                at == source,
                end.phase != "done",
                "{phase} {part:?}: {end:?}"
            );
            let count = scene.check_count(at, &server);
            assert!(count > before, "{phase} {part:?}");
            assert_eq!(running(), 1, "{phase} {part:?}");
            scene
                .until("one copy of the files", async |s| {
                    !s.machines[1 - at].files(&server).exists()
                })
                .await;
            told.push(format!(
                "{part:?} killed in {phase} (seen: {seen}): {}, down {:?} ms",
                end.phase, end.downtime_ms
            ));
        }
    }
    eprintln!("{}", told.join("\n"));
    assert_eq!(most.load(std::sync::atomic::Ordering::Relaxed), 1);
    drop(most);
    watch.join().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_reads_nothing_that_was_not_granted_to_it() {
    let scene = Scene::set().await;
    let server = scene.counting().await;
    let [from, to] = &scene.machines;
    let (source, thief) = (from.id.parse().unwrap(), to.id.parse().unwrap());
    // The stolen key of the other node.
    let identity = warren_agent::identity::Identity::load(&to.data());
    let creds = identity.unwrap().unwrap().newest().creds().unwrap();
    let bus = crate::rig::connect(&scene.panel.nats, creds).await;
    let read = |transfer: &str, secret: Vec<u8>| wire::TransferList {
        transfer: transfer.into(),
        secret,
        pass: 1,
        after: 0,
    };
    let ask = async |body: &wire::TransferList| {
        let subject = subjects::xfer_ask(source, thief, xfer::LIST);
        let within = Duration::from_secs(5);
        let answer =
            bus.call::<wire::TransferItems>(subject, xfer::LIST, Some(source), body, within);
        match answer.await {
            Err(CallError::Failed { code, .. }) => code,
            other => panic!("{other:?}"),
        }
    };
    let none = TransferId::new().to_string();
    assert_eq!(ask(&read(&none, vec![0; 32])).await, "not_granted");
    assert_eq!(ask(&read(&server, Vec::new())).await, "not_granted");
    // While it is really moved there, all the same without the secret.
    let wish = json!({"node": to.id, "wait": true});
    let path = format!("/servers/{server}/transfer");
    let made = scene.ask("POST", &path, Some(wish)).await;
    let id = made["transfer"]["id"].as_str().unwrap().to_owned();
    scene
        .until("all is copied", async |s| {
            s.transfer(&id).await.phase == "ready"
        })
        .await;
    let shown = scene.ask("GET", &path, None).await;
    assert!(
        shown["expected_downtime_ms"].as_i64().unwrap() > 0,
        "{shown}"
    );
    assert_eq!(ask(&read(&id, vec![0; 32])).await, "not_granted");
    assert_eq!(scene.row(&server).await.state, "running");
    scene.ask("PATCH", &path, Some(json!({"go": true}))).await;
    assert_eq!(scene.over(&id).await.phase, "done");
    assert_eq!(ask(&read(&id, vec![0; 32])).await, "not_granted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_that_is_called_off_leaves_everything_as_before() {
    let scene = Scene::set().await;
    let server = scene.counting().await;
    for phase in ["copying", "stopping", "last", "placing"] {
        let before = scene.counted(0, &server);
        let id = scene.begin(&server, 1).await;
        loop {
            let row = scene.transfer(&id).await;
            if row.phase == phase || row.ended_at_ms.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let path = format!("/servers/{server}/transfer");
        let (status, said) = scene.try_ask("DELETE", &path, None).await;
        let end = scene.over(&id).await;
        eprintln!("called off in {phase}: {status}, {}", end.phase);
        if end.phase == "done" {
            // Too late by a moment: then it was refused, and goes back by another one.
            assert_eq!(status, 409, "{said}");
            let back = scene.begin(&server, 0).await;
            assert_eq!(scene.over(&back).await.phase, "done");
        } else {
            assert_eq!((status, &*end.phase), (202, "cancelled"), "{said}");
        }
        scene.runs(&server, before + 10).await;
        assert_eq!(scene.row(&server).await.node_id, scene.machines[0].id);
        scene.check_count(0, &server);
        assert_eq!(running(), 1);
        assert!(!scene.machines[1].files(&server).exists());
    }
    let refused = json!({"node": scene.machines[0].id});
    let (status, said) = scene
        .try_ask(
            "POST",
            &format!("/servers/{server}/transfer"),
            Some(refused),
        )
        .await;
    assert_eq!(status, 422, "{said}");
}
