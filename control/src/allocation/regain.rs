//! Ports that a server has on its node already, written down again.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use warren_entity::allocations;
use warren_proto::ids::AllocationId;

use crate::error::{Error, Result};

/// Takes these addresses and ports, the primary first. The node's row must be locked by the transaction.
/// # Errors
/// 409 `port_taken` for one that another server has.
pub async fn regain(
    db: &impl ConnectionTrait,
    node: &str,
    server: &str,
    ports: &[(String, u16)],
    now_ms: i64,
) -> Result<()> {
    let key = [
        allocations::Column::NodeId,
        allocations::Column::Ip,
        allocations::Column::Port,
    ];
    for (place, (ip, port)) in ports.iter().enumerate() {
        let row = allocations::ActiveModel {
            id: Set(AllocationId::new().to_string()),
            node_id: Set(node.to_owned()),
            ip: Set(ip.clone()),
            port: Set((*port).into()),
            server_id: Set(None),
            is_primary: Set(false),
            alias: Set(None),
            taken_by: Set(None),
            reserved_for: Set(None),
            withdrawn: Set(false),
            created_at_ms: Set(now_ms),
        };
        allocations::Entity::insert(row)
            .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
            .exec_without_returning(db)
            .await?;
        let this = Condition::all()
            .add(allocations::Column::NodeId.eq(node))
            .add(allocations::Column::Ip.eq(ip))
            .add(allocations::Column::Port.eq(i32::from(*port)));
        let claimed = allocations::Entity::update_many()
            .col_expr(allocations::Column::ServerId, Expr::value(server))
            .col_expr(allocations::Column::IsPrimary, Expr::value(place == 0))
            // Its own container is what held it.
            .col_expr(
                allocations::Column::TakenBy,
                Expr::value(Option::<String>::None),
            )
            .filter(this)
            .filter(allocations::Column::ServerId.is_null())
            .filter(allocations::Column::ReservedFor.is_null())
            .exec(db)
            .await?;
        if claimed.rows_affected == 0 {
            return Err(Error::conflict(
                "port_taken",
                format!(
                    "port {port} belongs to another server of this node; delete one of the two"
                ),
            ));
        }
    }
    Ok(())
}
