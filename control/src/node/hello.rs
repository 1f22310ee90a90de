//! The steps of a hello, each on the transaction that holds the node's cursor and row.

use std::collections::{BTreeMap, HashMap, HashSet};

use prost::Message;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use serde_json::json;
use warren_entity::{
    facts, node_boots, node_cursors, nodes, operations, orphans, servers, tombstones,
};
use warren_proto::{
    ids::{BootId, JobId, LedgerId, NodeId, RunId, ServerId},
    state::State,
    wire,
};

use super::{
    convert, identity,
    presence::{Error, boots_of},
    settle::{self, Verdict},
};
use crate::{
    allocation::take,
    ingest::{
        cursor::{Boot, Cursor, Held, Lost, TO_ITS_END, rejoin, reposition},
        effect,
        outcome::{self, Order},
    },
    outbox::{self, Event},
    text::{to_i64, to_u64},
    wanted::{self, Bumped},
};

/// Rows of one statement: both databases bound what a statement may name.
const ROWS: usize = 1000;
/// Orphans of one node that are written down; once they are decided on, the next hello shows more.
const MOST_ORPHANS: usize = 1000;
/// Boots of one node that control remembers: twice what a hello may name.
const MOST_BOOTS: i64 = 2 * 4096;
/// Boots that a hello may list: the ledger's last.
pub const MOST_LISTED: usize = 16;
/// Boots that a journal may hold facts of: it is bounded, and so is what a hello may write.
const MOST_JOURNALS: usize = 4096;
/// Generations and revs beyond this are no count of anything: adding to them must never overflow. No node comes here
/// by what it claims, see [`settle::MOST_AHEAD`].
const HIGHEST: u64 = 1 << 62;

/// One server as the node sees it.
#[derive(Debug, Clone)]
pub struct Observed {
    pub server: ServerId,
    pub generation: i64,
    pub state: Option<State>,
    pub run: Option<RunId>,
}

/// What the journal holds of one boot.
#[derive(Debug, Clone, Copy)]
pub struct InJournal {
    pub boot: BootId,
    pub seq: u64,
    pub end: u64,
}

/// A hello, parsed.
#[derive(Debug, Clone)]
pub struct Said {
    pub boot: BootId,
    /// Newest first, the speaker included.
    pub boots: Vec<BootId>,
    pub ledger: Option<(LedgerId, i64)>,
    /// The boot that has taken the ledger's newest rows.
    pub taken_in: Option<BootId>,
    pub servers: Vec<Observed>,
    pub jobs: HashSet<JobId>,
    pub journal: Vec<InJournal>,
    pub host: Option<wire::HostFacts>,
    agent_version: String,
}

impl Said {
    /// # Errors
    /// [`Error::Malformed`] for ids that are none, and for more than any node may have.
    pub fn read(hello: &wire::Hello) -> Result<Self, Error> {
        let bad = |e: warren_proto::ids::InvalidId| Error::Malformed(e.to_string());
        if hello.boots.len() > MOST_LISTED
            || hello.servers.len() > 10_000
            || hello.jobs.len() > 10_000
        {
            return Err(Error::Malformed(
                "a hello lists at most 16 boots and 10000 servers".into(),
            ));
        }
        if hello.journal.len() > MOST_JOURNALS {
            return Err(Error::Malformed(format!(
                "a hello lists at most {MOST_JOURNALS} journals"
            )));
        }
        let high = hello.servers.iter().any(|s| s.generation > HIGHEST)
            || hello.ledger.as_ref().is_some_and(|l| l.rev > HIGHEST);
        if high {
            return Err(Error::Malformed(
                "a hello with a generation or rev beyond all bounds".into(),
            ));
        }
        let boot: BootId = hello.boot.parse().map_err(bad)?;
        let mut boots = vec![boot];
        for other in &hello.boots {
            let other = other.parse().map_err(bad)?;
            if !boots.contains(&other) {
                boots.push(other);
            }
        }
        let ledger = hello
            .ledger
            .as_ref()
            .map(|l| Ok::<_, Error>((l.id.parse().map_err(bad)?, to_i64(l.rev))))
            .transpose()?;
        let taken_in = hello.ledger.as_ref().map(|l| l.boot.as_str());
        let taken_in = taken_in.filter(|b| !b.is_empty());
        let taken_in = taken_in.map(|b| b.parse().map_err(bad)).transpose()?;
        let observed = |s: &wire::ObservedServer| {
            Ok::<_, Error>(Observed {
                server: s.server.parse().map_err(bad)?,
                generation: to_i64(s.generation),
                state: State::try_from(s.state()).ok(),
                run: s.run.parse().ok(),
            })
        };
        let in_journal = |j: &wire::JournalPosition| {
            Ok::<_, Error>(InJournal {
                boot: j.boot.parse().map_err(bad)?,
                seq: j.seq,
                end: j.end,
            })
        };
        Ok(Self {
            boot,
            boots,
            ledger,
            taken_in,
            servers: hello
                .servers
                .iter()
                .map(observed)
                .collect::<Result<_, _>>()?,
            jobs: hello
                .jobs
                .iter()
                .filter_map(|j| j.job.parse().ok())
                .collect(),
            journal: hello
                .journal
                .iter()
                .map(in_journal)
                .collect::<Result<_, _>>()?,
            host: hello.host.clone(),
            agent_version: hello
                .host
                .as_ref()
                .map(|h| crate::text::tame(&h.agent_version, 64))
                .unwrap_or_default(),
        })
    }

