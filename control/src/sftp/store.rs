//! Rows of log-ins by SFTP, and what ends them: their server, their SSH key, their API key.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    QuerySelect, QueryTrait, sea_query::Expr,
};
use warren_entity::{sessions, sftp_logins};

use crate::gate::{self, Ended};

/// Writes one down.
pub(super) async fn add(db: &impl ConnectionTrait, row: sftp_logins::Model) -> Result<(), DbErr> {
    let row = sftp_logins::ActiveModel {
        session_id: Set(row.session_id),
        server_id: Set(row.server_id),
        ssh_key_id: Set(row.ssh_key_id),
        api_key_id: Set(row.api_key_id),
        created_at_ms: Set(row.created_at_ms),
    };
    sftp_logins::Entity::insert(row)
        .exec_without_returning(db)
        .await
        .map(drop)
}

/// Of a session, if it is one.
pub(super) async fn of(
    db: &impl ConnectionTrait,
    session: &str,
) -> Result<Option<sftp_logins::Model>, DbErr> {
    sftp_logins::Entity::find_by_id(session).one(db).await
}

/// Ends all that `which` holds, with their tickets. Everything else of the transaction comes before it.
async fn end(db: &impl ConnectionTrait, which: Condition, now_ms: i64) -> Result<(), DbErr> {
    let theirs = sftp_logins::Entity::find()
        .select_only()
        .column(sftp_logins::Column::SessionId)
        .filter(which)
        .into_query();
    let open: Vec<String> = sessions::Entity::find()
        .select_only()
        .column(sessions::Column::Id)
        .filter(sessions::Column::Id.in_subquery(theirs))
        .filter(sessions::Column::EndedAtMs.is_null())
        .filter(sessions::Column::ExpiresAtMs.gt(now_ms))
        .into_tuple()
        .all(db)
        .await?;
    for some in open.chunks(500) {
        sessions::Entity::update_many()
            .col_expr(sessions::Column::EndedAtMs, Expr::value(now_ms))
            .filter(sessions::Column::Id.is_in(some.to_vec()))
            .exec(db)
            .await?;
    }
    for id in open {
        let id = id
            .parse()
            .map_err(|e| DbErr::Custom(format!("session: {e}")))?;
        gate::end(db, Ended::Session(id), now_ms).await?;
    }
    Ok(())
}

/// Nobody reaches a server's files that was suspended, removed or moved.
/// # Errors
/// Database.
pub async fn end_of_server(
    db: &impl ConnectionTrait,
    server: &str,
    now_ms: i64,
) -> Result<(), DbErr> {
    let which = Condition::all().add(sftp_logins::Column::ServerId.eq(server));
    end(db, which, now_ms).await
}

/// An SSH key was removed.
/// # Errors
/// Database.
pub async fn end_of_ssh_key(
    db: &impl ConnectionTrait,
    key: &str,
    now_ms: i64,
) -> Result<(), DbErr> {
    let which = Condition::all().add(sftp_logins::Column::SshKeyId.eq(key));
    end(db, which, now_ms).await
}

/// An API key was revoked.
/// # Errors
/// Database.
pub async fn end_of_api_key(
    db: &impl ConnectionTrait,
    key: &str,
    now_ms: i64,
) -> Result<(), DbErr> {
    end_of_api_keys(db, &[key.to_owned()], now_ms).await
}

/// Several were.
/// # Errors
/// Database.
pub async fn end_of_api_keys(
    db: &impl ConnectionTrait,
    keys: &[String],
    now_ms: i64,
) -> Result<(), DbErr> {
    let which = Condition::all().add(sftp_logins::Column::ApiKeyId.is_in(keys.to_vec()));
    end(db, which, now_ms).await
}

/// Forgets those whose session is forgotten.
/// # Errors
/// Database.
pub async fn prune(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    let kept = sessions::Entity::find()
        .select_only()
        .column(sessions::Column::Id)
        .into_query();
    let gone = sftp_logins::Entity::delete_many()
        .filter(sftp_logins::Column::SessionId.not_in_subquery(kept))
        .exec(db)
        .await?;
    Ok(gone.rows_affected)
}
