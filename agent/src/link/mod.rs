//! Everything that is said to and heard from control and gateways.

pub mod bulk;
pub mod command;
pub mod core;
pub mod credential;
pub mod enroll;
pub mod fair;
mod pin;
pub mod session;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use warren_proto::bus::{Bus, CallError, Event, Link as LinkState, ServeOptions};
use warren_proto::subjects::{self, live, up};
use warren_proto::wire;

use crate::clock;
use crate::conditions::Level;
use crate::console::Live;
use crate::journal::Position;
use crate::node::Node;
use command::Commands;
use core::{Action, Answer, Core, Failed, Input, Lane};
use credential::Renewal;

/// An upload or ask that takes longer is sent again.
const CALL: Duration = Duration::from_secs(10);
/// A hello or heartbeat that takes longer is sent again. After a restart of nats-server the agent may be back
/// before control is, and 2.9 tells nobody that no one listens: the first hello is then lost without a word.
const GREETING: Duration = Duration::from_secs(2);
/// Bytes of one batch of facts.
const FACT_BYTES: usize = 240 * 1024;
/// Off by more, and a person is told.
const MAX_SKEW_MS: i64 = 30_000;
/// Handlers beside those of sessions: control's own asks always find one.
const CONTROL_ASKS: usize = 128;

type Answered = (u64, Result<Answer, Failed>);

struct Link {
    node: Arc<Node>,
    bus: Bus,
    core: Core,
    answers: mpsc::Sender<Answered>,
    renewal: Renewal,
    quarantine_said: bool,
}

/// Speaks with control over `bus` until `stop`. `shown` is what consoles and stats publish.
pub async fn run(
    node: Arc<Node>,
    bus: Bus,
    mut shown: mpsc::Receiver<Live>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let (decided_tx, mut decided) = mpsc::channel(4);
    let commands = Arc::new(Commands::new(node.clone(), decided_tx));
    let mut events = bus.events();
    let options = ServeOptions {
        concurrency: fair::SESSIONS + CONTROL_ASKS,
        waiting: CONTROL_ASKS,
        deadline: command::LONGEST,
        ..ServeOptions::default()
    };
    let serving = bus
        .serve(subjects::asked_of(node.id), options, move |ask| {
            commands.clone().answer(ask)
        })
        .await?;
    let publisher = tokio::spawn(publish(node.clone(), bus.clone(), stop.clone(), {
        let (tx, rx) = mpsc::channel(64);
        let stop = stop.clone();
        tokio::spawn(async move {
            loop {
                let next = tokio::select! { l = shown.recv() => l, () = stop.cancelled() => None };
                let Some(next) = next else { return };
                if tx.send(next).await.is_err() {
                    return;
                }
            }
        });
        rx
    }));
    let (answers, mut answered) = mpsc::channel(16);
    let mut link = Link {
        core: Core::new(rand::random()),
        renewal: Renewal::new(node.clone(), bus.clone()),
        node,
        bus,
        answers,
        quarantine_said: false,
    };
    if link.bus.is_up() {
        link.take(Input::Connected);
    }
    loop {
        let wait = link.wait();
        let input = tokio::select! {
            () = stop.cancelled() => break,
            event = events.recv() => match event {
                Ok(event) => link.heard(event).await,
                Err(broadcast::error::RecvError::Lagged(_)) => Some(Input::Connected),
                Err(broadcast::error::RecvError::Closed) => break,
            },
            Some((id, answer)) = answered.recv() => Some(Input::Answer { id, answer }),
            () = link.node.deps.journal.news() => Some(Input::Facts),
            () = link.node.servers.met.notified() => Some(Input::Met),
            () = link.node.deps.consoles.news.notified() => {
                Some(Input::Console(link.node.deps.consoles.waiting()))
            }
            Some(keep) = decided.recv() => match keep {
                true => Some(Input::Kept),
                false => {
                    warn!("an admin decided for the other copy of this node: this one stays quarantined");
                    None
                }
            },
            () = tokio::time::sleep(wait) => Some(Input::Tick),
        };
        if let Some(input) = input {
            link.take(input);
        }
    }
    publisher.abort();
    serving.close(Duration::from_secs(2)).await;
    link.bus.close(Duration::from_secs(2)).await;
    Ok(())
}

