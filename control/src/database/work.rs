//! Has hosts follow what rows want. A row is claimed by one worker at a time, for as long as it says so every few
//! seconds; whoever dies is followed by another, and every step may be done again.

use std::time::Duration;

use rand::Rng;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use warren_entity::{database_hosts, databases, servers};

use super::{
    dto::DatabaseState,
    service::{place, say},
};
use crate::{
    app::App,
    database_host::{
        engine::{Account, Fault, Session, Why},
        store::{count_of, target},
    },
    db::Lane,
    text::fresh_id,
};

/// A worker that has not been heard of for so long is dead.
pub const LEASE_MS: i64 = 10_000;
/// A worker says so often that it is not.
const RENEW: Duration = Duration::from_secs(3);
/// Without a nudge, what is due is looked for this often.
const LOOK: Duration = Duration::from_secs(2);
/// Rows of one host that are begun at once, at most.
const AT_ONCE: u64 = 4;
/// Hosts that are looked at in one round.
const HOSTS: u64 = 200;
/// After the first try that goes wrong, and twice as long after each other one.
const FIRST_RETRY_MS: i64 = 2_000;
const LAST_RETRY_MS: i64 = 300_000;

/// A row that is ours to work on.
#[derive(Debug, Clone)]
pub struct Claim {
    id: String,
    pub(super) token: String,
}

impl Claim {
    /// For a row that is to be written with it.
    pub(super) fn new(app: &App, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            token: format!("{}.{}", app.id, fresh_id()),
        }
    }

    fn mine(&self) -> Condition {
        Condition::all()
            .add(databases::Column::Id.eq(&*self.id))
            .add(databases::Column::LeasedBy.eq(&*self.token))
    }
}

/// Claims a row that nobody works on, for whoever has a turn on its host.
pub(super) async fn claim(
    db: &impl ConnectionTrait,
    app: &App,
    turn: Option<&OwnedSemaphorePermit>,
    id: &str,
    now_ms: i64,
) -> Result<Option<Claim>, DbErr> {
    if turn.is_none() {
        return Ok(None);
    }
    let claim = Claim::new(app, id);
    let taken = databases::Entity::update_many()
        .col_expr(databases::Column::LeasedBy, Expr::value(&*claim.token))
        .col_expr(
            databases::Column::LeasedUntilMs,
            Expr::value(now_ms + LEASE_MS),
        )
        .filter(databases::Column::Id.eq(id))
        .filter(databases::Column::LeasedUntilMs.lte(now_ms))
        .exec(db)
        .await?;
    Ok((taken.rows_affected == 1).then_some(claim))
}

/// Runs until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let mut timer = tokio::time::interval(LOOK);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.nudges.databases_due() => {},
            _ = timer.tick() => {},
        }
        if let Err(error) = round(&app).await {
            tracing::warn!(%error, "databases that are to be worked on could not be looked up");
        }
    }
}

fn due(now_ms: i64) -> Condition {
    Condition::all()
        .add(databases::Column::State.ne(DatabaseState::Ready.as_str()))
        .add(databases::Column::DueAtMs.lte(now_ms))
        .add(databases::Column::LeasedUntilMs.lte(now_ms))
}

/// Begins what is due, as far as hosts have turns; the end of each is a nudge for the next.
async fn round(app: &App) -> Result<(), DbErr> {
    let now_ms = app.clock.now_ms();
    let hosts: Vec<String> = databases::Entity::find()
        .filter(due(now_ms))
        .select_only()
        .column(databases::Column::HostId)
        .group_by(databases::Column::HostId)
        .limit(HOSTS)
        .into_tuple()
        .all(app.db.read())
        .await?;
    for host in hosts {
        let ids: Vec<String> = databases::Entity::find()
            .filter(due(now_ms))
            .filter(databases::Column::HostId.eq(&*host))
            .order_by_asc(databases::Column::DueAtMs)
            .limit(AT_ONCE)
            .select_only()
            .column(databases::Column::Id)
            .into_tuple()
            .all(app.db.read())
            .await?;
        for id in ids {
            let Some(turn) = app.desk.try_turn(&host) else {
                break;
            };
            let tx = app.db.begin(Lane::Machines).await?;
            let claim = claim(&*tx, app, Some(&turn), &id, now_ms).await?;
            tx.commit().await?;
            if let Some(claim) = claim {
                let app = app.clone();
                tokio::spawn(async move { carry_out(&app, claim, turn).await });
            }
        }
    }
    Ok(())
}

