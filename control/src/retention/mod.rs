//! Lets go of what has had its time. One control does it at a time; each sweep stands for itself, so that one
//! that fails keeps no other from its work.

pub mod deleted;
pub mod history;
mod rows;

pub use rows::{old_facts, short_lived};

use std::fmt::Display;

use sea_orm::DbErr;

use crate::{
    app::App,
    auth::offer,
    console, consumer,
    gate::holders,
    http::idempotency,
    metrics,
    node::push,
    outbox::{self, Lease},
    password_link,
    person::newcomer,
};

const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 3600;

/// One round, if no other control has it in hand.
/// # Errors
/// Database, where the lease can't be had. What fails in a sweep is logged and tried again with the next round.
pub async fn round(app: &App) -> Result<(), DbErr> {
    let lease = Lease::new(app, "retention", app.id);
    if !lease.hold().await? {
        return Ok(());
    }
    if lease.keep(sweep_all(app)).await.is_none() {
        tracing::warn!("another control took retention over; this one breaks off");
        return Ok(());
    }
    lease.let_go().await
}

async fn sweep_all(app: &App) {
    note("console history", console::keep::sweep(app).await);
    note("averages of samples", metrics::roll::sweep(app).await);
    note("samples", metrics::roll::forget(app).await);
    note("public events", outbox::forget(app).await);
    note("facts", old_facts(app).await);
    note("sessions and revocations", short_lived(app).await);
    note("refused keys", push::prune(app).await);
    note("holders of tickets", holders::prune(app).await);
    note(
        "links to passwords",
        password_link::service::prune(app).await,
    );
    note(
        "invitations that nobody took up",
        newcomer::forget_unclaimed(app).await,
    );
    note("used log-in offers", offer::prune(app).await);
    note("answers to be repeated", idempotency::prune(app).await);
    note("operations", history::operations(app).await);
    note("runs", history::runs(app).await);
    note("deleted servers", deleted::servers(app).await);
    note("deleted nodes", deleted::nodes(app).await);
    note("deleted eggs", deleted::eggs(app).await);
    note("deleted people", deleted::people(app).await);
    note("join tokens", deleted::tokens(app).await);
    note("event consumers", consumer::keep::sweep(app).await);
    // These look at all that is quiet, whether it may go or not.
    if app.clock.now_s() % HOUR_S < 2 * MINUTE_S {
        note("streams without a run", history::stray_streams(app).await);
        note("console sizes", history::empty_sizes(app).await);
    }
}

fn note(what: &'static str, result: Result<u64, impl Display>) {
    match result {
        Ok(0) => {}
        Ok(rows) => tracing::debug!(rows, "retention: {what}"),
        Err(error) => tracing::warn!(%error, "retention: {what} failed; tried again in a minute"),
    }
}
