//! Argon2id in a bounded queue: one hash takes 19 MiB and some 40 ms of a core, so a flood of log-ins must
//! neither fill the memory nor starve the games beside us. Threads of their own do it, which everything else that wants a
//! core goes before.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use parking_lot::Mutex;
use tokio::{
    sync::{OnceCell, Semaphore, oneshot},
    time::timeout,
};

use crate::error::{Error, Fields, Result};

/// So many may wait for a hash; more are told to come again.
const ROOM: usize = 32;
/// Nobody waits longer for a turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// Shortest password, characters.
pub const MIN_LENGTH: usize = 10;
/// Longest password, characters.
pub const MAX_LENGTH: usize = 256;

/// How much later than others a thread that hashes gets a core; 19 is the most.
const NICENESS: i32 = 10;

type Work = Box<dyn FnOnce() + Send>;

/// Threads that hash. They end with the last [`Passwords`].
struct Threads(mpsc::Sender<Work>);

impl Threads {
    fn start(count: usize) -> std::io::Result<Self> {
        let (sender, work) = mpsc::channel::<Work>();
        let work = Arc::new(Mutex::new(work));
        for n in 0..count {
            let work = work.clone();
            let thread = std::thread::Builder::new().name(format!("password-{n}"));
            thread.spawn(move || {
                // For this thread alone. It can only fail where nobody may even step back.
                if let Err(error) = rustix::process::nice(NICENESS) {
                    tracing::warn!(%error, "passwords are checked beside everything else, not after it");
                }
                loop {
                    let next = work.lock().recv();
                    match next {
                        // What panics answers nobody and must not take the thread along.
                        Ok(work) => drop(catch_unwind(AssertUnwindSafe(work))),
                        Err(mpsc::RecvError) => return,
                    }
                }
            })?;
        }
        Ok(Self(sender))
    }
}

/// Hashes and checks passwords, a few at a time.
#[derive(Clone)]
pub struct Passwords(Arc<Inner>);

struct Inner {
    cores: usize,
    threads: OnceCell<Threads>,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    refused: AtomicU64,
    /// A hash that nobody's password has: an unknown name costs as much time as a wrong password.
    nobody: OnceCell<String>,
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let cores = cores.saturating_sub(1).max(1);
        Self(Arc::new(Inner {
            cores,
            threads: OnceCell::new(),
            turns: Arc::new(Semaphore::new(cores)),
            waiting: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            nobody: OnceCell::new(),
        }))
    }
}

fn busy() -> Error {
    Error::TooMany {
        code: "busy",
        detail: "too many log-ins are being checked at this moment; try again".into(),
        retry_after_s: 2,
    }
}

/// Somebody's place among those who wait for a hash, for as long as it lives, also when the request is dropped.
pub struct Place(Arc<Inner>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

fn hash_now(password: &str) -> Result<String> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|e| Error::Internal(anyhow::anyhow!("argon2: {e}")))
}

/// Whether another panel made this hash: they use bcrypt.
#[must_use]
pub fn is_foreign(stored: &str) -> bool {
    ["$2a$", "$2b$", "$2x$", "$2y$"]
        .iter()
        .any(|mark| stored.starts_with(mark))
}

/// Stands in place of a hash for somebody who has no password: they come by another provider.
pub const NO_PASSWORD: &str = "!";

