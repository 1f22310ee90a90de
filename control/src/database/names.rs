//! Names of databases and accounts on hosts, and what games connect by. Names are ours: random, so that no two ever
//! meet and none is used again, and of letters that mean nothing to SQL.

use super::dto::DatabaseConnection;
use crate::{auth::secret, database_host::dto::Engine, error::Result};

const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// 51 bits: a thousand databases meet on one host once in four billion.
const TAG: usize = 10;
/// What somebody may choose of a name.
pub const MOST: usize = 32;

fn random(len: usize) -> Result<String> {
    let mut text = String::with_capacity(len);
    let mut bytes = [0; 32];
    while text.len() < len {
        secret::fill(&mut bytes)?;
        // 252 = 7 * 36: bytes above would make the first letters likelier.
        let good = bytes.iter().filter(|b| **b < 252).take(len - text.len());
        text.extend(good.map(|b| char::from(LETTERS[usize::from(b % 36)])));
    }
    Ok(text)
}

/// Names of a database and of its account.
/// # Errors
/// No system random source.
pub fn fresh(chosen: Option<&str>) -> Result<(String, String)> {
    let tag = random(TAG)?;
    let end = match chosen {
        Some(text) => text.to_owned(),
        None => random(6)?,
    };
    Ok((format!("w{tag}_{end}"), format!("u{tag}")))
}

/// Whether a name may end so.
#[must_use]
pub fn is_end(text: &str) -> bool {
    (1..=MOST).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// What games connect by.
#[must_use]
pub fn connection(
    engine: Engine,
    address: String,
    port: u16,
    (database, username, password): (String, String, String),
) -> DatabaseConnection {
    let host = if address.contains(':') {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    };
    let scheme = match engine {
        Engine::Mariadb | Engine::Mysql => "mysql",
        Engine::Postgresql => "postgresql",
    };
    // Names and password are letters and digits: nothing is to be escaped.
    let jdbc = format!(
        "jdbc:{}://{host}/{database}?user={username}&password={password}",
        engine.as_str()
    );
    let url = format!("{scheme}://{username}:{password}@{host}/{database}");
    DatabaseConnection {
        engine,
        address,
        port,
        database,
        username,
        password,
        jdbc,
        url,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_never_meet_and_mean_nothing_to_sql() {
        let all: HashSet<String> = (0..200).map(|_| fresh(None).unwrap().0).collect();
        assert_eq!(all.len(), 200);
        let (name, user) = fresh(Some(&"x".repeat(MOST))).unwrap();
        assert!(name.len() <= 63 && user.len() <= 32);
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        for bad in ["", "A", "a-b", "a b", "a'", "a`", "é", "a%"] {
            assert!(!is_end(bad), "{bad}");
        }
        assert!(is_end("shop_2") && !is_end(&"x".repeat(MOST + 1)));
    }

    #[test]
    fn each_engine_is_called_by_its_own_name() {
        let of = |engine, address: &str| {
            connection(
                engine,
                address.into(),
                1,
                ("d".into(), "u".into(), "p".into()),
            )
        };
        let maria = of(Engine::Mariadb, "db");
        assert_eq!(maria.jdbc, "jdbc:mariadb://db:1/d?user=u&password=p");
        assert_eq!(maria.url, "mysql://u:p@db:1/d");
        let six = of(Engine::Postgresql, "fd00::5");
        assert_eq!(six.url, "postgresql://u:p@[fd00::5]:1/d");
    }
}
