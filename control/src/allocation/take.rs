//! Ports that servers get and give back. Who gets one is settled by the unique index and by an UPDATE that only
//! takes free ones; the node's row must be locked by the transaction.

use std::collections::BTreeMap;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr,
};
use warren_entity::{allocations, nodes};

use super::service::{ANY, offer};
use crate::error::{Error, Result};

/// A certain port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// None: the one that is offered, else on all addresses.
    pub ip: Option<String>,
    /// Which.
    pub port: u16,
}

/// What a server wants.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Becomes the primary.
    pub primary: Option<Choice>,
    /// Certain ones beside it.
    pub more: Vec<Choice>,
    /// Any free ones.
    pub any: u16,
}

/// One port of a node, as the choice sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    ip: String,
    port: i32,
    used: bool,
    taken: bool,
    withdrawn: bool,
}

/// Free ports: those of the range first, then those offered by hand outside of it or on one address. A port
/// that a server has on all addresses is nowhere free, and one that it has on one address is not on all. Pure.
fn free(first: i32, last: i32, seen: &[Seen], wanted: usize) -> Vec<(String, i32)> {
    let mut by_port: BTreeMap<i32, Vec<&Seen>> = BTreeMap::new();
    for one in seen {
        by_port.entry(one.port).or_default().push(one);
    }
    let of = |port: i32| by_port.get(&port).map_or(&[][..], Vec::as_slice);
    let in_range = (first..=last)
        .filter(|port| {
            of(*port)
                .iter()
                .all(|s| !(s.used || s.taken || s.withdrawn && s.ip == ANY))
        })
        .map(|port| (ANY.to_owned(), port));
    let by_hand = seen.iter().filter(|s| {
        let everywhere = s.ip == ANY;
        let clashes = of(s.port)
            .iter()
            .any(|o| o.used && (everywhere || o.ip == ANY || o.ip == s.ip));
        let automatic = everywhere && (first..=last).contains(&s.port);
        !automatic && !clashes && !s.taken && !s.withdrawn
    });
    let by_hand = by_hand.map(|s| (s.ip.clone(), s.port));
    let mut chosen: Vec<(String, i32)> = Vec::with_capacity(wanted);
    for (ip, port) in in_range.chain(by_hand) {
        if chosen.len() == wanted {
            break;
        }
        let clashes = |(other, taken): &(String, i32)| {
            *taken == port && (ip == ANY || other == ANY || *other == ip)
        };
        if !chosen.iter().any(clashes) {
            chosen.push((ip, port));
        }
    }
    chosen
}

async fn seen(db: &impl ConnectionTrait, node: &str) -> Result<Vec<allocations::Model>> {
    Ok(allocations::Entity::find()
        .filter(allocations::Column::NodeId.eq(node))
        .order_by_asc(allocations::Column::Port)
        .order_by_asc(allocations::Column::Ip)
        .all(db)
        .await?)
}

/// Who is to have a port.
#[derive(Debug, Clone, Copy)]
enum For<'a> {
    /// Now.
    Server(&'a str),
    /// A server that is on its way here, by its transfer: when it has come.
    Transfer(&'a str),
}

impl For<'_> {
    fn has(self, row: &allocations::Model) -> bool {
        match self {
            Self::Server(id) => row.server_id.as_deref() == Some(id),
            Self::Transfer(id) => row.reserved_for.as_deref() == Some(id),
        }
    }
}

/// Gives a server ports, the primary first if it has none yet.
/// # Errors
/// 409 `port_taken` or `port_withdrawn` for a wished one, `no_free_port` when there are too few.
pub async fn take(
    db: &impl ConnectionTrait,
    node: &nodes::Model,
    server: &str,
    wish: &Wish,
    has_primary: bool,
    now_ms: i64,
) -> Result<()> {
    take_for(db, node, For::Server(server), wish, has_primary, now_ms).await
}

