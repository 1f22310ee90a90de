//! Enrolment: a machine with a join token becomes a node. The same service answers `enroll.v1.register` and
//! its HTTPS twin.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use warren_entity::{audit_log, join_tokens, node_cursors, nodes, users};
use warren_proto::{
    bus::jwt,
    ids::{JoinTokenId, NodeId, SessionId},
    wire,
};

use super::{convert, credential, token};
use crate::{
    access::{self, Key, Resource, Via, load},
    app::Ground,
    db::Lane,
    outbox::{self, Event},
    text::{fresh_id, tame},
};

/// Why a machine was not taken. Codes are stable.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Unknown, withdrawn, or the secret does not fit: not told apart.
    #[error("this join token is not known: make a new one in the panel")]
    Unknown,
    /// Too late.
    #[error("this join token has expired: make a new one in the panel")]
    Expired,
    /// All uses are taken.
    #[error("this join token has been used up: make a new one in the panel")]
    UsedUp,
    /// The key is no user key, or its proof does not fit.
    #[error("the machine could not prove that it holds its key")]
    Proof,
    /// A re-join under an identity that still speaks.
    #[error(
        "node {0} is connected right now: stop its agent first, or revoke it in the panel, or join as a new \
         node by deleting the identity in its data folder"
    )]
    StillThere(NodeId),
    /// A re-join of a node whose key was revoked: whoever holds that key proves nothing with it.
    #[error(
        "node {0} was revoked: make a join token for this node in the panel (its page, or `\"node\"` in \
         `POST /api/v1/nodes/tokens`) to take the machine back, or join as a new node by deleting the identity \
         in its data folder"
    )]
    Revoked(NodeId),
    /// A re-join without the node's key and without a token made for it.
    #[error(
        "this machine says that it was node {0}, and does not prove it. Either join where the node's identity \
         lies (identity.json in the agent's data folder), or, if its key is lost, make a join token for this \
         node in the panel (its page, or `\"node\"` in `POST /api/v1/nodes/tokens`)"
    )]
    Unproven(NodeId),
    /// A token made for one node, used on a machine that is another.
    #[error(
        "this join token takes node {wanted} back, and this machine is node {had}: use a token for {had}, or \
         run `warren-agent leave` first"
    )]
    OtherNode {
        /// What the token is for.
        wanted: NodeId,
        /// What the machine says it is.
        had: NodeId,
    },
    /// Signing.
    #[error("enrolment: {0}")]
    Jwt(#[from] jwt::Error),
    /// Database.
    #[error("enrolment: {0}")]
    Database(#[from] DbErr),
}

impl Error {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "token_unknown",
            Self::Expired => "token_expired",
            Self::UsedUp => "token_used_up",
            Self::Proof => "bad_proof",
            Self::StillThere(_) => "node_online",
            Self::Revoked(_) => "node_revoked",
            Self::Unproven(_) => "rejoin_unproven",
            Self::OtherNode { .. } => "token_for_other_node",
            Self::Jwt(_) | Self::Database(_) => "internal",
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Database(_) | Self::StillThere(_))
    }

    /// The wire form.
    #[must_use]
    pub fn failure(&self) -> wire::Failure {
        wire::Failure {
            code: self.code().into(),
            message: match self {
                Self::Jwt(_) | Self::Database(_) => "control could not store it; try again".into(),
                other => other.to_string(),
            },
            retryable: self.retryable(),
        }
    }
}

