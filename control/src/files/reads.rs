//! Who read which files here: a row for the first of a person, directory and minute, before they have it, and one more for
//! the rest of that minute, as nodes tell of what goes by a gateway. Of a minute in which control is killed, the first stands.

use std::collections::HashMap;

use parking_lot::Mutex;
use sea_orm::EntityTrait;
use serde_json::json;
use warren_entity::sessions;
use warren_proto::ids::ServerId;

use crate::{
    access::{Key, Via},
    app::App,
    audit::Entry,
    auth::{Caller, ServerAccess},
    db::Lane,
    error::Result,
    text::tame,
};

const MINUTE_MS: i64 = 60_000;
/// Beyond it nothing is put together any more, and nothing is lost.
const GROUPS: usize = 4096;
/// Names that are told of a group.
const NAMES: usize = 20;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    server: ServerId,
    session: String,
    user: String,
    directory: String,
}

#[derive(Debug, Clone)]
struct Group {
    began_ms: i64,
    caller: Caller,
    files: u64,
    bytes: u64,
    names: Vec<String>,
}

impl Group {
    fn add(&mut self, name: &str, bytes: u64) {
        self.files = self.files.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.names.len() < NAMES {
            self.names.push(tame(name, 255));
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Reads {
    groups: Mutex<HashMap<Place, Group>>,
}

impl Reads {
    /// What is to be written at once: nothing for whatever goes with a row of the same minute.
    fn take(&self, place: &Place, first: Group, name: &str, bytes: u64) -> Option<Group> {
        let mut groups = self.groups.lock();
        if let Some(group) = groups.get_mut(place) {
            group.add(name, bytes);
            return None;
        }
        if groups.len() < GROUPS {
            groups.insert(place.clone(), first.clone());
        }
        let mut first = first;
        first.add(name, bytes);
        Some(first)
    }

    fn over(&self, now_ms: i64, all: bool) -> Vec<(Place, Group)> {
        let is_over = |_: &Place, group: &mut Group| all || now_ms - group.began_ms >= MINUTE_MS;
        let mut groups = self.groups.lock();
        groups.extract_if(is_over).collect()
    }

    fn back(&self, left: Vec<(Place, Group)>) {
        let mut groups = self.groups.lock();
        for (place, group) in left {
            match groups.get_mut(&place) {
                Some(newer) => {
                    newer.files = newer.files.saturating_add(group.files);
                    newer.bytes = newer.bytes.saturating_add(group.bytes);
                    newer.began_ms = newer.began_ms.min(group.began_ms);
                }
                None => {
                    groups.insert(place, group);
                }
            }
        }
    }
}

/// Writes down that a file is read, before its reader has it.
/// # Errors
/// Database: then nobody reads it.
pub async fn note(app: &App, access: &ServerAccess, path: &str, bytes: u64) -> Result<()> {
    let path = path.trim_matches('/');
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let caller = &access.caller;
    let place = Place {
        server: access.id,
        session: caller.session_text(),
        user: caller.user.id.clone(),
        directory: format!("/{}", tame(directory, 4096)),
    };
    let now_ms = app.clock.now_ms();
    let empty = Group {
        began_ms: now_ms,
        caller: caller.clone(),
        files: 0,
        bytes: 0,
        names: Vec::new(),
    };
    match app.door.reads.take(&place, empty, name, bytes) {
        Some(first) => write(app, &place, &first, now_ms).await,
        None => Ok(()),
    }
}

/// Writes down the rest of minutes that are over; of `all`, when control ends.
/// # Errors
/// Database; what is not written then is tried again.
pub async fn flush(app: &App, all: bool) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let mut left = app.door.reads.over(now_ms, all);
    left.retain(|(_, group)| group.files > 0);
    while let Some((place, group)) = left.pop() {
        if let Err(error) = write(app, &place, &group, now_ms).await {
            left.push((place, group));
            app.door.reads.back(left);
            return Err(error);
        }
    }
    Ok(())
}

async fn write(app: &App, place: &Place, group: &Group, now_ms: i64) -> Result<()> {
    let server = place.server.to_string();
    let diff = json!({
        "directory": place.directory,
        "files": group.files,
        "bytes": group.bytes,
        "names": group.names,
    });
    let caller = &group.caller;
    let tx = app.db.begin(Lane::People).await?;
    let entry = Entry::of(Key::FileReadContent, "server", &server).on(place.server);
    match (caller.viewing, caller.actor.via) {
        // Who looks with somebody else's eyes sees for themselves.
        (true, Via::Session(session)) => {
            let session = sessions::Entity::find_by_id(session.to_string());
            let session = session.one(&*tx).await?;
            let user = session.map(|session| session.user_id).unwrap_or_default();
            let mut diff = diff;
            diff["seen_as"] = json!(tame(&caller.user.username, 64));
            entry
                .with(diff)
                .by_user(&*tx, user, &caller.peer, now_ms)
                .await?;
        }
        // A minute later they may be gone; they had it all the same.
        _ => entry.with(diff).by_gone(&*tx, caller, now_ms).await?,
    }
    tx.commit().await?;
    Ok(())
}
