//! The real network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::run::{Tool, run};
use super::types::{Attached, Ipv4Net, NetKey, NetSpec, Proto, Publish};
use super::{Network, link, nft};
use crate::containerd::check_tag;
use crate::runtime::{BoxFuture, Error, Result};

/// The node's side of the network.
#[derive(Debug, Clone)]
pub struct NetConfig {
    /// 1 to 6 of `[a-z0-9]`, in the name of everything that is made.
    pub tag: String,
    /// Servers' addresses; the first one is this host's on each line. Between /30 and /8.
    pub subnet: Ipv4Net,
    /// Name servers that servers may ask, wherever they are.
    pub resolvers: Vec<Ipv4Addr>,
    /// Private ranges that all servers may reach.
    pub allow: Vec<Ipv4Net>,
}

impl NetConfig {
    /// This host's address on every server's line, their default route.
    pub fn gateway(&self) -> Ipv4Addr {
        self.subnet.nth(1).unwrap_or(self.subnet.network())
    }
}

/// Lines, namespaces and table of one node. Clones share the state.
#[derive(Clone)]
pub struct LinuxNetwork {
    config: Arc<NetConfig>,
    // Held over `ip` and `nft`: two changes at once would overwrite each other's table.
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    /// None: what the kernel has must be looked at first.
    state: Option<State>,
    /// What was asked for before a failure; the kernel may have lost it, as others flush tables.
    asked: BTreeMap<NetKey, NetSpec>,
}

#[derive(Default)]
struct State {
    servers: BTreeMap<NetKey, (Attached, NetSpec)>,
    /// Where the search for a free address goes on: one just freed still has flows.
    cursor: u32,
}

impl State {
    fn rules(&self) -> nft::Rules {
        let all = self.servers.values();
        all.map(|(a, spec)| (a.address, spec.clone())).collect()
    }
}

impl LinuxNetwork {
    /// # Errors
    /// `Invalid` for a tag or subnet that can't be.
    pub fn new(config: NetConfig) -> Result<Self> {
        check_tag(&config.tag)?;
        if !(8..=30).contains(&config.subnet.prefix()) {
            let text = format!("servers' subnet {}: between /8 and /30", config.subnet);
            return Err(Error::Invalid(text));
        }
        Ok(Self {
            config: Arc::new(config),
            held: Arc::default(),
        })
    }

    /// What the kernel has from before we started, and what we asked of it since.
    async fn load(&self, asked: &BTreeMap<NetKey, NetSpec>) -> Result<State> {
        let config = &self.config;
        let links = link::links().await?;
        let mut rules = nft::read(&config.tag).await?.unwrap_or_default();
        let mut state = State::default();
        for attached in link::attached(&config.tag, config.gateway(), &links) {
            let there = rules.remove(&attached.address).unwrap_or_default();
            let spec = asked.get(&attached.key).cloned().unwrap_or(there);
            let index = u32::from(attached.address) - u32::from(config.subnet.network());
            state.cursor = state.cursor.max(index);
            state.servers.insert(attached.key.clone(), (attached, spec));
        }
        Ok(state)
    }

    async fn with<T>(&self, work: impl AsyncFnOnce(&mut State) -> Result<T>) -> Result<T> {
        let mut held = self.held.lock().await;
        let mut state = match held.state.take() {
            Some(state) => state,
            None => self.load(&held.asked).await?,
        };
        let outcome = work(&mut state).await;
        if outcome.is_ok() {
            held.state = Some(state);
        } else {
            // Nobody knows what the kernel has now: look again next time. What we want of it is known.
            let all = state.servers.into_iter();
            held.asked = all.map(|(key, (_, spec))| (key, spec)).collect();
        }
        outcome
    }

    async fn ensure_now(&self, key: &NetKey, spec: &NetSpec) -> Result<Attached> {
        let spec = normal(spec);
        self.with(async |state| {
            clashes(state, key, &spec.publish)?;
            if let Some((attached, now)) = state.servers.get(key)
                && link::is_netns(&attached.netns)
                && *now == spec
            {
                return Ok(attached.clone());
            }
            let config = &self.config;
            let links = link::links().await?;
            link::prepare(config, state.servers.is_empty()).await?;
            let attached = self.attach(state, key, &links).await?;
            let before = state
                .servers
                .insert(key.clone(), (attached.clone(), spec.clone()));
            nft::apply(config, &state.rules()).await?;
            let old = before.map(|(_, spec)| spec.publish).unwrap_or_default();
            forget_flows(&old, &spec.publish).await;
            Ok(attached)
        })
        .await
    }

