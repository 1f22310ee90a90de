//! Lines into games. The same id is typed once, however often it is asked, and whichever process is asked.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tracing::warn;
use warren_proto::ids::ServerId;
use warren_proto::state::State;
use warren_proto::wire::{self, InputResult};
use warren_runtime::console::{Input, Witness};

use super::typed::{Fate, LONGEST_ID, Typed};
use crate::link::session::refuse;
use crate::node::Node;
use crate::server::actor::Msg;
use crate::server::status::Status;

/// A game is looked for at an agent's start, and found within a moment; until then it does not count as off.
const ADOPTING: Duration = Duration::from_millis(1500);
const LOOK: Duration = Duration::from_millis(20);

type Shared = Arc<tokio::sync::Mutex<Option<Typed>>>;

/// What was typed into each server.
pub struct Inputs {
    dir: PathBuf,
    servers: Mutex<HashMap<ServerId, Shared>>,
}

impl Inputs {
    /// Lines are remembered in `dir`, a file for each server that `kept` knows.
    /// # Errors
    /// If the directory can't be made or read.
    pub fn open(dir: &Path, kept: impl Fn(ServerId) -> bool) -> std::io::Result<Self> {
        std::fs::create_dir_all(dir).map_err(crate::disk::at("create", dir))?;
        for entry in std::fs::read_dir(dir).map_err(crate::disk::at("read", dir))? {
            let entry = entry?;
            let server = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            if server.is_some_and(|server| !kept(server)) {
                forget(&entry.path());
            }
        }
        Ok(Self {
            dir: dir.to_owned(),
            servers: Mutex::default(),
        })
    }

    /// Types one line, or answers as before for an id that was typed.
    /// # Errors
    /// A line that can't be typed: too long, or more than one. `typed_or_not` where nobody knows.
    pub async fn type_line(
        &self,
        node: &Node,
        server: ServerId,
        input: wire::Input,
    ) -> Result<InputResult, wire::Failure> {
        if input.id.is_empty() || input.id.len() > LONGEST_ID {
            return write(node, server, &input, &()).await;
        }
        let shared = self.servers.lock().entry(server).or_default().clone();
        // One at a time per server: a repeat waits for the answer to the first.
        let mut typed = shared.lock().await;
        // A few KiB of a file that is in memory, once per server and process.
        let typed = typed.get_or_insert_with(|| Typed::open(&self.path(server)));
        match typed.fate(&input.id) {
            Some(Fate::Written) => return Ok(InputResult::Written),
            Some(Fate::Unknown) => {
                return Err(refuse(
                    "typed_or_not",
                    "the agent was killed while it typed this line: look whether the game has it",
                    false,
                ));
            }
            None => {}
        }
        let witness = typed.witness(&input.id);
        let result = write(node, server, &input, &witness).await?;
        // A line that was not taken may be tried again under its id.
        if result == InputResult::Written {
            typed.written(input.id);
        }
        Ok(result)
    }

    /// Forgets servers that are not to be kept.
    pub fn keep(&self, keep: impl Fn(ServerId) -> bool) {
        self.servers.lock().retain(|server, _| {
            let kept = keep(*server);
            if !kept {
                forget(&self.path(*server));
            }
            kept
        });
    }

    fn path(&self, server: ServerId) -> PathBuf {
        self.dir.join(server.to_string())
    }
}

fn forget(path: &Path) {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            warn!("{} stays: {e}", path.display());
        }
        _ => {}
    }
}

async fn write(
    node: &Node,
    server: ServerId,
    input: &wire::Input,
    witness: &impl Witness,
) -> Result<InputResult, wire::Failure> {
    let Some(handle) = node.servers.get(server) else {
        return Ok(InputResult::Off);
    };
    let status = once_adopted(&handle.status).await;
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
    let written = stdin.write_line_beside(&input.line, witness).await;
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

/// What is seen of a server, once this agent has found the game that the one before it has left running.
async fn once_adopted(status: &Mutex<Status>) -> Status {
    let until = Instant::now() + ADOPTING;
    loop {
        let now = status.lock().clone();
        let awaited = matches!(now.state, State::Running | State::Stopping) && now.up.is_none();
        if !awaited || Instant::now() >= until {
            return now;
        }
        tokio::time::sleep(LOOK).await;
    }
}
