//! The five accounts, their keys, and the minting of users. Nodes (EDGE) and gateways (GATE) hold no right in
//! the account that has the streams (CORE): being limited to a few JetStream subjects is no boundary, because
//! a reply subject is the client's choice. What passes between accounts is `bridges`.

use std::collections::BTreeMap;

use nkeys::{KeyPair, KeyPairType};
use serde::{Deserialize, Serialize};

use super::bridges;
use super::creds::{Creds, Seed};
use super::jwt::{
    self, Account as AccountClaims, Claims, Error, Limits, Operator, Permissions, Scope, Subjects,
    Template, User,
};
use crate::ids;
use crate::subjects::EVENT_ANY as EVENTS;

/// The largest message, and so the largest body of an upload with its envelope. In bytes.
pub const MAX_PAYLOAD_BYTES: i64 = 1_048_576;
/// A node's credential lives this long, in seconds, and is renewed over the bus long before.
pub const NODE_TTL_S: i64 = 90 * 24 * 3600;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Account {
    /// Control's view of the servers themselves.
    Sys,
    /// Control and the EVENT stream.
    Core,
    /// Gateways: they face the internet.
    Gate,
    /// Nodes and machines that enrol.
    Edge,
    /// Event consumers of others.
    Read,
}

impl Account {
    pub const ALL: [Self; 5] = [Self::Sys, Self::Core, Self::Gate, Self::Edge, Self::Read];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sys => "SYS",
            Self::Core => "CORE",
            Self::Gate => "GATE",
            Self::Edge => "EDGE",
            Self::Read => "READ",
        }
    }
}

/// User public key to the Unix second up to which what was issued to it is dead.
pub type Revocations = BTreeMap<String, i64>;

/// What CORE may store. nats-server's own `max_mem` and `max_file` must be at least this, or JetStream is
/// off for CORE with only a log line; [`super::config`] writes both from one value. In bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    pub memory_bytes: i64,
    pub file_bytes: i64,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            file_bytes: 4 << 30,
        }
    }
}

/// All keys of one installation's bus. Sealed as a whole by control, except for the operator's root, which
/// leaves as soon as it has signed the operator's own JWT.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Realm {
    /// Signed once by the root; names the signer below.
    pub operator_jwt: String,
    operator_signer: Seed,
    sys: Seed,
    core: Seed,
    gate: Seed,
    edge: Seed,
    read: Seed,
    scope_node: Seed,
    scope_enroll: Seed,
    scope_gateway: Seed,
    scope_reader: Seed,
    scope_reader_all: Seed,
}

impl Realm {
    /// Makes all keys. The second value is the operator's root: print or store it away from control.
    /// # Errors
    /// Only if a fresh key can not sign.
    pub fn create(name: &str, iat: i64) -> Result<(Self, Seed), Error> {
        let root = KeyPair::new_operator();
        let signer = KeyPair::new_operator();
        let (sys, account) = (KeyPair::new_account(), || seed(&KeyPair::new_account()));
        let operator = Operator {
            system_account: sys.public_key(),
            signing_keys: vec![signer.public_key()],
            kind: "operator".into(),
            version: 2,
        };
        let realm = Self {
            operator_jwt: jwt::sign(&root, claims(iat, &root.public_key(), name, None, operator))?,
            operator_signer: seed(&signer)?,
            sys: seed(&sys)?,
            core: account()?,
            gate: account()?,
            edge: account()?,
            read: account()?,
            scope_node: account()?,
            scope_enroll: account()?,
            scope_gateway: account()?,
            scope_reader: account()?,
            scope_reader_all: account()?,
        };
        Ok((realm, seed(&root)?))
    }

    /// The account's public key: its name in claims and in `$SYS` subjects.
    /// # Errors
    /// If a stored seed is damaged.
    pub fn public(&self, account: Account) -> Result<String, Error> {
        Ok(self.key(account)?.public_key())
    }

