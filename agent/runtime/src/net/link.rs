//! Veth pairs and namespaces. Each pair is a routed line of its own: there is no bridge on which
//! servers could meet, and none on which br_netfilter (Docker and Kubernetes load it) would turn a
//! server's way to a published port of its neighbour into a bridged one that port isolation drops.
//! What a pair belongs to stands in its alias, so that the kernel itself remembers across restarts
//! of the agent; what is ours is told apart by link group.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::NetConfig;
use super::run::{Tool, run};
use super::types::{Attached, Ipv4Net, NetKey};
use crate::runtime::{Error, Result};

/// The group of all our links, for nftables: names of other tags may begin like ours.
pub fn group(tag: &str) -> u32 {
    let sum = Sha256::digest(format!("warren/{tag}"));
    // Away from the small numbers that people choose.
    0x5700_0000 | u32::from_be_bytes([0, sum[0], sum[1], sum[2]])
}

/// Interface names have 15 characters at most: 1 + 6 + 8.
/// `salt` sets apart keys whose short hashes collide.
pub fn veth(tag: &str, key: &NetKey, salt: u32) -> String {
    let sum = Sha256::digest(format!("{key}/{salt}"));
    format!("w{tag}{}", hex::encode(&sum[..4]))
}

pub fn netns(tag: &str, key: &NetKey) -> String {
    format!("warren-{tag}-{key}")
}

pub fn netns_path(name: &str) -> PathBuf {
    Path::new("/run/netns").join(name)
}

fn alias(tag: &str, key: &NetKey, ip: Ipv4Addr) -> String {
    format!("warren/{tag}/{key}/{ip}")
}

#[derive(Debug, Clone, Deserialize)]
pub struct Link {
    pub ifname: String,
    #[serde(default)]
    pub ifalias: Option<String>,
    #[serde(default)]
    pub mtu: u32,
}

#[derive(Debug, Deserialize)]
struct Addressed {
    ifname: String,
    #[serde(default)]
    addr_info: Vec<Address>,
}

#[derive(Debug, Deserialize)]
struct Address {
    local: Option<Ipv4Addr>,
    #[serde(default)]
    prefixlen: u8,
}

#[derive(Debug, Deserialize)]
struct Route {
    #[serde(default)]
    dev: Option<String>,
}

async fn ip_json<T: for<'a> Deserialize<'a>>(args: &[&str]) -> Result<Vec<T>> {
    let text = run(Tool::Ip, &[&["-j"], args].concat(), "").await?;
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(&text).map_err(|e| Error::Invalid(format!("ip's answer: {e}")))
}

pub async fn links() -> Result<Vec<Link>> {
    ip_json(&["link", "show"]).await
}

/// Servers' links of this node, from their aliases.
pub fn attached(tag: &str, gateway: Ipv4Addr, links: &[Link]) -> Vec<Attached> {
    let read = |link: &Link| {
        let mut parts = link.ifalias.as_deref()?.split('/');
        let ours = parts.next() == Some("warren") && parts.next() == Some(tag);
        let key: NetKey = parts.next()?.parse().ok()?;
        let address = parts.next()?.parse().ok()?;
        ours.then(|| Attached {
            netns: netns_path(&netns(tag, &key)),
            key,
            address,
            gateway,
            veth: link.ifname.clone(),
        })
    };
    links.iter().filter_map(read).collect()
}

/// What the kernel needs to know before the first line is laid.
pub async fn prepare(config: &NetConfig, first: bool) -> Result<()> {
    if first {
        refuse_overlap(config).await?;
    }
    set("/proc/sys/net/ipv4/ip_forward", "1")
}

fn set(path: &str, value: &str) -> Result<()> {
    let now = std::fs::read_to_string(path).unwrap_or_default();
    if now.trim() == value {
        return Ok(());
    }
    std::fs::write(path, value).map_err(Error::io(format!("write {path}")))
}

/// A subnet that is in use elsewhere on this machine would cut it off.
async fn refuse_overlap(config: &NetConfig) -> Result<()> {
    let all: Vec<Addressed> = ip_json(&["-4", "addr", "show"]).await?;
    for link in &all {
        for address in &link.addr_info {
            let Some(local) = address.local else { continue };
            let theirs = Ipv4Net::new(local, address.prefixlen)?;
            if theirs.contains(config.subnet.network()) || config.subnet.contains(local) {
                return Err(Error::Invalid(format!(
                    "servers' subnet {} overlaps {local}/{} of {}: choose another in the agent's configuration",
                    config.subnet, address.prefixlen, link.ifname
                )));
            }
        }
    }
    Ok(())
}

