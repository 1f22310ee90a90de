//! What is done for a question, by asking the node.

use std::sync::Arc;

use bytes::{BufMut, Bytes};
use warren_proto::bus::CallError;
use warren_proto::wire::{
    Accepted, BulkClose, BulkOpen, BulkSet, FileChmod, FileEntries, FileEntry, FileList, FileMkdir,
    FileRemove, FileRename, FileRoom, FileRoomAsk, FileStatAsk, FileSymlink, FileTimes,
    files_ask::Ask as Files,
};

use super::attrs::{Attrs, Name};
use super::handle::{Directory, File};
use super::packet::{self, Code, MAX_DATA, Reply, flag};
use super::path;
use super::seat::Seat;
use crate::bulk::{CHUNK, RemoteFile};

/// Entries of one answer to READDIR, and about how long it may be.
const NAMES: usize = 128;
/// Bytes that one COPY moves; clients ask again or copy themselves.
const MAX_COPY: u64 = 16 << 30;

/// Why a question has no answer.
pub struct No(pub Code, pub String);

impl No {
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self(code, text.into())
    }
}

impl From<CallError> for No {
    fn from(error: CallError) -> Self {
        let CallError::Failed { code, message, .. } = error else {
            return Self::new(
                Code::Failure,
                "the server's node can't be reached; try again",
            );
        };
        let of = match code.as_str() {
            "file_not_found" | "not_a_directory" => Code::NoSuchFile,
            "ticket_right" | "path_outside" | "file_denied" => Code::PermissionDenied,
            _ => Code::Failure,
        };
        Self(of, message)
    }
}

type Done<T = Reply> = Result<T, No>;

/// A path as the client means it.
pub fn path(text: &str) -> Done<String> {
    path::plain(text).map_err(|bad| match bad {
        path::Bad::Zero => No::new(Code::NoSuchFile, "a name has no zero byte"),
        path::Bad::TooLong => No::new(Code::Failure, "the path is too long"),
    })
}

fn ok(id: u32) -> Reply {
    packet::status(id, Code::Ok, "")
}

pub async fn open(seat: &Seat, path: String, flags: u32, attrs: Attrs) -> Done<File> {
    let has = |flag| flags & flag != 0;
    let (read, write) = (has(flag::READ), has(flag::WRITE) || has(flag::APPEND));
    if !read && !write {
        return Err(No::new(Code::Failure, "neither to read nor to write"));
    }
    let place = seat.places.clone().try_acquire_owned();
    let place = place.map_err(|_| No::new(Code::Failure, "too many open files"))?;
    let ask = BulkOpen {
        path: path.clone(),
        read,
        write,
        create: has(flag::CREAT),
        exclusive: has(flag::EXCL),
        truncate: has(flag::TRUNC),
        append: has(flag::APPEND),
        // A file that nobody may read helps nobody.
        mode: attrs.bits().filter(|mode| *mode != 0),
        ..Default::default()
    };
    Ok(File {
        remote: RemoteFile::open(&seat.line, ask).await?,
        path,
        lane: Arc::default(),
        both: read && write,
        append: has(flag::APPEND),
        order: Default::default(),
        _place: place,
    })
}

pub async fn close(file: &File) -> Done<()> {
    file.remote.close(BulkClose::default()).await?;
    Ok(())
}

pub async fn read(file: &File, id: u32, offset: u64, length: u32) -> Done {
    let got = file.remote.read(offset, length.min(MAX_DATA)).await?;
    match got.data.is_empty() && length > 0 {
        true => Ok(packet::status(id, Code::Eof, "end of file")),
        false => Ok(packet::data(id, got.data)),
    }
}

pub async fn write(file: &File, id: u32, offset: u64, data: Bytes) -> Done {
    if data.len() > CHUNK {
        return Err(No::new(Code::BadMessage, "too much in one write"));
    }
    if !data.is_empty() {
        file.remote.write(offset, data).await?;
    }
    Ok(ok(id))
}

