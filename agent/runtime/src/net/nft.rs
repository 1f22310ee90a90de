//! Our one nftables table: the whole of it is written in one transaction at each change, so that it
//! is right whatever was there before, and read back after a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use serde_json::Value;

use super::run::{Tool, run};
use super::types::{Ipv4Net, NetSpec, Proto, Publish};
use super::{NetConfig, TABLE_PREFIX};
use crate::runtime::{Error, Result};

/// Ranges that are nobody's business from inside a server, unless they are on an allow-list.
/// 169.254.169.254 and 100.100.100.200 are where clouds keep the machine's own credentials.
const PRIVATE: [&str; 10] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// What the table holds for each server, by its address.
pub type Rules = BTreeMap<Ipv4Addr, NetSpec>;

pub fn table(tag: &str) -> String {
    format!("{TABLE_PREFIX}{tag}")
}

/// Replaces the table's content.
pub async fn apply(config: &NetConfig, rules: &Rules) -> Result<()> {
    run(Tool::Nft, &["-f", "-"], &script(config, rules)).await?;
    Ok(())
}

/// Removes the table. Absent is success.
pub async fn remove(tag: &str) -> Result<()> {
    let table = table(tag);
    let script = format!("add table inet {table}\ndelete table inet {table}\n");
    run(Tool::Nft, &["-f", "-"], &script).await?;
    Ok(())
}

/// What the kernel has; `None` if the table is not there.
pub async fn read(tag: &str) -> Result<Option<Rules>> {
    let text = match run(Tool::Nft, &["-j", "list", "table", "inet", &table(tag)], "").await {
        Ok(text) => text,
        Err(Error::Refused { detail, .. }) if detail.contains("No such file") => return Ok(None),
        Err(error) => return Err(error),
    };
    let listing: Value = serde_json::from_str(&text)
        .map_err(|e| Error::Invalid(format!("nft's listing can't be read: {e}")))?;
    Ok(Some(parse(&listing)))
}

/// The transaction. Nothing but integers, addresses, ranges and names of ours enters it.
fn script(config: &NetConfig, rules: &Rules) -> String {
    let table = table(&config.tag);
    let group = super::link::group(&config.tag);
    let subnet = config.subnet;
    let mut text = format!(
        r#"add table inet {table}
flush table inet {table}
table inet {table} {{
  map tcp_all {{ type inet_service : ipv4_addr . inet_service; }}
  map udp_all {{ type inet_service : ipv4_addr . inet_service; }}
  map tcp_one {{ type ipv4_addr . inet_service : ipv4_addr . inet_service; }}
  map udp_one {{ type ipv4_addr . inet_service : ipv4_addr . inet_service; }}
  set private {{ type ipv4_addr; flags interval; }}
  set allow {{ type ipv4_addr; flags interval; }}
  set allow_of {{ type ipv4_addr . ipv4_addr; flags interval; }}
  set closed {{ type ipv4_addr; }}
  set resolvers {{ type ipv4_addr; }}

  chain raw {{
    type filter hook prerouting priority raw; policy accept;
    # route_localnet, which lets 127.0.0.1 reach published ports, must not open the way back.
    iifgroup {group} ip daddr 127.0.0.0/8 drop
    iifgroup {group} ip saddr != {subnet} drop
    iifgroup {group} meta nfproto ipv6 drop
  }}
  chain prerouting {{
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local jump published
  }}
  chain output {{
    type nat hook output priority -100; policy accept;
    fib daddr type local jump published
  }}
  chain published {{
    dnat ip to ip daddr . tcp dport map @tcp_one
    dnat ip to ip daddr . udp dport map @udp_one
    dnat ip to tcp dport map @tcp_all
    dnat ip to udp dport map @udp_all
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {subnet} oifgroup != {group} masquerade
    ip saddr {subnet} ip daddr {subnet} ct status dnat masquerade
    oifgroup {group} ip saddr 127.0.0.0/8 masquerade
  }}
  chain forward {{
    type filter hook forward priority filter; policy accept;
    iifgroup {group} jump from_servers
    oifgroup {group} jump to_servers
  }}
  chain from_servers {{
    ct state established,related accept
    ct status dnat accept
    # Before any allow-list: one that names 10.0.0.0/8 does not mean the neighbours.
    ip daddr {subnet} counter reject with icmpx admin-prohibited
    ip daddr @resolvers meta l4proto {{ tcp, udp }} th dport 53 accept
    ip saddr . ip daddr @allow_of accept
    ip saddr @closed counter reject with icmpx admin-prohibited
    ip daddr @allow accept
    ip daddr @private counter reject with icmpx admin-prohibited
    tcp dport 25 counter reject with icmpx admin-prohibited
    accept
  }}
  chain to_servers {{
    ct state established,related accept
    ct status dnat accept
    counter drop
  }}
  chain input {{
    type filter hook input priority filter; policy accept;
    iifgroup {group} jump host
  }}
  chain host {{
    ct state established,related accept
    ip daddr @resolvers meta l4proto {{ tcp, udp }} th dport 53 accept
    icmp type echo-request limit rate 10/second accept
    counter reject with icmpx admin-prohibited
  }}
}}
"#
    );
    for (name, elements) in elements(config, rules) {
        let kind = if name.contains('_') && name != "allow_of" {
            "map"
        } else {
            "set"
        };
        let _ = writeln!(text, "flush {kind} inet {table} {name}");
        if !elements.is_empty() {
            let list: Vec<String> = elements.into_iter().collect();
            let list = list.join(", ");
            let _ = writeln!(text, "add element inet {table} {name} {{ {list} }}");
        }
    }
    text
}

