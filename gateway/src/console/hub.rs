//! One watched server: one subscription for its bytes and one for its stats, the last bytes at hand, holes
//! mended, and every viewer handed the same frame.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use warren_proto::bus::{CallError, Error, Link, Subscription};
use warren_proto::ids::{NodeId, RunId, ServerId};
use warren_proto::subjects;
use warren_proto::wire::console_ask::Ask;
use warren_proto::wire::{
    Chunks, ConsoleFrame, HistoryAsk, StatsFrame, StreamEnd, Tail, Watch, WatchAnswer,
};

use super::agent::{ASK, AgentLine, answer};
use super::frame::Piece;
use super::greet::Greeting;
use super::lane::{Answer, Lane, Step};
use super::range::fetch;
use super::ring::Ring;
use super::{Msg, Sub};
use crate::edge::Edge;
use crate::ws::frame;
use crate::ws::message::{self, From, Range, Stream};
use crate::ws::viewer::Mark;

/// A third of the lease, so that two lost renewals do no harm.
const RENEW: Duration = Duration::from_secs(10);
/// Under a watch stats come every second. Without them the agent may have been started anew and know of no
/// watch; asking again is cheap.
const QUIET: Duration = Duration::from_secs(3);
/// For so long a hole is asked for while nobody answers, before it is called a gap.
const MEND: Duration = Duration::from_secs(10);
/// After the last viewer: a page that is reloaded finds everything in place.
const LINGER: Duration = Duration::from_secs(10);
/// A last frame that is not here so long after the stats told of it is lost.
const LATE: Duration = Duration::from_millis(150);
const TAIL_BYTES: u32 = 256 * 1024;
/// Live frames that may come before the tail; more are a hole, which the lanes mend.
const MAX_EARLY: usize = 64;

/// Runs until nobody watches.
pub(super) async fn run(
    edge: Arc<Edge>,
    node: NodeId,
    server: ServerId,
    inbox: mpsc::Receiver<Msg>,
) {
    // Subscribed before the agent is asked, on the same connection: nothing falls between tail and live.
    let console = edge
        .bus
        .subscribe(subjects::live_console(node, server), 1024)
        .await;
    let stats = edge
        .bus
        .subscribe(subjects::live_stats(node, server), 64)
        .await;
    let (console, stats) = match (console, stats) {
        (Ok(console), Ok(stats)) => (console, stats),
        (Err(error), _) | (_, Err(error)) => {
            tracing::warn!(%error, server.id = %server, "watch a server");
            give_up(&edge, node, server, inbox);
            return;
        }
    };
    edge.metrics.consoles.add(1);
    let hub = Hub {
        edge: edge.clone(),
        node,
        server,
        viewers: Vec::new(),
        waiting: Vec::new(),
        early: Vec::new(),
        lanes: Default::default(),
        rings: Default::default(),
        work: JoinSet::new(),
        begun: false,
        starting: false,
        history_asked: false,
        offline: false,
        since: OffsetDateTime::now_utc(),
        failures: 0,
        holder: None,
        next_start: Instant::now(),
        heard: Instant::now(),
        linger: None,
        late: None,
        told_ends: Vec::new(),
        stats: None,
    };
    hub.run(inbox, console, stats).await;
    edge.metrics.consoles.add(-1);
}

/// Without a subscription there is nothing to show; browsers try again.
fn give_up(edge: &Edge, node: NodeId, server: ServerId, mut inbox: mpsc::Receiver<Msg>) {
    edge.consoles.remove((node, server));
    inbox.close();
    while let Ok(msg) = inbox.try_recv() {
        if let Msg::Join { sub, .. } = msg {
            sub.viewer.send_text(&message::end(
                sub.id,
                "gone",
                "the bus is not there, try again",
            ));
        }
    }
}

struct Waiting {
    sub: Arc<Sub>,
    from: Option<From>,
    tail_bytes: u32,
}

