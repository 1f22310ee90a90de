//! Whether a port of the host is free, and who holds it if not.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use super::types::Proto;
use crate::runtime::{Error, Result};

/// Who has a port.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holder {
    pub pid: Option<u32>,
    /// Name of the program, when `/proc` shows it.
    pub program: Option<String>,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.program, self.pid) {
            (Some(program), Some(pid)) => write!(f, "{program} (pid {pid})"),
            (_, Some(pid)) => write!(f, "process {pid}"),
            _ => f.write_str("another program"),
        }
    }
}

/// `None` if the port could be bound now, else its holder. Blocks for the moment of a look at `/proc`.
/// # Errors
/// `Invalid` if the address is not one of this machine.
pub fn port_held(proto: Proto, ip: IpAddr, port: u16) -> Result<Option<Holder>> {
    let at = SocketAddr::new(ip, port);
    let bound = match proto {
        Proto::Tcp => TcpListener::bind(at).map(drop),
        Proto::Udp => UdpSocket::bind(at).map(drop),
    };
    match bound {
        Ok(()) => Ok(None),
        Err(e) if e.kind() == ErrorKind::AddrInUse => Ok(Some(holder(proto, port))),
        Err(e) if e.kind() == ErrorKind::AddrNotAvailable => Err(Error::Invalid(format!(
            "{ip} is not an address of this machine"
        ))),
        Err(e) => Err(Error::io(format!("try port {at}/{proto}"))(e)),
    }
}

fn holder(proto: Proto, port: u16) -> Holder {
    let files = match proto {
        Proto::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
        Proto::Udp => ["/proc/net/udp", "/proc/net/udp6"],
    };
    let inodes: Vec<String> = files
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .flat_map(|text| inodes(&text, proto, port))
        .collect();
    let pid = inodes.iter().find_map(|inode| owner(inode));
    let program = pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).ok());
    Holder {
        pid,
        program: program.map(|name| name.trim().to_owned()),
    }
}

/// Sockets bound to the port: `sl local remote state ... inode`.
fn inodes(text: &str, proto: Proto, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let read = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (words.get(1)?, words.get(3)?, words.get(9)?);
        let (_, local_port) = local.rsplit_once(':')?;
        let same = u16::from_str_radix(local_port, 16).ok()? == port;
        let listens = proto == Proto::Udp || *state == LISTEN;
        (same && listens).then(|| (*inode).to_owned())
    };
    text.lines().skip(1).filter_map(read).collect()
}

fn owner(inode: &str) -> Option<u32> {
    let wanted = format!("socket:[{inode}]");
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Ok(pid) = process.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        // Gone or not ours to look at: someone else may still match.
        let Ok(fds) = fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        let mut fds = fds.flatten();
        if fds.any(|fd| fs::read_link(fd.path()).is_ok_and(|to| to.as_os_str() == wanted.as_str()))
        {
            return Some(pid);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn a_held_port_names_its_holder_and_a_free_one_nobody() {
        let local = IpAddr::from(Ipv4Addr::LOCALHOST);
        let tcp = TcpListener::bind((local, 0)).unwrap();
        let udp = UdpSocket::bind((local, 0)).unwrap();
        for (proto, port) in [
            (Proto::Tcp, tcp.local_addr().unwrap().port()),
            (Proto::Udp, udp.local_addr().unwrap().port()),
        ] {
            let held = port_held(proto, local, port).unwrap().unwrap();
            assert_eq!(held.pid, Some(std::process::id()), "{held}");
        }
        let port = tcp.local_addr().unwrap().port();
        drop(tcp);
        assert_eq!(port_held(Proto::Tcp, local, port).unwrap(), None);
        let elsewhere = IpAddr::from([192, 0, 2, 77]);
        assert!(port_held(Proto::Tcp, elsewhere, port).is_err());
    }
}
