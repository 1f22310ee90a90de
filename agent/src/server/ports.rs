//! Whether something else on this machine holds a port, and who.

use std::net::{IpAddr, Ipv4Addr};

use warren_runtime::net::{Holder, Proto, Publish, port_held};

/// A port that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Which.
    pub port: u16,
    /// Of what.
    pub proto: Proto,
    /// The program, as far as it could be found.
    pub holder: Holder,
}

impl std::fmt::Display for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            port,
            proto,
            holder,
        } = self;
        write!(f, "port {port}/{proto} is held by {holder} on this node")
    }
}

/// The first of `ports` that another program listens on. Our own published ports have no listener:
/// the kernel forwards them. Blocks for some milliseconds.
/// # Errors
/// An address that is not one of this machine.
pub fn first_taken(ports: &[Publish]) -> warren_runtime::Result<Option<Taken>> {
    for publish in ports {
        let ip = publish.host_ip.unwrap_or(Ipv4Addr::UNSPECIFIED);
        let held = port_held(publish.proto, IpAddr::V4(ip), publish.host_port)?;
        if let Some(holder) = held {
            return Ok(Some(Taken {
                port: publish.host_port,
                proto: publish.proto,
                holder,
            }));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::net::UdpSocket;

    fn publish(proto: Proto, port: u16) -> Publish {
        Publish {
            proto,
            host_ip: Some(Ipv4Addr::LOCALHOST),
            host_port: port,
            container_port: port,
        }
    }

    #[test]
    fn a_held_port_is_named_with_its_holder_and_tcp_is_not_udp() {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = udp.local_addr().unwrap().port();
        let ports = [publish(Proto::Tcp, port), publish(Proto::Udp, port)];
        assert_eq!(first_taken(&ports[..1]).unwrap(), None);
        let taken = first_taken(&ports).unwrap().unwrap();
        assert_eq!(taken.holder.pid, Some(std::process::id()));
        assert!(
            taken.to_string().contains(&format!("{port}/udp")),
            "{taken}"
        );
    }
}
