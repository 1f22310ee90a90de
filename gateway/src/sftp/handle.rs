//! Files and directories that a client holds open.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Mutex, OwnedSemaphorePermit, RwLock};
use warren_proto::wire::FileEntry;

use super::packet::Reply;
use crate::bulk::RemoteFile;

/// Of one channel, directories among them.
pub const MAX_HANDLES: usize = 256;
/// Files of one log-in: a node holds 64 open for it.
pub const MAX_FILES: usize = 60;

/// One open file on the node.
pub struct File {
    pub remote: RemoteFile,
    pub path: String,
    /// Questions are done in an order that can't be told from the one they were asked in: what takes turns with others
    /// (to close, to cut) holds it alone.
    pub lane: Arc<RwLock<()>>,
    /// Reads and writes take turns too.
    pub both: bool,
    /// Writes go to the end, wherever they say.
    pub append: bool,
    pub order: parking_lot::Mutex<Order>,
    /// Free again when the node has closed it.
    pub _place: OwnedSemaphorePermit,
}

/// Reads and writes of one file are answered in the order they were asked in, although they are done side by side: OpenSSH's
/// `scp` and `reput` cut the file at the first answer that comes out of turn.
#[derive(Default)]
pub struct Order {
    asked: u64,
    answered: u64,
    early: BTreeMap<u64, Reply>,
}

impl Order {
    /// The number of the next question.
    pub fn next(&mut self) -> u64 {
        self.asked += 1;
        self.asked - 1
    }

    /// Takes an answer; gives those whose turn it is.
    pub fn take(&mut self, number: u64, reply: Reply) -> Vec<Reply> {
        self.early.insert(number, reply);
        let mut now = Vec::new();
        while let Some(reply) = self.early.remove(&self.answered) {
            self.answered += 1;
            now.push(reply);
        }
        now
    }
}

/// What is still to be told of a directory.
#[derive(Default)]
pub struct Listing {
    pub entries: VecDeque<FileEntry>,
    /// Where to go on: name, and how many were shown.
    pub after: String,
    pub shown: u32,
    pub begun: bool,
    pub done: bool,
}

pub struct Directory {
    pub path: String,
    pub listing: Mutex<Listing>,
}

#[derive(Clone)]
pub enum Handle {
    File(Arc<File>),
    Directory(Arc<Directory>),
}

/// All of one channel, by the names that the client knows.
#[derive(Default)]
pub struct Handles {
    open: HashMap<u32, Handle>,
    next: u32,
    /// Opens that are under way count too.
    pub opening: usize,
}

impl Handles {
    pub fn full(&self) -> bool {
        self.open.len() + self.opening >= MAX_HANDLES
    }

    pub fn add(&mut self, handle: Handle) -> [u8; 4] {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.open.insert(number, handle);
        number.to_be_bytes()
    }

    fn number(name: &Bytes) -> Option<u32> {
        name[..].try_into().ok().map(u32::from_be_bytes)
    }

    pub fn get(&self, name: &Bytes) -> Option<Handle> {
        self.open.get(&Self::number(name)?).cloned()
    }

    pub fn file(&self, name: &Bytes) -> Option<Arc<File>> {
        match self.get(name)? {
            Handle::File(file) => Some(file),
            Handle::Directory(_) => None,
        }
    }

    pub fn remove(&mut self, name: &Bytes) -> Option<Handle> {
        self.open.remove(&Self::number(name)?)
    }

    /// Files that were left open.
    pub fn drain(&mut self) -> Vec<Arc<File>> {
        let all = self.open.drain().filter_map(|(_, handle)| match handle {
            Handle::File(file) => Some(file),
            Handle::Directory(_) => None,
        });
        all.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sftp::packet::{Code, status};

    #[test]
    fn answers_come_in_the_order_of_their_questions() {
        let mut order = Order::default();
        let asked = [order.next(), order.next(), order.next()];
        let reply = |n: u64| status(u32::try_from(n).unwrap_or_default(), Code::Ok, "");
        assert!(order.take(asked[1], reply(1)).is_empty());
        assert_eq!(order.take(asked[0], reply(0)), [reply(0), reply(1)]);
        assert_eq!(order.take(asked[2], reply(2)), [reply(2)]);
    }
}
