//! Which host a request means, and whether a browser sent it from one of our own pages.

use axum::http::{HeaderMap, Method, Uri, header};

use super::cookie::Scheme;
use crate::error::Error;

/// Host and port that the client typed: HTTP/2 has it in the URI, HTTP/1.1 in `host`.
#[must_use]
pub fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    if let Some(authority) = uri.authority() {
        return Some(authority.as_str());
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}

/// The name alone, without port and brackets, in lower case.
#[must_use]
pub fn name(host: &str) -> String {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// The names under which the panel may be reached. A page of a stranger whose DNS name points at us
/// (rebinding) is told apart by it. An IP address can't be rebound and is always fine.
#[derive(Debug, Clone, Default)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// The names, with or without port or scheme. Empty ones are left out.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut known = vec!["localhost".to_owned()];
        for text in names {
            let text = text.split_once("://").map_or(text, |(_, rest)| rest);
            let text = text.split('/').next().unwrap_or_default();
            if !text.is_empty() {
                known.push(name(text));
            }
        }
        Self(known)
    }

    /// Whether a request for this host is meant for us.
    #[must_use]
    pub fn knows(&self, host: &str) -> bool {
        let name = name(host);
        name.parse::<std::net::IpAddr>().is_ok()
            || name.ends_with(".localhost")
            || self.0.contains(&name)
    }
}

fn changes_nothing(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether `origin` (`scheme://host[:port]`) is the page at `host`.
#[must_use]
pub fn same(origin: &str, scheme: Scheme, host: &str) -> bool {
    let default = match scheme {
        Scheme::Https => ":443",
        Scheme::Http => ":80",
    };
    let bare = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.strip_suffix(default).unwrap_or(&text).to_owned()
    };
    bare(origin) == bare(&format!("{}://{host}", scheme.as_str()))
}

/// Refuses what another site's page made a browser send (CSRF, cross-site WebSocket).
///
/// Fetch metadata decides where a browser sends it; plain http has none, there `origin` does. A request with
/// neither comes from no browser (every one sends `origin` with what is not GET or HEAD), so nobody's cookie
/// was borrowed for it. A bearer key is never sent by a browser on its own.
/// # Errors
/// 403 `cross_site`.
pub fn check(
    method: &Method,
    headers: &HeaderMap,
    scheme: Scheme,
    host: &str,
    upgrade: bool,
) -> Result<(), Error> {
    if changes_nothing(method) && !upgrade {
        return Ok(());
    }
    let refused = |detail: &str| Err(Error::forbidden("cross_site", detail));
    let text = |name: &str| headers.get(name).map(|v| v.to_str().unwrap_or("null"));
    if let Some(site) = text("sec-fetch-site")
        && site != "same-origin"
        && (site != "none" || upgrade)
    {
        return refused("this request was made by a page of another site");
    }
    match text("origin") {
        Some(origin) if !same(origin, scheme, host) => refused(
            "this request was made by a page of another origin; behind a proxy, pass the host \
             header and x-forwarded-proto on and name the proxy in `trusted_proxies`",
        ),
        None if upgrade => refused("a WebSocket needs an origin header"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn verdict(method: &Method, pairs: &[(&'static str, &str)], upgrade: bool) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        check(method, &headers, Scheme::Http, "panel:8080", upgrade).is_ok()
    }

    #[test]
    fn only_our_own_pages_may_change_things() {
        let post = &Method::POST;
        assert!(verdict(post, &[("origin", "http://panel:8080")], false));
        assert!(verdict(post, &[("sec-fetch-site", "same-origin")], false));
        assert!(verdict(post, &[], false));
        for bad in [
            ("origin", "http://panel:8081"),
            ("origin", "https://panel:8080"),
            ("origin", "http://panel.evil:8080"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert!(!verdict(post, &[bad], false), "{bad:?}");
            assert!(!verdict(&Method::DELETE, &[bad], false), "{bad:?}");
        }
        let get = &Method::GET;
        assert!(verdict(get, &[("sec-fetch-site", "cross-site")], false));
    }

    #[test]
    fn a_web_socket_needs_our_origin_though_it_begins_as_a_get() {
        let get = &Method::GET;
        assert!(verdict(get, &[("origin", "http://panel:8080")], true));
        assert!(!verdict(get, &[("origin", "http://evil")], true));
        assert!(!verdict(get, &[], true));
    }

    #[test]
    fn a_default_port_may_be_spelled_out() {
        assert!(same("https://panel", Scheme::Https, "panel:443"));
        assert!(same("https://Panel", Scheme::Https, "panel"));
        assert!(!same("https://panel:444", Scheme::Https, "panel"));
    }

    #[test]
    fn only_known_names_and_addresses_are_hosts() {
        let hosts = Hosts::new(["https://panel.example.net:8443/x", "", "games.example.org"]);
        for good in [
            "panel.example.net:1",
            "GAMES.example.org",
            "localhost:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "192.0.2.7",
        ] {
            assert!(hosts.knows(good), "{good}");
        }
        for bad in ["evil.example", "127.0.0.1.evil.example", ""] {
            assert!(!hosts.knows(bad), "{bad}");
        }
    }
}
