//! Goes on with transfers, from whatever their rows say. Each step may be done twice, and by two controls.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::Result;
use parking_lot::Mutex;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use warren_entity::{nodes, operations, servers, transfers};
use warren_proto::{
    state::State,
    wire::{self, transfer_ask::Ask},
};

use super::{
    Phase,
    ask::{grant, image_of, put, secret},
    desk::{Desk, Place, due},
    store,
    switch::{self, HELD, Tried},
    turn::{has_begun, is_its_turn, queue},
    undo,
};
use crate::{
    app::App,
    db::Lane,
    egg::view::lenient,
    server::dto::Limits,
    text::{tame, tame_opt, to_i64},
};

/// While there is one, transfers are looked at this often; each step of the stretch in which a game is down waits for it.
const LOOK: Duration = Duration::from_millis(250);
/// While there is none, for a nudge that was lost, or another control's.
const IDLE: Duration = Duration::from_secs(2);
/// Those that nothing is left of but to tell a node that is away.
const TIDY: Duration = Duration::from_secs(3);
/// A grant is given anew after so long, also to a source that was restarted and has forgotten it.
const GRANT: Duration = Duration::from_secs(3);
/// Passes over a game that runs.
const MOST_PASSES: i32 = 5;
/// A pass that took no longer leaves little for another one to make shorter, milliseconds.
const SHORT_MS: i64 = 4_000;
/// Passes that may fail one after the other.
const MOST_TRIES: i32 = 4;
/// One that waits for other work on its server shows that it does.
const ALIVE_MS: i64 = 60_000;
/// Beside the last pass: the stop, the place, the start; milliseconds. Only what a person is told to expect.
const AROUND_MS: i64 = 3_000;

/// Runs until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let desk = Arc::new(Mutex::new(Desk::default()));
    let mut wait = Duration::ZERO;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.nudges.transfers_due() => {}
            () = tokio::time::sleep(wait) => {}
        }
        wait = IDLE;
        let open = match store::open(app.db.read()).await {
            Ok(open) => open,
            Err(error) => {
                tracing::warn!(%error, "transfers could not be looked up");
                continue;
            }
        };
        if !open.is_empty() {
            wait = LOOK;
        }
        let ids: BTreeSet<String> = open.iter().map(|row| row.id.clone()).collect();
        desk.lock().keep(&ids);
        for row in open {
            let Some(place) = Place::take(&desk, &row.id) else {
                continue;
            };
            let (app, desk) = (app.clone(), desk.clone());
            tokio::spawn(async move {
                let _place = place;
                if let Err(error) = step(&app, &desk, &row).await {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        transfer.id = row.id,
                        "a transfer could not go on; it is tried again"
                    );
                }
            });
        }
    }
}

async fn step(app: &App, desk: &Mutex<Desk>, row: &transfers::Model) -> Result<()> {
    let Some(phase) = Phase::parse(&row.phase) else {
        return Ok(());
    };
    if phase.is_revocable() && row.cancel_asked_at_ms.is_some() {
        return undo::begin(app, row, None).await;
    }
    if phase.is_revocable() && !is_node(app, &row.to_node).await? {
        let why = ("node_gone", "the node that it was to go to was removed");
        return undo::begin(app, row, Some(why)).await;
    }
    if phase == Phase::Copying && !has_begun(row) && !is_its_turn(app, row).await? {
        return queue(app, row).await;
    }
    let stalled = desk.lock().stalled(row, phase, Instant::now());
    if let Some(text) = stalled {
        return undo::begin(app, row, Some(("stalled", text))).await;
    }
    if phase.reads() && due(&mut desk.lock().granted, &row.id, GRANT) {
        grant(app, row).await?;
    }
    match phase {
        Phase::Copying => copying(app, row).await,
        Phase::Ready => match !row.waits || row.released {
            true => next_pass(app, row, Phase::Copying, 0).await,
            false => Ok(()),
        },
        Phase::Stopping => stopping(app, row).await,
        Phase::Last => last(app, row).await,
        Phase::Placing => placing(app, row).await,
        Phase::Starting => starting(app, row).await,
        Phase::Undoing => undo::end(app, row).await.map(drop),
        Phase::Done | Phase::Failed | Phase::Cancelled => {
            let again = due(&mut desk.lock().tidied, &row.id, TIDY);
            match again {
                true => tidy(app, row, phase == Phase::Done).await,
                false => Ok(()),
            }
        }
    }
}

