//! Whether something else on this machine holds a port, and who.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;

use warren_runtime::net::{Proto, Publish};

/// A port that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Which.
    pub port: u16,
    /// Of what.
    pub proto: Proto,
    /// The program, if it could be found.
    pub holder: String,
}

impl std::fmt::Display for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "port {}/{} is held by ", self.port, self.proto)?;
        match self.holder.is_empty() {
            true => write!(f, "another program on this node"),
            false => write!(f, "{}", self.holder),
        }
    }
}

/// The first of `ports` that another program listens on. Our own published ports have no listener:
/// the kernel forwards them. Blocks for some milliseconds.
pub fn first_taken(ports: &[Publish]) -> Option<Taken> {
    let taken = ports.iter().find(|p| is_taken(p))?;
    Some(Taken {
        port: taken.host_port,
        proto: taken.proto,
        holder: holder(taken.proto, taken.host_port).unwrap_or_default(),
    })
}

fn is_taken(port: &Publish) -> bool {
    let ip = port.host_ip.unwrap_or(Ipv4Addr::UNSPECIFIED);
    let at = SocketAddr::new(IpAddr::V4(ip), port.host_port);
    let bound = match port.proto {
        Proto::Tcp => TcpListener::bind(at).map(drop),
        Proto::Udp => UdpSocket::bind(at).map(drop),
    };
    // Anything else (an address that is not here) is for the network to refuse, in its own words.
    bound.is_err_and(|e| e.kind() == std::io::ErrorKind::AddrInUse)
}

/// Name and pid of who has a socket on that port.
fn holder(proto: Proto, port: u16) -> Option<String> {
    let tables: [&str; 2] = match proto {
        Proto::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
        Proto::Udp => ["/proc/net/udp", "/proc/net/udp6"],
    };
    let inode = tables.iter().find_map(|table| {
        let text = std::fs::read_to_string(table).ok()?;
        text.lines().skip(1).find_map(|line| inode_of(line, port))
    })?;
    let wanted = format!("socket:[{inode}]");
    for process in std::fs::read_dir("/proc").ok()?.flatten() {
        let name = process.file_name();
        let Ok(pid) = name.to_string_lossy().parse::<u32>() else {
            continue;
        };
        if has_socket(&process.path().join("fd"), &wanted) {
            let comm = std::fs::read_to_string(process.path().join("comm")).ok()?;
            return Some(format!("{} (pid {pid})", comm.trim()));
        }
    }
    None
}

fn inode_of(line: &str, port: u16) -> Option<u64> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (_, local) = words.get(1)?.rsplit_once(':')?;
    let matches = u16::from_str_radix(local, 16).ok()? == port;
    // 0A is LISTEN for TCP, 07 an unconnected UDP socket.
    let listens = matches!(*words.get(3)?, "0A" | "07");
    let inode = words.get(9)?.parse().ok()?;
    (matches && listens).then_some(inode)
}

fn has_socket(dir: &Path, wanted: &str) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return false;
    };
    entries
        .flatten()
        .any(|e| std::fs::read_link(e.path()).is_ok_and(|t| t.as_os_str() == wanted))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn publish(proto: Proto, port: u16) -> Publish {
        Publish {
            proto,
            host_ip: Some(Ipv4Addr::LOCALHOST),
            host_port: port,
            container_port: port,
        }
    }

    #[test]
    fn a_held_port_is_named_with_its_holder() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        let taken = first_taken(&[publish(Proto::Tcp, port)]).unwrap();
        assert!(
            taken.holder.contains(&std::process::id().to_string()),
            "{taken}"
        );
        drop(tcp);
        assert_eq!(first_taken(&[publish(Proto::Tcp, port)]), None);
    }

    #[test]
    fn udp_and_tcp_do_not_meet() {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = udp.local_addr().unwrap().port();
        assert_eq!(first_taken(&[publish(Proto::Tcp, port)]), None);
        assert_eq!(
            first_taken(&[publish(Proto::Udp, port)]).unwrap().port,
            port
        );
    }
}
