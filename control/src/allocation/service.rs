//! Ports that a node offers, as admins see them.

use std::{collections::BTreeSet, net::IpAddr};

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use serde_json::json;
use warren_entity::allocations;
use warren_proto::ids::AllocationId;

use super::{
    dto::{Allocation, AllocationCreate, AllocationPatch, AllocationQuery, AllocationsCreated},
    ports, take,
};
use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::NodeAccess,
    db::Lane,
    error::{Error, Fields, Result},
    http::{Page, PageQuery},
    node::service::check_address,
};

/// All addresses of the node.
pub const ANY: &str = "0.0.0.0";

/// Ports of a node, by port and address.
/// # Errors
/// Database; a bad cursor.
pub async fn list(app: &App, node: &str, ask: &AllocationQuery) -> Result<Page<Allocation>> {
    let page = PageQuery {
        limit: ask.limit,
        cursor: ask.cursor.clone(),
    };
    let limit = page.limit()?;
    let mut query = allocations::Entity::find()
        .filter(allocations::Column::NodeId.eq(node))
        .filter(allocations::Column::Withdrawn.eq(ask.withdrawn))
        .order_by_asc(allocations::Column::Port)
        .order_by_asc(allocations::Column::Ip)
        .limit(limit + 1);
    if let Some(after) = page.after()? {
        let (port, ip) = after.split_once(' ').unwrap_or((&after, ""));
        let port: i32 = port
            .parse()
            .map_err(|_| Error::field("cursor", "unknown", "is not a cursor of this list"))?;
        query = query.filter(
            Condition::any()
                .add(allocations::Column::Port.gt(port))
                .add(
                    Condition::all()
                        .add(allocations::Column::Port.eq(port))
                        .add(allocations::Column::Ip.gt(ip)),
                ),
        );
    }
    let rows = query.all(app.db.read()).await?;
    let page = Page::cut(rows, limit, |row| format!("{} {}", row.port, row.ip));
    Ok(page.map(Into::into))
}

fn fresh(node: &str, ip: &str, port: u16, now_ms: i64) -> allocations::ActiveModel {
    allocations::ActiveModel {
        id: Set(AllocationId::new().to_string()),
        node_id: Set(node.to_owned()),
        ip: Set(ip.to_owned()),
        port: Set(port.into()),
        server_id: Set(None),
        is_primary: Set(false),
        alias: Set(None),
        taken_by: Set(None),
        reserved_for: Set(None),
        withdrawn: Set(false),
        created_at_ms: Set(now_ms),
    }
}

