//! The first admin: made once, with a password that must be changed at the first log-in.

use sea_orm::{ActiveValue::Set, EntityTrait, PaginatorTrait};
use serde::Serialize;
use warren_entity::users;
use warren_proto::ids::UserId;

use crate::{
    app::Ground,
    auth::{Passwords, secret},
    config::TlsMode,
    db::Lane,
    error::Result,
};

const NAME: &str = "admin";
/// Nobody can own this address (RFC 2606); the admin sets a real one.
const EMAIL: &str = "admin@warren.invalid";

/// What the set-up prints.
#[derive(Serialize)]
pub struct FirstRun {
    /// An admin was made now.
    pub created: bool,
    /// Where to log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Log-in name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Good until it is changed at the first log-in; shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// Makes the first admin if there is nobody at all.
/// # Errors
/// Database; no system random source.
pub async fn first_run(ground: &Ground) -> Result<FirstRun> {
    const NOTHING: FirstRun = FirstRun {
        created: false,
        url: None,
        user: None,
        password: None,
    };
    if users::Entity::find().count(ground.db.read()).await? > 0 {
        return Ok(NOTHING);
    }
    let password = secret::first_password()?;
    let hash = Passwords::default().hash(password.expose()).await?;
    let now_ms = ground.clock.now_ms();
    let row = users::ActiveModel {
        id: Set(UserId::new().to_string()),
        username: Set(NAME.into()),
        username_folded: Set(NAME.into()),
        email: Set(EMAIL.into()),
        email_folded: Set(EMAIL.into()),
        password_hash: Set(hash),
        admin: Set(true),
        must_change_password: Set(true),
        email_verified: Set(false),
        second_factor: Set(false),
        granted: Set(false),
        shared: Set(false),
        suspended_at_ms: Set(None),
        suspended_reason: Set(None),
        created_at_ms: Set(now_ms),
        updated_at_ms: Set(now_ms),
        deleted_at_ms: Set(None),
    };
    let tx = ground.db.begin(Lane::People).await?;
    // Deleted people count too: an emptied table must not make a new admin for whoever runs this next.
    if users::Entity::find().count(&*tx).await? > 0 {
        return Ok(NOTHING);
    }
    users::Entity::insert(row)
        .exec_without_returning(&*tx)
        .await?;
    tx.commit().await?;
    Ok(FirstRun {
        created: true,
        url: Some(url(ground)),
        user: Some(NAME.into()),
        password: Some(password.expose().to_owned()),
    })
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