    /// Keeps a whole attachment, makes anything else anew.
    async fn attach(&self, state: &State, key: &NetKey, links: &[link::Link]) -> Result<Attached> {
        let config = &self.config;
        let known = state.servers.get(key).map(|(attached, _)| attached.clone());
        if let Some(known) = &known {
            let linked = links.iter().any(|l| l.ifname == known.veth);
            if linked && link::is_netns(&known.netns) {
                return Ok(known.clone());
            }
            link::detach(&config.tag, key, &known.veth).await?;
        }
        let address = match known {
            Some(known) => known.address,
            None => free_address(config.subnet, state)?,
        };
        let others = state.servers.values().filter(|(a, _)| a.key != *key);
        let taken: BTreeSet<&str> = others.map(|(a, _)| a.veth.as_str()).collect();
        let veth = (0..16)
            .map(|salt| link::veth(&config.tag, key, salt))
            .find(|name| !taken.contains(name.as_str()))
            .ok_or_else(|| Error::Invalid(format!("no free link name for {key}")))?;
        let wanted = Attached {
            key: key.clone(),
            netns: link::netns_path(&link::netns(&config.tag, key)),
            address,
            gateway: config.gateway(),
            veth,
        };
        // Left by an attempt that was killed half way.
        link::detach(&config.tag, key, &wanted.veth).await?;
        if let Err(error) = link::attach(config, links, &wanted).await {
            link::detach(&config.tag, key, &wanted.veth).await?;
            return Err(error);
        }
        Ok(wanted)
    }

    async fn remove_now(&self, key: &NetKey) -> Result<()> {
        self.with(async |state| {
            let config = &self.config;
            let Some((attached, spec)) = state.servers.remove(key) else {
                let veth = link::veth(&config.tag, key, 0);
                return link::detach(&config.tag, key, &veth).await;
            };
            state.cursor = u32::from(attached.address) - u32::from(config.subnet.network());
            nft::apply(config, &state.rules()).await?;
            link::detach(&config.tag, key, &attached.veth).await?;
            forget_flows(&spec.publish, &[]).await;
            Ok(())
        })
        .await
    }

    async fn repair_now(&self) -> Result<bool> {
        self.with(async |state| {
            let config = &self.config;
            if state.servers.is_empty() {
                return Ok(false);
            }
            link::prepare(config, false).await?;
            let wanted: nft::Rules = state
                .rules()
                .into_iter()
                .filter(|(_, spec)| *spec != NetSpec::default())
                .map(|(ip, spec)| (ip, normal(&spec)))
                .collect();
            let there = nft::read(&config.tag).await?;
            let there = there.map(|rules| {
                let all = rules.into_iter();
                all.map(|(ip, spec)| (ip, normal(&spec)))
                    .collect::<nft::Rules>()
            });
            if there.as_ref() == Some(&wanted) {
                return Ok(false);
            }
            nft::apply(config, &state.rules()).await?;
            Ok(true)
        })
        .await
    }

    async fn cleanup_now(&self) -> Result<()> {
        let mut held = self.held.lock().await;
        *held = Held::default();
        let tag = &self.config.tag;
        for attached in link::attached(tag, self.config.gateway(), &link::links().await?) {
            link::detach(tag, &attached.key, &attached.veth).await?;
        }
        link::remove_all(tag).await?;
        nft::remove(tag).await
    }
}

/// Order and repetition say nothing.
fn normal(spec: &NetSpec) -> NetSpec {
    let mut spec = spec.clone();
    spec.publish.sort();
    spec.publish.dedup();
    spec.egress.allow.sort();
    spec.egress.allow.dedup();
    spec
}

/// A port leads to one server.
fn clashes(state: &State, key: &NetKey, wanted: &[Publish]) -> Result<()> {
    let same = |a: &Publish, b: &Publish| {
        let ips = a.host_ip.is_none() || b.host_ip.is_none() || a.host_ip == b.host_ip;
        a.proto == b.proto && a.host_port == b.host_port && ips
    };
    for (n, port) in wanted.iter().enumerate() {
        if wanted.iter().take(n).any(|before| same(before, port)) {
            let text = format!("{}/{} is published twice", port.host_port, port.proto);
            return Err(Error::Invalid(text));
        }
    }
    for (other, (_, spec)) in state.servers.iter().filter(|(other, _)| *other != key) {
        for port in wanted {
            if spec.publish.iter().any(|theirs| same(theirs, port)) {
                return Err(Error::Conflict {
                    what: format!(
                        "{}/{} leads to server {other} and",
                        port.host_port, port.proto
                    ),
                });
            }
        }
    }
    Ok(())
}

