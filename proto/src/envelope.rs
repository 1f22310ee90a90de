//! The typed envelope around every message. An answer goes wherever the asker says, so what a
//! message is and which node it is about stands inside it, and a reader refuses anything else.

use bytes::Bytes;
use prost::Message;

use crate::{
    ids::NodeId,
    wire::{Answer, Direction, Envelope, Failure, answer},
};

/// Largest body that a request or answer carries, bytes: NATS' `max_payload` less room for the
/// envelope and the signature.
pub const MAX_BODY_BYTES: usize = 1024 * 1024 - 4096;

/// Why a message was refused. Each is counted by the caller under [`Refused::reason`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No envelope, or its body is not the expected message.
    #[error("message of {bytes} bytes can't be decoded: {cause}")]
    Malformed {
        /// Length of what came.
        bytes: usize,
        /// The decoder's words.
        cause: String,
    },
    /// Another kind than the subject stands for.
    #[error("expected a message of kind {expected}, got {got:?}")]
    Kind {
        /// What the subject stands for.
        expected: String,
        /// What came, cut at 64 characters.
        got: String,
    },
    /// A request where an answer belongs, or the reverse.
    #[error("message goes in the wrong direction")]
    Direction,
    /// About another node than the subject names.
    #[error("message is about another node")]
    Node,
    /// The other side answered with a failure; not a forged message.
    #[error("{code}: {message}")]
    Failure {
        /// Stable code.
        code: String,
        /// For a person.
        message: String,
        /// Whether asking again may help.
        retryable: bool,
    },
}

impl Refused {
    /// Label for counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::Kind { .. } => "kind",
            Self::Direction => "direction",
            Self::Node => "node",
            Self::Failure { .. } => "failure",
        }
    }
}

fn malformed(bytes: usize, cause: impl ToString) -> Refused {
    Refused::Malformed {
        bytes,
        cause: cause.to_string(),
    }
}

fn seal(kind: &str, direction: Direction, node: Option<NodeId>, body: Vec<u8>) -> Bytes {
    Envelope {
        kind: kind.to_owned(),
        direction: direction.into(),
        node: node.map(|n| n.to_string()).unwrap_or_default(),
        body: body.into(),
    }
    .encode_to_vec()
    .into()
}

/// A request of `kind`, about `node` (none on enroll and gate subjects).
pub fn request(kind: &str, node: Option<NodeId>, body: &impl Message) -> Bytes {
    seal(kind, Direction::Request, node, body.encode_to_vec())
}

/// A publish that may be lost.
pub fn live(kind: &str, node: NodeId, body: &impl Message) -> Bytes {
    seal(kind, Direction::Live, Some(node), body.encode_to_vec())
}

/// A publish to all gateways, about no node; it may be lost.
pub fn told(kind: &str, body: &impl Message) -> Bytes {
    seal(kind, Direction::Live, None, body.encode_to_vec())
}

/// Marks the kind of a request whose body is a signed command, on subjects that take both.
pub const SIGNED: &str = ".signed";

/// The kind that a message claims; empty if it is no envelope. For telling two kinds on one subject apart,
/// never instead of opening it.
#[must_use]
pub fn kind_of(bytes: &Bytes) -> String {
    Envelope::decode(bytes.clone()).map_or_else(|_| String::new(), |e| e.kind)
}

/// The answer to a request of `kind`.
pub fn answer(kind: &str, node: Option<NodeId>, result: Result<&impl Message, Failure>) -> Bytes {
    let result = match result {
        Ok(body) => answer::Result::Ok(body.encode_to_vec().into()),
        Err(failure) => answer::Result::Failure(failure),
    };
    let body = Answer {
        result: Some(result),
    };
    seal(kind, Direction::Answer, node, body.encode_to_vec())
}

fn open(
    bytes: Bytes,
    kind: &str,
    direction: Direction,
    node: Option<NodeId>,
) -> Result<Bytes, Refused> {
    let length = bytes.len();
    let envelope = Envelope::decode(bytes).map_err(|e| malformed(length, e))?;
    if envelope.kind != kind {
        return Err(Refused::Kind {
            expected: kind.to_owned(),
            got: envelope.kind.chars().take(64).collect(),
        });
    }
    if envelope.direction() != direction {
        return Err(Refused::Direction);
    }
    let expected = node.map(|n| n.to_string()).unwrap_or_default();
    if envelope.node != expected {
        return Err(Refused::Node);
    }
    Ok(envelope.body)
}