/// Works on a claimed row until it is as it is wanted, or the host fails. The turn is given back with the end.
pub async fn carry_out(app: &App, claim: Claim, turn: OwnedSemaphorePermit) {
    let worked = tokio::select! {
        worked = follow(app, &claim) => worked,
        () = keep(app, &claim) => {
            tracing::warn!(database.id = %claim.id, "another control took database {} over; this one breaks off", claim.id);
            Ok(())
        }
    };
    if let Err(error) = worked {
        tracing::warn!(%error, database.id = %claim.id, "what became of database {} could not be stored; it is done again", claim.id);
    }
    drop(turn);
    app.nudges.databases();
}

/// Says that we are alive, until nobody would believe it any more.
async fn keep(app: &App, claim: &Claim) {
    let mut sure = tokio::time::Instant::now();
    let life = Duration::from_millis(LEASE_MS.unsigned_abs());
    loop {
        tokio::time::sleep(RENEW).await;
        match renew(app, claim).await {
            Ok(true) => sure = tokio::time::Instant::now(),
            Ok(false) => return,
            Err(error) => {
                tracing::debug!(%error, "a claim could not be renewed");
                if sure.elapsed() + RENEW >= life {
                    return;
                }
            }
        }
    }
}

async fn renew(app: &App, claim: &Claim) -> Result<bool, DbErr> {
    let until = app.clock.now_ms() + LEASE_MS;
    let tx = app.db.begin(Lane::Machines).await?;
    let renewed = databases::Entity::update_many()
        .col_expr(databases::Column::LeasedUntilMs, Expr::value(until))
        .filter(claim.mine())
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(renewed.rows_affected == 1)
}

/// Goes on for as long as somebody wants something else of the row meanwhile.
async fn follow(app: &App, claim: &Claim) -> Result<(), DbErr> {
    loop {
        let row = databases::Entity::find()
            .filter(claim.mine())
            .one(app.db.read())
            .await?;
        let Some(row) = row else {
            // Somebody else's by now, or forgotten.
            return Ok(());
        };
        let done = step(app, &row).await;
        if let Err(fault) = &done {
            tracing::warn!(
                database.id = %row.id, host.id = %row.host_id, code = fault.why.as_str(), tries = row.failures + 1,
                "database {} is still {}: its host did not do as it was told", row.id, row.state
            );
        }
        if settle(app, claim, &row, done).await? {
            app.nudges.outbox();
            return Ok(());
        }
    }
}

/// What the host has to do for a row, all of it; no transaction is open.
async fn step(app: &App, row: &databases::Model) -> Result<(), Fault> {
    let state = DatabaseState::parse(&row.state);
    if state == DatabaseState::Ready {
        return Ok(());
    }
    let lost = |e: DbErr| Fault::new(Why::Refused, format!("control's own database: {e}"));
    let host = database_hosts::Entity::find_by_id(&*row.host_id)
        .one(app.db.read())
        .await
        .map_err(lost)?
        .ok_or_else(|| Fault::new(Why::Refused, "its database host is not known any more"))?;
    let sealed = match state {
        DatabaseState::Rotating => row.next_secret.as_ref(),
        // A removal needs no password, not even one that can't be read any more.
        DatabaseState::Dropping => None,
        DatabaseState::Creating | DatabaseState::Ready => Some(&row.secret),
    };
    let password = match sealed {
        Some(sealed) => open(app, &row.id, sealed)?,
        None => "none".to_owned(),
    };
    let account = Account {
        name: &row.name,
        username: &row.username,
        from: &row.connections_from,
        password: &password,
        connections: count_of(row.most_connections),
    };
    let mut session = Session::open(&target(app, &host)?).await?;
    let done = match state {
        DatabaseState::Creating => session.create(&account).await,
        DatabaseState::Rotating => session.rotate(&account).await,
        DatabaseState::Dropping => session.drop(&account).await,
        DatabaseState::Ready => Ok(()),
    };
    session.close().await;
    done
}

fn open(app: &App, id: &str, sealed: &[u8]) -> Result<String, Fault> {
    let opened = app.keys.sealer.open(&place(id), sealed).ok();
    opened
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| {
            let text = "the stored password can't be opened with this panel's key";
            Fault::new(Why::Sealed, text)
        })
}