    /// Runs that the node knows.
    pub fn runs(&self) -> Vec<(ServerId, RunId)> {
        self.servers
            .iter()
            .filter_map(|s| Some((s.server, s.run?)))
            .collect()
    }
}

/// Who speaks for a node, and who is shut out.
pub fn speakers(row: &nodes::Model) -> (Option<BootId>, Option<BootId>) {
    let parse = |boot: &Option<String>| boot.as_deref().and_then(|b| b.parse().ok());
    (parse(&row.current_boot), parse(&row.quarantined_boot))
}

/// The fork check. Gives the reason when this process is shut out. `alive`: see [`identity::judge`].
pub async fn quarantine(
    db: &impl ConnectionTrait,
    node: NodeId,
    row: &nodes::Model,
    said: &Said,
    alive: Option<BootId>,
    now_ms: i64,
) -> Result<Option<String>, DbErr> {
    let (current, shut_out) = speakers(row);
    let why = match identity::judge(current, shut_out, said.boot, &said.boots, alive) {
        identity::Verdict::Same | identity::Verdict::Next => return Ok(None),
        identity::Verdict::Forked => "does not know the one that speaks for it",
        identity::Verdict::Doubled => {
            "follows the one that speaks for it, and that one is still alive"
        }
    };
    let because = format!(
        "two machines claim to be node {}: this agent process {why}. Its games run on, nothing is applied and \
         uploads wait until an admin picks one in the panel",
        row.name
    );
    if row.quarantined_boot.as_deref() != Some(&*said.boot.to_string()) {
        nodes::Entity::update_many()
            .col_expr(
                nodes::Column::QuarantinedBoot,
                Expr::value(said.boot.to_string()),
            )
            .col_expr(
                nodes::Column::QuarantinedBecause,
                Expr::value(because.clone()),
            )
            .filter(nodes::Column::Id.eq(&*row.id))
            .exec(db)
            .await?;
        let data = json!({"code": "identity_forked", "message": because, "level": "error"});
        outbox::write(db, Event::of_node(node, "condition", now_ms, data)).await?;
        tracing::error!(node.id = %node, "the identity of node {node} has forked");
    }
    Ok(Some(because))
}

