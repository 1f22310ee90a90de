//! From a start order to a running container. Every step says in words what went wrong.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use warren_proto::ids::{RunId, ServerId};
use warren_proto::wire;
use warren_runtime::jail::{Jail, RelPath};
use warren_runtime::net::{Attached, NetKey, Publish};
use warren_runtime::runtime::{
    BindMount, Console, ContainerId, ContainerSpec, HostFiles, HostMount, ImageRef, Profile,
    PullPhase, PullPolicy, PullProgress, PullRequest, RootFs, Running,
};

use super::convert::{self, Invalid};
use super::deps::Deps;
use super::lifecycle::Cause;
use super::{config_files, label, mounts, ports};
use crate::console::Paths;

/// Why there is no container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Stable.
    pub code: String,
    /// For a person.
    pub detail: String,
    /// It may pass by itself within seconds.
    pub passing: bool,
}

/// Bytes of a detail: it goes into a fact, and control cuts facts that are as large as none needs to be.
const MOST_DETAIL: usize = 8 * 1024;

/// What others say may have any length; its beginning says what it is.
fn short(mut text: String) -> String {
    if text.len() > MOST_DETAIL {
        text.truncate(text.floor_char_boundary(MOST_DETAIL));
        text.push('…');
    }
    text
}

impl Failure {
    /// One that stays.
    pub fn new(code: &str, detail: impl ToString) -> Self {
        Self {
            code: code.to_owned(),
            detail: short(detail.to_string()),
            passing: false,
        }
    }
}

impl From<warren_runtime::Error> for Failure {
    fn from(e: warren_runtime::Error) -> Self {
        Self {
            code: e.code().to_owned(),
            detail: short(e.to_string()),
            // A slow or missing registry is for a person; a containerd that restarts is not.
            passing: matches!(
                e,
                warren_runtime::Error::Unavailable(_) | warren_runtime::Error::Timeout { .. }
            ),
        }
    }
}

impl From<warren_runtime::jail::Error> for Failure {
    fn from(e: warren_runtime::jail::Error) -> Self {
        Self::new(e.code(), e)
    }
}

