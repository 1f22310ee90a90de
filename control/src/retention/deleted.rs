//! What was deleted softly goes for good after 30 days, once nothing points to it any more.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use warren_entity::{
    api_keys, console_runs, eggs, grants, join_tokens, mount_offers, node_boots, node_cursors,
    nodes, orphans, servers, sessions, subusers, tombstones, users,
};

use crate::{app::Ground, db::Lane, server::search};

const KEEP_MS: i64 = 30 * 86_400_000;
/// Rows of one transaction: people's writes get their turn in between.
const STEP: u64 = 256;

fn before(ground: &Ground) -> i64 {
    ground.clock.now_ms() - KEEP_MS
}

/// Ids of rows that are due and that nothing of `unless` holds.
macro_rules! due {
    ($ground:expr, $table:ident, $column:ident, $unless:expr) => {
        $table::Entity::find()
            .filter($table::Column::$column.lt(before($ground)))
            .filter(Expr::cust($unless))
            .order_by_asc($table::Column::$column)
            .limit(STEP)
            .select_only()
            .column($table::Column::Id)
            .into_tuple::<String>()
            .all($ground.db.read())
    };
}

/// Servers. One that its node has not confirmed as removed keeps its row and its ports.
/// # Errors
/// Database.
pub async fn servers(ground: &Ground) -> Result<u64, DbErr> {
    const UNLESS: &str = "NOT EXISTS (SELECT 1 FROM allocations a WHERE a.server_id = servers.id) AND \
        NOT EXISTS (SELECT 1 FROM tombstones t JOIN nodes n ON n.id = t.node_id WHERE \
        t.node_id = servers.node_id AND t.server_id = servers.id AND t.confirmed_at_ms IS NULL AND \
        n.deleted_at_ms IS NULL)";
    let mut gone = 0;
    loop {
        let ids = due!(ground, servers, DeletedAtMs, UNLESS).await?;
        if ids.is_empty() {
            return Ok(gone);
        }
        let tx = ground.db.begin(Lane::Machines).await?;
        console_runs::Entity::delete_many()
            .filter(console_runs::Column::ServerId.is_in(ids.clone()))
            .exec(&*tx)
            .await?;
        search::forget(&*tx, &ids).await?;
        subusers::Entity::delete_many()
            .filter(subusers::Column::ServerId.is_in(ids.clone()))
            .exec(&*tx)
            .await?;
        forget_reach(&*tx, "server", &ids).await?;
        let deleted = servers::Entity::delete_many()
            .filter(servers::Column::Id.is_in(ids))
            .exec(&*tx)
            .await?;
        tx.commit().await?;
        gone += deleted.rows_affected;
    }
}

/// Roles over what is gone for good.
async fn forget_reach(db: &impl ConnectionTrait, kind: &str, ids: &[String]) -> Result<(), DbErr> {
    grants::Entity::delete_many()
        .filter(grants::Column::Reach.eq(kind))
        .filter(grants::Column::ReachId.is_in(ids.iter().cloned()))
        .exec(db)
        .await?;
    Ok(())
}

/// Offers of mounts to what is gone for good.
async fn forget_offers(db: &impl ConnectionTrait, kind: &str, ids: &[String]) -> Result<(), DbErr> {
    mount_offers::Entity::delete_many()
        .filter(mount_offers::Column::Kind.eq(kind))
        .filter(mount_offers::Column::TargetId.is_in(ids.iter().cloned()))
        .exec(db)
        .await?;
    Ok(())
}

/// Nodes, with what hangs on their identity. Their refused keys stay refused for as long as they could be used.
/// # Errors
/// Database.
pub async fn nodes(ground: &Ground) -> Result<u64, DbErr> {
    const UNLESS: &str = "NOT EXISTS (SELECT 1 FROM servers s WHERE s.node_id = nodes.id) AND \
        NOT EXISTS (SELECT 1 FROM allocations a WHERE a.node_id = nodes.id)";
    let ids = due!(ground, nodes, DeletedAtMs, UNLESS).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let tx = ground.db.begin(Lane::Machines).await?;
    // The cursor first, as everywhere.
    node_cursors::Entity::delete_many()
        .filter(node_cursors::Column::NodeId.is_in(ids.clone()))
        .exec(&*tx)
        .await?;
    node_boots::Entity::delete_many()
        .filter(node_boots::Column::NodeId.is_in(ids.clone()))
        .exec(&*tx)
        .await?;
    tombstones::Entity::delete_many()
        .filter(tombstones::Column::NodeId.is_in(ids.clone()))
        .exec(&*tx)
        .await?;
    orphans::Entity::delete_many()
        .filter(orphans::Column::NodeId.is_in(ids.clone()))
        .exec(&*tx)
        .await?;
    forget_reach(&*tx, "node", &ids).await?;
    forget_offers(&*tx, "node", &ids).await?;
    let deleted = nodes::Entity::delete_many()
        .filter(nodes::Column::Id.is_in(ids))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(deleted.rows_affected)
}

/// Eggs that no server has.
/// # Errors
/// Database.
pub async fn eggs(ground: &Ground) -> Result<u64, DbErr> {
    const UNLESS: &str = "NOT EXISTS (SELECT 1 FROM servers s WHERE s.egg_id = eggs.id)";
    let ids = due!(ground, eggs, DeletedAtMs, UNLESS).await?;
    let tx = ground.db.begin(Lane::Machines).await?;
    forget_offers(&*tx, "egg", &ids).await?;
    let deleted = eggs::Entity::delete_many()
        .filter(eggs::Column::Id.is_in(ids))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(deleted.rows_affected)
}

/// People who own nothing, with their log-ins and keys, and keys that were revoked.
/// # Errors
/// Database.
pub async fn people(ground: &Ground) -> Result<u64, DbErr> {
    const UNLESS: &str = "NOT EXISTS (SELECT 1 FROM servers s WHERE s.owner_id = users.id)";
    let ids = due!(ground, users, DeletedAtMs, UNLESS).await?;
    let tx = ground.db.begin(Lane::Machines).await?;
    let revoked = api_keys::Entity::delete_many()
        .filter(api_keys::Column::RevokedAtMs.lt(before(ground)))
        .exec(&*tx)
        .await?;
    api_keys::Entity::delete_many()
        .filter(api_keys::Column::UserId.is_in(ids.clone()))
        .exec(&*tx)
        .await?;
    sessions::Entity::delete_many()
        .filter(sessions::Column::UserId.is_in(ids.clone()))
        .exec(&*tx)
        .await?;
    let deleted = users::Entity::delete_many()
        .filter(users::Column::Id.is_in(ids))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(deleted.rows_affected + revoked.rows_affected)
}

/// Join tokens that ended, except those that a node says it came with.
/// # Errors
/// Database.
pub async fn tokens(ground: &Ground) -> Result<u64, DbErr> {
    const UNLESS: &str =
        "NOT EXISTS (SELECT 1 FROM nodes n WHERE n.join_token_id = join_tokens.id)";
    let ids = due!(ground, join_tokens, ExpiresAtMs, UNLESS).await?;
    let tx = ground.db.begin(Lane::Machines).await?;
    let deleted = join_tokens::Entity::delete_many()
        .filter(join_tokens::Column::Id.is_in(ids))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(deleted.rows_affected)
}
