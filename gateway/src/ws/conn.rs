//! One browser's connection: reads what it asks, ends it when its tickets end, and flushes what waits for it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use warren_proto::bus::ticket::{Mine, Scope, Ticket};

use super::frame::{self, Incoming, Parser, Violation};
use super::message::{self, Said, SubServer};
use super::server_sub::ServerSub;
use super::viewer::{Cut, Viewer};
use crate::edge::Edge;
use crate::strangers::{Entered, PATIENCE};

const PING: Duration = Duration::from_secs(20);
/// Nothing heard, not even a pong.
const SILENT: Duration = Duration::from_secs(60);
const MAX_SUBS: usize = 64;
/// Messages that may come at once, and how many more each second.
const BURST: f64 = 200.0;
const PER_SECOND: f64 = 50.0;

const NEED_AUTH: Cut = cut(4401, "auth needed");
const BAD_AUTH: Cut = cut(4401, "auth failed");
const EXPIRED: Cut = cut(4401, "expired");
const PING_TIMEOUT: Cut = cut(4408, "ping timeout");
const TOO_MANY: Cut = cut(4429, "too many subscriptions");
const TOO_FAST: Cut = cut(4429, "too many messages");
const GOING_AWAY: Cut = cut(1001, "the gateway stops");

const fn cut(code: u16, reason: &'static str) -> Cut {
    Cut { code, reason }
}

/// Serves a connection to its end. `early` is what came with the request.
pub async fn run(edge: Arc<Edge>, client: IpAddr, stream: TcpStream, early: Bytes) {
    edge.metrics.viewers.add(1);
    let viewer = Viewer::new(stream, edge.metrics.clone());
    let stranger = Some(edge.strangers.enter(client, &viewer));
    let mut conn = Conn {
        edge: edge.clone(),
        viewer: viewer.clone(),
        auth: None,
        stranger,
        servers: HashMap::new(),
        mines: Vec::new(),
        tokens: BURST,
        filled: Instant::now(),
    };
    let end = conn.serve(early).await;
    Box::pin(conn.finish(end)).await;
    edge.metrics.viewers.add(-1);
}

/// Why a connection is over.
enum End {
    /// The other side went, or the socket broke.
    Gone,
    Closed,
    Cut(Cut),
    Broken(Violation),
}

struct Conn {
    edge: Arc<Edge>,
    viewer: Arc<Viewer>,
    auth: Option<(Ticket, Arc<Mine>)>,
    /// Until it has shown a ticket.
    stranger: Option<Entered>,
    servers: HashMap<u32, ServerSub>,
    mines: Vec<u32>,
    tokens: f64,
    filled: Instant,
}

impl Conn {
    async fn serve(&mut self, early: Bytes) -> End {
        let (edge, viewer) = (self.edge.clone(), self.viewer.clone());
        let mut parser = Parser::default();
        parser.feed(&early);
        // However short, it keeps all of the request's buffer.
        drop(early);
        let (mut heard, mut ping) = (Instant::now(), Instant::now() + PING);
        let stranger = Instant::now() + PATIENCE;
        loop {
            if let Err(end) = self.hear(&mut parser).await {
                return end;
            }
            let waits = viewer.waits();
            let deadline = self.deadline(stranger).min(ping).min(heard + SILENT);
            tokio::select! {
                () = edge.stop.cancelled() => return End::Cut(GOING_AWAY),
                ready = viewer.stream.readable() => match ready.map(|()| read(&viewer, &mut parser)) {
                    Ok(Ok(0)) | Err(_) => return End::Gone,
                    Ok(Ok(_)) => heard = Instant::now(),
                    Ok(Err(e)) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                    Ok(Err(_)) => return End::Gone,
                },
                ready = viewer.stream.writable(), if waits => {
                    if ready.is_err() || viewer.flush().is_err() { return End::Gone }
                }
                () = viewer.wake.notified() => {}
                () = sleep_until(deadline) => {}
            }
            if let Some(cut) = viewer.was_cut() {
                return End::Cut(cut);
            }
            let now = Instant::now();
            if now >= heard + SILENT {
                return End::Cut(PING_TIMEOUT);
            }
            if now >= ping {
                viewer.send(frame::ping());
                ping = now + PING;
            }
            if let Err(cut) = Box::pin(self.expire(now >= stranger)).await {
                return End::Cut(cut);
            }
        }
    }

