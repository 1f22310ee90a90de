//! Rows of log-ins.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};
use warren_entity::{sessions, users};

use crate::gate::{self, Ended};

/// Somebody by name or e-mail address, whatever the case.
/// # Errors
/// Database.
pub async fn user_by_login(
    db: &impl ConnectionTrait,
    login: &str,
) -> Result<Option<users::Model>, DbErr> {
    let folded = login.trim().to_lowercase();
    users::Entity::find()
        .filter(users::Column::DeletedAtMs.is_null())
        .filter(
            Condition::any()
                .add(users::Column::UsernameFolded.eq(&folded))
                .add(users::Column::EmailFolded.eq(&folded)),
        )
        .one(db)
        .await
}

/// Whether somebody has logged in from there before.
/// # Errors
/// Database.
pub async fn known_address(
    db: &impl ConnectionTrait,
    user: &str,
    address: &str,
) -> Result<bool, DbErr> {
    let row = sessions::Entity::find()
        .filter(sessions::Column::UserId.eq(user))
        .filter(sessions::Column::Address.eq(address))
        .one(db)
        .await?;
    Ok(row.is_some())
}

/// Whether somebody has logged in with such a browser before.
/// # Errors
/// Database.
pub async fn known_browser(
    db: &impl ConnectionTrait,
    user: &str,
    user_agent: &str,
) -> Result<bool, DbErr> {
    let row = sessions::Entity::find()
        .filter(sessions::Column::UserId.eq(user))
        .filter(sessions::Column::UserAgent.eq(user_agent))
        .one(db)
        .await?;
    Ok(row.is_some())
}

/// Whether somebody has ever logged in.
/// # Errors
/// Database.
pub async fn has_logged_in(db: &impl ConnectionTrait, user: &str) -> Result<bool, DbErr> {
    let row = sessions::Entity::find()
        .filter(sessions::Column::UserId.eq(user))
        .one(db)
        .await?;
    Ok(row.is_some())
}

/// Log-ins that have not ended, the newest first; at most 100.
/// # Errors
/// Database.
pub async fn active(
    db: &impl ConnectionTrait,
    user: &str,
    now_ms: i64,
) -> Result<Vec<sessions::Model>, DbErr> {
    sessions::Entity::find()
        .filter(sessions::Column::UserId.eq(user))
        .filter(sessions::Column::EndedAtMs.is_null())
        .filter(sessions::Column::ExpiresAtMs.gt(now_ms))
        .order_by_desc(sessions::Column::Id)
        .limit(100)
        .all(db)
        .await
}

/// Writes one down.
/// # Errors
/// Database.
pub async fn add(db: &impl ConnectionTrait, row: sessions::Model) -> Result<(), DbErr> {
    let row = sessions::ActiveModel {
        id: Set(row.id),
        user_id: Set(row.user_id),
        token_hash: Set(row.token_hash),
        created_at_ms: Set(row.created_at_ms),
        last_seen_at_ms: Set(row.last_seen_at_ms),
        expires_at_ms: Set(row.expires_at_ms),
        ended_at_ms: Set(row.ended_at_ms),
        address: Set(row.address),
        user_agent: Set(row.user_agent),
        two_steps: Set(row.two_steps),
    };
    sessions::Entity::insert(row)
        .exec_without_returning(db)
        .await
        .map(drop)
}

/// Notes that a log-in was used; it lasts `idle_ms` from now on. One that has ended stays ended: a log-out in
/// between wins.
/// # Errors
/// Database.
pub async fn seen(
    db: &impl ConnectionTrait,
    session: &str,
    now_ms: i64,
    idle_ms: i64,
) -> Result<(), DbErr> {
    sessions::Entity::update_many()
        .col_expr(sessions::Column::LastSeenAtMs, Expr::value(now_ms))
        .col_expr(
            sessions::Column::ExpiresAtMs,
            Expr::value(now_ms.saturating_add(idle_ms)),
        )
        .filter(sessions::Column::Id.eq(session))
        .filter(sessions::Column::EndedAtMs.is_null())
        .filter(sessions::Column::ExpiresAtMs.gt(now_ms))
        .exec(db)
        .await?;
    Ok(())
}

/// Ends every log-in of a user; whoever calls ends their tickets as a whole.
/// # Errors
/// Database.
pub async fn end_all(db: &impl ConnectionTrait, user: &str, now_ms: i64) -> Result<(), DbErr> {
    sessions::Entity::update_many()
        .col_expr(sessions::Column::EndedAtMs, Expr::value(now_ms))
        .filter(sessions::Column::UserId.eq(user))
        .filter(sessions::Column::EndedAtMs.is_null())
        .exec(db)
        .await?;
    Ok(())
}

/// Ends every log-in of a user but this one, with their tickets.
/// # Errors
/// Database.
pub async fn end_others(
    db: &impl ConnectionTrait,
    user: &str,
    this: &str,
    now_ms: i64,
) -> Result<(), DbErr> {
    let others: Vec<String> = sessions::Entity::find()
        .filter(sessions::Column::UserId.eq(user))
        .filter(sessions::Column::EndedAtMs.is_null())
        .filter(sessions::Column::Id.ne(this))
        .select_only()
        .column(sessions::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    sessions::Entity::update_many()
        .col_expr(sessions::Column::EndedAtMs, Expr::value(now_ms))
        .filter(sessions::Column::Id.is_in(others.clone()))
        .exec(db)
        .await?;
    // Whoever locks the counter of revocations locks no log-in any more.
    for other in others {
        let id = other
            .parse()
            .map_err(|e| DbErr::Custom(format!("session: {e}")))?;
        gate::end(db, Ended::Session(id), now_ms).await?;
    }
    Ok(())
}

/// Ends one log-in of a user, with its tickets. Says whether there was one.
/// # Errors
/// Database.
pub async fn end(
    db: &impl ConnectionTrait,
    user: &str,
    session: &str,
    now_ms: i64,
) -> Result<bool, DbErr> {
    let ended = sessions::Entity::update_many()
        .col_expr(sessions::Column::EndedAtMs, Expr::value(now_ms))
        .filter(sessions::Column::Id.eq(session))
        .filter(sessions::Column::UserId.eq(user))
        .filter(sessions::Column::EndedAtMs.is_null())
        .exec(db)
        .await?;
    if ended.rows_affected == 0 {
        return Ok(false);
    }
    let id = session
        .parse()
        .map_err(|e| DbErr::Custom(format!("session: {e}")))?;
    gate::end(db, Ended::Session(id), now_ms).await?;
    Ok(true)
}
