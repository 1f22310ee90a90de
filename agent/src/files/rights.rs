//! Which permissions an ask needs, and whether it changes anything.

use warren_proto::wire::files_ask::Ask;

/// The permissions that an ask needs, all of them.
pub fn rights_of(ask: &Ask) -> &'static [&'static str] {
    match ask {
        Ask::List(_)
        | Ask::Stat(_)
        | Ask::Usage(_)
        | Ask::TrashList(_)
        | Ask::Room(_)
        | Ask::ArchiveList(_) => &["file.read"],
        Ask::Search(search) if search.content.is_empty() => &["file.read"],
        Ask::Search(_) => &["file.read", "file.read-content"],
        Ask::Read(_) | Ask::Checksum(_) => &["file.read-content"],
        Ask::Write(write) if write.if_match == "-" => &["file.create"],
        // What is replaced is gone, as by a write.
        Ask::Write(_) | Ask::Rename(_) | Ask::Chmod(_) | Ask::Times(_) => &["file.update"],
        Ask::Mkdir(_) | Ask::Symlink(_) => &["file.create"],
        // A copy shows no more of a file than the file itself.
        Ask::Copy(_) => &["file.create"],
        // Who may delete may also think better of it.
        Ask::Delete(_) | Ask::Remove(_) | Ask::TrashRestore(_) | Ask::TrashEmpty(_) => {
            &["file.delete"]
        }
    }
}

/// Whether an ask changes files; such a one waits for a job that has them.
pub fn changes(ask: &Ask) -> bool {
    match ask {
        Ask::List(_)
        | Ask::Stat(_)
        | Ask::Usage(_)
        | Ask::Room(_)
        | Ask::Read(_)
        | Ask::Checksum(_)
        | Ask::Search(_)
        | Ask::ArchiveList(_)
        | Ask::TrashList(_)
        | Ask::TrashEmpty(_) => false,
        Ask::Write(_)
        | Ask::Rename(_)
        | Ask::Chmod(_)
        | Ask::Times(_)
        | Ask::Mkdir(_)
        | Ask::Symlink(_)
        | Ask::Copy(_)
        | Ask::Delete(_)
        | Ask::TrashRestore(_)
        | Ask::Remove(_) => true,
    }
}
