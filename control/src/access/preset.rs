//! Sets of keys that subusers are often given. Each holds the one before it.

use super::{Key, KeySet, Set};

/// A set of keys under a name.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// One word.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// All of the server set.
    pub keys: KeySet,
}

const VIEWER: &[Key] = &[
    Key::ServerRead,
    Key::WebsocketConnect,
    Key::AllocationRead,
    Key::StartupRead,
    Key::BackupRead,
    Key::DatabaseRead,
    Key::ScheduleRead,
    Key::ActivityRead,
];

const OPERATOR: &[Key] = &[
    Key::ControlConsole,
    Key::ControlStart,
    Key::ControlStop,
    Key::ControlRestart,
    Key::BackupCreate,
    Key::UserRead,
];

const DEVELOPER: &[Key] = &[
    Key::FileCreate,
    Key::FileRead,
    Key::FileReadContent,
    Key::FileUpdate,
    Key::FileDelete,
    Key::FileArchive,
    Key::FileSftp,
    Key::BackupDownload,
    Key::StartupUpdate,
    Key::StartupDockerImage,
    Key::MountUse,
    Key::DatabaseCreate,
    Key::DatabaseUpdate,
    Key::DatabaseViewPassword,
    Key::ScheduleCreate,
    Key::ScheduleUpdate,
    Key::ScheduleDelete,
    Key::AdminWebsocketInstall,
];

/// In the order of what they allow.
#[must_use]
pub fn all() -> [Preset; 4] {
    let viewer: KeySet = VIEWER.iter().copied().collect();
    let operator = viewer | OPERATOR.iter().copied().collect();
    let developer = operator | DEVELOPER.iter().copied().collect();
    // Whoever runs a server for its owner; to delete it stays the owner's.
    let admin = KeySet::of(Set::Server).without([Key::ServerDelete].into_iter().collect());
    [
        ("viewer", "Sees console, figures and settings", viewer),
        ("operator", "Starts, stops and types commands too", operator),
        (
            "developer",
            "Changes files, variables and schedules too",
            developer,
        ),
        ("admin", "All but deleting the server", admin),
    ]
    .map(|(name, description, keys)| Preset {
        name,
        description,
        keys,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_preset_holds_the_one_before_it_and_server_keys_alone() {
        let sets = all().map(|preset| preset.keys);
        for pair in sets.windows(2) {
            assert!(pair[0].without(pair[1]).is_empty() && pair[0] != pair[1]);
        }
        for set in sets {
            assert!(set.without(KeySet::of(Set::Server)).is_empty());
        }
    }
}
