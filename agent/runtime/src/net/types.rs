//! Plain data of the network.

use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::runtime::Error;

/// Names one server's network: 1 to 40 of `[a-z0-9-]`, usually a lower-case ULID.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NetKey(String);

impl NetKey {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NetKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        if text.is_empty() || text.len() > 40 || !text.bytes().all(allowed) {
            return Err(Error::Invalid(format!("{text:?} is no network key")));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for NetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Proto {
    Tcp,
    Udp,
}

impl Proto {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Proto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A port of the host that leads to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Publish {
    pub proto: Proto,
    /// Only on this address of the host; `None`: on all of them.
    pub host_ip: Option<Ipv4Addr>,
    pub host_port: u16,
    pub container_port: u16,
}

/// What a server wants of the network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetSpec {
    pub publish: Vec<Publish>,
    pub egress: Egress,
}

/// Where a server may connect to. Metadata addresses, private ranges, this host and neighbours are
/// closed unless listed; resolvers of the node are open for DNS; the rest of the internet is open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Egress {
    /// Open although private, e.g. a database host. On top of the node's own list.
    pub allow: Vec<Ipv4Net>,
    /// No connections outward at all but what `allow` names (and DNS).
    pub deny_internet: bool,
}

/// An IPv4 range, host bits cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ipv4Net {
    addr: Ipv4Addr,
    prefix: u8,
}

impl Ipv4Net {
    /// # Errors
    /// `Invalid` for a prefix above 32.
    pub fn new(addr: Ipv4Addr, prefix: u8) -> Result<Self, Error> {
        if prefix > 32 {
            return Err(Error::Invalid(format!("/{prefix} is no IPv4 prefix")));
        }
        let addr = Ipv4Addr::from(u32::from(addr) & mask(prefix));
        Ok(Self { addr, prefix })
    }

    pub fn prefix(self) -> u8 {
        self.prefix
    }

    pub fn network(self) -> Ipv4Addr {
        self.addr
    }

    pub fn contains(self, ip: Ipv4Addr) -> bool {
        u32::from(ip) & mask(self.prefix) == u32::from(self.addr)
    }

    /// The address at `index` counted from the network address; `None` past the end.
    pub fn nth(self, index: u32) -> Option<Ipv4Addr> {
        let ip = Ipv4Addr::from(u32::from(self.addr).checked_add(index)?);
        self.contains(ip).then_some(ip)
    }

    /// Number of addresses, at most `u32::MAX`.
    pub fn size(self) -> u32 {
        u32::MAX
            .checked_shr(u32::from(self.prefix))
            .unwrap_or(0)
            .saturating_add(1)
    }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

impl FromStr for Ipv4Net {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || Error::Invalid(format!("{text:?} is no IPv4 range such as 10.0.0.0/8"));
        let (addr, prefix) = text.split_once('/').unwrap_or((text, "32"));
        Self::new(
            addr.parse().map_err(|_| bad())?,
            prefix.parse().map_err(|_| bad())?,
        )
    }
}

impl fmt::Display for Ipv4Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.prefix)
    }
}

/// A server's network as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    pub key: NetKey,
    /// For `ContainerSpec::netns`.
    pub netns: PathBuf,
    pub address: Ipv4Addr,
    pub gateway: Ipv4Addr,
    /// The host's end; its counters are the server's traffic, directions swapped.
    pub veth: String,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ranges_clear_host_bits_and_know_their_members() {
        let net: Ipv4Net = "10.88.7.9/16".parse().unwrap();
        assert_eq!(net.to_string(), "10.88.0.0/16");
        assert!(net.contains([10, 88, 255, 1].into()));
        assert!(!net.contains([10, 89, 0, 1].into()));
        assert_eq!(net.nth(2), Some([10, 88, 0, 2].into()));
        assert_eq!(net.nth(1 << 16), None);
        assert_eq!(net.size(), 1 << 16);
    }

    #[test]
    fn odd_prefixes_do_not_overflow() {
        let all: Ipv4Net = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains([255, 1, 2, 3].into()));
        assert_eq!(all.size(), u32::MAX);
        let one: Ipv4Net = "1.2.3.4".parse().unwrap();
        assert_eq!((one.size(), one.nth(1)), (1, None));
        assert!("1.2.3.4/33".parse::<Ipv4Net>().is_err());
    }

    #[test]
    fn keys_can_not_leave_their_name() {
        for bad in ["", "../x", "A", "a b", "a;b"] {
            assert!(bad.parse::<NetKey>().is_err(), "{bad}");
        }
    }
}
