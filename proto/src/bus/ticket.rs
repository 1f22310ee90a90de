//! Tickets: what a browser carries from control to a gateway and on to an agent. A JWT with EdDSA, written
//! and read here with one algorithm and one shape, so that there is nothing to negotiate.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::keyring::{KeyError, Keyring, Signer, Use};
use crate::ids::{KeyId, NodeId, ServerId, SessionId, UserId};

/// No ticket is good for longer. In seconds.
pub const MAX_LIFE_S: i64 = 300;
/// A `mine` ticket with a thousand servers is about 40 kB.
const MAX_BYTES: usize = 64 * 1024;

/// Rights that the bytes' edge knows, as permission keys.
pub mod right {
    /// See console and stats.
    pub const WATCH: &str = "websocket.connect";
    /// Type into the console.
    pub const INPUT: &str = "control.console";
    /// See names of files.
    pub const FILE_LIST: &str = "file.read";
    /// Read what is in them.
    pub const FILE_READ: &str = "file.read-content";
    /// Make new ones.
    pub const FILE_CREATE: &str = "file.create";
    /// Change what is there.
    pub const FILE_UPDATE: &str = "file.update";
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    #[serde(rename = "sub")]
    pub user: UserId,
    /// Ends with this session (or API key).
    #[serde(rename = "sid")]
    pub session: SessionId,
    pub scope: Scope,
    /// Permission keys, of those that the scope's resource has.
    pub rights: Vec<String>,
    /// No file that comes under it may be larger; none: as large as there is room for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_bytes: Option<u64>,
    /// Unix seconds by control's clock.
    pub iat: i64,
    pub exp: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Bytes of one server on one node.
    Server { server: ServerId, node: NodeId },
    /// Events of what the user may see.
    Mine(Mine),
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mine {
    /// Everything, nodes included: an admin.
    #[serde(default)]
    pub all: bool,
    #[serde(default)]
    pub servers: Vec<ServerId>,
    #[serde(default)]
    pub nodes: Vec<NodeId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("not a ticket")]
    Malformed,
    #[error("ticket is signed with an unknown key")]
    UnknownKey,
    #[error("ticket's signature does not fit")]
    Signature,
    #[error("ticket has expired")]
    Expired,
    #[error("ticket is good for longer than any may be")]
    TooLong,
    #[error("ticket is for something else")]
    Scope,
    #[error("ticket carries no such right")]
    Right,
}

impl Refused {
    /// Stable code for answers and counters.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "ticket_malformed",
            Self::UnknownKey => "ticket_unknown_key",
            Self::Signature => "ticket_signature",
            Self::Expired => "ticket_expired",
            Self::TooLong => "ticket_too_long",
            Self::Scope => "ticket_scope",
            Self::Right => "ticket_right",
        }
    }
}

impl Ticket {
    pub fn may(&self, right: &str) -> bool {
        self.rights.iter().any(|r| r == right)
    }

    /// # Errors
    /// [`Refused::Scope`] unless it is for exactly this server on exactly this node.
    pub fn for_server(&self, server: ServerId, node: NodeId) -> Result<(), Refused> {
        let wanted = Scope::Server { server, node };
        (self.scope == wanted).then_some(()).ok_or(Refused::Scope)
    }

