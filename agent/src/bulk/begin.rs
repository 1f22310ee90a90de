//! How a handle begins.

use std::sync::Arc;

use tokio::sync::Notify;
use warren_proto::bus::ticket::{Ticket, right};
use warren_proto::ids::{ServerId, UploadId};
use warren_proto::wire;
use warren_runtime::jail::{
    self, Access, Attributes, ETag, Jail, RelPath, WriteOptions, is_half_written, look_at,
    set_attributes,
};

use super::archive::{Archive, What};
use super::handle::{Body, Coming, Handle, Parts, size_of, stat};
use super::kept::Kept;
use super::{Failed, Live, Owner, blocking, failure, owner_of};
use crate::link::session::{lacks, refuse};
use crate::node::Node;
use crate::server::start;

/// A handle before it is in the table.
struct Begun {
    handle: Handle,
    opened: wire::BulkOpened,
}

/// What somebody may do with a server's files.
#[derive(Clone, Copy)]
struct Rights {
    list: bool,
    read: bool,
    create: bool,
    update: bool,
}

struct Beginning {
    live: Live,
    server: ServerId,
    owner: Owner,
    rights: Rights,
    path: RelPath,
    asked: wire::BulkOpen,
    upload: Option<UploadId>,
    uid: u32,
    jail: Jail,
}

pub(super) async fn open(
    node: &Arc<Node>,
    asked: wire::BulkOpen,
) -> Result<wire::BulkOpened, Failed> {
    let server: ServerId = asked
        .server
        .parse()
        .map_err(|_| refuse("bad_message", "that is no server id", false))?;
    let now = node.control_time.now_ms();
    let ticket = node.sessions.who(&asked.session, server, now)?;
    let live = Live::of(node, server)?.under(&ticket);
    let (owner, rights) = (owner_of(&ticket), Rights::of(&ticket));
    rights.suffice(&asked)?;
    let path = path_of(&asked.path, asked.archive.is_some())?;
    live.allowed(path.as_str())?;
    if asked.write {
        live.idle()?;
        live.takes(asked.size_bytes.unwrap_or(0))?;
    }
    node.bulk
        .table
        .room(owner, server, asked.archive.is_some())?;
    let upload = match asked.upload.is_empty() {
        true => None,
        false => Some(asked.upload.parse().map_err(|_| {
            let text = "an upload's id is a ULID in small letters";
            refuse("bad_message", text, false)
        })?),
    };
    if let Some(upload) = upload
        && let Some(before) = node.bulk.table.take_upload(server, upload)
    {
        // Waits for a write that is at work; none comes after it.
        before.abandon(&node.bulk.kept, Some(&live)).await;
    }
    let begun = {
        let (node, live) = (node.clone(), live.clone());
        let asked = asked.clone();
        blocking(move || {
            let deps = &node.deps;
            let root = deps.settings.files_of(server);
            let said = |f: start::Failure| refuse(&f.code, f.detail, false);
            let uid = start::uid_of(deps, server).map_err(said)?;
            start::ensure_root(&root, uid).map_err(said)?;
            let jail = Jail::open(&root).map_err(failure)?;
            let beginning = Beginning {
                jail: jail.keeping_back(live.denylist()),
                live,
                server,
                owner,
                rights,
                path,
                asked,
                upload,
                uid,
            };
            match (beginning.asked.archive.clone(), beginning.asked.atomic) {
                (Some(archive), _) => beginning.archive(archive),
                (None, true) => beginning.coming(&node.bulk.kept),
                (None, false) => beginning.in_place(),
            }
        })
        .await?
    };
    let (handle, opened) = (Arc::new(begun.handle), begun.opened);
    if let Err(full) = node.bulk.table.put(handle.clone()) {
        handle.abandon(&node.bulk.kept, Some(&live)).await;
        return Err(full);
    }
    Ok(opened)
}

impl Rights {
    fn of(ticket: &Ticket) -> Self {
        Self {
            list: ticket.may(right::FILE_LIST),
            read: ticket.may(right::FILE_READ),
            create: ticket.may(right::FILE_CREATE),
            update: ticket.may(right::FILE_UPDATE),
        }
    }

