//! Whose account a log-in at another provider is: the one that it is connected with, the one with the same address, or a
//! new one, as far as the operator wants that.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    SqlErr,
};
use serde_json::json;
use warren_entity::{linked_logins, users};
use warren_proto::ids::UserId;

use super::{
    login,
    provider::{Provider, Vouched},
    service::Refused,
};
use crate::{
    access::Key,
    account::service::{check_email, check_username},
    audit::Entry,
    auth::{Peer, password::NO_PASSWORD},
    error::{Error, Fields, Result},
    person as people,
};

/// Names that are tried beside the one that is taken.
const TRIES: usize = 9;

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
        // Whoever runs the provider would be an admin here; and an address that nobody has looked at may have been typed to lie
        // in wait for whoever it belongs to.
        Some(same) if config.link_by_email => match locked(db, &same.id).await? {
            Some(user)
                if !user.admin && user.email_verified && user.email_folded == same.email_folded =>
            {
                user
            }
            _ => return Ok(Err(Refused::EmailTaken)),
        },
        Some(_) => return Ok(Err(Refused::EmailTaken)),
        None if config.create_accounts => match make(db, vouched, email, now_ms).await? {
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

/// A log-in name out of what the provider calls somebody.
fn username(vouched: &Vouched, email: &str) -> String {
    let wish = vouched.username.as_deref().unwrap_or(email);
    let wish = wish.split('@').next().unwrap_or_default();
    let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name: String = wish.chars().filter(fits).take(56).collect();
    if name.is_empty() {
        "player".into()
    } else {
        name
    }
}

/// A new account without a password.
async fn make(
    db: &impl ConnectionTrait,
    vouched: &Vouched,
    email: &str,
    now_ms: i64,
) -> Result<std::result::Result<users::Model, Refused>> {
    let base = username(vouched, email);
    let mut fields = Fields::new();
    check_email(&mut fields, "email", email);
    check_username(&mut fields, "username", &base);
    if !fields.is_good() {
        return Ok(Err(Refused::EmailUnverified));
    }
    let mut name = base.clone();
    for n in 2..=TRIES + 1 {
        let taken = users::Entity::find()
            .filter(users::Column::DeletedAtMs.is_null())
            .filter(users::Column::UsernameFolded.eq(name.to_lowercase()))
            .one(db)
            .await?;
        if taken.is_none() {
            break;
        }
        // After a few, anything: a name that many share must not keep the next one out.
        name = match n {
            ..=TRIES => format!("{base}{n}"),
            _ => format!("{base}-{}", rand::random_range(100_000..1_000_000)),
        };
    }
    let row = users::ActiveModel {
        id: Set(UserId::new().to_string()),
        username_folded: Set(name.to_lowercase()),
        username: Set(name),
        email_folded: Set(email.to_lowercase()),
        email: Set(email.to_owned()),
        password_hash: Set(NO_PASSWORD.into()),
        admin: Set(false),
        must_change_password: Set(false),
        email_verified: Set(true),
        second_factor: Set(false),
        granted: Set(false),
        shared: Set(false),
        suspended_at_ms: Set(None),
        suspended_reason: Set(None),
        created_at_ms: Set(now_ms),
        updated_at_ms: Set(now_ms),
        deleted_at_ms: Set(None),
    };
    match row.insert(db).await {
        Ok(user) => Ok(Ok(user)),
        Err(error) => match error.sql_err() {
            // Somebody took name or address at the same moment: the next try finds them.
            Some(SqlErr::UniqueConstraintViolation(_)) => Ok(Err(Refused::Expired)),
            _ => Err(error.into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_of_what_the_provider_calls_somebody() {
        let of = |name: Option<&str>| {
            let vouched = Vouched {
                issuer: String::new(),
                subject: String::new(),
                email: None,
                email_verified: false,
                name: None,
                username: name.map(str::to_owned),
                words: Vec::new(),
            };
            username(&vouched, "ann.b@example.net")
        };
        assert_eq!(of(None), "ann.b");
        assert_eq!(of(Some("Ann B")), "AnnB");
        assert_eq!(of(Some("ann@corp.example")), "ann");
        assert_eq!(of(Some("<script>")), "script");
        assert_eq!(of(Some("名前")), "player");
        assert_eq!(of(Some(&"a".repeat(90))).len(), 56);
    }
}
