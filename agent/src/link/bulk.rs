//! The second connection: bytes of files, under the same credential. A chunk that is on its way delays nothing that is
//! said on the first one.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use warren_proto::bus::reply::Guard;
use warren_proto::bus::{Bus, Event, ServeOptions};
use warren_proto::subjects;

use crate::bulk;
use crate::node::Node;
use crate::transfer;

/// Chunks that are carried out at one time, and so what waits on its way out: 16 MiB.
const AT_ONCE: usize = 64;
/// Chunks that may wait for that: 48 MiB. Beyond it their askers are told to come again.
const WAITING: usize = 192;
/// Asks of other nodes that are carried out at one time.
const XFER_AT_ONCE: usize = 16;
/// Their inbox stands at this place of the subject: nobody else is answered.
const RECEIVER: usize = 2;
/// A large file is read again for its checksum, and synced, before it is put in its place.
const LONGEST: Duration = Duration::from_secs(55);
/// How soon the files of somebody who is gone are closed.
const TIDY: Duration = Duration::from_millis(500);
/// Between two looks for uploads that were given up.
const SWEEP: Duration = Duration::from_secs(600);
/// A credential that was renewed without a word on either connection is taken over after so long.
const CREDS: Duration = Duration::from_secs(30);

/// Answers on `bulk` until `stop`. `first` is the node's other connection, whose credential is always the newest.
pub async fn run(
    node: Arc<Node>,
    first: Bus,
    bulk: Bus,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let options = ServeOptions {
        concurrency: AT_ONCE,
        waiting: WAITING,
        deadline: LONGEST,
        until_sent: true,
        ..ServeOptions::default()
    };
    let asked = node.clone();
    let serving = bulk
        .serve(subjects::bulk_of(node.id), options, move |ask| {
            bulk::answer(asked.clone(), ask)
        })
        .await?;
    let options = ServeOptions {
        concurrency: XFER_AT_ONCE,
        waiting: WAITING,
        deadline: LONGEST,
        until_sent: true,
        guard: Guard::InboxOf(RECEIVER),
        ..ServeOptions::default()
    };
    let asked = node.clone();
    let leaving = bulk
        .serve(subjects::xfer_of(node.id), options, move |ask| {
            transfer::answer(asked.clone(), ask)
        })
        .await?;
    node.transfers.connected(&bulk);
    let (mut heard, mut heard_first) = (bulk.events(), first.events());
    let mut tidy = tokio::time::interval(TIDY);
    let mut creds = tokio::time::interval(CREDS);
    let mut sweep = tokio::time::interval(SWEEP);
    for beat in [&mut tidy, &mut creds, &mut sweep] {
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            event = heard.recv() => {
                let refused = matches!(event, Ok(Event::Refused { .. }));
                follow(&first, &bulk, refused).await;
            }
            _ = heard_first.recv() => follow(&first, &bulk, false).await,
            _ = creds.tick() => follow(&first, &bulk, false).await,
            _ = tidy.tick() => {
                node.bulk.tidy(&node).await;
                let busy = bulk.counters().busy.load(std::sync::atomic::Ordering::Relaxed);
                metrics::counter!("warren_agent_bulk_busy_total").absolute(busy);
            }
            _ = sweep.tick() => {
                let node = node.clone();
                // Nobody waits for it.
                tokio::task::spawn_blocking(move || node.bulk.sweep(&node));
            }
        }
    }
    serving.close(Duration::from_secs(2)).await;
    leaving.close(Duration::from_secs(1)).await;
    node.bulk.end(&node);
    bulk.close(Duration::from_secs(2)).await;
    Ok(())
}

/// Shows what the first connection shows; at once if what it shows now is refused, or is another key.
async fn follow(first: &Bus, bulk: &Bus, refused: bool) {
    let (newest, shown) = (first.creds(), bulk.creds());
    if newest.jwt == shown.jwt {
        return;
    }
    let now = refused || newest.seed != shown.seed;
    match bulk.set_creds(newest, now).await {
        Ok(()) => info!("the connection for files shows the node's newer credential"),
        Err(e) => warn!("the connection for files: {e}"),
    }
}
