//! `up`: start everything, keep it running, say how to get in.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::UpArgs;
use crate::demo;
use crate::detach;
use crate::instance::{Instance, read_pid};
use crate::part::{note, set_aside, write_pid};
use crate::port::{self, Wanted};
use crate::report::{self, Admin, Ready, Steps};
use crate::stack::{self, Stack, Started, is_built};

/// How often logs are looked at for their size, and nats-server's certificate for its age.
const CHECK: Duration = Duration::from_secs(10);
/// Age at which that certificate is made anew; it is good for 825 days.
const RENEW: Duration = Duration::from_secs(365 * 86_400);

/// Names of the parts, which are those of their pid files.
pub const PARTS: [&str; 6] = [
    "agent",
    "gateway",
    "control",
    "registry",
    "nats",
    "containerd",
];

/// Runs `up`.
///
/// # Errors
/// When something is missing, a port is taken, or a part does not come up.
pub async fn run(mut args: UpArgs) -> Result<()> {
    for path in [&mut args.bin_dir, &mut args.source_dir] {
        *path = std::path::absolute(&*path).context("make a path absolute")?;
    }
    for (option, path) in [("--cert", &mut args.cert), ("--key", &mut args.key)] {
        let Some(path) = path else { continue };
        *path = std::path::absolute(&*path).context("make a path absolute")?;
        std::fs::File::open(&*path).with_context(|| format!("{option} {}", path.display()))?;
    }
    let instance = Instance::open(&args.data, true)?;
    if let Some(pid) = instance.supervisor() {
        return already_running(&instance, &args, pid).await;
    }
    if args.detach && !args.background {
        return detach::run(&instance, &args).await;
    }
    let result = supervise(&instance, &args).await;
    if result.is_err() {
        instance.release();
    }
    result
}

/// A second `up`: everything is there, so it only says so.
async fn already_running(instance: &Instance, args: &UpArgs, pid: i32) -> Result<()> {
    let Some(ready) = load::<Ready>(&instance.ready_file()) else {
        bail!("pid {pid} is starting this instance; its progress is in log/supervisor.log");
    };
    if args.demo && ready.registry.is_none() {
        bail!(
            "it runs already (pid {pid}), without the demo: end it with Ctrl-C there or with \
               ./ops/down, then start it with --demo"
        );
    }
    let admin: Option<Admin> = load(&instance.admin_file());
    report::ready(&ready, &instance.data, admin.as_ref(), false);
    if args.demo {
        demo::show(instance);
    }
    println!("\nIt was running already (pid {pid}).");
    Ok(())
}

