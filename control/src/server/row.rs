//! What the API shows of a server's row, and what a join tells of others in a word: a page is one query, without
//! the columns that it doesn't show.

use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryResult,
    QuerySelect, RelationDef, Select,
    sea_query::{Expr, ExprTrait, IntoCondition, Query, SelectStatement},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use warren_entity::{allocations, eggs, operations, servers};

use super::dto::{CrashPolicyInfo, Limits};
use crate::{
    db::{Cells, Stored},
    egg::dto::ImageChoice,
};

/// A server in a list.
#[derive(Debug)]
pub struct Row {
    /// ULID.
    pub id: String,
    pub(super) name: String,
    pub(super) state: String,
    pub(super) state_since_ms: i64,
    pub(super) state_reason: Option<String>,
    pub(super) state_detail: Option<String>,
    pub(super) intent: Option<String>,
    pub(super) intent_at_ms: Option<i64>,
    pub(super) suspended: bool,
    pub(super) node_id: String,
    pub(super) limits: Limits,
    pub(super) created_at_ms: i64,
    pub(super) updated_at_ms: i64,
    pub(super) egg_id: String,
    pub(super) egg_name: Option<String>,
    pub(super) primary: Option<Primary>,
    /// The work that is under way.
    pub(super) operation: Option<String>,
}

/// A server's first port.
#[derive(Debug)]
pub(super) struct Primary {
    pub ip: String,
    pub port: i32,
    pub alias: Option<String>,
}

/// A server by itself.
#[derive(Debug)]
pub struct Whole {
    pub(super) row: Row,
    pub(super) description: String,
    pub(super) image: String,
    pub(super) startup: String,
    pub(super) generation: i64,
    pub(super) rev: i64,
    pub(super) run_id: Option<String>,
    pub(super) run_started_at_ms: Option<i64>,
    pub(super) crash_policy: CrashPolicyInfo,
    pub(super) last_exit: Option<Value>,
    pub(super) install: Option<Value>,
    /// None: the egg's row is gone.
    pub(super) egg: Option<String>,
    pub(super) images: Vec<ImageChoice>,
    pub(super) features: Vec<String>,
}

/// The one part of an egg's document that a server shows.
#[derive(Default, Deserialize)]
struct Features {
    #[serde(default)]
    features: Vec<String>,
}

fn egg() -> RelationDef {
    let egg = servers::Entity::belongs_to(eggs::Entity);
    egg.from(servers::Column::EggId).to(eggs::Column::Id).into()
}

/// One per server at most, by a unique index.
fn primary() -> RelationDef {
    let ports = servers::Entity::belongs_to(allocations::Entity);
    let ports: RelationDef = ports
        .from(servers::Column::Id)
        .to(allocations::Column::ServerId)
        .into();
    ports.on_condition(|_, port| {
        let primary = Expr::col((port, allocations::Column::IsPrimary));
        primary.eq(true).into_condition()
    })
}

/// A word of another table. No join: PostgreSQL would sort all of a small one to join it in the order of ids.
fn word(of: SelectStatement) -> Expr {
    Expr::SubQuery(None, Box::new(of.into()))
}

fn egg_name() -> Expr {
    let name = Query::select()
        .column((eggs::Entity, eggs::Column::Name))
        .from(eggs::Entity)
        .and_where(
            Expr::col((eggs::Entity, eggs::Column::Id))
                .equals((servers::Entity, servers::Column::EggId)),
        )
        .to_owned();
    word(name)
}

/// What holds the server's files: one at most, by a unique index.
fn under_way() -> Expr {
    use operations::{Column, Entity};
    let id = Query::select()
        .column((Entity, Column::Id))
        .from(Entity)
        .and_where(
            Expr::col((Entity, Column::ServerId)).equals((servers::Entity, servers::Column::Id)),
        )
        .and_where(Expr::col((Entity, Column::State)).is_in(["pending", "running"]))
        .and_where(Expr::col((Entity, Column::Lane)).eq(crate::job::FILES))
        .to_owned();
    word(id)
}

/// Has a query of servers answer [`Row`]s. Call it when all other joins are in.
#[must_use]
pub fn columns(select: Select<servers::Entity>) -> Select<servers::Entity> {
    use servers::Column;
    select
        .select_only()
        .columns([
            Column::Id,
            Column::Name,
            Column::State,
            Column::StateSinceMs,
            Column::StateReason,
            Column::StateDetail,
            Column::Intent,
            Column::IntentAtMs,
            Column::Suspended,
            Column::NodeId,
            Column::Limits,
            Column::CreatedAtMs,
            Column::UpdatedAtMs,
            Column::EggId,
        ])
        .expr_as(egg_name(), "egg_name")
        .join(JoinType::LeftJoin, primary())
        .columns([
            allocations::Column::Ip,
            allocations::Column::Port,
            allocations::Column::Alias,
        ])
        .expr_as(under_way(), "under_way")
}

impl Row {
    fn read(cells: &mut Cells<'_>) -> Result<Self, DbErr> {
        Ok(Self {
            id: cells.take()?,
            name: cells.take()?,
            state: cells.take()?,
            state_since_ms: cells.take()?,
            state_reason: cells.take()?,
            state_detail: cells.take()?,
            intent: cells.take()?,
            intent_at_ms: cells.take()?,
            suspended: cells.take()?,
            node_id: cells.take()?,
            limits: stored(cells)?,
            created_at_ms: cells.take()?,
            updated_at_ms: cells.take()?,
            egg_id: cells.take()?,
            egg_name: cells.take()?,
            primary: Primary::read(cells)?,
            operation: cells.take()?,
        })
    }
}

fn stored<T: DeserializeOwned + Default>(cells: &mut Cells<'_>) -> Result<T, DbErr> {
    cells.take().map(|Stored(value)| value)
}

impl Primary {
    fn read(cells: &mut Cells<'_>) -> Result<Option<Self>, DbErr> {
        let (ip, port, alias) = (
            cells.take::<Option<_>>()?,
            cells.take::<Option<_>>()?,
            cells.take()?,
        );
        Ok(ip.zip(port).map(|(ip, port)| Self { ip, port, alias }))
    }
}

impl FromQueryResult for Row {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        Self::read(&mut Cells::of(row))
    }
}

impl FromQueryResult for Whole {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        let cells = &mut Cells::of(row);
        Ok(Self {
            row: Row::read(cells)?,
            description: cells.take()?,
            image: cells.take()?,
            startup: cells.take()?,
            generation: cells.take()?,
            rev: cells.take()?,
            run_id: cells.take()?,
            run_started_at_ms: cells.take()?,
            crash_policy: stored(cells)?,
            last_exit: cells.take()?,
            install: cells.take()?,
            egg: cells.take()?,
            images: stored(cells)?,
            features: stored::<Features>(cells)?.features,
        })
    }
}

/// One server, deleted or not.
#[must_use]
pub fn whole(server: &str) -> Select<servers::Entity> {
    use servers::Column;
    let server = servers::Entity::find().filter(Column::Id.eq(server));
    columns(server)
        .columns([
            Column::Description,
            Column::Image,
            Column::Startup,
            Column::Generation,
            Column::Rev,
            Column::RunId,
            Column::RunStartedAtMs,
            Column::CrashPolicy,
            Column::LastExit,
            Column::Install,
        ])
        .join(JoinType::LeftJoin, egg())
        .columns([
            eggs::Column::Id,
            eggs::Column::Images,
            eggs::Column::Document,
        ])
}
