//! Lists of addresses and networks, as people write them.

use std::net::IpAddr;

use warren_proto::address::IpRange;

/// Addresses and networks (`10.0.0.0/8`).
#[derive(Debug, Clone, Default)]
pub struct Networks(Vec<IpRange>);

impl Networks {
    /// What can't be read is left out: it was refused where it was written.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self(texts.into_iter().filter_map(Self::parse).collect())
    }

    /// Reads one address or network.
    #[must_use]
    pub fn parse(text: &str) -> Option<IpRange> {
        text.trim().parse().ok()
    }

    /// Whether one of them holds this address; one of IPv4 that is written as one of IPv6 counts as what it is.
    #[must_use]
    pub fn hold(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(address))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        let networks = Networks::new(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "nonsense"]);
        for inside in [
            "10.255.0.1",
            "192.0.2.7",
            "::ffff:10.1.1.1",
            "2001:db8:9::1",
        ] {
            assert!(networks.hold(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.8", "2001:db9::1", "::1"] {
            assert!(!networks.hold(outside.parse().unwrap()), "{outside}");
        }
        for none in ["", "10.0.0.0/33", "10.0.0/8", "x/8", "::/129"] {
            assert!(Networks::parse(none).is_none(), "{none}");
        }
    }
}
