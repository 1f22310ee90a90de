//! Credentials of nodes: renewal, rotation, revocation. The database says first what is refused; the bus is
//! told after the commit, again until every server has answered, and on a timer (`push`).

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use warren_entity::{nodes, revoked_keys};
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

/// Why a credential was not given.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Gone or revoked.
    #[error("this node was removed or revoked: join again with a new token")]
    Refused,
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
    let known = row.public_key == key || row.pending_key.as_deref() == Some(&*key);
    if !known && !proves(&key, &format!("{node}\n{key}"), &ask.proof) {
        return Err(Error::Proof);
    }
    let refused = revoked_keys::Entity::find_by_id(&*key).one(&*tx).await?;
    if refused.is_some() {
        return Err(Error::Refused);
    }
    let (jwt, until) = mint(ground, node, &key)?;
    let mut update = nodes::Entity::update_many()
        .col_expr(nodes::Column::JwtExpiresAtMs, Expr::value(until))
        .filter(nodes::Column::Id.eq(&*row.id));
    if !known {
        if let Some(unused) = &row.pending_key {
            refuse(
                &*tx,
                Account::Edge,
                unused,
                Some(node),
                row.jwt_expires_at_ms,
                ground.clock.now_ms(),
            )
            .await?;
        }
        update = update.col_expr(nodes::Column::PendingKey, Expr::value(Some(key)));
    }
    update.exec(&*tx).await?;
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
    let now_ms = ground.clock.now_ms();
    nodes::Entity::update_many()
        .col_expr(nodes::Column::PublicKey, Expr::value(user_key))
        .col_expr(
            nodes::Column::PendingKey,
            Expr::value(Option::<String>::None),
        )
        .filter(nodes::Column::Id.eq(&*row.id))
        .exec(&*tx)
        .await?;
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
    for key in std::iter::once(&row.public_key).chain(&row.pending_key) {
        refuse(
            db,
            Account::Edge,
            key,
            Some(node),
            row.jwt_expires_at_ms,
            now_ms,
        )
        .await?;
    }
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