    /// The account's JWT as servers hold it. `iat` in Unix seconds decides which of two a server keeps, so
    /// it must be later than that of the one before.
    /// # Errors
    /// If a stored seed is damaged.
    pub fn account_jwt(
        &self,
        account: Account,
        storage: Storage,
        revocations: &Revocations,
        iat: i64,
    ) -> Result<String, Error> {
        let mut limits = Limits {
            subs: -1,
            data: -1,
            payload: -1,
            imports: -1,
            exports: -1,
            wildcards: true,
            conn: -1,
            leaf: -1,
            mem_storage: None,
            disk_storage: None,
            streams: None,
            consumer: None,
        };
        if account == Account::Core {
            limits.mem_storage = Some(storage.memory_bytes);
            limits.disk_storage = Some(storage.file_bytes);
            limits.streams = Some(8);
            // One durable per event consumer (and server, on 2.9), none per node, server or viewer.
            limits.consumer = Some(-1);
        }
        let nats = AccountClaims {
            imports: bridges::imports(
                account,
                &self.public(Account::Core)?,
                &self.public(Account::Edge)?,
            ),
            exports: bridges::exports(account),
            limits,
            signing_keys: self.scopes(account)?,
            revocations: revocations.clone(),
            default_permissions: if account == Account::Sys {
                Permissions::default()
            } else {
                Permissions {
                    publish: Subjects::deny_all(),
                    subscribe: Subjects::deny_all(),
                }
            },
            kind: "account".into(),
            version: 2,
        };
        let claims = claims(iat, &self.public(account)?, account.name(), None, nats);
        jwt::sign(&key(&self.operator_signer)?, claims)
    }

    fn scopes(&self, account: Account) -> Result<Vec<Scope>, Error> {
        Ok(match account {
            Account::Sys | Account::Core => Vec::new(),
            Account::Edge => vec![
                scope(&self.scope_node, "node", bridges::node_template())?,
                scope(&self.scope_enroll, "enroll", bridges::enroll_template())?,
            ],
            Account::Gate => vec![scope(
                &self.scope_gateway,
                "gateway",
                bridges::gateway_template(),
            )?],
            Account::Read => vec![
                scope(
                    &self.scope_reader,
                    "reader",
                    bridges::reader_template("event.server.{{tag(srv)}}.>"),
                )?,
                scope(
                    &self.scope_reader_all,
                    "reader-all",
                    bridges::reader_template(EVENTS),
                )?,
            ],
        })
    }

    /// A node's user: `node.<id>.>`, `agent.<id>.>` and its own inbox, by the scope's template alone.
    /// # Errors
    /// [`Error::Refused`] for a key that is no user key.
    pub fn mint_node(
        &self,
        node: ids::NodeId,
        user: &str,
        iat: i64,
        exp: i64,
    ) -> Result<String, Error> {
        self.mint(
            Account::Edge,
            &self.scope_node,
            &node.to_string(),
            user,
            &[],
            iat,
            Some(exp),
        )
    }

    /// What a join token carries: may call `enroll.v1.register` and hear the answer.
    /// # Errors
    /// [`Error::Refused`] for a key that is no user key.
    pub fn mint_enroll(
        &self,
        token: ids::JoinTokenId,
        user: &str,
        iat: i64,
        exp: i64,
    ) -> Result<String, Error> {
        self.mint(
            Account::Edge,
            &self.scope_enroll,
            &token.to_string(),
            user,
            &[],
            iat,
            Some(exp),
        )
    }

    /// # Errors
    /// [`Error::Refused`] for a key that is no user key.
    pub fn mint_gateway(
        &self,
        gateway: ids::GatewayId,
        user: &str,
        iat: i64,
        exp: Option<i64>,
    ) -> Result<String, Error> {
        self.mint(
            Account::Gate,
            &self.scope_gateway,
            &gateway.to_string(),
            user,
            &[],
            iat,
            exp,
        )
    }

