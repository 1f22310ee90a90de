//! Whether the process that speaks for a node is still there when another says that it follows it.

use std::time::Duration;

use sea_orm::{DbErr, EntityTrait};
use warren_entity::nodes;
use warren_proto::{
    ids::{BootId, NodeId},
    wire,
};

use super::{command, hello, identity};
use crate::app::App;

/// What an answer may take: whoever says hello waits 2 s for its own.
const ANSWER: Duration = Duration::from_secs(1);

/// The process that `hello` follows, if it answers. What it is asked was not asked before this hello came, and so not
/// before its successor began: where they share a machine, one that answers can't be the one that ended.
/// # Errors
/// Database.
pub async fn other(app: &App, node: NodeId, hello: &wire::Hello) -> Result<Option<BootId>, DbErr> {
    // Whatever is malformed is refused by those who take it down.
    let Ok(boot) = hello.boot.parse::<BootId>() else {
        return Ok(None);
    };
    let read = |list: &[String]| -> Vec<BootId> {
        let some = list.iter().take(hello::MOST_LISTED);
        some.filter_map(|b| b.parse().ok()).collect()
    };
    let row = nodes::Entity::find_by_id(node.to_string());
    let Some(row) = row.one(app.db.read()).await? else {
        return Ok(None);
    };
    let (current, shut_out) = hello::speakers(&row);
    let (boots, ended) = (read(&hello.boots), read(&hello.ended));
    let Some(before) = identity::follows(current, shut_out, boot, &boots, &ended) else {
        return Ok(None);
    };
    let alive = command::is_alive(app, node, before, ANSWER).await;
    Ok(alive.then_some(before))
}
