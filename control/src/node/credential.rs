//! Credentials of nodes: renewal, rotation, revocation. The database says first what is refused; the bus is
//! told after the commit, again until every server has answered, and on a timer (`push`).

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QuerySelect,
    sea_query::{Expr, OnConflict},
};
use warren_entity::{nodes, pending_keys, revoked_keys};
use warren_proto::{
    bus::{
        accounts::{Account, NODE_TTL_S},
        jwt,
    },
    ids::NodeId,
    wire,
};

use crate::{
    app::Ground,
    db::Lane,
    outbox::{self, Event},
};

/// A key that was asked for has so long to speak before another takes its place.
const PENDING_MS: i64 = 10 * 60_000;
/// Refused keys of one node that still count: more than one rotation in some weeks leaves.
const MOST_REFUSED: u64 = 8;

/// Why a credential was not given.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Gone or revoked.
    #[error("this node was removed or revoked: join again with a new token")]
    Refused,
    /// Another key is on its way.
    #[error(
        "a new key was asked for less than ten minutes ago and has not spoken: use that one, or wait"
    )]
    TooSoon,
    /// Rotated far too often.
    #[error("too many keys of this node are refused already: renew the one in use")]
    TooMany,
    /// The key is no user key, or its proof does not fit.
    #[error("the public key or its proof can't be taken")]
    Proof,
    /// Signing.
    #[error("credential: {0}")]
    Jwt(#[from] jwt::Error),
    /// Database.
    #[error("credential: {0}")]
    Database(#[from] DbErr),
}

/// Whether `proof` is a signature of `text` with the user key `public_key`.
#[must_use]
pub fn proves(public_key: &str, text: &str, proof: &[u8]) -> bool {
    jwt::user_key(public_key)
        .ok()
        .and_then(|key| nkeys::KeyPair::from_public_key(&key).ok())
        .is_some_and(|key| key.verify(text.as_bytes(), proof).is_ok())
}

/// Enters a key into the list of refused ones; older JWTs for it are refused from now on.
/// # Errors
/// Database.
pub async fn refuse(
    db: &impl ConnectionTrait,
    account: Account,
    public_key: &str,
    node: Option<NodeId>,
    expires_at_ms: i64,
    now_ms: i64,
) -> Result<(), DbErr> {
    let row = revoked_keys::ActiveModel {
        public_key: Set(public_key.to_owned()),
        account: Set(account.name().to_owned()),
        node_id: Set(node.map(|n| n.to_string())),
        revoked_at_s: Set(now_ms / 1000),
        expires_at_ms: Set(expires_at_ms),
    };
    let later = OnConflict::column(revoked_keys::Column::PublicKey)
        .update_columns([
            revoked_keys::Column::RevokedAtS,
            revoked_keys::Column::ExpiresAtMs,
        ])
        .to_owned();
    revoked_keys::Entity::insert(row)
        .on_conflict(later)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Signs a JWT for a node's key. Gives it and its end in Unix milliseconds.
/// # Errors
/// A key that is no user key.
pub fn mint(ground: &Ground, node: NodeId, public_key: &str) -> Result<(String, i64), jwt::Error> {
    let now_s = ground.clock.now_s();
    let exp = now_s + NODE_TTL_S;
    let jwt = ground.keys.realm.mint_node(node, public_key, now_s, exp)?;
    Ok((jwt, exp * 1000))
}

/// `ask.renew`: a new JWT, for the same key or (rotation) for a new one. Until the new key has spoken both
/// are good: an agent killed in between still gets in.
///
/// Each refused key stays in the account's JWT until the last credential for it ends, and that JWT must fit into
/// one message: so a node has one unused key in ten minutes, and few refused ones at a time.
/// # Errors
/// [`Error`].
pub async fn renew(
    ground: &Ground,
    node: NodeId,
    ask: &wire::Renew,
) -> Result<wire::Renewed, Error> {
    let key = jwt::user_key(&ask.public_key).map_err(|_| Error::Proof)?;
    let tx = ground.db.begin(Lane::Machines).await?;
    let row = nodes::Entity::find_by_id(node.to_string())
        .filter(nodes::Column::DeletedAtMs.is_null())
        .filter(nodes::Column::RevokedAtMs.is_null())
        .lock_exclusive()
        .one(&*tx)
        .await?
        .ok_or(Error::Refused)?;
    let pending = pending_of(&*tx, &row).await?;
    let is_pending = pending.as_ref().is_some_and(|p| p.public_key == key);
    let known = row.public_key == key || is_pending;
    if !known && !proves(&key, &format!("{node}\n{key}"), &ask.proof) {
        return Err(Error::Proof);
    }
    let refused = revoked_keys::Entity::find_by_id(&*key).one(&*tx).await?;
    if refused.is_some() {
        return Err(Error::Refused);
    }
    let (jwt, until) = mint(ground, node, &key)?;
    if row.public_key == key {
        lasts_until(&*tx, &row.id, until).await?;
    } else {
        let now_ms = ground.clock.now_ms();
        let mut since_ms = now_ms;
        match &pending {
            Some(same) if is_pending => since_ms = same.since_ms,
            _ => rotate(&*tx, node, pending.as_ref(), now_ms).await?,
        }
        let fresh = pending_keys::Model {
            node_id: row.id.clone(),
            public_key: key,
            since_ms,
            expires_at_ms: until,
        };
        await_word(&*tx, fresh).await?;
    }
    tx.commit().await?;
    Ok(wire::Renewed {
        jwt,
        jwt_expires_at_ms: until,
    })
}

/// A hello that says which key it came with. The server's own notice of the connection is told once and to
/// whoever listens at that moment: without this, a control that was away then would leave the old key good.
/// # Errors
/// Database.
pub async fn introduced(ground: &Ground, node: NodeId, hello: &wire::Hello) -> Result<(), DbErr> {
    let key = &hello.public_key;
    let text = format!("{node}\n{}\n{key}", hello.boot);
    if key.is_empty() || !proves(key, &text, &hello.key_proof) {
        return Ok(());
    }
    spoke(ground, node, key).await
}

async fn lasts_until(db: &impl ConnectionTrait, node_id: &str, until: i64) -> Result<(), DbErr> {
    nodes::Entity::update_many()
        .col_expr(nodes::Column::JwtExpiresAtMs, Expr::value(until))
        .filter(nodes::Column::Id.eq(node_id))
        .exec(db)
        .await?;
    Ok(())
}

/// The key that this node has asked for and not spoken with.
async fn pending_of(
    db: &impl ConnectionTrait,
    row: &nodes::Model,
) -> Result<Option<pending_keys::Model>, DbErr> {
    let Some(key) = &row.pending_key else {
        return Ok(None);
    };
    let known = pending_keys::Entity::find_by_id(&*row.id)
        .filter(pending_keys::Column::PublicKey.eq(key))
        .one(db)
        .await?;
    // One from before there was a row for it: the newest JWT was its.
    Ok(Some(known.unwrap_or_else(|| pending_keys::Model {
        node_id: row.id.clone(),
        public_key: key.clone(),
        since_ms: 0,
        expires_at_ms: row.jwt_expires_at_ms,
    })))
}

/// Makes room for a new key: the unused one before it is refused.
async fn rotate(
    db: &impl ConnectionTrait,
    node: NodeId,
    unused: Option<&pending_keys::Model>,
    now_ms: i64,
) -> Result<(), Error> {
    if unused.is_some_and(|key| now_ms < key.since_ms + PENDING_MS) {
        return Err(Error::TooSoon);
    }
    let refused = revoked_keys::Entity::find()
        .filter(revoked_keys::Column::NodeId.eq(node.to_string()))
        .filter(revoked_keys::Column::ExpiresAtMs.gt(now_ms))
        .count(db)
        .await?;
    if refused >= MOST_REFUSED {
        return Err(Error::TooMany);
    }
    if let Some(unused) = unused {
        let (key, end) = (&unused.public_key, unused.expires_at_ms);
        refuse(db, Account::Edge, key, Some(node), end, now_ms).await?;
    }
    Ok(())
}

async fn await_word(db: &impl ConnectionTrait, key: pending_keys::Model) -> Result<(), DbErr> {
    nodes::Entity::update_many()
        .col_expr(
            nodes::Column::PendingKey,
            Expr::value(Some(key.public_key.clone())),
        )
        .filter(nodes::Column::Id.eq(&*key.node_id))
        .exec(db)
        .await?;
    let replace = OnConflict::column(pending_keys::Column::NodeId)
        .update_columns([
            pending_keys::Column::PublicKey,
            pending_keys::Column::SinceMs,
            pending_keys::Column::ExpiresAtMs,
        ])
        .to_owned();
    pending_keys::Entity::insert(key.into_active_model())
        .on_conflict(replace)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// A connection with this key was made. If it is the pending one, the old key is refused from now on.
/// # Errors
/// Database.
pub async fn spoke(ground: &Ground, node: NodeId, user_key: &str) -> Result<(), DbErr> {
    let pending = nodes::Entity::find_by_id(node.to_string())
        .filter(nodes::Column::PendingKey.eq(user_key))
        .one(ground.db.read())
        .await?;
    if pending.is_none() {
        return Ok(());
    }
    let tx = ground.db.begin(Lane::Machines).await?;
    let row = nodes::Entity::find_by_id(node.to_string())
        .filter(nodes::Column::PendingKey.eq(user_key))
        .lock_exclusive()
        .one(&*tx)
        .await?;
    let Some(row) = row else { return Ok(()) };
    let Some(speaks) = pending_of(&*tx, &row).await? else {
        return Ok(());
    };
    let now_ms = ground.clock.now_ms();
    nodes::Entity::update_many()
        .col_expr(nodes::Column::PublicKey, Expr::value(user_key))
        .col_expr(
            nodes::Column::PendingKey,
            Expr::value(Option::<String>::None),
        )
        .col_expr(
            nodes::Column::JwtExpiresAtMs,
            Expr::value(speaks.expires_at_ms),
        )
        .filter(nodes::Column::Id.eq(&*row.id))
        .exec(&*tx)
        .await?;
    // Until the end of what was issued for it, and no longer.
    refuse(
        &*tx,
        Account::Edge,
        &row.public_key,
        Some(node),
        row.jwt_expires_at_ms,
        now_ms,
    )
    .await?;
    tx.commit().await?;
    ground.nudges.revoked();
    tracing::info!(node.id = %node, "node {node} speaks with its new key; the old one is refused");
    Ok(())
}

/// Refuses every key that a node has, each until the end of what was issued for it. Its row must be locked by
/// the transaction.
/// # Errors
/// Database.
pub async fn refuse_keys_of(
    db: &impl ConnectionTrait,
    node: NodeId,
    row: &nodes::Model,
    now_ms: i64,
) -> Result<(), DbErr> {
    let (key, end) = (&row.public_key, row.jwt_expires_at_ms);
    refuse(db, Account::Edge, key, Some(node), end, now_ms).await?;
    if let Some(pending) = pending_of(db, row).await? {
        let (key, end) = (&pending.public_key, pending.expires_at_ms);
        refuse(db, Account::Edge, key, Some(node), end, now_ms).await?;
    }
    Ok(())
}

/// Takes a node's credential away. Its games go on; it is shut out within a second.
/// # Errors
/// Database. `Ok(false)` for a node that is unknown or revoked already.
pub async fn revoke(ground: &Ground, node: NodeId) -> Result<bool, DbErr> {
    let now_ms = ground.clock.now_ms();
    let tx = ground.db.begin(Lane::People).await?;
    let revoked = revoke_in(&*tx, node, now_ms).await?;
    tx.commit().await?;
    ground.nudges.revoked();
    ground.nudges.outbox();
    Ok(revoked)
}

/// As [`revoke`], within a transaction; nudge `revoked` and `outbox` after the commit.
/// # Errors
/// Database.
pub async fn revoke_in(
    db: &impl ConnectionTrait,
    node: NodeId,
    now_ms: i64,
) -> Result<bool, DbErr> {
    let row = nodes::Entity::find_by_id(node.to_string())
        .filter(nodes::Column::RevokedAtMs.is_null())
        .lock_exclusive()
        .one(db)
        .await?;
    let Some(row) = row else { return Ok(false) };
    refuse_keys_of(db, node, &row, now_ms).await?;
    nodes::Entity::update_many()
        .col_expr(nodes::Column::RevokedAtMs, Expr::value(now_ms))
        .col_expr(
            nodes::Column::PendingKey,
            Expr::value(Option::<String>::None),
        )
        .col_expr(nodes::Column::Online, Expr::value(false))
        .col_expr(nodes::Column::OnlineSinceMs, Expr::value(now_ms))
        .filter(nodes::Column::Id.eq(&*row.id))
        .exec(db)
        .await?;
    outbox::write(
        db,
        Event::of_node(
            node,
            "revoked",
            now_ms,
            serde_json::json!({"name": row.name}),
        ),
    )
    .await?;
    Ok(true)
}
