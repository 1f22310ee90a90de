//! Where an address leads: asked once for each call, and refused unless all of it is the public internet.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use warren_proto::address::{IpRange, is_metadata, not_public};

use crate::server::start::Failure;

/// A name that takes longer has no address.
const RESOLVING: Duration = Duration::from_secs(10);
/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 16;
/// From here on up anybody may serve files, but for what [`OTHER_SERVICES`] names.
const FREE_PORTS: u16 = 1024;
/// Of those that browsers call no web server's ("port blocking" of the Fetch standard).
const OTHER_SERVICES: [u16; 21] = [
    1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669,
    6679, 6697, 10080, 2375, 6379,
];

/// How a name becomes addresses.
pub trait Resolve: Send + Sync {
    /// All of them.
    fn addresses<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;
}

/// As this machine does it.
struct System;

impl Resolve for System {
    fn addresses<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|at| at.ip()).collect())
        })
    }
}

/// Judges addresses.
#[derive(Clone)]
pub struct Guard {
    allowed: Vec<IpRange>,
    resolver: Arc<dyn Resolve>,
}

/// What may be called, and where it is.
#[derive(Debug)]
pub struct Target {
    /// As it was asked for.
    pub url: Url,
    /// The name to be resolved, or the address.
    pub host: String,
    /// Each was judged; nothing else may be connected to.
    pub at: Vec<SocketAddr>,
}

impl Guard {
    /// One that lets calls into these ranges too.
    pub fn new(allowed: Vec<IpRange>) -> Self {
        Self::resolving(allowed, Arc::new(System))
    }

    /// One that asks somebody else for addresses.
    pub fn resolving(allowed: Vec<IpRange>, resolver: Arc<dyn Resolve>) -> Self {
        Self { allowed, resolver }
    }

    /// Judges an address, resolving its name this once.
    /// # Errors
    /// `download_address`, `download_unresolved`, `download_refused`.
    pub async fn admit(&self, url: &Url) -> Result<Target, Failure> {
        let plain = match url.scheme() {
            "http" => 80,
            "https" => 443,
            _ => return Err(bad("only http and https are called")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("an address with a user or password is not called"));
        }
        let port = url.port().unwrap_or(plain);
        let web = matches!(port, 80 | 443);
        if !web && (port < FREE_PORTS || OTHER_SERVICES.contains(&port)) {
            return Err(bad(&format!("port {port} is no web server's")));
        }
        // It stands there in one form, however it was written: `0x7f.1`, `2130706433` and `0177.0.0.1` are 127.0.0.1.
        let host = url.host_str().unwrap_or_default();
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host = bare.unwrap_or(host).to_owned();
        if host.is_empty() {
            return Err(bad("the address names no host"));
        }
        let found = match host.parse::<IpAddr>() {
            Ok(ip) => vec![ip],
            Err(_) => self.resolve(&host).await?,
        };
        let own = own_addresses();
        // One bad address makes all of them bad: which is taken would be chance.
        for ip in &found {
            self.judge(*ip, &own).map_err(|what| {
                let text = format!(
                    "{host} leads to an address that is not called: {what}. The node's download_allow can allow it"
                );
                Failure::new("download_refused", text)
            })?;
        }
        let at = found.into_iter().take(MOST_ADDRESSES);
        Ok(Target {
            url: url.clone(),
            at: at.map(|ip| SocketAddr::new(ip, port)).collect(),
            host,
        })
    }

    async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, Failure> {
        let unknown = || Failure::new("download_unresolved", format!("{host} has no address"));
        let found = tokio::time::timeout(RESOLVING, self.resolver.addresses(host)).await;
        match found {
            Ok(Ok(found)) if !found.is_empty() => Ok(found),
            _ => Err(unknown()),
        }
    }

    fn judge(&self, ip: IpAddr, own: &[IpAddr]) -> Result<(), &'static str> {
        if !is_metadata(ip) && self.allowed.iter().any(|range| range.contains(ip)) {
            return Ok(());
        }
        // What listens there may count on the machine's outer doors being closed.
        if own.contains(&ip) {
            return Err("the node itself");
        }
        not_public(ip).map_or(Ok(()), Err)
    }
}

fn bad(text: &str) -> Failure {
    Failure::new("download_address", text)
}