/// Keeps one port of a node for a server that is on its way there: that one, or any. Gives its row's id.
/// # Errors
/// As [`take`].
pub async fn reserve(
    db: &impl ConnectionTrait,
    node: &nodes::Model,
    transfer: &str,
    choice: Option<Choice>,
    now_ms: i64,
) -> Result<String> {
    let before = reserved(db, transfer).await?;
    let wish = Wish {
        primary: None,
        any: u16::from(choice.is_none()),
        more: choice.into_iter().collect(),
    };
    take_for(db, node, For::Transfer(transfer), &wish, true, now_ms).await?;
    let fresh = reserved(db, transfer).await?;
    let fresh = fresh.into_iter().find(|row| !before.contains(row));
    let row = fresh.ok_or_else(|| Error::Internal(anyhow::anyhow!("no port was kept")))?;
    Ok(row.id)
}

/// What a transfer has kept.
/// # Errors
/// Database.
pub async fn reserved(
    db: &impl ConnectionTrait,
    transfer: &str,
) -> Result<Vec<allocations::Model>, sea_orm::DbErr> {
    allocations::Entity::find()
        .filter(allocations::Column::ReservedFor.eq(transfer))
        .order_by_asc(allocations::Column::Port)
        .all(db)
        .await
}

/// The ports that a transfer has kept become its server's.
/// # Errors
/// Database.
pub async fn give_reserved(
    db: &impl ConnectionTrait,
    transfer: &str,
    server: &str,
) -> Result<(), sea_orm::DbErr> {
    allocations::Entity::update_many()
        .col_expr(allocations::Column::ServerId, Expr::value(Some(server)))
        .col_expr(
            allocations::Column::ReservedFor,
            Expr::value(Option::<String>::None),
        )
        .filter(allocations::Column::ReservedFor.eq(transfer))
        .exec(db)
        .await?;
    Ok(())
}

/// Ports that a transfer has kept are free again.
/// # Errors
/// Database.
pub async fn free_reserved(
    db: &impl ConnectionTrait,
    transfer: &str,
) -> Result<(), sea_orm::DbErr> {
    allocations::Entity::update_many()
        .col_expr(
            allocations::Column::ReservedFor,
            Expr::value(Option::<String>::None),
        )
        .filter(allocations::Column::ReservedFor.eq(transfer))
        .exec(db)
        .await?;
    Ok(())
}

async fn take_for(
    db: &impl ConnectionTrait,
    node: &nodes::Model,
    server: For<'_>,
    wish: &Wish,
    mut has_primary: bool,
    now_ms: i64,
) -> Result<()> {
    if let Some(choice) = &wish.primary {
        let ip = offered(db, node, choice, now_ms).await?;
        claim(db, node, server, (&ip, choice.port.into()), !has_primary).await?;
        has_primary = true;
    }
    // Certain ones before free ones, of which one might be among them.
    for choice in &wish.more {
        let ip = offered(db, node, choice, now_ms).await?;
        claim(db, node, server, (&ip, choice.port.into()), false).await?;
    }
    let wanted = usize::from(wish.any) + usize::from(!has_primary);
    if wanted == 0 {
        return Ok(());
    }
    let rows = seen(db, &node.id).await?;
    let known: Vec<Seen> = rows
        .iter()
        .map(|row| Seen {
            ip: row.ip.clone(),
            port: row.port,
            used: row.server_id.is_some() || row.reserved_for.is_some(),
            taken: row.taken_by.is_some(),
            withdrawn: row.withdrawn,
        })
        .collect();
    let chosen = free(node.port_first, node.port_last, &known, wanted);
    if chosen.len() < wanted {
        return Err(too_few(node, &rows, chosen.len(), wanted));
    }
    for (ip, port) in chosen {
        if let Ok(port) = u16::try_from(port) {
            offer(db, &node.id, &ip, &[port], now_ms).await?;
        }
        claim(db, node, server, (&ip, port), !has_primary).await?;
        has_primary = true;
    }
    Ok(())
}

fn too_few(node: &nodes::Model, rows: &[allocations::Model], free: usize, wanted: usize) -> Error {
    let held = rows.iter().filter(|row| row.server_id.is_none());
    let held: Vec<String> = held
        .filter_map(|row| Some(format!("{} by {}", row.port, row.taken_by.as_ref()?)))
        .take(5)
        .collect();
    let held = if held.is_empty() {
        String::new()
    } else {
        format!(" (held by others: {})", held.join(", "))
    };
    Error::conflict(
        "no_free_port",
        format!(
            "node {} has {free} free port(s) between {} and {} and among those offered by hand{held}, \
             {wanted} are needed; widen its port range or offer more",
            node.name, node.port_first, node.port_last
        ),
    )
}

