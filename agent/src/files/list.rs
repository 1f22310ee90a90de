//! Directories in pages, and single entries.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use warren_proto::ids::ServerId;
use warren_proto::wire;
use warren_runtime::jail::{Entry, Error, Kind, Listing, Order, RelPath, SortBy};

use super::{Answer, Files, path};
use crate::clock;

/// Entries of one answer.
const MAX_LIST: usize = 1000;
/// Sorted directories that are kept for their next pages, and their names together.
const KEPT: usize = 16;
const KEPT_NAMES: usize = 400_000;
/// How long one is kept: sizes and times of its entries may have changed since.
const KEPT_FOR: Duration = Duration::from_secs(60);

#[derive(Clone, PartialEq)]
struct Key {
    server: ServerId,
    path: RelPath,
    order: Order,
}

struct Kept {
    key: Key,
    listing: Arc<Listing>,
    since: Instant,
}

/// Directories whose first pages were shown: the next one is not sorted anew.
#[derive(Default)]
pub struct Listings {
    kept: Mutex<VecDeque<Kept>>,
}

impl Listings {
    fn find(&self, key: &Key) -> Option<Arc<Listing>> {
        let mut kept = self.kept.lock();
        kept.retain(|k| k.since.elapsed() < KEPT_FOR);
        let found = kept.iter().find(|k| k.key == *key);
        found.map(|k| k.listing.clone())
    }

    fn keep(&self, key: Key, listing: Arc<Listing>) {
        if !listing.settled() || listing.total() > KEPT_NAMES {
            return;
        }
        let mut kept = self.kept.lock();
        kept.retain(|k| k.key != key);
        kept.push_back(Kept {
            key,
            listing,
            since: Instant::now(),
        });
        let names = |kept: &VecDeque<Kept>| kept.iter().map(|k| k.listing.total()).sum::<usize>();
        while kept.len() > KEPT || names(&kept) > KEPT_NAMES {
            kept.pop_front();
        }
    }
}

impl Files<'_> {
    pub(super) fn list(&self, ask: &wire::FileList) -> Result<Answer, Error> {
        let order = Order {
            by: match ask.sort.as_str() {
                "size" => SortBy::Size,
                "modified" => SortBy::Modified,
                _ => SortBy::Name,
            },
            descending: ask.descending,
            mixed: ask.mixed,
        };
        let limit = match ask.limit as usize {
            0 => MAX_LIST,
            n => n.min(MAX_LIST),
        };
        let key = Key {
            server: self.server,
            path: path(&ask.path)?,
            order,
        };
        // Whoever begins sees what is there now.
        let later = !ask.after.is_empty();
        if later
            && let Some(listing) = self.shared.listings.find(&key)
            && let Some(page) = self.page(&key.path, &listing, ask, limit)?
        {
            return Ok(page);
        }
        // A directory that changes all the time: its next names come as they are.
        for _ in 0..3 {
            let listing = Arc::new(self.jail.listing(&key.path, order)?);
            let page = self.page(&key.path, &listing, ask, limit)?;
            self.shared.listings.keep(key.clone(), listing);
            if let Some(page) = page {
                return Ok(page);
            }
        }
        Err(Error::TookTooLong)
    }

    fn page(
        &self,
        path: &RelPath,
        listing: &Listing,
        ask: &wire::FileList,
        limit: usize,
    ) -> Result<Option<Answer>, Error> {
        let from = match ask.after.is_empty() {
            true => 0,
            false => listing
                .position(&ask.after)
                .map_or(ask.offset as usize, |at| at + 1),
        };
        let Some(entries) = self.jail.page(path, listing, from, limit)? else {
            return Ok(None);
        };
        let shown = (from + limit).min(listing.total());
        let next = match (shown < listing.total(), entries.last()) {
            (true, Some(last)) => last.name.clone(),
            _ => String::new(),
        };
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(Some(Answer::Entries(wire::FileEntries {
            entries: entries.iter().map(entry).collect(),
            next,
            total: count(listing.total()),
            truncated: listing.truncated(),
            shown: count(shown),
        })))
    }

    pub(super) fn stat(&self, ask: &wire::FileStatAsk) -> Result<Answer, Error> {
        let path = path(&ask.path)?;
        let found = match ask.follow {
            true => self.jail.stat_followed(&path)?,
            false => self.jail.stat(&path)?,
        };
        Ok(Answer::Entry(entry(&found)))
    }
}

pub(super) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Directory => "directory",
        Kind::Symlink => "symlink",
        Kind::Other => "other",
    }
}

fn entry(entry: &Entry) -> wire::FileEntry {
    wire::FileEntry {
        name: entry.name.clone(),
        kind: kind_name(entry.kind).into(),
        size_bytes: entry.size_bytes,
        modified_at_ms: clock::to_ms(entry.modified),
        mode: entry.mode,
        etag: entry.etag.0.clone(),
        target: entry.target.clone().unwrap_or_default(),
        kept_back: entry.denied,
        accessed_at_ms: clock::to_ms(entry.accessed),
        uid: entry.uid,
        gid: entry.gid,
        links: entry.links,
    }
}
