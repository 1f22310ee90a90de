//! Operations that a node carries out: started once it has the generation they work from, cancelled, looked
//! after. A job's end comes as a fact.

use anyhow::Result;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use serde_json::json;
use warren_entity::{operations, servers};
use warren_proto::{
    bus::CallError,
    ids::NodeId,
    subjects::down,
    wire::{self, job_ask::Ask},
};

use crate::{
    app::App,
    db::Lane,
    job::{self as jobs, Ready},
    node::{
        command::{self, AskError},
        settle,
    },
    outbox::{self, Event},
    text::{tame, tame_opt, to_u64},
};

/// What a stored job needs now. Pure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Never accepted: send it.
    Start,
    /// Cancelled. Also one that no node has accepted: its answer may have been lost.
    Cancel,
    /// Look how far it is.
    Look,
}

/// Decides from the row alone.
#[must_use]
pub fn step(state: &str, cancel_asked: bool) -> Step {
    match (state, cancel_asked) {
        (_, true) => Step::Cancel,
        ("pending", _) => Step::Start,
        _ => Step::Look,
    }
}

/// Refusals of an ask as such, whatever it asks: another process speaks for the node by now, or its clock is off.
/// They say nothing of the job.
const NOT_HEARD: [&str; 10] = [
    "stale",
    "quarantined",
    "other_boot",
    "wrong_node",
    "expired",
    "too_long",
    "replayed",
    "overloaded",
    "unknown_key",
    "bad_signature",
];

/// Whether a refusal says nothing of what was asked.
#[must_use]
pub fn is_unheard(code: &str) -> bool {
    NOT_HEARD.contains(&code)
}

/// How long the fact of an end may be on its way, milliseconds.
const END_WAITS_MS: i64 = 60_000;

/// A job as the database has it, as much of it as decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// When the node took it.
    pub sent_at_ms: Option<i64>,
    /// When the node was first seen to have ended it.
    pub ended_at_ms: Option<i64>,
    /// Somebody wants it to end.
    pub cancel: bool,
}

/// How a job ends that no fact ends, by what its node says of it: one that was cancelled before the node had it; one
/// that the node took and has forgotten; one that has ended there, and the fact that said how is lost (it came
/// before this database was put back).
#[must_use]
pub fn silent(status: &str, job: Asked, now_ms: i64) -> Option<&'static str> {
    let lost = |since: Option<i64>, ms: i64| {
        let over = since.is_some_and(|since| since < now_ms - ms);
        over.then_some("lost")
    };
    match status {
        "unknown" if job.cancel => Some("cancelled"),
        "unknown" => job
            .sent_at_ms
            .and_then(|sent| settle::is_lost(false, sent, now_ms).then_some("lost")),
        "ended" => lost(job.ended_at_ms, END_WAITS_MS),
        _ => None,
    }
}

/// Whether a node's refusal ends a job: one that it never took, for a reason that stays.
#[must_use]
pub fn ends(code: &str, retryable: bool, sent: bool) -> bool {
    !retryable && !sent && !NOT_HEARD.contains(&code)
}

