//! Directories of the machine that games see, and those that they never do.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use warren_harness::FakeGame;
use warren_proto::ids::ServerId;
use warren_proto::wire::{self, fact::What};

use crate::rig::Rig;

/// A node that allows one directory, and that directory.
async fn allowing() -> (Rig, PathBuf) {
    let mut rig = Rig::bare().await;
    let root = rig.containerd.dir().join("shared");
    fs::create_dir(&root).unwrap();
    let text = fs::read_to_string(&rig.config).unwrap();
    let text = format!("{text}allowed_mounts = [{root:?}]\n");
    fs::write(&rig.config, text).unwrap();
    rig.join("secret").await;
    rig.launch();
    rig.greeted().await;
    (rig, root)
}

fn folder(path: &Path, mode: u32) {
    fs::create_dir(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mount(name: &str, source: &Path, target: &str, read_only: bool) -> wire::Mount {
    wire::Mount {
        id: String::new(),
        name: name.into(),
        source: source.display().to_string(),
        target: target.into(),
        read_only,
    }
}

/// What the last start that failed said.
fn failure(rig: &Rig, server: ServerId) -> Option<(String, String)> {
    let facts = rig.control.facts_of(&server.to_string());
    facts.iter().rev().find_map(|w| match w {
        What::StateChanged(c) if c.to() == wire::State::Error => {
            Some((c.reason.clone(), c.detail.clone()))
        }
        _ => None,
    })
}

/// Starts it with these mounts and gives why it did not start.
async fn refused(rig: &mut Rig, server: ServerId, mounts: Vec<wire::Mount>) -> (String, String) {
    let before = rig.control.facts_of(&server.to_string()).len();
    let mut spec = rig.spec(&FakeGame::echo());
    spec.mounts = mounts;
    rig.order(server, wire::Power::Start, spec).await;
    rig.until("the start to be refused", |r| {
        let facts = r.control.facts_of(&server.to_string());
        facts[before.min(facts.len())..]
            .iter()
            .any(|w| matches!(w, What::StateChanged(c) if c.to() == wire::State::Error))
    })
    .await;
    assert!(rig.pids(server).is_empty(), "nothing has run");
    failure(rig, server).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_game_sees_what_its_node_allows_and_changes_only_what_it_may() {
    let (mut rig, root) = allowing().await;
    let facts = rig
        .control
        .stored
        .lock()
        .hello
        .clone()
        .unwrap()
        .host
        .unwrap();
    assert_eq!(facts.allowed_mounts, [root.display().to_string()]);
    let (open, closed, tight) = (root.join("open"), root.join("closed"), root.join("tight"));
    folder(&open, 0o777);
    folder(&closed, 0o777);
    folder(&tight, 0o750);
    fs::write(closed.join("map"), "the map").unwrap();
    let server = ServerId::new();
    let script = "sh -c 'cat /mnt/maps/map; echo from-the-game >/mnt/save/made; echo no >/mnt/maps/made; \
        echo done-with-it; exec sleep 1000'";
    let mut spec = rig.spec(&FakeGame::echo());
    spec.env[0].value = script.into();
    spec.startup = script.into();
    spec.done = vec![wire::DoneMarker {
        pattern: Some(wire::done_marker::Pattern::Contains("done-with-it".into())),
    }];
    spec.mounts = vec![
        mount("Maps", &closed, "/mnt/maps", true),
        mount("Saves", &open, "/mnt/save", false),
        mount("Tight", &tight, "/mnt/tight", true),
    ];
    rig.order(server, wire::Power::Start, spec).await;
    rig.until_state(server, wire::State::Running).await;
    let id = server.to_string();
    rig.until("what it printed", |r| {
        let bytes = r.control.bytes(&id, wire::ConsoleStream::Game);
        String::from_utf8_lossy(&bytes).contains("done-with-it")
    })
    .await;
    let text = rig.control.bytes(&id, wire::ConsoleStream::Game);
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(text.contains("the map"), "{text}");
    assert!(text.contains("Read-only file system"), "{text}");
    assert!(!closed.join("made").exists());
    assert_eq!(
        fs::read_to_string(open.join("made")).unwrap(),
        "from-the-game\n"
    );
    // Its own user, not root.
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(open.join("made")).unwrap());
    assert!(owner >= rig.containerd.uid_base(), "{owner}");
    rig.until("the hint", |r| {
        let said = r.control.bytes(&id, wire::ConsoleStream::Warren);
        String::from_utf8_lossy(&said).contains("\"Tight\"")
    })
    .await;
    let said = rig.control.bytes(&id, wire::ConsoleStream::Warren);
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(
        said.contains(&format!("(uid {owner}) can't read /mnt/tight")),
        "{said}"
    );
    assert!(
        !said.contains("\"Saves\"") && !said.contains("\"Maps\""),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_with_a_mount_that_can_not_be_is_refused_and_says_which_and_what_to_do() {
    let (mut rig, root) = allowing().await;
    let server = ServerId::new();
    folder(&root.join("maps"), 0o755);
    fs::write(root.join("file"), "x").unwrap();
    symlink("/etc", root.join("etc")).unwrap();
    let own = rig.data().join("servers");
    let cases: [(&Path, &str, &str); 9] = [
        (Path::new("/etc"), "mount_not_allowed", "is never mounted"),
        (Path::new("/"), "mount_not_allowed", "is never mounted"),
        (&own, "mount_not_allowed", "allowed_mounts"),
        (Path::new("/srv"), "mount_not_allowed", "allowed_mounts"),
        (
            &root.join("../agent"),
            "mount_not_allowed",
            "is never mounted",
        ),
        (&root.join("none"), "mount_missing", "Make the directory"),
        (
            &root.join("file"),
            "mount_not_a_directory",
            "Name a directory",
        ),
        (&root.join("etc"), "mount_symlink", "where it really is"),
        (&root.join("etc/ssl"), "mount_symlink", "where it really is"),
    ];
    for (source, code, what) in cases {
        let good = mount("Good", &root.join("maps"), "/mnt/good", true);
        let bad = mount("Bad one", source, "/mnt/bad", true);
        let (reason, detail) = refused(&mut rig, server, vec![good, bad]).await;
        assert_eq!(reason, code, "{}: {detail}", source.display());
        for part in ["\"Bad one\"", what, &source.display().to_string()] {
            assert!(detail.contains(part), "no {part:?} in {detail}");
        }
    }
    // A control that lies about where it goes in the container.
    for target in [
        "/",
        "/home/container",
        "/etc",
        "/proc",
        "relative",
        "/mnt/../etc",
    ] {
        let bad = mount("Bad one", &root.join("maps"), target, true);
        let (reason, detail) = refused(&mut rig, server, vec![bad]).await;
        assert_eq!(reason, "spec_invalid", "{target}: {detail}");
    }
    let twice = ["/mnt/a", "/mnt/a/b"].map(|t| mount(t, &root.join("maps"), t, true));
    let (reason, _) = refused(&mut rig, server, twice.to_vec()).await;
    assert_eq!(reason, "spec_invalid");
    // Put right, it starts.
    let mut spec = rig.spec(&FakeGame::echo());
    spec.mounts = vec![mount("Good", &root.join("maps"), "/mnt/good", true)];
    rig.order(server, wire::Power::Start, spec).await;
    rig.until_state(server, wire::State::Running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_allows_nothing_mounts_nothing() {
    let mut rig = Rig::new().await;
    let facts = rig
        .control
        .stored
        .lock()
        .hello
        .clone()
        .unwrap()
        .host
        .unwrap();
    assert!(facts.allowed_mounts.is_empty());
    let root = rig.containerd.dir().join("shared");
    folder(&root, 0o777);
    let all = vec![mount("Maps", &root, "/mnt/maps", true)];
    let (reason, detail) = refused(&mut rig, ServerId::new(), all).await;
    assert_eq!(reason, "mount_not_allowed");
    assert!(detail.contains("allowed_mounts"), "{detail}");
}
