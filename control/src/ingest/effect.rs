//! What a fact changes. Pure of order and duplicates: `lifecycle` has settled those.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use serde_json::json;
use warren_entity::{
    allocations, audit_log, console_runs, node_boots, nodes, operations, servers, tombstones,
};
use warren_proto::{
    ids::{JobId, NodeId, RunId, ServerId, UserId},
    state::State,
    wire::{self, fact::What},
};

use super::{
    cursor::Boot,
    outcome::{self, Order},
};
use crate::{
    allocation::take,
    job as jobs,
    node::{convert, hello},
    outbox::{self, Event},
    text::{fresh_id, tame, tame_opt, to_i64, to_u64},
    wanted,
};

/// Why a fact has no effect. It is stored all the same.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// About a server that this node does not own.
    #[error("the server is not this node's")]
    NotOwner,
    /// A step that the table of states does not have.
    #[error("a server can't go from {from} to {to}")]
    Step {
        /// As reported.
        from: State,
        /// As reported.
        to: State,
    },
    /// Can't be understood.
    #[error("{0}")]
    Malformed(String),
    /// Not the fact's fault.
    #[error(transparent)]
    Database(#[from] DbErr),
}

fn malformed(what: impl std::fmt::Display) -> Refused {
    Refused::Malformed(what.to_string())
}

/// Stable word of a fact.
#[must_use]
pub fn kind(fact: &wire::Fact) -> &'static str {
    match &fact.what {
        Some(What::BootStarted(_)) => "boot_started",
        Some(What::StateChanged(_)) => "state",
        Some(What::JobEnded(_)) => "job_ended",
        Some(What::Released(_)) => "released",
        Some(What::RunStarted(_)) => "run_started",
        Some(What::RunEnded(_)) => "run_ended",
        Some(What::ConsoleGap(_)) => "console_gap",
        Some(What::FactGap(_)) => "fact_gap",
        Some(What::InputTyped(_)) => "input",
        Some(What::Removed(_)) => "removed",
        Some(What::PortTaken(_)) => "port_taken",
        Some(What::NodeCondition(_)) => "condition",
        Some(What::PortFreed(_)) => "port_freed",
        Some(What::FilesMoved(_)) => "files_moved",
        None => "unknown",
    }
}

/// A fact about a server, with the server's row locked.
struct About<'a, C> {
    db: &'a C,
    node: NodeId,
    server: ServerId,
    row: servers::Model,
    fact: &'a wire::Fact,
}

/// Does what the fact says.
/// # Errors
/// [`Refused`]; then nothing of it may stay.
pub async fn apply<C: ConnectionTrait>(
    db: &C,
    node: NodeId,
    boot: Boot,
    fact: &wire::Fact,
    now_ms: i64,
) -> Result<(), Refused> {
    let what = fact
        .what
        .as_ref()
        .ok_or_else(|| malformed("a kind of fact that this version does not know"))?;
    match what {
        What::BootStarted(started) => return boot_started(db, node, boot, started, now_ms).await,
        What::NodeCondition(condition) => {
            return condition_changed(db, node, condition, now_ms).await;
        }
        What::FactGap(gap) => return facts_lost(db, node, gap, now_ms).await,
        What::PortFreed(freed) => return port_freed(db, node, freed, now_ms).await,
        What::Removed(removed) => return gone(db, node, fact, removed.generation, now_ms).await,
        // Transfers come with their own issue; until then the fact is history.
        What::Released(_) => return Ok(()),
        _ => {}
    }
    let server: ServerId = fact.server.parse().map_err(malformed)?;
    let row = servers::Entity::find_by_id(server.to_string())
        .filter(servers::Column::NodeId.eq(node.to_string()))
        .lock_exclusive()
        .one(db)
        .await?
        .ok_or(Refused::NotOwner)?;
    let about = About {
        db,
        node,
        server,
        row,
        fact,
    };
    match what {
        What::StateChanged(change) => about.state_changed(change).await,
        What::RunStarted(started) => about.run_started(started).await,
        What::RunEnded(ended) => about.run_ended(ended).await,
        What::JobEnded(ended) => about.job_ended(ended).await,
        What::ConsoleGap(gap) => about.console_gap(gap).await,
        What::InputTyped(input) => about.input_typed(input).await,
        What::PortTaken(taken) => about.port_taken(taken).await,
        What::FilesMoved(moved) => about.files_moved(moved).await,
        _ => Ok(()),
    }
}