    /// Handles every whole message that is there.
    async fn hear(&mut self, parser: &mut Parser) -> Result<(), End> {
        while let Some(message) = parser.take_message().map_err(End::Broken)? {
            // Before each one: who sends much at once must not put off the end of a revoked session.
            if let Some(cut) = self.viewer.was_cut() {
                return Err(End::Cut(cut));
            }
            self.spend().map_err(End::Cut)?;
            match message {
                // In a box while it lasts: an idle viewer pays for the largest of what its task could be doing.
                Incoming::Text(text) => Box::pin(self.said(&text)).await.map_err(End::Cut)?,
                Incoming::Ping(payload) => self.viewer.send(frame::pong(&payload)),
                Incoming::Pong => {}
                Incoming::Close => return Err(End::Closed),
            }
        }
        Ok(())
    }

    fn spend(&mut self) -> Result<(), Cut> {
        let now = Instant::now();
        let gained = (now - self.filled).as_secs_f64() * PER_SECOND;
        self.tokens = (self.tokens + gained).min(BURST) - 1.0;
        self.filled = now;
        if self.tokens < 0.0 {
            Err(TOO_FAST)
        } else {
            Ok(())
        }
    }

    async fn said(&mut self, text: &str) -> Result<(), Cut> {
        let said = match message::read(text) {
            Ok(said) => said,
            Err(why) => {
                self.viewer
                    .send_text(&message::error(None, None, "bad_message", &why));
                return Ok(());
            }
        };
        if self.auth.is_none() && !matches!(said, Said::Auth { .. } | Said::Ping { .. }) {
            return Err(NEED_AUTH);
        }
        match said {
            Said::Auth { ticket } => self.auth(&ticket)?,
            Said::SubServer { id, sub } => self.sub_server(id, sub).await?,
            Said::SubMine { id, after } => self.sub_mine(id, after)?,
            Said::Unsub { id } => self.unsub(id).await,
            Said::Renew { id, ticket } => self.renew(id, ticket),
            Said::Ping { n } => self.viewer.send_text(&message::pong(n)),
            Said::Range { id, range } => match self.servers.get(&id) {
                Some(sub) => sub.range(&self.edge, range),
                None => self.unknown(id, Some(range.req)),
            },
            Said::Input { id, input } => match self.servers.get_mut(&id) {
                Some(sub) => sub.input(&self.edge, input),
                None => self.unknown(id, Some(input.req)),
            },
        }
        Ok(())
    }

    fn unknown(&self, id: u32, req: Option<u64>) {
        self.viewer.send_text(&message::error(
            Some(id),
            req,
            "unknown_id",
            "no such subscription",
        ));
    }

    fn auth(&mut self, text: &str) -> Result<(), Cut> {
        let Ok(ticket) = self.edge.check(text) else {
            return Err(BAD_AUTH);
        };
        if let Some((before, _)) = &self.auth
            && (before.session, before.user) != (ticket.session, ticket.user)
        {
            // One connection is one person's.
            return Err(BAD_AUTH);
        }
        let mine = match &ticket.scope {
            Scope::Mine(mine) => Arc::new(mine.clone()),
            Scope::Server { .. } => Arc::default(),
        };
        if self.auth.is_none() {
            self.edge
                .sessions
                .register(ticket.session, ticket.user, &self.viewer);
            self.stranger = None;
        }
        for id in &self.mines {
            self.edge.mines.watch(&self.viewer, *id, mine.clone());
        }
        self.auth = Some((ticket, mine));
        Ok(())
    }

    async fn sub_server(&mut self, id: u32, wanted: SubServer) -> Result<(), Cut> {
        self.room_for(id).await?;
        let who = self.auth.as_ref().map(|(t, _)| (t.session, t.user));
        let checked = self.edge.check(&wanted.ticket);
        let checked = checked.and_then(|t| {
            let same = who == Some((t.session, t.user));
            if same {
                Ok(t)
            } else {
                Err(warren_proto::bus::ticket::Refused::Scope)
            }
        });
        let begun = match checked {
            Ok(ticket) => ServerSub::begin(&self.edge, &self.viewer, id, &wanted, ticket).await,
            Err(refused) => Err(refused),
        };
        match begun {
            Ok(sub) => {
                self.edge.metrics.subscriptions.add(1);
                self.servers.insert(id, sub);
            }
            Err(refused) => {
                self.viewer.send_text(&message::error(
                    Some(id),
                    None,
                    refused.code(),
                    &refused.to_string(),
                ));
            }
        }
        Ok(())
    }