/// Live messages, lost rather than waited for.
async fn publish(
    node: Arc<Node>,
    bus: Bus,
    stop: CancellationToken,
    mut shown: mpsc::Receiver<Live>,
) {
    loop {
        let next = tokio::select! {
            next = shown.recv() => next,
            () = stop.cancelled() => return,
        };
        let Some(next) = next else { return };
        if node.quarantined().is_some() {
            // The same subjects carry what the other machine shows.
            node.count_drop("live");
            continue;
        }
        let told = match next {
            Live::Console(frame) => match frame.server.parse() {
                Ok(server) => {
                    let subject = subjects::live_console(node.id, server);
                    bus.tell(subject, live::CONSOLE, node.id, &frame).await
                }
                Err(_) => continue,
            },
            Live::Stats(frame) => match frame.server.parse() {
                Ok(server) => {
                    let subject = subjects::live_stats(node.id, server);
                    bus.tell(subject, live::STATS, node.id, &frame).await
                }
                Err(_) => continue,
            },
        };
        if told.is_err() {
            node.count_drop("live");
        }
    }
}

impl Link {
    fn wait(&self) -> Duration {
        let due = self.core.next_due_ms();
        let wait = due.map_or(1000, |at| (at - clock::mono_ms()).clamp(0, 1000));
        Duration::from_millis(wait.unsigned_abs())
    }

    async fn heard(&mut self, event: Event) -> Option<Input> {
        match event {
            Event::Connected => {
                info!("connected to the bus");
                Some(Input::Connected)
            }
            Event::Disconnected | Event::Closed => {
                warn!("the bus is away; games run on and nothing is lost");
                Some(Input::Disconnected)
            }
            Event::Refused { reason } => {
                error!(
                    "the bus refuses this node ({reason}): it was revoked, or joined again elsewhere. If that is not meant, join with a new token"
                );
                self.renewal.refused().await;
                Some(Input::Disconnected)
            }
            Event::Denied { action, subject } => {
                error!("the bus denied {action:?} on {subject}");
                None
            }
            Event::SlowConsumer { .. } => {
                warn!("messages were dropped: this agent is too slow for what it is asked");
                self.node.count_drop("bus");
                None
            }
            Event::LameDuck | Event::Other(_) => None,
        }
    }

    fn take(&mut self, input: Input) {
        if let Input::Connected = input
            && let Err(e) = self.bus.server_version()
        {
            // Named here, in the log; uploads go on if the server answers at all.
            error!("{e}");
        }
        let actions = self.core.take(input, clock::mono_ms());
        let greeted = actions.contains(&Action::Greeted);
        for action in actions {
            self.act(action);
        }
        if greeted {
            let waiting = self.node.deps.consoles.waiting();
            for action in self.core.take(Input::Console(waiting), clock::mono_ms()) {
                self.act(action);
            }
        }
        self.node.set_up(self.core.is_up());
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Send { id, lane, from } => self.send(id, lane, from),
            Action::Free(position) => self.node.deps.journal.free(position),
            Action::Committed(positions) => {
                let node = self.node.clone();
                // Hole punching touches the disk.
                tokio::task::spawn_blocking(move || node.deps.consoles.committed(&positions));
            }
            Action::Clock { control_ms, .. } => {
                self.node.control_time.learn(control_ms);
                let skew = self.node.control_time.skew_ms();
                let off = skew.abs() > MAX_SKEW_MS;
                let text = format!(
                    "this machine's clock is {} s {} control's: times in consoles are off; set it by NTP",
                    skew.abs() / 1000,
                    if skew > 0 { "ahead of" } else { "behind" }
                );
                self.node
                    .condition("clock_skew", Level::Warning, off.then_some(text));
            }
            Action::Keys(keys) => self.node.pin(&keys),
            Action::Quarantine(because) => {
                match &because {
                    Some(because) => error!(
                        "this node is quarantined: {because}. Games run; an admin decides in the panel"
                    ),
                    None if self.quarantine_said => info!("this node is quarantined no more"),
                    None => {}
                }
                self.quarantine_said = because.is_some();
                self.node.set_quarantined(because);
            }
            Action::Greeted => {
                info!("control knows this node");
                self.renewal.spoken();
            }
            Action::Complain(lane, failed) => {
                warn!(
                    "control does not take {lane:?} ({}: {}); trying on",
                    failed.code, failed.message
                );
            }
        }
    }

    fn send(&self, id: u64, lane: Lane, from: Option<Position>) {
        let (node, bus, answers) = (self.node.clone(), self.bus.clone(), self.answers.clone());
        let renewal = self.renewal.clone();
        tokio::spawn(async move {
            let answer = match lane {
                Lane::Hello => hello(&node, &bus).await,
                Lane::Heartbeat => {
                    renewal.tick().await;
                    heartbeat(&node, &bus).await
                }
                Lane::Facts => facts(&node, &bus, from).await,
                Lane::Console => console(&node, &bus).await,
                Lane::Metrics => metrics(&node, &bus).await,
            };
            // The link may have ended meanwhile.
            let _ = answers.send((id, answer.map_err(failed))).await;
        });
    }
}

