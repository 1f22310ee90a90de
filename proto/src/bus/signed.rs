//! Commands that control has signed. NATS decides who may speak to an agent; this decides what the agent
//! believes, also when NATS or a gateway has fallen into wrong hands.

use std::collections::HashMap;

use prost::Message;

use super::keyring::{KeyError, Keyring, Signer, Use};
use crate::ids::{BootId, CommandId, KeyId, NodeId};
use crate::wire::{Command, SignedCommand};

/// No command may be good for longer, so that what must be remembered against replay stays bounded.
pub const MAX_LIFE_MS: i64 = 5 * 60 * 1000;
/// Commands of one boot that are remembered until they expire: over 200 a second for five minutes.
const MAX_SEEN: usize = 65_536;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("command can't be decoded")]
    Malformed,
    #[error("command is signed with a key that this node does not know")]
    UnknownKey,
    #[error("command's signature does not fit")]
    Signature,
    #[error("command is for another node")]
    WrongNode,
    #[error("command is for another boot of this node")]
    OtherBoot,
    #[error("command is for another verb than its subject")]
    WrongVerb,
    #[error("command has expired")]
    Expired,
    #[error("command is good for longer than any may be")]
    TooLong,
    #[error("command was seen before")]
    Replayed,
    #[error("more commands than can be remembered")]
    Overloaded,
}

impl Refused {
    /// Stable code for the answer and for counters.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "bad_signature",
            Self::WrongNode => "wrong_node",
            Self::OtherBoot => "other_boot",
            Self::WrongVerb => "wrong_verb",
            Self::Expired => "expired",
            Self::TooLong => "too_long",
            Self::Replayed => "replayed",
            Self::Overloaded => "overloaded",
        }
    }
}

/// What control wants said.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    pub node: NodeId,
    pub boot: BootId,
    /// The word in the subject.
    pub verb: &'a str,
    /// Unix milliseconds by control's clock.
    pub expires_at_ms: i64,
    pub body: &'a [u8],
}

/// Signs `order` under a fresh command id.
pub fn sign(signer: &Signer, order: Order<'_>) -> SignedCommand {
    let command = Command {
        id: CommandId::new().to_string(),
        key_id: signer.id().to_string(),
        node: order.node.to_string(),
        boot: order.boot.to_string(),
        expires_at_ms: order.expires_at_ms,
        verb: order.verb.into(),
        body: order.body.to_vec(),
    }
    .encode_to_vec();
    let signature = signer.sign(&command).to_vec();
    SignedCommand { command, signature }
}

/// A command that passed every check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub id: CommandId,
    pub key: KeyId,
    pub body: Vec<u8>,
}

impl Checked {
    /// # Errors
    /// [`Refused::Malformed`] if the body is another message.
    pub fn open<M: Message + Default>(&self) -> Result<M, Refused> {
        M::decode(self.body.as_slice()).map_err(|_| Refused::Malformed)
    }
}

/// Judges commands for one boot of one node.
#[derive(Debug)]
pub struct Verifier {
    node: NodeId,
    boot: BootId,
    seen: HashMap<CommandId, i64>,
}

impl Verifier {
    pub fn new(node: NodeId, boot: BootId) -> Self {
        Self {
            node,
            boot,
            seen: HashMap::new(),
        }
    }

    /// Checks signature, verb, node, boot, expiry and replay; a command that passes is remembered until it
    /// expires. `now_ms` is control's time, see [`super::clock::ControlClock`].
    /// # Errors
    /// The first check that fails; the signature comes before everything that it covers.
    pub fn check(
        &mut self,
        keys: &Keyring,
        signed: &SignedCommand,
        verb: &str,
        now_ms: i64,
    ) -> Result<Checked, Refused> {
        let command = Command::decode(signed.command.as_slice()).map_err(|_| Refused::Malformed)?;
        let key: KeyId = command.key_id.parse().map_err(|_| Refused::UnknownKey)?;
        keys.verify(Use::Command, key, &signed.command, &signed.signature)
            .map_err(|e| match e {
                KeyError::Unknown => Refused::UnknownKey,
                KeyError::Signature | KeyError::Malformed => Refused::Signature,
            })?;
        if command.verb != verb {
            return Err(Refused::WrongVerb);
        }
        if command.node != self.node.to_string() {
            return Err(Refused::WrongNode);
        }
        if command.boot != self.boot.to_string() {
            return Err(Refused::OtherBoot);
        }
        let id: CommandId = command.id.parse().map_err(|_| Refused::Malformed)?;
        self.remember(id, command.expires_at_ms, now_ms)?;
        Ok(Checked {
            id,
            key,
            body: command.body,
        })
    }

