//! From a join token to an identity: over NATS, or by HTTPS where NATS can't be reached.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tracing::{info, warn};
use warren_proto::bus::{Bus, CallError, Creds, Error as BusError, Options, Seed};
use warren_proto::join::JoinToken;
use warren_proto::{Message as _, subjects, wire};

use crate::config::Config;
use crate::host;
use crate::identity::{Credential, Identity, Pinned};

const CONNECT: Duration = Duration::from_secs(10);
const CALL: Duration = Duration::from_secs(15);
const KIND: &str = "register";

/// Makes this machine a node and writes its identity. A re-join proves the old key and keeps the node id.
/// # Errors
/// Says what to do; nothing is half done.
pub async fn join(config: &Config, text: &str) -> anyhow::Result<Identity> {
    let token = JoinToken::decode(text)?;
    let former = Identity::load(&config.data_dir).unwrap_or_else(|e| {
        warn!("{e:#}; joining as a new node");
        None
    });
    let (key, seed) = pending_key(&config.data_dir)?;
    let proof = key.sign(format!("{}\n{}", token.id, key.public_key()).as_bytes())?;
    let former_proof = match &former {
        Some(former) => former
            .newest()
            .seed
            .key()?
            .sign(format!("{}\n{}\n{}", former.node, token.id, key.public_key()).as_bytes())?,
        None => Vec::new(),
    };
    let register = wire::Register {
        token: token.id.to_string(),
        secret: token.secret.clone(),
        public_key: key.public_key(),
        proof,
        host: Some(host::facts(&config.data_dir, None, &config.bridge_subnet)),
        former_node: former.map(|f| f.node.to_string()).unwrap_or_default(),
        name: host::hostname(),
        former_proof,
    };
    let registered = ask(&token, &register).await?;
    let node = registered.node.parse().context("control's answer")?;
    let mut keys: Vec<Pinned> = registered.keys.iter().map(Pinned::of).collect();
    // What the token pins is what counts: an answer with another command key is not control's.
    let pinned = keys.iter().any(|k| {
        k.id == token.command_key.id.to_string()
            && k.purpose == "command"
            && same_key(&k.key, &token.command_key.public_key)
    });
    if !pinned && !keys.is_empty() {
        bail!("the answer is not signed by the panel that made this token: nothing was changed");
    }
    if keys.is_empty() {
        keys.push(command_key(&token)?);
    }
    let urls = match registered.nats_urls.is_empty() {
        true => token.nats_urls.clone(),
        false => registered.nats_urls.clone(),
    };
    let ca = match registered.nats_ca_pem.is_empty() {
        true => token.ca_pem.clone(),
        false => Some(registered.nats_ca_pem.clone()),
    };
    let identity = Identity {
        node,
        current: Credential {
            seed,
            jwt: registered.jwt,
        },
        key_since_ms: crate::clock::wall_ms(),
        next: None,
        nats_urls: urls,
        nats_ca_pem: ca,
        keys,
    };
    identity.current.creds()?;
    identity.save(&config.data_dir)?;
    let _ = std::fs::remove_file(config.data("joining.seed"));
    Ok(identity)
}

/// The key that is being registered. Kept until that has succeeded: a repeated join after a lost
/// answer is the same machine to control and burns no second use.
fn pending_key(data_dir: &Path) -> anyhow::Result<(nkeys::KeyPair, Seed)> {
    std::fs::create_dir_all(data_dir).map_err(crate::disk::at("create", data_dir))?;
    let path = data_dir.join("joining.seed");
    if let Ok(text) = std::fs::read_to_string(&path)
        && let Ok(seed) = Seed::parse(text.trim(), nkeys::KeyPairType::User)
    {
        return Ok((seed.key()?, seed));
    }
    let key = nkeys::KeyPair::new_user();
    let seed = Seed::of(&key)?;
    crate::disk::write_atomic(&path, seed.expose().as_bytes())?;
    Ok((key, seed))
}