/// Asks for the pass of the row, and writes down how far it is. None: nothing new; it has failed and that was seen to.
async fn pass(
    app: &App,
    row: &transfers::Model,
    last: bool,
) -> Result<Option<wire::TransferStatus>> {
    let server = servers::Entity::find_by_id(&*row.server_id)
        .one(app.db.read())
        .await?;
    let limits: Option<Limits> = server.as_ref().map(|s| lenient(&s.limits));
    let (image, registries) = match &server {
        Some(server) if !last => image_of(app, server).await?,
        _ => Default::default(),
    };
    let ask = Ask::Receive(wire::TransferReceive {
        from: row.from_node.clone(),
        secret: secret(app, row)?,
        pass: u32::try_from(row.pass).unwrap_or(1),
        last,
        disk_limit_bytes: limits.map_or(0, |l| l.disk_bytes),
        image,
        registries,
    });
    let phase = if last { Phase::Last } else { Phase::Copying };
    let status = match put::<wire::TransferStatus>(app, row, &row.to_node, ask).await? {
        Ok(Some(status)) => status,
        Ok(None) => return Ok(None),
        Err((code, message)) => {
            undo::begin(app, row, Some((&code, &message))).await?;
            return Ok(None);
        }
    };
    if status.pass != u32::try_from(row.pass).unwrap_or(1) {
        // That of a row that an older database has not heard of: the next number is a new one to both.
        let behind = i32::try_from(status.pass).unwrap_or(i32::MAX - 1);
        if status.state != "running" && behind > row.pass {
            let jump = transfers::Model {
                pass: behind,
                ..row.clone()
            };
            next_pass(app, &jump, phase, row.tries).await?;
        }
        return Ok(None);
    }
    note(app, row, phase, &status).await?;
    match &*status.state {
        "done" => Ok(Some(status)),
        "failed" if status.retryable && row.tries < MOST_TRIES => {
            next_pass(app, row, phase, row.tries + 1).await?;
            Ok(None)
        }
        "failed" => {
            undo::begin(app, row, Some((&status.code, &status.message))).await?;
            Ok(None)
        }
        _ => Ok(None),
    }
}

async fn note(
    app: &App,
    row: &transfers::Model,
    phase: Phase,
    status: &wire::TransferStatus,
) -> Result<()> {
    let step = tame_opt(&status.step, 64);
    let figures = [
        (
            transfers::Column::DoneBytes,
            row.done_bytes,
            to_i64(status.done_bytes),
        ),
        (
            transfers::Column::TotalBytes,
            row.total_bytes,
            to_i64(status.total_bytes),
        ),
        (
            transfers::Column::BytesPerSecond,
            row.bytes_per_second,
            to_i64(status.bytes_per_second),
        ),
        (transfers::Column::Files, row.files, to_i64(status.files)),
        (
            transfers::Column::SizeBytes,
            row.size_bytes,
            to_i64(status.size_bytes),
        ),
        (
            transfers::Column::Skipped,
            row.skipped,
            to_i64(status.skipped),
        ),
    ];
    let now_ms = app.clock.now_ms();
    let same = row.step == step && figures.iter().all(|(_, before, now)| before == now);
    // Written at most once a second: nobody reads faster.
    if same || (row.step == step && now_ms - row.updated_at_ms < 1000 && status.state == "running")
    {
        return Ok(());
    }
    let tx = app.db.begin(Lane::Machines).await?;
    let mut update =
        store::update(row, phase, now_ms).col_expr(transfers::Column::Step, Expr::value(step));
    for (column, _, now) in figures {
        update = update.col_expr(column, Expr::value(now));
    }
    if update.exec(&*tx).await?.rows_affected > 0 {
        store::tell(&*tx, row, phase, now_ms).await?;
    }
    tx.commit().await?;
    app.nudges.outbox();
    Ok(())
}

/// The next number, in that phase.
async fn next_pass(app: &App, row: &transfers::Model, phase: Phase, tries: i32) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::Machines).await?;
    if store::enter(&*tx, row, phase, now_ms).await? {
        transfers::Entity::update_many()
            .col_expr(transfers::Column::Pass, Expr::value(row.pass + 1))
            .col_expr(transfers::Column::Tries, Expr::value(tries))
            .col_expr(transfers::Column::DoneBytes, Expr::value(0))
            .col_expr(transfers::Column::TotalBytes, Expr::value(0))
            .filter(transfers::Column::Id.eq(&*row.id))
            .exec(&*tx)
            .await?;
    }
    tx.commit().await?;
    app.nudges.transfers();
    Ok(())
}

