//! The database: SQLite with one writer behind a queue of two lanes, or PostgreSQL. A transaction is begun
//! with [`Store::begin`] and never held over a network call; reads go to [`Store::read`].

mod cells;
mod lanes;
mod open;
mod reader;
mod stored;
mod tx;

pub use cells::Cells;
pub use lanes::Lane;
pub use open::{OpenError, Role};
pub use reader::Reader;
pub use stored::Stored;
pub use tx::Tx;

use std::{sync::Arc, time::Duration};

use sea_orm::{DatabaseConnection, DbErr};

/// How long a transaction may wait for its turn.
const TURN: Duration = Duration::from_secs(10);

/// Both halves of the database. On PostgreSQL they are one.
#[derive(Clone)]
pub struct Db {
    /// Everything that must not be lost: people, wanted state, facts, audit.
    pub main: Store,
    /// Console and metric chunks.
    pub bulk: Store,
    /// Held while control runs on SQLite.
    _lock: Option<Arc<open::Lock>>,
}

/// One database.
#[derive(Clone)]
pub struct Store {
    writer: DatabaseConnection,
    reader: Reader,
    /// Only SQLite queues its writers.
    lanes: Option<lanes::Lanes>,
}

impl Db {
    /// A connection for reads of [`Db::main`]; writes through it are refused on SQLite.
    #[must_use]
    pub fn read(&self) -> &Reader {
        self.main.read()
    }

    /// Begins a write transaction on [`Db::main`].
    /// # Errors
    /// As [`Store::begin`].
    pub async fn begin(&self, lane: Lane) -> Result<Tx, DbErr> {
        self.main.begin(lane).await
    }

    /// Writers turned away since the start, by database.
    #[must_use]
    pub fn refused(&self) -> [(&'static str, u64); 2] {
        let of = |store: &Store| store.lanes.as_ref().map_or(0, lanes::Lanes::refused);
        [("main", of(&self.main)), ("bulk", of(&self.bulk))]
    }
}

impl Store {
    /// A connection for reads.
    #[must_use]
    pub fn read(&self) -> &Reader {
        &self.reader
    }

    /// Whether rows can be locked one by one; on SQLite the transaction has the whole file.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        self.lanes.is_none()
    }

    /// Begins a write transaction: IMMEDIATE on SQLite, READ COMMITTED on PostgreSQL. Dropping it rolls back.
    /// # Errors
    /// `DbErr::ConnectionAcquire` when no turn comes within 10 s; what the database says.
    pub async fn begin(&self, lane: Lane) -> Result<Tx, DbErr> {
        let turn = match &self.lanes {
            Some(lanes) => Some(lanes.turn(lane, TURN).await.map_err(|lanes::Busy| {
                DbErr::ConnectionAcquire(sea_orm::error::ConnAcquireErr::Timeout)
            })?),
            None => None,
        };
        Tx::begin(&self.writer, turn).await
    }
}
