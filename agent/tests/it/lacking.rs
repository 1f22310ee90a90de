//! Machines that lack what servers need: the agent comes up, says what is missing and what to do, and starts nothing
//! unsafe.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use warren_harness::FakeGame;
use warren_proto::ids::ServerId;
use warren_proto::wire::{self, fact::What};

use crate::rig::Rig;

/// What control was told under this code, with its level.
fn told(rig: &Rig, code: &str) -> Option<(String, String)> {
    let stored = rig.control.stored.lock();
    let found = stored.facts.iter().rev().find_map(|fact| match &fact.what {
        Some(What::NodeCondition(c)) if !c.cleared => {
            c.condition.clone().filter(|c| c.code == code)
        }
        _ => None,
    });
    found.map(|c| (c.level, c.message))
}

async fn refusal(rig: &mut Rig) -> String {
    let server = ServerId::new();
    let spec = rig.spec(&FakeGame::echo());
    rig.order(server, wire::Power::Start, spec).await;
    rig.until_state(server, wire::State::Error).await;
    let facts = rig.control.facts_of(&server.to_string());
    let detail = facts.iter().rev().find_map(|w| match w {
        What::StateChanged(c) => Some(c.detail.clone()),
        _ => None,
    });
    detail.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_without_nft_is_told_so_and_starts_nothing() {
    let mut rig = Rig::bare().await;
    rig.join("secret").await;
    let tools = rig.containerd.dir().join("tools");
    std::fs::create_dir(&tools).unwrap();
    for tool in ["ip", "runc"] {
        let path = warren_harness::tool(tool, tool).unwrap();
        std::os::unix::fs::symlink(path, tools.join(tool)).unwrap();
    }
    rig.launch_lacking(|mut agent| {
        agent.env("PATH", &tools);
        agent
    });
    rig.greeted().await;
    rig.until("the condition", |r| told(r, "nft_missing").is_some())
        .await;
    let (level, text) = told(&rig, "nft_missing").unwrap();
    assert_eq!(level, "error");
    assert!(text.contains("install the package nftables"), "{text}");
    let why = refusal(&mut rig).await;
    assert!(why.contains("install the package nftables"), "{why}");
    assert_eq!(
        rig.host_objects()
            .iter()
            .filter(|o| o.contains("warren-"))
            .count(),
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kernel_without_openat2_is_told_so_and_starts_nothing() {
    let mut rig = Rig::bare().await;
    rig.join("secret").await;
    rig.launch_lacking(|mut agent| {
        // SAFETY: two system calls on data of the closure's own, nothing allocated in between.
        unsafe { agent.pre_exec(forbid_openat2) };
        agent
    });
    rig.greeted().await;
    rig.until("the condition", |r| told(r, "openat2_missing").is_some())
        .await;
    let (level, text) = told(&rig, "openat2_missing").unwrap();
    assert_eq!(level, "error");
    assert!(text.contains("Linux 5.6"), "{text}");
    let why = refusal(&mut rig).await;
    assert!(why.contains("openat2"), "{why}");
}

/// As an older kernel answers, or the seccomp profile of a container that the agent was put into.
fn forbid_openat2() -> std::io::Result<()> {
    let stmt = |code: u32, k: u32| libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    };
    let number = libc::SYS_openat2 as u32;
    let mut filter = [
        stmt(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0),
        libc::sock_filter {
            jf: 1,
            ..stmt(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, number)
        },
        stmt(
            libc::BPF_RET | libc::BPF_K,
            libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32,
        ),
        stmt(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: `program` and the filter that it points at live until both calls have returned.
    let done = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) == 0
    };
    if done {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_without_cgroups_is_told_so() {
    let mut rig = Rig::bare().await;
    rig.join("secret").await;
    rig.launch_lacking(|agent| {
        // In a mount namespace of its own, so that nobody else misses it.
        let mut apart = Command::new("unshare");
        let script = "mount -t tmpfs none /sys/fs/cgroup && exec \"$@\"";
        apart.args(["--mount", "sh", "-c", script, "sh"]);
        apart.arg(agent.get_program()).args(agent.get_args());
        for (name, value) in agent.get_envs() {
            apart.env(name, value.unwrap_or_default());
        }
        apart
    });
    rig.greeted().await;
    for (code, option) in [
        ("cgroup_memory_missing", "cgroup_enable=memory"),
        ("cgroup_cpu_missing", "CONFIG_CFS_BANDWIDTH"),
        ("cgroup_pids_missing", "CONFIG_CGROUP_PIDS"),
    ] {
        rig.until(code, |r| told(r, code).is_some()).await;
        let (_, text) = told(&rig, code).unwrap();
        assert!(text.contains(option), "{text}");
    }
}
