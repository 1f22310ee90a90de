//! The first admin: made once, without a password. Whoever has the one-time link sets one.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde::Serialize;
use warren_entity::users;
use warren_proto::ids::UserId;

use crate::{
    app::Ground, audit::Entry, auth::password::NO_PASSWORD, config::TlsMode, db::Lane,
    error::Result, password_link::service as link,
};

const NAME: &str = "admin";
/// Nobody can own this address (RFC 2606); the admin sets a real one.
pub const EMAIL: &str = "admin@warren.invalid";

/// What the set-up prints.
#[derive(Default, Serialize)]
pub struct FirstRun {
    /// An admin was made now.
    pub created: bool,
    /// Log-in name, where one still waits for a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Sets the password, once, within a week. The one before is good no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// Makes the first admin if there is nobody at all, and another link for as long as nobody has used one.
/// # Errors
/// Database; no system random source.
pub async fn first_run(ground: &Ground) -> Result<FirstRun> {
    let now_ms = ground.clock.now_ms();
    let tx = ground.db.begin(Lane::People).await?;
    // Deleted people count too: an emptied table must not make a new admin for whoever runs this next.
    let created = users::Entity::find().count(&*tx).await? == 0;
    let id = if created {
        let id = UserId::new().to_string();
        users::Entity::insert(first_admin(&id, now_ms))
            .exec_without_returning(&*tx)
            .await?;
        id
    } else {
        let waiting = users::Entity::find()
            .filter(users::Column::UsernameFolded.eq(NAME))
            .filter(users::Column::Email.eq(EMAIL))
            .filter(users::Column::PasswordHash.eq(NO_PASSWORD))
            .filter(users::Column::Admin.eq(true))
            .filter(users::Column::SuspendedAtMs.is_null())
            .filter(users::Column::DeletedAtMs.is_null())
            .one(&*tx)
            .await?;
        match waiting {
            Some(user) => user.id,
            None => return Ok(FirstRun::default()),
        }
    };
    link::forget(&*tx, &id).await?;
    let url = link::make(ground, &*tx, &id, link::INVITATION_MS, now_ms).await?;
    Entry::word("password_link.create", "user", &id)
        .by_panel(&*tx, now_ms)
        .await?;
    tx.commit().await?;
    Ok(FirstRun {
        created,
        user: Some(NAME.into()),
        link: Some(url),
    })
}

fn first_admin(id: &str, now_ms: i64) -> users::ActiveModel {
    users::ActiveModel {
        id: Set(id.to_owned()),
        username: Set(NAME.into()),
        username_folded: Set(NAME.into()),
        email: Set(EMAIL.into()),
        email_folded: Set(EMAIL.into()),
        password_hash: Set(NO_PASSWORD.into()),
        admin: Set(true),
        must_change_password: Set(false),
        email_verified: Set(false),
        second_factor: Set(false),
        granted: Set(false),
        shared: Set(false),
        suspended_at_ms: Set(None),
        suspended_reason: Set(None),
        created_at_ms: Set(now_ms),
        updated_at_ms: Set(now_ms),
        deleted_at_ms: Set(None),
    }
}

/// What a browser types.
#[must_use]
pub fn url(ground: &Ground) -> String {
    let config = &ground.config;
    if !config.public_url.is_empty() {
        return config.public_url.clone();
    }
    let scheme = match config.tls.mode {
        TlsMode::Off => "http",
        TlsMode::SelfSigned | TlsMode::Files | TlsMode::Acme => "https",
    };
    format!("{scheme}://{}", config.http_listen)
}