/// The address that a wished port is offered on; a port that nobody spoke of is offered on all.
async fn offered(
    db: &impl ConnectionTrait,
    node: &nodes::Model,
    choice: &Choice,
    now_ms: i64,
) -> Result<String> {
    let mut query = allocations::Entity::find()
        .filter(allocations::Column::NodeId.eq(&*node.id))
        .filter(allocations::Column::Port.eq(i32::from(choice.port)))
        .order_by_asc(allocations::Column::Ip);
    if let Some(ip) = &choice.ip {
        query = query.filter(allocations::Column::Ip.eq(ip));
    }
    let rows = query.all(db).await?;
    // "0.0.0.0" sorts before any other address.
    let unused = |r: &&allocations::Model| r.server_id.is_none() && r.reserved_for.is_none();
    let free = rows.iter().find(|r| unused(r) && !r.withdrawn);
    if let Some(row) = free.or(rows.first()) {
        return Ok(row.ip.clone());
    }
    let ip = choice.ip.clone().unwrap_or_else(|| ANY.to_owned());
    if ip != ANY {
        return Err(Error::conflict(
            "port_not_offered",
            format!(
                "port {} is not offered on {ip} of node {}; offer it first",
                choice.port, node.name
            ),
        ));
    }
    offer(db, &node.id, &ip, &[choice.port], now_ms).await?;
    Ok(ip)
}

async fn claim(
    db: &impl ConnectionTrait,
    node: &nodes::Model,
    server: For<'_>,
    (ip, port): (&str, i32),
    is_primary: bool,
) -> Result<()> {
    let same_port = Condition::all()
        .add(allocations::Column::NodeId.eq(&*node.id))
        .add(allocations::Column::Port.eq(port));
    let this = same_port.clone().add(allocations::Column::Ip.eq(ip));
    let refused = |code, why: String| {
        let on = format!("port {port} {why} on node {}", node.name);
        Err(Error::conflict(code, on))
    };
    let others = allocations::Entity::find()
        .filter(same_port)
        .filter(
            Condition::any()
                .add(allocations::Column::ServerId.is_not_null())
                .add(allocations::Column::ReservedFor.is_not_null()),
        )
        .all(db)
        .await?;
    let clashes = |o: &allocations::Model| ip == ANY || o.ip == ANY || o.ip == ip;
    if let Some(other) = others.iter().find(|o| clashes(o)) {
        let whose = if server.has(other) {
            "is this server's already"
        } else {
            "belongs to another server"
        };
        return refused("port_taken", whose.into());
    }
    let row = allocations::Entity::find()
        .filter(this.clone())
        .one(db)
        .await?;
    if row.as_ref().is_some_and(|r| r.withdrawn) {
        return refused(
            "port_withdrawn",
            "was taken from the offer; offer it again first: it is withdrawn".into(),
        );
    }
    if let Some(by) = row.and_then(|r| r.taken_by) {
        return refused("port_taken", format!("is held by {by}"));
    }
    let claim = allocations::Entity::update_many();
    let claim = match server {
        For::Server(server) => claim
            .col_expr(allocations::Column::ServerId, Expr::value(server))
            .col_expr(allocations::Column::IsPrimary, Expr::value(is_primary)),
        For::Transfer(id) => claim.col_expr(allocations::Column::ReservedFor, Expr::value(id)),
    };
    let claimed = claim
        .filter(this)
        .filter(allocations::Column::ServerId.is_null())
        .filter(allocations::Column::ReservedFor.is_null())
        .filter(allocations::Column::Withdrawn.eq(false))
        .exec(db)
        .await?;
    if claimed.rows_affected == 1 {
        Ok(())
    } else {
        refused("port_taken", "belongs to another server".into())
    }
}

/// Ports of a server, the primary first.
/// # Errors
/// Database.
pub async fn of_server(
    db: &impl ConnectionTrait,
    server: &str,
) -> Result<Vec<allocations::Model>, sea_orm::DbErr> {
    of_servers(db, [server]).await
}

