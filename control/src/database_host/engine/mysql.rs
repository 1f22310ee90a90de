//! MariaDB and MySQL.

use std::time::Duration;

use sqlx::{
    AssertSqlSafe, ConnectOptions, Row,
    mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlSslMode},
    raw_sql,
};

use super::{Account, Fault, Found, REMOVAL, STATEMENT, Target, within};
use crate::database_host::dto::{Engine, Tls};

/// What a database's account may do in it.
const GIVEN: &str = "ALTER, ALTER ROUTINE, CREATE, CREATE ROUTINE, CREATE TEMPORARY TABLES, CREATE VIEW, DELETE, DROP, \
                     EVENT, EXECUTE, INDEX, INSERT, LOCK TABLES, REFERENCES, SELECT, SHOW VIEW, TRIGGER, UPDATE";

pub struct Session {
    pub(super) connection: MySqlConnection,
}

/// A name in backticks.
fn name(text: &str) -> String {
    format!("`{}`", text.replace('`', "``"))
}

/// The name of a database in GRANT, where `_` and `%` stand for others.
fn pattern(text: &str) -> String {
    name(
        &text
            .replace('\\', "\\\\")
            .replace('_', "\\_")
            .replace('%', "\\%"),
    )
}

/// A text that holds neither quotes nor backslashes: [`super::guard`] has looked.
fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn who(account: &Account<'_>) -> String {
    format!("{}@{}", text(account.username), text(account.from))
}

impl Session {
    pub(super) async fn open(target: &Target) -> Result<Self, Fault> {
        let mut options = MySqlConnectOptions::new()
            .host(&target.address)
            .port(target.port)
            .username(&target.username)
            .password(&target.password)
            .pipes_as_concat(false)
            .timezone(None)
            .ssl_mode(match target.tls {
                Tls::Off => MySqlSslMode::Disabled,
                Tls::Require => MySqlSslMode::Required,
                Tls::Verify => MySqlSslMode::VerifyIdentity,
            })
            // They hold passwords.
            .disable_statement_logging();
        if let Some(pem) = &target.ca_pem {
            options = options.ssl_ca_from_pem(pem.clone().into_bytes());
        }
        let connection = options.connect().await?;
        Ok(Self { connection })
    }

    async fn run(&mut self, limit: Duration, sql: String) -> Result<(), Fault> {
        let what = first_words(&sql);
        let work = raw_sql(AssertSqlSafe(sql)).execute(&mut self.connection);
        within(&what, limit, work).await.map(drop)
    }

    async fn rows(&mut self, sql: String) -> Result<Vec<MySqlRow>, Fault> {
        let what = first_words(&sql);
        let work = raw_sql(AssertSqlSafe(sql)).fetch_all(&mut self.connection);
        within(&what, STATEMENT, work).await
    }

    pub(super) async fn create(&mut self, account: &Account<'_>) -> Result<(), Fault> {
        let (who, database) = (who(account), name(account.name));
        let password = text(account.password);
        let most = account.connections.unwrap_or(0);
        for sql in [
            format!("CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET utf8mb4"),
            format!("CREATE USER IF NOT EXISTS {who} IDENTIFIED BY {password}"),
            // One that an earlier try has made may have another password.
            format!("ALTER USER {who} IDENTIFIED BY {password} WITH MAX_USER_CONNECTIONS {most}"),
            format!("GRANT {GIVEN} ON {}.* TO {who}", pattern(account.name)),
        ] {
            self.run(STATEMENT, sql).await?;
        }
        Ok(())
    }

    /// What is connected keeps its rights until it ends. An account that may not end it leaves it be.
    pub(super) async fn end_connections(&mut self, username: &str) -> Result<(), Fault> {
        let ids = format!(
            "SELECT CAST(id AS CHAR) FROM information_schema.processlist WHERE user = {}",
            text(username)
        );
        for row in self.rows(ids).await? {
            let id: String = row.try_get(0)?;
            let Ok(id) = id.parse::<u64>() else { continue };
            // Ended by itself meanwhile, or not ours to end.
            drop(self.run(STATEMENT, format!("KILL CONNECTION {id}")).await);
        }
        Ok(())
    }

