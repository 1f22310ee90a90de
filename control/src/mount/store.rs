//! Rows of mounts.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};
use warren_entity::{mount_offers, mount_servers, mounts, servers};
use warren_proto::{ids::MountId, mount::MOST, wire};

use super::offer::{Offers, Place};
use crate::error::{Error, Result};

/// One, locked. Whoever changes a mount or switches it on a server locks it first, before nodes and servers: so what is
/// counted of it stays so, and nobody waits for each other.
/// # Errors
/// 404; database.
pub async fn locked(db: &impl ConnectionTrait, id: MountId) -> Result<mounts::Model> {
    mounts::Entity::find_by_id(id.to_string())
        .lock_exclusive()
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("mount"))
}

/// To whom it is offered.
/// # Errors
/// Database.
pub async fn offers(db: &impl ConnectionTrait, mount: &mounts::Model) -> Result<Offers, DbErr> {
    let rows = mount_offers::Entity::find()
        .filter(mount_offers::Column::MountId.eq(&*mount.id))
        .all(db)
        .await?;
    Ok(Offers::of(mount, &rows))
}

fn switched_on(server: &str) -> SelectStatement {
    Query::select()
        .column(mount_servers::Column::MountId)
        .from(mount_servers::Entity)
        .and_where(Expr::col(mount_servers::Column::ServerId).eq(server))
        .to_owned()
}

/// Those that a server has switched on, by name.
/// # Errors
/// Database.
pub async fn of_server(
    db: &impl ConnectionTrait,
    server: &str,
) -> Result<Vec<mounts::Model>, DbErr> {
    mounts::Entity::find()
        .filter(mounts::Column::Id.in_subquery(switched_on(server)))
        .order_by_asc(mounts::Column::NameFolded)
        .all(db)
        .await
}

/// As a node is told of it.
#[must_use]
pub fn wire(row: &mounts::Model) -> wire::Mount {
    wire::Mount {
        id: row.id.clone(),
        name: row.name.clone(),
        source: row.source.clone(),
        target: row.target.clone(),
        read_only: row.read_only,
    }
}

/// Whether a server has it switched on.
/// # Errors
/// Database.
pub async fn is_on(db: &impl ConnectionTrait, mount: &str, server: &str) -> Result<bool, DbErr> {
    let key = (server.to_owned(), mount.to_owned());
    let row = mount_servers::Entity::find_by_id(key).one(db).await?;
    Ok(row.is_some())
}

/// Servers that have it switched on and are not deleted.
/// # Errors
/// Database.
pub async fn servers(db: &impl ConnectionTrait, mount: &str) -> Result<u64, DbErr> {
    let those = Query::select()
        .column(mount_servers::Column::ServerId)
        .from(mount_servers::Entity)
        .and_where(Expr::col(mount_servers::Column::MountId).eq(mount))
        .to_owned();
    servers::Entity::find()
        .filter(servers::Column::Id.in_subquery(those))
        .filter(servers::Column::DeletedAtMs.is_null())
        .count(db)
        .await
}

/// Switches it on.
/// # Errors
/// Database.
pub async fn switch_on(
    db: &impl ConnectionTrait,
    mount: &str,
    server: &str,
    now_ms: i64,
) -> Result<(), DbErr> {
    let row = mount_servers::ActiveModel {
        server_id: Set(server.to_owned()),
        mount_id: Set(mount.to_owned()),
        created_at_ms: Set(now_ms),
    };
    mount_servers::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Switches it off.
/// # Errors
/// Database.
pub async fn switch_off(db: &impl ConnectionTrait, mount: &str, server: &str) -> Result<(), DbErr> {
    mount_servers::Entity::delete_by_id((server.to_owned(), mount.to_owned()))
        .exec(db)
        .await?;
    Ok(())
}

/// Of what a node says that a server of a database that was put back sees, what there is and what would be offered to it.
/// # Errors
/// Database.
pub async fn regain(
    db: &impl ConnectionTrait,
    server: &str,
    place: Place<'_>,
    said: &[wire::Mount],
    now_ms: i64,
) -> Result<(), DbErr> {
    let ids: Vec<&str> = said.iter().take(MOST).map(|m| m.id.as_str()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let known = mounts::Entity::find()
        .filter(mounts::Column::Id.is_in(ids))
        .order_by_asc(mounts::Column::Id)
        .lock_exclusive()
        .all(db)
        .await?;
    let mut taken: Vec<String> = Vec::new();
    for mount in known {
        let free = taken
            .iter()
            .all(|target| !warren_proto::mount::overlap(target, &mount.target));
        if free && offers(db, &mount).await?.to(place) {
            switch_on(db, &mount.id, server, now_ms).await?;
            taken.push(mount.target);
        }
    }
    Ok(())
}