/// Gives every boot that control has not met its ordinal, oldest first. Gives all of the list's.
pub async fn order_boots(
    db: &impl ConnectionTrait,
    row: &nodes::Model,
    said: &Said,
    now_ms: i64,
) -> Result<HashMap<BootId, i64>, DbErr> {
    let node: NodeId = row
        .id
        .parse()
        .map_err(|_| DbErr::Custom("a node's id is damaged".into()))?;
    let mut listed: HashSet<BootId> = said.boots.iter().copied().collect();
    listed.extend(said.journal.iter().map(|j| j.boot));
    let mut known: HashMap<BootId, i64> = boots_of(db, node, &listed).await?.into_iter().collect();
    let journal: Vec<BootId> = said.journal.iter().map(|j| j.boot).collect();
    let new = settle::order(&known, &said.boots, &journal, row.next_ordinal);
    let next = row.next_ordinal + to_i64(new.len() as u64);
    let mut fresh = Vec::with_capacity(new.len());
    for (boot, ordinal) in new {
        fresh.push(node_boots::ActiveModel {
            node_id: Set(row.id.clone()),
            boot_id: Set(boot.to_string()),
            ordinal: Set(ordinal),
            previous_boot: Set(None),
            next_seq: Set(1),
            host_rebooted: Set(false),
            agent_version: Set(if boot == said.boot {
                said.agent_version.clone()
            } else {
                String::new()
            }),
            first_seen_at_ms: Set(now_ms),
        });
        known.insert(boot, ordinal);
    }
    if next != row.next_ordinal {
        for some in fresh.chunks(ROWS) {
            node_boots::Entity::insert_many(some.to_vec())
                .exec_without_returning(db)
                .await?;
        }
        nodes::Entity::update_many()
            .col_expr(nodes::Column::NextOrdinal, Expr::value(next))
            .filter(nodes::Column::Id.eq(&*row.id))
            .exec(db)
            .await?;
        node_boots::Entity::delete_many()
            .filter(node_boots::Column::NodeId.eq(&*row.id))
            .filter(node_boots::Column::Ordinal.lt(next - MOST_BOOTS))
            .exec(db)
            .await?;
    }
    Ok(known)
}

/// The journal as the pure part has it, in the order of boots.
pub fn held(said: &Said, boots: &HashMap<BootId, i64>) -> Vec<Held> {
    let mut journal: Vec<Held> = said
        .journal
        .iter()
        .filter_map(|j| {
            let ordinal = *boots.get(&j.boot)?;
            Some(Held {
                boot: Boot {
                    id: j.boot,
                    ordinal,
                },
                seq: j.seq,
                end: j.end,
            })
        })
        .collect();
    journal.sort_by_key(|held| held.boot.ordinal);
    journal
}

/// Moves the cursor to what the node still has, and writes down what is lost for good.
pub async fn settle_journal(
    db: &impl ConnectionTrait,
    node: NodeId,
    row: node_cursors::Model,
    boots: &HashMap<BootId, i64>,
    journal: &[Held],
    now_ms: i64,
) -> Result<node_cursors::Model, DbErr> {
    let before = cursor_of(&row);
    let ours = left_at(db, &row.node_id, boots).await?;
    let listed: Vec<Boot> = ours.iter().map(|(boot, _)| *boot).collect();
    let (after, lost) = reposition(rejoin(before, &ours), journal, &listed);
    for lost in lost {
        record_loss(db, node, lost, now_ms).await?;
    }
    if after == before {
        return Ok(row);
    }
    leave_boot(db, &row.node_id, before, after).await?;
    store_cursor(db, &row.node_id, after).await?;
    Ok(node_cursors::Model {
        node_id: row.node_id,
        boot_id: after.boot.map(|b| b.to_string()),
        ordinal: after.ordinal,
        next_seq: to_i64(after.next_seq),
    })
}

/// Boots of a process, and what was expected of each when the cursor left it.
async fn left_at(
    db: &impl ConnectionTrait,
    node_id: &str,
    boots: &HashMap<BootId, i64>,
) -> Result<Vec<(Boot, u64)>, DbErr> {
    let rows: Vec<(String, i64, i64)> = node_boots::Entity::find()
        .filter(node_boots::Column::NodeId.eq(node_id))
        .filter(node_boots::Column::BootId.is_in(boots.keys().map(ToString::to_string)))
        .select_only()
        .columns([
            node_boots::Column::BootId,
            node_boots::Column::Ordinal,
            node_boots::Column::NextSeq,
        ])
        .into_tuple()
        .all(db)
        .await?;
    let boot = |(id, ordinal, next_seq): (String, i64, i64)| {
        let id = id.parse().ok()?;
        Some((Boot { id, ordinal }, to_u64(next_seq)))
    };
    Ok(rows.into_iter().filter_map(boot).collect())
}

/// The stored cursor as the pure part has it.
pub fn cursor_of(row: &node_cursors::Model) -> Cursor {
    Cursor {
        boot: row.boot_id.as_deref().and_then(|b| b.parse().ok()),
        ordinal: row.ordinal,
        next_seq: to_u64(row.next_seq).max(1),
    }
}

