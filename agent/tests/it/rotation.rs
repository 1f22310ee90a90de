//! A key that is being changed, with the agent killed at each step: one of its two keys gets it back in, and the
//! old one is refused once the new one has spoken. Agent, nats-server and control are the real ones.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use warren_agent::identity::{Credential, Identity};
use warren_control::clock::Clock;
use warren_harness::{Containerd, eventually_async};
use warren_proto::bus::events::Link;
use warren_proto::bus::{Bus, Error, Options};
use warren_proto::ids::NodeId;

use crate::panel::{Panel, SOON};
use crate::proxy::{Fails, Proxy};
use crate::rig::turn;

/// A renewal comes with the first heartbeat, ten seconds after hello.
const LIMIT: Duration = Duration::from_secs(40);
/// Longer than a credential lives: each agent that starts renews.
const ALWAYS_S: i64 = 91 * 24 * 3600;

struct Scene {
    panel: Panel,
    proxy: Proxy,
    node: NodeId,
    config: PathBuf,
    containerd: Containerd,
    agent: Option<Child>,
    _turn: File,
}

impl Scene {
    async fn set() -> Self {
        let turn = turn();
        let panel = Panel::start(Clock::system()).await;
        let proxy = Proxy::start(panel.nats.port()).await;
        let containerd = Containerd::start().unwrap();
        let config = containerd.dir().join("agent.toml");
        let text = format!(
            "data_dir = {:?}\ncontainerd_address = {:?}\nrunc_root = {:?}\ntag = {:?}\ncgroup_parent = {:?}\nbridge_subnet = {:?}\nuid_base = {}\nnats_urls = [\"nats://{}\"]\nrenew_before_s = {ALWAYS_S}\nrotate_after_s = 0\n",
            containerd.dir().join("agent"),
            containerd.socket(),
            containerd.runc_root(),
            containerd.tag(),
            containerd.cgroup_parent(),
            containerd.subnet(),
            containerd.uid_base(),
            proxy.at,
        );
        std::fs::write(&config, text).unwrap();
        let mut scene = Self {
            panel,
            proxy,
            node: NodeId::new(),
            config,
            containerd,
            agent: None,
            _turn: turn,
        };
        let token = scene.panel.token(None).await.encode();
        let mut join = tokio::process::Command::from(scene.program(&["join", &token]));
        assert!(join.status().await.unwrap().success());
        scene.node = scene.identity().node;
        scene
    }

    fn program(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_warren-agent"));
        command.args(words).arg("--config").arg(&self.config);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    fn launch(&mut self) {
        let log = self.containerd.dir().join("agent.log");
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut command = self.program(&["run"]);
        self.agent = Some(command.stderr(log).spawn().unwrap());
    }

    /// SIGKILL.
    fn kill(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            agent.kill().unwrap();
            agent.wait().unwrap();
        }
    }

    fn identity(&self) -> Identity {
        let data = self.containerd.dir().join("agent");
        Identity::load(&data).unwrap().unwrap()
    }

    async fn until<F: Future<Output = bool>>(&self, what: &str, holds: impl Fn() -> F) {
        let waited = eventually_async(what, LIMIT, || {
            let held = holds();
            async { held.await.then_some(()) }
        });
        if let Err(e) = waited.await {
            let log = std::fs::read_to_string(self.containerd.dir().join("agent.log"));
            panic!("{e}\nagent: {}", log.unwrap_or_default());
        }
    }

    /// A renewal is through: another key than `before` on the agent's disk, and the same one at control.
    async fn settled(&self, before: &Credential) -> Credential {
        self.until("one key on both sides", || async {
            let (row, identity) = (self.panel.row(self.node).await, self.identity());
            row.online
                && row.pending_key.is_none()
                && identity.next.is_none()
                && identity.current != *before
                && row.public_key == public(&identity.current)
        })
        .await;
        self.identity().current
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.kill();
    }
}

fn public(credential: &Credential) -> String {
    credential.seed.key().unwrap().public_key()
}

async fn refused(panel: &Panel, credential: &Credential) {
    let options = Options {
        urls: vec![panel.nats.url()],
        name: "an old key".into(),
        creds: credential.creds().unwrap(),
        ca_pem: None,
    };
    let bus = Bus::start(options).await.unwrap();
    // The push that shuts it out may still be on its way.
    if let Err(e) = bus.ready(SOON).await {
        return assert!(matches!(e, Error::Refused(_)), "{e}");
    }
    let mut link = bus.link();
    let out = link.wait_for(|l| matches!(l, Link::Refused { .. }));
    tokio::time::timeout(SOON, out).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_killed_at_any_step_of_a_rotation_gets_back_in() {
    let mut scene = Scene::set().await;
    let steps = [
        Fails::BeforeTheRequest,
        Fails::BeforeTheAnswer,
        Fails::AfterTheAnswer,
        Fails::AfterTheReconnect,
        Fails::Never,
    ];
    for step in steps {
        let before = scene.identity().current;
        scene.proxy.fail(step);
        scene.launch();
        scene
            .until("a renewal to be asked for", || async {
                scene.proxy.asked()
            })
            .await;
        let reached = || async {
            let (row, identity) = (scene.panel.row(scene.node).await, scene.identity());
            let Some(next) = &identity.next else {
                return step == Fails::Never && identity.current != before;
            };
            let pending = row.pending_key.as_deref() == Some(&*public(next));
            match step {
                Fails::BeforeTheRequest => row.pending_key.is_none() && next.jwt.is_empty(),
                Fails::BeforeTheAnswer => pending && next.jwt.is_empty(),
                Fails::AfterTheAnswer => pending && !next.jwt.is_empty(),
                Fails::AfterTheReconnect => row.public_key == public(next),
                Fails::Never => false,
            }
        };
        scene.until(&format!("{step:?}"), reached).await;
        scene.kill();
        let left = scene.identity();
        scene.proxy.fail(Fails::Never);
        scene.launch();
        let now = scene.settled(&before).await;
        refused(&scene.panel, &before).await;
        let half_done = left.next.filter(|next| !next.jwt.is_empty());
        if let Some(old) = half_done.filter(|next| *next != now) {
            refused(&scene.panel, &old).await;
        }
        scene.kill();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_key_is_refused_although_control_was_away_when_the_new_one_came() {
    let mut scene = Scene::set().await;
    let before = scene.identity().current;
    scene.proxy.fail(Fails::AfterTheAnswer);
    scene.launch();
    scene
        .until("the new credential on disk", || async {
            let next = scene.identity().next;
            next.is_some_and(|next| !next.jwt.is_empty())
        })
        .await;
    scene.panel.halt().await;
    scene.proxy.fail(Fails::Never);
    // The server tells of the connection now, and nobody hears it.
    scene
        .until("the agent to connect with its new key", || async {
            let log = std::fs::read_to_string(scene.containerd.dir().join("agent.log"));
            log.unwrap_or_default().matches("bus connected").count() >= 2
        })
        .await;
    scene.panel.resume().await;
    scene.settled(&before).await;
    refused(&scene.panel, &before).await;
}
