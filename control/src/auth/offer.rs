//! Offers: what control begins with a browser and wants back from it, as a text that the browser can neither read nor
//! change. Nothing is kept for offers that nobody takes up; the few that are used are noted, for each is good once.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, SqlErr,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use warren_entity::used_offers;

use crate::{
    app::Ground,
    db::Lane,
    error::{Error, Result},
};

/// How long an offer is good: a person looks for their phone, and no longer.
pub const GOOD_MS: i64 = 5 * 60 * 1000;
/// The longest text that is looked at.
const LONGEST: usize = 16 * 1024;

#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    until_ms: i64,
    what: T,
}

/// An offer that came back in time.
#[derive(Debug)]
pub struct Offer<T> {
    /// What was begun.
    pub what: T,
    hash: String,
    until_ms: i64,
}

fn place(kind: &str) -> String {
    format!("offer/{kind}")
}

/// The text of an offer of one kind; it opens as no other.
/// # Errors
/// Only for what can't be written as JSON.
pub fn make<T: Serialize>(ground: &Ground, kind: &str, what: T, now_ms: i64) -> Result<String> {
    make_until(ground, kind, what, now_ms.saturating_add(GOOD_MS))
}

/// As [`make`], good until then.
/// # Errors
/// Only for what can't be written as JSON.
pub fn make_until<T: Serialize>(
    ground: &Ground,
    kind: &str,
    what: T,
    until_ms: i64,
) -> Result<String> {
    let plain = serde_json::to_vec(&Sealed { until_ms, what }).map_err(Error::internal)?;
    let sealed = ground.keys.sealer.seal(&place(kind), &plain);
    Ok(URL_SAFE_NO_PAD.encode(sealed.map_err(Error::internal)?))
}

/// What an offer was; none for one that is not ours, of another kind or too old.
#[must_use]
pub fn open<T: DeserializeOwned>(
    ground: &Ground,
    kind: &str,
    text: &str,
    now_ms: i64,
) -> Option<Offer<T>> {
    if text.len() > LONGEST {
        return None;
    }
    let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
    let plain = ground.keys.sealer.open(&place(kind), &sealed).ok()?;
    let Sealed { until_ms, what } = serde_json::from_slice(&plain).ok()?;
    (now_ms < until_ms).then(|| Offer {
        what,
        hash: hex::encode(Sha256::digest(&sealed)),
        until_ms,
    })
}

impl<T> Offer<T> {
    /// Takes it up in the transaction of what it is good for; false for one that was used.
    /// # Errors
    /// Database.
    pub async fn take(&self, db: &impl ConnectionTrait) -> Result<bool, DbErr> {
        let row = used_offers::ActiveModel {
            offer_hash: Set(self.hash.clone()),
            expires_at_ms: Set(self.until_ms),
        };
        let noted = used_offers::Entity::insert(row)
            .exec_without_returning(db)
            .await;
        match noted {
            Ok(_) => Ok(true),
            Err(error) => match error.sql_err() {
                Some(SqlErr::UniqueConstraintViolation(_)) => Ok(false),
                _ => Err(error),
            },
        }
    }
}

/// Forgets used offers that are too old to come back.
/// # Errors
/// Database.
pub async fn prune(ground: &Ground) -> Result<u64, DbErr> {
    let tx = ground.db.begin(Lane::Machines).await?;
    let gone = used_offers::Entity::delete_many()
        .filter(used_offers::Column::ExpiresAtMs.lt(ground.clock.now_ms()))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(gone.rows_affected)
}
