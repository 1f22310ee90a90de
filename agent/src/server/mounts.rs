//! Directories of this machine that control wants a game to see. This node decides: what its own settings do not allow is
//! not mounted, whoever asks, and nothing is left out in silence.

use std::path::Path;

use warren_proto::ids::ServerId;
use warren_proto::mount;
use warren_proto::wire;
use warren_runtime::host_dir::HostDir;
use warren_runtime::runtime::HostMount;

use super::convert::Invalid;
use super::deps::Settings;
use super::start::Failure;

/// A mount that is refused: its name first, then what it is, then what to do.
fn refused(mount: &wire::Mount, code: &str, why: &str, what: &str) -> Failure {
    let wire::Mount { name, source, .. } = mount;
    let text = format!("mount {name:?}: {source} {why}. {what}, or switch the mount off");
    Failure::new(code, text)
}

/// Opens all of a server's mounts, or says which of them can't be and why.
pub fn open(settings: &Settings, wanted: &[wire::Mount]) -> Result<Vec<HostMount>, Failure> {
    if wanted.len() > mount::MOST {
        let text = format!(
            "{} mounts; a server has at most {}",
            wanted.len(),
            mount::MOST
        );
        return Err(Invalid(text).into());
    }
    let mut open: Vec<HostMount> = Vec::with_capacity(wanted.len());
    for (n, one) in wanted.iter().enumerate() {
        if let Err(bad) = mount::target(&one.target) {
            let text = format!(
                "mount {:?}: the place {:?} in the container {bad}",
                one.name, one.target
            );
            return Err(Invalid(text).into());
        }
        let before = &wanted[..n];
        if let Some(other) = before
            .iter()
            .find(|m| mount::overlap(&m.target, &one.target))
        {
            let text = format!(
                "mounts {:?} and {:?} are in each other's way",
                other.name, one.name
            );
            return Err(Invalid(text).into());
        }
        open.push(HostMount {
            dir: open_one(settings, one)?,
            target: one.target.clone().into(),
            read_only: one.read_only,
        });
    }
    Ok(open)
}

fn open_one(settings: &Settings, one: &wire::Mount) -> Result<HostDir, Failure> {
    let allow = "Its directory, or one above it, has to stand in allowed_mounts of the agent's settings on that machine";
    if let Err(bad) = mount::source(&one.source) {
        let why = format!("is never mounted: a path {bad}");
        return Err(refused(
            one,
            "mount_not_allowed",
            &why,
            "Choose another directory",
        ));
    }
    if mount::allowed_by(&settings.allowed_mounts, &one.source).is_none() {
        let why = "is not allowed by this node's own settings";
        return Err(refused(one, "mount_not_allowed", why, allow));
    }
    HostDir::open(Path::new(&one.source)).map_err(|error| {
        let failure = Failure::from(error);
        let (why, what) = match failure.code.as_str() {
            "mount_missing" => ("does not exist on this node", "Make the directory there"),
            "mount_symlink" => (
                "is or leads through a symlink, which could lead anywhere",
                "Name the directory where it really is",
            ),
            "mount_not_a_directory" => ("is not a directory", "Name a directory"),
            _ => return failure,
        };
        refused(one, &failure.code, why, what)
    })
}

/// Failures of the engine that are about a mount, in the words of people: which of them, and what to do.
pub fn named(failure: Failure, wanted: &[wire::Mount]) -> Failure {
    let what = match failure.code.as_str() {
        "mount_missing" | "mount_symlink" | "mount_not_a_directory" | "mount_exchanged" => {
            "Start again, and find out who moves directories there"
        }
        "mount_writable" => {
            "It takes Linux 5.12 and runc 1.1 to make all of it read-only: bring them up to date, or unmount what is below"
        }
        _ => return failure,
    };
    let of = |m: &&wire::Mount| failure.detail.starts_with(&format!("{} ", m.source));
    let name = wanted.iter().filter(of).max_by_key(|m| m.source.len());
    let name = name.map(|m| m.name.as_str()).unwrap_or_default();
    let text = format!("mount {name:?}: {}. {what}", failure.detail);
    Failure {
        detail: text,
        ..failure
    }
}

/// What a server's people should know of mounts that its user can't use: games say no more than "permission denied".
pub fn hints(
    server: ServerId,
    uid: u32,
    wanted: &[wire::Mount],
    open: &[HostMount],
) -> Vec<String> {
    let hint = |(one, open): (&wire::Mount, &HostMount)| {
        let reach = open.dir.reach(uid).ok()?;
        let lacks = match (reach.read, reach.write || one.read_only) {
            (true, true) => return None,
            (false, _) => "read",
            (true, false) => "write to",
        };
        tracing::debug!(server.id = %server, uid, "mount {:?} is out of reach", one.name);
        Some(format!(
            "mount {:?}: by its mode this server's user (uid {uid}) can't {lacks} {}; on the node, give the directory to \
             that user or open it to others",
            one.name, one.target
        ))
    };
    wanted.iter().zip(open).filter_map(hint).collect()
}
