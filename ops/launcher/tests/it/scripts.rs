//! The shell around the programs: steps that can be interrupted, help that needs nothing.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use warren_harness::eventually;

use crate::instance::words;

const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Processes whose command line holds `word`.
fn running(word: &str) -> usize {
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = pids.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    // The script holds the word too, in the text that it was given.
    let holds = |line: &Vec<u8>| line.starts_with(word.as_bytes());
    lines.filter(holds).count()
}

#[test]
fn an_interrupted_step_leaves_nothing_running() {
    let dir = tempfile::tempdir().unwrap();
    let mark = format!("warren-step-{}", std::process::id());
    // As cargo does: a child of the step that has children of its own, one of them deaf.
    let script = format!(
        "set -euo pipefail; . ops/steps.sh; STEP_LOG={log}/log
         compile() {{ bash -c 'exec -a {mark}-a sleep 300' & bash -c \"trap '' INT; exec -a {mark}-b sleep 300\"; }}
         step 'a build' compile",
        log = dir.path().display()
    );
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut child = Command::new("bash")
            .args(["-c", &script])
            .current_dir(CHECKOUT)
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let both = || (running(&mark) == 2).then_some(());
        eventually("the step to run", Duration::from_secs(10), both).unwrap();
        // To the script alone, as `kill` does; a terminal tells the foreground group, which is the same.
        let pid = Pid::from_raw(child.id().cast_signed());
        kill(pid, signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert_eq!(running(&mark), 0, "{signal}");
    }
}

#[test]
fn a_step_that_fails_says_so_and_is_not_the_scripts_end() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!(
        "set -uo pipefail; . ops/steps.sh; STEP_LOG={}/log
         broken() {{ echo 'the reason'; return 7; }}
         step 'a build' broken; echo \"status $?\"; step 'next' true",
        dir.path().display()
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(CHECKOUT)
        .output()
        .unwrap();
    let said = words(&output);
    assert!(
        said.contains("FAILED") && said.contains("the reason"),
        "{said}"
    );
    assert!(
        said.contains("status 7") && said.contains("next  done"),
        "{said}"
    );
}

#[test]
fn help_needs_neither_root_nor_a_build() {
    // A clone without a build, in a place that somebody without rights can read.
    let clone = tempfile::tempdir().unwrap();
    let copy = "mkdir -p \"$0/ops/launcher\" && cp ops/up ops/down ops/steps.sh \"$0/ops/\" && \
        cp -r ops/launcher/help \"$0/ops/launcher/\" && chmod -R a+rX \"$0\"";
    let copied = Command::new("sh")
        .args(["-c", copy])
        .arg(clone.path())
        .current_dir(CHECKOUT)
        .output()
        .unwrap();
    assert!(copied.status.success(), "{}", words(&copied));
    for (task, option) in [("up", "--postgres <URL>"), ("down", "--grace <GRACE>")] {
        let output = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(clone.path().join("ops").join(task))
            .arg("--help")
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", words(&output));
        assert!(words(&output).contains(option), "{}", words(&output));
        let program = Command::new(env!("CARGO_BIN_EXE_warren-ops"))
            .args([task, "--help"])
            .env_clear()
            .output()
            .unwrap();
        assert_eq!(
            words(&output),
            words(&program),
            "write it anew: warren-ops {task} --help >ops/launcher/help/{task}.txt"
        );
    }
}