    pub fn expires_at_ms(&self) -> i64 {
        self.exp.saturating_mul(1000)
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    typ: String,
    kid: KeyId,
}

/// Signs a ticket.
/// # Errors
/// [`Refused::TooLong`] for one that nobody would take.
pub fn sign(signer: &Signer, ticket: &Ticket) -> Result<String, Refused> {
    if ticket.exp - ticket.iat > MAX_LIFE_S {
        return Err(Refused::TooLong);
    }
    let header = Header {
        alg: "EdDSA".into(),
        typ: "JWT".into(),
        kid: signer.id(),
    };
    let part = |json: serde_json::Result<Vec<u8>>| {
        json.map(|j| URL_SAFE_NO_PAD.encode(j))
            .map_err(|_| Refused::Malformed)
    };
    let signed = format!(
        "{}.{}",
        part(serde_json::to_vec(&header))?,
        part(serde_json::to_vec(ticket))?
    );
    let signature = URL_SAFE_NO_PAD.encode(signer.sign(signed.as_bytes()));
    let text = format!("{signed}.{signature}");
    if text.len() > MAX_BYTES {
        return Err(Refused::TooLong);
    }
    Ok(text)
}

/// Reads a ticket and checks signature and expiry. `now_ms` is control's time. What it is for, the caller
/// asks of the result.
/// # Errors
/// The first check that fails.
pub fn verify(keys: &Keyring, text: &str, now_ms: i64) -> Result<Ticket, Refused> {
    if text.len() > MAX_BYTES {
        return Err(Refused::Malformed);
    }
    let (signed, signature) = text.rsplit_once('.').ok_or(Refused::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(Refused::Malformed)?;
    let header: Header = decode(header)?;
    if header.alg != "EdDSA" {
        return Err(Refused::Malformed);
    }
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_| Refused::Malformed)?;
    keys.verify(Use::Ticket, header.kid, signed.as_bytes(), &signature)
        .map_err(|e| match e {
            KeyError::Unknown => Refused::UnknownKey,
            KeyError::Signature | KeyError::Malformed => Refused::Signature,
        })?;
    let ticket: Ticket = decode(claims)?;
    if ticket.expires_at_ms() <= now_ms {
        return Err(Refused::Expired);
    }
    // Both bounds: against its own issue time, and against now in case that lies in the future.
    let life_ms = MAX_LIFE_S * 1000;
    if ticket.exp.saturating_sub(ticket.iat) > MAX_LIFE_S
        || ticket.expires_at_ms().saturating_sub(now_ms) > life_ms + 60_000
    {
        return Err(Refused::TooLong);
    }
    Ok(ticket)
}

fn decode<T: for<'a> Deserialize<'a>>(part: &str) -> Result<T, Refused> {
    let json = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| Refused::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| Refused::Malformed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const NOW_S: i64 = 1_700_000_000;

    #[test]
    fn a_ticket_reads_back_and_says_what_it_is_for() {
        let (signer, keys) = keys();
        let ticket = ticket();
        let text = sign(&signer, &ticket).unwrap();
        assert_eq!(verify(&keys, &text, NOW_S * 1000), Ok(ticket.clone()));
        let Scope::Server { server, node } = ticket.scope else {
            panic!()
        };
        assert!(ticket.for_server(server, node).is_ok());
        assert_eq!(
            ticket.for_server(ServerId::new(), node),
            Err(Refused::Scope)
        );
        assert_eq!(
            ticket.for_server(server, NodeId::new()),
            Err(Refused::Scope)
        );
        assert!(ticket.may(right::WATCH) && !ticket.may(right::INPUT));
    }

    #[test]
    fn its_end_is_its_end() {
        let (signer, keys) = keys();
        let text = sign(&signer, &ticket()).unwrap();
        assert!(verify(&keys, &text, (NOW_S + 299) * 1000).is_ok());
        assert_eq!(
            verify(&keys, &text, (NOW_S + 300) * 1000),
            Err(Refused::Expired)
        );
    }

    #[test]
    fn too_long_a_life_is_refused_by_both_sides() {
        let (signer, keys) = keys();
        let mut long = ticket();
        long.exp = NOW_S + 301;
        assert_eq!(sign(&signer, &long), Err(Refused::TooLong));
        let mut future = ticket();
        (future.iat, future.exp) = (NOW_S + 4000, NOW_S + 4300);
        let text = sign(&signer, &future).unwrap();
        assert_eq!(verify(&keys, &text, NOW_S * 1000), Err(Refused::TooLong));
    }

    #[test]
    fn no_other_algorithm_key_or_byte_passes() {
        let (signer, keys) = keys();
        let text = sign(&signer, &ticket()).unwrap();
        let rest = text.split_once('.').unwrap().1;
        let none = format!(r#"{{"alg":"none","typ":"JWT","kid":"{}"}}"#, signer.id());
        let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(none));
        assert_eq!(
            verify(&keys, &forged, NOW_S * 1000),
            Err(Refused::Malformed)
        );
        let stranger = sign(&Signer::create(), &ticket()).unwrap();
        assert_eq!(
            verify(&keys, &stranger, NOW_S * 1000),
            Err(Refused::UnknownKey)
        );
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(verify(&keys, &changed, NOW_S * 1000).is_err(), "byte {at}");
        }
        for cut in 0..text.len() {
            assert!(verify(&keys, &text[..cut], NOW_S * 1000).is_err());
        }
    }

    #[test]
    fn a_command_key_signs_no_tickets() {
        let signer = Signer::create();
        let mut keys = Keyring::default();
        keys.pin(Use::Command, signer.id(), &signer.public())
            .unwrap();
        let text = sign(&signer, &ticket()).unwrap();
        assert_eq!(verify(&keys, &text, NOW_S * 1000), Err(Refused::UnknownKey));
    }

    fn keys() -> (Signer, Keyring) {
        let signer = Signer::create();
        let mut keys = Keyring::default();
        keys.pin(Use::Ticket, signer.id(), &signer.public())
            .unwrap();
        (signer, keys)
    }

    fn ticket() -> Ticket {
        Ticket {
            user: UserId::new(),
            session: SessionId::new(),
            scope: Scope::Server {
                server: ServerId::new(),
                node: NodeId::new(),
            },
            rights: vec![right::WATCH.into()],
            upload_bytes: None,
            iat: NOW_S,
            exp: NOW_S + 300,
        }
    }
}
