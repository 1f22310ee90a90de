//! Ports: offered by hand or from the node's range, taken by servers. Who gets one is settled by the unique
//! index and by an UPDATE that only takes free ones.

use std::{collections::BTreeSet, net::IpAddr};

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use serde_json::json;
use warren_entity::{allocations, nodes};
use warren_proto::ids::AllocationId;

use super::{
    dto::{Allocation, AllocationCreate, AllocationsCreated},
    ports,
};
use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::NodeAccess,
    db::Lane,
    error::{Error, Result},
    http::{Page, PageQuery},
};

/// All addresses of the node.
pub const ANY: &str = "0.0.0.0";

/// Ports of a node, by port and address.
/// # Errors
/// Database; a bad cursor.
pub async fn list(app: &App, node: &str, page: &PageQuery) -> Result<Page<Allocation>> {
    let limit = page.limit()?;
    let mut query = allocations::Entity::find()
        .filter(allocations::Column::NodeId.eq(node))
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
        created_at_ms: Set(now_ms),
    }
}

async fn offer(
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
        .select_only()
        .column(allocations::Column::Port)
        .into_tuple()
        .all(&*tx)
        .await?;
    let before: BTreeSet<i32> = before.into_iter().collect();
    offer(&*tx, node, &ip, &ports, now_ms).await?;
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

/// Takes a free port from the offer.
/// # Errors
/// 404; 409 `allocation_in_use`.
pub async fn delete(app: &App, access: &NodeAccess, id: AllocationId) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let id = id.to_string();
    let tx = app.db.begin(Lane::People).await?;
    let row = allocations::Entity::find_by_id(&id)
        .filter(allocations::Column::NodeId.eq(&*access.node.id))
        .one(&*tx)
        .await?
        .ok_or_else(|| Error::not_found("allocation"))?;
    let gone = allocations::Entity::delete_many()
        .filter(allocations::Column::Id.eq(&id))
        .filter(allocations::Column::ServerId.is_null())
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

/// Ports for a new server, the primary first. The node's row must be locked by the transaction.
/// # Errors
/// 409 `port_taken` for a wished one, `no_free_port` when there are too few.
pub async fn take(
    db: &impl ConnectionTrait,
    node: &nodes::Model,
    server: &str,
    primary: Option<u16>,
    extra: u16,
    now_ms: i64,
) -> Result<Vec<allocations::Model>> {
    let (first, last) = (node.port_first, node.port_last);
    let in_range = Condition::all()
        .add(allocations::Column::NodeId.eq(&*node.id))
        .add(allocations::Column::Ip.eq(ANY))
        .add(allocations::Column::Port.between(first, last));
    let mut mine = Vec::new();
    if let Some(port) = primary {
        offer(db, &node.id, ANY, &[port], now_ms).await?;
        mine.push(claim(db, node, server, port.into(), true).await?);
    }
    let wanted = usize::from(extra) + usize::from(primary.is_none());
    let known: Vec<(i32, Option<String>, Option<String>)> = allocations::Entity::find()
        .filter(in_range)
        .select_only()
        .columns([
            allocations::Column::Port,
            allocations::Column::ServerId,
            allocations::Column::TakenBy,
        ])
        .into_tuple()
        .all(db)
        .await?;
    let used: BTreeSet<i32> = known
        .iter()
        .filter(|(_, server, taken)| server.is_some() || taken.is_some())
        .map(|(port, ..)| *port)
        .collect();
    // Ports offered by hand outside of the range come after it.
    let free = (first..=last).filter(|port| !used.contains(port));
    let chosen: Vec<i32> = free.take(wanted).collect();
    if chosen.len() < wanted {
        let held: Vec<String> = known
            .iter()
            .filter_map(|(port, server, taken)| match (server, taken) {
                (None, Some(by)) => Some(format!("{port} by {by}")),
                _ => None,
            })
            .take(5)
            .collect();
        let held = if held.is_empty() {
            String::new()
        } else {
            format!(" (held by others: {})", held.join(", "))
        };
        return Err(Error::conflict(
            "no_free_port",
            format!(
                "node {} has {} free port(s) between {first} and {last}{held}, {wanted} are \
                 needed; widen its port range",
                node.name,
                chosen.len()
            ),
        ));
    }
    let offered: Vec<u16> = chosen
        .iter()
        .filter_map(|p| u16::try_from(*p).ok())
        .collect();
    if !offered.is_empty() {
        offer(db, &node.id, ANY, &offered, now_ms).await?;
    }
    for port in chosen {
        let is_primary = mine.is_empty();
        mine.push(claim(db, node, server, port, is_primary).await?);
    }
    Ok(mine)
}

async fn claim(
    db: &impl ConnectionTrait,
    node: &nodes::Model,
    server: &str,
    port: i32,
    is_primary: bool,
) -> Result<allocations::Model> {
    let this = Condition::all()
        .add(allocations::Column::NodeId.eq(&*node.id))
        .add(allocations::Column::Ip.eq(ANY))
        .add(allocations::Column::Port.eq(port));
    let claimed = allocations::Entity::update_many()
        .col_expr(allocations::Column::ServerId, Expr::value(server))
        .col_expr(allocations::Column::IsPrimary, Expr::value(is_primary))
        .filter(this.clone())
        .filter(allocations::Column::ServerId.is_null())
        .exec(db)
        .await?;
    let row = allocations::Entity::find().filter(this).one(db).await?;
    match row {
        Some(row) if claimed.rows_affected == 1 => match &row.taken_by {
            Some(by) => Err(Error::conflict(
                "port_taken",
                format!("port {port} is held by {by} on node {}", node.name),
            )),
            None => Ok(row),
        },
        _ => Err(Error::conflict(
            "port_taken",
            format!(
                "port {port} belongs to another server on node {}",
                node.name
            ),
        )),
    }
}
