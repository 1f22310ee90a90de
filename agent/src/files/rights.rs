//! Which permissions an ask needs, and whether it changes anything.

use warren_proto::wire::files_ask::Ask;

/// The permissions that an ask needs, all of them.
pub fn rights_of(ask: &Ask) -> &'static [&'static str] {
    match ask {
        Ask::List(_) | Ask::Stat(_) | Ask::Usage(_) => &["file.read"],
        Ask::Read(_) | Ask::Checksum(_) => &["file.read-content"],
        Ask::Write(write) if write.if_match == "-" => &["file.create"],
        // What is replaced is gone, as by a write.
        Ask::Write(_) | Ask::Rename(_) | Ask::Chmod(_) | Ask::Times(_) => &["file.update"],
        Ask::Mkdir(_) | Ask::Symlink(_) => &["file.create"],
        // A copy shows no more of a file than the file itself.
        Ask::Copy(_) => &["file.create"],
        Ask::Delete(_) | Ask::Remove(_) => &["file.delete"],
    }
}

/// Whether an ask changes files; such a one waits for a job that has them.
pub fn changes(ask: &Ask) -> bool {
    match ask {
        Ask::List(_) | Ask::Stat(_) | Ask::Usage(_) | Ask::Read(_) | Ask::Checksum(_) => false,
        Ask::Write(_)
        | Ask::Rename(_)
        | Ask::Chmod(_)
        | Ask::Times(_)
        | Ask::Mkdir(_)
        | Ask::Symlink(_)
        | Ask::Copy(_)
        | Ask::Delete(_)
        | Ask::Remove(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_proto::wire;

    fn write(if_match: &str) -> Ask {
        Ask::Write(wire::FileWrite {
            if_match: if_match.into(),
            ..Default::default()
        })
    }

    /// Each ask, what it needs, whether it changes files.
    fn table() -> Vec<(Ask, &'static str, bool)> {
        vec![
            (Ask::List(wire::FileList::default()), "file.read", false),
            (Ask::Stat(wire::FileStatAsk::default()), "file.read", false),
            (
                Ask::Usage(wire::FileUsageAsk::default()),
                "file.read",
                false,
            ),
            (
                Ask::Read(wire::FileRead::default()),
                "file.read-content",
                false,
            ),
            (
                Ask::Checksum(wire::FileChecksumAsk::default()),
                "file.read-content",
                false,
            ),
            (write("-"), "file.create", true),
            (write(""), "file.update", true),
            (write("*"), "file.update", true),
            (write("etag"), "file.update", true),
            (
                Ask::Rename(wire::FileRename::default()),
                "file.update",
                true,
            ),
            (Ask::Chmod(wire::FileChmod::default()), "file.update", true),
            (Ask::Times(wire::FileTimes::default()), "file.update", true),
            (Ask::Mkdir(wire::FileMkdir::default()), "file.create", true),
            (
                Ask::Symlink(wire::FileSymlink::default()),
                "file.create",
                true,
            ),
            (Ask::Copy(wire::FileCopy::default()), "file.create", true),
            (
                Ask::Delete(wire::FileDelete::default()),
                "file.delete",
                true,
            ),
            (
                Ask::Remove(wire::FileRemove::default()),
                "file.delete",
                true,
            ),
        ]
    }

    #[test]
    fn each_ask_needs_its_rights_and_says_whether_it_changes_files() {
        for (ask, rights, change) in table() {
            let wanted: Vec<_> = rights.split(' ').collect();
            assert_eq!(
                (rights_of(&ask), changes(&ask)),
                (&*wanted, change),
                "{ask:?}"
            );
        }
    }
}
