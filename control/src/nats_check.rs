//! `warren-control nats-check`: whether nats-servers that somebody else runs will do, asked before anything hangs on
//! them. Each answer says what to change, and where.

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use bytes::Bytes;
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::TcpStream,
    time::timeout,
};
use warren_proto::{
    bus::{
        self, Bus, Creds, Options,
        version::{Support, Version},
    },
    ids::ControlId,
};

use crate::app::{self, Ground};

const CONNECT: Duration = Duration::from_secs(3);
const ANSWER: Duration = Duration::from_secs(3);
/// Room for a long list of cluster addresses.
const GREETING_BYTES: u64 = 64 * 1024;

/// Why a server will not do, and what would.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not an address.
    #[error("{0:?} is no address of a NATS server: write nats://host:port, or tls://host:port")]
    Url(String),
    /// No connection.
    #[error(
        "no nats-server can be reached at {url} ({cause}): is it running, does it listen there, and does a firewall \
         stand between?"
    )]
    Unreachable {
        /// As given.
        url: String,
        /// The system's words.
        cause: String,
    },
    /// Something else listens there.
    #[error("what answers at {0} is no nats-server: check host and port")]
    Stranger(String),
    /// Below the floor.
    #[error(
        "nats-server at {url} is version {version}, and {} is the oldest that works: install a newer one there",
        bus::version::FLOOR
    )]
    TooOld {
        /// As given.
        url: String,
        /// What it says it is.
        version: Version,
    },
    /// No signed credentials asked for.
    #[error(
        "nats-server at {url} does not run in operator mode, so it could not tell nodes, gateways and control \
         apart: start it with {conf}"
    )]
    NotOperator {
        /// As given.
        url: String,
        /// What it should run with.
        conf: String,
    },
    /// Our credential is unknown there.
    #[error(
        "nats-server at {url} does not know this installation's operator ({reason}): it runs with another \
         nats.conf, or with that of an earlier installation; start it with {conf}"
    )]
    Foreign {
        /// As given.
        url: String,
        /// The server's words.
        reason: String,
        /// What it should run with.
        conf: String,
    },
    /// One side speaks TLS, the other does not.
    #[error("nats-server at {url} {problem}")]
    Tls {
        /// As given.
        url: String,
        /// What is wrong and what would do.
        problem: String,
    },
    /// Accounts can't be pushed, or are forgotten.
    #[error(
        "nats-server at {url} has no full resolver: what is revoked would be good again after its restart; take \
         the `resolver` block of {conf} over"
    )]
    Resolver {
        /// As given.
        url: String,
        /// What it should run with.
        conf: String,
    },
    /// No streams for CORE.
    #[error(
        "nats-server at {url} gives account CORE no JetStream ({cause}): take the `jetstream` block of {conf} over; \
         its limits must not be lower"
    )]
    JetStream {
        /// As given.
        url: String,
        /// The server's words.
        cause: String,
        /// What it should run with.
        conf: String,
    },
    /// Ours.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

/// What a server says to whoever connects.
#[derive(Debug, Deserialize)]
struct Greeting {
    version: String,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    tls_required: bool,
    #[serde(default)]
    tls_available: bool,
}

/// Asks every server in `nats_urls`. `conf` is the file that they should run with, for the messages. Gives the
/// versions found.
/// # Errors
/// The first that will not do.
pub async fn check(
    ground: &Ground,
    conf: Option<&PathBuf>,
) -> Result<Vec<(String, Version)>, Error> {
    let conf = conf.map_or_else(
        || "the nats.conf that `warren-control init` wrote".to_owned(),
        |path| format!("`nats-server -c {}`", path.display()),
    );
    let mut found = Vec::new();
    for url in &ground.config.nats_urls {
        let version = one(ground, url, &conf).await?;
        found.push((url.clone(), version));
    }
    Ok(found)
}