/// Takes a machine in: burns one use of the token, stores the node and signs its credential. Repeating the
/// same call (the answer was lost) gives the same node again and burns nothing.
/// # Errors
/// [`Error`]; nothing is half done.
pub async fn register(ground: &Ground, ask: &wire::Register) -> Result<wire::Registered, Error> {
    let token_id: JoinTokenId = ask.token.parse().map_err(|_| Error::Unknown)?;
    let key = jwt::user_key(&ask.public_key).map_err(|_| Error::Proof)?;
    if !credential::proves(&key, &format!("{}\n{key}", ask.token), &ask.proof) {
        return Err(Error::Proof);
    }
    let now_ms = ground.clock.now_ms();
    let tx = ground.db.begin(Lane::Machines).await?;
    let token = join_tokens::Entity::find_by_id(token_id.to_string())
        .lock_exclusive()
        .one(&*tx)
        .await?
        .filter(|t| t.deleted_at_ms.is_none() && same(&t.secret_hash, &token::hash(&ask.secret)))
        .ok_or(Error::Unknown)?;
    let again = nodes::Entity::find()
        .filter(nodes::Column::PublicKey.eq(&*key))
        .one(&*tx)
        .await?;
    let node = match again {
        Some(row) => {
            let mine = row.join_token_id.as_deref() == Some(&*token.id)
                && row.revoked_at_ms.is_none()
                && row.deleted_at_ms.is_none();
            let id = row.id.parse().map_err(|_| Error::Unknown)?;
            mine.then_some(id).ok_or(Error::Proof)?
        }
        None => {
            if token.expires_at_ms <= now_ms {
                return Err(Error::Expired);
            }
            still_may(&*tx, &token, now_ms).await?;
            burn(&*tx, &token).await?;
            take(ground, &*tx, &token, ask, &key, now_ms).await?
        }
    };
    let (jwt, until) = credential::mint(ground, node, &key)?;
    nodes::Entity::update_many()
        .col_expr(nodes::Column::JwtExpiresAtMs, Expr::value(until))
        .filter(nodes::Column::Id.eq(node.to_string()))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    ground.nudges.revoked();
    ground.nudges.outbox();
    let local = token::node_urls(ground, false).is_err();
    let nats_urls = token::node_urls(ground, local).unwrap_or_default();
    let tls = nats_urls.iter().any(|url| url.starts_with("tls://"));
    Ok(wire::Registered {
        node: node.to_string(),
        jwt,
        jwt_expires_at_ms: until,
        nats_urls,
        nats_ca_pem: if tls {
            ground.keys.ca.cert_pem.clone()
        } else {
            String::new()
        },
        keys: ground.keys.announced(),
    })
}

/// Compares digests of equal length without telling by time where they differ.
fn same(a: &str, b: &str) -> bool {
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    digest(a) == digest(b)
}

/// A token is worth what its maker may do now. One made on this machine's own command line has none.
async fn still_may(
    db: &impl ConnectionTrait,
    token: &join_tokens::Model,
    now_ms: i64,
) -> Result<(), Error> {
    let Some(maker) = &token.created_by else {
        return Ok(());
    };
    let maker = users::Entity::find_by_id(&**maker)
        .filter(load::active())
        .one(db)
        .await?
        .ok_or(Error::Unknown)?;
    let via = Via::Session(SessionId::new());
    let actor = load::actor(db, &maker, via, now_ms).await?;
    let may = access::may(&actor, Key::NodeCreate, Resource::Panel);
    may.then_some(()).ok_or(Error::Unknown)
}

async fn burn(db: &impl ConnectionTrait, token: &join_tokens::Model) -> Result<(), Error> {
    let burned = join_tokens::Entity::update_many()
        .col_expr(
            join_tokens::Column::UsesLeft,
            Expr::col(join_tokens::Column::UsesLeft).sub(1),
        )
        .filter(join_tokens::Column::Id.eq(&*token.id))
        .filter(join_tokens::Column::UsesLeft.gt(0))
        .exec(db)
        .await?;
    if burned.rows_affected == 0 {
        return Err(Error::UsedUp);
    }
    Ok(())
}