fn elements(config: &NetConfig, rules: &Rules) -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut all: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    for name in [
        "tcp_all",
        "udp_all",
        "tcp_one",
        "udp_one",
        "private",
        "allow",
        "allow_of",
        "closed",
        "resolvers",
    ] {
        all.insert(name, BTreeSet::new());
    }
    let mut add = |name: &'static str, element: String| {
        all.entry(name).or_default().insert(element);
    };
    for range in PRIVATE {
        add("private", range.to_owned());
    }
    for range in disjoint(&config.allow) {
        add("allow", range.to_string());
    }
    for resolver in &config.resolvers {
        add("resolvers", resolver.to_string());
    }
    for (ip, spec) in rules {
        for publish in &spec.publish {
            let to = format!("{ip} . {}", publish.container_port);
            let port = publish.host_port;
            match (publish.proto, publish.host_ip) {
                (Proto::Tcp, None) => add("tcp_all", format!("{port} : {to}")),
                (Proto::Udp, None) => add("udp_all", format!("{port} : {to}")),
                (Proto::Tcp, Some(host)) => add("tcp_one", format!("{host} . {port} : {to}")),
                (Proto::Udp, Some(host)) => add("udp_one", format!("{host} . {port} : {to}")),
            }
        }
        for range in disjoint(&spec.egress.allow) {
            add("allow_of", format!("{ip} . {range}"));
        }
        if spec.egress.deny_internet {
            add("closed", ip.to_string());
        }
    }
    all
}

/// nft refuses intervals that overlap: a range within another adds nothing.
fn disjoint(ranges: &[Ipv4Net]) -> Vec<Ipv4Net> {
    let within = |range: &Ipv4Net, other: &Ipv4Net| {
        range != other && other.prefix() <= range.prefix() && other.contains(range.network())
    };
    let mut all: Vec<Ipv4Net> = ranges
        .iter()
        .filter(|range| !ranges.iter().any(|other| within(range, other)))
        .copied()
        .collect();
    all.sort();
    all.dedup();
    all
}