async fn uplink_mtu(links: &[Link]) -> u32 {
    let routes: Result<Vec<Route>> = ip_json(&["-4", "route", "show", "default"]).await;
    let uplink = routes.ok().and_then(|r| r.into_iter().find_map(|r| r.dev));
    let link = links.iter().find(|l| Some(&l.ifname) == uplink.as_ref());
    link.map_or(1500, |l| l.mtu.clamp(576, 1500))
}

/// Makes namespace and link of one server.
pub async fn attach(config: &NetConfig, links: &[Link], wanted: &Attached) -> Result<()> {
    let (tag, veth) = (&config.tag, &wanted.veth);
    let (ip, gateway) = (wanted.address, wanted.gateway);
    let (netns, group) = (netns(tag, &wanted.key), group(tag));
    let mtu = uplink_mtu(links).await;
    // The gateway's address is on every pair's end, so each server finds it on its own line.
    let outside = format!(
        "netns add {netns}\n\
         link add {veth} mtu {mtu} group {group} type veth peer name eth0 mtu {mtu} netns {netns}\n\
         link set {veth} addrgenmode none\n\
         addr add {gateway}/32 dev {veth}\n\
         link set {veth} up\n\
         route replace {ip}/32 dev {veth} scope link src {gateway}\n"
    );
    run(Tool::Ip, &["-batch", "-"], &outside).await?;
    let conf = format!("/proc/sys/net/ipv4/conf/{veth}");
    // For connections from 127.0.0.1; the table's first chain closes the way back.
    set(&format!("{conf}/route_localnet"), "1")?;
    // What does not come from this server's address does not come in.
    set(&format!("{conf}/rp_filter"), "1")?;
    let inside = format!(
        "link set lo up\n\
         link set eth0 addrgenmode none\n\
         addr add {ip}/32 dev eth0\n\
         link set eth0 up\n\
         route add {gateway}/32 dev eth0 scope link\n\
         route add default via {gateway} dev eth0 src {ip}\n"
    );
    run(Tool::Ip, &["-n", &netns, "-batch", "-"], &inside).await?;
    // The alias goes last: a link without one is half made, and is made anew.
    let alias = alias(tag, &wanted.key, ip);
    run(Tool::Ip, &["link", "set", veth, "alias", &alias], "").await?;
    Ok(())
}

/// Takes link and namespace away; whatever is missing is fine.
pub async fn detach(tag: &str, key: &NetKey, veth: &str) -> Result<()> {
    absent_is_fine(run(Tool::Ip, &["link", "delete", veth], "").await)?;
    let netns = netns(tag, key);
    if !netns_path(&netns).exists() {
        return Ok(());
    }
    absent_is_fine(run(Tool::Ip, &["netns", "delete", &netns], "").await)
}

/// Removes every namespace of this tag, and with it the links in it.
pub async fn remove_all(tag: &str) -> Result<()> {
    let prefix = format!("warren-{tag}-");
    let entries = std::fs::read_dir("/run/netns")
        .into_iter()
        .flatten()
        .flatten();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(&prefix) {
            absent_is_fine(run(Tool::Ip, &["netns", "delete", &name], "").await)?;
        }
    }
    Ok(())
}

fn absent_is_fine(outcome: Result<String>) -> Result<()> {
    match outcome {
        Err(Error::Refused { detail, .. })
            if detail.contains("Cannot find device") || detail.contains("No such file") =>
        {
            Ok(())
        }
        other => other.map(drop),
    }
}

/// A mounted namespace, not an empty file that an interrupted `ip netns add` left.
pub fn is_netns(path: &Path) -> bool {
    const NSFS: rustix::fs::FsWord = 0x6e73_6673;
    rustix::fs::statfs(path).is_ok_and(|s| s.f_type == NSFS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_fit_into_what_the_kernel_takes() {
        let key: NetKey = "01j9zzzzzzzzzzzzzzzzzzzzzz".parse().unwrap();
        assert_eq!(veth("abcdef", &key, 0).len(), 15);
        assert_ne!(group("t1"), group("t1a"));
        assert_ne!(veth("a", &key, 0), veth("a", &key, 1));
    }

    #[test]
    fn aliases_are_read_back_and_only_our_own() {
        let key: NetKey = "01j9z".parse().unwrap();
        let gateway = Ipv4Addr::new(10, 88, 0, 1);
        let link = |alias: &str| Link {
            ifname: "wx".into(),
            ifalias: Some(alias.into()),
            mtu: 1500,
        };
        let own = alias("t1", &key, [10, 88, 0, 9].into());
        let links = [
            link(&own),
            link("warren/t2/x/10.0.0.1"),
            link("else"),
            link("warren/t1/.."),
        ];
        let found = attached("t1", gateway, &links);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].key.as_str(), found[0].address.octets()[3]),
            ("01j9z", 9)
        );
    }
}