pub async fn copy(
    (from, offset, length): (&File, u64, u64),
    (to, at): (&File, u64),
    id: u32,
) -> Done {
    let most = if length == 0 {
        MAX_COPY
    } else {
        length.min(MAX_COPY)
    };
    let mut done = 0;
    while done < most {
        let part = (most - done).min(CHUNK as u64);
        let part = u32::try_from(part).unwrap_or(MAX_DATA);
        let data = from.remote.read(offset + done, part).await?.data;
        if data.is_empty() {
            break;
        }
        let moved = data.len() as u64;
        to.remote.write(at + done, data).await?;
        done += moved;
    }
    Ok(ok(id))
}

async fn entry(seat: &Seat, path: String, follow: bool) -> Done<FileEntry> {
    Ok(seat
        .files(Files::Stat(FileStatAsk { path, follow }))
        .await?)
}

pub async fn stat(seat: &Seat, id: u32, path: String, follow: bool) -> Done {
    let entry = entry(seat, path, follow).await?;
    Ok(packet::attrs(id, &Attrs::of_entry(&entry)))
}

pub async fn fstat(file: &File, id: u32) -> Done {
    let stat = file.remote.stat().await?;
    Ok(packet::attrs(id, &Attrs::of_stat(&stat)))
}

pub async fn fsync(file: &File, id: u32) -> Done {
    file.remote.sync().await?;
    Ok(ok(id))
}

/// Files belong to the server's own user, and to nobody else.
fn only_ids(attrs: &Attrs) -> Done<()> {
    let others = attrs.size.is_some() || attrs.mode.is_some() || attrs.times.is_some();
    match attrs.ids.is_some() && !others {
        true => Err(No::new(
            Code::PermissionDenied,
            "owners of files can't be changed",
        )),
        false => Ok(()),
    }
}

pub async fn fsetstat(file: &File, id: u32, attrs: Attrs) -> Done {
    only_ids(&attrs)?;
    let ms = |s: u32| i64::from(s) * 1000;
    let set = BulkSet {
        size_bytes: attrs.size,
        mode: attrs.bits(),
        accessed_at_ms: attrs.times.map(|(at, _)| ms(at)),
        modified_at_ms: attrs.times.map(|(_, at)| ms(at)),
        ..Default::default()
    };
    file.remote.set(set).await?;
    Ok(ok(id))
}

pub async fn setstat(seat: &Seat, id: u32, path: String, attrs: Attrs, follow: bool) -> Done {
    only_ids(&attrs)?;
    if let Some(size) = attrs.size {
        let file = open(seat, path.clone(), flag::WRITE, Attrs::default()).await?;
        let cut = Attrs {
            size: Some(size),
            ..Attrs::default()
        };
        let done = fsetstat(&file, id, cut).await;
        close(&file).await?;
        done?;
    }
    if let Some(mode) = attrs.bits() {
        if !follow {
            return Err(No::new(
                Code::Unsupported,
                "links have no permissions of their own",
            ));
        }
        let paths = vec![path.clone()];
        let _: Accepted = seat.files(Files::Chmod(FileChmod { paths, mode })).await?;
    }
    if let Some((accessed, modified)) = attrs.times {
        let times = FileTimes {
            path,
            accessed_at_ms: i64::from(accessed) * 1000,
            modified_at_ms: i64::from(modified) * 1000,
            follow,
        };
        let _: Accepted = seat.files(Files::Times(times)).await?;
    }
    Ok(ok(id))
}

pub async fn opendir(seat: &Seat, path: String) -> Done<Directory> {
    let directory = Directory {
        path,
        listing: Default::default(),
    };
    // Read now: what is none, or may not be seen, is refused when it is opened.
    more(seat, &directory).await?;
    Ok(directory)
}

async fn more(seat: &Seat, directory: &Directory) -> Done<()> {
    let mut listing = directory.listing.lock().await;
    if listing.done || !listing.entries.is_empty() {
        return Ok(());
    }
    let list = FileList {
        path: directory.path.clone(),
        after: listing.after.clone(),
        mixed: true,
        offset: listing.shown,
        ..Default::default()
    };
    let page: FileEntries = seat.files(Files::List(list)).await?;
    listing.done = page.next.is_empty();
    listing.after = page.next;
    listing.shown = page.shown;
    listing.entries.extend(page.entries);
    Ok(())
}

