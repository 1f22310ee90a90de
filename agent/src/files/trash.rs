//! What people delete is kept for a while, where the game does not see it.

use std::os::unix::fs::DirBuilderExt as _;
use std::time::{Duration, SystemTime};

use warren_proto::ids::ServerId;
use warren_proto::wire;
use warren_runtime::jail::{Error, Item, Jail, RelPath, Trash};

use super::list::kind_name;
use super::{Answer, Files, inner};
use crate::clock;
use crate::server::deps::Settings;

/// Items of one answer.
const MAX_LIST: usize = 200;
/// Names that are tried beside one that is taken.
const MAX_NAMES: usize = 100;

/// The trash of a server, if there is any.
fn existing(settings: &Settings, server: ServerId) -> Result<Option<Trash>, Error> {
    match Jail::open(&settings.deleted_of(server)) {
        Ok(jail) => Ok(Some(Trash::of(jail))),
        Err(Error::NotFound(_)) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Deletes for good what has been kept for its time. Blocks on the disk.
pub fn tidy(settings: &Settings, server: ServerId) -> Result<(), Error> {
    match existing(settings, server)? {
        Some(trash) => trash
            .bound(settings.deleted_limits, SystemTime::now())
            .map(drop),
        None => Ok(()),
    }
}

/// What a server's trash occupies. Blocks on the disk.
pub fn in_trash(settings: &Settings, server: ServerId) -> Result<u64, Error> {
    let Some(trash) = existing(settings, server)? else {
        return Ok(0);
    };
    Ok(trash.items()?.iter().map(|item| item.disk_bytes).sum())
}

/// Gives up what was kept, for files that need its place. Blocks on the disk.
pub fn make_room(settings: &Settings, server: ServerId) -> Result<(), Error> {
    match existing(settings, server)? {
        Some(trash) => trash.empty(),
        None => Ok(()),
    }
}

impl Files<'_> {
    fn trash(&self) -> Result<Trash, Error> {
        let dir = self.settings.deleted_of(self.server);
        let made = std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir);
        match (made, Jail::open(&dir)) {
            (_, Ok(jail)) => Ok(Trash::of(jail)),
            (Err(e), Err(_)) if e.kind() == std::io::ErrorKind::StorageFull => Err(Error::NoSpace),
            (_, Err(e)) => Err(e),
        }
    }

    pub(super) fn delete(&self, ask: &wire::FileDelete) -> Result<Answer, Error> {
        let paths = ask.paths.iter().map(|path| inner(path));
        let paths: Vec<RelPath> = paths.collect::<Result<_, _>>()?;
        if ask.permanent || self.settings.deleted_limits.disk_bytes == 0 {
            paths.iter().try_for_each(|path| self.jail.delete(path))?;
            return Ok(Answer::Trashed(wire::FilesTrashed::default()));
        }
        let (trash, now) = (self.trash()?, SystemTime::now());
        let mut put = Vec::new();
        for path in &paths {
            put.push(trash.put(&self.jail, path, now, &self.budget())?);
        }
        let gone = trash.bound(self.settings.deleted_limits, now)?;
        put.retain(|item| gone.iter().all(|g| g.id != item.id));
        let items = put.iter().map(|item| self.item(item)).collect();
        Ok(Answer::Trashed(wire::FilesTrashed { items }))
    }

    fn item(&self, item: &Item) -> wire::TrashItem {
        let age = self.settings.deleted_limits.age;
        let age = age.min(Duration::from_secs(100 * 365 * 24 * 3600));
        wire::TrashItem {
            id: item.id.clone(),
            path: item.path.as_str().to_owned(),
            deleted_at_ms: clock::to_ms(item.deleted),
            kind: kind_name(item.kind).into(),
            disk_bytes: item.disk_bytes,
            entries: item.entries,
            until_ms: clock::to_ms(item.deleted + age),
        }
    }

    pub(super) fn trash_list(&self, ask: &wire::TrashList) -> Result<Answer, Error> {
        let items = match existing(self.settings, self.server)? {
            Some(trash) => trash.items()?,
            None => Vec::new(),
        };
        let limit = match ask.limit as usize {
            0 => MAX_LIST,
            n => n.min(MAX_LIST),
        };
        // Newest first: ids begin with the time.
        let rest = items
            .iter()
            .filter(|item| ask.after.is_empty() || item.id < ask.after);
        let mut page: Vec<_> = rest.take(limit + 1).map(|item| self.item(item)).collect();
        let more = page.len() > limit;
        page.truncate(limit);
        let last = page.last().filter(|_| more).map(|item| item.id.clone());
        Ok(Answer::Trash(wire::TrashItems {
            items: page,
            next: last.unwrap_or_default(),
            total: u32::try_from(items.len()).unwrap_or(u32::MAX),
            disk_bytes: items.iter().map(|item| item.disk_bytes).sum(),
        }))
    }

    pub(super) fn trash_restore(&self, ask: &wire::TrashRestore) -> Result<Answer, Error> {
        let trash = existing(self.settings, self.server)?;
        let trash = trash.ok_or_else(|| Error::NotFound("that id in the trash".into()))?;
        let to = match ask.to.is_empty() {
            true => None,
            false => Some(inner(&ask.to)?),
        };
        let put = |to: Option<&RelPath>| trash.restore(&ask.id, &self.jail, to, self.owner());
        let mut done = put(to.as_ref());
        if ask.rename && matches!(done, Err(Error::Exists(_))) {
            let item = trash.items()?.into_iter().find(|item| item.id == ask.id);
            let at = to.or(item.map(|item| item.path));
            let at = at.ok_or_else(|| Error::NotFound("that id in the trash".into()))?;
            for n in 1..=MAX_NAMES {
                done = put(Some(&beside(&at, n)?));
                if !matches!(done, Err(Error::Exists(_))) {
                    break;
                }
            }
        }
        let path = done?.as_str().to_owned();
        Ok(Answer::Restored(wire::TrashRestored { path }))
    }

    pub(super) fn trash_empty(&self, ask: &wire::TrashEmpty) -> Result<(), Error> {
        let Some(trash) = existing(self.settings, self.server)? else {
            return Ok(());
        };
        if ask.ids.is_empty() {
            return trash.empty();
        }
        for id in &ask.ids {
            match trash.remove(id) {
                // Gone already is as good.
                Ok(()) | Err(Error::NotFound(_)) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

/// A name beside one that is taken: `level (restored).dat`.
fn beside(path: &RelPath, n: usize) -> Result<RelPath, Error> {
    let name = path.name().unwrap_or_default();
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    let mark = match n {
        1 => " (restored)".to_owned(),
        n => format!(" (restored {n})"),
    };
    let room = 255_usize.saturating_sub(mark.len() + ending.len());
    let stem = &stem[..stem.floor_char_boundary(room.min(stem.len()))];
    let above = path.as_str().strip_suffix(name).unwrap_or_default();
    format!("{above}{stem}{mark}{ending}").parse()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_beside_keeps_its_ending_and_its_place() {
        let of = |path: &str, n| beside(&path.parse().unwrap(), n).unwrap().to_string();
        assert_eq!(of("a/level.dat", 1), "/a/level (restored).dat");
        assert_eq!(of("a/b", 2), "/a/b (restored 2)");
        assert_eq!(of(".env", 1), "/.env (restored)");
        let long = "ü".repeat(127);
        assert!(beside(&long.parse().unwrap(), 1).unwrap().as_str().len() <= 255);
    }
}
