//! A download as a job beside the game: into a hidden file, and in its place when it is whole.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Url;
use serde_json::json;
use tokio::sync::{Semaphore, SemaphorePermit};
use warren_proto::wire;
use warren_proto::wire::job_ended::Made;
use warren_runtime::jail::{Attributes, Error, Partial, RelPath, WriteOptions};

use super::call::{self, Answer};
use super::{Guard, name};
use crate::files;
use crate::job::{At, Doing, Done, Figures, Work, cancelled};
use crate::server::start::{Failure, blocking};

/// Downloads at one time on this node: those of one server must not take all of its line.
static PLACES: Semaphore = Semaphore::const_new(4);
/// How long one may take.
const LONGEST: Duration = Duration::from_secs(2 * 3600);
/// Bytes that are gathered before they are written.
const PIECE: usize = 256 * 1024;
/// What has to come at least in [`Pace::WINDOW`].
const LEAST: u64 = 64 * 1024;

impl Work for wire::DownloadWork {
    fn run(self: Box<Self>, at: At) -> Doing {
        Box::pin(async move { download(*self, at).await })
    }
}

async fn download(work: wire::DownloadWork, at: At) -> Done {
    let until = Instant::now() + LONGEST;
    let url = Url::parse(&work.url);
    let url = url.map_err(|_| Failure::new("download_address", "this is no address"))?;
    let dir: RelPath = work.to.parse()?;
    // Before anybody is called.
    let named = match &*work.name {
        "" => None,
        name if name.contains('/') => return Err(Error::BadPath(work.name.clone()).into()),
        name => Some(files::inner(dir.join(name)?.as_str())?),
    };
    let _place = place(&at).await?;
    (at.progress)(Figures::step(&format!("calling {}", call::place(&url))));
    let guard = Guard::new(at.deps.settings.download_allow.clone());
    let mut answer = tokio::select! {
        answer = call::get(&guard, &url) => answer?,
        () = at.cancel.cancelled() => return Err(cancelled()),
    };
    let to = match named {
        Some(to) => to,
        None => {
            let name = name::of(answer.response.headers(), &url, &answer.last);
            files::inner(dir.join(&name)?.as_str())?
        }
    };
    let saving = Saving::begin(&work, &at, to, answer.length(), until).await?;
    match saving.pour(&mut answer).await {
        Ok(bytes) => saving.put(bytes).await,
        Err(why) => {
            saving.take_back().await;
            Err(why)
        }
    }
}

/// Waits for its turn.
async fn place(at: &At) -> Result<SemaphorePermit<'static>, Failure> {
    (at.progress)(Figures::step("waiting for other downloads of this node"));
    tokio::select! {
        place = PLACES.acquire() => place.map_err(|e| Failure::new("internal", e)),
        () = at.cancel.cancelled() => Err(cancelled()),
    }
}

/// What has come so far.
struct Saving<'a> {
    at: &'a At,
    partial: Arc<Partial>,
    options: WriteOptions,
    /// As the answer says; 0: it does not.
    length: u64,
    /// No larger one is taken.
    most: u64,
    until: Instant,
    to: RelPath,
}

impl<'a> Saving<'a> {
    async fn begin(
        work: &wire::DownloadWork,
        at: &'a At,
        to: RelPath,
        length: Option<u64>,
        until: Instant,
    ) -> Result<Self, Failure> {
        let most = match work.max_bytes {
            0 => u64::MAX,
            most => most,
        };
        takes(most, length.unwrap_or(0))?;
        room(at, length.unwrap_or(0))?;
        // For a process after this one, before there is anything.
        let note = at.note.write(json!({"to": to.as_str()})).await;
        note.map_err(|e| Failure::new("disk", e))?;
        let (jail, owner) = files::jail_of(at).await?;
        let options = WriteOptions {
            if_absent: !work.replace,
            parents: true,
            owner,
            ..WriteOptions::default()
        };
        let (id, path, how) = (at.job.to_string(), to.clone(), options.clone());
        let partial = blocking(move || Ok(jail.partial(&path, &id, false, &how)?)).await?;
        Ok(Self {
            at,
            partial: Arc::new(partial),
            options,
            length: length.unwrap_or(0),
            most,
            until,
            to,
        })
    }

