//! The node that is to have the files: passes over them as control asks, and in the end their place.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use warren_proto::ids::NodeId;
use warren_proto::wire;

use super::pass::{Pass, Signature};
use super::stage::Stage;
use super::{Failed, MOST, Of, peer, secret};
use crate::job::Figures;
use crate::link::session::refuse;
use crate::node::Node;
use crate::server::start;

/// One server whose files come in.
pub(super) struct Incoming {
    pub of: Of,
    pub from: NodeId,
    pub secret: Vec<u8>,
    pub cancel: CancellationToken,
    status: Mutex<wire::TransferStatus>,
    meter: Mutex<crate::job::Meter>,
    /// What is known to be as the source has it, by path.
    pub have: Mutex<HashMap<Vec<u8>, Signature>>,
    /// It is at work, also while it ends.
    busy: tokio::sync::Mutex<()>,
}

impl Incoming {
    fn status(&self) -> wire::TransferStatus {
        self.status.lock().clone()
    }

    /// Shows how far the pass is.
    pub fn show(&self, step: &str, bytes: Option<(u64, u64)>) {
        let figures = Figures {
            step: step.into(),
            bytes,
        };
        let rate = self.meter.lock().take(&figures, Instant::now());
        let mut status = self.status.lock();
        status.step = step.into();
        if bytes.is_some() {
            status.done_bytes = rate.done;
            status.total_bytes = rate.total;
            status.bytes_per_second = rate.per_second;
        }
    }

    /// Changes what is shown.
    pub fn tell(&self, change: impl FnOnce(&mut wire::TransferStatus)) {
        change(&mut self.status.lock());
    }
}

fn stage(node: &Node, of: Of) -> Stage {
    Stage::of(&node.deps.settings, of)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Failed> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(super::source::io),
        Err(e) => Err(refuse("internal", e.to_string(), true)),
    }
}

/// How far it is.
pub(super) fn look(node: &Node, of: Of) -> wire::TransferStatus {
    let known = node.transfers.incoming.lock().get(&of.transfer).cloned();
    if let Some(incoming) = known {
        return incoming.status();
    }
    let stage = stage(node, of);
    let state = if stage.is_placed() {
        "placed"
    } else {
        "unknown"
    };
    wire::TransferStatus {
        state: state.into(),
        ..Default::default()
    }
}

/// Begins a pass, unless it is that one already.
pub(super) async fn begin(
    node: &Arc<Node>,
    of: Of,
    asked: &wire::TransferReceive,
) -> Result<wire::TransferStatus, Failed> {
    let (from, secret) = (peer(node, &asked.from)?, secret(&asked.secret)?);
    if node.deps.ledger.wanted(of.server).is_some() {
        let text = "this node has that server already";
        return Err(refuse("already_here", text, false));
    }
    let known = {
        let mut all = node.transfers.incoming.lock();
        if all.len() >= MOST && !all.contains_key(&of.transfer) {
            let text = "too many servers come to this node at once";
            return Err(refuse("busy", text, true));
        }
        let fresh = || {
            Arc::new(Incoming {
                of,
                from,
                secret,
                cancel: CancellationToken::new(),
                status: Mutex::default(),
                meter: Mutex::default(),
                have: Mutex::default(),
                busy: tokio::sync::Mutex::new(()),
            })
        };
        all.entry(of.transfer).or_insert_with(fresh).clone()
    };
    {
        let mut status = known.status.lock();
        let same = known.of.server == of.server && known.from == from;
        if !same {
            return Err(refuse("bad_message", "that transfer is another", false));
        }
        if status.state == "running" || status.pass >= asked.pass {
            return Ok(status.clone());
        }
        *status = wire::TransferStatus {
            state: "running".into(),
            step: "listing".into(),
            pass: asked.pass,
            ..Default::default()
        };
    }
    *known.meter.lock() = Default::default();
    let pass = Pass {
        node: node.clone(),
        incoming: known.clone(),
        number: asked.pass,
        last: asked.last,
        stage: stage(node, of),
    };
    tokio::spawn(run(pass));
    Ok(known.status())
}

async fn run(pass: Pass) {
    let (incoming, began) = (pass.incoming.clone(), Instant::now());
    let _busy = incoming.busy.lock().await;
    let cancel = incoming.cancel.clone();
    let made = match pass.prepare().await {
        Ok(()) => tokio::select! {
            done = pass.run() => done,
            () = cancel.cancelled() => Err(refuse("cancelled", "the transfer was ended", false)),
        },
        Err(failure) => Err(failure),
    };
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let server = incoming.of.server;
    incoming.tell(|status| {
        status.took_ms = took_ms;
        match &made {
            Ok(()) => status.state = "done".into(),
            Err(failure) => {
                status.state = "failed".into();
                status.code.clone_from(&failure.code);
                status.message.clone_from(&failure.message);
                status.retryable = failure.retryable;
            }
        }
    });
    match made {
        Ok(()) => {
            info!(server.id = %server, took_ms, "pass {} over the files of an incoming server is done", pass.number)
        }
        Err(failure) => {
            warn!(server.id = %server, "pass {} over the files of an incoming server: {}", pass.number, failure.message);
        }
    }
}

/// Puts the files in the server's place.
pub(super) async fn place(node: &Arc<Node>, of: Of) -> Result<wire::TransferStatus, Failed> {
    let placed = || wire::TransferStatus {
        state: "placed".into(),
        ..Default::default()
    };
    let stage = stage(node, of);
    if stage.is_placed() {
        return Ok(placed());
    }
    if node.deps.ledger.wanted(of.server).is_some() {
        let text = "this node has that server already";
        return Err(refuse("already_here", text, false));
    }
    let incoming = node.transfers.incoming.lock().get(&of.transfer).cloned();
    let Some(incoming) = incoming else {
        // Of another process: what has come is looked at once more before anything is built on it.
        let text = "the last pass has to be made again";
        return Err(refuse("not_ready", text, true));
    };
    let ready = incoming.status.lock().state == "done";
    let Ok(_busy) = incoming.busy.try_lock() else {
        return Err(refuse("busy", "files are still coming in", true));
    };
    if !ready {
        return Err(refuse("not_ready", "not all files have come", true));
    }
    blocking(move || stage.place()).await?;
    Ok(placed())
}

/// It is over. Nothing of it is left here but, with `keep` or where a wanted row is there, the files in their place.
pub(super) async fn end(node: &Arc<Node>, of: Of, keep: bool) -> Result<(), Failed> {
    let incoming = node.transfers.incoming.lock().get(&of.transfer).cloned();
    if let Some(incoming) = &incoming {
        incoming.cancel.cancel();
        // Said again until what is at work has seen it.
        let Ok(_busy) = incoming.busy.try_lock() else {
            return Err(refuse("busy", "it is being ended", true));
        };
    }
    let owned = node.deps.ledger.wanted(of.server).is_some();
    let stage = stage(node, of);
    blocking(move || stage.clear(!keep && !owned)).await?;
    node.transfers.incoming.lock().remove(&of.transfer);
    Ok(())
}

/// The uid that the files get here.
pub(super) fn uid(node: &Node, of: Of) -> Result<u32, Failed> {
    start::uid_of(&node.deps, of.server).map_err(|f| refuse(&f.code, f.detail, false))
}
