//! Where an answer may go. The asker chooses the reply subject, so a responder that answers anywhere is a
//! tool in a stranger's hand.

/// What a responder takes as a reply subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// Only what nats-server makes itself when a request crosses from one account into another (`_R_.…`).
    Bridged,
    /// That, or the inbox of the one peer with this id (`_INB.<id>.…`).
    BridgedOr(String),
}

impl Guard {
    pub fn allows(&self, reply: &str) -> bool {
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
            assert!(guard.allows(reply), "{reply}");
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
            assert!(!guard.allows(reply), "{reply}");
        }
        assert!(!Guard::Bridged.allows("_INB.n1.x"));
    }
}
