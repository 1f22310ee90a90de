//! What is done on a database host, in its engine's words. One connection for one job; every statement has a deadline
//! and may be sent again: whatever was broken off is finished by the next try.
//!
//! Identifiers are ours alone, of `[a-z0-9_]`, and quoted all the same.

mod fault;
mod mysql;
mod postgres;

pub use fault::{Fault, Why};

use std::{fmt, time::Duration};

use sqlx::Connection;
use tokio::time::timeout;

use super::dto::{Engine, Tls};

/// To be connected and logged in.
const CONNECT: Duration = Duration::from_secs(5);
/// To say good-bye.
const CLOSE: Duration = Duration::from_secs(2);
/// For a statement.
const STATEMENT: Duration = Duration::from_secs(15);
/// For a statement that removes files, be there ever so many.
const REMOVAL: Duration = Duration::from_secs(120);

/// A host as it is reached.
#[derive(Clone)]
pub struct Target {
    /// What it speaks.
    pub engine: Engine,
    /// Host name or IP address.
    pub address: String,
    /// Port.
    pub port: u16,
    /// Who we are there.
    pub username: String,
    /// Our password.
    pub password: String,
    /// Whether the connection is encrypted, and whom it must lead to.
    pub tls: Tls,
    /// Certificates that are trusted beside the system's.
    pub ca_pem: Option<String>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.username, self.address, self.port)
    }
}

/// A database and the one account that reaches it.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    /// Of the database.
    pub name: &'a str,
    /// Of the account.
    pub username: &'a str,
    /// The account's host part, of MariaDB and MySQL.
    pub from: &'a str,
    /// The account's password.
    pub password: &'a str,
    /// Connections at a time; none: no limit.
    pub connections: Option<u32>,
}

impl fmt::Debug for Account<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.username, self.name)
    }
}

/// What a look at a host found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// As the server says it.
    pub version: String,
    /// Privileges that our account lacks there.
    pub missing: Vec<String>,
    /// What works, and should be looked at.
    pub warnings: Vec<String>,
}

/// A connection to a host.
pub enum Session {
    /// MariaDB and MySQL.
    Mysql(mysql::Session),
    /// PostgreSQL.
    Postgres(postgres::Session),
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

impl Session {
    /// Connects and logs in.
    /// # Errors
    /// Says in a word why not, within 5 s.
    pub async fn open(target: &Target) -> Result<Self, Fault> {
        let open = async {
            Ok(match target.engine {
                Engine::Mariadb | Engine::Mysql => Self::Mysql(mysql::Session::open(target).await?),
                Engine::Postgresql => Self::Postgres(postgres::Session::open(target).await?),
            })
        };
        let opened = timeout(CONNECT, open).await;
        opened.unwrap_or_else(|_| Err(Fault::late("the log-in", CONNECT)))
    }

    /// Makes the database and its account, or what is missing of them, with this password.
    /// # Errors
    /// What the host says; asked again it goes on.
    pub async fn create(&mut self, account: &Account<'_>) -> Result<(), Fault> {
        guard(account)?;
        let done = match self {
            Self::Mysql(session) => session.create(account).await,
            Self::Postgres(session) => session.create(account).await,
        };
        done.map_err(|fault| fault.without(account.password))
    }

    /// Gives the account this password and ends what is connected with the one before.
    /// # Errors
    /// What the host says; asked again it goes on.
    pub async fn rotate(&mut self, account: &Account<'_>) -> Result<(), Fault> {
        self.create(account).await?;
        match self {
            Self::Mysql(session) => session.end_connections(account.username).await,
            Self::Postgres(session) => session.end_connections(account.username).await,
        }
    }

    /// Removes account and database, whatever there is of them.
    /// # Errors
    /// What the host says; asked again it goes on.
    pub async fn drop(&mut self, account: &Account<'_>) -> Result<(), Fault> {
        guard(account)?;
        match self {
            Self::Mysql(session) => session.drop(account).await,
            Self::Postgres(session) => session.drop(account).await,
        }
    }

    /// Looks at what server it is and what we may do there.
    /// # Errors
    /// What the host says.
    pub async fn examine(&mut self, engine: Engine) -> Result<Found, Fault> {
        match self {
            Self::Mysql(session) => session.examine(engine).await,
            Self::Postgres(session) => session.examine().await,
        }
    }

    /// A question and its answer, of no meaning.
    /// # Errors
    /// What the host says.
    pub async fn ping(&mut self) -> Result<(), Fault> {
        let pinged = async {
            match self {
                Self::Mysql(session) => session.connection.ping().await,
                Self::Postgres(session) => session.connection.ping().await,
            }
        };
        within("a ping", STATEMENT, pinged).await
    }

    /// Says good-bye; a host that does not hear it notices by itself.
    pub async fn close(self) {
        let closed = async {
            match self {
                Self::Mysql(session) => session.connection.close().await,
                Self::Postgres(session) => session.connection.close().await,
            }
        };
        drop(timeout(CLOSE, closed).await);
    }
}

async fn within<T>(
    what: &str,
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, Fault> {
    match timeout(limit, work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Fault::late(what, limit)),
    }
}

/// What comes from a row goes into SQL: it is what we make, or nothing is done.
fn guard(account: &Account<'_>) -> Result<(), Fault> {
    let plain = |text: &str| {
        (1..=63).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let secret = account.password.bytes().all(|b| b.is_ascii_alphanumeric());
    let good = plain(account.name)
        && plain(account.username)
        && secret
        && !account.password.is_empty()
        && is_source(account.from);
    if good {
        return Ok(());
    }
    Err(Fault::new(
        Why::Refused,
        "the stored names are none that Warren makes",
    ))
}

/// Where an account may come from: an address or name, with wildcards or a netmask, as MariaDB and MySQL have it.
#[must_use]
pub fn is_source(text: &str) -> bool {
    (1..=60).contains(&text.len())
        && text.bytes().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'%' | b'_' | b'-' | b'/')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_warren_makes_comes_near_a_statement() {
        let good = Account {
            name: "w0123456789_shop",
            username: "u0123456789",
            from: "10.0.%",
            password: "aB3",
            connections: None,
        };
        assert_eq!(guard(&good), Ok(()));
        for bad in [
            "", "a`b", "a\"b", "a'b", "A", "a b", "a;b", "a\\", "é", "a-b",
        ] {
            assert!(guard(&Account { name: bad, ..good }).is_err(), "{bad}");
            let account = Account {
                username: bad,
                ..good
            };
            assert!(guard(&account).is_err(), "{bad}");
        }
        for bad in ["", "a'b", "a\\b", "\u{e9}"] {
            let account = Account {
                password: bad,
                ..good
            };
            assert!(guard(&account).is_err(), "{bad}");
            assert!(guard(&Account { from: bad, ..good }).is_err(), "{bad}");
        }
        let long = "a".repeat(64);
        assert!(
            guard(&Account {
                name: &long,
                ..good
            })
            .is_err()
        );
    }
}