    fn sub_mine(&mut self, id: u32, after: Option<u64>) -> Result<(), Cut> {
        if self.servers.len() + self.mines.len() >= MAX_SUBS {
            return Err(TOO_MANY);
        }
        if self.servers.contains_key(&id) {
            self.viewer.send_text(&message::error(
                Some(id),
                None,
                "id_taken",
                "this id is in use",
            ));
            return Ok(());
        }
        let scope = self
            .auth
            .as_ref()
            .map(|(_, mine)| mine.clone())
            .unwrap_or_default();
        let seq = self.edge.mines.watch(&self.viewer, id, scope);
        if !self.mines.contains(&id) {
            self.mines.push(id);
            self.edge.metrics.subscriptions.add(1);
        }
        self.viewer.send_text(&message::ok_mine(id, seq));
        // A gateway keeps no events: whoever comes back after others were told fetches what there is now.
        if after.is_some_and(|after| seq == 0 || after < seq) {
            self.viewer.send_text(&message::back(id, seq));
        }
        Ok(())
    }

    /// A subscription under a used id replaces the one before.
    async fn room_for(&mut self, id: u32) -> Result<(), Cut> {
        self.unsub(id).await;
        if self.servers.len() + self.mines.len() >= MAX_SUBS {
            return Err(TOO_MANY);
        }
        Ok(())
    }

    async fn unsub(&mut self, id: u32) {
        if let Some(sub) = self.servers.remove(&id) {
            self.edge.metrics.subscriptions.add(-1);
            sub.end(&self.edge).await;
        }
        if let Some(at) = self.mines.iter().position(|m| *m == id) {
            self.mines.swap_remove(at);
            self.edge.metrics.subscriptions.add(-1);
            self.edge.mines.leave(&self.viewer, id);
        }
    }

    fn renew(&mut self, id: u32, text: String) {
        let checked = self.edge.check(&text);
        let Some(sub) = self.servers.get_mut(&id) else {
            self.unknown(id, None);
            return;
        };
        let who = self.auth.as_ref().map(|(t, _)| t.session);
        let renewed = checked.and_then(|ticket| {
            if Some(ticket.session) != who {
                return Err(warren_proto::bus::ticket::Refused::Scope);
            }
            sub.renew(text, ticket)
        });
        if let Err(refused) = renewed {
            self.viewer.send_text(&message::error(
                Some(id),
                None,
                refused.code(),
                &refused.to_string(),
            ));
        }
    }

    /// When the next ticket ends, at the latest.
    fn deadline(&self, stranger: Instant) -> Instant {
        let Some((auth, _)) = &self.auth else {
            return stranger;
        };
        let first = self
            .servers
            .values()
            .map(|s| s.ticket.exp)
            .fold(auth.exp, i64::min);
        let left_ms = first
            .saturating_mul(1000)
            .saturating_sub(self.edge.now_ms())
            .max(0);
        Instant::now() + Duration::from_millis(left_ms.unsigned_abs() + 1)
    }

    /// Ends what has run out.
    async fn expire(&mut self, stranger: bool) -> Result<(), Cut> {
        let now_ms = self.edge.now_ms();
        let Some((auth, _)) = &self.auth else {
            if stranger {
                self.edge.metrics.strangers_late.add(1);
                return Err(NEED_AUTH);
            }
            return Ok(());
        };
        if auth.expires_at_ms() <= now_ms {
            return Err(EXPIRED);
        }
        let ended = self
            .servers
            .iter()
            .filter(|(_, s)| s.ticket.expires_at_ms() <= now_ms);
        for id in ended.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.unsub(id).await;
            self.viewer
                .send_text(&message::end(id, "expired", "the ticket has ended"));
        }
        Ok(())
    }

    async fn finish(&mut self, end: End) {
        self.edge.sessions.forget(&self.viewer);
        let ids: Vec<u32> = self.servers.keys().chain(&self.mines).copied().collect();
        let farewell = match end {
            End::Gone => None,
            End::Closed => Some((1000, "")),
            End::Broken(violation) => Some((violation.code, violation.why)),
            End::Cut(cut) => {
                let code = match cut.code {
                    4403 => Some("revoked"),
                    4401 => Some("expired"),
                    _ => None,
                };
                for id in ids.iter().filter(|_| code.is_some()) {
                    self.viewer
                        .send_text(&message::end(*id, code.unwrap_or_default(), cut.reason));
                }
                Some((cut.code, cut.reason))
            }
        };
        for id in ids {
            self.unsub(id).await;
        }
        if let Some((code, reason)) = farewell {
            self.viewer.send(frame::close(code, reason));
            let flushed = async {
                while self.viewer.waits()
                    && self.viewer.stream.writable().await.is_ok()
                    && self.viewer.flush().is_ok()
                {}
            };
            let _ = tokio::time::timeout(Duration::from_secs(1), flushed).await;
        }
    }
}

/// A small buffer on the stack: an idle connection holds none.
fn read(viewer: &Viewer, parser: &mut Parser) -> std::io::Result<usize> {
    let mut chunk = [0; 4096];
    let count = viewer.stream.try_read(&mut chunk)?;
    parser.feed(&chunk[..count]);
    Ok(count)
}
