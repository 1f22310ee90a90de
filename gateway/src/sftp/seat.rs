//! What a log-in may use: its line to the node, and questions about files on it.

use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use warren_proto::bus::CallError;
use warren_proto::bus::ticket::Ticket;
use warren_proto::subjects::{self, down, gate};
use warren_proto::wire::{Accepted, FilesAsk, Logout, files_ask};

use crate::bulk::Line;
use crate::edge::Edge;

/// Nobody waits longer for one word with a node or control.
const WITHIN: Duration = Duration::from_secs(15);
/// A node that is busy is asked again, later and later, for so long.
const PATIENCE: Duration = Duration::from_secs(15);
/// Questions about files that one log-in has in hand at its node.
const AT_ONCE: usize = 4;

/// See the module.
pub struct Seat {
    edge: Arc<Edge>,
    pub line: Arc<Line>,
    turns: Semaphore,
    /// Files that may be open.
    pub places: Arc<Semaphore>,
}

impl Seat {
    /// For a ticket of one server; none for another.
    pub fn new(edge: Arc<Edge>, text: String, ticket: Ticket) -> Option<Arc<Self>> {
        let line = Line::new(&edge, text, ticket).ok()?;
        Some(Arc::new(Self {
            edge,
            line,
            turns: Semaphore::new(AT_ONCE),
            places: Arc::new(Semaphore::new(super::handle::MAX_FILES)),
        }))
    }

    /// Asks the node about files. Asked again only if it has not begun: what is done twice is done wrongly.
    /// # Errors
    /// What it says, or that it says nothing.
    pub async fn files<M: Message + Default>(&self, ask: files_ask::Ask) -> Result<M, CallError> {
        let _turn = self.turns.acquire().await;
        let until = Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(10);
        loop {
            let body = |session| FilesAsk {
                session,
                server: self.line.server.to_string(),
                ask: Some(ask.clone()),
            };
            match self.line.ask(down::FILES, WITHIN, body).await {
                Err(CallError::Failed { code, .. }) if code == "busy" && Instant::now() < until => {
                    sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_millis(500));
                }
                answer => return answer,
            }
        }
    }

    /// Keeps the ticket fresh, until that is over.
    pub async fn keep(&self) -> CallError {
        self.line.keep(&self.edge).await
    }

    /// Tells node and control that nobody is here any more.
    pub async fn leave(&self) {
        self.line.end();
        let subject = subjects::gate_ask(gate::LOGOUT);
        let logout = Logout {
            ticket: self.line.text(),
        };
        let bus = &self.edge.bus;
        let told: Result<Accepted, _> =
            bus.call(subject, gate::LOGOUT, None, &logout, WITHIN).await;
        if let Err(error) = told {
            tracing::debug!(%error, "control was not told of a log-out; the log-in ends by itself");
        }
    }
}
