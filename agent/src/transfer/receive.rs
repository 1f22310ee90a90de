//! The node that is to have the files: passes over them as control asks, and in the end their place.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use warren_proto::ids::NodeId;
use warren_proto::wire;
use warren_runtime::runtime::{ImageRef, RegistryAuth};

use super::pass::{Pass, Signature};
use super::stage::Stage;
use super::{Failed, MOST, Of, peer, secret};
use crate::job::Figures;
use crate::link::session::refuse;
use crate::node::Node;
use crate::server::{convert, start};

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
    /// The image that is here since one of its passes.
    pub pulled: Mutex<Option<String>>,
    /// It is at work, also while it ends.
    busy: tokio::sync::Mutex<()>,
    /// Shared by all that reads and writes its files, and goes on with that when nobody waits for it any more. Whoever
    /// moves or removes them has it alone.
    pub disk: Arc<tokio::sync::RwLock<()>>,
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

/// What is to be pulled, and as whom.
fn image(asked: &wire::TransferReceive) -> Result<Option<(ImageRef, RegistryAuth)>, Failed> {
    if asked.image.is_empty() {
        return Ok(None);
    }
    let image: ImageRef = asked
        .image
        .parse()
        .map_err(|e: warren_runtime::Error| refuse(e.code(), e.to_string(), false))?;
    let spec = wire::ServerSpec {
        registries: asked.registries.clone(),
        ..Default::default()
    };
    Ok(Some((image, convert::auth(&spec, &asked.image))))
}

/// Begins a pass, unless it is that one already.
pub(super) async fn begin(
    node: &Arc<Node>,
    of: Of,
    asked: &wire::TransferReceive,
) -> Result<wire::TransferStatus, Failed> {
    let (from, secret) = (peer(node, &asked.from)?, secret(&asked.secret)?);
    let image = image(asked)?;
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
                pulled: Mutex::default(),
                busy: tokio::sync::Mutex::new(()),
                disk: Arc::default(),
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
        disk_limit_bytes: asked.disk_limit_bytes,
        image,
        stage: stage(node, of),
    };
    tokio::spawn(run(pass));
    Ok(known.status())
}

async fn run(pass: Pass) {
    let incoming = pass.incoming.clone();
    let _busy = incoming.busy.lock().await;
    // What the pass before has left on its way to the disk has to be there first.
    drop(incoming.disk.write().await);
    let cancel = incoming.cancel.clone();
    let made = match pass.prepare().await {
        Ok(()) => tokio::select! {
            done = pass.run() => done,
            () = cancel.cancelled() => Err(refuse("cancelled", "the transfer was ended", false)),
        },
        Err(failure) => Err(failure),
    };
    let took = made.as_ref().map_or(Duration::ZERO, |took| *took);
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let server = incoming.of.server;
    incoming.tell(|status| {
        status.took_ms = took_ms;
        match &made {
            Ok(_) => status.state = "done".into(),
            Err(failure) => {
                status.state = "failed".into();
                status.code.clone_from(&failure.code);
                status.message.clone_from(&failure.message);
                status.retryable = failure.retryable;
            }
        }
    });
    match made {
        Ok(_) => {
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
    let Ok(alone) = incoming.disk.clone().try_write_owned() else {
        return Err(refuse("busy", "files are still coming in", true));
    };
    // Also when control does not wait for it: asked once more, it goes one after the other.
    blocking(move || {
        let _alone = alone;
        stage.place()
    })
    .await?;
    Ok(placed())
}

/// It is over. Nothing of it is left here but, with `keep` or where a wanted row is there, the files in their place.
pub(super) async fn end(node: &Arc<Node>, of: Of, keep: bool) -> Result<(), Failed> {
    let incoming = node.transfers.incoming.lock().get(&of.transfer).cloned();
    let mut alone = None;
    if let Some(incoming) = &incoming {
        incoming.cancel.cancel();
        // Said again until what is at work has seen it.
        let busy = || refuse("busy", "it is being ended", true);
        let _busy = incoming.busy.try_lock().map_err(|_| busy())?;
        let disk = incoming.disk.clone().try_write_owned();
        alone = Some(disk.map_err(|_| busy())?);
    }
    let owned = node.deps.ledger.wanted(of.server).is_some();
    let stage = stage(node, of);
    let cleared = blocking(move || {
        let _alone = alone;
        stage.clear(!keep && !owned)
    });
    // Whatever it is: nothing is over as long as files are left.
    cleared.await.map_err(|failure| Failed {
        retryable: true,
        ..failure
    })?;
    node.transfers.incoming.lock().remove(&of.transfer);
    Ok(())
}

/// The uid that the files get here.
pub(super) fn uid(node: &Node, of: Of) -> Result<u32, Failed> {
    start::uid_of(&node.deps, of.server).map_err(|f| refuse(&f.code, f.detail, false))
}
