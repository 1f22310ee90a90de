//! Who moved which files: a fact for the first of a person, directory and minute, at once, and one more for the rest of
//! that minute. Facts are kept until control has them; of a minute in which the agent is killed, the first stands.

use std::collections::HashMap;

use parking_lot::Mutex;
use warren_proto::ids::ServerId;
use warren_proto::wire::{self, fact::What};
use warren_runtime::jail::RelPath;

use super::Owner;
use crate::clock;
use crate::server::deps::Deps;

const MINUTE_MS: i64 = 60_000;
/// Beyond it nothing is put together any more, and nothing is lost.
const GROUPS: usize = 4096;
/// Names that are told of a group.
const NAMES: usize = 20;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    server: ServerId,
    owner: Owner,
    action: &'static str,
    directory: String,
}

struct Group {
    began_ms: i64,
    moved: wire::FilesMoved,
}

/// See the module.
#[derive(Default)]
pub(super) struct Audit {
    groups: Mutex<HashMap<Key, Group>>,
}

impl Audit {
    /// One file was moved.
    pub fn note(
        &self,
        deps: &Deps,
        (server, owner): (ServerId, Owner),
        action: &'static str,
        path: &RelPath,
        bytes: u64,
    ) {
        let (directory, name) = match path.as_str().rsplit_once('/') {
            Some((directory, name)) => (directory, name),
            None => ("", path.as_str()),
        };
        let key = Key {
            server,
            owner,
            action,
            directory: format!("/{directory}"),
        };
        let mut groups = self.groups.lock();
        if let Some(group) = groups.get_mut(&key) {
            let moved = &mut group.moved;
            moved.files = moved.files.saturating_add(1);
            moved.bytes = moved.bytes.saturating_add(bytes);
            if moved.names.len() < NAMES {
                moved.names.push(name.to_owned());
            }
            return;
        }
        let empty = wire::FilesMoved {
            user: owner.1.to_string(),
            session: owner.0.to_string(),
            action: action.to_owned(),
            directory: key.directory.clone(),
            ..Default::default()
        };
        let first = wire::FilesMoved {
            files: 1,
            bytes,
            names: vec![name.to_owned()],
            ..empty.clone()
        };
        if groups.len() < GROUPS {
            let group = Group {
                began_ms: clock::mono_ms(),
                moved: empty,
            };
            groups.insert(key, group);
        }
        drop(groups);
        deps.fact(server, 0, What::FilesMoved(first));
    }

    /// Tells of groups whose minute is over; of `all`, when the agent ends.
    pub fn flush(&self, deps: &Deps, all: bool) {
        let over: Vec<_> = {
            let mut groups = self.groups.lock();
            let now = clock::mono_ms();
            let is_over = |_: &Key, group: &mut Group| all || now - group.began_ms >= MINUTE_MS;
            groups.extract_if(is_over).collect()
        };
        for (key, group) in over {
            if group.moved.files > 0 {
                deps.fact(key.server, 0, What::FilesMoved(group.moved));
            }
        }
    }
}
