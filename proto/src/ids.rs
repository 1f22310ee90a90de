//! Ids: lower-case ULIDs, one newtype per noun. Only ids ever stand in a subject, so the strict
//! pattern here is what keeps a name like `*` out of NATS permissions.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;

/// The text is no lower-case ULID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} id {text:?} is not a lower-case ULID of 26 characters")]
pub struct InvalidId {
    /// Which noun was asked for.
    pub what: &'static str,
    /// What stood there, cut at 64 characters.
    pub text: String,
}

fn parse(what: &'static str, text: &str) -> Result<Ulid, InvalidId> {
    let invalid = || InvalidId {
        what,
        text: text.chars().take(64).collect(),
    };
    // First character at most 7: 26 base32 characters hold 130 bits, an id has 128.
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 26
        && bytes[0].is_ascii_digit()
        && bytes[0] <= b'7'
        && bytes.iter().all(|b| {
            b.is_ascii_digit()
                || (b.is_ascii_lowercase() && !matches!(b, b'i' | b'l' | b'o' | b'u'))
        });
    if !shaped {
        return Err(invalid());
    }
    Ulid::from_string(&text.to_ascii_uppercase()).map_err(|_| invalid())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            /// A new id: now in milliseconds, then 80 random bits.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "each call gives another id")]
            pub fn new() -> Self {
                Self(Ulid::new())
            }

            /// When the id was made, Unix milliseconds by its maker's clock.
            #[must_use]
            pub fn made_at_ms(self) -> u64 {
                self.0.timestamp_ms()
            }

            /// The id for protocols that take 128 bits and no text.
            #[must_use]
            pub fn bits(self) -> u128 {
                self.0.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; ulid::ULID_LEN];
                let text = self.0.array_to_str(&mut text);
                text.make_ascii_lowercase();
                f.write_str(text)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse($what, text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// One machine that runs servers.
    NodeId = "node";
    /// One game server.
    ServerId = "server";
    /// One egg.
    EggId = "egg";
    /// One group of eggs.
    NestId = "nest";
    /// One directory of a machine that servers may see.
    MountId = "mount";
    /// One person.
    UserId = "user";
    /// One place that nodes stand at.
    LocationId = "location";
    /// One named set of permission keys.
    RoleId = "role";
    /// One role given to one person.
    GrantId = "grant";
    /// One log-in.
    SessionId = "session";
    /// One personal API key.
    ApiKeyId = "API key";
    /// One log-in at another provider, of one person here.
    LinkedLoginId = "linked login";
    /// One named quota.
    PlanId = "plan";
    /// One passkey of one person.
    PasskeyId = "passkey";
    /// One SSH key of one person.
    SshKeyId = "SSH key";
    /// One join token.
    JoinTokenId = "join token";
    /// One private image registry.
    RegistryId = "registry";
    /// One backup of a server.
    BackupId = "backup";
    /// One place that backups are kept in.
    BackupStoreId = "backup store";
    /// One database server that databases are made on.
    DatabaseHostId = "database host";
    /// One database of a server.
    DatabaseId = "database";
    /// One process start of an agent.
    BootId = "boot";
    /// One ledger file.
    LedgerId = "ledger";
    /// One task create of a server's container.
    RunId = "run";
    /// One piece of work with an end and progress; the API's operation.
    JobId = "job";
    /// One signed command.
    CommandId = "command";
    /// One browser's session in an agent's memory.
    WatchId = "watch session";
    /// One file held open on a node for somebody.
    HandleId = "file handle";
    /// One file on its way to a server.
    UploadId = "upload";
    /// One key that signs commands or tickets.
    KeyId = "key";
    /// One gateway process.
    GatewayId = "gateway";
    /// One event consumer's credential.
    ConsumerId = "event consumer";
    /// One control process, as the bus knows it.
    ControlId = "control process";
    /// One port on a node.
    AllocationId = "allocation";
    /// One move of a server from one node to another.
    TransferId = "transfer";
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        let id = ServerId::new();
        assert_eq!(id.to_string().parse::<ServerId>().unwrap(), id);
        assert_eq!(
            serde_json::from_str::<ServerId>(&serde_json::to_string(&id).unwrap()).unwrap(),
            id
        );
    }

    #[test]
    fn nothing_but_a_lower_case_ulid_is_an_id() {
        let good = NodeId::new().to_string();
        let upper = good.to_ascii_uppercase();
        let longer = format!("{good}0");
        for bad in [
            "",
            "*",
            ">",
            "a.b",
            "node",
            &upper,
            &longer,
            "8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "0000000000000000000000000i",
            "..........................",
            "00000000000000000000000 00",
        ] {
            assert!(bad.parse::<NodeId>().is_err(), "{bad:?} was taken");
        }
    }
}
