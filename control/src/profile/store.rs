//! Rows of profiles, and who has a server in common with whom.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, JoinType, QueryFilter,
    QuerySelect, RelationDef, sea_query,
};
use warren_entity::{avatars, profiles, servers, subusers};

use super::dto::{MailChoices, Profile};
use crate::language::Language;

/// What somebody wants of mail, and in which language.
/// # Errors
/// Database.
pub async fn choices(
    db: &impl ConnectionTrait,
    user: &str,
) -> Result<(MailChoices, Option<Language>), DbErr> {
    let profile = Profile::from(profiles::Entity::find_by_id(user).one(db).await?);
    Ok((profile.mail, profile.language))
}

/// Takes all of somebody's away.
/// # Errors
/// Database.
pub async fn forget(db: &impl ConnectionTrait, user: &str) -> Result<(), DbErr> {
    profiles::Entity::delete_by_id(user).exec(db).await?;
    avatars::Entity::delete_by_id(user).exec(db).await?;
    Ok(())
}

/// Their rights on the server have not ended.
fn lasting(now_ms: i64) -> Condition {
    Condition::any()
        .add(subusers::Column::ExpiresAtMs.is_null())
        .add(subusers::Column::ExpiresAtMs.gt(now_ms))
}

/// Whether one of them shares a server with the other, or somebody shares one with both. Starts from the few rows of `one`.
pub(super) async fn have_in_common(
    db: &impl ConnectionTrait,
    one: &str,
    other: &str,
    now_ms: i64,
) -> Result<bool, DbErr> {
    let mut shared = Vec::new();
    for (owner, guest) in [(one, other), (other, one)] {
        let join: RelationDef = subusers::Entity::belongs_to(servers::Entity)
            .from(subusers::Column::ServerId)
            .to(servers::Column::Id)
            .into();
        let found = subusers::Entity::find()
            .join(JoinType::InnerJoin, join)
            .filter(subusers::Column::UserId.eq(guest))
            .filter(servers::Column::OwnerId.eq(owner))
            .filter(servers::Column::DeletedAtMs.is_null())
            .filter(lasting(now_ms))
            .one(db)
            .await?;
        shared.push(found.is_some());
    }
    if shared.contains(&true) {
        return Ok(true);
    }
    let theirs = sea_query::Query::select()
        .column(subusers::Column::ServerId)
        .from(subusers::Entity)
        .and_where(subusers::Column::UserId.eq(other))
        .cond_where(lasting(now_ms))
        .to_owned();
    let both = subusers::Entity::find()
        .filter(subusers::Column::UserId.eq(one))
        .filter(lasting(now_ms))
        .filter(subusers::Column::ServerId.in_subquery(theirs))
        .one(db)
        .await?;
    Ok(both.is_some())
}