async fn take(
    ground: &Ground,
    db: &impl ConnectionTrait,
    token: &join_tokens::Model,
    ask: &wire::Register,
    key: &str,
    now_ms: i64,
) -> Result<NodeId, Error> {
    let host = ask.host.clone().unwrap_or_default();
    let former = former(db, token, ask).await?;
    let rejoined = former.is_some();
    let node = match former {
        Some((id, row)) => {
            may_return(id, &row, token, ask, key)?;
            rejoin(db, id, &row, token, key, &host, now_ms).await?;
            id
        }
        None => join(ground, db, token, ask, key, &host, now_ms).await?,
    };
    let diff =
        json!({"token": token.id, "rejoined": rejoined, "hostname": tame(&host.hostname, 253)});
    audit(db, node, &diff, now_ms).await?;
    outbox::write(
        db,
        Event::of_node(node, "joined", now_ms, json!({"rejoined": rejoined})),
    )
    .await?;
    Ok(node)
}

/// The node that this machine was: what the token was made for, or else what the machine says.
async fn former(
    db: &impl ConnectionTrait,
    token: &join_tokens::Model,
    ask: &wire::Register,
) -> Result<Option<(NodeId, nodes::Model)>, Error> {
    let said = ask.former_node.parse::<NodeId>().ok();
    let bound = token.node_id.as_deref().map(str::parse::<NodeId>);
    let bound = bound.transpose().map_err(|_| Error::Unknown)?;
    if let (Some(wanted), Some(had)) = (bound, said)
        && wanted != had
    {
        return Err(Error::OtherNode { wanted, had });
    }
    let Some(id) = bound.or(said) else {
        return Ok(None);
    };
    let row = nodes::Entity::find_by_id(id.to_string())
        .filter(nodes::Column::DeletedAtMs.is_null())
        .lock_exclusive()
        .one(db)
        .await?;
    match row {
        Some(row) => Ok(Some((id, row))),
        // Removed since the token was made: a new node is not what was asked for.
        None if bound.is_some() => Err(Error::Unknown),
        None => Ok(None),
    }
}

/// Whether a machine with this token and these proofs may be that node again.
fn may_return(
    id: NodeId,
    row: &nodes::Model,
    token: &join_tokens::Model,
    ask: &wire::Register,
    key: &str,
) -> Result<(), Error> {
    // Whoever has a token could otherwise push a running node out.
    if row.online {
        return Err(Error::StillThere(id));
    }
    if token.node_id.is_some() {
        // A token that lies around must not undo what an admin did since.
        let late = |at| at >= token.created_at_ms;
        return match row.revoked_at_ms.is_some_and(late) {
            true => Err(Error::Revoked(id)),
            false => Ok(()),
        };
    }
    // The reason for a revocation may be that somebody else has the key.
    if row.revoked_at_ms.is_some() {
        return Err(Error::Revoked(id));
    }
    let text = format!("{id}\n{}\n{key}", token.id);
    let mut keys = std::iter::once(&row.public_key).chain(&row.pending_key);
    match keys.any(|old| credential::proves(old, &text, &ask.former_proof)) {
        true => Ok(()),
        false => Err(Error::Unproven(id)),
    }
}

