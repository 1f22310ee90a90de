//! Files of a server for people, all through the jail.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use warren_proto::ids::ServerId;
use warren_proto::wire::{self, files_ask::Ask};
use warren_runtime::jail::{
    AtomicFile, ETag, Entry, Error, Jail, Kind, ListOptions, RelPath, SortBy, WriteOptions,
};

use crate::clock;
use crate::link::session::refuse;
use crate::server::deps::Deps;
use crate::server::start;

/// Bytes of one part.
pub const MAX_PART: usize = 512 * 1024;
/// Entries of one answer.
const MAX_LIST: usize = 1000;
/// Writes in parts at one time on this node.
const MAX_UPLOADS: usize = 64;
/// A write whose next part does not come is given up.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(300);

/// The permission that an ask needs.
pub fn right_of(ask: &Ask) -> &'static str {
    match ask {
        Ask::List(_) => "file.read",
        Ask::Read(_) => "file.read-content",
        Ask::Write(write) if write.if_match == "-" => "file.create",
        Ask::Write(_) | Ask::Rename(_) => "file.update",
        Ask::Mkdir(_) => "file.create",
        Ask::Delete(_) => "file.delete",
    }
}

struct Upload {
    server: ServerId,
    file: AtomicFile,
    at: u64,
    touched: Instant,
}

/// Writes that come in parts.
#[derive(Default)]
pub struct Uploads {
    open: Mutex<HashMap<String, Upload>>,
}

/// An answer, ready for an envelope.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// To list.
    Entries(wire::FileEntries),
    /// To read.
    Content(wire::FileContent),
    /// To write.
    Written(wire::FileWritten),
    /// To the rest.
    Done(wire::Accepted),
}

/// Carries out one ask. Blocks on the disk.
pub fn answer(
    deps: &Arc<Deps>,
    uploads: &Uploads,
    server: ServerId,
    denylist: &[String],
    ask: Ask,
) -> Result<Answer, wire::Failure> {
    let root = deps.settings.files_of(server);
    let uid = start::uid_of(deps, server).map_err(|f| refuse(&f.code, f.detail, false))?;
    start::ensure_root(&root, uid).map_err(|f| refuse(&f.code, f.detail, false))?;
    let jail = Jail::open(&root).map_err(failure)?;
    let files = Files {
        jail,
        uid,
        server,
        denylist,
        uploads,
    };
    files.answer(ask).map_err(failure)
}

fn failure(e: Error) -> wire::Failure {
    refuse(e.code(), e.to_string(), false)
}

struct Files<'a> {
    jail: Jail,
    uid: u32,
    server: ServerId,
    denylist: &'a [String],
    uploads: &'a Uploads,
}

impl Files<'_> {
    fn answer(&self, ask: Ask) -> Result<Answer, Error> {
        match ask {
            Ask::List(ask) => self.list(&ask),
            Ask::Read(ask) => self.read(&ask),
            Ask::Write(ask) => self.write(ask),
            Ask::Mkdir(ask) => {
                let path = self.allowed(&ask.path)?;
                self.jail.mkdir(&path, &self.options(""))?;
                Ok(Answer::Done(wire::Accepted {}))
            }
            Ask::Delete(ask) => {
                for path in &ask.paths {
                    let path = self.allowed(path)?;
                    if path.is_root() {
                        return Err(Error::BadPath("/".into()));
                    }
                    self.jail.delete(&path)?;
                }
                Ok(Answer::Done(wire::Accepted {}))
            }
            Ask::Rename(ask) => {
                let (from, to) = (self.allowed(&ask.from)?, self.allowed(&ask.to)?);
                self.jail.rename(&from, &to, false)?;
                Ok(Answer::Done(wire::Accepted {}))
            }
        }
    }

    fn path(text: &str) -> Result<RelPath, Error> {
        let text = text.trim_matches('/');
        match text.is_empty() {
            true => Ok(RelPath::root()),
            false => text.parse(),
        }
    }

    /// A path that the egg does not keep from people.
    fn allowed(&self, text: &str) -> Result<RelPath, Error> {
        let path = Self::path(text)?;
        match self.denylist.iter().any(|rule| denies(rule, path.as_str())) {
            true => Err(Error::Outside(format!("{path} (kept back by the egg)"))),
            false => Ok(path),
        }
    }

    fn options(&self, if_match: &str) -> WriteOptions {
        WriteOptions {
            if_match: (!matches!(if_match, "" | "*" | "-")).then(|| ETag(if_match.to_owned())),
            if_absent: if_match == "-",
            parents: true,
            owner: Some((self.uid, self.uid)),
            mode: None,
        }
    }

    fn list(&self, ask: &wire::FileList) -> Result<Answer, Error> {
        let options = ListOptions {
            sort: SortBy::Name,
            offset: 0,
            limit: usize::MAX,
        };
        let page = self.jail.list(&Self::path(&ask.path)?, options)?;
        let limit = match ask.limit as usize {
            0 => MAX_LIST,
            n => n.min(MAX_LIST),
        };
        let at = page.entries.iter().position(|e| e.name == ask.after);
        let from = at.map_or(0, |n| n + 1);
        let rest = page.entries.get(from..).unwrap_or_default();
        let entries: Vec<_> = rest.iter().take(limit).map(entry).collect();
        let next = match (rest.len() > limit, entries.last()) {
            (true, Some(last)) => last.name.clone(),
            _ => String::new(),
        };
        Ok(Answer::Entries(wire::FileEntries { entries, next }))
    }

    fn read(&self, ask: &wire::FileRead) -> Result<Answer, Error> {
        let path = self.allowed(&ask.path)?;
        let length = (ask.length as usize).min(MAX_PART);
        let length = if length == 0 { MAX_PART } else { length };
        let range = self.jail.read_range(&path, ask.offset, length)?;
        Ok(Answer::Content(wire::FileContent {
            data: range.bytes,
            size_bytes: range.size_bytes,
            etag: range.etag.0,
        }))
    }

    fn write(&self, ask: wire::FileWrite) -> Result<Answer, Error> {
        if ask.data.len() > MAX_PART {
            return Err(Error::TooLarge {
                path: ask.path,
                size: ask.data.len() as u64,
                limit: MAX_PART as u64,
            });
        }
        let path = self.allowed(&ask.path)?;
        if ask.if_match == "*" {
            self.jail.stat(&path)?;
        }
        if ask.upload.is_empty() {
            let written = self
                .jail
                .write(&path, &ask.data, self.options(&ask.if_match))?;
            return Ok(written_answer(&written));
        }
        let mut open = self.uploads.open.lock();
        open.retain(|_, u| u.touched.elapsed() < UPLOAD_PATIENCE);
        let mut upload = if ask.offset == 0 {
            if open.len() >= MAX_UPLOADS {
                return Err(Error::Exists(
                    "too many uploads at one time; the place".into(),
                ));
            }
            Upload {
                server: self.server,
                file: self.jail.create(&path, self.options(&ask.if_match))?,
                at: 0,
                touched: Instant::now(),
            }
        } else {
            let upload = open.remove(&ask.upload);
            upload.ok_or_else(|| Error::NotFound(format!("upload {}", ask.upload)))?
        };
        if upload.server != self.server || upload.at != ask.offset {
            let text = format!("upload {} at offset {}", ask.upload, ask.offset);
            return Err(Error::NotFound(text));
        }
        upload.file.write_all(&ask.data)?;
        upload.at += ask.data.len() as u64;
        upload.touched = Instant::now();
        if ask.last {
            drop(open);
            return Ok(written_answer(&upload.file.commit()?));
        }
        let size_bytes = upload.at;
        open.insert(ask.upload, upload);
        Ok(Answer::Written(wire::FileWritten {
            etag: String::new(),
            size_bytes,
        }))
    }
}