    fn remember(&mut self, id: CommandId, expires_at_ms: i64, now_ms: i64) -> Result<(), Refused> {
        if expires_at_ms <= now_ms {
            return Err(Refused::Expired);
        }
        if expires_at_ms.saturating_sub(now_ms) > MAX_LIFE_MS {
            return Err(Refused::TooLong);
        }
        if self.seen.contains_key(&id) {
            return Err(Refused::Replayed);
        }
        if self.seen.len() >= MAX_SEEN {
            // Whatever expired is refused by its expiry already. Time as control told it may step back by
            // a few seconds at the next hello, hence the margin.
            self.seen.retain(|_, expires| *expires > now_ms - 60_000);
            if self.seen.len() >= MAX_SEEN {
                return Err(Refused::Overloaded);
            }
        }
        self.seen.insert(id, expires_at_ms);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::wire::Tick;

    const NOW: i64 = 1_700_000_000_000;

    #[test]
    fn a_good_command_passes_once() {
        let mut t = Table::new();
        let signed = t.sign(|_| {});
        let checked = t.check(&signed).unwrap();
        assert_eq!(checked.open::<Tick>().unwrap().counter, 7);
        assert_eq!(t.check(&signed), Err(Refused::Replayed));
    }

    #[test]
    fn every_wrong_field_is_refused_by_name() {
        let mut t = Table::new();
        let other_node = t.sign(|o| o.node = NodeId::new());
        assert_eq!(t.check(&other_node), Err(Refused::WrongNode));
        let other_boot = t.sign(|o| o.boot = BootId::new());
        assert_eq!(t.check(&other_boot), Err(Refused::OtherBoot));
        let other_verb = t.sign(|o| o.verb = "jobs");
        assert_eq!(t.check(&other_verb), Err(Refused::WrongVerb));
        let expired = t.sign(|o| o.expires_at_ms = NOW);
        assert_eq!(t.check(&expired), Err(Refused::Expired));
        let long = t.sign(|o| o.expires_at_ms = NOW + MAX_LIFE_MS + 1);
        assert_eq!(t.check(&long), Err(Refused::TooLong));
        let stranger = Signer::create();
        let forged = sign(&stranger, t.order());
        assert_eq!(t.check(&forged), Err(Refused::UnknownKey));
        let same_id = Signer::restore(t.signer.id(), [9; 32]);
        let forged = sign(&same_id, t.order());
        assert_eq!(t.check(&forged), Err(Refused::Signature));
    }

    #[test]
    fn a_ticket_key_signs_no_commands() {
        let mut t = Table::new();
        let ticket_key = Signer::create();
        t.keys
            .pin(Use::Ticket, ticket_key.id(), &ticket_key.public())
            .unwrap();
        let forged = sign(&ticket_key, t.order());
        assert_eq!(t.check(&forged), Err(Refused::UnknownKey));
    }

    #[test]
    fn no_changed_byte_passes_and_nothing_panics() {
        let mut t = Table::new();
        let signed = t.sign(|_| {});
        for at in 0..signed.command.len() {
            for flip in [1u8, 0x80] {
                let mut changed = signed.clone();
                changed.command[at] ^= flip;
                assert!(t.check(&changed).is_err(), "byte {at}");
            }
        }
        for cut in 0..signed.signature.len() {
            let mut changed = signed.clone();
            changed.signature.truncate(cut);
            assert_eq!(t.check(&changed), Err(Refused::Signature));
        }
        assert!(t.check(&signed).is_ok());
    }

    #[test]
    fn memory_of_commands_is_bounded_and_never_forgets_a_live_one() {
        let mut v = Verifier::new(NodeId::new(), BootId::new());
        let first = CommandId::new();
        v.remember(first, NOW + MAX_LIFE_MS, NOW).unwrap();
        for _ in 1..MAX_SEEN {
            v.remember(CommandId::new(), NOW + 1000, NOW).unwrap();
        }
        assert_eq!(
            v.remember(CommandId::new(), NOW + 1000, NOW),
            Err(Refused::Overloaded)
        );
        let later = NOW + 100_000;
        v.remember(CommandId::new(), later + 1000, later).unwrap();
        assert_eq!(v.seen.len(), 2);
        assert_eq!(
            v.remember(first, NOW + MAX_LIFE_MS, later),
            Err(Refused::Replayed)
        );
    }

    struct Table {
        signer: Signer,
        keys: Keyring,
        verifier: Verifier,
        body: Vec<u8>,
    }

    impl Table {
        fn new() -> Self {
            let signer = Signer::create();
            let mut keys = Keyring::default();
            keys.pin(Use::Command, signer.id(), &signer.public())
                .unwrap();
            let tick = Tick {
                counter: 7,
                control_time_ms: 0,
            };
            Self {
                signer,
                keys,
                verifier: Verifier::new(NodeId::new(), BootId::new()),
                body: tick.encode_to_vec(),
            }
        }

        fn order(&self) -> Order<'_> {
            Order {
                node: self.verifier.node,
                boot: self.verifier.boot,
                verb: "apply",
                expires_at_ms: NOW + 30_000,
                body: &self.body,
            }
        }

        fn sign(&self, change: impl FnOnce(&mut Order<'_>)) -> SignedCommand {
            let mut order = self.order();
            change(&mut order);
            sign(&self.signer, order)
        }

        fn check(&mut self, signed: &SignedCommand) -> Result<Checked, Refused> {
            self.verifier.check(&self.keys, signed, "apply", NOW)
        }
    }
}
