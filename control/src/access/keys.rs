//! The table of permission keys, `resource.action`. Names are a contract: Pterodactyl's clients
//! know the server set.

use std::{fmt, str::FromStr};

/// Which kind of thing a key is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// One server; what a subuser can be given.
    Server,
    /// Nodes, their allocations and join tokens.
    Node,
    /// Eggs and their nests.
    Egg,
    /// People.
    Person,
    /// Roles and who has them.
    Role,
    /// The panel as a whole.
    Admin,
}

impl Set {
    /// The name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Node => "node",
            Self::Egg => "egg",
            Self::Person => "person",
            Self::Role => "role",
            Self::Admin => "admin",
        }
    }
}

macro_rules! keys {
    ($($set:ident { $($(#[doc = $doc:literal])* $name:ident = $text:literal,)* })*) => {
        /// One thing that somebody may or may not do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Key { $($($(#[doc = $doc])* $name,)*)* }

        impl Key {
            /// All of them.
            pub const ALL: &[Self] = &[$($(Self::$name,)*)*];

            /// The name in the API and in the database.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $($(Self::$name => $text,)*)* }
            }

            /// What it allows, for people.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self { $($(Self::$name => concat!($($doc),*).trim_ascii(),)*)* }
            }

            /// What it is about.
            #[must_use]
            pub fn set(self) -> Set {
                match self { $($(Self::$name => Set::$set,)*)* }
            }
        }
    };
}

keys! {
    Server {
        /// See that the server is there: name, state and node. Whoever has any other key of this set has it too.
        ServerRead = "server.read",
        /// See the server live.
        WebsocketConnect = "websocket.connect",
        /// Read the console and type into it.
        ControlConsole = "control.console",
        /// Start it.
        ControlStart = "control.start",
        /// Stop or kill it.
        ControlStop = "control.stop",
        /// Restart it.
        ControlRestart = "control.restart",
        /// Give others access.
        UserCreate = "user.create",
        /// See who has access.
        UserRead = "user.read",
        /// Change what others may do.
        UserUpdate = "user.update",
        /// Take access away.
        UserDelete = "user.delete",
        /// Make files and directories.
        FileCreate = "file.create",
        /// List directories.
        FileRead = "file.read",
        /// Read files.
        FileReadContent = "file.read-content",
        /// Write and rename files.
        FileUpdate = "file.update",
        /// Remove files.
        FileDelete = "file.delete",
        /// Pack and unpack.
        FileArchive = "file.archive",
        /// Log in by SFTP.
        FileSftp = "file.sftp",
        /// Make a backup, name and lock it, and say how backups are made.
        BackupCreate = "backup.create",
        /// See backups and what is in them.
        BackupRead = "backup.read",
        /// Remove a backup.
        BackupDelete = "backup.delete",
        /// Download a backup, and see the password that opens them all.
        BackupDownload = "backup.download",
        /// Put a backup back.
        BackupRestore = "backup.restore",
        /// See ports.
        AllocationRead = "allocation.read",
        /// Take another port.
        AllocationCreate = "allocation.create",
        /// Change a port's note, make it primary.
        AllocationUpdate = "allocation.update",
        /// Give a port back.
        AllocationDelete = "allocation.delete",
        /// See start command, variables and mounts.
        StartupRead = "startup.read",
        /// Change variables.
        StartupUpdate = "startup.update",
        /// Choose another image of the egg.
        StartupDockerImage = "startup.docker-image",
        /// Switch mounts on and off that are offered for self-service.
        MountUse = "mount.use",
        /// Make a database.
        DatabaseCreate = "database.create",
        /// See databases.
        DatabaseRead = "database.read",
        /// Rotate a database's password.
        DatabaseUpdate = "database.update",
        /// Remove a database.
        DatabaseDelete = "database.delete",
        /// See a database's password.
        DatabaseViewPassword = "database.view_password",
        /// Make a schedule.
        ScheduleCreate = "schedule.create",
        /// See schedules.
        ScheduleRead = "schedule.read",
        /// Change a schedule.
        ScheduleUpdate = "schedule.update",
        /// Remove a schedule.
        ScheduleDelete = "schedule.delete",
        /// Change name and description.
        SettingsRename = "settings.rename",
        /// Run the install script again.
        SettingsReinstall = "settings.reinstall",
        /// See what was done.
        ActivityRead = "activity.read",
        /// See the output of install scripts.
        AdminWebsocketInstall = "admin.websocket.install",
        /// Delete the server.
        ServerDelete = "server.delete",
        /// Change the crash policy.
        ServerCrashPolicy = "server.crash-policy",
    }
    Node {
        /// See nodes and their load.
        NodeRead = "node.read",
        /// Make join tokens.
        NodeCreate = "node.create",
        /// Change name, address, ports; decide on orphans and forked identities.
        NodeUpdate = "node.update",
        /// Remove or revoke a node.
        NodeDelete = "node.delete",
        /// Make, rename and remove the places that nodes stand at.
        LocationUpdate = "location.update",
    }
    Egg {
        /// See eggs.
        EggRead = "egg.read",
        /// Import eggs.
        EggCreate = "egg.create",
        /// Move eggs to another nest.
        EggUpdate = "egg.update",
        /// Remove eggs.
        EggDelete = "egg.delete",
        /// See nests, the groups that eggs are in.
        NestRead = "nest.read",
        /// Make nests.
        NestCreate = "nest.create",
        /// Change names and descriptions of nests.
        NestUpdate = "nest.update",
        /// Remove nests that no egg is in.
        NestDelete = "nest.delete",
    }
    Person {
        /// See people and why they may do what they may.
        PersonRead = "person.read",
        /// Make accounts.
        PersonCreate = "person.create",
        /// Change names, addresses and passwords: whoever may, can act as anybody that has no more than they have.
        PersonUpdate = "person.update",
        /// Suspend people and lift that again.
        PersonSuspend = "person.suspend",
        /// Set what somebody's servers may have together.
        PersonQuota = "person.quota",
        /// Remove accounts.
        PersonDelete = "person.delete",
        /// See plans.
        PlanRead = "plan.read",
        /// Make plans.
        PlanCreate = "plan.create",
        /// Change what a plan holds, for all who are on it, and which one is the standard.
        PlanUpdate = "plan.update",
        /// Remove plans that nobody is on.
        PlanDelete = "plan.delete",
    }
    Role {
        /// See roles and who has them.
        RoleRead = "role.read",
        /// Make roles, of keys that one has oneself.
        RoleCreate = "role.create",
        /// Change roles, within what one has oneself.
        RoleUpdate = "role.update",
        /// Remove roles.
        RoleDelete = "role.delete",
        /// Give roles to people and take them back, within what one has oneself.
        RoleGrant = "role.grant",
    }
    Admin {
        /// Make servers.
        ServerCreate = "admin.server.create",
        /// Change limits, start command and node-side settings of a server.
        ServerLimits = "admin.server.limits",
        /// Make servers for others, and give servers to other owners.
        ServerOwner = "admin.server.owner",
        /// Move servers to another node; takes the right on both nodes.
        ServerTransfer = "admin.server.transfer",
        /// Suspend servers.
        ServerSuspend = "admin.server.suspend",
        /// Make credentials that read events of all servers.
        EventsAll = "admin.events",
        /// See mounts, the directories of nodes that servers may see, and to whom they are offered.
        MountRead = "mount.read",
        /// Make mounts.
        MountCreate = "mount.create",
        /// Change mounts, for all servers that have them switched on.
        MountUpdate = "mount.update",
        /// Remove mounts that no server has switched on.
        MountDelete = "mount.delete",
        /// See which private registries are known; never their secrets.
        RegistryRead = "registry.read",
        /// Change credentials of private registries.
        RegistryUpdate = "registry.update",
        /// See database hosts and what is on them; never their passwords.
        DatabaseHostRead = "database_host.read",
        /// Make database hosts known.
        DatabaseHostCreate = "database_host.create",
        /// Change and test database hosts, and forget databases that can't be removed there.
        DatabaseHostUpdate = "database_host.update",
        /// Remove database hosts that no database is on.
        DatabaseHostDelete = "database_host.delete",
        /// See places that backups are kept in; never their secrets.
        BackupStoreRead = "backup_store.read",
        /// Make places known that backups are kept in.
        BackupStoreCreate = "backup_store.create",
        /// Change and test places that backups are kept in.
        BackupStoreUpdate = "backup_store.update",
        /// Remove places that no backup is in.
        BackupStoreDelete = "backup_store.delete",
        /// See all that was done, by whom and from where.
        AuditRead = "audit.read",
        /// See the panel's settings.
        PanelRead = "panel.read",
        /// Change the panel's settings. Whoever may, chooses the server that mail goes by, and so can become anybody who
        /// forgets a password.
        PanelUpdate = "panel.update",
        /// Read the panel's own metrics.
        MetricsRead = "admin.metrics",
        /// See everybody's operations.
        OperationReadAll = "admin.operation.read",
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No key has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown permission key")]
pub struct UnknownKey;

impl FromStr for Key {
    type Err = UnknownKey;
    fn from_str(text: &str) -> Result<Self, UnknownKey> {
        Self::ALL
            .iter()
            .copied()
            .find(|key| key.as_str() == text)
            .ok_or(UnknownKey)
    }
}

impl Key {
    /// The keys of one set.
    pub fn of(set: Set) -> impl Iterator<Item = Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(move |key| key.set() == set)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_keys_share_a_name_and_each_reads_back() {
        let names: HashSet<_> = Key::ALL.iter().map(|k| k.as_str()).collect();
        assert_eq!(names.len(), Key::ALL.len());
        for key in Key::ALL {
            assert_eq!(key.as_str().parse::<Key>().unwrap(), *key);
        }
        assert_eq!("control.fly".parse::<Key>(), Err(UnknownKey));
    }

    #[test]
    fn pterodactyls_keys_are_all_there_under_their_names() {
        let theirs = "websocket.connect control.console control.start control.stop control.restart \
            user.create user.read user.update user.delete file.create file.read file.read-content \
            file.update file.delete file.archive file.sftp backup.create backup.read backup.delete \
            backup.download backup.restore allocation.read allocation.create allocation.update \
            allocation.delete startup.read startup.update startup.docker-image database.create \
            database.read database.update database.delete database.view_password schedule.create \
            schedule.read schedule.update schedule.delete settings.rename settings.reinstall \
            activity.read";
        for name in theirs.split_whitespace() {
            assert_eq!(name.parse::<Key>().unwrap().set(), Set::Server, "{name}");
        }
    }
}