impl<C: ConnectionTrait> About<'_, C> {
    async fn event(&self, kind: &'static str, data: serde_json::Value) -> Result<(), DbErr> {
        let event = Event::of_server(self.server, Some(self.node), kind, self.fact.at_ms, data);
        outbox::write(self.db, event).await
    }

    fn update(&self) -> sea_orm::UpdateMany<servers::Entity> {
        servers::Entity::update_many()
            .col_expr(
                servers::Column::ObservedGeneration,
                Expr::value(to_i64(self.fact.generation)),
            )
            .filter(servers::Column::Id.eq(&*self.row.id))
    }

    async fn state_changed(&self, change: &wire::StateChanged) -> Result<(), Refused> {
        let from = State::try_from(change.from()).map_err(malformed)?;
        let to = State::try_from(change.to()).map_err(malformed)?;
        if !from.may_go_to(to) {
            return Err(Refused::Step { from, to });
        }
        let reason = tame(&change.reason, 64);
        let detail = tame_opt(&change.detail, 500);
        let mut update = self
            .update()
            .col_expr(servers::Column::State, Expr::value(to.as_str()))
            .col_expr(servers::Column::StateSinceMs, Expr::value(self.fact.at_ms))
            .col_expr(servers::Column::StateReason, Expr::value(reason.clone()))
            .col_expr(servers::Column::StateDetail, Expr::value(detail.clone()));
        let mut data = json!({
            "from": from.as_str(),
            "to": to.as_str(),
            "reason": reason,
            "detail": detail,
            "at_ms": self.fact.at_ms,
            "generation": self.fact.generation,
        });
        if let Some(code) = change.exit_code {
            let exit = json!({"code": code, "oom": change.oom, "at_ms": self.fact.at_ms});
            data["exit"] = exit.clone();
            update = update.col_expr(servers::Column::LastExit, Expr::value(exit));
        }
        if self.settles_intent(from, to).await? {
            update = update
                .col_expr(servers::Column::Intent, Expr::value(Option::<String>::None))
                .col_expr(
                    servers::Column::IntentAtMs,
                    Expr::value(Option::<i64>::None),
                );
        }
        update.exec(self.db).await?;
        if to == State::Running {
            take::held_by_server(self.db, &self.row.id).await?;
        }
        self.event("state", data).await?;
        Ok(())
    }

    async fn settles_intent(&self, from: State, to: State) -> Result<bool, DbErr> {
        let generation = to_i64(self.fact.generation);
        let early = self.row.intent.is_some() && generation < self.row.power_generation;
        let order = Order {
            intent: self.row.intent.as_deref(),
            generation: self.row.power_generation,
            taken: early && applied_rev(self.db, self.node).await? >= self.row.rev,
        };
        Ok(outcome::settles(order, generation, Some(from), to))
    }

    async fn run_started(&self, started: &wire::RunStarted) -> Result<(), Refused> {
        let run: RunId = started.run.parse().map_err(malformed)?;
        let image = tame_opt(&started.image, 500);
        ensure_run(
            self.db,
            self.node,
            self.server,
            run,
            "game",
            started.started_at_ms,
            image,
        )
        .await?;
        self.end_replaced(run, started.started_at_ms).await?;
        self.update()
            .col_expr(servers::Column::RunId, Expr::value(run.to_string()))
            .col_expr(
                servers::Column::RunStartedAtMs,
                Expr::value(started.started_at_ms),
            )
            .exec(self.db)
            .await?;
        let data = json!({"run": run.to_string(), "started_at_ms": started.started_at_ms});
        self.event("run_started", data).await?;
        Ok(())
    }

    /// Runs whose end was lost ended when another began: a server has one at a time.
    async fn end_replaced(&self, run: RunId, started_at_ms: i64) -> Result<(), DbErr> {
        console_runs::Entity::update_many()
            .col_expr(console_runs::Column::EndedAtMs, Expr::value(started_at_ms))
            .filter(console_runs::Column::ServerId.eq(&*self.row.id))
            .filter(console_runs::Column::StartedAtMs.lt(started_at_ms))
            .filter(console_runs::Column::NodeId.eq(self.node.to_string()))
            .filter(console_runs::Column::Kind.eq("game"))
            .filter(console_runs::Column::Id.ne(run.to_string()))
            .filter(console_runs::Column::EndedAtMs.is_null())
            .exec(self.db)
            .await?;
        Ok(())
    }

    async fn run_ended(&self, ended: &wire::RunEnded) -> Result<(), Refused> {
        let run: RunId = ended.run.parse().map_err(malformed)?;
        ensure_run(
            self.db,
            self.node,
            self.server,
            run,
            "game",
            ended.ended_at_ms,
            None,
        )
        .await?;
        console_runs::Entity::update_many()
            .col_expr(
                console_runs::Column::EndedAtMs,
                Expr::value(ended.ended_at_ms),
            )
            .col_expr(console_runs::Column::ExitCode, Expr::value(ended.exit_code))
            .col_expr(console_runs::Column::Oom, Expr::value(ended.oom))
            .col_expr(
                console_runs::Column::EndOffset,
                Expr::value(to_i64(ended.spool_end)),
            )
            .filter(console_runs::Column::Id.eq(run.to_string()))
            .filter(console_runs::Column::NodeId.eq(self.node.to_string()))
            .exec(self.db)
            .await?;
        let data = json!({
            "run": run.to_string(),
            "ended_at_ms": ended.ended_at_ms,
            "exit_code": ended.exit_code,
            "oom": ended.oom,
        });
        self.event("run_ended", data).await?;
        Ok(())
    }

    async fn job_ended(&self, ended: &wire::JobEnded) -> Result<(), Refused> {
        let state = outcome::ended_as(ended.result());
        let state = state.ok_or_else(|| malformed("a job without a result"))?;
        let job: JobId = ended.job.parse().map_err(malformed)?;
        let job = job.to_string();
        let code = tame_opt(&ended.code, 64);
        let message = tame_opt(&ended.message, 1000);
        let row = operations::Entity::find_by_id(&*job)
            .filter(operations::Column::ServerId.eq(&*self.row.id))
            .filter(operations::Column::NodeId.eq(self.node.to_string()))
            .filter(operations::Column::State.is_in(outcome::OPEN))
            .one(self.db)
            .await?;
        operations::Entity::update_many()
            .col_expr(operations::Column::State, Expr::value(state))
            .col_expr(operations::Column::EndedAtMs, Expr::value(self.fact.at_ms))
            .col_expr(
                operations::Column::Percent,
                Expr::value((state == "done").then_some(100.0_f64)),
            )
            .col_expr(operations::Column::Code, Expr::value(code.clone()))
            .col_expr(operations::Column::Message, Expr::value(message.clone()))
            .col_expr(operations::Column::ExitCode, Expr::value(ended.exit_code))
            .filter(operations::Column::Id.eq(&*job))
            .filter(operations::Column::ServerId.eq(&*self.row.id))
            .filter(operations::Column::NodeId.eq(self.node.to_string()))
            .filter(operations::Column::State.is_in(outcome::OPEN))
            .exec(self.db)
            .await?;
        if let Some(row) = row {
            let end = jobs::End {
                state,
                code: code.as_deref(),
                message: message.as_deref(),
                fact: Some(ended),
                at_ms: self.fact.at_ms,
            };
            jobs::ended(self.db, &row, end).await?;
        }
        if let Ok(run) = ended.run.parse() {
            self.job_log(ended, run).await?;
        }
        if matches!(&*ended.kind, "install" | "reinstall") && state != "cancelled" {
            let install = json!({
                "result": state,
                "at_ms": self.fact.at_ms,
                "exit_code": ended.exit_code,
                "message": message,
                "operation": job,
            });
            self.update()
                .col_expr(servers::Column::Install, Expr::value(install))
                .exec(self.db)
                .await?;
            if state == "done" && ended.kind == "reinstall" {
                self.start_at_last().await?;
            }
        }
        let data = json!({
            "operation": job,
            "kind": tame(&ended.kind, 32),
            "state": state,
            "code": code,
            "message": message,
            "exit_code": ended.exit_code,
        });
        self.event("job_ended", data).await?;
        Ok(())
    }

    /// Gives the order that the creation asked for and that an install which failed has used up. The node's row was
    /// locked before the server's.
    async fn start_at_last(&self) -> Result<(), DbErr> {
        let row = &self.row;
        let asked = waits_for_install(row);
        if !asked || row.suspended || row.deleted_at_ms.is_some() {
            return Ok(());
        }
        let generation = wanted::bump(self.db, &row.id).await?.generation;
        servers::Entity::update_many()
            .col_expr(servers::Column::PowerGeneration, Expr::value(generation))
            .col_expr(servers::Column::Intent, Expr::value(Some("start")))
            .col_expr(
                servers::Column::IntentAtMs,
                Expr::value(Some(self.fact.at_ms)),
            )
            .filter(servers::Column::Id.eq(&*row.id))
            .exec(self.db)
            .await?;
        let data = json!({"generation": generation, "power": "start"});
        self.event("wanted", data).await
    }

    /// The output of a job, whether its bytes have come before or come after.
    async fn job_log(&self, ended: &wire::JobEnded, run: RunId) -> Result<(), DbErr> {
        let begun = ended.started_at_ms;
        ensure_run(self.db, self.node, self.server, run, "install", begun, None).await?;
        console_runs::Entity::update_many()
            .col_expr(console_runs::Column::Kind, Expr::value("install"))
            .col_expr(
                console_runs::Column::EndedAtMs,
                Expr::value(self.fact.at_ms),
            )
            .col_expr(console_runs::Column::ExitCode, Expr::value(ended.exit_code))
            .filter(console_runs::Column::Id.eq(run.to_string()))
            .filter(console_runs::Column::NodeId.eq(self.node.to_string()))
            .exec(self.db)
            .await?;
        operations::Entity::update_many()
            .col_expr(operations::Column::RunId, Expr::value(run.to_string()))
            .filter(operations::Column::Id.eq(&*ended.job))
            .filter(operations::Column::ServerId.eq(&*self.row.id))
            .exec(self.db)
            .await?;
        Ok(())
    }

    async fn console_gap(&self, gap: &wire::ConsoleGap) -> Result<(), Refused> {
        let run: RunId = gap.run.parse().map_err(malformed)?;
        let data = json!({
            "run": run.to_string(),
            "stream": gap.stream,
            "from": gap.from,
            "to": gap.to,
            "reason": tame(&gap.reason, 32),
        });
        self.event("console_gap", data).await?;
        Ok(())
    }

    async fn input_typed(&self, input: &wire::InputTyped) -> Result<(), Refused> {
        // "user:<id>", "api_key:<id>", or the bare id of a ticket's user.
        let said = tame(&input.actor, 64);
        let (kind, actor) = said.split_once(':').unwrap_or(("user", &said));
        let kind = if kind == "api_key" { "api_key" } else { "user" };
        let actor = Some(actor.to_owned()).filter(|a| !a.is_empty());
        let row = audit_log::ActiveModel {
            id: Set(fresh_id()),
            at_ms: Set(self.fact.at_ms),
            actor_kind: Set(kind.into()),
            actor_id: Set(actor.clone()),
            action: Set("control.console".into()),
            resource_kind: Set("server".into()),
            resource_id: Set(Some(self.row.id.clone())),
            server_id: Set(Some(self.row.id.clone())),
            address: Set(None),
            diff: Set(Some(
                json!({"run": tame(&input.run, 26), "bytes": input.bytes}),
            )),
            seq: Set(None),
            seal: Set(None),
        };
        audit_log::Entity::insert(row)
            .exec_without_returning(self.db)
            .await?;
        self.event("input", json!({"actor": actor, "bytes": input.bytes}))
            .await?;
        Ok(())
    }

    async fn files_moved(&self, moved: &wire::FilesMoved) -> Result<(), Refused> {
        // A node says what was done and by whom; the words are ours.
        let action = match &*moved.action {
            "download" => "file.download",
            "upload" => "file.upload",
            "write" => "file.write",
            _ => return Err(malformed("an unknown way to move files")),
        };
        let user: UserId = moved.user.parse().map_err(malformed)?;
        let names: Vec<_> = moved.names.iter().take(20).map(|n| tame(n, 255)).collect();
        let row = audit_log::ActiveModel {
            id: Set(fresh_id()),
            at_ms: Set(self.fact.at_ms),
            actor_kind: Set("user".into()),
            actor_id: Set(Some(user.to_string())),
            action: Set(action.into()),
            resource_kind: Set("server".into()),
            resource_id: Set(Some(self.row.id.clone())),
            server_id: Set(Some(self.row.id.clone())),
            address: Set(None),
            diff: Set(Some(json!({
                "directory": tame(&moved.directory, 4096),
                "files": moved.files,
                "bytes": moved.bytes,
                "names": names,
            }))),
            seq: Set(None),
            seal: Set(None),
        };
        audit_log::Entity::insert(row)
            .exec_without_returning(self.db)
            .await?;
        Ok(())
    }

    async fn port_taken(&self, taken: &wire::PortTaken) -> Result<(), Refused> {
        let holder = tame_opt(&taken.holder, 100).unwrap_or_else(|| "another program".into());
        let port = i32::try_from(taken.port).map_err(malformed)?;
        allocations::Entity::update_many()
            .col_expr(
                allocations::Column::TakenBy,
                Expr::value(format!("{holder} ({})", tame(&taken.protocol, 8))),
            )
            .filter(allocations::Column::NodeId.eq(self.node.to_string()))
            .filter(allocations::Column::Port.eq(port))
            .exec(self.db)
            .await?;
        self.event("port_taken", json!({"port": port, "holder": holder}))
            .await?;
        Ok(())
    }
}

