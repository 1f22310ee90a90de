use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    Statement,
    entity::prelude::async_trait,
    error::ConnAcquireErr,
    sqlx::{
        self, AssertSqlSafe, ConnectOptions, Connection, SqliteConnection, query::Query,
        sqlite::SqliteConnectOptions,
    },
};
use sea_query_sqlx::SqlxValues;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// How long a query may wait for a connection.
const TURN: Duration = Duration::from_secs(10);

/// Connections for reads.
#[derive(Clone)]
pub struct Reader {
    pool: DatabaseConnection,
    /// Only of SQLite.
    lines: Option<Arc<Lines>>,
}

/// Connections to one SQLite file that are ready as soon as they are given back. A pool asks each whether it still
/// stands, in a task of its own, which costs a small query as much again: each question wakes the connection's
/// thread. A file hangs up on nobody.
struct Lines {
    options: SqliteConnectOptions,
    idle: Mutex<Vec<SqliteConnection>>,
    room: Arc<Semaphore>,
}

/// One of them, lent for a query.
struct Line {
    connection: Option<SqliteConnection>,
    home: Arc<Lines>,
    room: Option<OwnedSemaphorePermit>,
    answered: bool,
}

fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(Arc::new(error)))
}

fn query(statement: Statement) -> Query<'static, sqlx::Sqlite, SqlxValues> {
    let values = statement.values.map(|values| values.0).unwrap_or_default();
    let values = SqlxValues(sea_orm::sea_query::Values(values));
    sqlx::query_with(AssertSqlSafe(statement.sql), values)
}

impl Lines {
    async fn lend(self: &Arc<Self>) -> Result<Line, DbErr> {
        let room = timeout(TURN, self.room.clone().acquire_owned()).await;
        let Ok(Ok(room)) = room else {
            return Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout));
        };
        let idle = self.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.options.connect().await.map_err(failed)?,
        };
        Ok(Line {
            connection: Some(connection),
            home: self.clone(),
            room: Some(room),
            answered: false,
        })
    }
}

impl Line {
    async fn all(mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let Some(connection) = &mut self.connection else {
            return Ok(Vec::new());
        };
        let answer = query(statement).fetch_all(connection).await;
        self.answered = answer.is_ok();
        let rows = answer.map_err(failed)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    async fn one(mut self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let Some(connection) = &mut self.connection else {
            return Ok(None);
        };
        let answer = query(statement).fetch_optional(connection).await;
        self.answered = answer.is_ok();
        Ok(answer.map_err(failed)?.map(Into::into))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        let (home, room) = (self.home.clone(), self.room.take());
        if self.answered {
            home.idle.lock().push(connection);
            return;
        }
        // Failed, or nobody waits for the answer any more: the thread may still be busy with it, or gone.
        tokio::spawn(async move {
            if connection.ping().await.is_ok() {
                home.idle.lock().push(connection);
            }
            drop(room);
        });
    }
}

impl Reader {
    /// Of PostgreSQL.
    pub(super) fn of_pool(pool: DatabaseConnection) -> Self {
        Self { pool, lines: None }
    }

    /// Of a SQLite file, with so many connections at most. `pool` does what is no query.
    pub(super) fn of_file(
        pool: DatabaseConnection,
        options: SqliteConnectOptions,
        most: u32,
    ) -> Self {
        let room = usize::try_from(most).unwrap_or(1).max(1);
        Self {
            pool,
            lines: Some(Arc::new(Lines {
                options,
                idle: Mutex::default(),
                room: Arc::new(Semaphore::new(room)),
            })),
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.pool.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.pool.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.lines {
            Some(lines) => lines.lend().await?.one(statement).await,
            None => self.pool.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.lines {
            Some(lines) => lines.lend().await?.all(statement).await,
            None => self.pool.query_all_raw(statement).await,
        }
    }
}