async fn audit(
    db: &impl ConnectionTrait,
    node: NodeId,
    diff: &serde_json::Value,
    now_ms: i64,
) -> Result<(), DbErr> {
    let row = audit_log::ActiveModel {
        id: Set(fresh_id()),
        at_ms: Set(now_ms),
        actor_kind: Set("node".into()),
        actor_id: Set(Some(node.to_string())),
        action: Set("node.join".into()),
        resource_kind: Set("node".into()),
        resource_id: Set(Some(node.to_string())),
        server_id: Set(None),
        address: Set(None),
        diff: Set(Some(diff.clone())),
        seq: Set(None),
        seal: Set(None),
    };
    audit_log::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Keeps the id; the old key is refused in the same transaction. The fork check begins anew: the old key or an
/// admin's token vouches for this machine.
async fn rejoin(
    db: &impl ConnectionTrait,
    node: NodeId,
    row: &nodes::Model,
    token: &join_tokens::Model,
    key: &str,
    host: &wire::HostFacts,
    now_ms: i64,
) -> Result<(), DbErr> {
    credential::refuse_keys_of(db, node, row, now_ms).await?;
    let none = Option::<String>::None;
    nodes::Entity::update_many()
        .col_expr(nodes::Column::PublicKey, Expr::value(key))
        .col_expr(nodes::Column::PendingKey, Expr::value(none.clone()))
        .col_expr(nodes::Column::JoinTokenId, Expr::value(token.id.clone()))
        .col_expr(
            nodes::Column::MachineHint,
            Expr::value(tame(&host.hostname, 253)),
        )
        .col_expr(nodes::Column::CurrentBoot, Expr::value(none.clone()))
        .col_expr(nodes::Column::QuarantinedBoot, Expr::value(none.clone()))
        .col_expr(nodes::Column::QuarantinedBecause, Expr::value(none))
        .col_expr(nodes::Column::RevokedAtMs, Expr::value(Option::<i64>::None))
        .col_expr(nodes::Column::Host, Expr::value(convert::host(host)))
        .col_expr(nodes::Column::UpdatedAtMs, Expr::value(now_ms))
        .filter(nodes::Column::Id.eq(node.to_string()))
        .exec(db)
        .await?;
    Ok(())
}

async fn join(
    ground: &Ground,
    db: &impl ConnectionTrait,
    token: &join_tokens::Model,
    ask: &wire::Register,
    key: &str,
    host: &wire::HostFacts,
    now_ms: i64,
) -> Result<NodeId, DbErr> {
    let node = NodeId::new();
    let wish = [&ask.name, &token.name, &host.hostname]
        .into_iter()
        .map(|name| tame(name.trim(), 100))
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| "node".into());
    let hostname = tame(&host.hostname, 253);
    let mut row = nodes::ActiveModel {
        id: Set(node.to_string()),
        name: Set(wish.clone()),
        public_key: Set(key.to_owned()),
        pending_key: Set(None),
        jwt_expires_at_ms: Set(0),
        machine_hint: Set(hostname),
        join_token_id: Set(Some(token.id.clone())),
        rev: Set(0),
        ledger_id: Set(None),
        applied_rev: Set(0),
        current_boot: Set(None),
        next_ordinal: Set(1),
        quarantined_boot: Set(None),
        quarantined_because: Set(None),
        muted_until_ms: Set(None),
        muted_because: Set(None),
        online: Set(false),
        online_since_ms: Set(now_ms),
        last_seen_at_ms: Set(None),
        rtt_ms: Set(None),
        player_address: Set(None),
        host: Set(convert::host(host)),
        conditions: Set(convert::conditions(&host.conditions)),
        load: Set(None),
        journal_bytes: Set(0),
        drops: Set(json!({})),
        labels: Set(token.labels.clone()),
        location_id: Set(None),
        port_first: Set(token.port_first),
        port_last: Set(token.port_last),
        created_at_ms: Set(ground.clock.now_ms()),
        updated_at_ms: Set(now_ms),
        revoked_at_ms: Set(None),
        deleted_at_ms: Set(None),
    };
    // The name is settled by the unique index; the id's tail makes it free.
    let taken = OnConflict::column(nodes::Column::Name)
        .target_and_where(Expr::col(nodes::Column::DeletedAtMs).is_null())
        .do_nothing()
        .to_owned();
    let stored = nodes::Entity::insert(row.clone())
        .on_conflict(taken)
        .exec_without_returning(db)
        .await?;
    if stored == 0 {
        let id = node.to_string();
        row.name = Set(format!("{wish}-{}", &id[id.len() - 6..]));
        nodes::Entity::insert(row)
            .exec_without_returning(db)
            .await?;
    }
    let cursor = node_cursors::ActiveModel {
        node_id: Set(node.to_string()),
        boot_id: Set(None),
        ordinal: Set(0),
        next_seq: Set(1),
    };
    node_cursors::Entity::insert(cursor)
        .exec_without_returning(db)
        .await?;
    Ok(node)
}