fn verify_now(password: &str, stored: &str) -> bool {
    if is_foreign(stored) {
        return bcrypt::verify(password, stored).unwrap_or(false);
    }
    PasswordHash::new(stored).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

impl Passwords {
    /// A place among those who wait. Whoever asks the database about somebody takes it before: a flood of log-ins is turned
    /// away without a query.
    /// # Errors
    /// 429 when too many wait.
    pub fn place(&self) -> Result<Place> {
        let before = self.0.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.0.clone());
        if before >= ROOM {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            return Err(busy());
        }
        Ok(place)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let turn = match timeout(PATIENCE, self.0.turns.clone().acquire_owned()).await {
            Ok(Ok(turn)) => turn,
            _ => {
                self.0.refused.fetch_add(1, Ordering::Relaxed);
                return Err(busy());
            }
        };
        drop(place);
        let start = async || Threads::start(self.0.cores).map_err(Error::internal);
        let threads = self.0.threads.get_or_try_init(start).await?;
        let (answer, answered) = oneshot::channel();
        // The turn goes along: a caller who hangs up does not free it while the hash still runs.
        let work = move || {
            let result = work();
            drop(turn);
            drop(answer.send(result));
        };
        let gone = || {
            Error::Internal(anyhow::anyhow!(
                "the threads that check passwords have ended"
            ))
        };
        threads.0.send(Box::new(work)).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())
    }

    /// PHC string of a password.
    /// # Errors
    /// 429 when too many wait.
    pub async fn hash(&self, password: &str) -> Result<String> {
        let password = password.to_owned();
        self.in_turn(self.place()?, move || hash_now(&password))
            .await?
    }

    /// Whether the password fits. `None` for a name that nobody has, as
    /// [`NO_PASSWORD`]: takes as long and is never true.
    /// # Errors
    /// 429 when too many wait.
    pub async fn verify(&self, password: &str, stored: Option<&str>) -> Result<bool> {
        self.verify_at(self.place()?, password, stored).await
    }

    /// As [`Self::verify`], for whoever has a place already.
    /// # Errors
    /// 429 when one's turn doesn't come.
    pub async fn verify_at(
        &self,
        place: Place,
        password: &str,
        stored: Option<&str>,
    ) -> Result<bool> {
        let stored = stored.filter(|stored| *stored != NO_PASSWORD);
        let known = stored.is_some();
        let stored = match stored {
            Some(stored) => stored.to_owned(),
            None => {
                let nobody = self.0.nobody.get_or_try_init(|| self.hash("nobody"));
                nobody.await?.clone()
            }
        };
        let password: String = password.chars().take(MAX_LENGTH + 1).collect();
        let fits = self
            .in_turn(place, move || verify_now(&password, &stored))
            .await?;
        Ok(fits && known)
    }

    /// Callers turned away since the start.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

/// Says what is wrong with a new password, if anything.
pub fn check_new(fields: &mut Fields, field: &str, password: &str, username: &str, email: &str) {
    let length = password.chars().count();
    if length < MIN_LENGTH {
        fields.refuse(
            field,
            "too_short",
            format!("has {length} characters; take at least {MIN_LENGTH}"),
        );
    } else if length > MAX_LENGTH {
        fields.refuse(
            field,
            "too_long",
            format!("has {length} characters; at most {MAX_LENGTH} are possible"),
        );
    }
    let folded = password.to_lowercase();
    let same = |other: &str| !other.is_empty() && folded == other.to_lowercase();
    if same(username) || same(email) {
        fields.refuse(
            field,
            "guessable",
            "is your name or e-mail address; take another",
        );
    }
    let mut letters: Vec<char> = folded.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    if length >= MIN_LENGTH && letters.len() < 4 {
        fields.refuse(
            field,
            "guessable",
            "repeats the same few characters; take a phrase of several words",
        );
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone() {
        let passwords = Passwords::default();
        let stored = passwords.hash("correct horse battery").await.unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        let fits = async |password: &str, stored: Option<&str>| {
            passwords.verify(password, stored).await.unwrap()
        };
        assert!(fits("correct horse battery", Some(&stored)).await);
        assert!(!fits("correct horse batterz", Some(&stored)).await);
        assert!(!fits("nobody", None).await);
        assert!(!fits("x", Some("no hash")).await);
        // As `password_hash()` of PHP makes it.
        let foreign = "$2y$04$.5aTB5Yr/Lgyx1UbTyq0TOz3DZwWwVdj9dBC3b9kyL9fJxkKpYq2i";
        assert!(is_foreign(foreign) && !is_foreign(&stored));
        assert!(!fits("another", Some(foreign)).await);
        let foreign = bcrypt::hash("correct horse battery", 4).unwrap();
        assert!(fits("correct horse battery", Some(&foreign)).await);
        assert!(!fits("correct horse batterz", Some(&foreign)).await);
    }

    #[tokio::test]
    async fn a_flood_is_turned_away_and_counted() {
        let passwords = Passwords::default();
        let stored = passwords.hash("correct horse battery").await.unwrap();
        let many = (0..200).map(|_| passwords.verify("x", Some(&stored)));
        let results = futures_util::future::join_all(many).await;
        let refused = results.iter().filter(|r| r.is_err()).count();
        assert!(refused > 0);
        assert_eq!(passwords.refused(), refused as u64);
        assert_eq!(passwords.0.waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn weak_passwords_are_named() {
        let codes = |password: &str| {
            let mut fields = Fields::new();
            check_new(&mut fields, "p", password, "administrator", "a@b.c");
            match fields.finish() {
                Err(Error::Invalid(errors)) => errors[0].code.clone(),
                _ => String::new(),
            }
        };
        assert_eq!(codes("short"), "too_short");
        assert_eq!(codes("Administrator"), "guessable");
        assert_eq!(codes("aaaaaaaaaaaa"), "guessable");
        assert_eq!(codes(&"abcd".repeat(65)), "too_long");
        assert_eq!(codes("grüner Hase 7"), "");
    }
}