    /// What can be told before the disk is looked at.
    fn suffice(self, asked: &wire::BulkOpen) -> Result<(), Failed> {
        if !asked.read && !asked.write {
            return Err(refuse("bad_message", "open it for what?", false));
        }
        if asked.atomic && (asked.read || !asked.write || asked.append || asked.truncate) {
            let text = "a file that comes in one piece is only written";
            return Err(refuse("bad_message", text, false));
        }
        if asked.archive.is_some() {
            if asked.write || !asked.read {
                return Err(refuse("bad_message", "an archive is only read", false));
            }
            if !self.list {
                return Err(lacks(right::FILE_LIST));
            }
        }
        if asked.read && !self.read {
            return Err(lacks(right::FILE_READ));
        }
        if asked.write && !self.create && !self.update {
            return Err(lacks(right::FILE_UPDATE));
        }
        Ok(())
    }
}

fn path_of(text: &str, of_directory: bool) -> Result<RelPath, Failed> {
    let path: RelPath = text.parse().map_err(failure)?;
    if (path.is_root() && !of_directory) || is_half_written(&path) {
        return Err(failure(jail::Error::BadPath(
            text.chars().take(200).collect(),
        )));
    }
    Ok(path)
}

impl Beginning {
    fn etag(&self) -> Option<ETag> {
        let etag = &self.asked.if_match;
        (!etag.is_empty()).then(|| ETag(etag.clone()))
    }

    fn handle(self, writes: Option<&'static str>, body: Body) -> Handle {
        Handle::new(Parts {
            server: self.server,
            owner: self.owner,
            path: self.path,
            reads: self.asked.read,
            writes,
            upload: self.upload,
            body,
        })
    }

    fn in_place(self) -> Result<Begun, Failed> {
        let asked = &self.asked;
        let may_make = asked.write && asked.create && self.rights.create;
        let access = Access {
            read: asked.read,
            write: asked.write,
            create: may_make,
            exclusive: asked.exclusive && may_make,
            parents: asked.parents,
            owner: Some((self.uid, self.uid)),
            mode: asked.mode,
        };
        let opened = self.jail.open_in_place(&self.path, access);
        let (file, created) = match opened {
            Err(jail::Error::NotFound(_)) if asked.write && asked.create && !may_make => {
                return Err(lacks(right::FILE_CREATE));
            }
            opened => opened.map_err(failure)?,
        };
        if let Some(real) = self.jail.whereabouts(&file) {
            // A link may lead to what the egg keeps back.
            self.live.allowed(real.as_str())?;
        }
        let now = look_at(&file, &self.path).map_err(failure)?.etag;
        if self.etag().is_some_and(|etag| etag != now) {
            return Err(failure(jail::Error::Changed {
                path: self.path.to_string(),
                now: Some(now),
            }));
        }
        let writes = match (asked.write, created) {
            (false, _) => None,
            (true, true) => Some(right::FILE_CREATE),
            (true, false) if self.rights.update => Some(right::FILE_UPDATE),
            (true, false) => return Err(lacks(right::FILE_UPDATE)),
        };
        if asked.write && asked.truncate && !created {
            let before = size_of(&file);
            let empty = Attributes {
                size_bytes: Some(0),
                ..Attributes::default()
            };
            set_attributes(&file, &self.path, empty).map_err(failure)?;
            self.live.shrink(before);
        }
        let stat = stat(&file, &self.path)?;
        let append = asked.append.then(Arc::default);
        let body = Body::InPlace {
            file: Arc::new(file),
            append,
        };
        let handle = self.handle(writes, body);
        let opened = wire::BulkOpened {
            handle: handle.id.to_string(),
            offset: 0,
            stat: Some(stat),
            created,
        };
        Ok(Begun { handle, opened })
    }

    fn archive(self, asked: wire::BulkArchive) -> Result<Begun, Failed> {
        let tar = match asked.format.as_str() {
            "zip" => false,
            "tar" => true,
            _ => return Err(refuse("bad_message", "archives are zip or tar", false)),
        };
        if asked.names.len() > 10_000 {
            let text = "name the directory instead of so many files";
            return Err(refuse("bad_message", text, false));
        }
        let mut names = Vec::with_capacity(asked.names.len());
        for name in &asked.names {
            let path = self.path.join(name).map_err(failure)?;
            self.live.allowed(path.as_str())?;
            // What is asked for by name has to be there.
            self.jail.stat(&path).map_err(failure)?;
            names.push(name.trim_matches('/').to_owned());
        }
        let root = self.live.deps.settings.files_of(self.server);
        let jail = Jail::open(&root).map_err(failure)?;
        let what = What {
            jail: jail.keeping_back(self.live.denylist()),
            dir: self.path.clone(),
            names,
            tar,
        };
        let archive = Archive::begin(what);
        let archive = archive.map_err(|e| refuse("internal", e.to_string(), true))?;
        let handle = self.handle(None, Body::Archive(archive));
        let opened = wire::BulkOpened {
            handle: handle.id.to_string(),
            ..Default::default()
        };
        Ok(Begun { handle, opened })
    }