struct Hub {
    edge: Arc<Edge>,
    node: NodeId,
    server: ServerId,
    viewers: Vec<Arc<Sub>>,
    /// Came before the first bytes were here.
    waiting: Vec<Waiting>,
    /// Live frames from before the tail was here.
    early: Vec<(Stream, Piece)>,
    lanes: [Lane; 3],
    rings: [Ring; 3],
    work: JoinSet<Done>,
    /// The lanes stand somewhere; viewers can be greeted.
    begun: bool,
    starting: bool,
    history_asked: bool,
    offline: bool,
    /// Of `offline`.
    since: OffsetDateTime,
    failures: u32,
    /// Whose session holds the watch.
    holder: Option<(u64, u32)>,
    next_start: Instant,
    /// When stats came last, or were last asked for.
    heard: Instant,
    linger: Option<Instant>,
    late: Option<Instant>,
    told_ends: Vec<StreamEnd>,
    /// The last stats, for who comes later.
    stats: Option<String>,
}

enum Done {
    Started {
        by: (u64, u32),
        watch: Result<WatchAnswer, CallError>,
        tail: Option<Chunks>,
    },
    History(Option<Chunks>),
    Mended {
        stream: Stream,
        answer: Answer,
    },
}

impl Hub {
    async fn run(
        mut self,
        mut inbox: mpsc::Receiver<Msg>,
        mut console: Subscription,
        mut stats: Subscription,
    ) {
        let mut link = self.edge.bus.link();
        let stop = self.edge.stop.clone();
        loop {
            let watched = !self.viewers.is_empty() || !self.waiting.is_empty();
            let renew = watched && !self.starting;
            tokio::select! {
                () = stop.cancelled() => return,
                msg = inbox.recv() => match msg {
                    Some(msg) => self.told(msg),
                    None => return,
                },
                message = console.next() => match message {
                    Some(message) => {
                        self.frame(message);
                        // What is there already goes out in one turn.
                        for _ in 0..64 {
                            let Some(message) = console.try_next() else { break };
                            self.frame(message);
                        }
                    }
                    None => return,
                },
                message = stats.next() => match message {
                    Some(message) => self.sample(message),
                    None => return,
                },
                Some(done) = self.work.join_next() => if let Ok(done) = done { self.done(done) },
                changed = link.changed() => match changed {
                    Ok(()) if *link.borrow_and_update() == Link::Up => self.next_start = Instant::now(),
                    Ok(()) => {}
                    Err(_) => return,
                },
                () = sleep_until(self.next_start.min(self.heard + QUIET)), if renew => self.start(),
                () = until(self.late), if self.late.is_some() => self.mend_late(),
                () = until(self.linger), if self.linger.is_some() => {
                    if self.leave(&mut inbox) { return }
                }
            }
        }
    }

    fn told(&mut self, msg: Msg) {
        match msg {
            Msg::Join {
                sub,
                from,
                tail_bytes,
            } => {
                self.linger = None;
                if self.holder.is_none() {
                    self.next_start = Instant::now();
                }
                let waiting = Waiting {
                    sub,
                    from,
                    tail_bytes,
                };
                if self.begun {
                    self.greet(waiting);
                } else {
                    self.waiting.push(waiting);
                }
            }
            Msg::Leave { key } => {
                self.viewers.retain(|s| s.key() != key);
                self.waiting.retain(|w| w.sub.key() != key);
                if self.holder == Some(key) {
                    self.holder = None;
                    self.next_start = Instant::now();
                }
                if self.viewers.is_empty() && self.waiting.is_empty() {
                    self.linger = Some(Instant::now() + LINGER);
                }
            }
            Msg::Node { online: true } => self.next_start = Instant::now(),
            Msg::Node { online: false } => self.node_is(false),
        }
    }