    async fn pour(&self, answer: &mut Answer) -> Result<u64, Failure> {
        let (mut gathered, mut written) = (Vec::with_capacity(PIECE), 0_u64);
        let mut pace = Pace::new(Instant::now());
        let end = tokio::time::Instant::from_std(self.until);
        loop {
            let part = tokio::select! {
                part = answer.next() => part?,
                () = self.at.cancel.cancelled() => return Err(cancelled()),
                () = tokio::time::sleep_until(end) => return Err(Error::TookTooLong.into()),
            };
            let whole = part.is_none();
            gathered.extend_from_slice(&part.unwrap_or_default());
            let come = written + gathered.len() as u64;
            if gathered.len() >= PIECE || (whole && !gathered.is_empty()) {
                let piece = std::mem::replace(&mut gathered, Vec::with_capacity(PIECE));
                written += self.write(piece, written).await?;
            }
            (self.at.progress)(Figures {
                step: format!("downloading {}", self.to.name().unwrap_or_default()),
                bytes: Some((come, self.length)),
            });
            if whole {
                return Ok(written);
            }
            if !pace.goes_on(come, Instant::now()) {
                let text = format!(
                    "{} sends less than a KiB a second",
                    call::place(&answer.last)
                );
                return Err(Failure::new("download_slow", text));
            }
        }
    }

    async fn write(&self, piece: Vec<u8>, offset: u64) -> Result<u64, Failure> {
        let bytes = piece.len() as u64;
        takes(self.most, offset.saturating_add(bytes))?;
        room(self.at, bytes)?;
        let partial = self.partial.clone();
        blocking(move || Ok(partial.write_at(&piece, offset)?)).await?;
        // What others have room for, until all is counted anew.
        let mut status = self.at.status.lock();
        status.disk_bytes = status.disk_bytes.saturating_add(bytes);
        Ok(bytes)
    }

    async fn put(self, bytes: u64) -> Done {
        (self.at.progress)(Figures {
            step: "putting the file in its place".into(),
            bytes: Some((bytes, bytes)),
        });
        let (partial, options) = (self.partial.clone(), self.options.clone());
        let put = blocking(move || Ok(partial.commit(&options, Attributes::default())?)).await;
        if let Err(why) = put {
            self.take_back().await;
            return Err(why);
        }
        Ok(Some(Made::Downloaded(wire::FileDownloaded {
            path: self.to.to_string(),
            bytes,
        })))
    }

    async fn take_back(&self) {
        let partial = self.partial.clone();
        let gone = blocking(move || {
            let bytes = partial.size()?;
            partial.discard()?;
            Ok(bytes)
        });
        match gone.await {
            Ok(bytes) => {
                let mut status = self.at.status.lock();
                status.disk_bytes = status.disk_bytes.saturating_sub(bytes);
            }
            // What is left is swept.
            Err(f) => {
                tracing::warn!(server.id = %self.at.server, "a part of a download stays: {}", f.detail)
            }
        }
    }
}

/// Whether a file may be so large that comes from outside.
fn takes(most: u64, bytes: u64) -> Result<(), Failure> {
    match bytes > most {
        true => {
            let text = format!("files that come from outside have at most {most} bytes here");
            Err(Failure::new("upload_limit", text))
        }
        false => Ok(()),
    }
}

fn room(at: &At, bytes: u64) -> Result<(), Failure> {
    files::room::fits(&at.deps.settings, &at.status, bytes)
}

/// Whether enough comes for it to be worth the place.
struct Pace {
    since: Instant,
    had: u64,
}

impl Pace {
    const WINDOW: Duration = Duration::from_secs(60);

    fn new(now: Instant) -> Self {
        Self { since: now, had: 0 }
    }

    fn goes_on(&mut self, come: u64, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) < Self::WINDOW {
            return true;
        }
        let enough = come - self.had >= LEAST;
        (self.since, self.had) = (now, come);
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_drop_by_drop_is_given_up() {
        let begun = Instant::now();
        let at = |s| begun + Duration::from_secs(s);
        let mut pace = Pace::new(begun);
        assert!(pace.goes_on(10, at(59)));
        assert!(pace.goes_on(LEAST, at(60)));
        assert!(pace.goes_on(LEAST + 1, at(119)));
        assert!(!pace.goes_on(2 * LEAST - 1, at(120)));
    }
}
