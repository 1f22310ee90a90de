//! Where an answer may go. The asker chooses the reply subject, so a responder that answers anywhere is a
//! tool in a stranger's hand.

/// What a responder takes as a reply subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// Only what nats-server makes itself when a request crosses from one account into another (`_R_.…`).
    Bridged,
    /// That, or the inbox of the one peer with this id (`_INB.<id>.…`).
    BridgedOr(String),
    /// Only the inbox of whom the subject names at that place, counted from 0.
    InboxOf(usize),
}

impl Guard {
    /// `subject`: what was asked.
    pub fn allows(&self, subject: &str, reply: &str) -> bool {
        let plain = reply.len() <= 256
            && reply.split('.').all(|token| {
                !token.is_empty()
                    && token != "*"
                    && token != ">"
                    && token.bytes().all(|b| b.is_ascii_graphic())
            });
        if !plain {
            return false;
        }
        let below = |root: &str| {
            reply
                .strip_prefix(root)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        match self {
            Self::Bridged => below("_R_"),
            Self::BridgedOr(id) => below("_R_") || below(&format!("_INB.{id}")),
            Self::InboxOf(place) => {
                let who = subject.split('.').nth(*place);
                who.is_some_and(|id| !id.is_empty() && below(&format!("_INB.{id}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_home_and_nowhere_else() {
        let guard = Guard::BridgedOr("n1".into());
        for reply in ["_R_.abc.def", "_INB.n1.x.y"] {
            assert!(guard.allows("node.x.ask.hello", reply), "{reply}");
        }
        let foreign = [
            "",
            "_R_",
            "_R_.",
            "_R_x.a",
            "_INB.n1",
            "_INB.n12.x",
            "_INB.n2.x",
            "_INB.*.x",
            "_R_.>",
            "node.n2.heartbeat",
            "agent.n2.apply",
            "$JS.API.STREAM.DELETE.EVENT",
            "event.server.x.y",
            "$JS.ACK.EVENT.x",
            "_R_.a b",
            "_R_.a..b",
            "_INBOX.a",
        ];
        for reply in foreign {
            assert!(!guard.allows("node.x.ask.hello", reply), "{reply}");
        }
        assert!(!Guard::Bridged.allows("", "_INB.n1.x"));
    }

    #[test]
    fn an_answer_goes_to_whom_the_subject_names() {
        let guard = Guard::InboxOf(2);
        assert!(guard.allows("xfer.n1.n2.read", "_INB.n2.x"));
        for reply in ["_INB.n1.x", "_INB.n3.x", "_R_.x", "_INB.n2"] {
            assert!(!guard.allows("xfer.n1.n2.read", reply), "{reply}");
        }
        assert!(!guard.allows("xfer", "_INB..x"));
    }
}