fn written_answer(entry: &Entry) -> Answer {
    Answer::Written(wire::FileWritten {
        etag: entry.etag.0.clone(),
        size_bytes: entry.size_bytes,
    })
}

fn entry(entry: &Entry) -> wire::FileEntry {
    let kind = match entry.kind {
        Kind::File => "file",
        Kind::Directory => "directory",
        Kind::Symlink => "symlink",
        Kind::Other => "other",
    };
    wire::FileEntry {
        name: entry.name.clone(),
        kind: kind.into(),
        size_bytes: entry.size_bytes,
        modified_at_ms: clock::to_ms(entry.modified),
        mode: entry.mode,
    }
}

/// A rule names a path or, without a slash, a name anywhere; `*` stands for any text but a slash.
pub(crate) fn denies(rule: &str, path: &str) -> bool {
    let rule = rule.trim();
    if rule.is_empty() || path.is_empty() {
        return false;
    }
    if rule.trim_start_matches('/').contains('/') || rule.starts_with('/') {
        return matches(rule.trim_matches('/').as_bytes(), path.as_bytes());
    }
    path.split('/')
        .any(|part| matches(rule.as_bytes(), part.as_bytes()))
}

/// Wildcard match in linear space: one place to come back to is enough for `*`.
fn matches(rule: &[u8], text: &[u8]) -> bool {
    let (mut r, mut t, mut back) = (0, 0, None);
    while t < text.len() {
        match rule.get(r) {
            Some(b'*') => {
                back = Some((r, t));
                r += 1;
            }
            Some(c) if *c == text[t] => {
                r += 1;
                t += 1;
            }
            _ => match back {
                Some((star, from)) if text[from] != b'/' => {
                    back = Some((star, from + 1));
                    r = star + 1;
                    t = from + 1;
                }
                _ => return false,
            },
        }
    }
    rule[r..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_keeps_back_names_and_paths() {
        assert!(denies("*.pem", "keys/a.pem"));
        assert!(denies("secret", "a/secret/b"));
        assert!(denies("/config/*.yml", "config/a.yml"));
        assert!(!denies("/config/*.yml", "config/a/b.yml"));
        assert!(!denies("*.pem", "a.pem.txt"));
        assert!(!denies("", "a") && !denies("*", ""));
    }

    #[test]
    fn each_ask_needs_its_right() {
        let write = |if_match: &str| {
            Ask::Write(wire::FileWrite {
                if_match: if_match.into(),
                ..Default::default()
            })
        };
        assert_eq!(right_of(&write("-")), "file.create");
        assert_eq!(right_of(&write("")), "file.update");
        assert_eq!(right_of(&Ask::List(wire::FileList::default())), "file.read");
    }
}