pub async fn readdir(seat: &Seat, directory: &Directory, id: u32) -> Done {
    more(seat, directory).await?;
    let mut listing = directory.listing.lock().await;
    let mut names = Vec::new();
    if !std::mem::replace(&mut listing.begun, true) {
        let attrs = Attrs {
            mode: Some(super::attrs::DIRECTORY | 0o755),
            ..Attrs::default()
        };
        for name in [".", ".."] {
            names.push(Name {
                attrs,
                ..Name::bare(name)
            });
        }
    }
    let count = listing.entries.len().min(NAMES);
    names.extend(listing.entries.drain(..count).map(|entry| Name::of(&entry)));
    match names.is_empty() {
        true => Ok(packet::status(id, Code::Eof, "end of directory")),
        false => Ok(packet::names(id, &names)),
    }
}

pub async fn remove(seat: &Seat, id: u32, path: String, directory: bool) -> Done {
    let ask = FileRemove { path, directory };
    let _: Accepted = seat.files(Files::Remove(ask)).await?;
    Ok(ok(id))
}

pub async fn mkdir(seat: &Seat, id: u32, path: String) -> Done {
    let ask = FileMkdir { path, exact: true };
    let _: Accepted = seat.files(Files::Mkdir(ask)).await?;
    Ok(ok(id))
}

pub async fn rename(seat: &Seat, id: u32, from: String, to: String, replace: bool) -> Done {
    let ask = FileRename { from, to, replace };
    let _: Accepted = seat.files(Files::Rename(ask)).await?;
    Ok(ok(id))
}

pub async fn readlink(seat: &Seat, id: u32, path: String) -> Done {
    let entry = entry(seat, path, false).await?;
    match entry.kind.as_str() {
        "symlink" => Ok(packet::names(id, &[Name::bare(entry.target)])),
        _ => Err(No::new(Code::Failure, "this is no link")),
    }
}

/// A target from the server's root on, as it is from the link: the game sees another root.
fn below(link: &str, target: String) -> String {
    if !target.starts_with('/') {
        return target;
    }
    let depth = link.matches('/').count().saturating_sub(1);
    let up = "../".repeat(depth);
    match target.trim_start_matches('/') {
        "" if depth == 0 => ".".into(),
        rest => format!("{up}{rest}"),
    }
}

pub async fn symlink(seat: &Seat, id: u32, target: String, path: String) -> Done {
    let target = below(&path, target);
    let ask = FileSymlink { path, target };
    let _: Accepted = seat.files(Files::Symlink(ask)).await?;
    Ok(ok(id))
}

pub async fn statvfs(seat: &Seat, id: u32, path: String) -> Done {
    let room: FileRoom = seat.files(Files::Room(FileRoomAsk { path })).await?;
    const BLOCK: u64 = 4096;
    Ok(packet::extended_reply(id, |out| {
        for number in [
            BLOCK,
            BLOCK,
            room.total_bytes / BLOCK,
            room.free_bytes / BLOCK,
            room.free_bytes / BLOCK,
            room.total_files,
            room.free_files,
            room.free_files,
            0,
            // Nothing in it gets another's rights by a bit.
            2,
            255,
        ] {
            out.put_u64(number);
        }
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_target_from_the_root_on_is_made_one_from_the_link_on() {
        assert_eq!(below("/a/b/link", "/x/y".into()), "../../x/y");
        assert_eq!(below("/link", "/x".into()), "x");
        assert_eq!(below("/a/link", "x".into()), "x");
        assert_eq!(below("/link", "/".into()), ".");
    }

    #[test]
    fn no_path_leads_out() {
        let path = |text| path(text).ok().unwrap();
        assert_eq!(path(""), "/");
        assert_eq!(path("."), "/");
        assert_eq!(path("/../../etc/passwd"), "/etc/passwd");
        assert_eq!(path("a/./b//c/"), "/a/b/c");
        assert_eq!(path("a/../../.."), "/");
        assert!(super::path("a\0b").is_err());
    }
}
