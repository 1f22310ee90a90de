//! The topic `mine`: one subscription to all public events, handed to each browser as far as its ticket goes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Deserialize;
use tokio::time::{Instant, sleep, sleep_until};
use warren_proto::bus::Link;
use warren_proto::bus::ticket::Mine;
use warren_proto::ids::{NodeId, ServerId};
use warren_proto::subjects;

use crate::edge::Edge;
use crate::ws::frame;
use crate::ws::message;
use crate::ws::viewer::Viewer;

/// After a reconnect; interest crosses accounts in its own time.
const SETTLED: Duration = Duration::from_secs(2);

#[derive(Default)]
pub struct Mines {
    watchers: Mutex<HashMap<(u64, u32), Watcher>>,
    /// Of the last event heard.
    seq: AtomicU64,
}

struct Watcher {
    viewer: Arc<Viewer>,
    scope: Arc<Mine>,
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Server(ServerId),
    Node(NodeId),
}

impl Mines {
    /// Begins, or goes on with another scope. Gives the sequence of the last event that was heard before, so that
    /// the browser can fetch what it missed.
    pub fn watch(&self, viewer: &Arc<Viewer>, id: u32, scope: Arc<Mine>) -> u64 {
        let watcher = Watcher {
            viewer: viewer.clone(),
            scope,
        };
        self.watchers.lock().insert((viewer.key, id), watcher);
        self.seq.load(Relaxed)
    }

    pub fn leave(&self, viewer: &Viewer, id: u32) {
        self.watchers.lock().remove(&(viewer.key, id));
    }

    /// Takes an event's number. True when some before it were not heard.
    fn heard(&self, seq: u64) -> bool {
        let last = self.seq.fetch_max(seq, Relaxed);
        last > 0 && seq > last + 1
    }

    /// Tells everybody that events may have been missed.
    fn back(&self) {
        let seq = self.seq.load(Relaxed);
        for ((_, id), watcher) in self.watchers.lock().iter() {
            watcher.viewer.send_text(&message::back(*id, seq));
        }
    }

    fn hand_out(&self, about: About, seq: u64, event: &str) -> u64 {
        let mut count = 0;
        for ((_, id), watcher) in self.watchers.lock().iter() {
            if sees(&watcher.scope, about) {
                watcher
                    .viewer
                    .send(frame::text(&message::event(*id, seq, event)));
                count += 1;
            }
        }
        count
    }
}

fn sees(scope: &Mine, about: About) -> bool {
    scope.all
        || match about {
            About::Server(server) => scope.servers.contains(&server),
            About::Node(node) => scope.nodes.contains(&node),
        }
}

/// Runs until the gateway stops.
pub async fn follow(edge: Arc<Edge>) {
    let mut events = loop {
        match edge.bus.subscribe(subjects::EVENT_ANY.into(), 8192).await {
            Ok(events) => break events,
            Err(error) => tracing::warn!(%error, "listen to events"),
        }
        sleep(Duration::from_secs(1)).await;
    };
    let mut link = edge.bus.link();
    let (mut cut, mut dropped) = (false, events.dropped());
    // A connection that is back has its subscriptions a moment later.
    let mut again: Option<Instant> = None;
    loop {
        let message = tokio::select! {
            () = edge.stop.cancelled() => return,
            changed = link.changed() => {
                if changed.is_err() { return }
                let up = *link.borrow_and_update() == Link::Up;
                if up && std::mem::replace(&mut cut, !up) {
                    missed(&edge, "the bus was away");
                    again = Some(Instant::now() + SETTLED);
                }
                cut = !up;
                continue;
            }
            () = sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => {
                again = None;
                missed(&edge, "the bus is back");
                continue;
            }
            message = events.next() => message,
        };
        let Some(message) = message else { return };
        edge.metrics.events_in.add(1);
        if events.dropped() != dropped {
            dropped = events.dropped();
            missed(&edge, "too many at once");
        }
        take(&edge, &message.subject, &message.payload);
    }
}

fn missed(edge: &Edge, why: &str) {
    tracing::warn!(
        why,
        "events may have been missed; browsers fetch what there is now"
    );
    edge.metrics.events_missed.add(1);
    edge.mines.back();
}

fn take(edge: &Edge, subject: &str, payload: &[u8]) {
    let Some((about, kind)) = about(subject) else {
        return;
    };
    if let About::Node(node) = about {
        match kind {
            "online" => edge.consoles.nudge(node, true),
            "offline" => edge.consoles.nudge(node, false),
            _ => {}
        }
    }
    let Ok(event) = std::str::from_utf8(payload) else {
        return;
    };
    let Ok(head) = serde_json::from_str::<Head>(event) else {
        edge.metrics.frames_refused.add(1);
        return;
    };
    // Every event passes here, whoever may see it: a number that is skipped was lost on the way.
    if edge.mines.heard(head.seq()) {
        missed(edge, "a number was skipped");
    }
    let given = edge.mines.hand_out(about, head.seq(), event);
    edge.metrics.events_out.add(given);
}

fn about(subject: &str) -> Option<(About, &str)> {
    let mut words = subject.strip_prefix("event.")?.splitn(3, '.');
    let (noun, id, kind) = (words.next()?, words.next()?, words.next()?);
    let about = match noun {
        "server" => About::Server(id.parse().ok()?),
        "node" => About::Node(id.parse().ok()?),
        _ => return None,
    };
    Some((about, kind))
}

/// The CloudEvents `sequence` is a string; a number is taken too.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    sequence: serde_json::Value,
}

impl Head {
    fn seq(&self) -> u64 {
        match &self.sequence {
            serde_json::Value::String(text) => text.parse().unwrap_or(0),
            other => other.as_u64().unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_shows_what_it_names_and_nothing_else() {
        let (mine, other, node) = (ServerId::new(), ServerId::new(), NodeId::new());
        let scope = Mine {
            servers: vec![mine],
            ..Mine::default()
        };
        assert!(sees(&scope, About::Server(mine)));
        assert!(!sees(&scope, About::Server(other)));
        assert!(!sees(&scope, About::Node(node)));
        let all = Mine {
            all: true,
            ..Mine::default()
        };
        assert!(sees(&all, About::Server(other)) && sees(&all, About::Node(node)));
    }

    #[test]
    fn only_our_subjects_are_about_something() {
        let server = ServerId::new();
        let subject = format!("event.server.{server}.state");
        assert_eq!(about(&subject), Some((About::Server(server), "state")));
        for subject in [
            "event.server.x.state",
            "event.server",
            "event.x.y.z",
            "node.a.b",
        ] {
            assert_eq!(about(subject), None, "{subject}");
        }
    }

    #[test]
    fn a_skipped_number_is_noticed_and_a_repeated_one_is_none() {
        let mines = Mines::default();
        let heard = [7, 8, 8, 6, 9, 11, 10, 12].map(|seq| mines.heard(seq));
        let skipped = [false, false, false, false, false, true, false, false];
        assert_eq!(heard, skipped);
    }

    #[test]
    fn a_sequence_is_a_string_or_a_number() {
        let seq = |json: &str| serde_json::from_str::<Head>(json).map(|h| h.seq()).ok();
        assert_eq!(seq(r#"{"sequence":"12"}"#), Some(12));
        assert_eq!(seq(r#"{"sequence":12}"#), Some(12));
        assert_eq!(seq(r#"{}"#), Some(0));
    }
}