    /// An event consumer's user. `durables` are the names of the JetStream consumers that it may pull from
    /// and acknowledge: one, or one per server where the connected nats-server knows a single filter only.
    /// # Errors
    /// [`Error::Refused`] for a key that is no user key, and for an empty list of servers or durables:
    /// a template without a matching tag must never be left to a server's mercy.
    pub fn mint_reader(
        &self,
        reader: &Reader<'_>,
        user: &str,
        iat: i64,
        exp: Option<i64>,
    ) -> Result<String, Error> {
        let mut tags: Vec<String> = reader.durables.iter().map(|c| format!("con:{c}")).collect();
        let refused = |why| Error::Refused {
            what: "event consumer",
            value: reader.id.to_string(),
            why,
        };
        if tags.is_empty() {
            return Err(refused("it has no durable"));
        }
        let scope = match reader.servers {
            Servers::All => &self.scope_reader_all,
            Servers::Only([]) => return Err(refused("it may see no server")),
            Servers::Only(servers) => {
                tags.extend(servers.iter().map(|s| format!("srv:{s}")));
                &self.scope_reader
            }
        };
        self.mint(
            Account::Read,
            scope,
            &reader.id.to_string(),
            user,
            &tags,
            iat,
            exp,
        )
    }

    /// A fresh user of control in CORE, with every subject of that account.
    /// # Errors
    /// If a stored seed is damaged.
    pub fn control_creds(&self, control: ids::ControlId, iat: i64) -> Result<Creds, Error> {
        self.trusted(Account::Core, &control.to_string(), iat)
    }

    /// A fresh user of control in SYS: pushes account JWTs, sees who comes and goes.
    /// # Errors
    /// If a stored seed is damaged.
    pub fn sys_creds(&self, control: ids::ControlId, iat: i64) -> Result<Creds, Error> {
        self.trusted(Account::Sys, &control.to_string(), iat)
    }

    fn trusted(&self, account: Account, name: &str, iat: i64) -> Result<Creds, Error> {
        strict(name)?;
        let user = KeyPair::new_user();
        let nats = User {
            issuer_account: String::new(),
            publish: Some(Subjects::allow([">"])),
            subscribe: Some(Subjects::allow([">"])),
            subs: Some(-1),
            data: Some(-1),
            payload: Some(-1),
            tags: Vec::new(),
            kind: "user".into(),
            version: 2,
        };
        let jwt = jwt::sign(
            &self.key(account)?,
            claims(iat, &user.public_key(), name, None, nats),
        )?;
        Ok(Creds {
            jwt,
            seed: seed(&user)?,
        })
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "private; each caller fixes most of them by type"
    )]
    fn mint(
        &self,
        account: Account,
        scope: &Seed,
        name: &str,
        user: &str,
        tags: &[String],
        iat: i64,
        exp: Option<i64>,
    ) -> Result<String, Error> {
        // The types allow nothing else already. Checked again, because a name of `*` would be granted the
        // subjects of everyone (measured on every server version).
        strict(name)?;
        for tag in tags {
            strict(tag.split_once(':').map_or("", |(_, value)| value))?;
        }
        let nats = User {
            issuer_account: self.public(account)?,
            publish: None,
            subscribe: None,
            subs: None,
            data: None,
            payload: None,
            tags: tags.to_vec(),
            kind: "user".into(),
            version: 2,
        };
        jwt::sign(
            &key(scope)?,
            claims(iat, &jwt::user_key(user)?, name, exp, nats),
        )
    }

    fn key(&self, account: Account) -> Result<KeyPair, Error> {
        key(match account {
            Account::Sys => &self.sys,
            Account::Core => &self.core,
            Account::Gate => &self.gate,
            Account::Edge => &self.edge,
            Account::Read => &self.read,
        })
    }
}

/// Which events a consumer may see.
#[derive(Debug, Clone, Copy)]
pub enum Servers<'a> {
    All,
    Only(&'a [ids::ServerId]),
}

#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// Names the NATS user, and so its inbox. Nothing else should carry it: READ can not forbid a reader to have
    /// its answers sent to an inbox that it knows.
    pub id: ids::ConsumerId,
    pub servers: Servers<'a>,
    pub durables: &'a [ids::ConsumerId],
}

fn scope(signer: &Seed, role: &str, template: Template) -> Result<Scope, Error> {
    Ok(Scope {
        kind: "user_scope".into(),
        key: key(signer)?.public_key(),
        role: role.into(),
        template,
    })
}

fn claims<N>(iat: i64, sub: &str, name: &str, exp: Option<i64>, nats: N) -> Claims<N> {
    Claims {
        jti: String::new(),
        iat,
        iss: String::new(),
        name: name.into(),
        sub: sub.into(),
        exp,
        nats,
    }
}