fn failed(e: CallError) -> Failed {
    let code = match &e {
        CallError::Failed { code, .. } => code.clone(),
        CallError::Bus(_) => "bus".into(),
        CallError::Refused(refused) => refused.reason().into(),
    };
    Failed {
        code,
        message: e.to_string(),
    }
}

fn local(what: &str, e: impl std::fmt::Display) -> CallError {
    CallError::Failed {
        code: what.into(),
        message: e.to_string(),
        retryable: true,
    }
}

async fn hello(node: &Arc<Node>, bus: &Bus) -> Result<Answer, CallError> {
    let mut hello = node.hello();
    if let Err(e) = credential::introduce(node, bus, &mut hello) {
        warn!("hello goes without the node's new key: {e:#}");
    }
    let subject = subjects::ask(node.id, up::HELLO);
    let answer = bus
        .call(subject, up::HELLO, Some(node.id), &hello, GREETING)
        .await?;
    Ok(Answer::Hello(answer))
}

async fn heartbeat(node: &Arc<Node>, bus: &Bus) -> Result<Answer, CallError> {
    let beat = node.heartbeat();
    let subject = subjects::from_node(node.id, up::HEARTBEAT);
    let answer = bus
        .call(subject, up::HEARTBEAT, Some(node.id), &beat, GREETING)
        .await?;
    Ok(Answer::Heartbeat(answer))
}

async fn facts(node: &Arc<Node>, bus: &Bus, from: Option<Position>) -> Result<Answer, CallError> {
    let journal = node.deps.journal.clone();
    let batch = tokio::task::spawn_blocking(move || journal.read(from, FACT_BYTES)).await;
    let batch = batch.map_err(|e| local("internal", e))?;
    let Some(batch) = batch.map_err(|e| local("journal", e))? else {
        return Ok(Answer::Facts(None));
    };
    let subject = subjects::from_node(node.id, up::LIFECYCLE);
    let answer: wire::FactAnswer = bus
        .call(subject, up::LIFECYCLE, Some(node.id), &batch.wire, CALL)
        .await?;
    if core::took_none(&batch.wire, &answer) {
        // Sent again with growing waits, not in a tight loop.
        return Err(local("not_taken", "control took none of these facts"));
    }
    Ok(Answer::Facts(Some(answer)))
}

async fn console(node: &Arc<Node>, bus: &Bus) -> Result<Answer, CallError> {
    let (consoles, boot) = (node.deps.consoles.clone(), node.boot.id);
    let batch = tokio::task::spawn_blocking(move || consoles.batch(boot)).await;
    let Some(upload) = batch.map_err(|e| local("internal", e))? else {
        return Ok(Answer::Console(None));
    };
    let subject = subjects::from_node(node.id, up::CONSOLE);
    let answer: wire::ConsoleUploaded = bus
        .call(subject, up::CONSOLE, Some(node.id), &upload, CALL)
        .await?;
    // Before the next batch is made, or it would hold the same bytes.
    let (consoles, committed) = (node.deps.consoles.clone(), answer.committed.clone());
    let moved = tokio::task::spawn_blocking(move || consoles.committed(&committed)).await;
    let moved = moved.map_err(|e| local("internal", e))?;
    node.deps.consoles.news.notify_one();
    if !moved {
        return Err(local(
            "not_taken",
            "control took none of these console bytes",
        ));
    }
    Ok(Answer::Console(Some(answer)))
}

async fn metrics(node: &Arc<Node>, bus: &Bus) -> Result<Answer, CallError> {
    let batch = node.metrics();
    let subject = subjects::from_node(node.id, up::METRICS);
    let _: wire::MetricsAnswer = bus
        .call(subject, up::METRICS, Some(node.id), &batch, CALL)
        .await?;
    Ok(Answer::Metrics)
}

/// Connection state in words, for readiness.
pub fn words(link: &LinkState) -> String {
    match link {
        LinkState::Up => "up".into(),
        LinkState::Down => "connecting".into(),
        LinkState::Refused { reason } => format!("refused: {reason}"),
        LinkState::Closed => "closed".into(),
    }
}

/// Drops by queue, for heartbeats.
pub type Drops = HashMap<String, u64>;