/// A boot that the cursor leaves keeps its end, for the next boot's first fact to be compared with: before that fact
/// is judged.
pub async fn leave_boot(
    db: &impl ConnectionTrait,
    node_id: &str,
    before: Cursor,
    cursor: Cursor,
) -> Result<(), DbErr> {
    if let Some(left) = before.boot.filter(|b| Some(*b) != cursor.boot) {
        node_boots::Entity::update_many()
            .col_expr(
                node_boots::Column::NextSeq,
                Expr::value(to_i64(before.next_seq)),
            )
            .filter(node_boots::Column::NodeId.eq(node_id))
            .filter(node_boots::Column::BootId.eq(left.to_string()))
            .exec(db)
            .await?;
    }
    Ok(())
}

/// Stores a cursor.
pub async fn store_cursor(
    db: &impl ConnectionTrait,
    node_id: &str,
    cursor: Cursor,
) -> Result<(), DbErr> {
    node_cursors::Entity::update_many()
        .col_expr(
            node_cursors::Column::BootId,
            Expr::value(cursor.boot.map(|b| b.to_string())),
        )
        .col_expr(node_cursors::Column::Ordinal, Expr::value(cursor.ordinal))
        .col_expr(
            node_cursors::Column::NextSeq,
            Expr::value(to_i64(cursor.next_seq)),
        )
        .filter(node_cursors::Column::NodeId.eq(node_id))
        .exec(db)
        .await?;
    Ok(())
}

/// Writes down facts that will never come.
pub async fn record_loss(
    db: &impl ConnectionTrait,
    node: NodeId,
    lost: Lost,
    now_ms: i64,
) -> Result<(), DbErr> {
    let gap = wire::FactGap {
        boot: lost.boot.id.to_string(),
        from_seq: lost.from_seq,
        to_seq: lost.to_seq,
    };
    let fact = wire::Fact {
        seq: lost.from_seq,
        at_ms: now_ms,
        what: Some(wire::fact::What::FactGap(gap)),
        ..Default::default()
    };
    let row = facts::ActiveModel {
        node_id: Set(node.to_string()),
        ordinal: Set(lost.boot.ordinal),
        seq: Set(to_i64(lost.from_seq)),
        boot_id: Set(lost.boot.id.to_string()),
        server_id: Set(None),
        kind: Set("fact_gap".into()),
        generation: Set(0),
        at_ms: Set(now_ms),
        received_at_ms: Set(now_ms),
        body: Set(fact.encode_to_vec()),
        error: Set(Some(
            "the node has freed what this database does not know (restored from a backup?)".into(),
        )),
    };
    facts::Entity::insert(row)
        .on_conflict(
            OnConflict::columns([
                facts::Column::NodeId,
                facts::Column::Ordinal,
                facts::Column::Seq,
            ])
            .do_nothing()
            .to_owned(),
        )
        .exec_without_returning(db)
        .await?;
    let to_seq = (lost.to_seq != TO_ITS_END).then_some(lost.to_seq);
    let data = json!({"code": "facts_lost", "boot": lost.boot.id.to_string(), "from_seq": lost.from_seq, "to_seq": to_seq, "level": "error"});
    outbox::write(db, Event::of_node(node, "condition", now_ms, data)).await?;
    tracing::error!(node.id = %node, from = lost.from_seq, to = lost.to_seq, "facts of node {node} are lost");
    Ok(())
}

/// Compares ledgers.
pub async fn settle_ledger(
    db: &impl ConnectionTrait,
    node: NodeId,
    row: &nodes::Model,
    boots: &HashMap<BootId, i64>,
    said: &Said,
    now_ms: i64,
) -> Result<(), DbErr> {
    let Some((ledger, applied)) = said.ledger else {
        return Ok(());
    };
    let mut known = known_of(row);
    if !settle::is_met(said.taken_in, boots, row.next_ordinal) {
        known.ledger = None;
    }
    compare_ledger(db, node, known, &ledger.to_string(), applied, now_ms).await
}