async fn copying(app: &App, row: &transfers::Model) -> Result<()> {
    let Some(status) = pass(app, row, false).await? else {
        return Ok(());
    };
    let took = to_i64(status.took_ms);
    let server = servers::Entity::find_by_id(&*row.server_id)
        .one(app.db.read())
        .await?;
    let runs = server.is_some_and(|s| s.state.parse().is_ok_and(State::is_up));
    // How long the pass took that had as much to do as the last one will have.
    let expected = runs.then(|| took + AROUND_MS);
    // Not each time while it waits for a backup to end.
    if (row.pass_ms, row.expected_ms) != (Some(took), expected) {
        let tx = app.db.begin(Lane::Machines).await?;
        transfers::Entity::update_many()
            .col_expr(transfers::Column::PassMs, Expr::value(took))
            .col_expr(transfers::Column::ExpectedMs, Expr::value(expected))
            .filter(transfers::Column::Id.eq(&*row.id))
            .filter(transfers::Column::Phase.eq(Phase::Copying.as_str()))
            .exec(&*tx)
            .await?;
        tx.commit().await?;
    }
    let shorter = row.pass_ms.is_none_or(|before| took < before / 10 * 7);
    if runs && row.pass < MOST_PASSES && (row.pass == 1 || (took > SHORT_MS && shorter)) {
        return next_pass(app, row, Phase::Copying, 0).await;
    }
    if row.waits && !row.released {
        let tx = app.db.begin(Lane::Machines).await?;
        store::enter(&*tx, row, Phase::Ready, app.clock.now_ms()).await?;
        tx.commit().await?;
        app.nudges.outbox();
        return Ok(());
    }
    refused(app, row, switch::stop(app, row).await?).await
}

async fn refused(app: &App, row: &transfers::Model, tried: Tried) -> Result<()> {
    match tried {
        Tried::Done => {
            app.nudges.transfers();
            Ok(())
        }
        // Of what is waited for while the game is down nobody knows whether it ends.
        Tried::Wait if row.phase == Phase::Copying.as_str() => alive(app, row).await,
        Tried::Wait => Ok(()),
        Tried::Refused { code, message } => undo::begin(app, row, Some((code, &message))).await,
    }
}

