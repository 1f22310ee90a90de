//! What the connection tells about itself, typed, and what is counted. A slow-consumer event or a denial is
//! often the only sign that a message was lost.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// State of the connection, for readiness pages and for fail-fast callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Not connected; it is being tried.
    Down,
    Up,
    /// The servers refuse this credential (revoked, expired, unknown). It is still tried, seldom: a renewed
    /// credential or a pushed account may mend it.
    Refused {
        reason: String,
    },
    Closed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Connected,
    Disconnected,
    /// The credential was not taken, or died while connected.
    Refused {
        reason: String,
    },
    /// The server refused one publish or subscription. Always a fault of ours, or an attack.
    Denied {
        action: Action,
        subject: String,
    },
    /// Messages of one subscription were dropped inside the client before we saw them.
    SlowConsumer {
        subscription: u64,
    },
    LameDuck,
    Closed,
    Other(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Publish,
    Subscribe,
}

impl Event {
    pub(super) fn of(event: async_nats::Event) -> Self {
        use async_nats::{ClientError, Event as E, ServerError};
        match event {
            E::Connected => Self::Connected,
            E::Disconnected => Self::Disconnected,
            E::LameDuckMode => Self::LameDuck,
            E::Draining => Self::Other("draining".into()),
            E::Closed => Self::Closed,
            E::SlowConsumer(subscription) => Self::SlowConsumer { subscription },
            E::ServerError(ServerError::AuthorizationViolation) => {
                Self::refused("authorization violation")
            }
            E::ServerError(ServerError::SlowConsumer(subscription)) => {
                Self::SlowConsumer { subscription }
            }
            E::ServerError(ServerError::Other(text)) => Self::of_text(text),
            E::ClientError(ClientError::Other(text)) => Self::of_text(text),
            E::ClientError(other) => Self::Other(other.to_string()),
        }
    }

    fn refused(reason: &str) -> Self {
        Self::Refused {
            reason: reason.into(),
        }
    }

    /// nats-server says these things in words only.
    fn of_text(text: String) -> Self {
        let lower = text.to_ascii_lowercase();
        for (word, action) in [
            ("publish", Action::Publish),
            ("subscription", Action::Subscribe),
        ] {
            if lower.starts_with(&format!("permissions violation for {word} to ")) {
                return Self::Denied {
                    action,
                    subject: text.split('"').nth(1).unwrap_or_default().to_owned(),
                };
            }
        }
        let dead = [
            "authorization violation",
            "authentication expired",
            "authentication revoked",
            "authentication timeout",
        ];
        if dead.iter().any(|d| lower.contains(d)) {
            return Self::Refused { reason: text };
        }
        Self::Other(text)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts since start; each is a `_total` on the program's metrics page.
        #[derive(Debug, Default)]
        pub struct Counters { $($(#[$doc])* pub $name: AtomicU64,)* }

        impl Counters {
            /// Name and value of each, in a stable order.
            pub fn snapshot(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.load(Relaxed)),)*]
            }
        }
    };
}

counters! {
    connected,
    disconnected,
    /// Credential not taken.
    refused,
    denied,
    /// Dropped inside the client, see [`Event::SlowConsumer`].
    slow_consumer,
    /// Dropped because the receiving part of the program was behind.
    dropped,
    /// Messages whose envelope was of another kind, direction or node, or no envelope at all.
    envelope_refused,
    /// Requests whose answer was asked to go where no answer of ours may go.
    reply_refused,
    /// Requests answered `busy`, because too many were being handled.
    busy,
    /// Requests whose handler panicked or ran out of time; answered with a failure.
    handler_failed,
    /// Requests of ours that got no answer in time.
    unanswered,
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denials_name_their_subject() {
        let text = r#"Permissions Violation for Publish to "node.b.heartbeat""#;
        assert_eq!(
            Event::of_text(text.into()),
            Event::Denied {
                action: Action::Publish,
                subject: "node.b.heartbeat".into()
            }
        );
        let text = r#"Permissions Violation for Subscription to "$SYS.>""#;
        assert!(matches!(
            Event::of_text(text.into()),
            Event::Denied {
                action: Action::Subscribe,
                ..
            }
        ));
    }

    #[test]
    fn a_dead_credential_is_told_from_a_lost_line() {
        for text in [
            "User Authentication Revoked",
            "User Authentication Expired",
            "authorization violation",
        ] {
            assert!(
                matches!(Event::of_text(text.into()), Event::Refused { .. }),
                "{text}"
            );
        }
        assert!(matches!(Event::of_text("IO error".into()), Event::Other(_)));
    }
}
