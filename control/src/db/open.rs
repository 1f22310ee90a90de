use std::{
    fs::{DirBuilder, File},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use nix::fcntl::{Flock, FlockArg};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr,
    sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions},
};
use sea_orm_migration::MigratorTrait;
use warren_migrations::{Bulk, Main};

use super::{Db, Reader, Store, lanes::Lanes};
use crate::config::Config;

/// A connection to PostgreSQL that was idle for longer is asked whether it still stands; asking each time would
/// double the round trips.
const STANDS_FOR: Duration = Duration::from_secs(1);
/// Rows that a thread of SQLite may be ahead of its reader: a page and more, so that neither waits for the other.
const ROWS_AHEAD: usize = 256;
/// Replicas that start together migrate one after the other.
const MIGRATION_LOCK: i64 = 0x0077_6172_7265_6e01;

/// A lock file, let go when dropped or when the process ends however it ends.
pub struct Lock(#[expect(dead_code, reason = "held, not read")] Flock<File>);

/// What the database is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `serve`: on SQLite there may be one.
    Serve,
    /// A subcommand beside it.
    Tool,
}

/// Why the database can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A second control on one SQLite file.
    #[error(
        "another warren-control already serves {0}: SQLite takes exactly one. Stop it, or set database_url \
         to PostgreSQL to run several"
    )]
    Taken(PathBuf),
    /// The folder or lock file can't be made.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database refuses.
    #[error("database {url}: {source}")]
    Database {
        /// Without password.
        url: String,
        /// Why.
        source: DbErr,
    },
}

impl Db {
    /// Opens and migrates the database.
    /// # Errors
    /// [`OpenError`] says what to do.
    pub async fn open(config: &Config, role: Role) -> Result<Self, OpenError> {
        if config.is_postgres() {
            open_postgres(config).await
        } else {
            open_sqlite(config, role).await
        }
    }
}

async fn open_postgres(config: &Config) -> Result<Db, OpenError> {
    let url = config.database_url.expose();
    let named = |source| OpenError::Database {
        url: without_password(url),
        source,
    };
    let mut once = ConnectOptions::new(url);
    once.max_connections(1).sqlx_logging(false);
    let lone = Database::connect(once).await.map_err(named)?;
    let lock = format!("SELECT pg_advisory_lock({MIGRATION_LOCK})");
    lone.execute_unprepared(&lock).await.map_err(named)?;
    migrate(&lone, &lone).await.map_err(named)?;
    // Closing the session lets go of the lock.
    lone.close().await.map_err(named)?;
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(config.database_connections.max(4))
        .acquire_timeout(Duration::from_secs(10))
        .test_before_acquire_if_idle_for(STANDS_FOR)
        .sqlx_logging(false);
    let pool = Database::connect(options).await.map_err(named)?;
    let store = Store {
        writer: pool.clone(),
        reader: Reader::of_pool(pool),
        lanes: None,
    };
    Ok(Db {
        main: store.clone(),
        bulk: store,
        _lock: None,
    })
}

async fn open_sqlite(config: &Config, role: Role) -> Result<Db, OpenError> {
    let path = config.sqlite_path();
    let folder = path.parent().unwrap_or(Path::new("."));
    let file_error = |path: &Path, source| OpenError::File {
        path: path.to_path_buf(),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|e| file_error(folder, e))?;
    let lock = match role {
        Role::Serve => Some(lock(
            &path.with_extension("lock"),
            FlockArg::LockExclusiveNonblock,
        )?),
        Role::Tool => None,
    };
    let bulk_path = path.with_file_name("bulk.db");
    for file in [&path, &bulk_path] {
        // Password hashes and addresses are in it; its WAL takes the mode over.
        File::options()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(file)
            .map_err(|e| file_error(file, e))?;
    }
    let migrating = lock_blocking(path.with_extension("migrate")).await?;
    let main = sqlite(&path, config).await?;
    let bulk = sqlite(&bulk_path, config).await?;
    migrate(&main.writer, &bulk.writer)
        .await
        .map_err(|source| OpenError::Database {
            url: path.display().to_string(),
            source,
        })?;
    drop(migrating);
    Ok(Db {
        main,
        bulk,
        _lock: lock.map(Arc::new),
    })
}

async fn migrate(main: &DatabaseConnection, bulk: &DatabaseConnection) -> Result<(), DbErr> {
    Main::up(main, None).await?;
    Bulk::up(bulk, None).await
}

async fn sqlite(path: &Path, config: &Config) -> Result<Store, OpenError> {
    let named = |source| OpenError::Database {
        url: path.display().to_string(),
        source,
    };
    let connect = |query_only: &'static str, lazy: bool| {
        let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rw", path.display()));
        options
            .max_connections(1)
            .min_connections(u32::from(!lazy))
            .connect_lazy(lazy)
            .acquire_timeout(Duration::from_secs(10))
            // A file hangs up on nobody, and asking it is a wake-up of its thread each time.
            .test_before_acquire(false)
            .sqlx_logging(false)
            .map_sqlx_sqlite_opts(move |o| pragmas(o, query_only));
        Database::connect(options)
    };
    let writer = connect("OFF", false).await.map_err(named)?;
    let pool = connect("ON", true).await.map_err(named)?;
    let options = SqliteConnectOptions::new().filename(path);
    let options = pragmas(options, "ON").disable_statement_logging();
    Ok(Store {
        writer,
        reader: Reader::of_file(pool, options, config.database_connections),
        lanes: Some(Lanes::default()),
    })
}

fn pragmas(options: SqliteConnectOptions, query_only: &'static str) -> SqliteConnectOptions {
    options
        .row_buffer_size(ROWS_AHEAD)
        .pragma("journal_mode", "WAL")
        .pragma("synchronous", "FULL")
        .pragma("foreign_keys", "ON")
        .pragma("temp_store", "MEMORY")
        .pragma("query_only", query_only)
        .busy_timeout(Duration::from_secs(10))
}

fn lock(path: &Path, how: FlockArg) -> Result<Lock, OpenError> {
    let failed = |source| OpenError::File {
        path: path.to_path_buf(),
        source,
    };
    let file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .map_err(failed)?;
    match Flock::lock(file, how) {
        Ok(held) => Ok(Lock(held)),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => {
            Err(OpenError::Taken(path.with_extension("db")))
        }
        Err((_, errno)) => Err(failed(errno.into())),
    }
}

async fn lock_blocking(path: PathBuf) -> Result<Lock, OpenError> {
    let task = tokio::task::spawn_blocking(move || lock(&path, FlockArg::LockExclusive));
    match task.await {
        Ok(locked) => locked,
        Err(join) => Err(OpenError::File {
            path: PathBuf::from("migration lock"),
            source: std::io::Error::other(join),
        }),
    }
}

fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "(unreadable)".into();
    };
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let name = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{name}:***@{host}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_no_password() {
        let shown = without_password("postgres://warren:a@b:c@db:5432/warren");
        assert_eq!(shown, "postgres://warren:***@db:5432/warren");
    }
}
