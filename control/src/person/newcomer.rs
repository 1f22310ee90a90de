//! Accounts that nobody with a key for it makes: of those who come by another provider, or are invited by somebody who
//! shares a server.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait,
    QueryFilter, QuerySelect, SqlErr, sea_query::Expr,
};
use serde_json::json;
use warren_entity::{quotas, subusers, users};
use warren_proto::ids::UserId;

use crate::{
    access::Key,
    account::service::{check_email, check_username},
    app::Ground,
    audit::Entry,
    auth::password::NO_PASSWORD,
    db::Lane,
    error::{Fields, Result},
};

/// Names that are tried beside the one that is taken.
const TRIES: usize = 9;
/// An invitation that nobody took up is kept a day longer than its link.
const UNCLAIMED_MS: i64 = 8 * 24 * 3600 * 1000;
const UNCLAIMED: &str = "NOT EXISTS (SELECT 1 FROM linked_logins l WHERE l.user_id = users.id) AND \
    NOT EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = users.id) AND \
    NOT EXISTS (SELECT 1 FROM password_links k WHERE k.user_id = users.id) AND \
    NOT EXISTS (SELECT 1 FROM servers s WHERE s.owner_id = users.id AND s.deleted_at_ms IS NULL) AND \
    NOT EXISTS (SELECT 1 FROM grants g WHERE g.user_id = users.id)";
/// Accounts of one sweep.
const SWEPT: u64 = 200;

/// Why there is no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAccount {
    /// The address is none.
    BadAddress,
    /// Somebody took name or address at the same moment.
    Taken,
}

/// A log-in name out of what somebody is called elsewhere.
fn name_of(wish: &str) -> String {
    let wish = wish.split('@').next().unwrap_or_default();
    let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name: String = wish.chars().filter(fits).take(56).collect();
    if name.is_empty() {
        "player".into()
    } else {
        name
    }
}

/// An account without a password, under a free name like `wish`.
/// # Errors
/// Database.
pub async fn make(
    db: &impl ConnectionTrait,
    wish: &str,
    email: &str,
    email_verified: bool,
    now_ms: i64,
) -> Result<std::result::Result<users::Model, NoAccount>> {
    let base = name_of(wish);
    let mut fields = Fields::new();
    check_email(&mut fields, "email", email);
    check_username(&mut fields, "username", &base);
    if !fields.is_good() {
        return Ok(Err(NoAccount::BadAddress));
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
        email_verified: Set(email_verified),
        password_hash: Set(NO_PASSWORD.into()),
        admin: Set(false),
        must_change_password: Set(false),
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
            Some(SqlErr::UniqueConstraintViolation(_)) => Ok(Err(NoAccount::Taken)),
            _ => Err(error.into()),
        },
    }
}

/// Removes accounts that somebody was invited to and never took: no way in, no link that would make one, and nothing that
/// was given to them but shares.
/// # Errors
/// Database.
pub async fn forget_unclaimed(ground: &Ground) -> Result<u64, DbErr> {
    let now_ms = ground.clock.now_ms();
    let due = || {
        users::Entity::find()
            .filter(users::Column::DeletedAtMs.is_null())
            .filter(users::Column::PasswordHash.eq(NO_PASSWORD))
            .filter(users::Column::EmailVerified.eq(false))
            .filter(users::Column::Admin.eq(false))
            .filter(users::Column::CreatedAtMs.lt(now_ms - UNCLAIMED_MS))
            .filter(Expr::cust(UNCLAIMED))
    };
    let found = due().limit(SWEPT).all(ground.db.read()).await?;
    let mut gone = 0;
    for user in found {
        let tx = ground.db.begin(Lane::Machines).await?;
        // Locked, and then asked anew: somebody may be coming by at this moment.
        let locked = users::Entity::find_by_id(&*user.id).lock_exclusive();
        let still = locked.one(&*tx).await?.is_some()
            && due()
                .filter(users::Column::Id.eq(&*user.id))
                .one(&*tx)
                .await?
                .is_some();
        if !still {
            continue;
        }
        users::Entity::update_many()
            .col_expr(users::Column::DeletedAtMs, Expr::value(now_ms))
            .filter(users::Column::Id.eq(&*user.id))
            .exec(&*tx)
            .await?;
        subusers::Entity::delete_many()
            .filter(subusers::Column::UserId.eq(&*user.id))
            .exec(&*tx)
            .await?;
        quotas::Entity::delete_by_id(&*user.id).exec(&*tx).await?;
        Entry::of(Key::PersonDelete, "user", &user.id)
            .with(json!({"username": user.username, "email": user.email, "unclaimed": true}))
            .by_panel(&*tx, now_ms)
            .await?;
        tx.commit().await?;
        gone += 1;
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn a_name_is_made_of_what_somebody_is_called_elsewhere() {
        assert_eq!(name_of("ann.b@example.net"), "ann.b");
        assert_eq!(name_of("Ann B"), "AnnB");
        assert_eq!(name_of("<script>"), "script");
        assert_eq!(name_of("名前"), "player");
        assert_eq!(name_of(&"a".repeat(90)).len(), 56);
    }
}
