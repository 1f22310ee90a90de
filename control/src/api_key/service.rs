//! Personal API keys: made in a browser, shown once, stored as a hash.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use serde_json::json;
use warren_entity::{api_keys, users};
use warren_proto::ids::ApiKeyId;

use super::dto::{ApiKey, ApiKeyCreate, ApiKeyCreated};
use crate::{
    access::KeySet,
    app::{App, Ground},
    audit::Entry,
    auth::{
        Caller, Networks,
        secret::{self, Secret},
    },
    db::Lane,
    error::{Error, Fields, Result},
    gate::{self, Ended},
    http::Page,
    sftp,
    text::tame,
};

/// Keys that one person may have.
const MOST: u64 = 100;
/// `wrn_usr_` and the first four random characters.
const SHOWN: usize = 12;
/// Addresses and networks of one key.
const MOST_ADDRESSES: usize = 32;
/// What every credential may do anyway.
const PER_MINUTE: i32 = 3000;

/// One's own keys, the newest first.
/// # Errors
/// Database.
pub async fn list(app: &App, caller: &Caller) -> Result<Page<ApiKey>> {
    let rows = api_keys::Entity::find()
        .filter(api_keys::Column::UserId.eq(&*caller.user.id))
        .filter(api_keys::Column::RevokedAtMs.is_null())
        .order_by_desc(api_keys::Column::Id)
        .limit(MOST)
        .all(app.db.read())
        .await?;
    Ok(Page::whole(rows.into_iter().map(Into::into).collect()))
}

/// Makes a key.
/// # Errors
/// 422 for a bad name or an end in the past, 409 when there are too many.
pub async fn create(app: &App, caller: &Caller, req: ApiKeyCreate) -> Result<ApiKeyCreated> {
    let now_ms = app.clock.now_ms();
    let mut fields = Fields::new();
    let name = fields.line("name", &req.name, 64);
    if let Some(at) = req.expires_at {
        fields.check(at.0 > now_ms, "expires_at", "past", "lies in the past");
    }
    let keys = req.keys.as_ref().map(|keys| {
        fields.check(
            !keys.is_empty(),
            "keys",
            "required",
            "names no permission key; leave it out for all",
        );
        json!(KeySet::asked(&mut fields, "keys", keys).names())
    });
    let addresses = req.addresses.as_ref().map(|list| {
        check_addresses(&mut fields, list);
        json!(list)
    });
    if let Some(rate) = req.requests_per_minute {
        let fits = (1..=PER_MINUTE).contains(&rate);
        let text = format!("is a number from 1 to {PER_MINUTE}");
        fields.check(fits, "requests_per_minute", "out_of_range", text);
    }
    fields.finish()?;
    let secret = secret::api_key()?;
    let id = ApiKeyId::new();
    let row = api_keys::Model {
        id: id.to_string(),
        user_id: caller.user.id.clone(),
        name,
        prefix: secret.expose().chars().take(SHOWN).collect(),
        secret_hash: secret::hash(secret.expose()),
        created_at_ms: now_ms,
        last_used_at_ms: None,
        expires_at_ms: req.expires_at.map(|at| at.0),
        revoked_at_ms: None,
        keys,
        addresses,
        per_minute: req.requests_per_minute,
    };
    let tx = app.db.begin(Lane::People).await?;
    // Not exact when two come at once, and it need not be: it only keeps the list readable.
    let have = api_keys::Entity::find()
        .filter(api_keys::Column::UserId.eq(&*caller.user.id))
        .filter(api_keys::Column::RevokedAtMs.is_null())
        .count(&*tx)
        .await?;
    if have >= MOST {
        return Err(Error::conflict(
            "too_many_keys",
            format!("you have {have} keys; revoke some that are no longer used"),
        ));
    }
    let active: api_keys::ActiveModel = api_keys::ActiveModel {
        id: Set(row.id.clone()),
        user_id: Set(row.user_id.clone()),
        name: Set(row.name.clone()),
        prefix: Set(row.prefix.clone()),
        secret_hash: Set(row.secret_hash.clone()),
        created_at_ms: Set(now_ms),
        last_used_at_ms: Set(None),
        expires_at_ms: Set(row.expires_at_ms),
        revoked_at_ms: Set(None),
        keys: Set(row.keys.clone()),
        addresses: Set(row.addresses.clone()),
        per_minute: Set(row.per_minute),
    };
    api_keys::Entity::insert(active)
        .exec_without_returning(&*tx)
        .await?;
    Entry::word("api_key.create", "api_key", &row.id)
        .with(json!({
            "name": row.name,
            "expires_at_ms": row.expires_at_ms,
            "keys": row.keys,
            "addresses": row.addresses,
            "per_minute": row.per_minute,
        }))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(ApiKeyCreated {
        key: row.into(),
        secret: secret.expose().to_owned(),
    })
}