/// It waits for something that has an end of its own.
async fn alive(app: &App, row: &transfers::Model) -> Result<()> {
    let now_ms = app.clock.now_ms();
    if (0..ALIVE_MS).contains(&(now_ms - row.updated_at_ms)) {
        return Ok(());
    }
    let tx = app.db.begin(Lane::Machines).await?;
    store::update(row, Phase::Copying, now_ms)
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

async fn stopping(app: &App, row: &transfers::Model) -> Result<()> {
    let id = row.operation_id.clone().unwrap_or_default();
    let job = operations::Entity::find_by_id(id)
        .one(app.db.read())
        .await?;
    match job {
        Some(job) if job.state == "running" && job.step.as_deref() == Some(HELD) => {
            next_pass(app, row, Phase::Last, 0).await
        }
        Some(job) if matches!(&*job.state, "pending" | "running") => {
            if let Ok(node) = row.from_node.parse() {
                app.nudges.node(node);
            }
            Ok(())
        }
        ended => {
            let said = ended.as_ref().and_then(|job| job.message.clone());
            let text = said.unwrap_or_else(|| "the game could not be kept down".into());
            let code = ended.and_then(|job| job.code);
            let code = code.unwrap_or_else(|| "not_held".into());
            undo::begin(app, row, Some((&code, &text))).await
        }
    }
}

async fn last(app: &App, row: &transfers::Model) -> Result<()> {
    if pass(app, row, true).await?.is_none() {
        return Ok(());
    }
    let tx = app.db.begin(Lane::Machines).await?;
    store::enter(&*tx, row, Phase::Placing, app.clock.now_ms()).await?;
    tx.commit().await?;
    app.nudges.outbox();
    app.nudges.transfers();
    Ok(())
}

async fn placing(app: &App, row: &transfers::Model) -> Result<()> {
    let ask = Ask::Place(wire::TransferPlace {});
    match put::<wire::TransferStatus>(app, row, &row.to_node, ask).await? {
        Ok(Some(status)) if status.state == "placed" => {
            refused(app, row, switch::switch(app, row).await?).await
        }
        Ok(_) => Ok(()),
        // Its agent was restarted: what has come is looked over once more.
        Err((code, _)) if code == "not_ready" => next_pass(app, row, Phase::Last, row.tries).await,
        Err((code, message)) => undo::begin(app, row, Some((&code, &message))).await,
    }
}

/// The server is the new node's. It is over once that has said so itself.
async fn starting(app: &App, row: &transfers::Model) -> Result<()> {
    let Some(server) = servers::Entity::find_by_id(&*row.server_id)
        .one(app.db.read())
        .await?
    else {
        return over(app, row, None, None).await;
    };
    let heard = server.observed_generation >= row.generation;
    let state: Option<State> = server.state.parse().ok();
    let overtaken = server.suspended
        || server.power_generation != row.generation
        || server.node_id != row.to_node
        || server.deleted_at_ms.is_some();
    let taken = nodes::Entity::find_by_id(&*row.to_node)
        .filter(nodes::Column::AppliedRev.gte(server.rev))
        .one(app.db.read())
        .await?
        .is_some();
    if !taken || !heard {
        if server.deleted_at_ms.is_some() {
            return over(app, row, None, None).await;
        }
        return Ok(());
    }
    match state {
        _ if !row.was_running => over(app, row, None, None).await,
        Some(State::Running) => {
            let down = row.down_since_ms.map(|since| app.clock.now_ms() - since);
            over(app, row, down, None).await
        }
        Some(State::Error | State::Crashed) => {
            let said = server.state_detail.unwrap_or_default();
            let text = format!("the server has come, and its game did not start there: {said}");
            over(app, row, None, Some(("start_failed", &text))).await
        }
        // The game ended by itself, or somebody has stopped it.
        Some(State::Stopped)
            if server.intent.is_none() && server.state_reason.as_deref() != Some("moved") =>
        {
            over(app, row, None, None).await
        }
        _ if overtaken => over(app, row, None, None).await,
        _ => Ok(()),
    }
}

async fn over(
    app: &App,
    row: &transfers::Model,
    down: Option<i64>,
    said: Option<(&str, &str)>,
) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::Machines).await?;
    if store::enter(&*tx, row, Phase::Done, now_ms).await? {
        transfers::Entity::update_many()
            .col_expr(transfers::Column::Active, Expr::value(None::<String>))
            .col_expr(transfers::Column::DowntimeMs, Expr::value(down))
            .col_expr(transfers::Column::EndedAtMs, Expr::value(now_ms))
            .col_expr(transfers::Column::BytesPerSecond, Expr::value(0))
            .col_expr(
                transfers::Column::Code,
                Expr::value(said.map(|(code, _)| code)),
            )
            .col_expr(
                transfers::Column::Message,
                Expr::value(said.map(|(_, text)| tame(text, 1000))),
            )
            .filter(transfers::Column::Id.eq(&*row.id))
            .exec(&*tx)
            .await?;
    }
    tx.commit().await?;
    app.nudges.outbox();
    app.nudges.transfers();
    Ok(())
}

/// Tells both nodes that it is over, until they have heard. The source is told for its memory's sake: its grant ends by
/// itself.
async fn tidy(app: &App, row: &transfers::Model, keep: bool) -> Result<()> {
    let end = || Ask::End(wire::TransferEnd { keep });
    let there = put::<wire::Accepted>(app, row, &row.to_node, end()).await?;
    let _ = put::<wire::Accepted>(app, row, &row.from_node, end()).await?;
    let gone = !is_node(app, &row.to_node).await?;
    // A refusal stays one: there is nothing that could be cleared away by asking again.
    if matches!(there, Ok(None)) && !gone {
        return Ok(());
    }
    let tx = app.db.begin(Lane::Machines).await?;
    transfers::Entity::update_many()
        .col_expr(transfers::Column::Tidied, Expr::value(true))
        .filter(transfers::Column::Id.eq(&*row.id))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

async fn is_node(app: &App, id: &str) -> Result<bool> {
    let row = nodes::Entity::find_by_id(id)
        .filter(nodes::Column::DeletedAtMs.is_null())
        .filter(nodes::Column::RevokedAtMs.is_null())
        .one(app.db.read())
        .await?;
    Ok(row.is_some())
}
