//! What may be asked of files, by whom.

use warren_agent::files::{changes, rights_of};
use warren_proto::wire::{self, files_ask::Ask};

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
        (Ask::Search(wire::FileSearch::default()), "file.read", false),
        (
            Ask::ArchiveList(wire::ArchiveList::default()),
            "file.read",
            false,
        ),
        (
            Ask::Search(wire::FileSearch {
                content: "x".into(),
                ..Default::default()
            }),
            "file.read file.read-content",
            false,
        ),
        (
            Ask::TrashList(wire::TrashList::default()),
            "file.read",
            false,
        ),
        (
            Ask::TrashRestore(wire::TrashRestore::default()),
            "file.delete",
            true,
        ),
        (
            Ask::TrashEmpty(wire::TrashEmpty::default()),
            "file.delete",
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
