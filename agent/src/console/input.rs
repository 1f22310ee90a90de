//! Lines into games. The same id is typed once, however often it is asked.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use warren_proto::ids::ServerId;
use warren_proto::wire::{self, InputResult};
use warren_runtime::console::Input;

use crate::link::session::refuse;
use crate::node::Node;
use crate::server::actor::Msg;

/// Answers that are remembered per server.
const REMEMBERED: usize = 512;

#[derive(Default)]
struct Typed {
    answers: HashMap<String, InputResult>,
    order: VecDeque<String>,
}

/// What was typed in this boot.
#[derive(Default)]
pub struct Inputs {
    servers: Mutex<HashMap<ServerId, Arc<tokio::sync::Mutex<Typed>>>>,
}

impl Inputs {
    /// Types one line, or answers as before for an id that was typed.
    /// # Errors
    /// A line that can't be typed: too long, or more than one.
    pub async fn type_line(
        &self,
        node: &Node,
        server: ServerId,
        input: wire::Input,
    ) -> Result<InputResult, wire::Failure> {
        let typed = self.servers.lock().entry(server).or_default().clone();
        // One at a time per server: a repeat waits for the answer to the first.
        let mut typed = typed.lock().await;
        if let Some(before) = typed.answers.get(&input.id) {
            return Ok(*before);
        }
        let result = write(node, server, &input).await?;
        // A line that was not taken may be tried again under its id.
        if result == InputResult::Written && !input.id.is_empty() && input.id.len() <= 64 {
            typed.order.push_back(input.id.clone());
            typed.answers.insert(input.id, result);
            if typed.order.len() > REMEMBERED
                && let Some(oldest) = typed.order.pop_front()
            {
                typed.answers.remove(&oldest);
            }
        }
        Ok(result)
    }

    /// Forgets servers that are not to be kept.
    pub fn keep(&self, keep: impl Fn(ServerId) -> bool) {
        self.servers.lock().retain(|server, _| keep(*server));
    }
}

async fn write(
    node: &Node,
    server: ServerId,
    input: &wire::Input,
) -> Result<InputResult, wire::Failure> {
    let Some(handle) = node.servers.get(server) else {
        return Ok(InputResult::Off);
    };
    let status = handle.status.lock().clone();
    let Some(stdin) = status.stdin else {
        return Ok(InputResult::Off);
    };
    // The limit counts the line end that is added.
    if input.line.len() > warren_runtime::console::MAX_LINE - 1 {
        return Err(refuse(
            "line_too_long",
            "a line has at most 4095 bytes with its end",
            false,
        ));
    }
    let written = stdin.write_line(&input.line).await;
    match written.map_err(|e| refuse(e.code(), e.to_string(), false))? {
        Input::Busy => return Ok(InputResult::Busy),
        Input::Off => return Ok(InputResult::Off),
        Input::Written => {}
    }
    let fact = wire::InputTyped {
        run: status.run.map(|r| r.to_string()).unwrap_or_default(),
        actor: input.actor.clone(),
        bytes: u32::try_from(input.line.len()).unwrap_or(u32::MAX),
    };
    let what = wire::fact::What::InputTyped(fact);
    node.deps.fact(server, status.generation, what);
    let line = input.line.as_slice();
    if status
        .stop_command
        .as_deref()
        .is_some_and(|stop| stop.as_bytes() == line)
    {
        // A full queue: the exit code decides then.
        let _ = handle.tx.try_send(Msg::StopTyped);
    }
    Ok(InputResult::Written)
}
