//! One browser's topic `server`: its place in the hub, its typed lines, its questions for ranges.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc};
use warren_proto::bus::CallError;
use warren_proto::bus::ticket::{Refused, Scope, Ticket, right};
use warren_proto::ids::CommandId;
use warren_proto::wire::console_ask::Ask;
use warren_proto::wire::{self, InputAnswer};

use super::message::{self, Input, Range, SubServer};
use super::viewer::Viewer;
use crate::console::{AgentLine, Consoles, Sub, serve_range};
use crate::edge::Edge;

/// Lines that may wait for the ones before them.
const INPUTS: usize = 64;
/// Ranges of one subscription at one time.
const RANGES: usize = 4;
/// A line with its end, as terminals take it.
const MAX_LINE: usize = 4095;
/// A full pipe is waited for 2 s by the agent.
const TYPE: Duration = Duration::from_millis(2500);
/// How long an answer that was lost is asked for again: an agent that was killed is back by then.
const COMES_BACK: Duration = Duration::from_secs(6);

pub struct ServerSub {
    pub sub: Arc<Sub>,
    pub ticket: Ticket,
    ranges: Arc<Semaphore>,
    inputs: Option<mpsc::Sender<Input>>,
}

impl ServerSub {
    /// # Errors
    /// If the ticket is not for this server or allows no watching.
    pub async fn begin(
        edge: &Arc<Edge>,
        viewer: &Arc<Viewer>,
        id: u32,
        wanted: &SubServer,
        ticket: Ticket,
    ) -> Result<Self, Refused> {
        let Scope::Server { server, node } = ticket.scope else {
            return Err(Refused::Scope);
        };
        if server != wanted.server {
            return Err(Refused::Scope);
        }
        if !ticket.may(right::WATCH) {
            return Err(Refused::Right);
        }
        let line = AgentLine::new(
            edge.bus.clone(),
            node,
            server,
            wanted.ticket.clone(),
            ticket.clone(),
        );
        let sub = Arc::new(Sub {
            viewer: viewer.clone(),
            id,
            line: Arc::new(line),
        });
        Consoles::join(edge, sub.clone(), wanted).await;
        Ok(Self {
            sub,
            ticket,
            ranges: Arc::new(Semaphore::new(RANGES)),
            inputs: None,
        })
    }

    /// Goes on under a newer ticket of the same person for the same server.
    /// # Errors
    /// If it is for anything else.
    pub fn renew(&mut self, text: String, ticket: Ticket) -> Result<(), Refused> {
        if ticket.scope != self.ticket.scope || ticket.user != self.ticket.user {
            return Err(Refused::Scope);
        }
        if !ticket.may(right::WATCH) {
            return Err(Refused::Right);
        }
        self.sub.line.renew(text, ticket.clone());
        self.ticket = ticket;
        Ok(())
    }

    pub fn range(&self, edge: &Arc<Edge>, range: Range) {
        let Ok(place) = self.ranges.clone().try_acquire_owned() else {
            let busy = message::error(
                Some(self.sub.id),
                Some(range.req),
                "busy",
                "too many ranges at once",
            );
            self.sub.viewer.send_text(&busy);
            return;
        };
        let (edge, sub) = (edge.clone(), self.sub.clone());
        tokio::spawn(async move {
            let _place = place;
            let req = Some(range.req);
            serve_range(edge, sub, range, req).await;
        });
    }

    /// Lines are typed one after the other, in the order in which they came.
    pub fn input(&mut self, edge: &Arc<Edge>, input: Input) {
        let refuse = |why| message::input(self.sub.id, input.req, "refused", Some(why));
        let why = if !self.ticket.may(right::INPUT) {
            "you may not type here"
        } else if input.line.len() >= MAX_LINE {
            "a line has at most 4094 bytes"
        } else if input.line.contains(['\n', '\r']) {
            "one line at a time"
        } else {
            let inputs = self.inputs.get_or_insert_with(|| typist(edge, &self.sub));
            let req = input.req;
            if inputs.try_send(input).is_err() {
                let busy = message::input(self.sub.id, req, "busy", Some("too many lines wait"));
                self.sub.viewer.send_text(&busy);
            }
            return;
        };
        self.sub.viewer.send_text(&refuse(why));
    }

    pub async fn end(self, edge: &Edge) {
        edge.consoles.leave(&self.sub).await;
        self.sub.line.end_session();
    }
}

fn typist(edge: &Arc<Edge>, sub: &Arc<Sub>) -> mpsc::Sender<Input> {
    let (tx, mut rx) = mpsc::channel::<Input>(INPUTS);
    let (edge, sub) = (edge.clone(), sub.clone());
    tokio::spawn(async move {
        while let Some(input) = rx.recv().await {
            edge.metrics.inputs.add(1);
            let answer = type_line(&sub.line, &input).await;
            let (result, why) = match &answer {
                Ok(answer) => (message::input_result(answer.result()), None),
                // Nobody knows: the agent may have died between the game's pipe and its answer.
                Err(error) if is_open(error) => (
                    "unanswered",
                    Some("the node did not answer; it may have taken the line all the same".into()),
                ),
                Err(error) => ("refused", Some(error.to_string())),
            };
            sub.viewer
                .send_text(&message::input(sub.id, input.req, result, why.as_deref()));
        }
    });
    tx
}

/// Lost on its way, or the agent was killed between the game's pipe and its answer.
fn is_open(error: &CallError) -> bool {
    match error {
        CallError::Bus(_) => true,
        CallError::Failed { code, .. } => code == "typed_or_not",
        CallError::Refused(_) => false,
    }
}

/// Asked again under one id while no answer comes: whichever process of the agent is there types an id once.
async fn type_line(line: &AgentLine, input: &Input) -> Result<InputAnswer, CallError> {
    let ask = Ask::Input(wire::Input {
        line: input.line.as_bytes().to_vec(),
        id: input.line_id.unwrap_or_else(CommandId::new).to_string(),
        actor: String::new(),
    });
    let until = Instant::now() + COMES_BACK;
    loop {
        match line.ask(ask.clone(), TYPE).await {
            Err(CallError::Bus(lost)) if Instant::now() < until => {
                tracing::debug!(%lost, "a typed line has no answer yet; asking again");
                tokio::time::sleep(Duration::from_millis(rand::random_range(100..300))).await;
            }
            answer => return answer,
        }
    }
}
