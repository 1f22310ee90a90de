//! Why something did not work on a host, in a word and in the host's words.

use std::{error::Error as _, time::Duration};

use sqlx::{mysql::MySqlDatabaseError, postgres::PgDatabaseError};

use crate::text::tame;

/// Longest text that is kept of a host's words.
const MOST: usize = 300;

/// In a word, for people and for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Nothing answers there.
    Unreachable,
    /// It took too long.
    TimedOut,
    /// The connection can't be encrypted as it is wanted.
    Tls,
    /// What answers is no such database.
    WrongEngine,
    /// The log-in was refused.
    Credentials,
    /// Our account may not do it.
    Privileges,
    /// It has no connection left.
    Busy,
    /// It refused a statement.
    Refused,
    /// Our password for the host can't be opened.
    Sealed,
}

impl Why {
    /// The word in rows and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Tls => "tls",
            Self::WrongEngine => "wrong_engine",
            Self::Credentials => "credentials",
            Self::Privileges => "privileges",
            Self::Busy => "busy",
            Self::Refused => "refused",
            Self::Sealed => "sealed",
        }
    }

    /// Whether the next job on this host would end the same way.
    #[must_use]
    pub fn is_of_host(self) -> bool {
        !matches!(self, Self::Refused)
    }
}

/// Something did not work on a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Fault {
    /// In a word.
    pub why: Why,
    /// For an admin: bounded, without control characters and without passwords.
    pub text: String,
}

impl Fault {
    /// In our own words.
    pub fn new(why: Why, text: impl AsRef<str>) -> Self {
        Self {
            why,
            text: tame(text.as_ref(), MOST),
        }
    }

    pub(super) fn late(what: &str, limit: Duration) -> Self {
        let text = format!("{what} took longer than {} s", limit.as_secs());
        Self::new(Why::TimedOut, text)
    }

    /// The same where the host quoted a password.
    pub(super) fn without(mut self, secret: &str) -> Self {
        if !secret.is_empty() {
            self.text = self.text.replace(secret, "***");
        }
        self
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            // The driver passes what TLS refuses as trouble with the line.
            sqlx::Error::Io(cause)
                if cause
                    .get_ref()
                    .is_some_and(|inner| inner.is::<rustls::Error>()) =>
            {
                Self::new(Why::Tls, cause.to_string())
            }
            sqlx::Error::Io(cause) => Self::new(Why::Unreachable, cause.to_string()),
            sqlx::Error::Tls(cause) => Self::new(Why::Tls, cause.to_string()),
            sqlx::Error::Protocol(text) if text.contains("mysql-rsa") || text.contains("RSA") => {
                let text = "this account's log-in takes TLS: set it to required, or give the account the plugin \
                            mysql_native_password";
                Self::new(Why::Tls, text)
            }
            sqlx::Error::Protocol(text) => {
                let text = format!("what answers there does not speak as it should: {text}");
                Self::new(Why::WrongEngine, text)
            }
            sqlx::Error::Database(said) => {
                let why = if let Some(mysql) = said.try_downcast_ref::<MySqlDatabaseError>() {
                    of_mysql(mysql.number())
                } else if let Some(postgres) = said.try_downcast_ref::<PgDatabaseError>() {
                    of_postgres(postgres.code())
                } else {
                    Why::Refused
                };
                Self::new(why, said.message())
            }
            other => {
                let cause = other.source().map(|cause| format!(": {cause}"));
                Self::new(
                    Why::Refused,
                    format!("{other}{}", cause.unwrap_or_default()),
                )
            }
        }
    }
}

/// MariaDB's and MySQL's error numbers.
fn of_mysql(number: u16) -> Why {
    match number {
        // Access denied for the account; unknown plugin; account locked; password expired; host not allowed.
        1045 | 1130 | 1524 | 1862 | 1820 | 3118 | 4151 | 1698 => Why::Credentials,
        // Access denied to a database, command, table, routine, or for want of a privilege.
        1044 | 1142 | 1143 | 1227 | 1370 | 1410 | 1419 => Why::Privileges,
        // Too many connections; of this account; blocked for too many errors.
        1040 | 1203 | 1226 | 1129 => Why::Busy,
        // Insecure transport is prohibited.
        3159 => Why::Tls,
        // Shutting down.
        1053 => Why::Unreachable,
        _ => Why::Refused,
    }
}

/// PostgreSQL's SQLSTATEs.
fn of_postgres(code: &str) -> Why {
    match code {
        "28P01" | "28000" => Why::Credentials,
        "42501" => Why::Privileges,
        "53300" | "55006" => Why::Busy,
        "57P01" | "57P02" | "57P03" => Why::Unreachable,
        "57014" => Why::TimedOut,
        _ => Why::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_says_is_cut_and_holds_no_password() {
        let loud = format!("near 's3cret'\u{1b}[31m {}", "x".repeat(1000));
        let fault = Fault::new(Why::Refused, loud).without("s3cret");
        assert!(fault.text.starts_with("near '***'[31m"), "{fault}");
        assert!(fault.text.chars().count() <= MOST);
    }
}