fn free_address(subnet: Ipv4Net, state: &State) -> Result<Ipv4Addr> {
    let taken: BTreeSet<Ipv4Addr> = state.servers.values().map(|(a, _)| a.address).collect();
    // Not the network's own, the gateway's or the broadcast address.
    let (first, count) = (2, subnet.size().saturating_sub(3));
    (0..count)
        .map(|n| first + (state.cursor.saturating_sub(1) + n) % count)
        .filter_map(|index| subnet.nth(index))
        .find(|ip| !taken.contains(ip))
        .ok_or_else(|| Error::Invalid(format!("all addresses of {subnet} are in use")))
}

/// UDP flows outlive a change of where their port leads. Without the tool they end by themselves
/// after 30 seconds of silence.
async fn forget_flows(old: &[Publish], new: &[Publish]) {
    let changed = old
        .iter()
        .chain(new)
        .filter(|p| p.proto == Proto::Udp && (old.contains(p) != new.contains(p)));
    for publish in changed {
        let port = publish.host_port.to_string();
        let args = ["-D", "-p", "udp", "--orig-port-dst", &port];
        match run(Tool::Conntrack, &args, "").await {
            // It fails when there was nothing to delete.
            Ok(_) | Err(Error::Refused { .. }) => {}
            Err(error) => {
                tracing::debug!(port, %error, "old UDP flows are left to expire");
                return;
            }
        }
    }
}

impl Network for LinuxNetwork {
    fn ensure<'a>(&'a self, key: &'a NetKey, spec: &'a NetSpec) -> BoxFuture<'a, Result<Attached>> {
        Box::pin(self.ensure_now(key, spec))
    }

    fn remove<'a>(&'a self, key: &'a NetKey) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.remove_now(key))
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Attached>>> {
        Box::pin(
            self.with(async |state| Ok(state.servers.values().map(|(a, _)| a.clone()).collect())),
        )
    }

    fn repair(&self) -> BoxFuture<'_, Result<bool>> {
        Box::pin(self.repair_now())
    }

    fn cleanup_all(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.cleanup_now())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn state(addresses: &[u8]) -> State {
        let mut state = State::default();
        for last in addresses {
            let key: NetKey = format!("s{last}").parse().unwrap();
            let attached = Attached {
                key: key.clone(),
                netns: "/x".into(),
                address: [10, 0, 0, *last].into(),
                gateway: [10, 0, 0, 1].into(),
                veth: format!("v{last}"),
            };
            let publish = Publish {
                proto: Proto::Tcp,
                host_ip: None,
                host_port: 1000 + u16::from(*last),
                container_port: 1,
            };
            let spec = NetSpec {
                publish: vec![publish],
                ..NetSpec::default()
            };
            state.servers.insert(key, (attached, spec));
        }
        state
    }

    #[test]
    fn addresses_go_round_before_they_come_again() {
        let subnet: Ipv4Net = "10.0.0.0/29".parse().unwrap();
        let mut state = state(&[2, 3]);
        state.cursor = 3;
        assert_eq!(free_address(subnet, &state).unwrap().octets()[3], 4);
        state.cursor = 6;
        assert_eq!(free_address(subnet, &state).unwrap().octets()[3], 4);
        state.servers.remove(&"s2".parse().unwrap());
        state.cursor = 6;
        assert_eq!(free_address(subnet, &state).unwrap().octets()[3], 2);
    }

    #[test]
    fn a_full_subnet_says_so() {
        let subnet: Ipv4Net = "10.0.0.0/29".parse().unwrap();
        assert!(free_address(subnet, &state(&[2, 3, 4, 5, 6])).is_err());
    }

    #[test]
    fn a_port_leads_to_one_server() {
        let state = state(&[2]);
        let wanted = |host_ip| {
            [Publish {
                proto: Proto::Tcp,
                host_ip,
                host_port: 1002,
                container_port: 5,
            }]
        };
        let other: NetKey = "other".parse().unwrap();
        let error = clashes(&state, &other, &wanted(None)).unwrap_err();
        assert!(error.to_string().contains("s2"), "{error}");
        assert!(clashes(&state, &other, &wanted(Some([1, 2, 3, 4].into()))).is_err());
        assert!(clashes(&state, &"s2".parse().unwrap(), &wanted(None)).is_ok());
    }
}
