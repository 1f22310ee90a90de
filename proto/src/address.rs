//! Which addresses belong to the public internet: what somebody else names is called there and nowhere else.
//!
//! Pure. Whoever connects resolves a name once, has each of its addresses judged here and connects to one of these.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpRange {
    base: IpAddr,
    bits: u8,
}

/// It is neither an address nor one with a number of bits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no range of addresses such as 192.168.1.0/24 or fd00:1::/64")]
pub struct BadRange(String);

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> IpRange {
    IpRange {
        base: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        bits,
    }
}

const fn v6(a: u16, b: u16, c: u16, bits: u8) -> IpRange {
    IpRange {
        base: IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)),
        bits,
    }
}

impl IpRange {
    /// An IPv4 address that is written as an IPv6 one is in no range of IPv4.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.base, ip) {
            (IpAddr::V4(base), IpAddr::V4(ip)) => {
                let differs = base.to_bits() ^ ip.to_bits();
                let rest = 32 - u32::from(self.bits);
                differs.checked_shr(rest).unwrap_or(0) == 0
            }
            (IpAddr::V6(base), IpAddr::V6(ip)) => {
                let differs = base.to_bits() ^ ip.to_bits();
                let rest = 128 - u32::from(self.bits);
                differs.checked_shr(rest).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for IpRange {
    type Err = BadRange;

    fn from_str(text: &str) -> Result<Self, BadRange> {
        let bad = || BadRange(text.chars().take(100).collect());
        let (base, bits) = match text.split_once('/') {
            Some((base, bits)) => (base, Some(bits)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().map_err(|_| bad())?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().map_err(|_| bad())?,
            None => most,
        };
        match bits <= most {
            true => Ok(Self { base, bits }),
            false => Err(bad()),
        }
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

/// Where clouds tell a machine its secrets. Never called, whatever else is allowed.
const METADATA: [IpRange; 8] = [
    v4(169, 254, 169, 254, 32),
    v4(169, 254, 170, 2, 32),
    v4(169, 254, 170, 23, 32),
    v4(100, 100, 100, 200, 32),
    v4(168, 63, 129, 16, 32),
    v4(192, 0, 0, 192, 32),
    v6(0xfd00, 0xec2, 0, 32),
    v6(0xfd20, 0xce, 0, 32),
];

/// IANA's registry of special purposes, and what it calls reserved.
const SPECIAL_V4: [(IpRange, &str); 18] = [
    (v4(0, 0, 0, 0, 8), "no address of a machine"),
    (v4(10, 0, 0, 0, 8), "private"),
    (v4(100, 64, 0, 0, 10), "a provider's inner network"),
    (v4(127, 0, 0, 0, 8), "the node itself"),
    (v4(169, 254, 0, 0, 16), "link-local"),
    (v4(172, 16, 0, 0, 12), "private"),
    (v4(192, 0, 0, 0, 24), "reserved for protocols"),
    (v4(192, 0, 2, 0, 24), "for documentation"),
    (v4(192, 31, 196, 0, 24), "reserved for protocols"),
    (v4(192, 52, 193, 0, 24), "reserved for protocols"),
    (v4(192, 88, 99, 0, 24), "a relay of 6to4"),
    (v4(192, 168, 0, 0, 16), "private"),
    (v4(192, 175, 48, 0, 24), "reserved for protocols"),
    (v4(198, 18, 0, 0, 15), "for benchmarks"),
    (v4(198, 51, 100, 0, 24), "for documentation"),
    (v4(203, 0, 113, 0, 24), "for documentation"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(240, 0, 0, 0, 4), "reserved"),
];

/// Of these alone the internet is made.
const GLOBAL_V6: IpRange = v6(0x2000, 0, 0, 3);

/// What of [`GLOBAL_V6`] is not.
const SPECIAL_V6: [(IpRange, &str); 6] = [
    (v6(0x2001, 0, 0, 32), "a tunnel (Teredo)"),
    (v6(0x2001, 0, 0, 23), "reserved for protocols"),
    (v6(0x2001, 0xdb8, 0, 32), "for documentation"),
    (v6(0x2002, 0, 0, 16), "a tunnel (6to4)"),
    (v6(0x2620, 0x4f, 0x8000, 48), "reserved for protocols"),
    (v6(0x3fff, 0, 0, 20), "for documentation"),
];

/// What else there is, for the words of a refusal.
const OTHER_V6: [(IpRange, &str); 9] = [
    (
        IpRange {
            base: IpAddr::V6(Ipv6Addr::LOCALHOST),
            bits: 128,
        },
        "the node itself",
    ),
    (
        IpRange {
            base: IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0)),
            bits: 96,
        },
        "an IPv4 address in disguise",
    ),
    (
        IpRange {
            base: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            bits: 96,
        },
        "an IPv4 address in disguise",
    ),
    (v6(0x64, 0xff9b, 0, 96), "a way into IPv4 (NAT64)"),
    (v6(0x64, 0xff9b, 1, 48), "a way into IPv4 (NAT64)"),
    (v6(0xfc00, 0, 0, 7), "private"),
    (v6(0xfe80, 0, 0, 10), "link-local"),
    (v6(0xfec0, 0, 0, 10), "private"),
    (v6(0xff00, 0, 0, 8), "multicast"),
];

/// Whether clouds tell a machine its secrets there.
pub fn is_metadata(ip: IpAddr) -> bool {
    METADATA.iter().any(|range| range.contains(ip))
}

/// What an address is that is none of the public internet.
pub fn not_public(ip: IpAddr) -> Option<&'static str> {
    if is_metadata(ip) {
        return Some("where clouds keep a machine's secrets");
    }
    let among = |ranges: &[(IpRange, &'static str)]| {
        let found = ranges.iter().find(|(range, _)| range.contains(ip));
        found.map(|(_, what)| *what)
    };
    match ip {
        IpAddr::V4(_) => among(&SPECIAL_V4),
        IpAddr::V6(_) if GLOBAL_V6.contains(ip) => among(&SPECIAL_V6),
        IpAddr::V6(_) => among(&OTHER_V6).or(Some("reserved")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_not_of_the_public_internet_is_named() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.0.3",
            "168.63.129.16",
            "169.254.0.1",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.7",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::1",
            "64:ff9b:1:ffff::a00:1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:1ff::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "2620:4f:8000::1",
            "3fff::1",
            "3fff:fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fd12:3456::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "ffff::1",
        ] {
            assert!(not_public(ip(text)).is_some(), "{text}");
        }
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "168.63.129.17",
            "192.0.1.1",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2606:4700::1111",
            "2a00:1450::1",
            "2003::1",
            "3ffe::1",
        ] {
            assert_eq!(not_public(ip(text)), None, "{text}");
        }
    }

    #[test]
    fn ranges_are_read_and_hold_what_begins_alike() {
        let of = |text: &str| text.parse::<IpRange>();
        let home = of("192.168.4.7/22").unwrap();
        assert!(home.contains(ip("192.168.7.255")) && !home.contains(ip("192.168.8.0")));
        assert!(!home.contains(ip("::ffff:192.168.4.7")));
        assert!(of("0.0.0.0/0").unwrap().contains(ip("255.1.1.1")));
        assert!(!of("0.0.0.0/0").unwrap().contains(ip("::1")));
        assert!(of("::/0").unwrap().contains(ip("ff::1")));
        let one = of("10.1.2.3").unwrap();
        assert!(one.contains(ip("10.1.2.3")) && !one.contains(ip("10.1.2.2")));
        assert_eq!(one.to_string(), "10.1.2.3/32");
        for bad in [
            "",
            "x",
            "10.0.0.0/33",
            "fd00::/129",
            "10.0.0/8",
            "10.0.0.0/",
            "1/2/3",
        ] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
