//! What file managers do: look where a path leads, find it well, and then go there by the path. Between the two a game
//! has time for anything. One twin for each operation that is raced in [`crate::jail_race`]; each tells whether it has
//! reached what is outside.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::jail_race::{FILE, INSIDE, SECRET};

/// Given the root and the directory outside. `None`: it was refused or found nothing.
pub type Naive = fn(&Path, &Path) -> Option<bool>;

/// By the names of the operations.
pub const TWINS: &[(&str, Naive)] = &[
    ("read", |root, _| {
        Some(fs::read(checked(root, FILE)?).ok()? == SECRET)
    }),
    ("open in place", |root, _| {
        let mut bytes = Vec::new();
        let mut file = File::open(checked(root, FILE)?).ok()?;
        file.read_to_end(&mut bytes).ok()?;
        Some(bytes == SECRET)
    }),
    ("stat", |root, _| {
        let seen = fs::metadata(checked(root, FILE)?).ok()?;
        Some(seen.len() == SECRET.len() as u64)
    }),
    ("checksum", |root, _| {
        let bytes = fs::read(checked(root, FILE)?).ok()?;
        Some(crc32fast::hash(&bytes) == crc32fast::hash(SECRET))
    }),
    ("list", |root, _| {
        let entries = fs::read_dir(checked(root, SPOT)?).ok()?;
        Some(entries.flatten().any(|e| e.file_name() == "marker"))
    }),
    ("usage", |root, _| {
        let mut bytes = 0;
        walk(&root.join("arena"), &mut |at| {
            bytes += fs::symlink_metadata(at).map_or(0, |m| m.len());
        });
        Some(bytes >= 1 << 20)
    }),
    ("search by name", |root, _| {
        let mut met = false;
        walk(&root.join("arena"), &mut |at| met |= at.ends_with("marker"));
        Some(met)
    }),
    ("search", |root, _| {
        let mut met = false;
        walk(&root.join("arena"), &mut |at| {
            let is_file = fs::symlink_metadata(at).is_ok_and(|m| m.is_file());
            met |= is_file && fs::read(at).is_ok_and(|bytes| bytes == SECRET);
        });
        Some(met)
    }),
    ("write", |root, outside| {
        fs::write(made(root, "new")?, INSIDE).ok()?;
        Some(outside.join("new").exists())
    }),
    ("write over", |root, outside| {
        fs::write(checked(root, FILE)?, INSIDE).ok()?;
        Some(fs::read(outside.join("file")).ok()? != SECRET)
    }),
    ("write in place", |root, outside| {
        let at = made(root, "theirs")?;
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(at);
        file.ok()?.write_all_at(INSIDE, 0).ok()?;
        Some(fs::read(outside.join("theirs")).ok()? != SECRET)
    }),
    ("in pieces", |root, outside| {
        let (piece, at) = (made(root, "piece")?, made(root, "theirs")?);
        fs::write(&piece, INSIDE).ok()?;
        let _ = fs::rename(&piece, at);
        let theirs = fs::read(outside.join("theirs")).ok()?;
        Some(theirs != SECRET || outside.join("piece").exists())
    }),
    ("mkdir", |root, outside| {
        let at = made(root, "sub")?;
        let _ = fs::create_dir(&at);
        let _ = fs::remove_dir(at);
        Some(outside.join("sub").exists())
    }),
    ("chmod", |root, outside| {
        let full = checked(root, FILE)?;
        fs::set_permissions(full, fs::Permissions::from_mode(0o604)).ok()?;
        Some(fs::metadata(outside.join("file")).ok()?.mode() & 0o777 == 0o604)
    }),
    ("times", |root, outside| {
        let file = File::open(checked(root, FILE)?).ok()?;
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(7);
        file.set_modified(at).ok()?;
        Some(fs::metadata(outside.join("file")).ok()?.mtime() == 7)
    }),
    ("chown", |root, outside| {
        walk(&root.join("arena"), &mut |at| {
            let _ = std::os::unix::fs::lchown(at, Some(1000), Some(1000));
        });
        Some(fs::metadata(outside.join("file")).ok()?.uid() == 1000)
    }),
    ("symlink", |root, outside| {
        let at = made(root, "l")?;
        let _ = symlink("file", &at);
        let _ = fs::remove_file(at);
        Some(fs::symlink_metadata(outside.join("l")).is_ok())
    }),
    ("browse", |root, _| {
        let mut archive = tar::Archive::new(File::open(checked(root, ARCHIVE)?).ok()?);
        let mut names = archive.entries().ok()?.flatten();
        Some(names.any(|e| &*e.path_bytes() == b"escaped"))
    }),
    ("extract into", |root, outside| {
        unpack(&root.join("archive.tar"), &checked(root, SPOT)?)?;
        Some(fs::read(outside.join("theirs")).ok()? != SECRET)
    }),
    ("extract from", |root, _| {
        unpack(&checked(root, ARCHIVE)?, root)?;
        Some(root.join("escaped").exists())
    }),
    ("pack", |root, _| {
        let packed = pack(&checked(root, FILE)?)?;
        Some(packed.windows(SECRET.len()).any(|w| w == SECRET))
    }),
    ("pack into", |root, outside| {
        let packed = pack(&root.join("stay"))?;
        let mut to = File::create(made(root, "packed")?).ok()?;
        to.write_all(&packed).ok()?;
        Some(outside.join("packed").exists())
    }),
    ("rename", |root, outside| {
        let at = made(root, "moved")?;
        fs::rename(root.join("stay"), &at).ok()?;
        let escaped = outside.join("moved").exists();
        fs::write(root.join("stay"), INSIDE).ok()?;
        Some(escaped)
    }),
    ("rename theirs", |root, outside| {
        fs::rename(made(root, "theirs")?, root.join("got")).ok()?;
        Some(!outside.join("theirs").exists())
    }),
    ("remove", |root, outside| {
        fs::remove_file(made(root, "theirs")?).ok()?;
        Some(!outside.join("theirs").exists())
    }),
    ("delete", |root, outside| {
        let at = made(root, "theirs")?;
        match fs::symlink_metadata(&at).ok()?.is_dir() {
            true => fs::remove_dir_all(at).ok()?,
            false => fs::remove_file(at).ok()?,
        }
        Some(!outside.join("theirs").exists())
    }),
    ("delete tree", |root, outside| {
        fs::remove_dir_all(made(root, "marker")?).ok()?;
        Some(!outside.join("marker").exists())
    }),
    ("copy", |root, _| {
        fs::copy(checked(root, FILE)?, root.join("stay")).ok()?;
        Some(fs::read(root.join("stay")).ok()? == SECRET)
    }),
    ("copy in", |root, outside| {
        fs::copy(root.join("stay"), made(root, "theirs")?).ok()?;
        Some(fs::read(outside.join("theirs")).ok()? != SECRET)
    }),
    ("copy tree", |root, _| {
        let mut met = false;
        walk(&root.join("arena"), &mut |at| {
            let is_file = fs::symlink_metadata(at).is_ok_and(|m| m.is_file());
            if is_file && fs::copy(at, root.join("copied")).is_ok() {
                met |= fs::read(root.join("copied")).is_ok_and(|bytes| bytes == SECRET);
            }
        });
        Some(met)
    }),
    ("trash", |root, outside| {
        fs::rename(made(root, "theirs")?, root.join("trashed")).ok()?;
        Some(!outside.join("theirs").exists())
    }),
];

