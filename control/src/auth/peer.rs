//! Where a request comes from. A proxy's word about it is believed only if we were told to trust it.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request},
    http::{HeaderMap, header, request::Parts},
};

use super::{cookie::Scheme, networks::Networks, origin};
use crate::error::{Error, Result};

/// Where a request comes from.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The client's address, as far as trusted proxies tell it.
    pub address: IpAddr,
    /// How it came.
    pub scheme: Scheme,
    /// Host and port that the client typed.
    pub host: String,
    /// What the client says it is, cut at 256 characters.
    pub user_agent: String,
    /// A process on this machine, without a proxy between.
    pub local: bool,
}

/// The listener speaks TLS; left in each request by the server.
#[derive(Debug, Clone, Copy)]
pub struct OverTls(pub bool);

/// Whose `x-forwarded-for` and `x-forwarded-proto` are believed.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Networks);

impl Proxies {
    /// Addresses or networks (`10.0.0.0/8`). What can't be read was refused with the configuration.
    #[must_use]
    pub fn new(texts: &[String]) -> Self {
        Self(Networks::new(texts.iter().map(String::as_str)))
    }

    /// The client behind any trusted proxies: from the right, the first address that is none of them. The
    /// left end of `x-forwarded-for` is whatever the client wrote.
    fn client(&self, direct: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = direct.to_canonical();
        let hops = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','));
        let hops: Vec<&str> = hops.collect();
        for hop in hops.into_iter().rev().take(16) {
            if !self.0.hold(client) {
                break;
            }
            match hop.trim().parse::<IpAddr>() {
                Ok(address) => client = address.to_canonical(),
                Err(_) => break,
            }
        }
        client
    }
}

fn cut(text: &str, max: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max).collect()
}

impl Peer {
    /// Reads it off a request.
    /// # Errors
    /// 400 without a host.
    pub fn of(request: &Request, proxies: &Proxies) -> Result<Self> {
        let headers = request.headers();
        let direct = request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::from([0, 0, 0, 0]), |c| c.0.ip());
        let tls = request
            .extensions()
            .get::<OverTls>()
            .is_some_and(|tls| tls.0);
        let forwarded = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
        let scheme = if tls
            || proxies.0.hold(direct)
                && forwarded("x-forwarded-proto").is_some_and(|v| v.trim() == "https")
        {
            Scheme::Https
        } else {
            Scheme::Http
        };
        let host = origin::host(headers, request.uri()).ok_or_else(|| {
            Error::refused(400, "no_host", "the request names no host, or several")
        })?;
        let agent = headers.get(header::USER_AGENT);
        Ok(Self {
            address: proxies.client(direct, headers),
            scheme,
            host: cut(host, 256),
            user_agent: agent
                .map(|v| cut(&String::from_utf8_lossy(v.as_bytes()), 256))
                .unwrap_or_default(),
            local: direct.to_canonical().is_loopback()
                && !headers.contains_key("x-forwarded-for")
                && !headers.contains_key("forwarded")
                && !headers.contains_key("x-real-ip"),
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Error::Internal(anyhow::anyhow!("a request came past the front door")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn peer(direct: [u8; 4], pairs: &[(&'static str, &str)], trusted: &[&str]) -> Peer {
        let mut request = Request::builder().uri("/").header("host", "panel");
        for (name, value) in pairs {
            request = request.header(*name, *value);
        }
        let mut request = request.body(axum::body::Body::empty()).unwrap();
        let from = SocketAddr::from((direct, 1));
        request.extensions_mut().insert(ConnectInfo(from));
        let trusted: Vec<String> = trusted.iter().map(|t| (*t).to_owned()).collect();
        Peer::of(&request, &Proxies::new(&trusted)).unwrap()
    }

    #[test]
    fn nobody_is_believed_about_where_they_come_from() {
        let said = [
            ("x-forwarded-for", "198.51.100.1"),
            ("x-forwarded-proto", "https"),
        ];
        let peer = peer([203, 0, 113, 5], &said, &["10.0.0.0/8"]);
        assert_eq!(peer.address, IpAddr::from([203, 0, 113, 5]));
        assert_eq!(peer.scheme, Scheme::Http);
    }

    #[test]
    fn a_trusted_proxy_is_believed_up_to_the_first_stranger() {
        let said = [
            ("x-forwarded-for", "1.2.3.4, 198.51.100.1, 10.0.0.9"),
            ("x-forwarded-proto", "https"),
        ];
        let peer = peer([10, 0, 0, 1], &said, &["10.0.0.0/8"]);
        assert_eq!(peer.address, IpAddr::from([198, 51, 100, 1]));
        assert_eq!(peer.scheme, Scheme::Https);
        assert!(!peer.local);
    }

    #[test]
    fn what_a_proxy_on_this_machine_passes_on_is_not_local() {
        assert!(peer([127, 0, 0, 1], &[], &[]).local);
        assert!(!peer([127, 0, 0, 1], &[("x-forwarded-for", "1.2.3.4")], &[]).local);
    }

    #[test]
    fn only_networks_are_networks() {
        assert!(Networks::parse("::1").is_some());
        assert!(Networks::parse("10.0.0.0/33").is_none());
        assert!(Networks::parse("proxy.example").is_none());
    }
}
