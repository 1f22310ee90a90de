//! Control's bus side, put together: what answers, and what runs by timer.

use std::{future::Future, time::Duration};

use anyhow::Result;
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use warren_proto::bus::{
    events::Link,
    version::{ADVISED, Support},
};

use crate::{
    app::App,
    audit, consumer, database,
    files::reads,
    gate,
    node::{presence, push},
    outbox, panel, reconcile, retention, serve, transfer,
};

/// Silence is looked for this often.
const SILENCE: Duration = Duration::from_secs(2);
/// Retention of history and samples.
const KEEP: Duration = Duration::from_secs(60);
/// Audit rows are written by every change and sealed behind them; nobody waits for it.
const SEAL: Duration = Duration::from_secs(5);
/// Minutes of reads are looked through.
const READS: Duration = Duration::from_secs(10);
/// A stop waits this long for what is in hand.
const GRACE: Duration = Duration::from_secs(5);

/// Runs everything that hangs on the bus, until `stop`.
/// # Errors
/// Only when it can't begin.
pub async fn bus_side(app: App, stop: CancellationToken) -> Result<()> {
    let sys = app.sys_bus().await?;
    let serving = serve::start(&app).await?;
    let tasks = TaskTracker::new();
    tasks.spawn(watch_version(app.clone(), stop.clone()));
    tasks.spawn(push::run(app.clone(), sys.clone(), stop.clone()));
    tasks.spawn(outbox::run(app.clone(), stop.clone()));
    tasks.spawn(reconcile::run(app.clone(), stop.clone()));
    tasks.spawn(database::work::run(app.clone(), stop.clone()));
    tasks.spawn(transfer::work::run(app.clone(), stop.clone()));
    tasks.spawn(gate::run(app.clone(), stop.clone()));
    tasks.spawn(panel::run(app.clone(), stop.clone()));
    tasks.spawn(consumer::review::run(app.clone(), stop.clone()));
    let silence = app.clone();
    // After a start nodes get the time that silence takes: a control that was away is no sign of theirs.
    let grace = Duration::from_millis(presence::SILENCE_MS.unsigned_abs());
    tasks.spawn(every("presence", grace, SILENCE, stop.clone(), move || {
        let app = silence.clone();
        async move { Ok(presence::sweep(&app).await?) }
    }));
    let keep = app.clone();
    tasks.spawn(every("retention", KEEP, KEEP, stop.clone(), move || {
        let app = keep.clone();
        async move { Ok(retention::round(&app).await?) }
    }));
    let chain = app.clone();
    tasks.spawn(every(
        "the audit log's chain",
        SEAL,
        SEAL,
        stop.clone(),
        move || {
            let app = chain.clone();
            async move { Ok(audit::chain::extend(&app).await.map(drop)?) }
        },
    ));
    let read = app.clone();
    tasks.spawn(every(
        "the log of files that were read",
        READS,
        READS,
        stop.clone(),
        move || {
            let app = read.clone();
            async move { Ok(reads::flush(&app, false).await?) }
        },
    ));
    tasks.close();
    stop.cancelled().await;
    for one in serving {
        one.close(GRACE).await;
    }
    if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
        tracing::warn!(
            "some work was not done when control stopped; it goes on after the next start"
        );
    }
    if let Err(error) = reads::flush(&app, true).await {
        tracing::warn!(%error, "files that were read in the last minute are not all in the log");
    }
    sys.close(GRACE).await;
    app.bus.close(GRACE).await;
    Ok(())
}

/// Says so when the bus is one that nothing here will work on: it may be another server after each reconnect.
async fn watch_version(app: App, stop: CancellationToken) {
    let mut link = app.bus.link();
    loop {
        if *link.borrow_and_update() == Link::Up {
            match app.bus.server_version() {
                Ok(version) if version.support() == Support::Dated => tracing::warn!(
                    nats.version = %version,
                    "nats-server {version} lacks known security fixes; {ADVISED} or newer is advised"
                ),
                Ok(_) => {}
                Err(error) => tracing::error!(urls = ?app.config.nats_urls, "{error}"),
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = link.changed() => if changed.is_err() { return },
        }
    }
}

async fn every<W, F>(
    what: &'static str,
    first: Duration,
    period: Duration,
    stop: CancellationToken,
    work: W,
) where
    W: Fn() -> F,
    F: Future<Output = Result<()>>,
{
    let mut timer = tokio::time::interval_at(Instant::now() + first, period);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = timer.tick() => {}
        }
        if let Err(error) = work().await {
            tracing::warn!(
                error = format!("{error:#}"),
                "{what} did not come through; it is tried again"
            );
        }
    }
}
