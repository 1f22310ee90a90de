//! Ports that something else holds, named before anything is started.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Result, bail};

/// A port that a part is about to use.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// The part's name.
    pub part: &'static str,
    /// Option that changes it.
    pub option: &'static str,
    /// Where it will listen.
    pub address: SocketAddr,
}

impl Wanted {
    /// A port on loopback or, when `open`, on all addresses.
    #[must_use]
    pub fn new(part: &'static str, option: &'static str, open: bool, port: u16) -> Self {
        let ip = if open {
            Ipv4Addr::UNSPECIFIED
        } else {
            Ipv4Addr::LOCALHOST
        };
        Self {
            part,
            option,
            address: SocketAddr::from((ip, port)),
        }
    }
}

/// Checks all at once, so that one message names every taken port.
///
/// # Errors
/// Names each taken port, its part, who holds it and the option that changes it.
pub fn check(wanted: &[Wanted]) -> Result<()> {
    let taken: Vec<String> = wanted
        .iter()
        .filter_map(|want| {
            let error = TcpListener::bind(want.address).err()?;
            let holder = holder_of(want.address.port()).unwrap_or_else(|| error.to_string());
            Some(format!(
                "port {} for {} is taken ({holder}); choose another with {} PORT",
                want.address.port(),
                want.part,
                want.option
            ))
        })
        .collect();
    if !taken.is_empty() {
        bail!("{}", taken.join("\n        "));
    }
    Ok(())
}

/// `nats-server, pid 123` for the process that listens on a TCP port.
fn holder_of(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .find_map(|file| {
            let table = fs::read_to_string(file).ok()?;
            table
                .lines()
                .skip(1)
                .find_map(|line| listening_inode(line, port))
        })?;
    let wanted = format!("socket:[{inode}]");
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let Ok(links) = fs::read_dir(entry.path().join("fd")) else {
            continue;
        };
        let mut targets = links
            .flatten()
            .filter_map(|link| fs::read_link(link.path()).ok());
        if targets.any(|target| target.as_os_str() == wanted.as_str()) {
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            return Some(format!("{}, pid {pid}", name.trim()));
        }
    }
    None
}

/// Inode of a row of `/proc/net/tcp` in state LISTEN (0A) on `port`.
fn listening_inode(line: &str, port: u16) -> Option<String> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let local = columns.get(1)?.rsplit_once(':')?.1;
    let is_ours = u16::from_str_radix(local, 16).ok()? == port && *columns.get(3)? == "0A";
    is_ours.then(|| columns.get(9).map(ToString::to_string))?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_its_holder_and_its_option() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = check(&[Wanted::new("gateway", "--gateway-port", false, port)]).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(&format!("port {port} for gateway is taken")),
            "{text}"
        );
        assert!(
            text.contains(&format!("pid {}", std::process::id())),
            "{text}"
        );
        assert!(text.contains("--gateway-port"), "{text}");
    }
}