fn check_addresses(fields: &mut Fields, list: &[String]) {
    let fits = (1..=MOST_ADDRESSES).contains(&list.len());
    let text = format!("holds 1 to {MOST_ADDRESSES} of them; leave it out for anywhere");
    fields.check(fits, "addresses", "out_of_range", text);
    for (at, text) in list.iter().enumerate().take(MOST_ADDRESSES) {
        fields.check(
            Networks::parse(text).is_some(),
            &format!("addresses.{at}"),
            "invalid",
            "is no address or network like 192.0.2.7 or 2001:db8::/32",
        );
    }
}

/// A key of the oldest admin, for a script that has the database and the key file at hand anyway.
/// # Errors
/// 409 before there is an admin; database.
pub async fn for_script(ground: &Ground, name: &str, expires_ms: i64) -> Result<Secret> {
    let admin = users::Entity::find()
        .filter(users::Column::Admin.eq(true))
        .filter(users::Column::DeletedAtMs.is_null())
        .order_by_asc(users::Column::Id)
        .one(ground.db.read())
        .await?
        .ok_or_else(|| {
            Error::conflict("no_admin", "there is no admin yet: run `admin first-run`")
        })?;
    let now_ms = ground.clock.now_ms();
    let secret = secret::api_key()?;
    let row = api_keys::ActiveModel {
        id: Set(ApiKeyId::new().to_string()),
        user_id: Set(admin.id),
        name: Set(tame(name, 64)),
        prefix: Set(secret.expose().chars().take(SHOWN).collect()),
        secret_hash: Set(secret::hash(secret.expose())),
        created_at_ms: Set(now_ms),
        last_used_at_ms: Set(None),
        expires_at_ms: Set(Some(now_ms.saturating_add(expires_ms))),
        revoked_at_ms: Set(None),
        ..Default::default()
    };
    let tx = ground.db.begin(Lane::People).await?;
    api_keys::Entity::insert(row)
        .exec_without_returning(&*tx)
        .await?;
    tx.commit().await?;
    Ok(secret)
}

/// Revokes every key of somebody; whoever calls ends their tickets as a whole.
/// # Errors
/// Database.
pub async fn end_all(db: &impl ConnectionTrait, user: &str, now_ms: i64) -> Result<(), DbErr> {
    api_keys::Entity::update_many()
        .col_expr(api_keys::Column::RevokedAtMs, Expr::value(now_ms))
        .filter(api_keys::Column::UserId.eq(user))
        .filter(api_keys::Column::RevokedAtMs.is_null())
        .exec(db)
        .await?;
    Ok(())
}

/// Revokes a key, with every ticket that it was given.
/// # Errors
/// 404 for another's; 403 for a key that is for some permission keys alone, but for itself.
pub async fn revoke(app: &App, caller: &Caller, id: ApiKeyId) -> Result<()> {
    let own = caller.session_text() == id.to_string();
    if !own && caller.narrowed {
        return Err(Error::forbidden(
            "forbidden",
            "a key that was made for some permissions alone revokes no other key",
        ));
    }
    let now_ms = app.clock.now_ms();
    let id = id.to_string();
    // Its tickets carry the key's own id as their session.
    let session = id.parse().map_err(Error::internal)?;
    let tx = app.db.begin(Lane::People).await?;
    let revoked = api_keys::Entity::update_many()
        .col_expr(api_keys::Column::RevokedAtMs, Expr::value(now_ms))
        .filter(api_keys::Column::Id.eq(&id))
        .filter(api_keys::Column::UserId.eq(&*caller.user.id))
        .filter(api_keys::Column::RevokedAtMs.is_null())
        .exec(&*tx)
        .await?;
    if revoked.rows_affected == 0 {
        return Err(Error::not_found("API key"));
    }
    Entry::word("api_key.delete", "api_key", &id)
        .by_gone(&*tx, caller, now_ms)
        .await?;
    gate::end(&*tx, Ended::Session(session), now_ms).await?;
    sftp::end_of_api_key(&*tx, &id, now_ms).await?;
    tx.commit().await?;
    app.nudges.revoked();
    Ok(())
}