pub(super) async fn offer(
    db: &impl ConnectionTrait,
    node: &str,
    ip: &str,
    ports: &[u16],
    now_ms: i64,
) -> Result<()> {
    let key = [
        allocations::Column::NodeId,
        allocations::Column::Ip,
        allocations::Column::Port,
    ];
    let rows = ports.iter().map(|port| fresh(node, ip, *port, now_ms));
    allocations::Entity::insert_many(rows)
        .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Offers ports.
/// # Errors
/// 422 for a bad address or list.
pub async fn create(
    app: &App,
    access: &NodeAccess,
    req: AllocationCreate,
) -> Result<AllocationsCreated> {
    let ports = ports::parse("ports", &req.ports)?;
    let ip = req.ip.as_deref().unwrap_or(ANY).trim();
    let ip: IpAddr = ip
        .parse()
        .map_err(|_| Error::field("ip", "invalid", "is no IP address of the node"))?;
    if ip.is_ipv6() {
        let text = "is an IPv6 address: nodes publish ports on IPv4 alone; 0.0.0.0 stands for all of the node";
        return Err(Error::field("ip", "ipv6_unsupported", text));
    }
    let ip = ip.to_string();
    let now_ms = app.clock.now_ms();
    let node = &access.node.id;
    let tx = app.db.begin(Lane::People).await?;
    let asked = Condition::all()
        .add(allocations::Column::NodeId.eq(node))
        .add(allocations::Column::Ip.eq(&ip))
        .add(allocations::Column::Port.is_in(ports.iter().map(|p| i32::from(*p))));
    let before: Vec<i32> = allocations::Entity::find()
        .filter(asked.clone())
        .filter(allocations::Column::Withdrawn.eq(false))
        .select_only()
        .column(allocations::Column::Port)
        .into_tuple()
        .all(&*tx)
        .await?;
    let before: BTreeSet<i32> = before.into_iter().collect();
    offer(&*tx, node, &ip, &ports, now_ms).await?;
    allocations::Entity::update_many()
        .col_expr(allocations::Column::Withdrawn, Expr::value(false))
        .filter(asked.clone())
        .exec(&*tx)
        .await?;
    let rows = allocations::Entity::find()
        .filter(asked)
        .order_by_asc(allocations::Column::Port)
        .all(&*tx)
        .await?;
    Entry::of(Key::NodeUpdate, "node", node)
        .with(json!({"offer": req.ports, "ip": ip}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    let (already, new): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| before.contains(&row.port));
    Ok(AllocationsCreated {
        items: new.into_iter().map(Into::into).collect(),
        already: already
            .into_iter()
            .filter_map(|row| u16::try_from(row.port).ok())
            .collect(),
    })
}

async fn one(
    db: &impl ConnectionTrait,
    access: &NodeAccess,
    id: &str,
) -> Result<allocations::Model> {
    allocations::Entity::find_by_id(id)
        .filter(allocations::Column::NodeId.eq(&*access.node.id))
        .filter(allocations::Column::Withdrawn.eq(false))
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("allocation"))
}

/// Changes what players see of a port, or frees it of what held it.
/// # Errors
/// 404; 422 for an alias that is no address.
pub async fn update(
    app: &App,
    access: &NodeAccess,
    id: AllocationId,
    req: AllocationPatch,
) -> Result<Allocation> {
    let mut fields = Fields::new();
    let alias = req.alias.as_deref().map(str::trim);
    if let Some(alias) = alias.filter(|a| !a.is_empty()) {
        check_address(&mut fields, "alias", alias);
    }
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    let id = id.to_string();
    let tx = app.db.begin(Lane::People).await?;
    let row = one(&*tx, access, &id).await?;
    let this = allocations::Column::Id.eq(&id);
    if let Some(alias) = alias {
        let alias = (!alias.is_empty()).then(|| alias.to_owned());
        allocations::Entity::update_many()
            .col_expr(allocations::Column::Alias, Expr::value(alias))
            .filter(this.clone())
            .exec(&*tx)
            .await?;
    }
    if req.free {
        take::forget_holder(&*tx, Condition::all().add(this)).await?;
    }
    let diff = json!({
        "port": row.port,
        "ip": row.ip,
        "alias": {"from": row.alias, "to": req.alias},
        "free": req.free,
    });
    Entry::of(Key::NodeUpdate, "node", &access.node.id)
        .with(diff)
        .by(&*tx, &access.caller, now_ms)
        .await?;
    let row = one(&*tx, access, &id).await?;
    tx.commit().await?;
    Ok(row.into())
}

/// Takes a free port from the offer: no server gets it until it is offered again.
/// # Errors
/// 404; 409 `allocation_in_use`.
pub async fn delete(app: &App, access: &NodeAccess, id: AllocationId) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let id = id.to_string();
    let tx = app.db.begin(Lane::People).await?;
    let row = one(&*tx, access, &id).await?;
    let gone = allocations::Entity::update_many()
        .col_expr(allocations::Column::Withdrawn, Expr::value(true))
        .filter(allocations::Column::Id.eq(&id))
        .filter(allocations::Column::ServerId.is_null())
        .filter(allocations::Column::ReservedFor.is_null())
        .exec(&*tx)
        .await?;
    if gone.rows_affected == 0 {
        return Err(Error::conflict(
            "allocation_in_use",
            format!("port {} belongs to a server; delete that first", row.port),
        ));
    }
    Entry::of(Key::NodeUpdate, "node", &access.node.id)
        .with(json!({"withdraw": row.port, "ip": row.ip}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(())
}
