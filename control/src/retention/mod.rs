//! Lets go of what has had its time. One control does it at a time; each sweep stands for itself, so that one
//! that fails keeps no other from its work.

mod rows;

pub use rows::{old_facts, short_lived};

use std::fmt::Display;

use sea_orm::DbErr;

use crate::{
    app::App,
    console,
    gate::holders,
    metrics,
    node::push,
    outbox::{self, Lease},
};

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
}

fn note(what: &'static str, result: Result<u64, impl Display>) {
    match result {
        Ok(0) => {}
        Ok(rows) => tracing::debug!(rows, "retention: {what}"),
        Err(error) => tracing::warn!(%error, "retention: {what} failed; tried again in a minute"),
    }
}