async fn one(ground: &Ground, url: &str, conf: &str) -> Result<Version, Error> {
    let (url, conf) = (url.to_owned(), conf.to_owned());
    let greeting = greet(&url).await?;
    let version: Version = greeting
        .version
        .parse()
        .map_err(|_| Error::Stranger(url.clone()))?;
    if version.support() == Support::TooOld {
        return Err(Error::TooOld { url, version });
    }
    // Only a server that checks signatures hands out something to sign.
    if greeting.nonce.is_none_or(|nonce| nonce.is_empty()) {
        return Err(Error::NotOperator { url, conf });
    }
    let encrypted = url.starts_with("tls://");
    let offers = greeting.tls_required || greeting.tls_available;
    let problem = match (encrypted, offers) {
        (true, false) => Some("speaks no TLS: write nats://, or give it a certificate"),
        (false, true) if greeting.tls_required => Some("wants TLS: write tls://"),
        _ => None,
    };
    if let Some(problem) = problem {
        let problem = problem.to_owned();
        return Err(Error::Tls { url, problem });
    }
    let (id, now_s) = (ControlId::new(), ground.clock.now_s());
    let realm = &ground.keys.realm;
    let creds = realm.sys_creds(id, now_s).context("credential for SYS")?;
    let sys = connect(ground, &url, &conf, creds).await?;
    let resolver = sys.request("$SYS.REQ.CLAIMS.LIST".into(), Bytes::new(), ANSWER);
    let resolver = resolver.await;
    sys.close(ANSWER).await;
    if resolver.is_err() {
        return Err(Error::Resolver { url, conf });
    }
    let creds = realm.control_creds(id, now_s);
    let core = connect(ground, &url, &conf, creds.context("credential for CORE")?).await?;
    let streams = jetstream(&core).await;
    core.close(ANSWER).await;
    match streams {
        Ok(()) => Ok(version),
        Err(cause) => Err(Error::JetStream { url, cause, conf }),
    }
}

/// The first line that a server says, before any TLS.
async fn greet(url: &str) -> Result<Greeting, Error> {
    let bad = || Error::Url(url.to_owned());
    let (scheme, rest) = url.split_once("://").ok_or_else(bad)?;
    if !matches!(scheme, "nats" | "tls") || rest.is_empty() {
        return Err(bad());
    }
    let address = match rest.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => rest.to_owned(),
        _ if rest.contains(':') && !rest.ends_with(']') => return Err(bad()),
        _ => format!("{rest}:4222"),
    };
    let unreachable = |cause: String| Error::Unreachable {
        url: url.to_owned(),
        cause,
    };
    let dial = timeout(CONNECT, TcpStream::connect(&address)).await;
    let stream = dial
        .map_err(|_| unreachable(format!("no answer within {} s", CONNECT.as_secs())))?
        .map_err(|e| unreachable(e.to_string()))?;
    let mut line = String::new();
    let mut reader = BufReader::new(stream.take(GREETING_BYTES));
    let read = timeout(ANSWER, reader.read_line(&mut line)).await;
    let stranger = || Error::Stranger(url.to_owned());
    if !matches!(read, Ok(Ok(_))) {
        return Err(stranger());
    }
    let json = line.strip_prefix("INFO ").ok_or_else(stranger)?;
    serde_json::from_str(json).map_err(|_| stranger())
}

async fn connect(ground: &Ground, url: &str, conf: &str, creds: Creds) -> Result<Bus, Error> {
    let options = app::options(&ground.config, creds)?;
    let bus = Bus::start(Options {
        urls: vec![url.to_owned()],
        ..options
    });
    let bus = bus.await.map_err(anyhow::Error::from)?;
    match bus.ready(CONNECT).await {
        Ok(_) => Ok(bus),
        Err(bus::Error::Refused(reason)) => Err(Error::Foreign {
            url: url.to_owned(),
            reason,
            conf: conf.to_owned(),
        }),
        Err(_) if url.starts_with("tls://") => Err(Error::Tls {
            url: url.to_owned(),
            problem: format!(
                "has a certificate that {} does not vouch for, or one for another name: start it with {conf}",
                ground.config.ca_path().display()
            ),
        }),
        Err(cause) => Err(Error::Unreachable {
            url: url.to_owned(),
            cause: cause.to_string(),
        }),
    }
}

async fn jetstream(core: &Bus) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Answer {
        error: Option<Refusal>,
    }
    #[derive(Deserialize)]
    struct Refusal {
        description: String,
    }
    let asked = core.request("$JS.API.INFO".into(), Bytes::new(), ANSWER);
    let answer = asked.await.map_err(|e| e.to_string())?;
    let answer: Answer = serde_json::from_slice(&answer).map_err(|e| e.to_string())?;
    answer
        .error
        .map_or(Ok(()), |refusal| Err(refusal.description))
}