    /// Whether the hub may end now: nobody came meanwhile.
    fn leave(&mut self, inbox: &mut mpsc::Receiver<Msg>) -> bool {
        self.edge.consoles.remove((self.node, self.server));
        inbox.close();
        // Whoever got in before the door closed is let in by a new hub.
        while let Ok(msg) = inbox.try_recv() {
            if let Msg::Join {
                sub,
                from,
                tail_bytes,
            } = msg
            {
                let edge = self.edge.clone();
                tokio::spawn(async move {
                    let wanted = message::SubServer {
                        server: sub.line.server,
                        ticket: String::new(),
                        from,
                        tail_bytes,
                    };
                    super::Consoles::join(&edge, sub, &wanted).await;
                });
            }
        }
        true
    }

    /// Whoever asks for all: the one that holds the watch while its ticket lasts, else the one whose ticket lasts
    /// longest.
    fn asker(&self) -> Option<((u64, u32), Arc<AgentLine>)> {
        let subs = self
            .viewers
            .iter()
            .chain(self.waiting.iter().map(|w| &w.sub));
        let soon_ms = self.edge.now_ms() + 30_000;
        let lasts = |s: &Arc<Sub>| s.line.ticket().expires_at_ms();
        let best =
            subs.max_by_key(|s| (self.holder == Some(s.key()) && lasts(s) > soon_ms, lasts(s)))?;
        Some((best.key(), best.line.clone()))
    }

    fn line(&self) -> Option<Arc<AgentLine>> {
        self.asker().map(|(_, line)| line)
    }

