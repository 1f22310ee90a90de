//! What a server's row says of its node: where players find it, and how it stands.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryResult,
    QuerySelect,
};
use warren_entity::nodes::{Column, Entity};

use super::{
    dto::{HostInfo, NodeState},
    view,
};
use crate::db::{Cells, Stored};

/// A node as the place of servers.
#[derive(Debug)]
pub struct Place {
    /// Name.
    pub name: String,
    /// How it stands.
    pub state: NodeState,
    /// Every row up to it is on the node's disk.
    pub applied_rev: i64,
    /// Set by an admin.
    pub player_address: Option<String>,
    /// What players type where nothing is set.
    pub best: Option<String>,
    id: String,
    addresses: Vec<String>,
}

impl FromQueryResult for Place {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        let cells = &mut Cells::of(row);
        let (id, name, applied_rev) = (cells.take()?, cells.take()?, cells.take()?);
        let revoked: Option<i64> = cells.take()?;
        let quarantined: Option<String> = cells.take()?;
        let online = cells.take()?;
        let player_address = cells.take()?;
        let Stored(host): Stored<HostInfo> = cells.take()?;
        Ok(Self {
            id,
            name,
            applied_rev,
            state: view::state_of(revoked.is_some(), quarantined.is_some(), online),
            player_address,
            best: view::best_host(&host),
            addresses: host.addresses,
        })
    }
}

impl Place {
    /// Of each of these nodes.
    /// # Errors
    /// Database.
    pub async fn load(
        db: &impl ConnectionTrait,
        nodes: impl IntoIterator<Item = String>,
    ) -> Result<HashMap<String, Self>, DbErr> {
        let places = Entity::find()
            .select_only()
            .columns([
                Column::Id,
                Column::Name,
                Column::AppliedRev,
                Column::RevokedAtMs,
                Column::QuarantinedBecause,
                Column::Online,
                Column::PlayerAddress,
                Column::Host,
            ])
            .filter(Column::Id.is_in(nodes))
            .into_model::<Self>()
            .all(db)
            .await?;
        Ok(places.into_iter().map(|p| (p.id.clone(), p)).collect())
    }

    /// Addresses that others can reach from anywhere, and from the node's own network; with `own` that one alone.
    #[must_use]
    pub fn reachable(&self, own: Option<String>) -> (Vec<String>, Vec<String>) {
        view::reachable(own.map_or_else(|| self.addresses.clone(), |ip| vec![ip]))
    }
}
