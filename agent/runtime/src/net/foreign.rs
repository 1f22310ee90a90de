//! Firewalls of others that stop our servers' traffic. A base chain of theirs with policy drop wins
//! over any accept of ours, so all we can do is to name it.

use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::runtime::Warning;

/// Looks for forward chains with policy drop that are not ours.
pub(crate) async fn foreign_drops() -> Vec<Warning> {
    let run = Command::new("nft")
        .args(["-j", "list", "chains"])
        .kill_on_drop(true)
        .output();
    let Ok(Ok(output)) = tokio::time::timeout(Duration::from_secs(10), run).await else {
        return Vec::new();
    };
    let Ok(listing) = serde_json::from_slice::<Value>(&output.stdout) else {
        return Vec::new();
    };
    warnings(&listing)
}

fn warnings(listing: &Value) -> Vec<Warning> {
    let text = |chain: &Value, key: &str| {
        let value = chain.get(key).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let items = listing.get("nftables").and_then(Value::as_array);
    let chains: Vec<&Value> = items
        .into_iter()
        .flatten()
        .filter_map(|i| i.get("chain"))
        .collect();
    let has = |name: &str| chains.iter().any(|c| text(c, "name").starts_with(name));
    let mut found: Vec<Warning> = Vec::new();
    for chain in &chains {
        let ours = text(chain, "table").starts_with(super::TABLE_PREFIX);
        let v4 = matches!(text(chain, "family").as_str(), "ip" | "inet");
        if ours || !v4 || text(chain, "hook") != "forward" || text(chain, "policy") != "drop" {
            continue;
        }
        let place = format!("{} {}", text(chain, "table"), text(chain, "name"));
        let warning = if has("DOCKER-USER") {
            Warning {
                code: "forward_drop_docker",
                message: format!(
                    "Docker set the policy of chain {place} to drop: servers get no traffic until \
                     their subnet is let through: iptables -I DOCKER-USER -s <subnet of servers> -j ACCEPT; \
                     iptables -I DOCKER-USER -d <subnet of servers> -j ACCEPT"
                ),
                blocking: false,
            }
        } else if has("ufw-") {
            Warning {
                code: "forward_drop_ufw",
                message: format!(
                    "ufw set the policy of chain {place} to drop: servers get no traffic until \
                     routing is allowed: ufw route allow from <subnet of servers>; ufw route allow to <subnet of servers>"
                ),
                blocking: false,
            }
        } else {
            Warning {
                code: "forward_drop",
                message: format!(
                    "the firewall chain {place} drops forwarded traffic by default: servers get no \
                     traffic unless it lets their subnet through"
                ),
                blocking: false,
            }
        };
        found.push(warning);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chain(family: &str, table: &str, name: &str, policy: &str) -> Value {
        json!({ "chain": {
            "family": family, "table": table, "name": name, "hook": "forward", "policy": policy
        }})
    }

    #[test]
    fn the_firewall_in_the_way_is_named() {
        let docker = json!({ "nftables": [
            chain("ip", "filter", "FORWARD", "drop"),
            { "chain": { "family": "ip", "table": "filter", "name": "DOCKER-USER" } },
        ]});
        assert_eq!(warnings(&docker)[0].code, "forward_drop_docker");
        let ufw = json!({ "nftables": [
            chain("ip", "filter", "FORWARD", "drop"),
            { "chain": { "family": "ip", "table": "filter", "name": "ufw-before-forward" } },
        ]});
        assert_eq!(warnings(&ufw)[0].code, "forward_drop_ufw");
    }

    #[test]
    fn accepting_chains_and_our_own_are_no_trouble() {
        let fine = json!({ "nftables": [
            chain("ip", "filter", "FORWARD", "accept"),
            chain("inet", "warren_x", "forward", "drop"),
            chain("ip6", "filter", "FORWARD", "drop"),
        ]});
        assert!(warnings(&fine).is_empty());
        assert!(warnings(&json!({})).is_empty());
    }
}
