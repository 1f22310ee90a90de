//! A change of a mount, told to the servers that have it switched on: in the transaction of the change, so that no
//! server goes on with what was.

use std::collections::BTreeSet;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, JoinType, QueryFilter,
    QueryOrder, QuerySelect, RelationDef, sea_query::Expr,
};
use serde_json::json;
use warren_entity::{mount_servers, mounts, nodes, servers};
use warren_proto::{
    Message,
    ids::{NodeId, ServerId},
    mount::overlap,
    wire,
};

use super::{
    offer::{Offers, Place},
    store,
};
use crate::{
    error::{Error, Result},
    outbox::{self, Event},
    wanted,
};

/// Servers that may have one mount switched on: a change of it is one transaction.
pub const MOST: u64 = 1000;
/// Ids in one query.
const AT_ONCE: usize = 500;

/// A server that has it switched on.
#[derive(Debug, FromQueryResult)]
pub struct User {
    /// ULID.
    pub id: String,
    /// What its people call it.
    pub name: String,
    /// Its node.
    pub node_id: String,
    /// Where that stands.
    pub location_id: Option<String>,
    /// Its egg.
    pub egg_id: String,
}

impl User {
    /// As far as offers go.
    pub fn place(&self) -> Place<'_> {
        Place {
            node: &self.node_id,
            location: self.location_id.as_deref(),
            egg: &self.egg_id,
        }
    }
}

/// All of them, in the order in which whoever takes several nodes' rows takes them.
pub async fn users(db: &impl ConnectionTrait, mount: &str) -> Result<Vec<User>, DbErr> {
    let on: RelationDef = mount_servers::Entity::belongs_to(servers::Entity)
        .from(mount_servers::Column::ServerId)
        .to(servers::Column::Id)
        .into();
    let node: RelationDef = servers::Entity::belongs_to(nodes::Entity)
        .from(servers::Column::NodeId)
        .to(nodes::Column::Id)
        .into();
    servers::Entity::find()
        .join_rev(JoinType::InnerJoin, on)
        .join(JoinType::InnerJoin, node)
        .filter(mount_servers::Column::MountId.eq(mount))
        .filter(servers::Column::DeletedAtMs.is_null())
        .order_by_asc(servers::Column::NodeId)
        .order_by_asc(servers::Column::Id)
        .select_only()
        .columns([
            servers::Column::Id,
            servers::Column::Name,
            servers::Column::NodeId,
            servers::Column::EggId,
        ])
        .column(nodes::Column::LocationId)
        .into_model()
        .all(db)
        .await
}

/// Nobody is left with what is no longer offered to them.
pub fn still_offered(users: &[User], before: &Offers, after: &Offers) -> Result<()> {
    let left = |user: &&User| before.to(user.place()) && !after.to(user.place());
    let Some(user) = users.iter().find(left) else {
        return Ok(());
    };
    let text = format!(
        "server {:?} has it switched on and would not be offered it any more; switch it off there first",
        user.name
    );
    Err(Error::conflict("mount_in_use", text))
}

/// Tells all of them. Gives the nodes to be nudged after the commit.
/// # Errors
/// 409 where another mount of one of them is in the way, or one has just changed its node; database.
pub async fn tell(
    db: &impl ConnectionTrait,
    users: &[User],
    mount: &mounts::Model,
    now_ms: i64,
) -> Result<BTreeSet<NodeId>> {
    let mut nodes = BTreeSet::new();
    for user in users {
        let generation = match wanted::bump(db, &user.id).await {
            Ok(bumped) => bumped.generation,
            // Deleted meanwhile.
            Err(DbErr::RecordNotFound(_)) => continue,
            Err(DbErr::Custom(_)) => {
                let text = format!(
                    "server {:?} has just changed its node; try again",
                    user.name
                );
                return Err(Error::conflict("changed_meanwhile", text));
            }
            Err(error) => return Err(error.into()),
        };
        respell(db, &user.id, mount).await?;
        let (Ok(server), Ok(node)) = (user.id.parse::<ServerId>(), user.node_id.parse::<NodeId>())
        else {
            continue;
        };
        let data = json!({"generation": generation});
        let event = Event::of_server(server, Some(node), "wanted", now_ms, data);
        outbox::write(db, event).await?;
        nodes.insert(node);
    }
    // Their rows are locked by now: none gets another mount in between.
    in_the_way(db, users, mount).await?;
    Ok(nodes)
}

/// Puts it in place of what it was in a server's stored spec: the rest of that is as it was.
async fn respell(db: &impl ConnectionTrait, server: &str, mount: &mounts::Model) -> Result<()> {
    let stored: Option<Vec<u8>> = servers::Entity::find_by_id(server)
        .select_only()
        .column(servers::Column::Spec)
        .into_tuple()
        .one(db)
        .await?;
    let mut spec = wire::ServerSpec::decode(stored.unwrap_or_default().as_slice())
        .map_err(|e| Error::internal(anyhow::anyhow!("stored spec of server {server}: {e}")))?;
    let now = store::wire(mount);
    match spec.mounts.iter_mut().find(|m| m.id == now.id) {
        Some(before) => *before = now,
        None => spec.mounts.push(now),
    }
    servers::Entity::update_many()
        .col_expr(servers::Column::Spec, Expr::value(spec.encode_to_vec()))
        .filter(servers::Column::Id.eq(server))
        .exec(db)
        .await?;
    Ok(())
}

async fn in_the_way(
    db: &impl ConnectionTrait,
    users: &[User],
    mount: &mounts::Model,
) -> Result<()> {
    let of: RelationDef = mount_servers::Entity::belongs_to(mounts::Entity)
        .from(mount_servers::Column::MountId)
        .to(mounts::Column::Id)
        .into();
    for some in users.chunks(AT_ONCE) {
        let others: Vec<(String, String, String)> = mount_servers::Entity::find()
            .join(JoinType::InnerJoin, of.clone())
            .filter(mount_servers::Column::ServerId.is_in(some.iter().map(|user| &*user.id)))
            .filter(mount_servers::Column::MountId.ne(&*mount.id))
            .select_only()
            .column(mount_servers::Column::ServerId)
            .column(mounts::Column::Name)
            .column(mounts::Column::Target)
            .into_tuple()
            .all(db)
            .await?;
        let other = others
            .iter()
            .find(|(_, _, target)| overlap(target, &mount.target));
        if let Some((server, name, target)) = other {
            let server = some.iter().find(|user| user.id == *server);
            let server = server.map(|user| user.name.as_str()).unwrap_or_default();
            let text = format!("server {server:?} has mount {name:?} at {target} already");
            return Err(Error::conflict("mount_target_taken", text));
        }
    }
    Ok(())
}
