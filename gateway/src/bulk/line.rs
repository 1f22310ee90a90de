//! Somebody's way to the files of one server: a ticket, and the session that it opened at the node.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prost::Message;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use warren_proto::bus::ticket::{Refused, Scope, Ticket};
use warren_proto::bus::{Bus, CallError};
use warren_proto::ids::{NodeId, ServerId};
use warren_proto::subjects::{self, down, gate};
use warren_proto::wire::{Accepted, Close, Open, Opened, TicketRenew, TicketRenewed};

use super::pace::Pace;
use crate::edge::Edge;

/// For asks that carry no bytes.
const ASK: Duration = Duration::from_millis(2500);
/// What is on its way to a node that is cut off is tried again for so long.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// A ticket that ends sooner than this is changed for a fresh one, ms.
const FRESH_MS: i64 = 90_000;

/// See the module.
pub struct Line {
    bus: Bus,
    bulk: Bus,
    pub node: NodeId,
    pub server: ServerId,
    pub(super) pace: Pace,
    /// Chunks of all streams of this gateway.
    pub(super) room: Arc<Semaphore>,
    ticket: Mutex<(String, Ticket)>,
    session: Mutex<Option<String>>,
    /// One at a time opens a session; the others wait for that, at most as long as an ask may take.
    opening: Semaphore,
}

impl Line {
    /// `text` is the ticket as it came, and was checked.
    /// # Errors
    /// If it is for no server.
    pub fn new(edge: &Edge, text: String, ticket: Ticket) -> Result<Arc<Self>, Refused> {
        let Scope::Server { server, node } = ticket.scope else {
            return Err(Refused::Scope);
        };
        Ok(Arc::new(Self {
            bus: edge.bus.clone(),
            bulk: edge.bulk.clone(),
            node,
            server,
            pace: Pace::default(),
            room: edge.chunks.clone(),
            ticket: Mutex::new((text, ticket)),
            session: Mutex::default(),
            opening: Semaphore::new(1),
        }))
    }

    pub fn ticket(&self) -> Ticket {
        self.ticket.lock().1.clone()
    }

    /// The ticket as it came.
    pub fn text(&self) -> String {
        self.ticket.lock().0.clone()
    }

    /// Asks `bulk.<node>.<word>` under a session of this line. One that the node has forgotten is opened once more.
    /// # Errors
    /// As [`Bus::call`].
    pub async fn call<A: Message, M: Message + Default>(
        &self,
        word: &str,
        within: Duration,
        ask: impl Fn(String) -> A,
    ) -> Result<M, CallError> {
        let subject = || subjects::bulk_to(self.node, word);
        let put = |session: String| {
            let body = ask(session);
            async move {
                let node = Some(self.node);
                self.bulk.call(subject(), word, node, &body, within).await
            }
        };
        let session = self.session().await?;
        match put(session.clone()).await {
            Err(CallError::Failed { code, .. }) if code == "session_unknown" => {
                self.session.lock().take_if(|s| *s == session);
                put(self.session().await?).await
            }
            answer => answer,
        }
    }

    /// Asks `agent.<node>.<word>` in the same way, for what is no bytes.
    /// # Errors
    /// As [`Bus::call`].
    pub async fn ask<A: Message, M: Message + Default>(
        &self,
        word: &str,
        within: Duration,
        ask: impl Fn(String) -> A,
    ) -> Result<M, CallError> {
        let put = |session: String| {
            let body = ask(session);
            async move {
                let subject = subjects::to_node(self.node, word);
                let node = Some(self.node);
                self.bus.call(subject, word, node, &body, within).await
            }
        };
        let session = self.session().await?;
        match put(session.clone()).await {
            Err(CallError::Failed { code, .. }) if code == "session_unknown" => {
                self.session.lock().take_if(|s| *s == session);
                put(self.session().await?).await
            }
            answer => answer,
        }
    }