/// Exactly a lower-case ULID and nothing else.
fn strict(name: &str) -> Result<(), Error> {
    if name.parse::<ids::NodeId>().is_ok() {
        return Ok(());
    }
    Err(Error::Refused {
        what: "name",
        value: name.chars().take(64).collect(),
        why: "only a lower-case ULID goes into a credential",
    })
}

fn seed(key: &KeyPair) -> Result<Seed, Error> {
    Seed::of(key).map_err(|_| Error::Malformed("a public key has no seed"))
}

fn key(seed: &Seed) -> Result<KeyPair, Error> {
    let key = seed
        .key()
        .map_err(|_| Error::Malformed("a stored seed is damaged"))?;
    match key.key_pair_type() {
        KeyPairType::Account | KeyPairType::Operator => Ok(key),
        _ => Err(Error::Malformed("a stored seed is of another kind")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn no_name_but_a_ulid_is_minted() {
        let (realm, _) = Realm::create("test", 1).unwrap();
        let user = KeyPair::new_user().public_key();
        let mint = |name: &str, tags: &[String]| {
            realm.mint(Account::Edge, &realm.scope_node, name, &user, tags, 1, None)
        };
        let good = ids::NodeId::new().to_string();
        assert!(mint(&good, &[]).is_ok());
        let upper = good.to_uppercase();
        for name in [
            "*",
            ">",
            "",
            "a.*",
            "a.>",
            "n1",
            &upper,
            &format!("{good}.x"),
            &format!("{good} "),
        ] {
            assert!(mint(name, &[]).is_err(), "{name}");
            assert!(mint(&good, &[format!("srv:{name}")]).is_err(), "tag {name}");
        }
        assert!(mint(&good, &["srv".into()]).is_err());
    }

    #[test]
    fn only_user_keys_are_minted() {
        let (realm, _) = Realm::create("test", 1).unwrap();
        let account = realm.public(Account::Core).unwrap();
        for key in [account.as_str(), "", "*", "UABC"] {
            assert!(realm.mint_node(ids::NodeId::new(), key, 1, 2).is_err());
        }
    }

    #[test]
    fn a_scoped_user_carries_no_rights_of_its_own() {
        let (realm, _) = Realm::create("test", 1).unwrap();
        let user = KeyPair::new_user().public_key();
        let jwt = realm.mint_node(ids::NodeId::new(), &user, 1, 2).unwrap();
        let claims: Claims<serde_json::Value> = jwt::read(&jwt).unwrap();
        let mut fields: Vec<_> = claims.nats.as_object().unwrap().keys().cloned().collect();
        fields.sort();
        assert_eq!(fields, ["issuer_account", "type", "version"]);
    }

    #[test]
    fn a_reader_of_nothing_is_refused() {
        let (realm, _) = Realm::create("test", 1).unwrap();
        let user = KeyPair::new_user().public_key();
        let id = ids::ConsumerId::new();
        let reader = |servers, durables| Reader {
            id,
            servers,
            durables,
        };
        let one = [id];
        assert!(
            realm
                .mint_reader(&reader(Servers::All, &one), &user, 1, None)
                .is_ok()
        );
        assert!(
            realm
                .mint_reader(&reader(Servers::Only(&[]), &one), &user, 1, None)
                .is_err()
        );
        assert!(
            realm
                .mint_reader(&reader(Servers::All, &[]), &user, 1, None)
                .is_err()
        );
    }

    #[test]
    fn the_operator_root_is_not_among_the_kept_keys() {
        let (realm, root) = Realm::create("test", 1).unwrap();
        assert!(
            !serde_json::to_string(&realm)
                .unwrap()
                .contains(root.expose())
        );
        let again: Realm = serde_json::from_str(&serde_json::to_string(&realm).unwrap()).unwrap();
        assert_eq!(
            again.public(Account::Edge).unwrap(),
            realm.public(Account::Edge).unwrap()
        );
        // By itself "SA" may stand in any key. A seed has 58 characters, and begins so or with another kind's letter.
        let printed = format!("{realm:?}");
        let words = printed.split(|c: char| !c.is_ascii_alphanumeric());
        let seeds = words.filter(|word| word.len() == 58 && word.starts_with('S'));
        assert_eq!(seeds.count(), 0, "a seed was printed");
    }
}
