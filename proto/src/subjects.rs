//! Every subject on the bus, publisher and wildcard forms side by side. Nothing that a user typed
//! enters one: they are built from ids and fixed words alone.

use crate::ids::{ConsumerId, GatewayId, JobId, NodeId, ServerId};

/// Queue group in which every control replica takes requests.
pub const CONTROL_QUEUE: &str = "control";
/// JetStream stream of public events, in account CORE.
pub const EVENT_STREAM: &str = "EVENT";

/// `enroll.v1.register`: a machine with a join token asks to become a node.
pub const ENROLL_REGISTER: &str = "enroll.v1.register";

/// Words that stand after `node.<node>.` and are answered by control after its commit.
pub mod up {
    /// Facts.
    pub const LIFECYCLE: &str = "lifecycle";
    /// Console bytes.
    pub const CONSOLE: &str = "console";
    /// Metrics.
    pub const METRICS: &str = "metrics";
    /// Heartbeat.
    pub const HEARTBEAT: &str = "heartbeat";
    /// After `ask.`.
    pub const HELLO: &str = "hello";
    /// After `ask.`.
    pub const RENEW: &str = "renew";
}

/// Words that stand after `node.<node>.live.`: publishes under a watch lease.
pub mod live {
    /// Console frames.
    pub const CONSOLE: &str = "console";
    /// Stats frames.
    pub const STATS: &str = "stats";
}

/// Words that stand after `agent.<node>.`: what a node is asked.
pub mod down {
    /// Signed by control.
    pub const APPLY: &str = "apply";
    /// Signed by control.
    pub const JOBS: &str = "jobs";
    /// Signed by control.
    pub const REVOKE: &str = "revoke";
    /// Signed by control.
    pub const WANTED: &str = "wanted";
    /// Signed by control.
    pub const IDENTITY: &str = "identity";
    /// Signed by control for one process, and answered by that one alone: another says nothing.
    pub const ALIVE: &str = "alive";
    /// By a gateway, with a ticket.
    pub const OPEN: &str = "open";
    /// By a gateway.
    pub const CLOSE: &str = "close";
    /// By a gateway's session, or signed by control.
    pub const CONSOLE: &str = "console";
    /// By a gateway's session, or signed by control.
    pub const FILES: &str = "files";
}

/// Words that stand after `bulk.<node>.`: bytes of files, by a gateway's session, on the node's second connection.
pub mod bulk {
    /// A handle.
    pub const OPEN: &str = "open";
    /// A chunk from it.
    pub const READ: &str = "read";
    /// A chunk into it.
    pub const WRITE: &str = "write";
    /// What it is now.
    pub const STAT: &str = "stat";
    /// Its size, mode and times.
    pub const SET: &str = "set";
    /// To the disk.
    pub const SYNC: &str = "sync";
    /// The end of it.
    pub const CLOSE: &str = "close";
}

/// Words that stand after `xfer.<source>.<receiver>.`: one node reads files of a server that is being moved to it, from
/// the node that has them.
pub mod xfer {
    /// All files.
    pub const LIST: &str = "list";
    /// Chunks of some.
    pub const READ: &str = "read";
    /// Checksums of ranges.
    pub const DIGEST: &str = "digest";
    /// Where a file with holes has bytes.
    pub const DATA: &str = "data";
}

/// Words that stand after `gate.ask.`.
pub mod gate {
    /// Verify keys.
    pub const KEYS: &str = "keys";
    /// A fresh ticket.
    pub const RENEW: &str = "renew";
    /// Which sessions have ended.
    pub const SESSIONS: &str = "sessions";
    /// Console history from the database.
    pub const HISTORY: &str = "history";
    /// What the SSH server proves itself with.
    pub const HOST_KEYS: &str = "hostkeys";
    /// Somebody wants in by SFTP.
    pub const LOGIN: &str = "login";
    /// Their connection has ended.
    pub const LOGOUT: &str = "logout";
    /// After `gate.tell.`.
    pub const REVOKED: &str = "revoked";
    /// After `gate.tell.`.
    pub const TICK: &str = "tick";
}

/// `node.{node}.{word}`: lifecycle, console, metrics or heartbeat of one node.
#[must_use]
pub fn from_node(node: NodeId, word: &str) -> String {
    format!("node.{node}.{word}")
}
/// `node.*.{word}`: the same of all nodes, for control's queue group.
#[must_use]
pub fn from_any_node(word: &str) -> String {
    format!("node.*.{word}")
}

/// `node.{node}.ask.{word}`: hello and renew.
#[must_use]
pub fn ask(node: NodeId, word: &str) -> String {
    format!("node.{node}.ask.{word}")
}
/// `node.*.ask.*`: for control's queue group.
pub const ASK_ANY: &str = "node.*.ask.*";

/// `node.{node}.live.console.{server}`: console frames under a watch lease.
#[must_use]
pub fn live_console(node: NodeId, server: ServerId) -> String {
    format!("node.{node}.live.console.{server}")
}
/// `node.{node}.live.stats.{server}`: stats frames under a watch lease.
#[must_use]
pub fn live_stats(node: NodeId, server: ServerId) -> String {
    format!("node.{node}.live.stats.{server}")
}

