//! Rows of plans.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
};
use warren_entity::{plans, quotas};

use crate::error::{Error, Result};
use warren_proto::ids::PlanId;

/// One of them.
/// # Errors
/// 404; database.
pub async fn find(db: &impl ConnectionTrait, id: PlanId) -> Result<plans::Model> {
    plans::Entity::find_by_id(id.to_string())
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("plan"))
}

/// One of them, locked: nobody removes it before somebody is on it.
/// # Errors
/// 404; database.
pub async fn locked(db: &impl ConnectionTrait, id: PlanId) -> Result<plans::Model> {
    plans::Entity::find_by_id(id.to_string())
        .lock_exclusive()
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("plan"))
}

/// The one that everybody is on who is on no other.
/// # Errors
/// Database.
pub async fn standard(db: &impl ConnectionTrait) -> Result<Option<plans::Model>, DbErr> {
    plans::Entity::find()
        .filter(plans::Column::Standard.eq(true))
        .one(db)
        .await
}

/// The plan that somebody is on who has this row of a quota, or none.
/// # Errors
/// Database.
pub async fn on(
    db: &impl ConnectionTrait,
    row: Option<&quotas::Model>,
) -> Result<Option<plans::Model>, DbErr> {
    match row {
        Some(row) if row.own => Ok(None),
        Some(quotas::Model {
            plan_id: Some(id), ..
        }) => match plans::Entity::find_by_id(id).one(db).await? {
            Some(plan) => Ok(Some(plan)),
            // Never without bounds because a plan is gone.
            None => standard(db).await,
        },
        _ => standard(db).await,
    }
}

/// How many were put on it.
pub(super) async fn people(db: &impl ConnectionTrait, id: &str) -> Result<u64, DbErr> {
    quotas::Entity::find()
        .filter(quotas::Column::PlanId.eq(id))
        .count(db)
        .await
}