impl From<Invalid> for Failure {
    fn from(e: Invalid) -> Self {
        Self::new("spec_invalid", e)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(e: anyhow::Error) -> Self {
        match e.downcast::<warren_runtime::Error>() {
            Ok(e) => e.into(),
            Err(e) => match e.downcast::<std::io::Error>() {
                Ok(e) => e.into(),
                Err(e) => Self::new("io", format!("{e:#}")),
            },
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Self {
        match e.kind() {
            std::io::ErrorKind::StorageFull => {
                let text = format!("{e}: free space on that disk, then try again");
                Self::new("disk_full", text)
            }
            _ => Self::new("io", e),
        }
    }
}

/// What a start needs to know.
pub struct Start {
    /// Shared things.
    pub deps: Arc<Deps>,
    /// Which server.
    pub server: ServerId,
    /// Control's row.
    pub row: wire::WantedServer,
    /// Names this start.
    pub run: RunId,
    /// Files of its console.
    pub paths: Paths,
    /// Why.
    pub cause: Cause,
    /// Ends the start.
    pub cancel: CancellationToken,
}

/// A container that runs.
#[derive(Debug)]
pub struct Started {
    /// Pid and time.
    pub running: Running,
    /// Its network.
    pub attached: Attached,
    /// As given.
    pub image: String,
}

/// The container of a server's game.
pub fn container_of(server: ServerId) -> Result<ContainerId, Failure> {
    Ok(server.to_string().parse()?)
}

impl Start {
    /// Does it all; nothing of a container is left behind by a failure.
    pub async fn run(self) -> Result<Started, Failure> {
        let cancel = self.cancel.clone();
        // Dropping the work at a step boundary would leave a half-made container; so the steps look
        // at the token themselves, and only waiting is cut short.
        if cancel.is_cancelled() {
            return Err(cancelled());
        }
        self.steps().await
    }

    async fn steps(self) -> Result<Started, Failure> {
        let spec = self.row.spec.clone().unwrap_or_default();
        let image: ImageRef = spec.image.parse()?;
        let net = convert::network(&spec)?;
        let env = convert::env(&spec.env)?;
        self.deps.room().await?;
        // Before anything that takes long; what is held is compared once more when the container is made.
        let host_dirs = self.open_mounts(&spec).await?;
        // Beside each other: neither needs what the other does, and a start is waited for.
        tokio::try_join!(self.pull(&image, &spec), self.clear())?;
        self.check()?;
        let uid = self.prepare_files(&spec).await?;
        for hint in mounts::hints(self.server, uid, &spec.mounts, &host_dirs) {
            self.deps.consoles.say(self.server, &hint);
        }
        self.check()?;
        let ports = net.publish.clone();
        check_ports(&self.deps, self.server, self.row.generation, ports).await?;
        let key: NetKey = self.server.to_string().parse()?;
        let attached = self.deps.network.ensure(&key, &net).await?;
        self.check()?;
        let id = container_of(self.server)?;
        let settings = &self.deps.settings;
        let container = ContainerSpec {
            id,
            run: self.run.to_string(),
            labels: label::game(self.server, self.run, self.row.generation),
            image,
            args: None,
            env,
            cwd: None,
            uid,
            gid: uid,
            mounts: vec![BindMount {
                source: settings.files_of(self.server),
                target: "/home/container".into(),
                read_only: false,
            }],
            host_dirs,
            console: Console {
                tty: spec.tty,
                stdin: Some(self.paths.stdin.clone()),
                stdout: self.paths.stdout.clone(),
                stderr: None,
            },
            limits: convert::limits(spec.limits.as_ref()),
            root: RootFs::ReadOnly,
            profile: Profile::Game,
            hostname: short_name(self.server),
            host_files: Some(host_files(&self.deps, self.server, &attached)),
            netns: Some(attached.netns.clone()),
            tmp_bytes: settings.tmp_bytes,
            oom_score_adj: 0,
        };
        self.check()?;
        let running = self.deps.runtime.create_and_start(container).await;
        let running = running.map_err(|e| mounts::named(e.into(), &spec.mounts))?;
        Ok(Started {
            running,
            attached,
            image: spec.image,
        })
    }

    /// What a crash of ours may have left. What runs is never met here: it was adopted.
    async fn clear(&self) -> Result<(), Failure> {
        let game = container_of(self.server)?;
        let installer = super::install::container_of(self.server)?;
        let runtime = &self.deps.runtime;
        tokio::try_join!(runtime.delete(&game), runtime.delete(&installer))?;
        Ok(())
    }

    fn check(&self) -> Result<(), Failure> {
        match self.cancel.is_cancelled() {
            true => Err(cancelled()),
            false => Ok(()),
        }
    }

    async fn pull(&self, image: &ImageRef, spec: &wire::ServerSpec) -> Result<(), Failure> {
        // Only a person's start asks the registry for news: a crash or a reboot must not depend on it.
        let policy = match self.cause {
            // Its image was asked for while it ran on another node: nothing is to be waited for now that it is down.
            Cause::Asked if self.row.moved => PullPolicy::IfMissing,
            Cause::Asked => PullPolicy::Always,
            Cause::Restart | Cause::Crash | Cause::HostReboot | Cause::NodeUp => {
                PullPolicy::IfMissing
            }
        };
        let auth = convert::auth(spec, &spec.image);
        pull(
            &self.deps,
            self.server,
            image,
            auth,
            policy,
            &self.cancel,
            |_| {},
        )
        .await
    }

    async fn open_mounts(&self, spec: &wire::ServerSpec) -> Result<Vec<HostMount>, Failure> {
        if spec.mounts.is_empty() {
            return Ok(Vec::new());
        }
        let (deps, wanted) = (self.deps.clone(), spec.mounts.clone());
        blocking(move || mounts::open(&deps.settings, &wanted)).await
    }

    async fn prepare_files(&self, spec: &wire::ServerSpec) -> Result<u32, Failure> {
        let deps = self.deps.clone();
        let (server, files) = (self.server, spec.config_files.clone());
        blocking(move || {
            let uid = uid_of(&deps, server)?;
            let root = deps.settings.files_of(server);
            ensure_root(&root, uid)?;
            let jail = Jail::open(&root)?;
            for said in config_files::write(&jail, &files, &deps.settings.bridge_address, uid)? {
                deps.consoles.say(server, &said);
            }
            Ok(uid)
        })
        .await
    }
}

/// Refuses ports that another program holds, and tells control who does.
pub async fn check_ports(
    deps: &Arc<Deps>,
    server: ServerId,
    generation: u64,
    ports: Vec<Publish>,
) -> Result<(), Failure> {
    let taken = blocking(move || Ok(ports::first_taken(&ports)?)).await?;
    let Some(taken) = taken else { return Ok(()) };
    let fact = wire::PortTaken {
        port: u32::from(taken.port),
        protocol: taken.proto.to_string(),
        holder: taken.holder.to_string(),
    };
    let what = wire::fact::What::PortTaken(fact);
    deps.fact(server, generation, what);
    ports::watch(deps, &taken);
    Err(Failure::new("port_taken", &taken))
}

fn cancelled() -> Failure {
    Failure::new("cancelled", "the start was cancelled")
}

/// Runs what blocks on the disk.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(e) => Err(Failure::new("internal", e)),
    }
}

/// The uid that a server's files and processes have.
pub fn uid_of(deps: &Deps, server: ServerId) -> Result<u32, Failure> {
    let index = deps.ledger.uid(server);
    let index = index.map_err(|e| Failure::new("ledger", e))?;
    Ok(deps.settings.uid_base.saturating_add(index))
}

/// Makes a server's directory and gives all of it to its uid if the top is not.
pub fn ensure_root(root: &Path, uid: u32) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::create_dir_all(root).map_err(crate::disk::at("create", root))?;
    let owner = std::fs::symlink_metadata(root)?.uid();
    if owner != uid {
        Jail::open(root)?.chown_all(&RelPath::root(), uid, uid)?;
    }
    Ok(())
}