/// `node.{node}.xfer.{job}`: chunks and credits from a node.
#[must_use]
pub fn xfer_from(node: NodeId, job: JobId) -> String {
    format!("node.{node}.xfer.{job}")
}
/// `agent.{node}.xfer.{job}`: chunks and credits towards a node.
#[must_use]
pub fn xfer_to(node: NodeId, job: JobId) -> String {
    format!("agent.{node}.xfer.{job}")
}

/// `agent.{node}.{word}`: what one node is asked.
#[must_use]
pub fn to_node(node: NodeId, word: &str) -> String {
    format!("agent.{node}.{word}")
}
/// `agent.{node}.>`: all that an agent subscribes to.
#[must_use]
pub fn asked_of(node: NodeId) -> String {
    format!("agent.{node}.>")
}

/// `bulk.{node}.{word}`: bytes of files of one node.
#[must_use]
pub fn bulk_to(node: NodeId, word: &str) -> String {
    format!("bulk.{node}.{word}")
}
/// `bulk.{node}.*`: what an agent's second connection subscribes to.
#[must_use]
pub fn bulk_of(node: NodeId) -> String {
    format!("bulk.{node}.*")
}

/// `xfer.{source}.{receiver}.{word}`: the receiver asks the source; only it may speak in its name.
#[must_use]
pub fn xfer_ask(source: NodeId, receiver: NodeId, word: &str) -> String {
    format!("xfer.{source}.{receiver}.{word}")
}
/// `xfer.{source}.*.*`: what a node is asked by those that are to have its servers' files.
#[must_use]
pub fn xfer_of(source: NodeId) -> String {
    format!("xfer.{source}.*.*")
}

/// `gate.ask.{word}`: a gateway asks control.
#[must_use]
pub fn gate_ask(word: &str) -> String {
    format!("gate.ask.{word}")
}
/// `gate.ask.*`: for control's queue group.
pub const GATE_ASK_ANY: &str = "gate.ask.*";
/// `gate.tell.{word}`: control tells every gateway.
#[must_use]
pub fn gate_tell(word: &str) -> String {
    format!("gate.tell.{word}")
}
/// `gate.tell.>`: for gateways.
pub const GATE_TELL_ANY: &str = "gate.tell.>";

/// `event.server.{server}.{kind}`: public events of one server. `kind` is one of our own words.
#[must_use]
pub fn event_server(server: ServerId, kind: &str) -> String {
    format!("event.server.{server}.{kind}")
}
/// `event.node.{node}.{kind}`: public events of one node.
#[must_use]
pub fn event_node(node: NodeId, kind: &str) -> String {
    format!("event.node.{node}.{kind}")
}
/// `event.>`: all public events.
pub const EVENT_ANY: &str = "event.>";

/// `_INB.{id}`: inbox prefix of a node, so that nobody reads another's answers.
#[must_use]
pub fn node_inbox(node: NodeId) -> String {
    format!("_INB.{node}")
}
/// `_INB.{id}`: inbox prefix of a gateway.
#[must_use]
pub fn gateway_inbox(gateway: GatewayId) -> String {
    format!("_INB.{gateway}")
}
/// `_INB.{id}`: inbox prefix of an event consumer.
#[must_use]
pub fn consumer_inbox(consumer: ConsumerId) -> String {
    format!("_INB.{consumer}")
}

/// Which node and which words a subject `node.<node>.<words>`, `agent.<node>.<words>`, `bulk.<node>.<words>` or
/// `xfer.<node>.<words>` names.
/// `None` when it has another shape or the node is no id.
#[must_use]
pub fn split(subject: &str) -> Option<(NodeId, &str)> {
    let rest = subject
        .strip_prefix("node.")
        .or_else(|| subject.strip_prefix("agent."))
        .or_else(|| subject.strip_prefix("bulk."))
        .or_else(|| subject.strip_prefix("xfer."))?;
    let (node, words) = rest.split_once('.')?;
    Some((node.parse().ok()?, words))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_subject_names_its_node_and_words_again() {
        let (node, server) = (NodeId::new(), ServerId::new());
        assert_eq!(
            split(&from_node(node, up::LIFECYCLE)),
            Some((node, "lifecycle"))
        );
        assert_eq!(split(&ask(node, up::HELLO)), Some((node, "ask.hello")));
        assert_eq!(split(&to_node(node, down::APPLY)), Some((node, "apply")));
        assert_eq!(split(&bulk_to(node, bulk::READ)), Some((node, "read")));
        let live = live_console(node, server);
        let (_, words) = split(&live).unwrap();
        assert_eq!(words, format!("live.console.{server}"));
    }

    #[test]
    fn who_is_asked_for_files_and_by_whom_stands_in_the_subject() {
        let (source, receiver) = (NodeId::new(), NodeId::new());
        let subject = xfer_ask(source, receiver, xfer::READ);
        let words = format!("{receiver}.read");
        assert_eq!(split(&subject), Some((source, &*words)));
    }

    #[test]
    fn a_wildcard_is_no_node() {
        assert_eq!(split("node.*.lifecycle"), None);
        assert_eq!(split("agent.>"), None);
        assert_eq!(split("event.server.x"), None);
    }
}