fn load<T: serde::de::DeserializeOwned>(path: &std::path::Path) -> Option<T> {
    serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

async fn supervise(instance: &Instance, args: &UpArgs) -> Result<()> {
    let Some(_lock) = instance.try_lock()? else {
        bail!("another ./ops/up is starting this instance just now");
    };
    for name in ["control", "gateway", "agent"] {
        let binary = args.bin_dir.join(format!("warren-{name}"));
        if !is_built(&binary) {
            bail!(
                "{} is not built; run ./ops/up, which builds it",
                binary.display()
            );
        }
    }
    drop(std::fs::remove_file(instance.ready_file()));
    end_strays(instance);
    port::check(&wanted_ports(args))?;
    instance.claim.publish()?;
    write_pid(&instance.pid_file("supervisor"), std::process::id())?;

    let mut end = Signals::new()?;
    let mut stack = Stack::default();
    let mut steps = Steps::after(&args.steps);
    let started = tokio::select! {
        started = start(&mut stack, instance, args, &mut steps) => started,
        () = end.next() => Err(anyhow::anyhow!("stopped while starting")),
    };
    let started = match started {
        Ok(started) => started,
        Err(error) => {
            stack.stop().await;
            drop(std::fs::remove_file(instance.pid_file("supervisor")));
            return Err(error);
        }
    };
    let text = serde_json::to_string_pretty(&started.ready).context("write ready.json")?;
    std::fs::write(instance.ready_file(), text).context("write ready.json")?;
    note(instance, "everything is ready");
    if !args.background {
        report::ready(&started.ready, &instance.data, started.admin.as_ref(), true);
        if args.demo {
            demo::show(instance);
        }
        println!("\nCtrl-C ends Warren and leaves the games running; ./ops/down ends those too.");
    }
    watch(instance, args, &mut end).await;
    if !args.background {
        println!("\nending; the games go on");
    }
    drop(std::fs::remove_file(instance.ready_file()));
    stack.stop().await;
    drop(std::fs::remove_file(instance.pid_file("supervisor")));
    Ok(())
}

async fn start(
    stack: &mut Stack,
    instance: &Instance,
    args: &UpArgs,
    steps: &mut Steps,
) -> Result<Started> {
    let mut started = stack.start(instance, args, steps).await?;
    if args.demo {
        demo::run(stack, instance, args, steps).await?;
        started.ready.registry = Some(args.registry_port);
    }
    Ok(started)
}

/// Waits for the end, keeping the logs small and the certificate young meanwhile.
async fn watch(instance: &Instance, args: &UpArgs, end: &mut Signals) {
    let mut tick = tokio::time::interval(CHECK);
    loop {
        tokio::select! {
            () = end.next() => return,
            _ = tick.tick() => {}
        }
        PARTS
            .iter()
            .for_each(|part| set_aside(&instance.log_file(part)));
        let renewed = tokio::select! {
            () = end.next() => return,
            renewed = renew_certificate(instance, args) => renewed,
        };
        if let Err(error) = renewed {
            note(
                instance,
                &format!("nats-server's certificate is not renewed: {error:#}"),
            );
        }
    }
}

/// Makes nats-server's certificate anew when it is old. Every start does; this is for those that
/// run for years. nats-server is ended and comes back with it, which is a short break to all.
async fn renew_certificate(instance: &Instance, args: &UpArgs) -> Result<()> {
    let file = std::fs::metadata(instance.data.join("nats/server.pem"));
    let age = file.and_then(|meta| meta.modified()).ok();
    let age = age.and_then(|at| at.elapsed().ok());
    if age.is_none_or(|age| age < RENEW) {
        return Ok(());
    }
    stack::init(instance, args).await?;
    note(instance, "renewed the certificate of nats-server");
    if args.nats.is_some() {
        note(instance, "the given nats-server must be told to reload it");
    } else if let Some(pid) = read_pid(&instance.pid_file("nats")) {
        // It may be starting again just now, and then it reads the new one anyhow.
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
    Ok(())
}

fn wanted_ports(args: &UpArgs) -> Vec<Wanted> {
    let open = args.public || args.address.is_some();
    let mut wanted = vec![
        Wanted::new("control", "--port", args.public, args.port),
        Wanted::new("gateway", "--gateway-port", false, args.gateway_port),
        Wanted::new("agent", "--agent-port", false, args.agent_port),
    ];
    if args.nats.is_none() {
        wanted.push(Wanted::new(
            "nats-server",
            "--nats-port",
            open,
            args.nats_port,
        ));
    }
    if args.demo {
        wanted.push(Wanted::new(
            "the demo's registry",
            "--registry-port",
            false,
            args.registry_port,
        ));
    }
    wanted
}

/// Ends parts that a killed supervisor left behind. A pid file alone proves nothing: the process
/// must also be one of ours by its command line.
pub fn end_strays(instance: &Instance) {
    for name in PARTS {
        let path = instance.pid_file(name);
        if let Some(pid) = read_pid(&path) {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line);
            if line.contains(&*instance.data.to_string_lossy()) {
                note(
                    instance,
                    &format!("ending {name} (pid {pid}) of an earlier run"),
                );
                let pid = Pid::from_raw(pid);
                // It may be ending already: its parent-death signal has come before ours.
                let _ = kill(pid, Signal::SIGTERM);
                for _ in 0..100 {
                    if kill(pid, None).is_err() {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(50));
                }
                let _ = kill(pid, Signal::SIGKILL);
            }
            drop(std::fs::remove_file(path));
        }
    }
}

/// The three ways of being asked to end.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).context("listen for SIGINT")?,
            terminate: signal(SignalKind::terminate()).context("listen for SIGTERM")?,
            hangup: signal(SignalKind::hangup()).context("listen for SIGHUP")?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