/// Writes down how it went, unless something else is wanted of the row by now. Says whether that was all.
async fn settle(
    app: &App,
    claim: &Claim,
    row: &databases::Model,
    done: Result<(), Fault>,
) -> Result<bool, DbErr> {
    use databases::Column;
    let now_ms = app.clock.now_ms();
    let as_it_was = claim.mine().add(Column::State.eq(&*row.state));
    let tx = app.db.begin(Lane::Machines).await?;
    // The server before its databases, as everywhere; it may be gone for good.
    let server = servers::Entity::find_by_id(&*row.server_id)
        .lock_exclusive()
        .one(&*tx)
        .await?;
    let state = DatabaseState::parse(&row.state);
    let (written, word) = match &done {
        Ok(()) if state == DatabaseState::Dropping => {
            let gone = databases::Entity::delete_many().filter(as_it_was);
            (gone.exec(&*tx).await?.rows_affected, "dropped")
        }
        Ok(()) => {
            let ready = DatabaseState::Ready.as_str();
            let mut update = databases::Entity::update_many()
                .col_expr(Column::State, Expr::value(ready))
                .col_expr(Column::Failures, Expr::value(0))
                .col_expr(Column::Problem, Expr::value(None::<String>))
                .col_expr(Column::ProblemDetail, Expr::value(None::<String>))
                .col_expr(Column::LeasedBy, Expr::value(None::<String>))
                .col_expr(Column::LeasedUntilMs, Expr::value(0_i64))
                .col_expr(Column::UpdatedAtMs, Expr::value(now_ms))
                .filter(as_it_was);
            if state == DatabaseState::Rotating {
                update = update
                    .col_expr(Column::Secret, Expr::col(Column::NextSecret))
                    .col_expr(Column::NextSecret, Expr::value(None::<Vec<u8>>));
            }
            (update.exec(&*tx).await?.rows_affected, ready)
        }
        Err(fault) => {
            let due_at_ms = now_ms + retry_ms(row.failures);
            let update = databases::Entity::update_many()
                .col_expr(Column::Failures, Expr::col(Column::Failures).add(1))
                .col_expr(Column::Problem, Expr::value(fault.why.as_str()))
                .col_expr(Column::ProblemDetail, Expr::value(&*fault.text))
                .col_expr(Column::DueAtMs, Expr::value(due_at_ms))
                .col_expr(Column::LeasedBy, Expr::value(None::<String>))
                .col_expr(Column::LeasedUntilMs, Expr::value(0_i64))
                .filter(as_it_was);
            let written = update.exec(&*tx).await?.rows_affected;
            if written > 0 && fault.why.is_of_host() {
                // The others that have failed there before would learn the same.
                databases::Entity::update_many()
                    .col_expr(Column::DueAtMs, Expr::value(due_at_ms))
                    .filter(due(now_ms))
                    .filter(Column::HostId.eq(&*row.host_id))
                    .filter(Column::Failures.gt(0))
                    .exec(&*tx)
                    .await?;
            }
            (written, &*row.state)
        }
    };
    // Tries that go wrong again and again are no news.
    let news = state != DatabaseState::Ready && (done.is_ok() || row.failures == 0);
    if let (1.., Some(server), true) = (written, &server, news) {
        say(&*tx, server, &row.id, word, now_ms).await?;
    }
    tx.commit().await?;
    Ok(written > 0 || state == DatabaseState::Ready)
}

/// Half to one and a half times as long as the one before asked for twice.
fn retry_ms(failures: i32) -> i64 {
    let doublings = failures.clamp(0, 16).unsigned_abs();
    let wait = FIRST_RETRY_MS.saturating_mul(1 << doublings);
    let wait = Ord::min(wait, LAST_RETRY_MS);
    rand::rng().random_range(wait / 2..=wait + wait / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_become_rare_and_never_end() {
        for (failures, wait) in [
            (0, 2_000),
            (1, 4_000),
            (5, 64_000),
            (9, 300_000),
            (i32::MAX, 300_000),
        ] {
            for _ in 0..50 {
                let ms = retry_ms(failures);
                assert!(
                    (wait / 2..=wait + wait / 2).contains(&ms),
                    "{failures}: {ms}"
                );
            }
        }
    }
}