    /// The session to ask under; opened if there is none.
    async fn session(&self) -> Result<String, CallError> {
        if let Some(session) = self.session.lock().clone() {
            return Ok(session);
        }
        // Never closed, so this waits for its turn and no more.
        let _turn = self.opening.acquire().await;
        if let Some(session) = self.session.lock().clone() {
            return Ok(session);
        }
        let ticket = self.ticket.lock().0.clone();
        let opened = self.open(ticket).await?;
        *self.session.lock() = Some(opened.clone());
        Ok(opened)
    }

    async fn open(&self, ticket: String) -> Result<String, CallError> {
        let subject = subjects::to_node(self.node, down::OPEN);
        let open = Open { ticket };
        let node = Some(self.node);
        let opened: Opened = self.bus.call(subject, down::OPEN, node, &open, ASK).await?;
        Ok(opened.session)
    }

    /// Keeps the ticket fresh for as long as this is polled; ends when control gives no more. Handles go on: they are the
    /// log-in's, not the ticket's.
    pub async fn keep(&self, edge: &Edge) -> CallError {
        loop {
            let left = self.ticket().expires_at_ms() - edge.now_ms();
            let pause = u64::try_from(left - FRESH_MS).unwrap_or(0);
            // One that is given for less than that is asked for again now and then, not all the time.
            sleep(Duration::from_millis(pause.max(5_000))).await;
            let ended = self.ticket().expires_at_ms() <= edge.now_ms();
            if let Err(error) = self.renew(edge).await {
                if ended || matches!(&error, CallError::Failed { retryable, .. } if !retryable) {
                    return error;
                }
                sleep(Duration::from_secs(2)).await;
            }
        }
    }

    async fn renew(&self, edge: &Edge) -> Result<(), CallError> {
        let ask = TicketRenew {
            ticket: self.ticket.lock().0.clone(),
        };
        let subject = subjects::gate_ask(gate::RENEW);
        let renewed: TicketRenewed = self.bus.call(subject, gate::RENEW, None, &ask, ASK).await?;
        let before = self.ticket();
        let fits = |t: &Ticket| {
            (t.session, t.user, &t.scope) == (before.session, before.user, &before.scope)
        };
        let ticket = edge.check(&renewed.ticket).ok().filter(fits);
        let Some(ticket) = ticket else {
            return Err(CallError::Failed {
                code: "ticket_refused".into(),
                message: "control renewed another ticket".into(),
                retryable: false,
            });
        };
        let session = self.open(renewed.ticket.clone()).await?;
        *self.ticket.lock() = (renewed.ticket, ticket);
        let old = self.session.lock().replace(session);
        self.close(old);
        Ok(())
    }

    /// Lets the node forget the session, without waiting for it; what it holds open is closed with it.
    pub fn end(&self) {
        let session = self.session.lock().take();
        self.close(session);
    }

    fn close(&self, session: Option<String>) {
        let Some(session) = session else { return };
        let (bus, node) = (self.bus.clone(), self.node);
        tokio::spawn(async move {
            let subject = subjects::to_node(node, down::CLOSE);
            let close = Close { session };
            let closed: Result<Accepted, _> = bus
                .call(subject, down::CLOSE, Some(node), &close, ASK)
                .await;
            // The session ends with its ticket anyway.
            drop(closed);
        });
    }

    /// Tries again what has not been answered, for as long as a node may be cut off, and no longer than the ticket lives.
    /// # Errors
    /// The last one.
    pub async fn patiently<T, F>(&self, ask: impl Fn(Duration) -> F) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let until = Instant::now() + PATIENCE;
        loop {
            let (began, wait) = (Instant::now(), self.pace.wait());
            match ask(wait).await {
                Ok(done) => {
                    self.pace.took(began.elapsed());
                    return Ok(done);
                }
                Err(error) if error.retryable() && Instant::now() < until => {
                    if began.elapsed() >= wait {
                        self.pace.lost();
                    }
                    tracing::debug!(%error, "asked again");
                    sleep(Duration::from_millis(rand::random_range(50..300))).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // Outside of a runtime nobody is left to ask.
        if tokio::runtime::Handle::try_current().is_ok() {
            self.end();
        }
    }
}
