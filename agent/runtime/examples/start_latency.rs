//! How long a start takes, beside `ctr run` of the same image on the same containerd, in turns; and
//! what a sample of a running server costs.
//! `cargo run -p warren-runtime --example start_latency [ROUNDS]`, as root.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use warren_harness::{Containerd as Daemon, ImageBuilder, Registry};
use warren_runtime::console;
use warren_runtime::containerd::{Config, Containerd};
use warren_runtime::runtime::{
    BindMount, Console, ContainerSpec, HostFiles, Limits, Memory, Profile, PullRequest, RootFs,
    Runtime, Swap,
};
use warren_runtime::stats::Sampler;

const SCRIPT: &str = "echo up; exec sleep 1000";

#[tokio::main]
async fn main() -> Result<()> {
    let rounds: usize = match std::env::args().nth(1) {
        Some(text) => text.parse().context("ROUNDS")?,
        None => 20,
    };
    let (daemon, registry) = (Daemon::start()?, Registry::start(None)?);
    let image = registry.push("busybox", "1", &ImageBuilder::busybox()?.build()?)?;
    let mut config = Config::tagged(&daemon.socket(), daemon.tag())?;
    config.runc_root = Some(daemon.runc_root());
    let runtime = Containerd::new(config)?;
    runtime.pull(PullRequest::new(image.parse()?)).await?;
    let mut ours = Vec::new();
    let mut line = Vec::new();
    let mut ctr = Vec::new();
    for round in 0..rounds {
        let (started, first, pid) = start(&runtime, &daemon, &image, round).await?;
        if round == 0 {
            sampling(pid)?;
        }
        runtime.delete(&format!("s{round}").parse()?).await?;
        ours.push(started);
        line.push(first);
        ctr.push(ctr_run(&daemon, &image, round)?);
    }
    println!("{rounds} rounds, in turns, milliseconds");
    show("create_and_start", &mut ours);
    show("... first console byte", &mut line);
    show("ctr run -d", &mut ctr);
    println!(
        "ratio of medians {:.2}",
        ours[rounds / 2].as_secs_f64() / ctr[rounds / 2].as_secs_f64()
    );
    Ok(())
}

async fn start(
    runtime: &Containerd,
    daemon: &Daemon,
    image: &str,
    round: usize,
) -> Result<(Duration, Duration, u32)> {
    let dir = daemon.dir().join(format!("s{round}"));
    std::fs::create_dir_all(dir.join("data"))?;
    let console = Console {
        tty: true,
        stdin: Some(dir.join("in")),
        stdout: dir.join("out"),
        stderr: None,
    };
    let spec = ContainerSpec {
        id: format!("s{round}").parse()?,
        run: format!("r{round}"),
        labels: BTreeMap::new(),
        image: image.parse()?,
        args: Some(["/bin/sh", "-c", SCRIPT].map(String::from).to_vec()),
        env: Vec::new(),
        cwd: None,
        uid: 988,
        gid: 988,
        mounts: vec![BindMount {
            source: dir.join("data"),
            target: "/home/container".into(),
            read_only: false,
        }],
        host_dirs: Vec::new(),
        console: console.clone(),
        limits: Limits {
            memory: Some(Memory {
                soft_bytes: 64 << 20,
                hard_bytes: 64 << 20,
            }),
            swap: Swap::None,
            cpu_percent: Some(100.0),
            pids: Some(512),
            ..Limits::default()
        },
        root: RootFs::ReadOnly,
        profile: Profile::Game,
        hostname: "bench".into(),
        host_files: Some(HostFiles {
            dir: dir.join("etc"),
            resolvers: Vec::new(),
            hosts: Vec::new(),
            address: None,
            machine_id: None,
            user: None,
        }),
        netns: None,
        tmp_bytes: 100 << 20,
        oom_score_adj: 300,
    };
    let begin = Instant::now();
    console::prepare(&console)?;
    let running = runtime.create_and_start(spec).await?;
    let started = begin.elapsed();
    while std::fs::metadata(&console.stdout)?.len() == 0 {
        if begin.elapsed() > Duration::from_secs(10) {
            bail!("no console output");
        }
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
    Ok((started, begin.elapsed(), running.pid))
}

fn sampling(pid: u32) -> Result<()> {
    const SAMPLES: u32 = 5000;
    let mut sampler = Sampler::open(pid, Some("lo"))?;
    let begin = Instant::now();
    for _ in 0..SAMPLES {
        sampler.sample()?;
    }
    let each = begin.elapsed() / SAMPLES;
    println!(
        "one sample of one server: {:.1} us",
        each.as_secs_f64() * 1e6
    );
    Ok(())
}

fn ctr_run(daemon: &Daemon, image: &str, round: usize) -> Result<Duration> {
    let name = format!("c{round}");
    let root = daemon.runc_root();
    let root = root.to_str().context("path")?;
    let begin = Instant::now();
    let run = daemon
        .ctr()?
        .args([
            "run",
            "-d",
            "--null-io",
            "--runc-root",
            root,
            "--memory-limit",
            "67108864",
        ])
        .args([image, &name, "/bin/sh", "-c", SCRIPT])
        .output()?;
    let took = begin.elapsed();
    if !run.status.success() {
        bail!("ctr run: {}", String::from_utf8_lossy(&run.stderr));
    }
    for args in [["task", "rm", "-f", &name], ["container", "rm", "", &name]] {
        let args: Vec<&str> = args.into_iter().filter(|a| !a.is_empty()).collect();
        daemon.ctr()?.args(args).output()?;
    }
    Ok(took)
}

fn show(what: &str, all: &mut [Duration]) {
    all.sort();
    let ms = |at: usize| all.get(at).map_or(0.0, |d| d.as_secs_f64() * 1e3);
    let last = all.len().saturating_sub(1);
    println!(
        "{what:24} min {:6.1}  median {:6.1}  p95 {:6.1}",
        ms(0),
        ms(all.len() / 2),
        ms(last * 95 / 100)
    );
}
