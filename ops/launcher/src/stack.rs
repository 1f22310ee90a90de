//! All parts of one instance, started in order and ended in reverse.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::net::{TcpStream, UnixStream};
use tokio::process::Command;

use crate::api::Api;
use crate::args::UpArgs;
use crate::conf::{self, Conf, Made};
use crate::instance::{Instance, write_secret};
use crate::nats;
use crate::part::{Part, Program};
use crate::report::{Admin, Ready, Steps};

/// Longest time for a part to become ready. A busy machine, not the program, makes it that long.
const READY: Duration = Duration::from_secs(60);
/// A refusal that lasts so long is none that a reload mends.
const REFUSED: Duration = Duration::from_secs(5);
/// Longest time for a one-off command of control or agent.
const COMMAND: Duration = Duration::from_secs(60);

/// What runs.
#[derive(Debug, Default)]
pub struct Stack {
    parts: Vec<Part>,
}

/// The outcome of a start.
#[derive(Debug)]
pub struct Started {
    /// How to reach it.
    pub ready: Ready,
    /// First log-in, if this data folder ever had one.
    pub admin: Option<Admin>,
}

impl Stack {
    /// Starts everything and waits until it is ready.
    ///
    /// # Errors
    /// Names the part that did not come up, with the end of its log. What was started stays in
    /// the stack, for the caller to stop.
    pub async fn start(
        &mut self,
        instance: &Instance,
        args: &UpArgs,
        steps: &mut Steps,
    ) -> Result<Started> {
        steps.begin("keys and configuration");
        let made = init(instance, args).await?;
        let conf = Conf {
            instance,
            args,
            made: &made,
        };
        conf.write()?;
        steps.end("written");

        self.nats(instance, args, &made, steps).await?;
        self.containerd(instance, args, steps).await?;
        let api = Api::new(args.port, args.tls())?;
        self.control(instance, args, &api, steps).await?;
        let admin = first_run(instance, args).await?;
        self.gateway(instance, args, steps).await?;
        self.agent(instance, args, steps).await?;

        // One that an authority vouches for needs no comparing by eye.
        let fingerprint = match args.public && args.cert.is_none() && args.acme.is_none() {
            true => Some(crate::tls::fingerprint(args.port).await?),
            false => None,
        };
        let (url, port) = (conf::public_url(args), args.port);
        let ready = Ready {
            url,
            port,
            public: args.public,
            fingerprint,
            registry: None,
        };
        Ok(Started { ready, admin })
    }

    /// Adds a part that is already started.
    pub fn add(&mut self, part: Part) {
        self.parts.push(part);
    }

    /// Ends all parts, the last started first: the agent before the bus it speaks over, the
    /// containerd daemon last. Games and their shims stay.
    pub async fn stop(self) {
        for part in self.parts.into_iter().rev() {
            part.stop().await;
        }
    }

    async fn nats(
        &mut self,
        instance: &Instance,
        args: &UpArgs,
        made: &Made,
        steps: &mut Steps,
    ) -> Result<()> {
        steps.begin("nats-server");
        if let Some(given) = &args.nats {
            check_nats(instance, args, made).await?;
            steps.end(&format!("found at {given}"));
            return Ok(());
        }
        let program = Program {
            name: "nats",
            binary: find("nats-server", "nats-server")?,
            args: vec!["-c".into(), made.nats_conf.display().to_string()],
            grace: Duration::from_secs(10),
        };
        let part = Part::start(instance, program)?;
        let port = args.nats_port;
        let probe = || async move { TcpStream::connect(("127.0.0.1", port)).await.is_ok() };
        let ready = part.ready(READY, probe).await;
        self.parts.push(part);
        ready?;
        steps.end("ready");
        Ok(())
    }

    async fn containerd(
        &mut self,
        instance: &Instance,
        args: &UpArgs,
        steps: &mut Steps,
    ) -> Result<()> {
        steps.begin("containerd");
        let socket = conf::containerd_socket(instance, args);
        if args.containerd.is_some() {
            let answers = UnixStream::connect(&socket).await.is_ok();
            if !answers {
                bail!("no containerd answers on {}", socket.display());
            }
            steps.end("found");
            return Ok(());
        }
        let part = Part::start(instance, containerd_program(instance)?)?;
        let probe = || async { UnixStream::connect(&socket).await.is_ok() };
        let ready = part.ready(READY, probe).await;
        self.parts.insert(0, part);
        ready?;
        steps.end("ready");
        Ok(())
    }

