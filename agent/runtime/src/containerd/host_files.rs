//! Files of `/etc` that we write on the host and mount read-only into a container. Nothing is ever
//! executed or written inside from outside.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::runtime::{BindMount, ContainerSpec, Error, HostFiles, Result};

/// Names below [`HostFiles::dir`] and where they appear.
const FILES: [(&str, &str); 6] = [
    ("resolv.conf", "/etc/resolv.conf"),
    ("hosts", "/etc/hosts"),
    ("hostname", "/etc/hostname"),
    ("machine-id", "/etc/machine-id"),
    ("passwd", "/etc/passwd"),
    ("group", "/etc/group"),
];

/// Writes the files and gives the mounts for them.
pub fn write(spec: &ContainerSpec, files: &HostFiles) -> Result<Vec<BindMount>> {
    let fail = |path: &Path| Error::io(format!("write {}", path.display()));
    fs::create_dir_all(&files.dir).map_err(fail(&files.dir))?;
    let mut mounts = Vec::new();
    for (name, target) in FILES {
        let Some(text) = text(name, spec, files) else {
            continue;
        };
        let path = files.dir.join(name);
        // A new inode each time: a container that still runs keeps what it was given.
        let fresh = files.dir.join(format!(".{name}.new"));
        // Whatever lies there is removed, never written through.
        match fs::remove_file(&fresh) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(fail(&fresh)(e)),
            _ => {}
        }
        let mut file = fs::File::create_new(&fresh).map_err(fail(&fresh))?;
        file.write_all(text.as_bytes()).map_err(fail(&fresh))?;
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o644)).map_err(fail(&fresh))?;
        fs::rename(&fresh, &path).map_err(fail(&path))?;
        mounts.push(BindMount {
            source: path,
            target: PathBuf::from(target),
            read_only: true,
        });
    }
    Ok(mounts)
}

/// Removes what [`write`] made.
pub fn remove(dir: &Path) {
    // A symlink here is not what `write` made: following it would remove the machine's own files.
    if !fs::symlink_metadata(dir).is_ok_and(|meta| meta.is_dir()) {
        return;
    }
    for (name, _) in FILES {
        // Absent or unreadable: the directory stays and shows it.
        let _ = fs::remove_file(dir.join(name));
    }
    let _ = fs::remove_dir(dir);
}

fn text(name: &str, spec: &ContainerSpec, files: &HostFiles) -> Option<String> {
    let mut out = String::new();
    match name {
        "resolv.conf" => {
            for ip in &files.resolvers {
                let _ = writeln!(out, "nameserver {ip}");
            }
            if !out.is_empty() {
                out.push_str("options timeout:2 attempts:3\n");
            }
        }
        "hosts" => {
            out.push_str("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
            // Java asks for the address of its own host name.
            let own = files
                .address
                .map_or("127.0.1.1".to_owned(), |ip| ip.to_string());
            let _ = writeln!(out, "{own} {}", plain(&spec.hostname));
            for (ip, host) in &files.hosts {
                let _ = writeln!(out, "{ip} {}", plain(host));
            }
        }
        "hostname" => {
            let _ = writeln!(out, "{}", plain(&spec.hostname));
        }
        "machine-id" => {
            let _ = writeln!(out, "{}", plain(files.machine_id.as_deref()?));
        }
        "passwd" => {
            let (user, home) = files.user.as_ref()?;
            out.push_str("root:x:0:0:root:/root:/bin/sh\n");
            out.push_str("nobody:x:65534:65534:nobody:/:/bin/false\n");
            let (user, home) = (field(user), field(home));
            let _ = writeln!(out, "{user}:x:{}:{}::{home}:/bin/sh", spec.uid, spec.gid);
        }
        "group" => {
            let (user, _) = files.user.as_ref()?;
            out.push_str("root:x:0:\ntty:x:5:\nnogroup:x:65534:\n");
            let _ = writeln!(out, "{}:x:{}:", field(user), spec.gid);
        }
        _ => return None,
    }
    Some(out)
}

/// One word: what would start a new entry or line is dropped.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && !c.is_control())
        .collect()
}

fn field(text: &str) -> String {
    plain(text).replace(':', "")
}