/// One round over a node's jobs.
/// # Errors
/// Database. A node's refusal ends that job and is no error.
pub async fn run(app: &App, node: NodeId) -> Result<()> {
    let open = operations::Entity::find()
        .filter(operations::Column::NodeId.eq(node.to_string()))
        .filter(crate::operation::open())
        .filter(operations::Column::Kind.ne("delete"))
        .order_by_asc(operations::Column::CreatedAtMs)
        .all(app.db.read())
        .await?;
    for job in open {
        let ask = match step(&job.state, job.cancel_asked_at_ms.is_some()) {
            Step::Start => match jobs::work(app, &job).await {
                Ok(Ready::Work(work)) => Ask::Start(wire::JobStart {
                    job: job.id.clone(),
                    server: job.server_id.clone().unwrap_or_default(),
                    kind: job.kind.clone(),
                    generation: to_u64(job.generation),
                    wipe: job.wipe,
                    work: work.map(|work| *work),
                }),
                Ok(Ready::Wait) => continue,
                Ok(Ready::Refused { code, message }) => {
                    end(app, node, &job, "failed", Some(code), &message).await?;
                    continue;
                }
                Err(error) => {
                    // Others of this node are not held up by it.
                    tracing::error!(%error, operation.id = job.id, "a job can't be put together; it is tried again");
                    continue;
                }
            },
            Step::Cancel => Ask::Cancel(wire::JobCancel {
                job: job.id.clone(),
            }),
            Step::Look => Ask::Status(wire::JobStatusAsk {
                job: job.id.clone(),
            }),
        };
        let body = wire::JobAsk { ask: Some(ask) };
        match command::ask::<wire::JobStatus>(app, node, down::JOBS, &body, command::ANSWER).await {
            Ok(status) => note(app, node, &job, &status).await?,
            Err(AskError::Offline(_) | AskError::Unknown(_)) => return Ok(()),
            Err(AskError::Call(CallError::Failed {
                code,
                message,
                retryable,
            })) if ends(&code, retryable, job.sent_at_ms.is_some()) => {
                end(app, node, &job, "failed", Some(&code), &message).await?;
            }
            Err(AskError::Call(error)) => {
                tracing::debug!(%error, operation.id = job.id, "a job was not answered; it is asked again");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Writes down how far a job is, as its node says, and tells of it; of one that has ended nothing.
/// # Errors
/// Database.
pub async fn note(
    app: &App,
    node: NodeId,
    job: &operations::Model,
    status: &wire::JobStatus,
) -> Result<(), DbErr> {
    let now_ms = app.clock.now_ms();
    let asked = Asked {
        sent_at_ms: job.sent_at_ms,
        ended_at_ms: job.ended_at_ms,
        cancel: job.cancel_asked_at_ms.is_some(),
    };
    match silent(&status.state, asked, now_ms) {
        Some("lost") => {
            let text = "the node does not say how this job ended; start it again";
            return end(app, node, job, "lost", Some("lost"), text).await;
        }
        Some(state) => {
            return end(app, node, job, state, None, "cancelled before it began").await;
        }
        None if status.state == "unknown" => return Ok(()),
        None => {}
    }
    let ended = (status.state == "ended").then_some(job.ended_at_ms.unwrap_or(now_ms));
    let percent =
        (status.percent.is_finite() && status.percent >= 0.0).then(|| status.percent.min(100.0));
    let step = tame_opt(&status.step, 200);
    let count =
        |bytes: u64| (status.total_bytes > 0).then(|| i64::try_from(bytes).unwrap_or(i64::MAX));
    let bytes = [
        (operations::Column::DoneBytes, count(status.done_bytes)),
        (operations::Column::TotalBytes, count(status.total_bytes)),
        (
            operations::Column::BytesPerSecond,
            count(status.bytes_per_second),
        ),
    ];
    let first = job.sent_at_ms.is_none();
    let same = job.percent == percent
        && job.step == step
        && job.ended_at_ms == ended
        && bytes.iter().map(|(_, b)| *b).eq([
            job.done_bytes,
            job.total_bytes,
            job.bytes_per_second,
        ]);
    if !first && job.state == "running" && same {
        return Ok(());
    }
    let mut update = operations::Entity::update_many()
        .col_expr(operations::Column::State, Expr::value("running"))
        .col_expr(operations::Column::Percent, Expr::value(percent))
        .col_expr(operations::Column::Step, Expr::value(step.clone()))
        .col_expr(operations::Column::EndedAtMs, Expr::value(ended))
        .filter(operations::Column::Id.eq(&*job.id))
        // The fact of its end may have come first.
        .filter(operations::Column::State.is_in(["pending", "running"]));
    for (column, value) in bytes {
        update = update.col_expr(column, Expr::value(value));
    }
    if first {
        update = update
            .col_expr(operations::Column::SentAtMs, Expr::value(now_ms))
            .col_expr(operations::Column::StartedAtMs, Expr::value(now_ms));
    }
    let tx = app.db.begin(Lane::Machines).await?;
    hold(&*tx, job).await?;
    if update.exec(&*tx).await?.rows_affected == 0 {
        // It has ended meanwhile, and that was told.
        return Ok(());
    }
    let data = json!({"operation": job.id, "kind": job.kind, "state": "running", "percent": percent, "step": step,
        "done_bytes": count(status.done_bytes), "total_bytes": count(status.total_bytes),
        "bytes_per_second": count(status.bytes_per_second)});
    tell(&*tx, node, job, now_ms, data).await?;
    tx.commit().await?;
    app.nudges.outbox();
    Ok(())
}

/// Locks the server that a job works on: its events are numbered in the order of commits.
async fn hold(db: &impl ConnectionTrait, job: &operations::Model) -> Result<(), DbErr> {
    let Some(server) = &job.server_id else {
        return Ok(());
    };
    servers::Entity::find_by_id(server)
        .lock_exclusive()
        .select_only()
        .column(servers::Column::Id)
        .into_tuple::<String>()
        .one(db)
        .await?;
    Ok(())
}

async fn end(
    app: &App,
    node: NodeId,
    job: &operations::Model,
    state: &str,
    code: Option<&str>,
    message: &str,
) -> Result<(), DbErr> {
    let now_ms = app.clock.now_ms();
    let (code, message) = (code.map(|c| tame(c, 64)), tame(message, 1000));
    let tx = app.db.begin(Lane::Machines).await?;
    hold(&*tx, job).await?;
    let ended = operations::Entity::update_many()
        .col_expr(operations::Column::State, Expr::value(state))
        .col_expr(operations::Column::EndedAtMs, Expr::value(now_ms))
        .col_expr(operations::Column::Code, Expr::value(code.clone()))
        .col_expr(operations::Column::Message, Expr::value(message.clone()))
        .filter(operations::Column::Id.eq(&*job.id))
        .filter(operations::Column::State.is_in(["pending", "running"]))
        .exec(&*tx)
        .await?;
    if ended.rows_affected > 0 {
        let end = jobs::End {
            state,
            code: code.as_deref(),
            message: Some(&message),
            fact: None,
            at_ms: now_ms,
        };
        jobs::ended(&*tx, job, end).await?;
        let data = json!({"operation": job.id, "kind": job.kind, "state": state, "code": code, "message": message});
        tell(&*tx, node, job, now_ms, data).await?;
    }
    tx.commit().await?;
    app.nudges.outbox();
    Ok(())
}

async fn tell(
    db: &impl ConnectionTrait,
    node: NodeId,
    job: &operations::Model,
    now_ms: i64,
    data: serde_json::Value,
) -> Result<(), DbErr> {
    let Some(server) = job.server_id.as_deref().and_then(|s| s.parse().ok()) else {
        return Ok(());
    };
    outbox::write(
        db,
        Event::of_server(server, Some(node), "operation", now_ms, data),
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_started_until_taken_and_then_looked_after() {
        assert_eq!(step("pending", false), Step::Start);
        assert_eq!(step("running", false), Step::Look);
        assert_eq!(step("running", true), Step::Cancel);
        assert_eq!(step("pending", true), Step::Cancel);
        let job = |sent_at_ms, ended_at_ms, cancel| Asked {
            sent_at_ms,
            ended_at_ms,
            cancel,
        };
        let (new, taken) = (job(None, None, false), job(Some(0), None, false));
        assert_eq!(
            silent("unknown", job(None, None, true), 9_000),
            Some("cancelled")
        );
        assert_eq!(silent("unknown", new, 9_000), None);
        assert_eq!(silent("unknown", taken, 9_000), Some("lost"));
        assert_eq!(silent("unknown", taken, 1_000), None);
        assert_eq!(silent("ended", taken, 90_000), None);
        let ended = job(Some(0), Some(1_000), false);
        assert_eq!(silent("ended", ended, 50_000), None);
        assert_eq!(silent("ended", ended, 90_000), Some("lost"));
        assert!(ends("unknown_kind", false, false));
        assert!(!ends("unknown_kind", false, true));
        assert!(!ends("busy", true, false));
        assert!(!ends("other_boot", false, false));
    }
}