fn command_key(token: &JoinToken) -> anyhow::Result<Pinned> {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let public = URL_SAFE_NO_PAD.decode(&token.command_key.public_key);
    Ok(Pinned::of(&wire::VerifyKey {
        id: token.command_key.id.to_string(),
        r#use: "command".into(),
        public_key: public.context("the token's command key")?,
    }))
}

fn same_key(standard: &str, url_safe: &str) -> bool {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let (a, b) = (STANDARD.decode(standard), URL_SAFE_NO_PAD.decode(url_safe));
    matches!((a, b), (Ok(a), Ok(b)) if a == b)
}

async fn ask(token: &JoinToken, register: &wire::Register) -> anyhow::Result<wire::Registered> {
    let by_nats = match by_nats(token, register).await {
        Ok(registered) => return Ok(registered),
        // Control has spoken: another way would hear the same.
        Err(CallError::Failed { code, message, .. }) => bail!("{message} ({code})"),
        Err(CallError::Bus(e @ (BusError::ServerTooOld(_) | BusError::ServerUnknown(_)))) => {
            bail!("{e}, on the machine that the panel's bus runs on")
        }
        Err(e) => e,
    };
    let shown = token.nats_urls.join(", ");
    let Some(url) = &token.control_url else {
        if let CallError::Bus(BusError::Refused(reason)) = &by_nats {
            bail!(
                "the bus at {shown} refuses this join token ({reason}): it has expired or was withdrawn, or the panel was set up anew; make a new token in the panel"
            );
        }
        bail!(
            "the bus at {shown} can't be reached ({by_nats}). This machine needs an outbound connection to it: check firewall and address"
        );
    };
    info!("the bus at {shown} can't be reached ({by_nats}); trying {url}");
    by_https(token, url, register).await.with_context(|| {
        format!("neither the bus at {shown} ({by_nats}) nor {url} took this machine")
    })
}

async fn by_nats(
    token: &JoinToken,
    register: &wire::Register,
) -> Result<wire::Registered, CallError> {
    let seed = Seed::parse(&token.seed, nkeys::KeyPairType::User);
    let creds = seed.and_then(|seed| Creds::new(token.jwt.clone(), seed));
    let bus = Bus::start(Options {
        urls: token.nats_urls.clone(),
        name: "warren-agent join".into(),
        creds: creds.map_err(warren_proto::bus::Error::from)?,
        ca_pem: token.ca_pem.clone(),
    })
    .await?;
    bus.ready(CONNECT).await?;
    let subject = subjects::ENROLL_REGISTER.to_owned();
    let registered = bus.call(subject, KIND, None, register, CALL).await;
    bus.close(Duration::from_secs(1)).await;
    registered
}

async fn by_https(
    token: &JoinToken,
    url: &str,
    register: &wire::Register,
) -> anyhow::Result<wire::Registered> {
    if !url.starts_with("https://") {
        bail!("{url} is not encrypted: the token's secret does not go there");
    }
    let mut builder = reqwest::Client::builder().timeout(CALL);
    if let Some(pin) = &token.control_key_sha256 {
        builder = builder.tls_backend_preconfigured(super::pin::client_config(pin)?);
    }
    let url = format!("{}/api/v1/enroll", url.trim_end_matches('/'));
    let answer = builder.build()?.post(&url).body(register.encode_to_vec());
    let answer = answer.header("content-type", "application/x-protobuf");
    let answer = answer.send().await.with_context(|| format!("ask {url}"))?;
    let status = answer.status();
    let bytes = answer.bytes().await?;
    if status.is_success() {
        let registered = wire::Registered::decode(bytes)?;
        return Ok(registered);
    }
    let problem: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let word = |key: &str| problem.get(key).and_then(|v| v.as_str()).map(str::to_owned);
    match (word("detail").or_else(|| word("title")), word("code")) {
        (Some(detail), code) => bail!("{detail} ({})", code.unwrap_or_else(|| status.to_string())),
        _ => bail!("{url} answered {status}"),
    }
}
