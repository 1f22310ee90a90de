//! Rows of transfers.

use std::collections::BTreeSet;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use serde_json::json;
use warren_entity::transfers;
use warren_proto::ids::{NodeId, ServerId};

use super::Phase;
use crate::outbox::{self, Event};

/// Those that anything is left to do for.
pub async fn open(db: &impl ConnectionTrait) -> Result<Vec<transfers::Model>, DbErr> {
    transfers::Entity::find()
        .filter(transfers::Column::Tidied.eq(false))
        .order_by_asc(transfers::Column::Id)
        .all(db)
        .await
}

/// That which moves a server now.
pub async fn active(
    db: &impl ConnectionTrait,
    server: &str,
) -> Result<Option<transfers::Model>, DbErr> {
    transfers::Entity::find()
        .filter(transfers::Column::Active.eq(server))
        .one(db)
        .await
}

/// The newest of a server.
pub async fn newest(
    db: &impl ConnectionTrait,
    server: &str,
) -> Result<Option<transfers::Model>, DbErr> {
    transfers::Entity::find()
        .filter(transfers::Column::ServerId.eq(server))
        .order_by_desc(transfers::Column::Id)
        .one(db)
        .await
}

/// An older one of a server to that node, which has not heard of its end. To end it takes away what it had put in the
/// server's place, so that nothing else may come there before.
pub async fn untidied(db: &impl ConnectionTrait, server: &str, node: &str) -> Result<bool, DbErr> {
    let found = transfers::Entity::find()
        .filter(transfers::Column::ServerId.eq(server))
        .filter(transfers::Column::ToNode.eq(node))
        .filter(transfers::Column::Active.is_null())
        .filter(transfers::Column::Tidied.eq(false))
        .one(db)
        .await?;
    Ok(found.is_some())
}

/// Of these servers of a node, those whose files have just come there.
pub async fn moved_to(
    db: &impl ConnectionTrait,
    node: NodeId,
    servers: Vec<String>,
) -> Result<BTreeSet<String>, DbErr> {
    if servers.is_empty() {
        return Ok(BTreeSet::new());
    }
    let rows: Vec<String> = transfers::Entity::find()
        .filter(transfers::Column::Active.is_in(servers))
        .filter(transfers::Column::ToNode.eq(node.to_string()))
        .filter(transfers::Column::Phase.eq(Phase::Starting.as_str()))
        .select_only()
        .column(transfers::Column::ServerId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// An update that takes place only while the transfer is in `phase`.
pub fn update(
    row: &transfers::Model,
    phase: Phase,
    now_ms: i64,
) -> sea_orm::UpdateMany<transfers::Entity> {
    transfers::Entity::update_many()
        .col_expr(transfers::Column::UpdatedAtMs, Expr::value(now_ms))
        .filter(
            Condition::all()
                .add(transfers::Column::Id.eq(&*row.id))
                .add(transfers::Column::Phase.eq(phase.as_str())),
        )
}

/// Into another phase, from that in which the row was read. False: another has done it.
pub async fn enter(
    db: &impl ConnectionTrait,
    row: &transfers::Model,
    to: Phase,
    now_ms: i64,
) -> Result<bool, DbErr> {
    let Some(from) = Phase::parse(&row.phase) else {
        return Ok(false);
    };
    let entered = update(row, from, now_ms)
        .col_expr(transfers::Column::Phase, Expr::value(to.as_str()))
        .exec(db)
        .await?;
    if entered.rows_affected == 0 {
        return Ok(false);
    }
    tell(db, row, to, now_ms).await?;
    Ok(true)
}

/// Whoever looks at the server hears of it.
pub async fn tell(
    db: &impl ConnectionTrait,
    row: &transfers::Model,
    phase: Phase,
    now_ms: i64,
) -> Result<(), DbErr> {
    let Ok(server) = row.server_id.parse::<ServerId>() else {
        return Ok(());
    };
    let data = json!({
        "transfer": row.id,
        "state": phase.as_str(),
        "from": row.from_node,
        "to": row.to_node,
    });
    let node = row.from_node.parse().ok();
    outbox::write(db, Event::of_server(server, node, "transfer", now_ms, data)).await
}
