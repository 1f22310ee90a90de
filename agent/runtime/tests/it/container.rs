//! The life of a container.

use std::time::{Duration, SystemTime};

use warren_harness::{FakeGame, eventually};
use warren_runtime::console::{Input, Spool, StdinWriter};
use warren_runtime::containerd::Containerd;
use warren_runtime::runtime::{
    BindMount, Error, Event, FoundState, HostFiles, Limits, Memory, Profile, RootFs, Runtime, Swap,
};
use warren_runtime::stats::Sampler;

use crate::machine::{LIMIT, MIB, Machine, alive, config, event, exit_of, id, printed};

#[tokio::test(flavor = "multi_thread")]
async fn a_game_starts_talks_and_ends_with_its_code() {
    let machine = Machine::with_game().await;
    let spec = machine.game("talk", &FakeGame::echo());
    let (out, stdin) = (spec.console.stdout.clone(), spec.console.stdin.clone());
    let mut events = machine.runtime.events();
    let running = machine
        .runtime
        .create_and_start(spec.clone())
        .await
        .unwrap();
    assert!(running.pid > 1 && running.pid_start_ticks > 0 && running.run == spec.run);
    printed(&out, "ready");
    let stdin = StdinWriter::open(&stdin.unwrap()).unwrap();
    assert_eq!(stdin.write_line(b"hello").await.unwrap(), Input::Written);
    printed(&out, "got: hello");
    let long = "y".repeat(300);
    stdin.write_line(long.as_bytes()).await.unwrap();
    let text = printed(&out, &format!("got: {long}"));
    assert!(text.contains("hello\r\n"), "the terminal echoes: {text:?}");
    stdin.write_line(b"crash 7").await.unwrap();
    let exit = exit_of(&mut events, &spec.id).await;
    assert_eq!((exit.code, exit.oom), (7, false));
    assert!(exit.at.elapsed().unwrap() < LIMIT);
    let found = machine.runtime.find(&spec.id).await.unwrap().unwrap();
    assert_eq!(found.state, FoundState::Stopped(exit.clone()));
    assert_eq!(machine.runtime.delete(&spec.id).await.unwrap(), Some(exit));
    assert_eq!(machine.runtime.delete(&spec.id).await.unwrap(), None);
    assert!(machine.runtime.adopt().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_is_as_tight_as_promised() {
    let machine = Machine::with_game().await;
    let mut spec = machine.shell(
        "jailed",
        "id -u; hostname; grep -E '^(CapBnd|CapEff|NoNewPrivs|Seccomp):' /proc/self/status; \
         touch /x && echo wrote-root; touch /home/container/x && echo wrote-home; \
         touch /tmp/x && echo wrote-tmp; cat /etc/resolv.conf /etc/hosts /etc/machine-id; \
         id -un; unshare -U true && echo unshared; mount -t tmpfs x /tmp && echo mounted; \
         cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max; \
         echo 1 > /sys/fs/cgroup/memory/memory.limit_in_bytes && echo raised; \
         cat /proc/self/cgroup | head -3; ulimit -n; ulimit -c; df -m /dev/shm | tail -1; \
         ls /proc/kcore -l; cat /proc/self/oom_score_adj; stty size; true",
    );
    spec.host_files = Some(HostFiles {
        dir: machine.dir().join("etc"),
        resolvers: vec!["192.0.2.53".parse().unwrap()],
        hosts: vec![("192.0.2.1".parse().unwrap(), "database".into())],
        address: Some("10.1.2.3".parse().unwrap()),
        machine_id: Some("0123456789abcdef0123456789abcdef".into()),
        user: Some(("container".into(), "/home/container".into())),
    });
    spec.limits.nofile = Some(4096);
    spec.limits.shm_bytes = Some(16 * MIB);
    let uid = spec.uid;
    let (exit, text) = machine.run_spec(spec).await;
    assert_eq!(exit.code, 0, "{text}");
    for wanted in [
        &format!("{uid}\n"),
        "jailed\n",
        "CapBnd:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
        "wrote-home",
        "wrote-tmp",
        "nameserver 192.0.2.53",
        "10.1.2.3 jailed",
        "192.0.2.1 database",
        "0123456789abcdef0123456789abcdef",
        "container\n",
        &format!("{}\n", 128 * MIB),
        ":/\n",
        "4096\n0\n",
        "50 500",
    ] {
        assert!(text.contains(wanted), "no {wanted:?} in {text}");
    }
    for bad in ["wrote-root", "unshared", "mounted", "raised"] {
        assert!(!text.contains(bad), "{bad} in {text}");
    }
    assert!(
        !machine.dir().join("etc/hosts").exists(),
        "generated files go with it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_and_processes_are_limited_and_named() {
    let machine = Machine::with_game().await;
    let mut events = machine.runtime.events();
    let mut spec = machine.shell(
        "greedy",
        "exec dd if=/dev/zero of=/dev/null bs=200M count=1",
    );
    spec.limits.memory = Some(Memory {
        soft_bytes: 32 * MIB,
        hard_bytes: 48 * MIB,
    });
    let (exit, _) = machine.run_spec(spec).await;
    assert_eq!((exit.code, exit.oom), (137, true));
    event(&mut events, |e| {
        matches!(e, Event::Oom { .. }).then_some(())
    })
    .await;
    let mut spec = machine.shell(
        "forks",
        "n=0; while sleep 5 & do :; done; echo stopped forking",
    );
    spec.limits.pids = Some(10);
    let (_, text) = machine.run_spec(spec).await;
    assert!(text.contains("can't fork"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_of_ours_is_no_lack_of_memory() {
    let machine = Machine::with_game().await;
    let mut events = machine.runtime.events();
    let spec = machine.game("stubborn", &FakeGame::stubborn());
    let out = spec.console.stdout.clone();
    let running = machine
        .runtime
        .create_and_start(spec.clone())
        .await
        .unwrap();
    printed(&out, "ready");
    machine.runtime.kill(&spec.id, 15, false).await.unwrap();
    assert!(alive(running.pid));
    machine.runtime.kill(&spec.id, 9, true).await.unwrap();
    let exit = exit_of(&mut events, &spec.id).await;
    assert_eq!((exit.code, exit.oom), (137, false));
    // A second signal to what is gone changes nothing.
    machine.runtime.kill(&spec.id, 15, false).await.unwrap();
    assert!(machine.runtime.kill(&spec.id, 900, false).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_change_while_it_runs_and_samples_show_it() {
    let machine = Machine::with_game().await;
    let spec = machine.shell("busy", "echo ready; while :; do :; done");
    let out = spec.console.stdout.clone();
    let running = machine
        .runtime
        .create_and_start(spec.clone())
        .await
        .unwrap();
    printed(&out, "ready");
    let mut sampler = Sampler::open(running.pid, None).unwrap();
    let first = sampler.sample().unwrap();
    assert_eq!(first.memory_limit_bytes, Some(128 * MIB));
    assert!(first.pids >= 1 && first.memory_bytes > 0);
    let limits = Limits {
        memory: Some(Memory {
            soft_bytes: 64 * MIB,
            hard_bytes: 80 * MIB,
        }),
        swap: Swap::None,
        cpu_percent: Some(20.0),
        ..Limits::default()
    };
    machine
        .runtime
        .update_limits(&spec.id, &limits)
        .await
        .unwrap();
    let before = sampler.sample().unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let after = sampler.sample().unwrap();
    assert_eq!(after.memory_limit_bytes, Some(80 * MIB));
    let percent = after.cpu_percent_since(&before);
    assert!((5.0..35.0).contains(&percent), "{percent} % of a core");
    // No limit is a limit that changes too.
    let none = Limits::default();
    machine
        .runtime
        .update_limits(&spec.id, &none)
        .await
        .unwrap();
    let before = sampler.sample().unwrap();
    assert_eq!(before.memory_limit_bytes, None);
    machine.runtime.delete(&spec.id).await.unwrap();
    assert!(sampler.sample().is_err(), "a gone container has no figures");
}

#[tokio::test(flavor = "multi_thread")]
async fn games_do_not_notice_that_the_agent_is_gone() {
    let mut machine = Machine::with_game().await;
    let spec = machine.game("orphan", &FakeGame::lines(500));
    let out = spec.console.stdout.clone();
    let running = machine
        .runtime
        .create_and_start(spec.clone())
        .await
        .unwrap();
    printed(&out, "line 000000100");
    // All that an agent holds goes: connection, watcher, stdin.
    machine.runtime = Containerd::new(config(&machine.containerd)).unwrap();
    let before = std::fs::metadata(&out).unwrap().len();
    eventually("it prints on", LIMIT, || {
        (std::fs::metadata(&out).ok()?.len() > before + 20_000).then_some(())
    })
    .unwrap();
    let mut events = machine.runtime.events();
    let found = machine.runtime.adopt().await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].labels["server"], "orphan");
    assert_eq!(found[0].run, spec.run);
    let state = FoundState::Running {
        pid: running.pid,
        pid_start_ticks: running.pid_start_ticks,
    };
    assert_eq!(found[0].state, state);
    let stdin = StdinWriter::open(spec.console.stdin.as_deref().unwrap()).unwrap();
    stdin.write_line(b"stop").await.unwrap();
    assert_eq!(exit_of(&mut events, &spec.id).await.code, 0);
    whole(&std::fs::read_to_string(&out).unwrap());
}

/// Every line from the first to the last, once and in order.
fn whole(text: &str) {
    let numbers: Vec<u64> = text
        .lines()
        .filter_map(|l| l.trim_end().strip_prefix("line ")?.parse().ok())
        .collect();
    assert!(numbers.len() > 200, "{}", numbers.len());
    assert!(numbers.iter().zip(1..).all(|(n, wanted)| *n == wanted));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_containerd_costs_no_game_no_line_and_no_exit() {
    let mut machine = Machine::with_game().await;
    let mut events = machine.runtime.events();
    let lines = machine.game("lines", &FakeGame::lines(500));
    let ends = machine.shell(
        "ends",
        "echo ready; while [ ! -e go ]; do usleep 20000; done; exit 9",
    );
    let out = lines.console.stdout.clone();
    let running = machine
        .runtime
        .create_and_start(lines.clone())
        .await
        .unwrap();
    machine
        .runtime
        .create_and_start(ends.clone())
        .await
        .unwrap();
    printed(&out, "line 000000100");
    machine.containerd.kill9();
    event(&mut events, |e| {
        matches!(e, Event::ContainerdLost { .. }).then_some(())
    })
    .await;
    let away = machine.runtime.adopt().await.unwrap_err();
    assert!(
        matches!(away, Error::Unavailable(_)) && away.retryable(),
        "{away}"
    );
    // This one ends while nobody watches.
    std::fs::write(ends.mounts[0].source.join("go"), "").unwrap();
    let ended = SystemTime::now();
    tokio::time::sleep(Duration::from_millis(300)).await;
    machine.containerd.restart().unwrap();
    let exit = exit_of(&mut events, &ends.id).await;
    assert_eq!(exit.code, 9);
    assert!(
        exit.at < ended + Duration::from_secs(2),
        "the time is when it ended"
    );
    let found = machine.runtime.find(&lines.id).await.unwrap().unwrap();
    assert!(matches!(found.state, FoundState::Running { pid, .. } if pid == running.pid));
    let stdin = StdinWriter::open(lines.console.stdin.as_deref().unwrap()).unwrap();
    stdin.write_line(b"stop").await.unwrap();
    assert_eq!(exit_of(&mut events, &lines.id).await.code, 0);
    whole(&std::fs::read_to_string(&out).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_torn_by_a_dying_containerd_is_whole_or_nothing() {
    let mut machine = Machine::with_game().await;
    for round in 0..6_u64 {
        let name = format!("torn{round}");
        let spec = machine.game(&name, &FakeGame::echo());
        let (runtime, wanted) = (machine.runtime.clone(), spec.clone());
        let start = tokio::spawn(async move { runtime.create_and_start(wanted).await });
        tokio::time::sleep(Duration::from_millis(round * 17)).await;
        machine.containerd.kill9();
        tokio::time::sleep(Duration::from_millis(50)).await;
        machine.containerd.restart().unwrap();
        let outcome = start.await.unwrap();
        warren_harness::eventually_async("whole or nothing", LIMIT, || async {
            let found = machine.runtime.find(&spec.id).await.ok()?;
            match (&outcome, found.map(|f| f.state)) {
                (Ok(running), Some(FoundState::Running { pid, .. })) if pid == running.pid => {
                    Some(())
                }
                (Err(error), None) if error.retryable() || !error.to_string().is_empty() => {
                    Some(())
                }
                (outcome, found) => {
                    eprintln!("round {round}: {outcome:?}, and there is {found:?}");
                    None
                }
            }
        })
        .await
        .unwrap();
        if outcome.is_err() {
            // What is left of it, here or in containerd, stands in nobody's way.
            let mut again = spec.clone();
            again.run = format!("again{round}");
            machine.runtime.create_and_start(again).await.unwrap();
        }
        machine.runtime.delete(&spec.id).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_a_dying_containerd_forgot_stands_in_nobodys_way() {
    let machine = Machine::with_game().await;
    let snapshots = machine
        .dir()
        .join("root/io.containerd.snapshotter.v1.overlayfs/snapshots");
    // What is left when it dies between making the directory and committing its number.
    let numbers = std::fs::read_dir(&snapshots).unwrap();
    let numbers = numbers.filter_map(|e| e.unwrap().file_name().to_str()?.parse::<u64>().ok());
    let next = numbers.max().unwrap() + 1;
    let torn = snapshots.join(next.to_string());
    std::fs::create_dir_all(torn.join("fs")).unwrap();
    std::fs::create_dir_all(torn.join("work")).unwrap();
    let torn = std::fs::File::open(torn).unwrap();
    let spec = machine.game("after", &FakeGame::echo());
    machine
        .runtime
        .create_and_start(spec.clone())
        .await
        .unwrap();
    let links = std::os::unix::fs::MetadataExt::nlink(&torn.metadata().unwrap());
    assert_eq!(links, 0, "it is gone, and the number is another snapshot's");
    machine.runtime.delete(&spec.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_shim_ends_the_run_exactly_once() {
    let machine = Machine::with_game().await;
    let mut events = machine.runtime.events();
    let spec = machine.game("shimless", &FakeGame::echo());
    let out = spec.console.stdout.clone();
    let running = machine
        .runtime
        .create_and_start(spec.clone())
        .await
        .unwrap();
    printed(&out, "ready");
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", running.pid)).unwrap();
    let shim: i32 = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(shim), nix::sys::signal::SIGKILL).unwrap();
    event(&mut events, |e| match e {
        Event::Exit { id, .. } | Event::Gone { id, .. } if *id == spec.id => Some(()),
        _ => None,
    })
    .await;
    machine.runtime.delete(&spec.id).await.unwrap();
    let again = tokio::time::timeout(Duration::from_millis(500), events.next()).await;
    assert!(again.is_err(), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_start_says_why_and_leaves_nothing() {
    let machine = Machine::with_game().await;
    let spec = machine.spec("missing", &["/no/such/program"]);
    let error = machine
        .runtime
        .create_and_start(spec.clone())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("/no/such/program"), "{error}");
    assert!(!error.retryable());
    assert!(machine.runtime.find(&spec.id).await.unwrap().is_none());
    let mut spec = machine.shell("noimage", "true");
    spec.image = "nowhere.invalid/x".parse().unwrap();
    let error = machine.runtime.create_and_start(spec).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    let mut spec = machine.shell("badmount", "true");
    spec.mounts.push(BindMount {
        source: "/etc".into(),
        target: "/a/../../etc".into(),
        read_only: true,
    });
    let error = machine.runtime.create_and_start(spec).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "{error}");
    let first = machine.game("twice", &FakeGame::echo());
    machine
        .runtime
        .create_and_start(first.clone())
        .await
        .unwrap();
    let error = machine.runtime.create_and_start(first).await.unwrap_err();
    assert!(matches!(error, Error::Conflict { .. }), "{error}");
    let found = machine.runtime.find(&id("twice")).await.unwrap().unwrap();
    assert!(
        matches!(found.state, FoundState::Running { .. }),
        "the first one lives"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installer_is_root_on_a_root_that_is_thrown_away() {
    let machine = Machine::with_game().await;
    let mut spec = machine.shell(
        "install",
        "id -u; echo x > /etc/new && echo wrote; chown 12345 /etc/new && echo gave; \
         touch /home/container/made; mknod /dev/sda1 b 8 1 && echo device; exit 3",
    );
    (spec.uid, spec.gid) = (0, 0);
    spec.root = RootFs::ThrowAway;
    spec.profile = Profile::Installer;
    spec.console.tty = false;
    let data = spec.mounts[0].source.clone();
    let (exit, text) = machine.run_spec(spec).await;
    assert_eq!(exit.code, 3, "{text}");
    // In any order: without a terminal what goes wrong is said on another line than what goes right.
    for wanted in ["0\n", "wrote\n", "gave\n"] {
        assert!(text.contains(wanted), "no {wanted:?} in {text}");
    }
    assert!(!text.contains("device"), "{text}");
    assert!(data.join("made").exists());
    let (_, text) = machine.run("again", "cat /etc/new || echo clean").await;
    assert!(text.contains("clean"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn holes_in_the_spool_of_a_running_game_cost_nothing() {
    let machine = Machine::with_game().await;
    let spec = machine.game("holes", &FakeGame::burst(512 << 10, 1));
    machine
        .runtime
        .create_and_start(spec.clone())
        .await
        .unwrap();
    let spool = Spool::open(&spec.console.stdout).unwrap();
    let mut seen = Vec::new();
    while seen.len() < 2 << 20 {
        match spool.read(seen.len() as u64, 64 << 10).unwrap() {
            Some(chunk) => {
                assert_eq!(chunk.offset, seen.len() as u64, "nothing is skipped");
                seen.extend(chunk.bytes);
                spool.punch(seen.len() as u64).unwrap();
            }
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    assert!(spool.allocated_bytes().unwrap() < 1 << 20);
    let text = String::from_utf8(seen).unwrap();
    let mut last = (1, 0);
    for line in text
        .lines()
        .filter(|l| l.starts_with("burst ") && l.len() >= 60)
    {
        let mut words = line
            .split(' ')
            .skip(1)
            .map(|w| w.parse::<u32>().unwrap_or(0));
        let now = (words.next().unwrap(), words.next().unwrap());
        assert!(
            now == (last.0, last.1 + 1) || now == (last.0 + 1, 1),
            "{last:?} then {now:?}"
        );
        last = now;
    }
    assert!(last.0 >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_leaves_keeps_nothing_of_ours() {
    let machine = Machine::with_game().await;
    let spec = machine.game("last", &FakeGame::echo());
    let running = machine.runtime.create_and_start(spec).await.unwrap();
    machine.runtime.purge().await.unwrap();
    assert!(!alive(running.pid));
    let list = machine
        .containerd
        .ctr()
        .unwrap()
        .args(["namespaces", "ls", "-q"])
        .output()
        .unwrap();
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(!list.contains(&machine.containerd.namespace()), "{list}");
    let parent = machine.containerd.cgroup_parent();
    for hierarchy in std::fs::read_dir("/sys/fs/cgroup").unwrap().flatten() {
        let place = hierarchy.path().join(parent.trim_start_matches('/'));
        assert!(!place.exists(), "{}", place.display());
    }
    machine.runtime.purge().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probe_knows_this_machine() {
    let machine = Machine::with_game().await;
    let probe = machine.runtime.probe().await.unwrap();
    assert!(!probe.containerd_version.is_empty());
    assert!(probe.runc_version.is_some() && probe.nft_version.is_some());
    assert!(probe.openat2 && probe.seccomp && probe.cpus > 0 && probe.memory_bytes > MIB);
    assert!(probe.controllers.iter().any(|c| c == "memory"));
    let blocking: Vec<_> = probe.warnings.iter().filter(|w| w.blocking).collect();
    assert!(blocking.is_empty(), "{blocking:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_died_with_its_agent_stands_in_nobodys_way() {
    let machine = Machine::with_game().await;
    // The longest of them has come to its end: a start takes a tenth of a second or so.
    for delay_ms in [5, 15, 30, 45, 60, 80, 120, 400] {
        let mut spec = machine.game("again", &FakeGame::echo());
        let (config, first) = (config(&machine.containerd), spec.clone());
        let killed = std::thread::spawn(move || {
            let agent = tokio::runtime::Runtime::new().unwrap();
            agent.spawn(async move {
                let runtime = Containerd::new(config).unwrap();
                runtime.create_and_start(first).await
            });
            std::thread::sleep(Duration::from_millis(delay_ms));
            agent.shutdown_background();
        });
        killed.join().unwrap();
        // As the next agent does with what it finds.
        machine.runtime.delete(&spec.id).await.unwrap();
        spec.run = format!("after-{delay_ms}");
        let running = machine.runtime.create_and_start(spec.clone()).await;
        let running = running.unwrap_or_else(|e| panic!("killed after {delay_ms} ms: {e}"));
        assert!(alive(running.pid));
        machine.runtime.delete(&spec.id).await.unwrap();
        assert!(machine.runtime.adopt().await.unwrap().is_empty());
    }
}
