//! Control's secrets: the bus' realm, what commands and tickets are signed with, the CA. They lie sealed in
//! `settings`; the operator's root leaves at set-up.

mod ca;
mod init;
mod seal;

pub use ca::{Ca, Issued};
pub(crate) use init::revocations;
pub use init::{Init, Made, init};
pub use seal::{Error as SealError, Sealer};

use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, sea_query::OnConflict};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use warren_entity::settings;
use warren_proto::{
    bus::{
        accounts::{Realm, Storage},
        creds::Seed,
        jwt,
        keyring::{Signer, Use},
    },
    ids::KeyId,
    wire,
};

use crate::config::Config;

const REALM: &str = "keys.realm";
const COMMAND: &str = "keys.command";
const TICKET: &str = "keys.ticket";
const CA: &str = "keys.ca";
const STORAGE: &str = "bus.storage";

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `init` has not run against this database.
    #[error("this database has no keys yet: run `warren-control init` first")]
    NotMade,
    /// Sealing.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Database.
    #[error("keys: {0}")]
    Database(#[from] DbErr),
    /// A stored value is damaged.
    #[error("the stored {what} is damaged: {cause}")]
    Damaged {
        /// Which.
        what: &'static str,
        /// How.
        cause: String,
    },
    /// Signing.
    #[error("keys: {0}")]
    Jwt(#[from] jwt::Error),
}

/// All of them, opened.
#[derive(Debug)]
pub struct Keys {
    /// Accounts and scopes of the bus.
    pub realm: Realm,
    /// What CORE may store.
    pub storage: Storage,
    /// Signs commands.
    pub command: Signer,
    /// Signs tickets.
    pub ticket: Signer,
    /// Vouches for nats-server.
    pub ca: Ca,
    /// For other secrets in the database.
    pub sealer: Sealer,
}

#[derive(Serialize, Deserialize)]
struct StoredSigner {
    id: KeyId,
    secret: String,
}

impl StoredSigner {
    fn of(signer: &Signer) -> Self {
        Self {
            id: signer.id(),
            secret: hex::encode(signer.secret()),
        }
    }

    fn signer(&self, what: &'static str) -> Result<Signer, Error> {
        let mut secret = [0; 32];
        hex::decode_to_slice(&self.secret, &mut secret).map_err(|e| Error::Damaged {
            what,
            cause: e.to_string(),
        })?;
        Ok(Signer::restore(self.id, secret))
    }
}

impl Keys {
    /// Opens the keys of this database.
    /// # Errors
    /// [`Error::NotMade`] before `init`; a missing or wrong sealing key says so.
    pub async fn load(config: &Config, db: &impl ConnectionTrait) -> Result<Self, Error> {
        if settings::Entity::find_by_id(REALM).one(db).await?.is_none() {
            return Err(Error::NotMade);
        }
        let variable = std::env::var(crate::config::KEY_VARIABLE).ok();
        let sealer = Sealer::load(variable.as_deref(), &config.key_path())?;
        Self::open(sealer, db).await
    }

    async fn open(sealer: Sealer, db: &impl ConnectionTrait) -> Result<Self, Error> {
        let command: StoredSigner = read(db, &sealer, COMMAND).await?;
        let ticket: StoredSigner = read(db, &sealer, TICKET).await?;
        Ok(Self {
            realm: read(db, &sealer, REALM).await?,
            storage: read(db, &sealer, STORAGE).await?,
            command: command.signer(COMMAND)?,
            ticket: ticket.signer(TICKET)?,
            ca: read(db, &sealer, CA).await?,
            sealer,
        })
    }

    /// Makes what is missing; a value that stands stays. Gives the operator's root if it was made now.
    async fn create(
        sealer: Sealer,
        db: &impl ConnectionTrait,
        storage: Storage,
        now_ms: i64,
    ) -> Result<(Self, Option<Seed>), Error> {
        let (realm, root) = Realm::create("warren", now_ms / 1000)?;
        let made = write(db, &sealer, REALM, &realm, now_ms).await?;
        for name in [COMMAND, TICKET] {
            let signer = StoredSigner::of(&Signer::create());
            write(db, &sealer, name, &signer, now_ms).await?;
        }
        let ca = Ca::create().map_err(|e| Error::Damaged {
            what: CA,
            cause: e.to_string(),
        })?;
        write(db, &sealer, CA, &ca, now_ms).await?;
        write(db, &sealer, STORAGE, &storage, now_ms).await?;
        Ok((Self::open(sealer, db).await?, made.then_some(root)))
    }

    /// What nodes and gateways verify with.
    #[must_use]
    pub fn announced(&self) -> Vec<wire::VerifyKey> {
        vec![
            self.command.announce(Use::Command),
            self.ticket.announce(Use::Ticket),
        ]
    }
}

async fn read<T: DeserializeOwned>(
    db: &impl ConnectionTrait,
    sealer: &Sealer,
    name: &'static str,
) -> Result<T, Error> {
    let damaged = |cause: String| Error::Damaged { what: name, cause };
    let row = settings::Entity::find_by_id(name)
        .one(db)
        .await?
        .ok_or_else(|| damaged("it is gone".into()))?;
    let plain = if row.sealed {
        sealer.open(name, &row.value)?
    } else {
        row.value
    };
    serde_json::from_slice(&plain).map_err(|e| damaged(e.to_string()))
}

/// As [`read`]; none where there is none yet.
pub(crate) async fn find<T: DeserializeOwned>(
    db: &impl ConnectionTrait,
    sealer: &Sealer,
    name: &'static str,
) -> Result<Option<T>, Error> {
    match settings::Entity::find_by_id(name).one(db).await? {
        Some(_) => read(db, sealer, name).await.map(Some),
        None => Ok(None),
    }
}

/// Seals and stores `value` unless there is one; says whether it was stored.
pub(crate) async fn write(
    db: &impl ConnectionTrait,
    sealer: &Sealer,
    name: &'static str,
    value: &impl Serialize,
    now_ms: i64,
) -> Result<bool, Error> {
    let plain = serde_json::to_vec(value).map_err(|e| Error::Damaged {
        what: name,
        cause: e.to_string(),
    })?;
    let row = settings::ActiveModel {
        key: Set(name.to_owned()),
        value: Set(sealer.seal(name, &plain)?),
        sealed: Set(true),
        updated_at_ms: Set(now_ms),
    };
    let stored = settings::Entity::insert(row)
        .on_conflict(
            OnConflict::column(settings::Column::Key)
                .do_nothing()
                .to_owned(),
        )
        .exec_without_returning(db)
        .await?;
    Ok(stored > 0)
}