/// Compares what control knows of a node's ledger with where the node says that it stands. The node's row is locked.
pub async fn compare_ledger(
    db: &impl ConnectionTrait,
    node: NodeId,
    known: settle::Known<'_>,
    ledger: &str,
    applied: i64,
    now_ms: i64,
) -> Result<(), DbErr> {
    let node_id = node.to_string();
    let revs = settle::ledger(known, ledger, applied);
    nodes::Entity::update_many()
        .col_expr(nodes::Column::LedgerId, Expr::value(ledger))
        .col_expr(nodes::Column::Rev, Expr::value(revs.rev))
        .col_expr(nodes::Column::AppliedRev, Expr::value(revs.applied))
        .filter(nodes::Column::Id.eq(&*node_id))
        .exec(db)
        .await?;
    if revs.anew {
        tracing::warn!(node.id = %node, "node {node} is ahead of this database: its wanted state is written anew");
        write_anew(db, &node_id, revs.rev - known.rev, now_ms).await?;
    }
    Ok(())
}

/// What control knows of a node's ledger, as the pure part has it.
pub fn known_of(row: &nodes::Model) -> settle::Known<'_> {
    settle::Known {
        ledger: row.ledger_id.as_deref(),
        rev: row.rev,
        applied: row.applied_rev,
    }
}