    fn coming(self, kept: &Kept) -> Result<Begun, Failed> {
        let there = match self.jail.stat(&self.path) {
            Ok(entry) => Some(entry),
            Err(jail::Error::NotFound(_)) => None,
            Err(e) => return Err(failure(e)),
        };
        let right = match &there {
            Some(_) => right::FILE_UPDATE,
            None => right::FILE_CREATE,
        };
        let has = match there {
            Some(_) => self.rights.update,
            None => self.rights.create,
        };
        if there.is_some() && self.asked.exclusive {
            return Err(failure(jail::Error::Exists(self.path.to_string())));
        }
        if !has {
            return Err(lacks(right));
        }
        let options = WriteOptions {
            if_match: self.etag(),
            // Who may only make files replaces none that comes meanwhile.
            if_absent: self.asked.exclusive || !self.rights.update,
            parents: self.asked.parents && self.rights.create,
            owner: Some((self.uid, self.uid)),
            mode: self.asked.mode.map(|m| m & 0o777),
        };
        let (partial, next) = self.begun(kept, &options)?;
        if let Some(size) = self.asked.size_bytes
            && let Err(full) = self.live.fits(size.saturating_sub(next))
        {
            if next == 0 {
                // Nothing of it has come, and nothing will.
                let _ = partial.discard();
                if let Some(upload) = self.upload {
                    kept.forget(self.server, upload);
                }
            }
            return Err(full);
        }
        let coming = Coming {
            partial: Some(Arc::new(partial)),
            next,
            options,
            host_boot: self.live.deps.settings.host_boot.clone(),
        };
        let body = Body::Coming {
            coming: Arc::new(tokio::sync::Mutex::new(coming)),
            grown: Notify::new(),
        };
        let handle = self.handle(Some(right), body);
        let opened = wire::BulkOpened {
            handle: handle.id.to_string(),
            offset: next,
            stat: Some(wire::BulkStat {
                size_bytes: next,
                ..Default::default()
            }),
            created: there.is_none(),
        };
        Ok(Begun { handle, opened })
    }

    /// What has come so far, and how much of it is on the disk.
    fn begun(&self, kept: &Kept, options: &WriteOptions) -> Result<(jail::Partial, u64), Failed> {
        let Some(upload) = self.upload else {
            let id = UploadId::new().to_string();
            let partial = self.jail.partial(&self.path, &id, false, options);
            return Ok((partial.map_err(failure)?, 0));
        };
        let noted = kept.get(self.server, upload);
        let unknown = || {
            let text = "nothing of this upload is here (any more); begin it again";
            refuse("upload_unknown", text, false)
        };
        if noted.as_ref().is_some_and(|n| !n.is_of(&self.path)) {
            return Err(refuse(
                "upload_unknown",
                "this upload is of another file",
                false,
            ));
        }
        if noted.is_none() && self.asked.resume {
            return Err(unknown());
        }
        let boot = &self.live.deps.settings.host_boot;
        let note = |synced| {
            let noted = kept.note(self.server, upload, &self.path, boot, synced);
            noted.map_err(|e| refuse("file_io", e.to_string(), true))
        };
        if noted.is_none() {
            note(0)?;
        }
        let id = upload.to_string();
        let partial = self
            .jail
            .partial(&self.path, &id, self.asked.resume, options)
            .map_err(|e| match e {
                jail::Error::NotFound(_) if self.asked.resume => unknown(),
                e => failure(e),
            })?;
        let size = partial.size().map_err(failure)?;
        let next = match (&noted, self.asked.fresh) {
            (_, true) | (None, _) => 0,
            (Some(noted), false) => noted.certain(size, boot),
        };
        if next < size {
            partial.cut(next).map_err(failure)?;
            self.live.shrink(size - next);
        }
        if next > 0 {
            // The asker may forget what is before it.
            partial.sync().map_err(failure)?;
            note(next)?;
        }
        Ok((partial, next))
    }
}
