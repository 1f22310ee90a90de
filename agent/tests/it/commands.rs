//! What the agent takes from whom.

use std::time::Duration;

use warren_harness::FakeGame;
use warren_proto::bus::keyring::Signer;
use warren_proto::bus::signed::{self, Order};
use warren_proto::bus::ticket::{self, Scope, Ticket, right};
use warren_proto::bus::{CallError, Creds, Seed};
use warren_proto::ids::{BootId, GatewayId, ServerId, SessionId, UserId};
use warren_proto::subjects::{self, down};
use warren_proto::{Message as _, wire};

use crate::control::SOON;
use crate::rig::{Rig, connect, now_ms};

fn code<T: std::fmt::Debug>(result: Result<T, CallError>) -> String {
    match result {
        Err(CallError::Failed { code, .. }) => code,
        other => format!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_controls_own_fresh_word_is_carried_out() {
    let rig = Rig::new().await;
    let control = &rig.control;
    let say = async |command: wire::SignedCommand| {
        let subject = subjects::to_node(control.node, down::APPLY);
        let answer = control.bus.call::<wire::ApplyAnswer>(
            subject,
            down::APPLY,
            Some(control.node),
            &command,
            SOON,
        );
        code(answer.await)
    };
    let good = control.signed(down::APPLY, &wire::Apply::default());
    let order = |signer: &Signer, boot: BootId, verb, expires_at_ms| {
        let body = wire::Apply::default().encode_to_vec();
        signed::sign(
            signer,
            Order {
                node: control.node,
                boot,
                verb,
                expires_at_ms,
                body: &body,
            },
        )
    };
    let (boot, soon) = (control.boot(), now_ms() + 10_000);
    assert_eq!(
        say(order(&Signer::create(), boot, down::APPLY, soon)).await,
        "unknown_key"
    );
    assert_eq!(
        say(order(&control.ticket, boot, down::APPLY, soon)).await,
        "unknown_key"
    );
    assert_eq!(
        say(order(&control.command, BootId::new(), down::APPLY, soon)).await,
        "other_boot"
    );
    assert_eq!(
        say(order(&control.command, boot, down::JOBS, soon)).await,
        "wrong_verb"
    );
    assert_eq!(
        say(order(&control.command, boot, down::APPLY, now_ms() - 2000)).await,
        "expired"
    );
    assert!(say(good.clone()).await.starts_with("Ok"));
    assert_eq!(say(good).await, "replayed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_alive_is_answered_by_that_process_alone_and_a_copy_says_nothing() {
    let mut rig = Rig::new().await;
    let say = async |control: &crate::control::Control, verb: &str, boot: BootId| {
        let body = wire::Accepted {}.encode_to_vec();
        let order = Order {
            node: control.node,
            boot,
            verb,
            expires_at_ms: now_ms() + 10_000,
            body: &body,
        };
        let command = signed::sign(&control.command, order);
        let subject = subjects::to_node(control.node, verb);
        let soon = Duration::from_millis(700);
        let answer =
            control
                .bus
                .call::<wire::Accepted>(subject, verb, Some(control.node), &command, soon);
        match answer.await {
            Ok(_) => "alive".to_owned(),
            Err(CallError::Failed { code, .. }) => code,
            Err(CallError::Bus(_)) => "silent".to_owned(),
            Err(other) => other.to_string(),
        }
    };
    let control = rig.control.clone();
    assert_eq!(say(&control, down::ALIVE, control.boot()).await, "alive");
    assert_eq!(say(&control, down::ALIVE, BootId::new()).await, "silent");
    assert_eq!(
        say(&control, down::REVOKE, BootId::new()).await,
        "other_boot"
    );
    // Shut out, it leaves to the other one what is the other one's, and still answers for itself.
    control.stored.lock().shut_out = true;
    rig.bounce().await;
    rig.until("the quarantine", |rig| {
        rig.log().contains("this node is quarantined")
    })
    .await;
    assert_eq!(say(&control, down::REVOKE, BootId::new()).await, "silent");
    assert_eq!(say(&control, down::REVOKE, control.boot()).await, "alive");
    assert_eq!(say(&control, down::OPEN, control.boot()).await, "silent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateways_session_may_do_what_its_ticket_says_and_dies_with_it() {
    let mut rig = Rig::new().await;
    let server = rig.running(&FakeGame::echo()).await;
    let control = rig.control.clone();
    let user = nkeys::KeyPair::new_user();
    let jwt =
        control
            .realm
            .mint_gateway(GatewayId::new(), &user.public_key(), now_ms() / 1000, None);
    let gateway = connect(
        &rig.nats,
        Creds::new(jwt.unwrap(), Seed::of(&user).unwrap()).unwrap(),
    )
    .await;
    let node = Some(control.node);
    let to = |verb| subjects::to_node(control.node, verb);
    let ticket = Ticket {
        user: UserId::new(),
        session: SessionId::new(),
        scope: Scope::Server {
            server,
            node: control.node,
        },
        rights: vec![right::WATCH.into(), "file.read".into()],
        upload_bytes: None,
        iat: now_ms() / 1000,
        exp: now_ms() / 1000 + 60,
    };
    let open = wire::Open {
        ticket: ticket::sign(&control.ticket, &ticket).unwrap(),
    };
    let opened: wire::Opened = gateway
        .call(to(down::OPEN), down::OPEN, node, &open, SOON)
        .await
        .unwrap();
    let ask = |server: ServerId, what| wire::ConsoleAsk {
        session: opened.session.clone(),
        server: server.to_string(),
        ask: Some(what),
    };
    use wire::console_ask::Ask;
    let mut frames = gateway
        .subscribe(subjects::live_console(control.node, server), 64)
        .await
        .unwrap();
    gateway.flush(SOON).await.unwrap();
    let watch = ask(
        server,
        Ask::Watch(wire::Watch {
            console: true,
            stats: true,
            stop: false,
        }),
    );
    let watched: wire::WatchAnswer = gateway
        .call(to(down::CONSOLE), down::CONSOLE, node, &watch, SOON)
        .await
        .unwrap();
    assert!(watched.lease_ms > 29_000);
    let tail = ask(server, Ask::Tail(wire::Tail { max_bytes: 0 }));
    let chunks: wire::Chunks = gateway
        .call(to(down::CONSOLE), down::CONSOLE, node, &tail, SOON)
        .await
        .unwrap();
    assert!(chunks.ranges.iter().any(|r| r.data.starts_with(b"ready")));
    assert_eq!(
        rig.input(server, "live", "x").await,
        wire::InputResult::Written
    );
    let mut seen = Vec::new();
    let end = watched
        .ends
        .iter()
        .find(|e| e.stream() == wire::ConsoleStream::Game)
        .unwrap()
        .end;
    while !String::from_utf8_lossy(&seen).contains("got: live") {
        let message = tokio::time::timeout(SOON, frames.next())
            .await
            .unwrap()
            .unwrap();
        let frame: wire::ConsoleFrame = gateway
            .hear(message.payload, "console", control.node)
            .unwrap();
        if frame.stream() == wire::ConsoleStream::Game {
            assert_eq!(frame.offset, end + seen.len() as u64);
            seen.extend_from_slice(&frame.data);
        }
    }
    let typed = ask(
        server,
        Ask::Input(wire::Input {
            line: b"x".to_vec(),
            ..Default::default()
        }),
    );
    let refused = gateway
        .call::<wire::InputAnswer>(to(down::CONSOLE), down::CONSOLE, node, &typed, SOON)
        .await;
    assert_eq!(code(refused), "ticket_right");
    let elsewhere = ask(ServerId::new(), Ask::Tail(wire::Tail { max_bytes: 0 }));
    let refused = gateway
        .call::<wire::Chunks>(to(down::CONSOLE), down::CONSOLE, node, &elsewhere, SOON)
        .await;
    assert_eq!(code(refused), "ticket_scope");
    let revoke = wire::Revoke {
        counter: 1,
        sessions: vec![ticket.session.to_string()],
        users: Vec::new(),
    };
    let _: wire::Accepted = control.ask(down::REVOKE, &revoke).await.unwrap();
    let refused = gateway
        .call::<wire::Chunks>(to(down::CONSOLE), down::CONSOLE, node, &tail, SOON)
        .await;
    assert_eq!(code(refused), "session_unknown");
    let again = gateway
        .call::<wire::Opened>(to(down::OPEN), down::OPEN, node, &open, SOON)
        .await;
    assert_eq!(code(again), "ticket_revoked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_written_in_parts_and_never_outside() {
    let mut rig = Rig::new().await;
    let server = rig.running(&FakeGame::echo()).await;
    use wire::files_ask::Ask;
    let ask = |what| wire::FilesAsk {
        session: String::new(),
        server: server.to_string(),
        ask: Some(what),
    };
    let part = |offset: u64, data: &[u8], last| {
        Ask::Write(wire::FileWrite {
            path: "a/b.txt".into(),
            data: data.to_vec(),
            if_match: "-".into(),
            upload: "01jd0000000000000000000000".into(),
            offset,
            last,
        })
    };
    let control = &rig.control;
    let _: wire::FileWritten = control
        .ask(down::FILES, &ask(part(0, b"hello ", false)))
        .await
        .unwrap();
    let written: wire::FileWritten = control
        .ask(down::FILES, &ask(part(6, b"world", true)))
        .await
        .unwrap();
    assert_eq!(written.size_bytes, 11);
    let read = Ask::Read(wire::FileRead {
        path: "/a/b.txt".into(),
        offset: 0,
        length: 100,
    });
    let content: wire::FileContent = control.ask(down::FILES, &ask(read)).await.unwrap();
    assert_eq!(
        (content.data.as_slice(), &content.etag),
        (&b"hello world"[..], &written.etag)
    );
    let list = Ask::List(wire::FileList {
        path: "/a".into(),
        ..Default::default()
    });
    let entries: wire::FileEntries = control.ask(down::FILES, &ask(list)).await.unwrap();
    assert_eq!(
        (entries.entries[0].name.as_str(), entries.total),
        ("b.txt", 1)
    );
    let copy = |to: &str| {
        Ask::Copy(wire::FileCopy {
            from: "a".into(),
            to: to.into(),
        })
    };
    let copied: wire::FileCopied = control.ask(down::FILES, &ask(copy("c"))).await.unwrap();
    assert_eq!((copied.entries, copied.bytes), (2, 11));
    let chmod = Ask::Chmod(wire::FileChmod {
        paths: vec!["c/b.txt".into()],
        mode: 0o600,
    });
    let _: wire::Accepted = control.ask(down::FILES, &ask(chmod)).await.unwrap();
    let link = |target: &str| {
        Ask::Symlink(wire::FileSymlink {
            path: "c/l".into(),
            target: target.into(),
        })
    };
    let out = control
        .ask::<wire::Accepted>(down::FILES, &ask(link("../../x")))
        .await;
    assert_eq!(code(out), "path_outside");
    let _: wire::Accepted = control.ask(down::FILES, &ask(link("b.txt"))).await.unwrap();
    let times = Ask::Times(wire::FileTimes {
        path: "c/l".into(),
        accessed_at_ms: 1000,
        modified_at_ms: 2_500,
        follow: true,
    });
    let _: wire::Accepted = control.ask(down::FILES, &ask(times)).await.unwrap();
    let stat = |follow| {
        Ask::Stat(wire::FileStatAsk {
            path: "c/l".into(),
            follow,
        })
    };
    let entry: wire::FileEntry = control.ask(down::FILES, &ask(stat(false))).await.unwrap();
    assert_eq!(
        (entry.kind.as_str(), entry.target.as_str()),
        ("symlink", "b.txt")
    );
    let entry: wire::FileEntry = control.ask(down::FILES, &ask(stat(true))).await.unwrap();
    assert_eq!(
        (entry.mode, entry.modified_at_ms, entry.size_bytes),
        (0o600, 2_500, 11)
    );
    let sum = |algorithm: &str| {
        Ask::Checksum(wire::FileChecksumAsk {
            path: "a/b.txt".into(),
            algorithm: algorithm.into(),
        })
    };
    let crc: wire::FileChecksum = control.ask(down::FILES, &ask(sum("crc32"))).await.unwrap();
    assert_eq!(crc.digest, "0d4a1185");
    let odd = control
        .ask::<wire::FileChecksum>(down::FILES, &ask(sum("md4")))
        .await;
    assert_eq!(code(odd), "unknown");
    let usage = Ask::Usage(wire::FileUsageAsk { path: "c".into() });
    let usage: wire::FileUsage = control.ask(down::FILES, &ask(usage)).await.unwrap();
    assert!(usage.complete && usage.entries == 2 && usage.disk_bytes >= 11);
    let remove = |directory| {
        Ask::Remove(wire::FileRemove {
            path: "c".into(),
            directory,
        })
    };
    let full = control
        .ask::<wire::Accepted>(down::FILES, &ask(remove(true)))
        .await;
    assert_eq!(code(full), "directory_not_empty");
    let there = control
        .ask::<wire::FileCopied>(down::FILES, &ask(copy("c")))
        .await;
    assert_eq!(code(there), "file_exists");
    for path in ["../x", "/etc/../../x", "a/../../y"] {
        let out = Ask::Read(wire::FileRead {
            path: path.into(),
            offset: 0,
            length: 1,
        });
        let refused = code(
            control
                .ask::<wire::FileContent>(down::FILES, &ask(out))
                .await,
        );
        assert!(refused.starts_with("path_"), "{path}: {refused}");
    }
    let stale = Ask::Write(wire::FileWrite {
        path: "a/b.txt".into(),
        data: b"x".to_vec(),
        if_match: "old".into(),
        ..Default::default()
    });
    assert_eq!(
        code(
            control
                .ask::<wire::FileWritten>(down::FILES, &ask(stale))
                .await
        ),
        "file_changed"
    );
    let delete = Ask::Delete(wire::FileDelete {
        paths: vec!["a".into()],
        permanent: false,
    });
    let gone: wire::FilesTrashed = control.ask(down::FILES, &ask(delete)).await.unwrap();
    assert_eq!(
        (gone.items[0].path.as_str(), gone.items[0].entries),
        ("a", 2)
    );
    let restore = |rename| {
        Ask::TrashRestore(wire::TrashRestore {
            id: gone.items[0].id.clone(),
            to: "c".into(),
            rename,
        })
    };
    let there = control
        .ask::<wire::TrashRestored>(down::FILES, &ask(restore(false)))
        .await;
    assert_eq!(code(there), "file_exists");
    let back: wire::TrashRestored = control.ask(down::FILES, &ask(restore(true))).await.unwrap();
    assert_eq!(back.path, "c (restored)");
    let list = || Ask::TrashList(wire::TrashList::default());
    let trash: wire::TrashItems = control.ask(down::FILES, &ask(list())).await.unwrap();
    assert_eq!(trash.total, 0);
    let search = Ask::Search(wire::FileSearch {
        content: "WORLD".into(),
        ..Default::default()
    });
    let found: wire::FileMatches = control.ask(down::FILES, &ask(search)).await.unwrap();
    let paths: Vec<_> = found.matches.iter().map(|m| m.path.as_str()).collect();
    assert_eq!(
        (paths, found.cut.as_str()),
        (vec!["c (restored)/b.txt", "c/b.txt"], "")
    );
    let delete = |path: &str, permanent| {
        Ask::Delete(wire::FileDelete {
            paths: vec![path.into()],
            permanent,
        })
    };
    let gone: wire::FilesTrashed = control
        .ask(down::FILES, &ask(delete("c (restored)", true)))
        .await
        .unwrap();
    assert!(gone.items.is_empty());
    let gone: wire::FilesTrashed = control
        .ask(down::FILES, &ask(delete("c/b.txt", false)))
        .await
        .unwrap();
    assert_eq!(gone.items.len(), 1);
    let kept = rig.data().join("deleted").join(server.to_string());
    assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 1);
    let empty = Ask::TrashEmpty(wire::TrashEmpty::default());
    let _: wire::Accepted = control.ask(down::FILES, &ask(empty)).await.unwrap();
    assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joining_says_what_is_wrong_and_a_second_agent_is_refused() {
    let mut rig = Rig::bare().await;
    let cut = rig.token("secret");
    assert!(
        rig.try_join(&cut[..cut.len() - 4])
            .await
            .unwrap_err()
            .contains("copy the whole line")
    );
    assert!(
        rig.try_join("x")
            .await
            .unwrap_err()
            .contains("no join token")
    );
    let wrong = rig.token("wrong");
    assert!(
        rig.try_join(&wrong)
            .await
            .unwrap_err()
            .contains("not known")
    );
    rig.join("secret").await;
    let identity = rig.data().join("identity.json");
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(
        std::fs::metadata(identity).unwrap().permissions().mode() & 0o777,
        0o600
    );
    rig.launch();
    rig.greeted().await;
    let facts = rig
        .control
        .stored
        .lock()
        .hello
        .clone()
        .unwrap()
        .host
        .unwrap();
    assert!(facts.memory_bytes > 0 && !facts.kernel.is_empty());
    let first = rig.log().len();
    rig.launch_beside().await;
    assert!(
        rig.log()[first..].contains("another agent"),
        "{}",
        rig.log()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_takes_over_and_a_kill_in_between_locks_nobody_out() {
    let mut rig = Rig::bare().await;
    rig.join("secret").await;
    let identity = rig.data().join("identity.json");
    let seed = |identity: &std::path::Path| {
        let json: serde_json::Value =
            serde_json::from_slice(&std::fs::read(identity).unwrap()).unwrap();
        json["current"]["seed"].as_str().unwrap().to_owned()
    };
    let before = seed(&identity);
    let config = std::fs::read_to_string(&rig.config).unwrap();
    std::fs::write(&rig.config, format!("{config}renew_before_s = 7200\n")).unwrap();
    rig.launch();
    rig.greeted().await;
    let jwt = |identity: &std::path::Path| {
        let json: serde_json::Value =
            serde_json::from_slice(&std::fs::read(identity).unwrap()).unwrap();
        json["current"]["jwt"].as_str().unwrap().to_owned()
    };
    let first = jwt(&identity);
    rig.until("another credential", |_| jwt(&identity) != first)
        .await;
    assert_eq!(seed(&identity), before, "a young key stays");
    rig.kill();
    let hellos = rig.control.stored.lock().hellos;
    let old = format!("{config}renew_before_s = 7200\nrotate_after_s = 0\n");
    std::fs::write(&rig.config, old).unwrap();
    rig.launch();
    rig.until("hello", |r| r.control.stored.lock().hellos > hellos)
        .await;
    rig.until("another key", |_| seed(&identity) != before)
        .await;
    // As if killed right after control signed a key that never spoke.
    rig.kill();
    let mut json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&identity).unwrap()).unwrap();
    let stranger = nkeys::KeyPair::new_user();
    json["next"] = serde_json::json!({ "seed": stranger.seed().unwrap(), "jwt": "" });
    std::fs::write(&identity, serde_json::to_vec(&json).unwrap()).unwrap();
    let hellos = rig.control.stored.lock().hellos;
    rig.launch();
    rig.until("hello", |r| r.control.stored.lock().hellos > hellos)
        .await;
    tokio::time::sleep(Duration::from_millis(10)).await;
}
