//! What nodes say, into the database: facts, console bytes, samples.

pub mod batch;
pub mod console;
pub mod cursor;
pub(crate) mod effect;
pub mod lifecycle;
pub mod metrics;
pub mod outcome;
pub mod piece;

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use warren_entity::nodes;
use warren_proto::{ids::NodeId, wire};

use crate::app::Ground;

/// The processes that speak for these nodes now.
async fn speakers(
    ground: &Ground,
    nodes: impl Iterator<Item = NodeId>,
) -> Result<BTreeMap<NodeId, String>, DbErr> {
    let ids: BTreeSet<String> = nodes.map(|n| n.to_string()).collect();
    let rows: Vec<(String, Option<String>)> = nodes::Entity::find()
        .filter(nodes::Column::Id.is_in(ids))
        .filter(nodes::Column::RevokedAtMs.is_null())
        .filter(nodes::Column::DeletedAtMs.is_null())
        .select_only()
        .columns([nodes::Column::Id, nodes::Column::CurrentBoot])
        .into_tuple()
        .all(ground.db.read())
        .await?;
    Ok(rows
        .into_iter()
        .filter_map(|(id, boot)| Some((id.parse().ok()?, boot?)))
        .collect())
}

/// What a process hears that does not speak for its node: uploads wait until it has said hello.
fn not_speaking() -> wire::Failure {
    wire::Failure {
        code: "unknown_boot".into(),
        message: "this process does not speak for its node: say hello first".into(),
        retryable: true,
    }
}
