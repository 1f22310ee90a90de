//! A container spec in the words of the OCI runtime specification.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde_json::{Value, json};

use super::host::HostFacts;
use super::seccomp;
use crate::pull::LocalImage;
use crate::runtime::{BindMount, ContainerSpec, Error, Limits, Profile, Result, RootFs, Swap};

const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const SHM: u64 = 64 << 20;
const NOFILE: u64 = 65_536;
/// Period of CPU accounting in microseconds: one percent of a core is 1000 of it.
const PERIOD: u64 = 100_000;

/// What the short list of package managers and install scripts needs, and nothing that reaches out. Root inside is root
/// outside but for what is missing here: a user namespace would be stronger, yet containerd 1.6 knows no mapped mounts, so
/// that every install would copy and chown a whole image. Each way out is tried by a test of the agent instead.
const INSTALLER: [&str; 9] = [
    "CAP_CHOWN",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_DAC_OVERRIDE",
    "CAP_SETUID",
    "CAP_SETGID",
    "CAP_SETFCAP",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
];

const MASKED: [&str; 11] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];

const READ_ONLY: [&str; 6] = [
    // Of version 1 runc leaves the folder that the controllers are mounted in writable.
    "/sys/fs/cgroup",
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

/// Builds the document.
/// # Errors
/// `Invalid` names the field that can't be.
pub fn document(
    spec: &ContainerSpec,
    image: &LocalImage,
    generated: &[BindMount],
    cgroup: &str,
    host: &HostFacts,
) -> Result<Value> {
    let capabilities: &[&str] = match spec.profile {
        Profile::Game => &[],
        Profile::Installer => &INSTALLER,
    };
    let nofile = host.clamp_nofile(spec.limits.nofile.unwrap_or(NOFILE));
    let mut namespaces = vec![
        json!({ "type": "pid" }),
        json!({ "type": "ipc" }),
        json!({ "type": "uts" }),
        json!({ "type": "mount" }),
        json!({ "type": "cgroup" }),
    ];
    namespaces.push(match &spec.netns {
        Some(path) => json!({ "type": "network", "path": path }),
        None => json!({ "type": "network" }),
    });
    Ok(json!({
        "ociVersion": "1.0.2",
        "hostname": hostname(&spec.hostname)?,
        "root": { "path": "rootfs", "readonly": spec.root == RootFs::ReadOnly },
        "process": {
            "terminal": spec.console.tty,
            "user": { "uid": spec.uid, "gid": spec.gid, "additionalGids": [spec.gid] },
            "args": args(spec, image)?,
            "env": env(spec, image)?,
            "cwd": cwd(spec, image)?,
            // All five, or the defaults of some library ask for more than the bounding set has.
            "capabilities": {
                "bounding": capabilities,
                "effective": capabilities,
                "permitted": capabilities,
                "inheritable": [],
                "ambient": [],
            },
            "noNewPrivileges": true,
            "oomScoreAdj": host.clamp_oom_score(spec.oom_score_adj),
            "rlimits": [
                { "type": "RLIMIT_NOFILE", "soft": nofile, "hard": nofile },
                { "type": "RLIMIT_CORE", "soft": 0, "hard": 0 },
            ],
        },
        "mounts": mounts(spec, generated, host)?,
        "linux": {
            "namespaces": namespaces,
            "cgroupsPath": cgroup,
            "resources": resources(&spec.limits, host, true)?,
            "seccomp": seccomp::profile(),
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
            // As Docker does: low ports and ping need no capability in a namespace of one's own.
            "sysctl": {
                "net.ipv4.ip_unprivileged_port_start": "0",
                "net.ipv4.ping_group_range": "0 2147483647",
            },
        },
    }))
}

fn hostname(text: &str) -> Result<&str> {
    let good = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'.';
    if text.is_empty() || text.len() > 63 || !text.bytes().all(good) {
        return Err(Error::Invalid(format!("{text:?} is no host name")));
    }
    Ok(text)
}

fn args(spec: &ContainerSpec, image: &LocalImage) -> Result<Vec<String>> {
    if let Some(args) = &spec.args {
        return match args.first() {
            Some(first) if !first.is_empty() => clean("argument", args),
            _ => Err(Error::Invalid("the command is empty".into())),
        };
    }
    let image = &image.execution;
    let all: Vec<String> = [&image.entrypoint, &image.cmd]
        .into_iter()
        .flatten()
        .flatten()
        .cloned()
        .collect();
    if all.is_empty() {
        return Err(Error::Invalid(format!(
            "image {} has neither entrypoint nor command",
            spec.image
        )));
    }
    clean("argument", &all)
}

fn clean(what: &str, texts: &[String]) -> Result<Vec<String>> {
    match texts.iter().find(|text| text.contains('\0')) {
        Some(bad) => Err(Error::Invalid(format!("{what} {bad:?} holds a NUL"))),
        None => Ok(texts.to_vec()),
    }
}

/// The image's environment below the caller's, each name once.
fn env(spec: &ContainerSpec, image: &LocalImage) -> Result<Vec<String>> {
    let mut all: BTreeMap<&str, &str> = BTreeMap::new();
    let mut order = Vec::new();
    let mut set = |key, value| {
        if all.insert(key, value).is_none() {
            order.push(key);
        }
    };
    let from_image = image.execution.env.iter().flatten();
    for entry in std::iter::once(PATH).chain(from_image.map(String::as_str)) {
        if let Some((key, value)) = entry.split_once('=') {
            set(key, value);
        }
    }
    if spec.console.tty {
        set("TERM", "xterm");
    }
    for (key, value) in &spec.env {
        if key.is_empty() || key.contains(['=', '\0']) || value.contains('\0') {
            return Err(Error::Invalid(format!(
                "{key:?} is no environment variable"
            )));
        }
        set(key, value);
    }
    let line = |key| format!("{key}={}", all.get(key).copied().unwrap_or_default());
    Ok(order.into_iter().map(line).collect())
}

fn cwd(spec: &ContainerSpec, image: &LocalImage) -> Result<String> {
    let given = spec.cwd.clone().or(image.execution.working_dir.clone());
    let cwd = given.filter(|c| !c.is_empty()).unwrap_or("/".to_owned());
    inside(Path::new(&cwd))?;
    // /proc/self/fd of a runtime that leaks one is a way out to the host (CVE-2024-21626).
    if ["/proc", "/sys"]
        .iter()
        .any(|no| Path::new(&cwd).starts_with(no))
    {
        return Err(Error::Invalid(format!(
            "the image's working directory {cwd} is the kernel's"
        )));
    }
    Ok(cwd)
}

/// Absolute, and nothing in it that goes up.
fn inside(path: &Path) -> Result<()> {
    let plain = |c| matches!(c, Component::RootDir | Component::Normal(_));
    if !path.is_absolute() || !path.components().all(plain) {
        let text = format!("{} is no plain absolute path", path.display());
        return Err(Error::Invalid(text));
    }
    Ok(())
}

fn mounts(spec: &ContainerSpec, generated: &[BindMount], host: &HostFacts) -> Result<Vec<Value>> {
    let shm = spec.limits.shm_bytes.unwrap_or(SHM);
    let mount = |target: &str, kind: &str, options: &[&str]| json!({ "destination": target, "type": kind, "source": kind, "options": options });
    let shm_size = format!("size={shm}");
    let tmp_size = format!("size={}", spec.tmp_bytes);
    let mut all = vec![
        mount("/proc", "proc", &["nosuid", "noexec", "nodev"]),
        mount(
            "/dev",
            "tmpfs",
            &["nosuid", "strictatime", "mode=755", "size=65536k"],
        ),
        mount(
            "/dev/pts",
            "devpts",
            &[
                "nosuid",
                "noexec",
                "newinstance",
                "ptmxmode=0666",
                "mode=0620",
                "gid=5",
            ],
        ),
        mount(
            "/dev/shm",
            "tmpfs",
            &["nosuid", "noexec", "nodev", "mode=1777", &shm_size],
        ),
        mount("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        mount("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
        // JVM and .NET size their heaps from here; without it they see the whole machine.
        mount(
            "/sys/fs/cgroup",
            "cgroup",
            &["nosuid", "noexec", "nodev", "relatime", "ro"],
        ),
    ];
    if spec.tmp_bytes > 0 {
        // exec: Java unpacks native libraries here.
        all.push(mount(
            "/tmp",
            "tmpfs",
            &["nosuid", "nodev", "exec", "mode=1777", &tmp_size],
        ));
    }
    for bind in spec.mounts.iter().chain(generated) {
        inside(&bind.target)?;
        inside(&bind.source)?;
        let mut options = vec!["rbind", "rprivate", "nosuid", "nodev"];
        options.push(if bind.read_only { "ro" } else { "rw" });
        all.push(json!({
            "destination": bind.target, "type": "bind", "source": bind.source, "options": options
        }));
    }
    for mount in &spec.host_dirs {
        let source = mount.dir.path();
        inside(&mount.target)?;
        inside(source)?;
        let mut options = vec!["rbind", "rprivate", "nosuid", "nodev"];
        // "ro" alone leaves what others have mounted below as it is.
        match (mount.read_only, host.recursive_flags) {
            (true, true) => options.extend(["ro", "rro", "rnosuid", "rnodev"]),
            (true, false) => options.push("ro"),
            (false, true) => options.extend(["rw", "rnosuid", "rnodev"]),
            (false, false) => options.push("rw"),
        }
        all.push(json!({
            "destination": mount.target, "type": "bind", "source": source, "options": options
        }));
    }
    Ok(all)
}

/// The `linux.resources` part. For a live update there are no device rules, and what has no limit says
/// so: leaving it out would mean "as it is".
pub fn resources(limits: &Limits, host: &HostFacts, start: bool) -> Result<Value> {
    let mut all = serde_json::Map::new();
    if start {
        // Everything is closed; runc opens null, zero, random, tty and the like.
        all.insert(
            "devices".into(),
            json!([{ "allow": false, "access": "rwm" }]),
        );
    }
    let mut memory = memory(limits, host)?;
    let mut cpu = cpu(limits, host)?;
    let mut pids = limits.pids.map_or(0, i64::from);
    if !start {
        if limits.memory.is_none() {
            memory = match host.swap_accounting {
                true => json!({ "limit": -1, "swap": -1 }),
                false => json!({ "limit": -1 }),
            };
        }
        if limits.cpu_percent.is_none() {
            cpu["quota"] = json!(-1);
        }
        pids = if pids == 0 { -1 } else { pids };
    }
    all.insert("memory".into(), memory);
    all.insert("cpu".into(), cpu);
    if pids != 0 {
        all.insert("pids".into(), json!({ "limit": pids }));
    }
    if let (Some(weight), true) = (limits.io_weight, host.io_weight) {
        let weight = weight.clamp(10, 1000);
        all.insert("blockIO".into(), json!({ "weight": weight }));
    }
    Ok(Value::Object(all))
}

fn memory(limits: &Limits, host: &HostFacts) -> Result<Value> {
    let Some(memory) = limits.memory else {
        return Ok(json!({}));
    };
    let bytes = |n: u64| {
        i64::try_from(n).map_err(|_| Error::Invalid(format!("{n} bytes of memory are too many")))
    };
    let hard = bytes(memory.hard_bytes)?;
    if hard < 6 << 20 {
        let text = format!("a memory limit of {hard} bytes: below 6 MiB nothing starts");
        return Err(Error::Invalid(text));
    }
    let soft = bytes(memory.soft_bytes)?.min(hard);
    let mut all = json!({ "limit": hard, "reservation": soft });
    // OCI counts memory and swap together. Without swap accounting the kernel has no such file.
    let swap = match limits.swap {
        Swap::None => hard,
        Swap::Unlimited => -1,
        Swap::Bytes(n) => hard.saturating_add(bytes(n)?),
    };
    if let (true, Value::Object(all)) = (host.swap_accounting, &mut all) {
        all.insert("swap".into(), json!(swap));
    }
    Ok(all)
}

fn cpu(limits: &Limits, host: &HostFacts) -> Result<Value> {
    let mut all = serde_json::Map::new();
    all.insert("shares".into(), json!(1024));
    if let Some(percent) = limits.cpu_percent {
        if !percent.is_finite() || percent <= 0.0 || percent > 100_000.0 {
            return Err(Error::Invalid(format!("{percent} percent of CPU")));
        }
        // The kernel takes no quota below one millisecond.
        let quota = ((percent * PERIOD as f64 / 100.0).round() as i64).max(1000);
        all.insert("quota".into(), json!(quota));
        all.insert("period".into(), json!(PERIOD));
    }
    if let Some(wanted) = &limits.cpuset {
        all.insert("cpus".into(), json!(host.clamp_cpuset(wanted)?));
    }
    Ok(Value::Object(all))
}
