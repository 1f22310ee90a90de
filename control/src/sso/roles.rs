//! Roles that come with a log-in at another provider: given and taken as its words come and go.

use std::collections::BTreeMap;

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use serde_json::json;
use warren_entity::{grants, linked_logins, roles, users};
use warren_proto::ids::GrantId;

use super::provider::{Provider, Vouched};
use crate::{
    access::{Key, Reach},
    audit::Entry,
    auth::Peer,
    error::Result,
};

const DAY_MS: i64 = 24 * 3600 * 1000;

async fn of(db: &impl ConnectionTrait, login: &linked_logins::Model) -> Result<Vec<grants::Model>> {
    Ok(grants::Entity::find()
        .filter(grants::Column::LoginId.eq(&*login.id))
        .all(db)
        .await?)
}

async fn note(
    db: &impl ConnectionTrait,
    peer: &Peer,
    login: &linked_logins::Model,
    role: &str,
    what: &str,
    now_ms: i64,
) -> Result<()> {
    Entry::of(Key::RoleGrant, "user", &login.user_id)
        .with(json!({
            "role": role,
            "what": what,
            "reach": "everything",
            "provider": login.provider,
        }))
        .by_nobody(db, peer, now_ms)
        .await?;
    Ok(())
}

/// Takes all roles of a log-in. True when there were some.
pub(super) async fn drop_all(
    db: &impl ConnectionTrait,
    peer: &Peer,
    login: &linked_logins::Model,
    now_ms: i64,
) -> Result<bool> {
    let have = of(db, login).await?;
    for row in &have {
        grants::Entity::delete_by_id(&*row.id).exec(db).await?;
        note(db, peer, login, &row.role_id, "taken", now_ms).await?;
    }
    Ok(!have.is_empty())
}

/// Makes the roles of a log-in those that its words name. True when one was taken away: tickets of the person hold more
/// than they have now.
pub(super) async fn follow(
    db: &impl ConnectionTrait,
    peer: &Peer,
    provider: &Provider,
    vouched: &Vouched,
    login: &linked_logins::Model,
    now_ms: i64,
) -> Result<bool> {
    // Who never comes that way again does not keep them.
    let ends_ms = now_ms + i64::from(provider.config.roles_days) * DAY_MS;
    let names = vouched
        .words
        .iter()
        .filter_map(|word| provider.config.roles.get(word));
    let names: std::collections::BTreeSet<&String> = names.collect();
    let wanted: BTreeMap<String, String> = if names.is_empty() {
        BTreeMap::new()
    } else {
        let rows = roles::Entity::find()
            .filter(roles::Column::Name.is_in(names.iter().map(|name| name.as_str())))
            .all(db)
            .await?;
        rows.into_iter().map(|row| (row.id, row.name)).collect()
    };
    for name in names {
        if !wanted.values().any(|known| known == name) {
            tracing::warn!(provider = %provider.id, role = %name, "[sso] names a role that there is not");
        }
    }
    let have = of(db, login).await?;
    let mut taken = false;
    for row in &have {
        if wanted.contains_key(&row.role_id) {
            grants::Entity::update_many()
                .col_expr(grants::Column::ExpiresAtMs, Expr::value(ends_ms))
                .filter(grants::Column::Id.eq(&*row.id))
                .exec(db)
                .await?;
        } else {
            grants::Entity::delete_by_id(&*row.id).exec(db).await?;
            note(db, peer, login, &row.role_id, "taken", now_ms).await?;
            taken = true;
        }
    }
    let missing = |role: &&String| !have.iter().any(|row| row.role_id == **role);
    let missing: Vec<&String> = wanted.keys().filter(missing).collect();
    for role in missing {
        let (kind, target) = Reach::Everything.stored();
        // What was given by hand and has ended would stand in its way for ever.
        grants::Entity::delete_many()
            .filter(grants::Column::UserId.eq(&*login.user_id))
            .filter(grants::Column::RoleId.eq(role))
            .filter(grants::Column::Reach.eq(kind))
            .filter(grants::Column::ExpiresAtMs.lte(now_ms))
            .exec(db)
            .await?;
        let row = grants::ActiveModel {
            id: Set(GrantId::new().to_string()),
            user_id: Set(login.user_id.clone()),
            role_id: Set(role.clone()),
            reach: Set(kind.into()),
            reach_id: Set(target),
            expires_at_ms: Set(Some(ends_ms)),
            created_by: Set(None),
            created_at_ms: Set(now_ms),
            login_id: Set(Some(login.id.clone())),
        };
        // What somebody gave them by hand stays theirs when the word goes.
        let given = grants::Entity::insert(row)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(db)
            .await;
        match given {
            Ok(1) => note(db, peer, login, role, "given", now_ms).await?,
            Ok(_) | Err(DbErr::RecordNotInserted) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if !wanted.is_empty() {
        users::Entity::update_many()
            .col_expr(users::Column::Granted, Expr::value(true))
            .filter(users::Column::Id.eq(&*login.user_id))
            .exec(db)
            .await?;
    }
    Ok(taken)
}
