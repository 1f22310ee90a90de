//! Whether something else on this machine holds a port, and who; and when it lets go.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use warren_proto::wire;
use warren_runtime::net::{Holder, Proto, Publish, port_held};

use super::deps::Deps;

/// A port that control was told is held is looked at this often.
const AGAIN: Duration = Duration::from_secs(5);

/// Ports that are being looked at.
pub type Watched = Mutex<BTreeSet<(IpAddr, u16)>>;

/// A port that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Where.
    pub ip: IpAddr,
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
            ..
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
        let ip = IpAddr::V4(publish.host_ip.unwrap_or(Ipv4Addr::UNSPECIFIED));
        let held = port_held(publish.proto, ip, publish.host_port)?;
        if let Some(holder) = held {
            return Ok(Some(Taken {
                ip,
                port: publish.host_port,
                proto: publish.proto,
                holder,
            }));
        }
    }
    Ok(None)
}

/// Tells control when a held port is free: no server may be left that would try it. One watch per port, for as
/// long as this process runs.
pub fn watch(deps: &Arc<Deps>, taken: &Taken) {
    let (ip, port) = (taken.ip, taken.port);
    if deps.watched_ports.lock().insert((ip, port)) {
        tokio::spawn(until_free(Arc::downgrade(deps), ip, port));
    }
}

async fn until_free(deps: Weak<Deps>, ip: IpAddr, port: u16) {
    loop {
        tokio::time::sleep(AGAIN).await;
        let looked = tokio::task::spawn_blocking(move || is_free(ip, port)).await;
        let Some(deps) = deps.upgrade() else { return };
        let free = match looked {
            Ok(Ok(false)) => continue,
            Ok(Ok(true)) => true,
            // The address has left this machine: nothing can be said of it any more.
            Ok(Err(_)) | Err(_) => false,
        };
        deps.watched_ports.lock().remove(&(ip, port));
        if free {
            deps.journal.push(wire::Fact {
                what: Some(wire::fact::What::PortFreed(wire::PortFreed {
                    port: port.into(),
                })),
                ..Default::default()
            });
        }
        return;
    }
}

fn is_free(ip: IpAddr, port: u16) -> warren_runtime::Result<bool> {
    for proto in [Proto::Tcp, Proto::Udp] {
        if port_held(proto, ip, port)?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
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
