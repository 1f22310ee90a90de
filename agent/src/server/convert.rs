//! Control's row as plain data for the runtime; what is out of range is refused in words.

use std::net::{IpAddr, Ipv4Addr};

use warren_proto::wire;
use warren_runtime::net::{Egress, NetSpec, Proto, Publish};
use warren_runtime::runtime::limits::{WINGS_HEAD_ROOM, head_room_bytes};
use warren_runtime::runtime::{Limits, Memory, RegistryAuth, Swap};

use super::lifecycle::{CrashPolicy, Power, Want};

/// A row that can't be carried out: which field and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

/// The part that decides.
pub fn want(row: &wire::WantedServer) -> Want {
    let spec = row.spec.as_ref();
    let order = row.power.as_ref();
    let power = order.and_then(|o| match o.power() {
        wire::Power::Start => Some(Power::Start),
        wire::Power::Stop => Some(Power::Stop),
        wire::Power::Kill => Some(Power::Kill),
        wire::Power::Unspecified => None,
    });
    let crash = spec.and_then(|s| s.crash.as_ref());
    Want {
        generation: row.generation,
        power,
        order: order.map_or(0, |o| o.generation),
        restarts: order.map_or(0, |o| o.restarts),
        suspended: row.suspended,
        installable: spec.is_some_and(installable),
        moved: row.moved,
        crash: crash.map_or(CrashPolicy::default(), |c| CrashPolicy {
            restart: c.restart,
            max_restarts: c.max_restarts,
            window_s: c.window_s,
            clean_exit_is_crash: c.clean_exit_is_crash,
        }),
        grace_ms: spec
            .and_then(|s| s.stop.as_ref())
            .map_or(0, |s| u64::from(s.grace_ms)),
    }
}

/// There is a script to run.
pub fn installable(spec: &wire::ServerSpec) -> bool {
    let install = spec.install.as_ref();
    install.is_some_and(|i| !i.image.is_empty() && !i.script.trim().is_empty())
}

/// Zero means no limit, but for swap: a server without any stays within its memory.
pub fn limits(wire: Option<&wire::Limits>) -> Limits {
    let Some(wire) = wire else {
        return Limits::default();
    };
    let some = |n: u64| (n > 0).then_some(n);
    Limits {
        memory: some(wire.memory_bytes).map(|soft_bytes| Memory {
            soft_bytes,
            hard_bytes: head_room_bytes(soft_bytes, &WINGS_HEAD_ROOM),
        }),
        swap: match wire.swap_bytes {
            0 => Swap::None,
            bytes => Swap::Bytes(bytes),
        },
        cpu_percent: (wire.cpu_percent > 0.0 && wire.cpu_percent.is_finite())
            .then_some(wire.cpu_percent),
        cpuset: (!wire.cpuset.is_empty()).then(|| wire.cpuset.clone()),
        io_weight: u16::try_from(wire.io_weight).ok().filter(|n| *n > 0),
        pids: (wire.pids > 0).then_some(wire.pids),
        nofile: None,
        shm_bytes: some(wire.shm_bytes),
    }
}

/// Ports and egress.
pub fn network(spec: &wire::ServerSpec) -> Result<NetSpec, Invalid> {
    let mut publish = Vec::new();
    for port in &spec.ports {
        let number = u16::try_from(port.port).ok().filter(|n| *n > 0);
        let number = number.ok_or_else(|| Invalid(format!("{} is no port", port.port)))?;
        let host_ip = match port.host_ip.as_str() {
            "" | "0.0.0.0" => None,
            ip => Some(host_ip(ip, number)?),
        };
        for (wanted, proto) in [(port.tcp, Proto::Tcp), (port.udp, Proto::Udp)] {
            if wanted {
                publish.push(Publish {
                    proto,
                    host_ip,
                    host_port: number,
                    container_port: number,
                });
            }
        }
    }
    let allow = spec.egress_allow.iter().map(|range| {
        let parsed = range.parse();
        parsed.map_err(|e: warren_runtime::Error| Invalid(e.to_string()))
    });
    Ok(NetSpec {
        publish,
        egress: Egress {
            allow: allow.collect::<Result<_, _>>()?,
            deny_internet: false,
        },
    })
}

/// Servers have no IPv6 address that a port could lead to: a port "published" there would answer nobody.
fn host_ip(text: &str, port: u16) -> Result<Ipv4Addr, Invalid> {
    match text.parse() {
        Ok(IpAddr::V4(ip)) => Ok(ip),
        Ok(IpAddr::V6(ip)) => Err(Invalid(format!(
            "port {port} can't be published on {ip}: ports are published on IPv4 alone. Choose an IPv4 address of the node, or 0.0.0.0 for all"
        ))),
        Err(_) => Err(Invalid(format!(
            "{text:?} is no IPv4 address to publish port {port} on"
        ))),
    }
}

/// In order, later entries win.
pub fn env(env: &[wire::EnvVar]) -> Result<Vec<(String, String)>, Invalid> {
    let bad = |e: &&wire::EnvVar| {
        e.name.is_empty() || e.name.contains(['=', '\0']) || e.value.contains('\0')
    };
    if let Some(bad) = env.iter().find(bad) {
        return Err(Invalid(format!(
            "{:?} can't be an environment variable",
            bad.name
        )));
    }
    Ok(env
        .iter()
        .map(|e| (e.name.clone(), e.value.clone()))
        .collect())
}

/// Who we are at the registry of that image, and nowhere else.
pub fn auth(spec: &wire::ServerSpec, image: &str) -> RegistryAuth {
    let host = warren_proto::image::registry_of(image);
    match spec.registries.iter().find(|r| r.host == host) {
        Some(auth) if !auth.username.is_empty() => RegistryAuth::Basic {
            username: auth.username.clone(),
            password: auth.password.clone(),
        },
        Some(auth) if !auth.password.is_empty() => RegistryAuth::Bearer(auth.password.clone()),
        _ => RegistryAuth::Anonymous,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn zero_is_no_limit_and_memory_gets_head_room() {
        let none = limits(Some(&wire::Limits::default()));
        assert_eq!(
            (none.memory, none.pids, none.cpu_percent),
            (None, None, None)
        );
        assert_eq!(none.swap, Swap::None);
        let some = limits(Some(&wire::Limits {
            memory_bytes: 1 << 30,
            cpu_percent: f64::NAN,
            ..Default::default()
        }));
        assert!(some.memory.unwrap().hard_bytes > 1 << 30);
        assert_eq!(some.cpu_percent, None);
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let port = |port, host_ip: &str| wire::ServerSpec {
            ports: vec![wire::PortBinding {
                host_ip: host_ip.into(),
                port,
                tcp: true,
                udp: true,
            }],
            ..Default::default()
        };
        assert_eq!(network(&port(25565, "")).unwrap().publish.len(), 2);
        for bad in [port(0, ""), port(70_000, ""), port(1, "localhost")] {
            assert!(network(&bad).is_err());
        }
        for v6 in ["::", "::1", "fd00:77::1", "2001:db8::5"] {
            let error = network(&port(25565, v6)).unwrap_err().to_string();
            assert!(
                error.contains("IPv4 alone") && error.contains("25565"),
                "{error}"
            );
        }
        let bad = [wire::EnvVar {
            name: "A=B".into(),
            value: String::new(),
        }];
        assert!(env(&bad).unwrap_err().to_string().contains("A=B"));
    }
}
