//! What a person should know about this node: told with hello, and as a fact when it changes.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use tracing::{info, warn};
use warren_proto::wire;

use crate::journal::Journal;

/// Codes are stable, the rest is words.
#[derive(Default)]
pub struct Conditions {
    now: Mutex<BTreeMap<String, wire::Condition>>,
}

/// How bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Works, but.
    Warning,
    /// Something does not work.
    Error,
}

impl Conditions {
    /// Sets or (with `None`) clears a condition; a change is journalled.
    pub fn set(&self, journal: &Journal, code: &str, level: Level, message: Option<String>) {
        let mut now = self.now.lock();
        let condition = message.map(|message| wire::Condition {
            code: code.into(),
            message,
            level: match level {
                Level::Warning => "warning".into(),
                Level::Error => "error".into(),
            },
        });
        let before = now.get(code).cloned();
        // Words may hold figures that move: only coming and going is news.
        let news = before.is_some() != condition.is_some();
        match condition.clone() {
            Some(condition) => now.insert(code.into(), condition),
            None => now.remove(code),
        };
        drop(now);
        if !news {
            return;
        }
        match &condition {
            Some(c) => warn!("{}: {}", c.code, c.message),
            None => info!("{code}: over"),
        }
        let cleared = condition.is_none();
        journal.push(wire::Fact {
            what: Some(wire::fact::What::NodeCondition(wire::NodeCondition {
                condition: condition.or(before),
                cleared,
            })),
            ..Default::default()
        });
    }

    /// All that hold.
    pub fn all(&self) -> Vec<wire::Condition> {
        self.now.lock().values().cloned().collect()
    }
}