/// The same of several: each server's are in its order, the servers in none.
/// # Errors
/// Database.
pub async fn of_servers(
    db: &impl ConnectionTrait,
    servers: impl IntoIterator<Item = &str>,
) -> Result<Vec<allocations::Model>, sea_orm::DbErr> {
    allocations::Entity::find()
        .filter(allocations::Column::ServerId.is_in(servers))
        .order_by_desc(allocations::Column::IsPrimary)
        .order_by_asc(allocations::Column::Port)
        .order_by_asc(allocations::Column::Ip)
        .all(db)
        .await
}

/// Gives ports back; those that are not the server's are left alone.
/// # Errors
/// Database.
pub async fn give_back(
    db: &impl ConnectionTrait,
    server: &str,
    ids: &[String],
) -> Result<(), sea_orm::DbErr> {
    allocations::Entity::update_many()
        .col_expr(
            allocations::Column::ServerId,
            Expr::value(Option::<String>::None),
        )
        .col_expr(allocations::Column::IsPrimary, Expr::value(false))
        .filter(allocations::Column::ServerId.eq(server))
        .filter(allocations::Column::Id.is_in(ids.iter().cloned()))
        .exec(db)
        .await?;
    Ok(())
}

/// Makes one of a server's ports its first.
/// # Errors
/// Database.
pub async fn make_primary(
    db: &impl ConnectionTrait,
    server: &str,
    id: &str,
) -> Result<(), sea_orm::DbErr> {
    // First none, then one: at most one is a unique index.
    for (which, is_primary) in [
        (allocations::Column::Id.ne(id), false),
        (allocations::Column::Id.eq(id), true),
    ] {
        allocations::Entity::update_many()
            .col_expr(allocations::Column::IsPrimary, Expr::value(is_primary))
            .filter(allocations::Column::ServerId.eq(server))
            .filter(which)
            .exec(db)
            .await?;
    }
    Ok(())
}

/// A run of the server is up: nothing else holds its ports.
/// # Errors
/// Database.
pub async fn held_by_server(db: &impl ConnectionTrait, server: &str) -> Result<(), sea_orm::DbErr> {
    forget_holder(
        db,
        Condition::all().add(allocations::Column::ServerId.eq(server)),
    )
    .await
}

/// The node, or an admin, says that nothing else holds these ports any more.
/// # Errors
/// Database.
pub async fn forget_holder(
    db: &impl ConnectionTrait,
    which: Condition,
) -> Result<(), sea_orm::DbErr> {
    allocations::Entity::update_many()
        .col_expr(
            allocations::Column::TakenBy,
            Expr::value(Option::<String>::None),
        )
        .filter(which)
        .filter(allocations::Column::TakenBy.is_not_null())
        .exec(db)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(ip: &str, port: i32, word: &str) -> Seen {
        Seen {
            ip: ip.into(),
            port,
            used: word == "used",
            taken: word == "taken",
            withdrawn: word == "withdrawn",
        }
    }

    fn found(first: i32, last: i32, rows: &[Seen], wanted: usize) -> Vec<String> {
        free(first, last, rows, wanted)
            .into_iter()
            .map(|(ip, port)| format!("{ip}:{port}"))
            .collect()
    }

    #[test]
    fn the_range_goes_first_and_what_is_offered_by_hand_after_it() {
        let rows = [
            seen(ANY, 30000, "used"),
            seen(ANY, 30001, "taken"),
            seen(ANY, 30002, "withdrawn"),
            seen(ANY, 20000, ""),
            seen("192.0.2.7", 40000, ""),
            seen("192.0.2.7", 40001, "withdrawn"),
        ];
        assert_eq!(
            found(30000, 30003, &rows, 9),
            ["0.0.0.0:30003", "0.0.0.0:20000", "192.0.2.7:40000"]
        );
    }

    #[test]
    fn one_port_is_not_given_on_all_addresses_and_on_one() {
        let rows = [
            seen("192.0.2.7", 30000, "used"),
            seen("192.0.2.8", 30000, ""),
            seen("192.0.2.7", 30001, ""),
            seen(ANY, 30002, "used"),
            seen("192.0.2.7", 30002, ""),
        ];
        // 30000 is in use on one address: only another single one is left of it.
        assert_eq!(
            found(30000, 30002, &rows, 9),
            ["0.0.0.0:30001", "192.0.2.8:30000"]
        );
    }
}
