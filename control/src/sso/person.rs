//! Whose account a log-in at another provider is: the one that it is connected with, the one with the same address, or a
//! new one, as far as the operator wants that.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
};
use serde_json::json;
use warren_entity::{linked_logins, users};

use super::{
    login,
    provider::{Provider, Vouched},
    service::Refused,
};
use crate::{
    access::Key,
    audit::Entry,
    auth::{Peer, password::NO_PASSWORD},
    error::{Error, Result},
    passkey, password_link,
    person::{self as people, newcomer::NoAccount},
};

/// Somebody, and the log-in that they came by.
pub(super) type Found = std::result::Result<(users::Model, linked_logins::Model), Refused>;

/// Locked before anything that is theirs: whoever changes an account begins with it.
async fn locked(db: &impl ConnectionTrait, id: &str) -> Result<Option<users::Model>> {
    people::service::lock(db, id.parse().map_err(Error::internal)?).await
}

/// Finds, connects or makes an account.
/// # Errors
/// Database.
pub(super) async fn find_or_make(
    db: &impl ConnectionTrait,
    peer: &Peer,
    provider: &Provider,
    vouched: &Vouched,
    now_ms: i64,
) -> Result<Found> {
    if let Some(row) = login::find(db, &vouched.issuer, &vouched.subject).await? {
        return Ok(match locked(db, &row.user_id).await? {
            Some(user) => Ok((user, row)),
            None => Err(Refused::UnknownAccount),
        });
    }
    let config = &provider.config;
    if !config.link_by_email && !config.create_accounts {
        return Ok(Err(Refused::UnknownAccount));
    }
    // Letters of other alphabets fold into these: what the provider has verified may not be the address that it equals.
    let good = |email: &&String| vouched.email_verified && email.is_ascii();
    let Some(email) = vouched.email.as_ref().filter(good) else {
        return Ok(Err(Refused::EmailUnverified));
    };
    let same = users::Entity::find()
        .filter(users::Column::DeletedAtMs.is_null())
        .filter(users::Column::EmailFolded.eq(email.to_lowercase()))
        .one(db)
        .await?;
    let user = match same {
        // Somebody was invited there and never came: the address is all that they are known by, and it is this one.
        Some(same) if claims(db, &same).await? => {
            let Some(user) = locked(db, &same.id).await? else {
                return Ok(Err(Refused::Expired));
            };
            if !claims(db, &user).await? {
                return Ok(Err(Refused::EmailTaken));
            }
            password_link::service::forget(db, &user.id).await?;
            let shown = users::ActiveModel {
                id: Set(user.id.clone()),
                email_verified: Set(true),
                ..Default::default()
            };
            shown.update(db).await?
        }
        // Whoever runs the provider would be an admin here; and an address that nobody has looked at may have been typed to lie
        // in wait for whoever it belongs to.
        Some(same) if config.link_by_email => match locked(db, &same.id).await? {
            Some(user) if by_another(db, &user.id, &vouched.issuer).await? => {
                tracing::warn!(user = %user.username, "another provider vouched for this address before");
                return Ok(Err(Refused::EmailTaken));
            }
            Some(user)
                if !user.admin && user.email_verified && user.email_folded == same.email_folded =>
            {
                user
            }
            _ => return Ok(Err(Refused::EmailTaken)),
        },
        Some(_) => return Ok(Err(Refused::EmailTaken)),
        None if config.create_accounts => match newcomer(db, vouched, email, now_ms).await? {
            Ok(user) => {
                Entry::of(Key::PersonCreate, "user", &user.id)
                    .with(json!({
                        "username": user.username,
                        "email": user.email,
                        "provider": config.name,
                    }))
                    .by_nobody(db, peer, now_ms)
                    .await?;
                user
            }
            Err(refused) => return Ok(Err(refused)),
        },
        None => return Ok(Err(Refused::UnknownAccount)),
    };
    let row = login::connect(db, provider, vouched, &user.id, true, now_ms).await?;
    let Some(row) = row else {
        return Ok(Err(Refused::Expired));
    };
    Entry::word("account.login.create", "user", &user.id)
        .with(json!({"provider": config.name, "name": row.name}))
        .by_nobody(db, peer, now_ms)
        .await?;
    Ok(Ok((user, row)))
}

/// Whether nobody has ever come by this account, and nothing was given to it that whoever runs a provider should not have.
async fn claims(db: &impl ConnectionTrait, user: &users::Model) -> Result<bool> {
    Ok(user.password_hash == NO_PASSWORD
        && !user.email_verified
        && !user.admin
        && user.suspended_at_ms.is_none()
        && login::count(db, &user.id).await? == 0
        && passkey::count(db, &user.id).await? == 0)
}

/// Whether the word of another provider brought somebody to this account: what one says of an address is not what the
/// other says.
async fn by_another(db: &impl ConnectionTrait, user: &str, issuer: &str) -> Result<bool> {
    let rows = login::of(db, user).await?;
    Ok(rows
        .iter()
        .any(|row| row.by_address && row.issuer != issuer))
}

async fn newcomer(
    db: &impl ConnectionTrait,
    vouched: &Vouched,
    email: &str,
    now_ms: i64,
) -> Result<std::result::Result<users::Model, Refused>> {
    let wish = vouched.username.as_deref().unwrap_or(email);
    let made = people::newcomer::make(db, wish, email, true, now_ms).await?;
    Ok(made.map_err(|why| match why {
        NoAccount::BadAddress => Refused::EmailUnverified,
        // The next try finds whoever was quicker.
        NoAccount::Taken => Refused::Expired,
    }))
}
