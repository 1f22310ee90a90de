//! PostgreSQL.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Row,
    postgres::{PgConnectOptions, PgConnection, PgRow, PgSslMode},
    raw_sql,
};

use super::{Account, Fault, Found, REMOVAL, STATEMENT, Target, Why, within};
use crate::{auth::secret, database_host::dto::Tls};

/// There on every server, and nobody's.
const HOME: &str = "postgres";
/// As PostgreSQL's own: a password of ours has 190 bits, which no number of rounds makes better.
const ROUNDS: u32 = 4096;
/// Databases that a warning names.
const NAMED: usize = 5;

pub struct Session {
    pub(super) connection: PgConnection,
}

/// A name in double quotes.
fn name(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// A text that holds no backslashes: [`super::guard`] has looked.
fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Session {
    pub(super) async fn open(target: &Target) -> Result<Self, Fault> {
        let mut options = PgConnectOptions::new_without_pgpass()
            .host(&target.address)
            .port(target.port)
            .username(&target.username)
            .password(&target.password)
            .database(HOME)
            .application_name("warren-control")
            .ssl_mode(match target.tls {
                Tls::Off => PgSslMode::Disable,
                Tls::Require => PgSslMode::Require,
                Tls::Verify => PgSslMode::VerifyFull,
            })
            // They hold names that are nobody's business.
            .disable_statement_logging();
        if let Some(pem) = &target.ca_pem {
            options = options.ssl_root_cert_from_pem(pem.clone().into_bytes());
        }
        let connection = options.connect().await?;
        Ok(Self { connection })
    }

    async fn run(&mut self, limit: Duration, sql: String) -> Result<(), Fault> {
        let what: Vec<&str> = sql.split(' ').take(2).collect();
        let what = what.join(" ");
        let work = raw_sql(AssertSqlSafe(sql)).execute(&mut self.connection);
        within(&what, limit, work).await.map(drop)
    }

    async fn rows(&mut self, sql: String) -> Result<Vec<PgRow>, Fault> {
        let work = raw_sql(AssertSqlSafe(sql)).fetch_all(&mut self.connection);
        within("a question", STATEMENT, work).await
    }

    async fn is_there(&mut self, sql: String) -> Result<bool, Fault> {
        Ok(!self.rows(sql).await?.is_empty())
    }

    async fn has_role(&mut self, role: &str) -> Result<bool, Fault> {
        let sql = format!(
            "SELECT 1::text FROM pg_roles WHERE rolname = {}",
            text(role)
        );
        self.is_there(sql).await
    }

    /// Who makes a database for a role, or takes it away, must be a member of it, or above all that.
    async fn join(&mut self, role: &str) -> Result<(), Fault> {
        let above = "SELECT 1::text FROM pg_roles WHERE rolname = current_user AND rolsuper";
        if self.is_there(above.into()).await? {
            return Ok(());
        }
        let sql = format!("GRANT {} TO CURRENT_USER", name(role));
        self.run(STATEMENT, sql).await
    }

    pub(super) async fn create(&mut self, account: &Account<'_>) -> Result<(), Fault> {
        let (database, role) = (name(account.name), name(account.username));
        let verb = if self.has_role(account.username).await? {
            "ALTER"
        } else {
            "CREATE"
        };
        // Made up here, so that the password stands in no log of the host's.
        let proof = text(&proof_of(account.password)?);
        let most = account.connections.map_or(-1, i64::from);
        let sql = format!("{verb} ROLE {role} LOGIN CONNECTION LIMIT {most} PASSWORD {proof}");
        self.run(STATEMENT, sql).await?;
        self.join(account.username).await?;
        let there = format!(
            "SELECT 1::text FROM pg_database WHERE datname = {}",
            text(account.name)
        );
        if !self.is_there(there).await? {
            let sql = format!(
                "CREATE DATABASE {database} OWNER {role} TEMPLATE template0 ENCODING 'UTF8'"
            );
            self.run(STATEMENT, sql).await?;
        }
        let sql = format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC");
        self.run(STATEMENT, sql).await
    }

    /// An account that may not end what is connected leaves it be.
    pub(super) async fn end_connections(&mut self, username: &str) -> Result<(), Fault> {
        let sql = format!(
            "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE usename = {}",
            text(username)
        );
        match self.rows(sql).await {
            Err(fault) if fault.why != Why::Privileges => Err(fault),
            _ => Ok(()),
        }
    }

    pub(super) async fn drop(&mut self, account: &Account<'_>) -> Result<(), Fault> {
        let (database, role) = (name(account.name), name(account.username));
        let known = self.has_role(account.username).await?;
        if known {
            self.run(STATEMENT, format!("ALTER ROLE {role} NOLOGIN"))
                .await?;
            self.join(account.username).await?;
            self.end_connections(account.username).await?;
        }
        let forced = "SELECT 1::text WHERE current_setting('server_version_num')::int >= 130000";
        let forced = if self.is_there(forced.into()).await? {
            " WITH (FORCE)"
        } else {
            ""
        };
        let sql = format!("DROP DATABASE IF EXISTS {database}{forced}");
        self.run(REMOVAL, sql).await?;
        if known {
            // Whatever it was given or has made where PUBLIC may, which is nothing on a server that is set up well.
            self.run(STATEMENT, format!("DROP OWNED BY {role}")).await?;
        }
        self.run(STATEMENT, format!("DROP ROLE IF EXISTS {role}"))
            .await
    }

    pub(super) async fn examine(&mut self) -> Result<Found, Fault> {
        let rows = self
            .rows(
                "SELECT current_setting('server_version'), current_setting('server_version_num'), rolsuper::text, \
                 rolcreatedb::text, rolcreaterole::text FROM pg_roles WHERE rolname = current_user"
                    .into(),
            )
            .await?;
        let Some(row) = rows.first() else {
            return Err(Fault::new(
                Why::Refused,
                "the server does not know its own user",
            ));
        };
        let column = |at: usize| row.try_get::<String, _>(at);
        let mut found = Found {
            version: format!("PostgreSQL {}", crate::text::tame(&column(0)?, 100)),
            ..Found::default()
        };
        if column(1)?.parse::<u32>().is_ok_and(|n| n < 110_000) {
            found
                .warnings
                .push("is older than PostgreSQL 11, which this was made for".into());
        }
        let above = column(2)? == "true";
        for (has, right) in [(column(3)?, "CREATEDB"), (column(4)?, "CREATEROLE")] {
            if !above && has != "true" {
                found.missing.push(right.into());
            }
        }
        let open = self
            .rows(
                "SELECT datname::text FROM pg_database WHERE datallowconn AND \
                 has_database_privilege('public', oid, 'CONNECT') ORDER BY datname LIMIT 100"
                    .into(),
            )
            .await?;
        if !open.is_empty() {
            let names: Result<Vec<String>, _> =
                open.iter().take(NAMED).map(|row| row.try_get(0)).collect();
            let more = if open.len() > NAMED { ", …" } else { "" };
            found.warnings.push(format!(
                "every account may connect to {}{more}: REVOKE CONNECT ON DATABASE … FROM PUBLIC keeps games out of there",
                names?.join(", ")
            ));
        }
        Ok(found)
    }
}

/// What PostgreSQL keeps of a password under SCRAM-SHA-256.
fn proof_of(password: &str) -> Result<String, Fault> {
    let mut salt = [0; 16];
    secret::fill(&mut salt).map_err(|_| Fault::new(Why::Refused, "there is no random source"))?;
    scram(password, &salt).ok_or_else(|| Fault::new(Why::Refused, "no key of any length"))
}

/// RFC 5802, section 3, with one block of PBKDF2.
fn scram(password: &str, salt: &[u8]) -> Option<String> {
    let keyed = |key: &[u8], parts: &[&[u8]]| -> Option<[u8; 32]> {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).ok()?;
        parts.iter().for_each(|part| mac.update(part));
        Some(mac.finalize().into_bytes().into())
    };
    let mut round = keyed(password.as_bytes(), &[salt, &1_u32.to_be_bytes()])?;
    let mut salted = round;
    for _ in 1..ROUNDS {
        round = keyed(password.as_bytes(), &[&round])?;
        salted
            .iter_mut()
            .zip(round)
            .for_each(|(sum, one)| *sum ^= one);
    }
    let stored = Sha256::digest(keyed(&salted, &[b"Client Key"])?);
    let server = keyed(&salted, &[b"Server Key"])?;
    Some(format!(
        "SCRAM-SHA-256${ROUNDS}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored),
        STANDARD.encode(server)
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_proof_is_what_the_standard_says() {
        // RFC 7677, section 3: `pencil`, and the server's signature made with this key.
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        assert_eq!(
            scram("pencil", &salt).unwrap(),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
             WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
             wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }
}