    async fn control(
        &mut self,
        instance: &Instance,
        args: &UpArgs,
        api: &Api,
        steps: &mut Steps,
    ) -> Result<()> {
        steps.begin("control");
        let part = Part::start(instance, ours(instance, args, "control", "serve"))?;
        let bus = Mutex::new(String::new());
        let connected = || async {
            let says = api.says("/readyz").await.unwrap_or_default();
            let line = says.lines().find_map(|line| line.strip_prefix("bus: "));
            let word = line.unwrap_or_default().to_owned();
            let up = word == "connected";
            if let Ok(mut bus) = bus.lock() {
                *bus = word;
            }
            up
        };
        let ready = tokio::select! {
            ready = part.ready(READY, connected) => ready,
            reason = refused(&bus) => Err(anyhow::anyhow!("{reason}")),
        };
        self.parts.push(part);
        let reason = bus.into_inner().unwrap_or_default();
        ready.with_context(|| match reason.as_str() {
            "" => "control is not ready".to_owned(),
            reason => format!("control has no connection to nats-server: {reason}"),
        })?;
        steps.end("ready");
        Ok(())
    }

    async fn gateway(
        &mut self,
        instance: &Instance,
        args: &UpArgs,
        steps: &mut Steps,
    ) -> Result<()> {
        steps.begin("gateway");
        let part = Part::start(instance, ours(instance, args, "gateway", "serve"))?;
        let api = Api::new(args.gateway_port, false)?;
        let ready = part.ready(READY, || api.answers("/readyz")).await;
        self.parts.push(part);
        ready?;
        steps.end("ready");
        Ok(())
    }

    async fn agent(&mut self, instance: &Instance, args: &UpArgs, steps: &mut Steps) -> Result<()> {
        steps.begin("agent");
        join(instance, args).await?;
        let part = Part::start(instance, ours(instance, args, "agent", "run"))?;
        let api = Api::new(args.agent_port, false)?;
        let ready = part.ready(READY, || api.answers("/readyz")).await;
        self.parts.push(part);
        ready?;
        steps.end("ready");
        Ok(())
    }
}

/// Ends once nats-server has refused control for so long that waiting mends nothing.
async fn refused(bus: &Mutex<String>) -> &'static str {
    let mut since = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let word = bus.lock().map(|word| word.clone()).unwrap_or_default();
        if !word.starts_with("refused") {
            since = Instant::now();
        }
        if since.elapsed() > REFUSED {
            return "it does not run with the nats.conf and keys of this instance (nats/nats.conf in the data folder)";
        }
    }
}

/// containerd with our private configuration.
///
/// # Errors
/// When it is not installed or its configuration cannot be written.
pub fn containerd_program(instance: &Instance) -> Result<Program> {
    find("runc", "runc")?;
    find("nft", "nftables")?;
    let conf = conf::containerd(instance)?;
    // The file of a daemon that was killed stays behind and would pass for a living one.
    drop(std::fs::remove_file(
        instance.sockets().join("containerd.sock"),
    ));
    Ok(Program {
        name: "containerd",
        binary: find("containerd", "containerd")?,
        args: vec!["-c".into(), conf.display().to_string()],
        grace: Duration::from_secs(10),
    })
}

fn ours(instance: &Instance, args: &UpArgs, name: &'static str, task: &str) -> Program {
    let conf = instance
        .conf_file(&format!("{name}.toml"))
        .display()
        .to_string();
    Program {
        name,
        binary: binary(args, name),
        args: vec![task.into(), "--config".into(), conf],
        grace: Duration::from_secs(15),
    }
}

fn binary(args: &UpArgs, name: &str) -> PathBuf {
    args.bin_dir.join(format!("warren-{name}"))
}

/// Path of a program of the distribution.
///
/// # Errors
/// Names the package when it is missing.
pub fn find(program: &str, package: &str) -> Result<PathBuf> {
    warren_harness::tool(program, package)
}