/// As [`outcome::waits_for_install`] says of a row.
#[must_use]
pub fn waits_for_install(row: &servers::Model) -> bool {
    let installed = row.install.as_ref().and_then(|i| i.get("result"));
    let installed = installed.and_then(serde_json::Value::as_str);
    outcome::waits_for_install(&row.power, row.power_generation, installed)
}

async fn applied_rev(db: &impl ConnectionTrait, node: NodeId) -> Result<i64, DbErr> {
    let rev: Option<i64> = nodes::Entity::find_by_id(node.to_string())
        .select_only()
        .column(nodes::Column::AppliedRev)
        .into_tuple()
        .one(db)
        .await?;
    Ok(rev.unwrap_or(0))
}

/// Makes the row of a run unless there is one.
/// # Errors
/// Database.
pub async fn ensure_run(
    db: &impl ConnectionTrait,
    node: NodeId,
    server: ServerId,
    run: RunId,
    kind: &str,
    started_at_ms: i64,
    image: Option<String>,
) -> Result<(), DbErr> {
    let row = console_runs::ActiveModel {
        id: Set(run.to_string()),
        server_id: Set(server.to_string()),
        node_id: Set(node.to_string()),
        kind: Set(kind.to_owned()),
        started_at_ms: Set(started_at_ms),
        ended_at_ms: Set(None),
        exit_code: Set(None),
        oom: Set(false),
        image: Set(image),
        end_offset: Set(None),
    };
    let there = OnConflict::columns([console_runs::Column::Id, console_runs::Column::NodeId])
        .do_nothing()
        .to_owned();
    console_runs::Entity::insert(row)
        .on_conflict(there)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

async fn boot_started(
    db: &impl ConnectionTrait,
    node: NodeId,
    boot: Boot,
    started: &wire::BootStarted,
    now_ms: i64,
) -> Result<(), Refused> {
    let previous = node_boots::Entity::find()
        .filter(node_boots::Column::NodeId.eq(node.to_string()))
        .filter(node_boots::Column::BootId.eq(&*started.previous_boot))
        .one(db)
        .await?;
    if let Some(previous) = previous
        && let Ok(id) = previous.boot_id.parse()
        && let Some(lost) = outcome::lost_before(
            Boot {
                id,
                ordinal: previous.ordinal,
            },
            to_u64(previous.next_seq),
            started,
        )
    {
        hello::record_loss(db, node, lost, now_ms).await?;
    }
    node_boots::Entity::update_many()
        .col_expr(
            node_boots::Column::PreviousBoot,
            Expr::value(tame_opt(&started.previous_boot, 26)),
        )
        .col_expr(
            node_boots::Column::HostRebooted,
            Expr::value(started.host_rebooted),
        )
        .col_expr(
            node_boots::Column::AgentVersion,
            Expr::value(tame(&started.agent_version, 64)),
        )
        .filter(node_boots::Column::NodeId.eq(node.to_string()))
        .filter(node_boots::Column::BootId.eq(boot.id.to_string()))
        .exec(db)
        .await?;
    Ok(())
}

async fn condition_changed(
    db: &impl ConnectionTrait,
    node: NodeId,
    change: &wire::NodeCondition,
    now_ms: i64,
) -> Result<(), Refused> {
    let said = change
        .condition
        .as_ref()
        .ok_or_else(|| malformed("a condition without content"))?;
    let condition = convert::condition(said);
    let row = nodes::Entity::find_by_id(node.to_string())
        .one(db)
        .await?
        .ok_or(Refused::NotOwner)?;
    let mut all = row.conditions.as_array().cloned().unwrap_or_default();
    all.retain(|c| c["code"] != condition["code"]);
    if !change.cleared && all.len() < 32 {
        all.push(condition.clone());
    }
    nodes::Entity::update_many()
        .col_expr(
            nodes::Column::Conditions,
            Expr::value(serde_json::Value::Array(all)),
        )
        .filter(nodes::Column::Id.eq(&*row.id))
        .exec(db)
        .await?;
    let mut data = condition;
    data["cleared"] = change.cleared.into();
    outbox::write(db, Event::of_node(node, "condition", now_ms, data)).await?;
    Ok(())
}

async fn port_freed(
    db: &impl ConnectionTrait,
    node: NodeId,
    freed: &wire::PortFreed,
    now_ms: i64,
) -> Result<(), Refused> {
    let port = i32::try_from(freed.port).map_err(malformed)?;
    let which = Condition::all()
        .add(allocations::Column::NodeId.eq(node.to_string()))
        .add(allocations::Column::Port.eq(port));
    take::forget_holder(db, which).await?;
    let event = Event::of_node(node, "port_freed", now_ms, json!({"port": port}));
    outbox::write(db, event).await?;
    Ok(())
}

async fn facts_lost(
    db: &impl ConnectionTrait,
    node: NodeId,
    gap: &wire::FactGap,
    now_ms: i64,
) -> Result<(), Refused> {
    let data = json!({
        "code": "facts_lost",
        "level": "error",
        "message": "the node's journal was full: its oldest facts are lost",
        "boot": tame(&gap.boot, 26),
        "from_seq": gap.from_seq,
        "to_seq": gap.to_seq,
    });
    outbox::write(db, Event::of_node(node, "condition", now_ms, data)).await?;
    Ok(())
}

async fn gone(
    db: &impl ConnectionTrait,
    node: NodeId,
    fact: &wire::Fact,
    generation: u64,
    now_ms: i64,
) -> Result<(), Refused> {
    let server: ServerId = fact.server.parse().map_err(malformed)?;
    match removed(db, node, server, to_i64(generation), now_ms).await? {
        true => Ok(()),
        false => Err(malformed("nobody asked for this removal")),
    }
}

/// A tombstone was carried out: the server's ports are free again. False: there is none.
/// # Errors
/// Database.
pub async fn removed(
    db: &impl ConnectionTrait,
    node: NodeId,
    server: ServerId,
    generation: i64,
    now_ms: i64,
) -> Result<bool, DbErr> {
    let id = server.to_string();
    // The row is taken first, as everywhere. It may be another node's by now.
    let row = servers::Entity::find_by_id(&*id)
        .lock_exclusive()
        .one(db)
        .await?;
    let confirmed = tombstones::Entity::update_many()
        .col_expr(tombstones::Column::ConfirmedAtMs, Expr::value(now_ms))
        .filter(tombstones::Column::NodeId.eq(node.to_string()))
        .filter(tombstones::Column::ServerId.eq(&*id))
        .filter(tombstones::Column::Generation.lte(generation))
        .exec(db)
        .await?;
    if confirmed.rows_affected == 0 {
        return Ok(false);
    }
    let Some(row) = row.filter(|r| r.node_id == node.to_string() && r.deleted_at_ms.is_some())
    else {
        return Ok(true);
    };
    allocations::Entity::update_many()
        .col_expr(
            allocations::Column::ServerId,
            Expr::value(Option::<String>::None),
        )
        .col_expr(allocations::Column::IsPrimary, Expr::value(false))
        .filter(allocations::Column::ServerId.eq(&*id))
        .exec(db)
        .await?;
    operations::Entity::update_many()
        .col_expr(operations::Column::State, Expr::value("done"))
        .col_expr(operations::Column::EndedAtMs, Expr::value(now_ms))
        .col_expr(operations::Column::Percent, Expr::value(100.0_f64))
        .filter(operations::Column::ServerId.eq(&*id))
        .filter(operations::Column::Kind.eq("delete"))
        .filter(operations::Column::State.is_in(["pending", "running"]))
        .exec(db)
        .await?;
    let event = Event::of_server(
        server,
        Some(node),
        "deleted",
        now_ms,
        json!({"name": row.name}),
    );
    outbox::write(db, event).await?;
    Ok(true)
}
