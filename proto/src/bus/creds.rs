//! One credential: a user JWT and the seed that proves it. Also its file form, the one that every NATS
//! client and tool reads.

use std::fmt;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nkeys::{KeyPair, KeyPairType};

use super::jwt;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("credential file {path}: {source}")]
    File {
        path: String,
        source: std::io::Error,
    },
    #[error("credential: {0}")]
    Malformed(&'static str),
    #[error("credential: {0}")]
    Jwt(#[from] jwt::Error),
}

/// An nkey seed. Prints as `***`, so that no log line can carry one.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Seed(String);

impl Seed {
    /// # Errors
    /// [`Error::Malformed`] if `text` is no seed of that kind.
    pub fn parse(text: &str, kind: KeyPairType) -> Result<Self, Error> {
        let key = KeyPair::from_seed(text).map_err(|_| Error::Malformed("not an nkey seed"))?;
        if key.key_pair_type() != kind {
            return Err(Error::Malformed("a seed of another kind"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The seed of a fresh key.
    /// # Errors
    /// [`Error::Malformed`] if `key` is a public half.
    pub fn of(key: &KeyPair) -> Result<Self, Error> {
        key.seed()
            .map(Self)
            .map_err(|_| Error::Malformed("a public key has no seed"))
    }

    /// # Errors
    /// [`Error::Malformed`] if a damaged seed was deserialised.
    pub fn key(&self) -> Result<KeyPair, Error> {
        KeyPair::from_seed(&self.0).map_err(|_| Error::Malformed("not an nkey seed"))
    }

    /// The text itself, for a file of 0600 or a sealed setting and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What a connection proves itself with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creds {
    pub jwt: String,
    pub seed: Seed,
}

impl Creds {
    /// Pairs a JWT with its seed.
    /// # Errors
    /// If the JWT is damaged or was issued to another key.
    pub fn new(jwt: String, seed: Seed) -> Result<Self, Error> {
        let claims: jwt::Claims<jwt::User> = jwt::read(&jwt)?;
        if claims.sub != seed.key()?.public_key() {
            return Err(Error::Malformed("the JWT was issued to another key"));
        }
        Ok(Self { jwt, seed })
    }

    /// The name in the JWT: the id that the inbox prefix must carry.
    /// # Errors
    /// If the JWT is damaged.
    pub fn name(&self) -> Result<String, Error> {
        Ok(jwt::read::<jwt::User>(&self.jwt)?.name)
    }

    /// Unix seconds after which no server takes it; `None` for never.
    /// # Errors
    /// If the JWT is damaged.
    pub fn expires(&self) -> Result<Option<i64>, Error> {
        Ok(jwt::read::<jwt::User>(&self.jwt)?.exp)
    }

    /// The `.creds` form.
    pub fn to_file_text(&self) -> String {
        format!(
            "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            self.jwt,
            self.seed.expose()
        )
    }

    /// # Errors
    /// Names the part that is missing or does not fit.
    pub fn from_file_text(text: &str) -> Result<Self, Error> {
        let jwt = section(text, "NATS USER JWT").ok_or(Error::Malformed("no user JWT in it"))?;
        let seed = section(text, "USER NKEY SEED").ok_or(Error::Malformed("no seed in it"))?;
        Self::new(jwt.to_owned(), Seed::parse(seed, KeyPairType::User)?)
    }

    /// # Errors
    /// As [`Creds::from_file_text`], or the file's own error with its path.
    pub fn load(path: &Path) -> Result<Self, Error> {
        Self::from_file_text(&std::fs::read_to_string(path).map_err(|e| file(path, e))?)
    }

    /// Writes the file with mode 0600 beside its place, syncs it and moves it there: a reader sees the old
    /// credential or the new one, also after a power cut.
    /// # Errors
    /// The file's own error with its path.
    pub fn store(&self, path: &Path) -> Result<(), Error> {
        let draft = path.with_extension("creds.new");
        let write = || -> std::io::Result<()> {
            // A draft left by a crash may have another mode; begin afresh.
            match std::fs::remove_file(&draft) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            let mut out = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&draft)?;
            out.write_all(self.to_file_text().as_bytes())?;
            out.sync_all()?;
            std::fs::rename(&draft, path)?;
            if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
                std::fs::File::open(parent)?.sync_all()?;
            }
            Ok(())
        };
        write().map_err(|e| file(path, e))
    }
}

fn file(path: &Path, source: std::io::Error) -> Error {
    Error::File {
        path: path.display().to_string(),
        source,
    }
}

/// The one line between `-----BEGIN <name>-----` and the next dashes.
fn section<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|l| l.starts_with("---") && l.contains("BEGIN") && l.contains(name))?;
    lines
        .find(|l| !l.is_empty())
        .filter(|l| !l.starts_with("---"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_reads_back_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.creds");
        let creds = creds();
        creds.store(&path).unwrap();
        creds.store(&path).unwrap();
        assert_eq!(Creds::load(&path).unwrap(), creds);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_jwt_of_another_key_is_refused() {
        let other = Seed::of(&KeyPair::new_user()).unwrap();
        assert!(Creds::new(creds().jwt, other).is_err());
    }

    #[test]
    fn damaged_files_are_refused_without_panic() {
        let whole = creds().to_file_text();
        for end in 0..whole.len() - 40 {
            assert!(
                Creds::from_file_text(&whole[..end]).is_err(),
                "cut at {end}"
            );
        }
    }

    #[test]
    fn a_seed_is_never_printed() {
        let creds = creds();
        assert!(!format!("{creds:?}").contains(creds.seed.expose()));
    }

    fn creds() -> Creds {
        let key = KeyPair::new_user();
        let claims = jwt::Claims {
            jti: String::new(),
            iat: 1,
            iss: String::new(),
            name: "n".into(),
            sub: key.public_key(),
            exp: None,
            nats: serde_json::json!({"type": "user", "version": 2}),
        };
        let jwt = jwt::sign(&KeyPair::new_account(), claims).unwrap();
        Creds::new(jwt, Seed::of(&key).unwrap()).unwrap()
    }
}