/// Whether nats-servers that somebody else runs will do; control has the keys to find out.
async fn check_nats(instance: &Instance, args: &UpArgs, made: &Made) -> Result<()> {
    let mut command = Command::new(binary(args, "control"));
    command
        .args(["nats-check", "--config"])
        .arg(instance.conf_file("control.toml"));
    command.arg("--nats-conf").arg(&made.nats_conf);
    text(command).await.map(drop).context("--nats")
}

/// Makes the keys once, and nats-server's configuration and certificate each time.
///
/// # Errors
/// Carries what `warren-control init` says.
pub async fn init(instance: &Instance, args: &UpArgs) -> Result<Made> {
    let mut command = Command::new(binary(args, "control"));
    command
        .arg("init")
        .arg("--data")
        .arg(instance.data.join("control"));
    command.arg("--nats-dir").arg(instance.data.join("nats"));
    command.arg("--nats-listen").arg(nats::listen(args));
    if nats::by_tls(args) {
        command.arg("--nats-tls");
    }
    for name in nats::names(args) {
        command.arg("--address").arg(name);
    }
    // The keys lie in the database, so init must know which one.
    if let Some(database) = &args.postgres {
        command.env("WARREN_CONTROL_DATABASE_URL", database);
    }
    serde_json::from_value(output(command).await?).context("warren-control init")
}

/// Makes the first admin, once; later calls find it in `admin.json`. As long as nobody has set a password there is a link.
async fn first_run(instance: &Instance, args: &UpArgs) -> Result<Option<Admin>> {
    let mut command = Command::new(binary(args, "control"));
    command
        .args(["admin", "first-run", "--config"])
        .arg(instance.conf_file("control.toml"));
    let answer = output(command).await?;
    let path = instance.admin_file();
    let word = |name: &str| answer[name].as_str().map(str::to_owned);
    let admin = match (word("user"), word("link")) {
        (Some(user), Some(link)) => Admin {
            url: conf::public_url(args),
            user,
            link: Some(link),
        },
        _ => {
            let kept = std::fs::read_to_string(&path).ok();
            let kept: Option<Admin> = kept.and_then(|text| serde_json::from_str(&text).ok());
            let Some(kept) = kept else { return Ok(None) };
            // The link has been used.
            Admin { link: None, ..kept }
        }
    };
    write_secret(
        &path,
        &serde_json::to_string_pretty(&admin).context("admin.json")?,
    )?;
    Ok(Some(admin))
}

/// Enrols the local node, once.
async fn join(instance: &Instance, args: &UpArgs) -> Result<()> {
    let done = instance.data.join("agent/joined");
    if done.exists() {
        return Ok(());
    }
    let mut command = Command::new(binary(args, "control"));
    command
        .args(["token", "create", "--config"])
        .arg(instance.conf_file("control.toml"));
    command.args([
        "--uses",
        "1",
        "--expires",
        "10m",
        "--port-range",
        &args.port_range,
    ]);
    command.arg("--local");
    let token = text(command).await?;
    let mut command = Command::new(binary(args, "agent"));
    command.arg("join").arg(token.trim());
    command
        .arg("--config")
        .arg(instance.conf_file("agent.toml"));
    text(command).await.context("join the local node")?;
    std::fs::write(&done, "").context("note that the local node has joined")
}

async fn output(command: Command) -> Result<Value> {
    let shown = format!("{:?}", command.as_std());
    let text = text(command).await?;
    serde_json::from_str(&text).with_context(|| format!("{shown} printed no JSON: {text}"))
}

/// Runs a one-off command to its end and gives its stdout.
///
/// # Errors
/// Carries its stderr.
pub async fn text(mut command: Command) -> Result<String> {
    let shown = format!("{:?}", command.as_std().get_program());
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(COMMAND, command.output())
        .await
        .with_context(|| format!("{shown} did not end within {COMMAND:?}"))?
        .with_context(|| format!("run {shown}"))?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("{shown} failed ({}):\n{}", output.status, error.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a path is a program that can be run.
#[must_use]
pub fn is_built(path: &Path) -> bool {
    path.is_file()
}
