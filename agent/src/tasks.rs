//! What a node does by the clock, beside its servers and its link.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tracing::warn;
use warren_proto::ids::ServerId;
use warren_proto::wire;
use warren_runtime::jail::Jail;

use crate::console::Live;
use crate::files;
use crate::node::Node;
use crate::server::actor::{Handle, Msg};
use crate::server::deps::{Deps, DiskPolicy};
use crate::server::remove;
use crate::stats::Reader;

const LIVE_EVERY: Duration = Duration::from_secs(1);
const HEALTH_EVERY: Duration = Duration::from_secs(2);
const PROBE_EVERY: Duration = Duration::from_secs(60);
/// Others flush the firewall now and then.
const REPAIR_EVERY: Duration = Duration::from_secs(15);
const TRASH_EVERY: Duration = Duration::from_secs(600);
/// Goes through all files of all servers.
const SWEEP_EVERY: Duration = Duration::from_secs(6 * 3600);
/// Between two rounds over all servers' files.
const SCAN_EVERY: Duration = Duration::from_secs(60);
/// Entries that a scan looks at before it rests.
const SCAN_STEP: usize = 2000;
/// Share of the time that scanning may take: a rest of so many times the work.
const SCAN_REST: u32 = 4;

/// Starts them all; they end with `stop`.
pub fn spawn_all(node: &Arc<Node>, stop: &CancellationToken) {
    every(
        node,
        stop,
        LIVE_EVERY,
        |node| async move { live_stats(&node) },
    );
    every(node, stop, HEALTH_EVERY, |node| async move {
        let _ = tokio::task::spawn_blocking(move || node.check_health()).await;
    });
    every(
        node,
        stop,
        PROBE_EVERY,
        |node| async move { node.probe().await },
    );
    every(node, stop, REPAIR_EVERY, |node| async move {
        repair(&node).await;
    });
    every(node, stop, TRASH_EVERY, |node| async move {
        let dir = node.deps.settings.trash_dir.clone();
        let swept = node.clone();
        let _ = tokio::task::spawn_blocking(move || {
            remove::empty_trash(&dir);
            let comes = |transfer| swept.transfers.comes(transfer);
            crate::transfer::sweep(&swept.deps.settings, comes);
        })
        .await;
        tidy_deleted(&node).await;
    });
    every(node, stop, SWEEP_EVERY, |node| async move {
        sweep_all(&node).await
    });
    every(node, stop, SCAN_EVERY, |node| async move {
        scan_all(&node).await
    });
}

fn every<F, Fut>(node: &Arc<Node>, stop: &CancellationToken, period: Duration, work: F)
where
    F: Fn(Arc<Node>) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let (node, stop) = (node.clone(), stop.clone());
    tokio::spawn(async move {
        let mut beat = tokio::time::interval(period);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = beat.tick() => {}
                () = stop.cancelled() => return,
            }
            tokio::select! {
                () = work(node.clone()) => {}
                () = stop.cancelled() => return,
            }
        }
    });
}

async fn repair(node: &Node) {
    match node.deps.network.repair().await {
        Ok(true) => warn!("another program had removed firewall rules of servers; they are back"),
        Ok(false) => {}
        Err(e) => warn!("the servers' network can't be checked: {e}"),
    }
}

/// Figures and stream ends for who watches.
fn live_stats(node: &Node) {
    for (server, handle) in node.servers.all() {
        let console = node.deps.consoles.server(server);
        if !console.stats_watched() {
            continue;
        }
        let status = handle.status.lock().clone();
        let frame = wire::StatsFrame {
            server: server.to_string(),
            sample: Some(node.stats.server(server, &status, Reader::Live)),
            ends: console.ends(),
            state: wire::State::from(status.state).into(),
        };
        node.deps.consoles.show(Live::Stats(frame));
    }
}

async fn scan_all(node: &Arc<Node>) {
    for (server, handle) in node.servers.all() {
        let (deps, limit) = (node.deps.clone(), handle.status.lock().disk_limit);
        let scanned = tokio::task::spawn_blocking(move || with_trash(&deps, server, limit)).await;
        match scanned {
            Ok(Ok(Some(bytes))) => counted(node, server, &handle, bytes),
            Ok(Ok(None)) => {}
            Ok(Err(e)) => warn!(server.id = %server, "its files can't be counted: {e}"),
            Err(e) => warn!(server.id = %server, "its files can't be counted: {e}"),
        }
    }
}

async fn tidy_deleted(node: &Arc<Node>) {
    for (server, _) in node.servers.all() {
        let deps = node.deps.clone();
        let tidied = tokio::task::spawn_blocking(move || files::tidy(&deps.settings, server));
        if let Ok(Err(e)) = tidied.await {
            warn!(server.id = %server, "what was deleted of it can't be tidied: {e}");
        }
    }
}

async fn sweep_all(node: &Arc<Node>) {
    for (server, _) in node.servers.all() {
        let deps = node.deps.clone();
        let swept = tokio::task::spawn_blocking(move || files::sweep(&deps.settings, server));
        if let Ok(Err(e)) = swept.await {
            warn!(server.id = %server, "its half written files can't be swept: {e}");
        }
    }
}

/// Files, and what was deleted of them and is kept. Before a server is over its limit, that goes.
fn with_trash(
    deps: &Deps,
    server: ServerId,
    limit: u64,
) -> warren_runtime::jail::Result<Option<u64>> {
    let Some(bytes) = scan(&deps.settings.files_of(server))? else {
        return Ok(None);
    };
    let kept = files::in_trash(&deps.settings, server)?;
    if kept == 0 || limit == 0 || bytes.saturating_add(kept) <= limit {
        return Ok(Some(bytes.saturating_add(kept)));
    }
    files::make_room(&deps.settings, server)?;
    let text = format!(
        "{} MiB of deleted files were given up: with them its files would be over their limit",
        kept.div_ceil(1 << 20)
    );
    deps.consoles.say(server, &text);
    Ok(Some(bytes))
}

/// Counts slowly: the disk belongs to the games.
fn scan(root: &std::path::Path) -> warren_runtime::jail::Result<Option<u64>> {
    if !root.exists() {
        return Ok(None);
    }
    let mut scan = Jail::open(root)?.usage_scan()?;
    loop {
        let since = Instant::now();
        if let Some(usage) = scan.step(SCAN_STEP)? {
            return Ok(Some(usage.disk_bytes));
        }
        std::thread::sleep(since.elapsed() * SCAN_REST);
    }
}

fn counted(node: &Node, server: ServerId, handle: &Handle, bytes: u64) {
    let (over, first, up) = {
        let mut status = handle.status.lock();
        let was_over = status.disk_limit > 0 && status.disk_bytes > status.disk_limit;
        status.disk_bytes = bytes;
        let over = status.disk_limit > 0 && bytes > status.disk_limit;
        (over, over && !was_over, status.state.is_up())
    };
    if !over {
        return;
    }
    let limit = handle.status.lock().disk_limit;
    if first {
        let text = format!(
            "its files take {} MiB, the limit is {} MiB",
            bytes >> 20,
            limit >> 20
        );
        node.deps.consoles.say(server, &text);
    }
    if up && node.config.disk_policy == DiskPolicy::Stop {
        // A full queue: the next round tells it again.
        let _ = handle.tx.try_send(Msg::Halt("disk_limit".into()));
    }
}
