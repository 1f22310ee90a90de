//! Rows of log-ins at other providers.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, SqlErr, sea_query::Expr,
};
use warren_entity::{
    grants,
    linked_logins::{self, Column, Entity, Model},
};
use warren_proto::ids::LinkedLoginId;

use super::provider::{Provider, Vouched};
use crate::{error::Result, text::tame};

/// Connected log-ins of one person.
pub(super) const MOST: u64 = 20;

/// Whose log-in it is.
pub(super) async fn find(
    db: &impl ConnectionTrait,
    issuer: &str,
    subject: &str,
) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::Issuer.eq(issuer))
        .filter(Column::Subject.eq(subject))
        .one(db)
        .await
}

/// All of one person's, the newest first.
pub(super) async fn of(db: &impl ConnectionTrait, user: &str) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::UserId.eq(user))
        .order_by_desc(Column::Id)
        .limit(MOST)
        .all(db)
        .await
}

/// How many a person has.
/// # Errors
/// Database.
pub async fn count(db: &impl ConnectionTrait, user: &str) -> Result<u64, DbErr> {
    Entity::find()
        .filter(Column::UserId.eq(user))
        .count(db)
        .await
}

/// What it is called here.
fn name(vouched: &Vouched) -> String {
    let shown = vouched.email.as_ref().or(vouched.username.as_ref());
    let shown = shown.or(vouched.name.as_ref()).unwrap_or(&vouched.subject);
    tame(shown, 128)
}

/// Connects one with a person; none when somebody was quicker.
pub(super) async fn connect(
    db: &impl ConnectionTrait,
    provider: &Provider,
    vouched: &Vouched,
    user: &str,
    by_address: bool,
    now_ms: i64,
) -> Result<Option<Model>, DbErr> {
    let row = Model {
        id: LinkedLoginId::new().to_string(),
        user_id: user.to_owned(),
        provider: provider.id.clone(),
        issuer: vouched.issuer.clone(),
        subject: vouched.subject.clone(),
        name: name(vouched),
        by_address,
        created_at_ms: now_ms,
        last_used_at_ms: None,
    };
    let active = linked_logins::ActiveModel {
        id: Set(row.id.clone()),
        user_id: Set(row.user_id.clone()),
        provider: Set(row.provider.clone()),
        issuer: Set(row.issuer.clone()),
        subject: Set(row.subject.clone()),
        name: Set(row.name.clone()),
        by_address: Set(by_address),
        created_at_ms: Set(now_ms),
        last_used_at_ms: Set(None),
    };
    match Entity::insert(active).exec_without_returning(db).await {
        Ok(_) => Ok(Some(row)),
        Err(error) => match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Ok(None),
            _ => Err(error),
        },
    }
}

/// Notes a log-in with it; false when it is not connected any more.
pub(super) async fn used(
    db: &impl ConnectionTrait,
    row: &Model,
    provider: &Provider,
    vouched: &Vouched,
    now_ms: i64,
) -> Result<bool, DbErr> {
    let done = Entity::update_many()
        .col_expr(Column::Provider, Expr::value(&*provider.id))
        .col_expr(Column::Name, Expr::value(name(vouched)))
        .col_expr(Column::LastUsedAtMs, Expr::value(now_ms))
        .filter(Column::Id.eq(&*row.id))
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Its owner has connected it with their password.
pub(super) async fn confirm(db: &impl ConnectionTrait, id: &str) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::ByAddress, Expr::value(false))
        .filter(Column::Id.eq(id))
        .exec(db)
        .await
        .map(drop)
}

/// Takes one away; its roles are taken before.
pub(super) async fn remove(db: &impl ConnectionTrait, id: &str) -> Result<(), DbErr> {
    Entity::delete_by_id(id).exec(db).await.map(drop)
}

/// Takes all of somebody's away, with the roles that came with them; whoever calls ends their tickets.
/// # Errors
/// Database.
pub async fn forget(db: &impl ConnectionTrait, user: &str) -> Result<(), DbErr> {
    for row in of(db, user).await? {
        drop_one(db, &row).await?;
    }
    Ok(())
}

/// As [`forget`], but for those that a provider's word about the address made: somebody who had got in may have connected
/// the others.
/// # Errors
/// Database.
pub async fn forget_connected(db: &impl ConnectionTrait, user: &str) -> Result<(), DbErr> {
    for row in of(db, user).await?.iter().filter(|row| !row.by_address) {
        drop_one(db, row).await?;
    }
    Ok(())
}

/// The other half: those that a provider's word about the address made.
/// # Errors
/// Database.
pub async fn forget_by_address(db: &impl ConnectionTrait, user: &str) -> Result<(), DbErr> {
    for row in of(db, user).await?.iter().filter(|row| row.by_address) {
        drop_one(db, row).await?;
    }
    Ok(())
}

async fn drop_one(db: &impl ConnectionTrait, row: &Model) -> Result<(), DbErr> {
    grants::Entity::delete_many()
        .filter(grants::Column::LoginId.eq(&*row.id))
        .exec(db)
        .await?;
    remove(db, &row.id).await
}