/// Makes an image present, saying in the console what happens.
pub async fn pull(
    deps: &Arc<Deps>,
    server: ServerId,
    image: &ImageRef,
    auth: warren_runtime::runtime::RegistryAuth,
    policy: PullPolicy,
    cancel: &CancellationToken,
    mut progress: impl FnMut(f64),
) -> Result<(), Failure> {
    let (sender, mut seen) = watch::channel(PullProgress::default());
    let request = PullRequest {
        image: image.clone(),
        auth: deps.settings.auth(image, auth),
        policy,
        progress: Some(sender),
        cancel: cancel.clone(),
    };
    let pulling = deps.runtime.pull(request);
    tokio::pin!(pulling);
    let mut said = false;
    let pulled = loop {
        tokio::select! {
            pulled = &mut pulling => break pulled?,
            Ok(()) = seen.changed() => {
                let now = seen.borrow_and_update().clone();
                let (done, total) = now.bytes();
                if now.phase == PullPhase::Downloading && total > 0 {
                    if !said {
                        deps.consoles.say(server, &format!("pulling {image} ({})", megabytes(total)));
                        said = true;
                    }
                    progress(100.0 * done as f64 / total as f64);
                }
            }
        }
    };
    if said {
        deps.consoles.say(
            server,
            &format!("pulled {image}: {} new", megabytes(pulled.fetched_bytes)),
        );
    }
    if let Some(why) = pulled.stale_because {
        deps.consoles.say(
            server,
            &format!("the copy of {image} on this node is used: {why}"),
        );
    }
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn short_name(server: ServerId) -> String {
    // The end of a ULID is its random part.
    let text = server.to_string();
    text.chars().skip(text.len() - 8).collect()
}

/// The generated files of a container.
pub fn host_files(deps: &Deps, server: ServerId, attached: &Attached) -> HostFiles {
    use sha2::Digest as _;
    let digest = hex::encode(sha2::Sha256::digest(server.to_string()));
    HostFiles {
        dir: deps.settings.run_dir.join(server.to_string()),
        resolvers: deps.settings.resolvers.clone(),
        hosts: Vec::new(),
        address: Some(attached.address.into()),
        machine_id: Some(digest.chars().take(32).collect()),
        user: Some(("container".into(), "/home/container".into())),
    }
}

/// Labels as containerd keeps them.
pub type Labels = BTreeMap<String, String>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_cut_between_letters_and_a_short_one_is_not() {
        let long = Failure::new("x", "ü".repeat(MOST_DETAIL));
        assert!(long.detail.len() <= MOST_DETAIL + 3 && long.detail.ends_with("ü…"));
        assert_eq!(Failure::new("x", "as it is").detail, "as it is");
    }
}
