//! What the options of `up` say about NATS: where our own server listens, or what is told about those that
//! `--nats` names.

use std::net::IpAddr;

use crate::args::UpArgs;

/// Where a server that runs with our nats.conf listens. With several servers it is the first one's; the others
/// change the line.
#[must_use]
pub fn listen(args: &UpArgs) -> String {
    let given = given(args);
    let (open, port) = match given.first() {
        Some(first) => (given.iter().any(|at| !at.local()), first.port),
        // Only a machine that others join needs the bus on the outside.
        None => (args.public || args.address.is_some(), args.nats_port),
    };
    let host = if open { "0.0.0.0" } else { "127.0.0.1" };
    format!("{host}:{port}")
}

/// Names and addresses that stand in the servers' certificate, besides loopback.
#[must_use]
pub fn names(args: &UpArgs) -> Vec<String> {
    let mut names: Vec<String> = args.address.clone().into_iter().collect();
    for at in given(args).into_iter().filter(|at| !at.local()) {
        if !names.contains(&at.host) {
            names.push(at.host);
        }
    }
    names
}

/// Whether TLS was asked for by name.
#[must_use]
pub fn by_tls(args: &UpArgs) -> bool {
    given(args).iter().any(|at| at.tls)
}

/// What join tokens carry when other machines know this one as `address`.
#[must_use]
pub fn public_urls(args: &UpArgs, address: &str) -> Vec<String> {
    let given = given(args);
    let elsewhere: Vec<String> = given
        .iter()
        .filter(|at| !at.local())
        .map(|at| at.url.clone())
        .collect();
    if !elsewhere.is_empty() {
        return elsewhere;
    }
    if !given.is_empty() {
        // Nobody else reaches these: control refuses tokens for other machines, with the hint.
        return given.into_iter().map(|at| at.url).collect();
    }
    let host = match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(v6)) => format!("[{v6}]"),
        _ => address.to_owned(),
    };
    vec![format!("tls://{host}:{}", args.nats_port)]
}

/// One address of `--nats`. One that can't be read is told by control, which asks each.
struct Given {
    url: String,
    host: String,
    port: u16,
    tls: bool,
}

impl Given {
    fn local(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|a| a.is_loopback())
    }
}

fn given(args: &UpArgs) -> Vec<Given> {
    let texts = args.nats.iter().flat_map(|text| text.split(','));
    texts
        .map(|text| {
            let url = text.trim().to_owned();
            let (scheme, rest) = url.split_once("://").unwrap_or(("nats", &url));
            let (host, port) = match rest.rsplit_once(':') {
                Some((host, port)) if port.parse::<u16>().is_ok() => {
                    (host, port.parse().unwrap_or(4222))
                }
                _ => (rest, 4222),
            };
            Given {
                host: host.trim_matches(['[', ']']).to_owned(),
                port,
                tls: scheme == "tls",
                url,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;
    use crate::args::{Arguments, Task};

    fn args(words: &[&str]) -> UpArgs {
        let all = ["warren-ops", "up"].iter().chain(words);
        match Arguments::parse_from(all).task {
            Task::Up(args) => *args,
            Task::Down(_) => panic!(),
        }
    }

    #[test]
    fn our_own_server_is_open_only_where_others_join() {
        assert_eq!(listen(&args(&[])), "127.0.0.1:4222");
        let open = args(&["--address", "panel.example", "--nats-port", "4333"]);
        assert_eq!(listen(&open), "0.0.0.0:4333");
        assert_eq!(names(&open), ["panel.example"]);
        assert_eq!(
            public_urls(&open, "panel.example"),
            ["tls://panel.example:4333"]
        );
        assert_eq!(
            public_urls(&open, "2001:db8::1"),
            ["tls://[2001:db8::1]:4333"]
        );
    }

    #[test]
    fn what_is_given_is_what_the_configuration_is_made_for() {
        let near = args(&["--nats", "nats://127.0.0.1:4333"]);
        assert_eq!(listen(&near), "127.0.0.1:4333");
        assert!(names(&near).is_empty() && !by_tls(&near));
        assert_eq!(public_urls(&near, "p.example"), ["nats://127.0.0.1:4333"]);
        let far = args(&[
            "--nats",
            "tls://a.example:4333, tls://[2001:db8::1]",
            "--address",
            "p.example",
        ]);
        assert_eq!(listen(&far), "0.0.0.0:4333");
        assert_eq!(names(&far), ["p.example", "a.example", "2001:db8::1"]);
        assert!(by_tls(&far));
        assert_eq!(
            public_urls(&far, "p.example"),
            ["tls://a.example:4333", "tls://[2001:db8::1]"]
        );
    }
}
