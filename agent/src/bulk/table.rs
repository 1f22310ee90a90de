//! Which handles there are, and how many there may be.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use warren_proto::ids::{HandleId, ServerId, SessionId, UploadId, UserId};
use warren_proto::wire;

use super::handle::Handle;
use super::{Failed, Owner};
use crate::link::session::refuse;

/// Of one log-in: SFTP clients open some dozens of files at one time.
const PER_OWNER: usize = 64;
/// Of one server.
const PER_SERVER: usize = 192;
/// On the node: each is an open file.
const IN_ALL: usize = 1024;
/// Archives in the making on the node: each packs as fast as it is read.
const ARCHIVES: usize = 8;
/// A handle that nobody uses is closed after so long.
const IDLE_MS: i64 = 15 * 60 * 1000;
/// Ends that are remembered, in case their answer was lost.
const REMEMBERED: usize = 512;

type Closed = (Owner, ServerId, wire::BulkClosed);

#[derive(Default)]
pub(super) struct Table {
    open: Mutex<HashMap<HandleId, Arc<Handle>>>,
    closed: Mutex<VecDeque<(HandleId, Closed)>>,
}

impl Table {
    pub fn count(&self) -> usize {
        self.open.lock().len()
    }

    pub fn get(&self, id: &str) -> Option<Arc<Handle>> {
        let id = id.parse().ok()?;
        self.open.lock().get(&id).cloned()
    }

    /// # Errors
    /// When there is no room for one more.
    pub fn room(&self, owner: Owner, server: ServerId, archive: bool) -> Result<(), Failed> {
        has_room(&self.open.lock(), owner, server, archive)
    }

    /// # Errors
    /// As [`Table::room`]: others may have come since.
    pub fn put(&self, handle: Arc<Handle>) -> Result<(), Failed> {
        let mut open = self.open.lock();
        has_room(&open, handle.owner, handle.server, handle.is_archive())?;
        open.insert(handle.id, handle);
        Ok(())
    }

    /// Remembers how a handle ended.
    pub fn close(&self, handle: &Handle, closed: wire::BulkClosed) {
        self.open.lock().remove(&handle.id);
        let mut ends = self.closed.lock();
        if ends.len() >= REMEMBERED {
            ends.pop_front();
        }
        ends.push_back((handle.id, (handle.owner, handle.server, closed)));
    }

    pub fn closed(&self, id: &str) -> Option<Closed> {
        let id: HandleId = id.parse().ok()?;
        let ends = self.closed.lock();
        let found = ends.iter().find(|(of, _)| *of == id);
        found.map(|(_, closed)| closed.clone())
    }

    /// Takes out whatever writes this upload now: a connection that was cut may not know yet that it was.
    pub fn take_upload(&self, server: ServerId, upload: UploadId) -> Option<Arc<Handle>> {
        let mut open = self.open.lock();
        let writes = |h: &&Arc<Handle>| h.server == server && h.upload == Some(upload);
        let id = open.values().find(writes).map(|h| h.id)?;
        open.remove(&id)
    }

    pub fn has_upload(&self, server: ServerId, upload: UploadId) -> bool {
        let open = self.open.lock();
        open.values()
            .any(|h| h.server == server && h.upload == Some(upload))
    }

    /// Takes out what has no holder any more, and what is idle.
    pub fn over(
        &self,
        holders: &HashSet<(SessionId, UserId, ServerId)>,
        now_ms: i64,
    ) -> Vec<Arc<Handle>> {
        let mut open = self.open.lock();
        let is_over = |h: &Handle| {
            let (session, user) = h.owner;
            !holders.contains(&(session, user, h.server)) || now_ms - h.touched() > IDLE_MS
        };
        let ids: Vec<_> = open.values().filter(|h| is_over(h)).map(|h| h.id).collect();
        ids.iter().filter_map(|id| open.remove(id)).collect()
    }
}

fn has_room(
    open: &HashMap<HandleId, Arc<Handle>>,
    owner: Owner,
    server: ServerId,
    archive: bool,
) -> Result<(), Failed> {
    let count = |is: &dyn Fn(&Handle) -> bool| open.values().filter(|h| is(h)).count();
    let full = open.len() >= IN_ALL
        || count(&|h| h.owner == owner) >= PER_OWNER
        || count(&|h| h.server == server) >= PER_SERVER
        || (archive && count(&|h| h.is_archive()) >= ARCHIVES);
    match full {
        true => Err(refuse(
            "too_many_handles",
            "too many files are open at one time; close some, or try again",
            true,
        )),
        false => Ok(()),
    }
}