/// Reads a request of `kind` about `node`.
/// # Errors
/// Anything but exactly that.
pub fn open_request<M: Message + Default>(
    bytes: Bytes,
    kind: &str,
    node: Option<NodeId>,
) -> Result<M, Refused> {
    let length = bytes.len();
    let body = open(bytes, kind, Direction::Request, node)?;
    M::decode(body).map_err(|e| malformed(length, e))
}

/// Reads a live message of `kind` about `node`.
/// # Errors
/// Anything but exactly that.
pub fn open_live<M: Message + Default>(
    bytes: Bytes,
    kind: &str,
    node: NodeId,
) -> Result<M, Refused> {
    let length = bytes.len();
    let body = open(bytes, kind, Direction::Live, Some(node))?;
    M::decode(body).map_err(|e| malformed(length, e))
}

/// Reads what all gateways are told.
/// # Errors
/// Anything but exactly that.
pub fn open_told<M: Message + Default>(bytes: Bytes, kind: &str) -> Result<M, Refused> {
    let length = bytes.len();
    let body = open(bytes, kind, Direction::Live, None)?;
    M::decode(body).map_err(|e| malformed(length, e))
}

/// Reads the answer to a request of `kind` about `node`.
/// # Errors
/// Anything but exactly that, and [`Refused::Failure`] when the other side says no.
pub fn open_answer<M: Message + Default>(
    bytes: Bytes,
    kind: &str,
    node: Option<NodeId>,
) -> Result<M, Refused> {
    let length = bytes.len();
    let body = open(bytes, kind, Direction::Answer, node)?;
    let answer = Answer::decode(body).map_err(|e| malformed(length, e))?;
    match answer.result {
        Some(answer::Result::Ok(body)) => M::decode(body).map_err(|e| malformed(length, e)),
        Some(answer::Result::Failure(f)) => Err(Refused::Failure {
            code: f.code,
            message: f.message,
            retryable: f.retryable,
        }),
        None => Err(malformed(length, "an answer without a result")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wire::Tick;

    const TICK: Tick = Tick {
        counter: 7,
        control_time_ms: 9,
    };

    #[test]
    fn a_request_reads_back_only_as_what_it_is() {
        let (node, other) = (NodeId::new(), NodeId::new());
        let sent = request("hello", Some(node), &TICK);
        assert_eq!(
            open_request::<Tick>(sent.clone(), "hello", Some(node)).unwrap(),
            TICK
        );
        let read = |kind, node| {
            open_request::<Tick>(sent.clone(), kind, node)
                .unwrap_err()
                .reason()
        };
        assert_eq!(read("renew", Some(node)), "kind");
        assert_eq!(read("hello", Some(other)), "node");
        assert_eq!(read("hello", None), "node");
        let as_answer = open_answer::<Tick>(sent.clone(), "hello", Some(node));
        assert_eq!(as_answer.unwrap_err().reason(), "direction");
    }

    #[test]
    fn an_answer_aimed_at_an_uplink_is_refused_there() {
        let node = NodeId::new();
        let sent = answer("hello", Some(node), Ok(&TICK));
        let read = open_request::<Tick>(sent, "heartbeat", Some(node));
        assert_eq!(read.unwrap_err().reason(), "kind");
    }

    #[test]
    fn a_failure_comes_back_with_its_code() {
        let failure = Failure {
            code: "stale".into(),
            message: "the node has an older generation".into(),
            retryable: true,
        };
        let sent = answer("jobs", None, Err::<&Tick, _>(failure));
        let got = open_answer::<Tick>(sent, "jobs", None).unwrap_err();
        assert!(matches!(got, Refused::Failure { code, retryable: true, .. } if code == "stale"));
    }

    #[test]
    fn garbage_is_refused_without_a_panic() {
        for bytes in [&b""[..], b"\xff\xff\xff\xff", b"x"] {
            assert!(open_request::<Tick>(Bytes::from_static(bytes), "hello", None).is_err());
        }
    }
}
