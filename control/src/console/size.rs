//! What each server's console takes, kept with every change of its streams.

use std::collections::BTreeMap;

use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, DbErr, EntityTrait, ExprTrait, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use warren_entity::console_sizes;

/// Changes in bytes, by node and server.
pub type Changes = BTreeMap<(String, String), i64>;

/// Adds changes up. After all streams of the transaction, as these rows are locked last and in order.
/// # Errors
/// Database.
pub async fn add(db: &impl ConnectionTrait, changes: Changes) -> Result<(), DbErr> {
    let rows: Vec<console_sizes::ActiveModel> = changes
        .into_iter()
        .filter(|(_, bytes)| *bytes != 0)
        .map(|((node, server), bytes)| console_sizes::ActiveModel {
            node_id: Set(node),
            server_id: Set(server),
            bytes: Set(bytes),
        })
        .collect();
    let key = [
        console_sizes::Column::NodeId,
        console_sizes::Column::ServerId,
    ];
    let grow = OnConflict::columns(key)
        .value(
            console_sizes::Column::Bytes,
            Expr::col((console_sizes::Entity, console_sizes::Column::Bytes))
                .add(Expr::cust("excluded.bytes")),
        )
        .to_owned();
    for some in rows.chunks(1000) {
        console_sizes::Entity::insert_many(some.iter().cloned())
            .on_conflict(grow.clone())
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

/// Bytes of a row by now, which stays locked. After all streams of the transaction, as above.
/// # Errors
/// Database.
pub async fn locked(db: &impl ConnectionTrait, size: &console_sizes::Model) -> Result<i64, DbErr> {
    let key = (size.node_id.clone(), size.server_id.clone());
    let row = console_sizes::Entity::find_by_id(key)
        .lock_exclusive()
        .one(db)
        .await?;
    Ok(row.map_or(0, |row| row.bytes))
}
