//! What was set, in one row of `settings`; the mail server's address, which carries a password, lies sealed in another.

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, sea_query::OnConflict};
use serde::{Deserialize, Serialize};
use warren_entity::settings;

use crate::{
    config::SecondFactorOf,
    error::{Error, Result},
    keys::Sealer,
    language::Language,
};

const PLACE: &str = "panel";
const MAIL: &str = "panel.mail";

/// What admins set. None: as the configuration says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Chosen {
    pub name: Option<String>,
    pub accent: Option<String>,
    pub language: Option<Language>,
    pub sign_up: bool,
    pub sign_up_domains: Vec<String>,
    pub second_factor_of: Option<SecondFactorOf>,
    pub invite_by_sharing: Option<bool>,
    pub session_days: Option<u16>,
    pub upload_bytes: Option<u64>,
    pub mail_from: Option<String>,
}

/// The row, and what it was written with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    pub chosen: Chosen,
    /// Address of the mail server.
    pub mail_url: Option<String>,
    /// Unix milliseconds of the last change; 0: nothing was ever set.
    pub at_ms: i64,
}

/// Of one row: what changes is seen by it.
pub async fn changed_at(db: &impl ConnectionTrait) -> Result<i64> {
    let row = settings::Entity::find_by_id(PLACE).one(db).await?;
    Ok(row.map_or(0, |row| row.updated_at_ms))
}

pub async fn read(db: &impl ConnectionTrait, sealer: &Sealer) -> Result<Kept> {
    let Some(row) = settings::Entity::find_by_id(PLACE).one(db).await? else {
        return Ok(Kept::default());
    };
    let chosen: Chosen = serde_json::from_slice(&row.value).map_err(Error::internal)?;
    let mail_url = match settings::Entity::find_by_id(MAIL).one(db).await? {
        None => None,
        Some(mail) => {
            let plain = sealer.open(MAIL, &mail.value).map_err(Error::internal)?;
            Some(String::from_utf8(plain).map_err(Error::internal)?)
        }
    };
    Ok(Kept {
        chosen,
        mail_url,
        at_ms: row.updated_at_ms,
    })
}

pub async fn write(db: &impl ConnectionTrait, sealer: &Sealer, kept: &Kept) -> Result<()> {
    let value = serde_json::to_vec(&kept.chosen).map_err(Error::internal)?;
    put(db, PLACE, value, false, kept.at_ms).await?;
    match &kept.mail_url {
        Some(url) => {
            let sealed = sealer.seal(MAIL, url.as_bytes()).map_err(Error::internal)?;
            put(db, MAIL, sealed, true, kept.at_ms).await
        }
        None => {
            settings::Entity::delete_by_id(MAIL).exec(db).await?;
            Ok(())
        }
    }
}

async fn put(
    db: &impl ConnectionTrait,
    key: &str,
    value: Vec<u8>,
    sealed: bool,
    now_ms: i64,
) -> Result<()> {
    use settings::Column as C;
    let row = settings::ActiveModel {
        key: Set(key.to_owned()),
        value: Set(value),
        sealed: Set(sealed),
        updated_at_ms: Set(now_ms),
    };
    let over = OnConflict::column(C::Key)
        .update_columns([C::Value, C::Sealed, C::UpdatedAtMs])
        .to_owned();
    settings::Entity::insert(row)
        .on_conflict(over)
        .exec_without_returning(db)
        .await?;
    Ok(())
}
