//! Join tokens: made by an admin, used once or a counted number of times, withdrawn at will.

use std::{collections::BTreeMap, net::IpAddr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::RngCore;
use sea_orm::{ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter, sea_query::Expr};
use sha2::{Digest, Sha256};
use warren_entity::{join_tokens, nodes};
use warren_proto::{
    bus::{accounts::Account, creds::Seed, jwt},
    ids::{JoinTokenId, NodeId, UserId},
    join::{CommandKey, JoinToken},
};

use super::credential;
use crate::{app::Ground, db::Lane, text::tame};

/// What an admin wants.
#[derive(Debug, Clone)]
pub struct TokenAsk {
    /// For people; may be empty.
    pub name: String,
    /// 1 to 1000.
    pub uses: i64,
    /// Seconds; at most 30 days.
    pub expires_in_s: i64,
    /// Labels that the node gets.
    pub labels: BTreeMap<String, String>,
    /// First and last port that automatic allocations come from.
    pub ports: (u16, u16),
    /// Takes this node back, whatever key its machine has now; it keeps its labels and ports. Single use.
    pub node: Option<NodeId>,
    /// Who asked.
    pub created_by: Option<UserId>,
    /// For an agent on this very machine: loopback will do.
    pub local: bool,
    /// SHA-256 of the public key behind control's certificate in hex, when self-signed.
    pub control_key_sha256: Option<String>,
}

impl Default for TokenAsk {
    fn default() -> Self {
        Self {
            name: String::new(),
            uses: 1,
            expires_in_s: 3600,
            labels: BTreeMap::new(),
            ports: (25565, 25664),
            node: None,
            created_by: None,
            local: false,
            control_key_sha256: None,
        }
    }
}

/// A token, once.
#[derive(Debug)]
pub struct Created {
    /// Row.
    pub id: JoinTokenId,
    /// The text to copy; never shown again.
    pub token: String,
    /// Unix milliseconds.
    pub expires_at_ms: i64,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Only loopback is known.
    #[error(
        "other machines can't reach this one yet: only a loopback address is known. Start with \
         `./ops/up --public --address HOST` (and, with `--nats`, addresses that others reach), or set \
         `address` or `nats_public_urls` in control.toml"
    )]
    NoPublicAddress,
    /// Out of range.
    #[error("{field}: {problem}")]
    Value {
        /// Which.
        field: &'static str,
        /// What would do.
        problem: String,
    },
    /// Nothing to take back.
    #[error(
        "node {0} is not known, or was removed: make a token without a node, and join as a new one"
    )]
    NoNode(NodeId),
    /// Signing.
    #[error("join token: {0}")]
    Jwt(#[from] jwt::Error),
    /// Seed of the fresh credential.
    #[error("join token: {0}")]
    Creds(#[from] warren_proto::bus::creds::Error),
    /// Database.
    #[error("join token: {0}")]
    Database(#[from] DbErr),
}

fn checked(ask: &TokenAsk) -> Result<(), TokenError> {
    let bad = |field, problem: &str| {
        Err(TokenError::Value {
            field,
            problem: problem.into(),
        })
    };
    if !(1..=1000).contains(&ask.uses) {
        return bad("uses", "1 to 1000");
    }
    if ask.node.is_some() && ask.uses != 1 {
        return bad("uses", "1: a token that takes a node back is used once");
    }
    if !(60..=30 * 86_400).contains(&ask.expires_in_s) {
        return bad("expires_in_s", "60 seconds to 30 days (2592000)");
    }
    if ask.ports.0 < 1024 || ask.ports.0 > ask.ports.1 {
        return bad("port_range", "first to last, both from 1024 to 65535");
    }
    if ask.labels.len() > 32 {
        return bad("labels", "at most 32");
    }
    Ok(())
}

/// The addresses of the bus that a node can use.
/// # Errors
/// [`TokenError::NoPublicAddress`] when only loopback is known and the node is elsewhere.
pub fn node_urls(ground: &Ground, local: bool) -> Result<Vec<String>, TokenError> {
    let config = &ground.config;
    if local {
        return Ok(config.nats_urls.clone());
    }
    if !config.nats_public_urls.is_empty() {
        return elsewhere(&config.nats_public_urls);
    }
    let first = config.nats_urls.first().map_or("", String::as_str);
    let (scheme, rest) = first.split_once("://").unwrap_or(("nats", first));
    let port = rest.rsplit_once(':').map_or("4222", |(_, port)| port);
    if !config.address.is_empty() {
        let host = match config.address.parse::<IpAddr>() {
            Ok(IpAddr::V6(v6)) => format!("[{v6}]"),
            _ => config.address.clone(),
        };
        return Ok(vec![format!("{scheme}://{host}:{port}")]);
    }
    elsewhere(&config.nats_urls)
}

fn elsewhere(urls: &[String]) -> Result<Vec<String>, TokenError> {
    let far = urls.iter().filter(|url| !is_loopback(url));
    let far: Vec<String> = far.cloned().collect();
    if far.is_empty() {
        return Err(TokenError::NoPublicAddress);
    }
    Ok(far)
}

/// Whether a URL leads to this machine alone.
#[must_use]
pub fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = crate::auth::origin::name(rest.split('/').next().unwrap_or_default());
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// SHA-256 in hex, as secrets are stored.
#[must_use]
pub fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// Makes a join token.
/// # Errors
/// [`TokenError`] says what to do.
pub async fn create(ground: &Ground, ask: &TokenAsk) -> Result<Created, TokenError> {
    checked(ask)?;
    let nats_urls = node_urls(ground, ask.local)?;
    let id = JoinTokenId::new();
    let now_ms = ground.clock.now_ms();
    let expires_at_ms = now_ms + ask.expires_in_s * 1000;
    let user = nkeys::KeyPair::new_user();
    let jwt = ground.keys.realm.mint_enroll(
        id,
        &user.public_key(),
        // A server whose clock is a little behind takes it too.
        ground.clock.now_s() - 60,
        expires_at_ms / 1000,
    )?;
    let mut secret = [0u8; 32];
    rand::rng().fill_bytes(&mut secret);
    let secret = URL_SAFE_NO_PAD.encode(secret);
    let public = &ground.config.public_url;
    let tls = nats_urls.iter().any(|url| url.starts_with("tls://"));
    let token = JoinToken {
        id,
        secret: secret.clone(),
        nats_urls,
        ca_pem: tls.then(|| ground.keys.ca.cert_pem.clone()),
        jwt,
        seed: Seed::of(&user)?.expose().to_owned(),
        control_url: (!public.is_empty() && !is_loopback(public)).then(|| public.clone()),
        control_key_sha256: ask.control_key_sha256.clone(),
        command_key: CommandKey {
            id: ground.keys.command.id(),
            public_key: ground.keys.command.public_text(),
        },
    };
    let row = join_tokens::ActiveModel {
        id: Set(id.to_string()),
        name: Set(tame(&ask.name, 100)),
        secret_hash: Set(hash(&secret)),
        credential_key: Set(user.public_key()),
        uses_total: Set(ask.uses),
        uses_left: Set(ask.uses),
        labels: Set(serde_json::json!(ask.labels)),
        port_first: Set(ask.ports.0.into()),
        port_last: Set(ask.ports.1.into()),
        node_id: Set(ask.node.map(|node| node.to_string())),
        created_by: Set(ask.created_by.map(|u| u.to_string())),
        created_at_ms: Set(now_ms),
        expires_at_ms: Set(expires_at_ms),
        deleted_at_ms: Set(None),
    };
    let tx = ground.db.begin(Lane::People).await?;
    if let Some(node) = ask.node {
        let known = nodes::Entity::find_by_id(node.to_string())
            .filter(nodes::Column::DeletedAtMs.is_null())
            .one(&*tx)
            .await?;
        known.ok_or(TokenError::NoNode(node))?;
    }
    join_tokens::Entity::insert(row)
        .exec_without_returning(&*tx)
        .await?;
    tx.commit().await?;
    Ok(Created {
        id,
        token: token.encode(),
        expires_at_ms,
    })
}

/// Withdraws a token; its credential is refused by the bus too. Says whether there was one.
/// # Errors
/// Database.
pub async fn withdraw(ground: &Ground, id: JoinTokenId) -> Result<bool, DbErr> {
    let now_ms = ground.clock.now_ms();
    let tx = ground.db.begin(Lane::People).await?;
    let row = join_tokens::Entity::find_by_id(id.to_string())
        .filter(join_tokens::Column::DeletedAtMs.is_null())
        .one(&*tx)
        .await?;
    let Some(row) = row else { return Ok(false) };
    join_tokens::Entity::update_many()
        .col_expr(join_tokens::Column::DeletedAtMs, Expr::value(now_ms))
        .filter(join_tokens::Column::Id.eq(&*row.id))
        .exec(&*tx)
        .await?;
    credential::refuse(
        &*tx,
        Account::Edge,
        &row.credential_key,
        None,
        row.expires_at_ms,
        now_ms,
    )
    .await?;
    tx.commit().await?;
    ground.nudges.revoked();
    Ok(true)
}
