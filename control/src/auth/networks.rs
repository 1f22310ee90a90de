//! Lists of addresses and networks, as people write them.

use std::net::IpAddr;

/// Addresses and networks (`10.0.0.0/8`).
#[derive(Debug, Clone, Default)]
pub struct Networks(Vec<(IpAddr, u8)>);

impl Networks {
    /// What can't be read is left out: it was refused where it was written.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self(texts.into_iter().filter_map(Self::parse).collect())
    }

    /// Reads one address or network.
    #[must_use]
    pub fn parse(text: &str) -> Option<(IpAddr, u8)> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().ok()?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(all);
        (bits <= all).then_some((address, bits))
    }

    /// Whether one of them holds this address.
    #[must_use]
    pub fn hold(&self, address: IpAddr) -> bool {
        self.0
            .iter()
            .any(|(net, bits)| match (net, address.to_canonical()) {
                (IpAddr::V4(net), IpAddr::V4(a)) => {
                    (net.to_bits() ^ a.to_bits()).leading_zeros() >= u32::from(*bits)
                }
                (IpAddr::V6(net), IpAddr::V6(a)) => {
                    (net.to_bits() ^ a.to_bits()).leading_zeros() >= u32::from(*bits)
                }
                _ => false,
            })
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