/// The inverse of [`elements`], for what belongs to servers.
fn parse(listing: &Value) -> Rules {
    let mut rules = Rules::new();
    let items = listing.get("nftables").and_then(Value::as_array);
    for item in items.into_iter().flatten() {
        let Some(object) = item.get("map").or_else(|| item.get("set")) else {
            continue;
        };
        let name = object.get("name").and_then(Value::as_str).unwrap_or("");
        let elements = object.get("elem").and_then(Value::as_array);
        for element in elements.into_iter().flatten() {
            match name {
                "tcp_all" | "tcp_one" => port(&mut rules, Proto::Tcp, element),
                "udp_all" | "udp_one" => port(&mut rules, Proto::Udp, element),
                "allow_of" => allowed(&mut rules, element),
                "closed" => closed(&mut rules, element),
                _ => None,
            };
        }
    }
    rules
}

/// `[key, {"concat": [address, port]}]`, the key a port or `{"concat": [address, port]}`.
fn port(rules: &mut Rules, proto: Proto, element: &Value) -> Option<()> {
    let (key, to) = (element.get(0)?, element.get(1)?.get("concat")?);
    let (host_ip, host_port) = match key.get("concat") {
        Some(both) => (Some(address(both.get(0)?)?), both.get(1)?),
        None => (None, key),
    };
    let publish = Publish {
        proto,
        host_ip,
        host_port: u16::try_from(host_port.as_u64()?).ok()?,
        container_port: u16::try_from(to.get(1)?.as_u64()?).ok()?,
    };
    let entry = rules.entry(address(to.get(0)?)?).or_default();
    entry.publish.push(publish);
    Some(())
}

fn allowed(rules: &mut Rules, element: &Value) -> Option<()> {
    let both = element.get("concat")?;
    let range = match both.get(1)?.get("prefix") {
        Some(prefix) => {
            let len = u8::try_from(prefix.get("len")?.as_u64()?).ok()?;
            Ipv4Net::new(address(prefix.get("addr")?)?, len).ok()?
        }
        None => Ipv4Net::new(address(both.get(1)?)?, 32).ok()?,
    };
    let entry = rules.entry(address(both.get(0)?)?).or_default();
    entry.egress.allow.push(range);
    Some(())
}

fn closed(rules: &mut Rules, element: &Value) -> Option<()> {
    let entry = rules.entry(address(element)?).or_default();
    entry.egress.deny_internet = true;
    Some(())
}

fn address(value: &Value) -> Option<Ipv4Addr> {
    value.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    #[test]
    fn ranges_within_others_are_left_out() {
        let ranges = [
            net("10.0.0.0/8"),
            net("10.1.0.0/16"),
            net("1.2.3.4"),
            net("10.0.0.0/8"),
        ];
        assert_eq!(disjoint(&ranges), [net("1.2.3.4"), net("10.0.0.0/8")]);
    }

    #[test]
    fn a_listing_gives_back_what_was_published() {
        let listing = json!({ "nftables": [
            { "map": { "name": "tcp_all", "elem": [[25565, { "concat": ["10.88.0.2", 25566] }]] } },
            { "map": { "name": "udp_one", "elem": [
                [{ "concat": ["192.0.2.1", 53] }, { "concat": ["10.88.0.3", 53] }],
            ] } },
            { "set": { "name": "allow_of", "elem": [
                { "concat": ["10.88.0.2", { "prefix": { "addr": "10.1.0.0", "len": 16 } }] },
                { "concat": ["10.88.0.2", "10.2.0.1"] },
            ] } },
            { "set": { "name": "closed", "elem": ["10.88.0.3"] } },
            { "chain": { "name": "x" } },
        ]});
        let rules = parse(&listing);
        let one = &rules[&Ipv4Addr::new(10, 88, 0, 2)];
        assert_eq!(one.publish[0].container_port, 25566);
        assert_eq!(one.egress.allow, [net("10.1.0.0/16"), net("10.2.0.1")]);
        let two = &rules[&Ipv4Addr::new(10, 88, 0, 3)];
        assert_eq!(two.publish[0].host_ip, Some([192, 0, 2, 1].into()));
        assert!(two.egress.deny_internet);
    }
}