    /// Asks for the watch (again), and for the tail if it is the first time.
    fn start(&mut self) {
        self.next_start = Instant::now() + RENEW;
        self.heard = Instant::now();
        let Some((by, line)) = self.asker() else {
            return;
        };
        self.starting = true;
        let first = !self.begun;
        self.work.spawn(async move {
            let ask = Ask::Watch(Watch {
                console: true,
                stats: true,
                stop: false,
            });
            let watch = line.ask::<WatchAnswer>(ask, ASK).await;
            let mut tail = None;
            if first && watch.is_ok() {
                let ask = Ask::Tail(Tail {
                    max_bytes: TAIL_BYTES,
                });
                tail = line.ask::<Chunks>(ask, ASK).await.ok();
            }
            Done::Started { by, watch, tail }
        });
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Started { by, watch, tail } => {
                self.starting = false;
                match watch {
                    Ok(watch) => self.started(by, &watch, tail),
                    Err(error) => self.not_started(by, &error),
                }
            }
            Done::History(chunks) => {
                if !self.begun {
                    self.begin(&chunks.unwrap_or_default());
                }
            }
            Done::Mended { stream, answer } => {
                let steps = self.lanes[stream.index()].mended(answer);
                self.act(stream, steps);
            }
        }
    }

    fn started(&mut self, by: (u64, u32), watch: &WatchAnswer, tail: Option<Chunks>) {
        self.failures = 0;
        self.holder = Some(by);
        self.node_is(true);
        if !self.begun {
            match tail {
                Some(tail) => self.begin(&tail),
                // The watch stands but the tail was lost: once more, at once.
                None => self.next_start = Instant::now() + Duration::from_millis(200),
            }
        }
        if self.begun {
            self.reach(&watch.ends);
        }
    }

    fn not_started(&mut self, by: (u64, u32), error: &CallError) {
        self.failures += 1;
        self.holder = None;
        let pause = Duration::from_millis(
            u64::from(self.failures.min(10)) * 500 + rand::rng().random_range(0..300),
        );
        self.next_start = Instant::now() + pause;
        self.heard = Instant::now() + pause;
        tracing::debug!(%error, server.id = %self.server, "not watching yet");
        match error {
            CallError::Failed { code, .. }
                if code.contains("ticket") || code.contains("session") =>
            {
                self.refuse(by, code);
            }
            // The gateway itself is cut off; it says nothing about the node.
            CallError::Bus(Error::Disconnected | Error::Refused(_)) => {}
            // One lost answer is no sign yet.
            CallError::Bus(_) if self.begun && self.failures < 2 => {}
            CallError::Bus(_) => {
                self.node_is(false);
                self.ask_history();
            }
            // The node is there and knows no such server (yet).
            CallError::Failed { .. } | CallError::Refused(_) => self.ask_history(),
        }
    }

    /// The agent does not take this viewer's ticket: it ends, the others go on.
    fn refuse(&mut self, key: (u64, u32), code: &str) {
        let subs = self
            .viewers
            .iter()
            .chain(self.waiting.iter().map(|w| &w.sub));
        for sub in subs.filter(|s| s.key() == key) {
            sub.viewer.send_text(&message::end(sub.id, "expired", code));
        }
        self.told(Msg::Leave { key });
        self.next_start = Instant::now();
    }

    fn ask_history(&mut self) {
        if self.begun || self.history_asked {
            return;
        }
        let Some(line) = self.line() else { return };
        self.history_asked = true;
        self.work.spawn(async move {
            let ask = HistoryAsk {
                tail_bytes: TAIL_BYTES,
                ..HistoryAsk::default()
            };
            Done::History(line.history(ask).await.ok())
        });
    }

    fn node_is(&mut self, online: bool) {
        if self.offline != online {
            return;
        }
        self.offline = !online;
        self.since = OffsetDateTime::now_utc();
        for sub in &self.viewers {
            sub.viewer
                .send_text(&message::node(sub.id, online, self.since));
        }
    }

    /// Sets the lanes by the first answer and lets in who waits.
    fn begin(&mut self, tail: &Chunks) {
        self.begun = true;
        for stream in Stream::ALL {
            let found = answer(tail, stream);
            let end = tail
                .ends
                .iter()
                .find(|e| Stream::of(e.stream) == Some(stream));
            let by_end = end.and_then(|e| Some((e.run.parse::<RunId>().ok()?, e.end)));
            let last = found.pieces.last().map(|p| (p.run, p.end()));
            let Some((run, end)) = by_end.or(last) else {
                continue;
            };
            let mut pieces: Vec<Piece> =
                found.pieces.into_iter().filter(|p| p.run == run).collect();
            let start = pieces.first().map_or(end, |p| p.offset);
            let lane = &mut self.lanes[stream.index()];
            lane.begin(run, start);
            let mut steps = Vec::new();
            for piece in pieces.drain(..) {
                steps.extend(lane.live(piece));
            }
            self.act(stream, steps);
        }
        for (stream, piece) in std::mem::take(&mut self.early) {
            let steps = self.lanes[stream.index()].live(piece);
            self.act(stream, steps);
        }
        for waiting in std::mem::take(&mut self.waiting) {
            self.greet(waiting);
        }
    }

    fn greet(&mut self, waiting: Waiting) {
        let greeting = Greeting {
            edge: &self.edge,
            lanes: &self.lanes,
            rings: &self.rings,
        };
        let sub = waiting.sub;
        greeting.greet(&sub, waiting.from, waiting.tail_bytes);
        if self.offline {
            sub.viewer
                .send_text(&message::node(sub.id, false, self.since));
        }
        if let Some(stats) = &self.stats {
            sub.viewer
                .send_text(&message::with_id("stats", sub.id, stats));
        }
        self.viewers.push(sub);
    }

    fn frame(&mut self, message: async_nats::Message) {
        let heard =
            self.edge
                .bus
                .hear::<ConsoleFrame>(message.payload, subjects::live::CONSOLE, self.node);
        let read = heard
            .ok()
            .filter(|f| f.server == self.server.to_string())
            .and_then(|f| {
                let stream = Stream::of(f.stream)?;
                f.offset.checked_add(f.data.len() as u64)?;
                let piece = Piece {
                    run: f.run.parse().ok()?,
                    offset: f.offset,
                    at_ms: f.at_ms,
                    data: f.data,
                };
                Some((stream, piece))
            });
        let Some((stream, piece)) = read else {
            self.edge.metrics.frames_refused.add(1);
            return;
        };
        self.edge.metrics.frames_in.add(1);
        self.edge.metrics.bytes_in.add(piece.data.len() as u64);
        if self.begun {
            let steps = self.lanes[stream.index()].live(piece);
            self.act(stream, steps);
        } else if self.early.len() < MAX_EARLY {
            self.early.push((stream, piece));
        }
    }

    fn sample(&mut self, message: async_nats::Message) {
        let heard =
            self.edge
                .bus
                .hear::<StatsFrame>(message.payload, subjects::live::STATS, self.node);
        let Some(frame) = heard.ok().filter(|f| f.server == self.server.to_string()) else {
            self.edge.metrics.frames_refused.add(1);
            return;
        };
        let end = |stream: Stream| {
            frame
                .ends
                .iter()
                .find(|e| Stream::of(e.stream) == Some(stream))
        };
        let game = end(Stream::Game);
        let run = game.and_then(|e| e.run.parse().ok());
        let ends = (
            game.map_or(0, |e| e.end),
            end(Stream::Warren).map_or(0, |e| e.end),
        );
        let shared = message::stats(&frame, run, ends.0, ends.1);
        for sub in &self.viewers {
            sub.viewer.send_latest(
                frame::text(&message::with_id("stats", sub.id, &shared)),
                sub.id,
            );
        }
        self.stats = Some(shared);
        if self.begun {
            // Its bytes may still be on their way by the other subject.
            self.told_ends = frame.ends;
            self.late.get_or_insert(Instant::now() + LATE);
        }
    }

    fn mend_late(&mut self) {
        self.late = None;
        let ends = std::mem::take(&mut self.told_ends);
        self.reach(&ends);
    }

    fn reach(&mut self, ends: &[StreamEnd]) {
        for end in ends {
            let (Some(stream), Ok(run)) = (Stream::of(end.stream), end.run.parse()) else {
                continue;
            };
            let steps = self.lanes[stream.index()].reaches(run, end.end);
            self.act(stream, steps);
        }
    }

    fn act(&mut self, stream: Stream, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Emit(piece) => piece.cut().for_each(|p| self.emit(stream, p)),
                Step::Gap {
                    run,
                    from,
                    to,
                    reason,
                } => {
                    self.edge.metrics.gaps.add(1);
                    for sub in &self.viewers {
                        sub.viewer
                            .send_text(&message::gap(sub.id, run, stream, from, to, reason));
                    }
                }
                Step::NewRun(run) if stream == Stream::Game => {
                    for sub in &self.viewers {
                        sub.viewer.send_text(&message::run(sub.id, run));
                    }
                }
                Step::NewRun(_) => {}
                Step::Ask { run, from, to } => self.mend(stream, run, from, to),
                Step::HeldBack => self.edge.metrics.frames_held_back.add(1),
            }
        }
    }

    fn emit(&mut self, stream: Stream, piece: Piece) {
        let (run, from, to) = (piece.run, piece.offset, piece.end());
        let frame = self.rings[stream.index()].push(piece, stream, self.server);
        for sub in &self.viewers {
            let mark = Mark {
                sub: sub.id,
                stream,
                run,
                from,
                to,
            };
            sub.viewer.send_console(&frame, mark);
        }
    }

    fn mend(&mut self, stream: Stream, run: RunId, from: u64, to: u64) {
        self.edge.metrics.repairs.add(1);
        let line = self.line();
        self.work.spawn(async move {
            let range = Range {
                req: 0,
                run,
                stream,
                from,
                to,
            };
            let until = Instant::now() + MEND;
            let mut answer = Answer::default();
            while let Some(line) = &line {
                match fetch(line, range).await {
                    Ok(found) => answer = found,
                    // The bus or the agent may be back in a moment, with all of it.
                    Err(error) if error.retryable() && Instant::now() < until => {
                        sleep(Duration::from_millis(300)).await;
                        continue;
                    }
                    Err(error) => tracing::debug!(%error, "a hole stays"),
                }
                break;
            }
            Done::Mended { stream, answer }
        });
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