/// Puts every row of a node under a rev and a generation above all that it has, so that it takes each again. `lost`:
/// by how many changes the node is ahead; no generation can be further ahead than that. One rev each: rows of one
/// rev can't be told apart, and have to fit into one message.
async fn write_anew(
    db: &impl ConnectionTrait,
    node_id: &str,
    lost: i64,
    now_ms: i64,
) -> Result<(), DbErr> {
    use sea_orm::ExprTrait as _;
    let above = lost + 1;
    let ids: Vec<String> = servers::Entity::find()
        .filter(servers::Column::NodeId.eq(node_id))
        .filter(servers::Column::DeletedAtMs.is_null())
        .order_by_asc(servers::Column::Id)
        .select_only()
        .column(servers::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    for id in ids {
        let rev = wanted::raise_rev(db, node_id).await?;
        servers::Entity::update_many()
            .col_expr(servers::Column::Rev, Expr::value(rev))
            .col_expr(
                servers::Column::Generation,
                Expr::col(servers::Column::Generation).add(above),
            )
            .col_expr(servers::Column::UpdatedAtMs, Expr::value(now_ms))
            .filter(servers::Column::Id.eq(&*id))
            .exec(db)
            .await?;
        renew_order(db, &id).await?;
    }
    let stones: Vec<String> = tombstones::Entity::find()
        .filter(tombstones::Column::NodeId.eq(node_id))
        .filter(tombstones::Column::ConfirmedAtMs.is_null())
        .order_by_asc(tombstones::Column::ServerId)
        .select_only()
        .column(tombstones::Column::ServerId)
        .into_tuple()
        .all(db)
        .await?;
    for server in stones {
        let rev = wanted::raise_rev(db, node_id).await?;
        tombstones::Entity::update_many()
            .col_expr(tombstones::Column::Rev, Expr::value(rev))
            .col_expr(
                tombstones::Column::Generation,
                Expr::col(tombstones::Column::Generation).add(above),
            )
            .filter(tombstones::Column::NodeId.eq(node_id))
            .filter(tombstones::Column::ServerId.eq(server))
            .exec(db)
            .await?;
    }
    Ok(())
}

/// An order that people wait for has a number that the node may have settled: it is given again. A restart is
/// counted, and the node's count is unknown here: what is left of it is a start.
async fn renew_order(db: &impl ConnectionTrait, server_id: &str) -> Result<(), DbErr> {
    servers::Entity::update_many()
        .col_expr(
            servers::Column::PowerGeneration,
            Expr::col(servers::Column::Generation),
        )
        .filter(servers::Column::Id.eq(server_id))
        .filter(servers::Column::Intent.is_not_null())
        .exec(db)
        .await?;
    servers::Entity::update_many()
        .col_expr(servers::Column::Intent, Expr::value("start"))
        .filter(servers::Column::Id.eq(server_id))
        .filter(servers::Column::Intent.eq("restart"))
        .exec(db)
        .await?;
    Ok(())
}

/// Writes a row anew under a generation that its node will take.
async fn raise(
    db: &impl ConnectionTrait,
    node_id: &str,
    server_id: &str,
    generation: i64,
) -> Result<(), DbErr> {
    let rev = wanted::raise_rev(db, node_id).await?;
    servers::Entity::update_many()
        .col_expr(servers::Column::Generation, Expr::value(generation))
        .col_expr(servers::Column::Rev, Expr::value(rev))
        .filter(servers::Column::Id.eq(server_id))
        .exec(db)
        .await?;
    renew_order(db, server_id).await
}

/// Rows that a node did not take, for it follows or has buried a later generation: they are written anew above it.
pub async fn raise_left_out(
    db: &impl ConnectionTrait,
    node: NodeId,
    left_out: &[wire::LeftOut],
) -> Result<(), DbErr> {
    let node_id = node.to_string();
    for out in left_out.iter().filter(|out| out.floor <= HIGHEST) {
        let Ok(server) = out.server.parse::<ServerId>() else {
            continue;
        };
        let id = server.to_string();
        let row: Option<(String, i64, Option<i64>)> = servers::Entity::find_by_id(&*id)
            .select_only()
            .columns([
                servers::Column::NodeId,
                servers::Column::Generation,
                servers::Column::DeletedAtMs,
            ])
            .into_tuple()
            .one(db)
            .await?;
        let row = row.map(|(owner, generation, deleted)| settle::Row {
            here: owner == node_id,
            generation,
            deleted: deleted.is_some(),
        });
        if let Some(generation) = row.and_then(|row| settle::left_out(row, to_i64(out.floor))) {
            raise(db, &node_id, &id, generation).await?;
        }
    }
    Ok(())
}

/// Compares the servers that the node has with those that it should have.
pub async fn settle_servers(
    db: &impl ConnectionTrait,
    node: NodeId,
    said: &Said,
    now_ms: i64,
) -> Result<(), DbErr> {
    let node_id = node.to_string();
    let mut strange = HashSet::new();
    for chunk in said.servers.chunks(ROWS) {
        let ids: Vec<String> = chunk.iter().map(|s| s.server.to_string()).collect();
        let rows: Vec<(String, String, i64, Option<i64>)> = servers::Entity::find()
            .filter(servers::Column::Id.is_in(ids.clone()))
            .select_only()
            .columns([
                servers::Column::Id,
                servers::Column::NodeId,
                servers::Column::Generation,
                servers::Column::DeletedAtMs,
            ])
            .into_tuple()
            .all(db)
            .await?;
        let rows: HashMap<_, _> = rows.into_iter().map(|r| (r.0.clone(), r)).collect();
        let buried: HashMap<String, i64> = tombstones::Entity::find()
            .filter(tombstones::Column::NodeId.eq(&*node_id))
            .filter(tombstones::Column::ServerId.is_in(ids))
            .filter(tombstones::Column::ConfirmedAtMs.is_null())
            .select_only()
            .columns([tombstones::Column::ServerId, tombstones::Column::Generation])
            .into_tuple::<(String, i64)>()
            .all(db)
            .await?
            .into_iter()
            .collect();
        let mut met = Vec::new();
        for seen in chunk {
            let id = seen.server.to_string();
            let row = rows
                .get(&id)
                .map(|(_, owner, generation, deleted)| settle::Row {
                    here: *owner == node_id,
                    generation: *generation,
                    deleted: deleted.is_some(),
                });
            match settle::server(row, buried.get(&id).copied(), seen.generation) {
                Verdict::Fine => {}
                Verdict::Raise(generation) => raise(db, &node_id, &id, generation).await?,
                Verdict::Bury(generation) => {
                    let rev = wanted::raise_rev(db, &node_id).await?;
                    let at = Bumped { generation, rev };
                    wanted::bury(db, &node_id, &id, at, 7 * 86_400, now_ms).await?;
                }
                Verdict::Strange => {
                    // Named twice in one statement, a row can't be written.
                    if strange.len() < MOST_ORPHANS && strange.insert(id) {
                        met.push(orphan(&node_id, seen, now_ms));
                    }
                }
            }
        }
        meet_orphans(db, met).await?;
    }
    orphans::Entity::delete_many()
        .filter(orphans::Column::NodeId.eq(&*node_id))
        .filter(orphans::Column::ServerId.is_not_in(strange))
        .exec(db)
        .await?;
    Ok(())
}

fn orphan(node_id: &str, seen: &Observed, now_ms: i64) -> orphans::ActiveModel {
    orphans::ActiveModel {
        node_id: Set(node_id.to_owned()),
        server_id: Set(seen.server.to_string()),
        generation: Set(seen.generation),
        state: Set(seen.state.map_or("unknown", State::as_str).to_owned()),
        seen_at_ms: Set(now_ms),
    }
}

async fn meet_orphans(
    db: &impl ConnectionTrait,
    met: Vec<orphans::ActiveModel>,
) -> Result<(), DbErr> {
    if met.is_empty() {
        return Ok(());
    }
    let key = [orphans::Column::NodeId, orphans::Column::ServerId];
    let again = OnConflict::columns(key)
        .update_columns([
            orphans::Column::Generation,
            orphans::Column::State,
            orphans::Column::SeenAtMs,
        ])
        .to_owned();
    orphans::Entity::insert_many(met)
        .on_conflict(again)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Tombstones that the node has taken, with every fact of it read, and a server that is not there: carried out. The
/// fact that said so came before this database was put back.
pub async fn confirm_stones(
    db: &impl ConnectionTrait,
    node: NodeId,
    said: &Said,
    now_ms: i64,
) -> Result<(), DbErr> {
    let Some((_, applied)) = said.ledger else {
        return Ok(());
    };
    let there: HashSet<String> = said.servers.iter().map(|s| s.server.to_string()).collect();
    let stones = tombstones::Entity::find()
        .filter(tombstones::Column::NodeId.eq(node.to_string()))
        .filter(tombstones::Column::ConfirmedAtMs.is_null())
        .filter(tombstones::Column::Rev.lte(applied))
        .order_by_asc(tombstones::Column::ServerId)
        .all(db)
        .await?;
    for stone in stones {
        if let Ok(server) = stone.server_id.parse()
            && !there.contains(&stone.server_id)
        {
            effect::removed(db, node, server, stone.generation, now_ms).await?;
        }
    }
    Ok(())
}

/// Jobs that control started and the node does not run, with every fact of the node read: they are lost.
pub async fn lose_jobs(
    db: &impl ConnectionTrait,
    node: NodeId,
    said: &Said,
    now_ms: i64,
) -> Result<(), DbErr> {
    let running = operations::Entity::find()
        .filter(operations::Column::NodeId.eq(node.to_string()))
        .filter(operations::Column::State.eq("running"))
        .filter(operations::Column::Kind.is_in(["install", "reinstall"]))
        .filter(operations::Column::SentAtMs.is_not_null())
        .all(db)
        .await?;
    for job in running {
        let listed = job.id.parse();
        let listed = listed.is_ok_and(|id: JobId| said.jobs.contains(&id));
        let sent_at_ms = job.sent_at_ms.unwrap_or(now_ms);
        if !settle::is_lost(listed, sent_at_ms, now_ms) {
            continue;
        }
        operations::Entity::update_many()
            .col_expr(operations::Column::State, Expr::value("lost"))
            .col_expr(operations::Column::EndedAtMs, Expr::value(now_ms))
            .col_expr(operations::Column::Code, Expr::value("lost"))
            .col_expr(
                operations::Column::Message,
                Expr::value("the node does not know this job any more; start it again"),
            )
            .filter(operations::Column::Id.eq(&*job.id))
            .exec(db)
            .await?;
        if let Some(server) = job.server_id.as_deref().and_then(|s| s.parse().ok()) {
            let data = json!({"operation": job.id, "kind": job.kind, "state": "lost"});
            outbox::write(
                db,
                Event::of_server(server, Some(node), "operation", now_ms, data),
            )
            .await?;
        }
    }
    Ok(())
}

/// With every fact read, what the node observes is what is: repairs a state whose fact was lost, and ends the
/// waiting for an order that the lost fact had settled.
pub async fn trust_states(
    db: &impl ConnectionTrait,
    node: NodeId,
    said: &Said,
    now_ms: i64,
) -> Result<(), DbErr> {
    let applied = said.ledger.map_or(0, |(_, rev)| rev);
    for chunk in said.servers.chunks(ROWS) {
        let news = observed_otherwise(db, node, applied, chunk).await?;
        let mut by_state: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut settled = Vec::new();
        for (server, new) in &news {
            if new.settled {
                settled.push(server.to_string());
            }
            if !new.repaired {
                continue;
            }
            if new.state == State::Running {
                take::held_by_server(db, &server.to_string()).await?;
            }
            let ids = by_state.entry(new.state.as_str()).or_default();
            ids.push(server.to_string());
        }
        for (state, ids) in by_state {
            servers::Entity::update_many()
                .col_expr(servers::Column::State, Expr::value(state))
                .col_expr(servers::Column::StateSinceMs, Expr::value(now_ms))
                .col_expr(servers::Column::StateReason, Expr::value("observed"))
                .filter(servers::Column::Id.is_in(ids))
                .exec(db)
                .await?;
        }
        if !settled.is_empty() {
            servers::Entity::update_many()
                .col_expr(servers::Column::Intent, Expr::value(Option::<String>::None))
                .col_expr(
                    servers::Column::IntentAtMs,
                    Expr::value(Option::<i64>::None),
                )
                .filter(servers::Column::Id.is_in(settled))
                .exec(db)
                .await?;
        }
        let events = news.into_iter().map(|(server, new)| {
            let data = json!({"to": new.state.as_str(), "reason": "observed"});
            Event::of_server(server, Some(node), "state", now_ms, data)
        });
        outbox::write_all(db, events).await?;
    }
    Ok(())
}

/// What a node's word changes of a server.
struct News {
    state: State,
    /// The row had another state.
    repaired: bool,
    /// The order that people wait for is done with.
    settled: bool,
}

/// Which of these servers of the node are otherwise than it says; their rows stay locked. `applied`: rows that the
/// node has taken.
async fn observed_otherwise(
    db: &impl ConnectionTrait,
    node: NodeId,
    applied: i64,
    seen: &[Observed],
) -> Result<BTreeMap<ServerId, News>, DbErr> {
    let seen: HashMap<String, &Observed> = seen.iter().map(|s| (s.server.to_string(), s)).collect();
    let rows: Vec<(String, String, Option<String>, i64, i64)> = servers::Entity::find()
        .filter(servers::Column::Id.is_in(seen.keys()))
        .filter(servers::Column::NodeId.eq(node.to_string()))
        .filter(servers::Column::DeletedAtMs.is_null())
        .order_by_asc(servers::Column::Id)
        .lock_exclusive()
        .select_only()
        .columns([
            servers::Column::Id,
            servers::Column::State,
            servers::Column::Intent,
            servers::Column::PowerGeneration,
            servers::Column::Rev,
        ])
        .into_tuple()
        .all(db)
        .await?;
    let told = |(id, known, intent, generation, rev): &(_, String, Option<String>, i64, i64)| {
        let seen: &Observed = seen.get::<String>(id)?;
        let state = seen.state?;
        let order = Order {
            intent: intent.as_deref(),
            generation: *generation,
            taken: applied >= *rev,
        };
        let new = News {
            state,
            repaired: known != state.as_str(),
            settled: outcome::settles(order, seen.generation, None, state),
        };
        (new.repaired || new.settled).then_some((seen.server, new))
    };
    Ok(rows.iter().filter_map(told).collect())
}

/// The node is there.
pub async fn greet(
    db: &impl ConnectionTrait,
    node: NodeId,
    row: &nodes::Model,
    said: &Said,
    now_ms: i64,
) -> Result<(), DbErr> {
    let mut update = nodes::Entity::update_many()
        .col_expr(
            nodes::Column::CurrentBoot,
            Expr::value(said.boot.to_string()),
        )
        .col_expr(nodes::Column::LastSeenAtMs, Expr::value(now_ms))
        .filter(nodes::Column::Id.eq(&*row.id));
    if let Some(host) = &said.host {
        update = update
            .col_expr(nodes::Column::Host, Expr::value(convert::host(host)))
            .col_expr(
                nodes::Column::Conditions,
                Expr::value(convert::conditions(&host.conditions)),
            );
    }
    if !row.online {
        update = update
            .col_expr(nodes::Column::Online, Expr::value(true))
            .col_expr(nodes::Column::OnlineSinceMs, Expr::value(now_ms));
        outbox::write(
            db,
            Event::of_node(node, "online", now_ms, json!({"name": row.name})),
        )
        .await?;
    }
    update.exec(db).await?;
    Ok(())
}
