//! Joining where only the panel's HTTPS can be reached: over its self-signed certificate, pinned by the token.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sea_orm::EntityTrait;
use warren_agent::identity::Identity;
use warren_control::clock::Clock;
use warren_entity::join_tokens;
use warren_harness::free_port;
use warren_proto::bus::{Bus, Options};
use warren_proto::join::JoinToken;

use crate::panel::{Panel, SOON};
use crate::rig::now_ms;

/// A machine with settings and nothing else.
struct Machine {
    dir: PathBuf,
}

impl Machine {
    fn new(panel: &Panel, name: &str) -> Self {
        let dir = panel.dir().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        let text = format!("data_dir = {:?}\n", dir.join("data"));
        std::fs::write(dir.join("agent.toml"), text).unwrap();
        Self { dir }
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    async fn join(&self, token: &JoinToken) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_warren-agent"));
        command.args(["join", &token.encode(), "--config"]);
        command.arg(self.dir.join("agent.toml"));
        let mut command = tokio::process::Command::from(command);
        command.output().await.unwrap()
    }

    fn identity(&self) -> Option<Identity> {
        Identity::load(&self.data()).unwrap()
    }
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The bus is behind a firewall; control's address is one that others reach.
async fn cut_off(panel: &Panel) -> JoinToken {
    let mut token = panel.token(None).await;
    token.nats_urls = vec![format!("nats://127.0.0.1:{}", free_port().unwrap())];
    token.control_url = Some(format!("https://{}", panel.https));
    token
}

async fn uses_left(panel: &Panel, token: &JoinToken) -> i64 {
    let row = join_tokens::Entity::find_by_id(token.id.to_string());
    let row = row.one(panel.app.db.read()).await.unwrap();
    row.unwrap().uses_left
}

fn nothing_is_left(machine: &Machine) {
    assert!(machine.identity().is_none());
    assert!(!Path::new(&machine.dir.join("data/ledger")).exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_reaches_https_alone_becomes_a_node() {
    let panel = Panel::start(Clock::system()).await;
    let machine = Machine::new(&panel, "a");
    let token = cut_off(&panel).await;
    let joined = machine.join(&token).await;
    assert!(joined.status.success(), "{}", words(&joined));
    assert_eq!(uses_left(&panel, &token).await, 0);
    let identity = machine.identity().unwrap();
    let row = panel.row(identity.node).await;
    let key = identity.current.seed.key().unwrap();
    assert_eq!(row.public_key, key.public_key());
    // What it was given is good on the bus.
    let bus = Bus::start(Options {
        urls: identity.nats_urls.clone(),
        name: "test".into(),
        creds: identity.current.creds().unwrap(),
        ca_pem: None,
    });
    bus.await.unwrap().ready(SOON).await.unwrap();
    // Joining again proves the key that it had: the same node, under a new key.
    let again = machine.join(&cut_off(&panel).await).await;
    assert!(again.status.success(), "{}", words(&again));
    let after = machine.identity().unwrap();
    assert_eq!(after.node, identity.node);
    assert_ne!(after.current, identity.current);
    // Another machine that only knows its id does not become it.
    let thief = Machine::new(&panel, "thief");
    let mut forged = after.clone();
    forged.current.seed = warren_proto::bus::Seed::of(&nkeys::KeyPair::new_user()).unwrap();
    forged.save(&thief.data()).unwrap();
    let refused = thief.join(&cut_off(&panel).await).await;
    assert!(!refused.status.success());
    let text = words(&refused);
    assert!(text.contains("rejoin_unproven"), "{text}");
    assert!(text.contains("make a join token for this node"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panel_with_another_certificate_is_not_told_the_secret() {
    let panel = Panel::start(Clock::system()).await;
    let machine = Machine::new(&panel, "a");
    let good = cut_off(&panel).await;
    let mut token = good.clone();
    token.control_key_sha256 = Some("ab".repeat(32));
    let refused = machine.join(&token).await;
    assert!(!refused.status.success());
    let text = words(&refused);
    assert!(text.contains("certificate"), "{text}");
    assert_eq!(uses_left(&panel, &token).await, 1);
    nothing_is_left(&machine);
    // Nor is one that does not encrypt at all.
    token.control_url = Some(format!("http://{}", panel.https));
    let refused = machine.join(&token).await;
    assert!(
        words(&refused).contains("not encrypted"),
        "{}",
        words(&refused)
    );
    assert_eq!(uses_left(&panel, &token).await, 1);
    let joined = machine.join(&good).await;
    assert!(joined.status.success(), "{}", words(&joined));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_or_withdrawn_token_is_refused_with_what_to_do() {
    let panel = Panel::start(Clock::standing(now_ms())).await;
    let (machine, token) = (Machine::new(&panel, "a"), cut_off(&panel).await);
    panel.clock.advance(2 * 3600 * 1000);
    let refused = machine.join(&token).await;
    let text = words(&refused);
    assert!(!refused.status.success());
    assert!(
        text.contains("token_expired") && text.contains("make a new one"),
        "{text}"
    );
    nothing_is_left(&machine);
    // Withdrawn, the bus itself refuses it; with no other way the agent says what that means.
    let mut token = panel.token(None).await;
    token.control_url = None;
    let withdrawn = warren_control::node::token::withdraw(&panel.app, token.id);
    assert!(withdrawn.await.unwrap());
    let refused = warren_harness::eventually_async("the bus to refuse it", SOON, || async {
        let text = words(&machine.join(&token).await);
        text.contains("make a new token").then_some(text)
    });
    refused.await.unwrap();
    nothing_is_left(&machine);
}