    pub(super) async fn drop(&mut self, account: &Account<'_>) -> Result<(), Fault> {
        // First the account, then who is in by it: they could make the database anew.
        self.run(STATEMENT, format!("DROP USER IF EXISTS {}", who(account)))
            .await?;
        self.end_connections(account.username).await?;
        let sql = format!("DROP DATABASE IF EXISTS {}", name(account.name));
        self.run(REMOVAL, sql).await
    }

    pub(super) async fn examine(&mut self, engine: Engine) -> Result<Found, Fault> {
        let version = self.rows("SELECT VERSION()".into()).await?;
        let version: String = match version.first() {
            Some(row) => row.try_get(0)?,
            None => String::new(),
        };
        let mut found = Found {
            version: crate::text::tame(&version, 100),
            ..Found::default()
        };
        let mariadb = version.to_ascii_lowercase().contains("mariadb");
        if mariadb != (engine == Engine::Mariadb) {
            let is = if mariadb { "MariaDB" } else { "MySQL" };
            found.warnings.push(format!(
                "this is {is}: games are told another kind of address than they need"
            ));
        }
        if !is_new_enough(&version, mariadb) {
            let needed = if mariadb {
                "MariaDB 10.3"
            } else {
                "MySQL 5.7.8"
            };
            found
                .warnings
                .push(format!("is older than {needed}, which this was made for"));
        }
        let held = "SELECT CAST(privilege_type AS CHAR), CAST(is_grantable AS CHAR) FROM \
                    information_schema.user_privileges WHERE grantee = \
                    CONCAT('\\'', REPLACE(CURRENT_USER(), '@', '\\'@\\''), '\\'')";
        let mut has = Vec::new();
        for row in self.rows(held.into()).await? {
            let (privilege, lends): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            has.push((privilege.to_ascii_uppercase(), lends == "YES"));
        }
        let any = |wanted: &str, lend: bool| {
            has.iter()
                .any(|(held, lends)| held == wanted && (*lends || !lend))
        };
        if !any("CREATE USER", false) {
            found.missing.push("CREATE USER".into());
        }
        let lent = GIVEN.split(", ").filter(|one| !any(one, true));
        found
            .missing
            .extend(lent.map(|one| format!("{one} (WITH GRANT OPTION)")));
        let ends = ["SUPER", "CONNECTION ADMIN", "CONNECTION_ADMIN"];
        if !ends.iter().any(|one| any(one, false)) || !any("PROCESS", false) {
            found.warnings.push(
                "without PROCESS and CONNECTION ADMIN (or SUPER) whoever is connected stays so when a password is \
                 changed or a database removed"
                    .into(),
            );
        }
        Ok(found)
    }
}

/// For people: a statement without what stands in it.
fn first_words(sql: &str) -> String {
    let words: Vec<&str> = sql.split(' ').take(2).collect();
    words.join(" ")
}

/// `CREATE USER IF NOT EXISTS` and `ALTER USER` with limits.
fn is_new_enough(version: &str, mariadb: bool) -> bool {
    // MariaDB says `5.5.5-10.11.6-MariaDB` to clients that are older than its numbers.
    let version = version.strip_prefix("5.5.5-").unwrap_or(version);
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .map(|n| n.parse::<u32>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    let have = (next(), next(), next());
    have >= if mariadb { (10, 3, 0) } else { (5, 7, 8) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_in_a_grant_mean_themselves() {
        assert_eq!(pattern("w1_a%b`c"), "`w1\\_a\\%b``c`");
    }

    #[test]
    fn versions_are_read_as_servers_say_them() {
        assert!(is_new_enough("10.11.14-MariaDB-0+deb12u2", true));
        assert!(is_new_enough("5.5.5-10.5.8-MariaDB", true));
        assert!(!is_new_enough("10.2.44-MariaDB", true));
        assert!(is_new_enough("8.4.3", false) && is_new_enough("5.7.44-log", false));
        assert!(!is_new_enough("5.6.51", false) && !is_new_enough("", false));
    }
}
