//! Who speaks for the node.

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;
use warren_entity::nodes;
use warren_proto::ids::{BootId, NodeId};

use super::super::{convert, identity};
use super::said::Said;
use crate::outbox::{self, Event};

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
    }
    // Told of a new process too: gateways ask for their watches anew, and need not find out by silence.
    let boot = said.boot.to_string();
    if !row.online || row.current_boot.as_ref() != Some(&boot) {
        let data = json!({"name": row.name, "boot": boot});
        outbox::write(db, Event::of_node(node, "online", now_ms, data)).await?;
    }
    update.exec(db).await?;
    Ok(())
}