const SPOT: &str = "arena/spot";
const ARCHIVE: &str = "arena/spot/archive.tar";

/// Looks where a path leads; what is inside is gone to by the path.
fn checked(root: &Path, at: &str) -> Option<PathBuf> {
    let full = root.join(at);
    let real = full.canonicalize().ok()?;
    real.starts_with(root).then_some(full)
}

/// The same for what is to be made in the spot: the directory is looked at.
fn made(root: &Path, name: &str) -> Option<PathBuf> {
    Some(checked(root, SPOT)?.join(name))
}

/// Goes into what is a directory and no link, by its path.
fn walk(dir: &Path, visit: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let at = entry.path();
        visit(&at);
        if fs::symlink_metadata(&at).is_ok_and(|m| m.is_dir()) {
            walk(&at, visit);
        }
    }
}

fn unpack(archive: &Path, to: &Path) -> Option<()> {
    let mut archive = tar::Archive::new(File::open(archive).ok()?);
    for entry in archive.entries().ok()? {
        let mut entry = entry.ok()?;
        let at = to.join(entry.path().ok()?);
        std::io::copy(&mut entry, &mut File::create(at).ok()?).ok()?;
    }
    Some(())
}

fn pack(at: &Path) -> Option<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_path_with_name(at, "file").ok()?;
    tar.into_inner().ok()
}