fn own_addresses() -> Vec<IpAddr> {
    let Ok(all) = nix::ifaddrs::getifaddrs() else {
        return Vec::new();
    };
    let address = |interface: nix::ifaddrs::InterfaceAddress| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|a| IpAddr::V4(a.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|a| IpAddr::V6(a.ip())))
    };
    all.filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::fetch::call::tests::Script;

    async fn said(guard: &Guard, url: &str) -> String {
        match Url::parse(url) {
            // What can't be read as an address never gets here.
            Err(_) => "unreadable".into(),
            Ok(url) => match guard.admit(&url).await {
                Ok(target) => format!("{:?}", target.at),
                Err(failure) => failure.code,
            },
        }
    }

    #[tokio::test]
    async fn addresses_are_seen_through_however_they_are_written() {
        let guard = Guard::resolving(Vec::new(), Script::of([]));
        for host in [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0x7F.1",
            "0177.0.0.1",
            "017700000001",
            "0",
            "0.0.0.0",
            "10.0.0.1",
            "012.0.0.1",
            "100.64.1.1",
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "168.63.129.16",
            "192.168.1.1",
            "3232235777",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "１２７.０.０.１",
            "127。0。0。1",
            "%31%32%37.0.0.1",
            "127.0.0.1.",
            "[::]",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::ffff:8.8.8.8]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b::169.254.169.254]",
            "[64:ff9b:1::a00:1]",
            "[2002:7f00:1::]",
            "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
            "[2001:db8::1]",
            "[3fff::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
        ] {
            let said = said(&guard, &format!("http://{host}:8080/x")).await;
            assert_eq!(said, "download_refused", "{host}");
        }
        for host in [
            "[fe80::1%25eth0]",
            "[fe80::1%eth0]",
            "256.1.1.1",
            "1.2.3.4.5",
            "0x7f.0x",
            "[::1",
        ] {
            let said = said(&guard, &format!("http://{host}/x")).await;
            assert!(
                matches!(
                    &*said,
                    "unreadable" | "download_unresolved" | "download_refused"
                ),
                "{host}: {said}"
            );
        }
        assert_eq!(said(&guard, "https://8.8.8.8/x").await, "[8.8.8.8:443]");
        assert_eq!(
            said(&guard, "http://[2606:4700::1111]:8080/").await,
            "[[2606:4700::1111]:8080]"
        );
    }

    #[tokio::test]
    async fn a_name_is_refused_when_one_of_its_addresses_is() {
        let script = Script::of([
            ("good.example", &["93.184.215.14", "2606:4700::1111"][..]),
            ("mixed.example", &["93.184.215.14", "10.0.0.1"][..]),
            ("mixed6.example", &["2606:4700::1111", "::1"][..]),
            ("mapped.example", &["::ffff:10.0.0.1"][..]),
            ("localhost", &["127.0.0.1"][..]),
            ("meta.example", &["169.254.169.254"][..]),
            ("none.example", &[][..]),
        ]);
        let guard = Guard::resolving(Vec::new(), script.clone());
        let good = said(&guard, "http://GOOD.example/").await;
        assert_eq!(good, "[93.184.215.14:80, [2606:4700::1111]:80]");
        for host in [
            "mixed.example",
            "mixed6.example",
            "mapped.example",
            "localhost",
            "meta.example",
        ] {
            let said = said(&guard, &format!("https://{host}/")).await;
            assert_eq!(said, "download_refused", "{host}");
        }
        for host in ["none.example", "unknown.example"] {
            assert_eq!(
                said(&guard, &format!("https://{host}/")).await,
                "download_unresolved"
            );
        }
        assert_eq!(script.asked("good.example"), 1);
    }

    #[tokio::test]
    async fn schemes_users_and_ports_are_judged_before_anybody_is_asked() {
        let script = Script::of([("a.example", &["93.184.215.14"][..])]);
        let guard = Guard::resolving(Vec::new(), script.clone());
        for url in [
            "ftp://a.example/x",
            "file:///etc/passwd",
            "gopher://a.example/",
            "data:text/plain,x",
            "http://me@a.example/",
            "http://me:secret@a.example/",
            "http://:secret@a.example/",
            "http://a.example:22/",
            "http://a.example:25/",
            "https://a.example:6379/",
            "https://a.example:6000/",
            "http://a.example:0/",
        ] {
            assert_eq!(said(&guard, url).await, "download_address", "{url}");
        }
        assert_eq!(script.asked("a.example"), 0);
        for url in [
            "http://a.example:443/",
            "https://a.example:80/",
            "http://a.example:8443/",
        ] {
            assert!(said(&guard, url).await.starts_with("[93."), "{url}");
        }
    }

    #[tokio::test]
    async fn what_the_node_allows_is_called_but_never_the_clouds_secrets() {
        let allowed = ["10.1.0.0/16", "169.254.0.0/16", "fd00::/8"];
        let allowed = allowed.map(|range| range.parse().unwrap()).to_vec();
        let guard = Guard::resolving(allowed, Script::of([]));
        for host in ["10.1.2.3", "169.254.7.7", "[fd00::7]"] {
            assert!(
                said(&guard, &format!("http://{host}/"))
                    .await
                    .starts_with('['),
                "{host}"
            );
        }
        for host in [
            "10.2.0.1",
            "169.254.169.254",
            "[fd00:ec2::254]",
            "[::ffff:10.1.2.3]",
            "127.0.0.1",
        ] {
            let said = said(&guard, &format!("http://{host}/")).await;
            assert_eq!(said, "download_refused", "{host}");
        }
    }

    #[test]
    fn the_nodes_own_addresses_are_none_to_call() {
        let guard = Guard::new(Vec::new());
        let ip = "93.184.215.14".parse().unwrap();
        assert_eq!(guard.judge(ip, &[]), Ok(()));
        assert_eq!(guard.judge(ip, &[ip]), Err("the node itself"));
        assert!(own_addresses().contains(&"127.0.0.1".parse().unwrap()));
    }
}
