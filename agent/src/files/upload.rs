//! Content: reading parts, and writing whole files or in parts.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use warren_proto::ids::ServerId;
use warren_proto::wire;
use warren_runtime::jail::{AtomicFile, ETag, Entry, Error, WriteOptions};

use super::{Answer, Files, inner, path};

/// Bytes of one part.
pub const MAX_PART: usize = 512 * 1024;
/// Writes in parts at one time on this node.
const MAX_UPLOADS: usize = 64;
/// A write whose next part does not come is given up.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(300);

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

impl Files<'_> {
    fn options(&self, if_match: &str) -> WriteOptions {
        WriteOptions {
            if_match: (!matches!(if_match, "" | "*" | "-")).then(|| ETag(if_match.to_owned())),
            if_absent: if_match == "-",
            parents: true,
            owner: self.owner(),
            mode: None,
        }
    }

    pub(super) fn read(&self, ask: &wire::FileRead) -> Result<Answer, Error> {
        let length = match (ask.length as usize).min(MAX_PART) {
            0 => MAX_PART,
            n => n,
        };
        let range = self
            .jail
            .read_range(&path(&ask.path)?, ask.offset, length)?;
        Ok(Answer::Content(wire::FileContent {
            data: range.bytes,
            size_bytes: range.size_bytes,
            etag: range.etag.0,
        }))
    }

    pub(super) fn write(&self, ask: wire::FileWrite) -> Result<Answer, Error> {
        if ask.data.len() > MAX_PART {
            return Err(Error::TooLarge {
                path: ask.path,
                size: ask.data.len() as u64,
                limit: MAX_PART as u64,
            });
        }
        let path = inner(&ask.path)?;
        if ask.if_match == "*" {
            self.jail.stat(&path)?;
        }
        if ask.upload.is_empty() {
            let options = self.options(&ask.if_match);
            let written = self.jail.write(&path, &ask.data, options)?;
            return Ok(written_answer(&written));
        }
        let mut open = self.shared.uploads.open.lock();
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
