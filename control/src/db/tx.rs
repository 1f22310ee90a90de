use std::{
    ops::Deref,
    time::{Duration, Instant},
};

use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};

use super::lanes::Turn;

/// Longer than this and others notice.
const LONG: Duration = Duration::from_millis(500);

/// A write transaction; stores take it as `&*tx`. Dropped without [`Tx::commit`] it is rolled back.
#[derive(Debug)]
pub struct Tx {
    inner: DatabaseTransaction,
    began: Instant,
    // Last, so that the rollback comes before the next writer's turn.
    _turn: Option<Turn>,
}

impl Tx {
    pub(super) async fn begin(
        writer: &DatabaseConnection,
        turn: Option<Turn>,
    ) -> Result<Self, DbErr> {
        // IMMEDIATE: an upgrade from reading to writing is what yields "database is locked".
        let options = TransactionOptions {
            sqlite_transaction_mode: turn.is_some().then_some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        Ok(Self {
            inner: writer.begin_with_options(options).await?,
            began: Instant::now(),
            _turn: turn,
        })
    }

    /// Makes it durable.
    /// # Errors
    /// What the database says; nothing is stored then.
    pub async fn commit(self) -> Result<(), DbErr> {
        self.inner.commit().await?;
        let took = self.began.elapsed();
        if took > LONG {
            tracing::warn!(
                took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                "a transaction took long"
            );
        }
        Ok(())
    }

    /// Undoes it, waiting until it is undone.
    /// # Errors
    /// What the database says.
    pub async fn rollback(self) -> Result<(), DbErr> {
        self.inner.rollback().await
    }
}

impl Deref for Tx {
    type Target = DatabaseTransaction;
    fn deref(&self) -> &DatabaseTransaction {
        &self.inner
    }
}
