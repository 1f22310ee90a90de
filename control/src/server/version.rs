//! Which state of a server's settings somebody has seen: all that people can change of it, and nothing that its node does.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;
use warren_entity::{allocations, server_variables, servers};

use crate::{
    app::App,
    error::{Error, Result},
    http::Version,
};

/// Of a row, with the variables and ports that hang on it. Keyed, or it would tell of values that one may not see.
pub(super) async fn of(
    app: &App,
    db: &impl ConnectionTrait,
    row: &servers::Model,
) -> Result<Version> {
    let variables = server_variables::Entity::find()
        .filter(server_variables::Column::ServerId.eq(&*row.id))
        .order_by_asc(server_variables::Column::Env)
        .all(db)
        .await?;
    let variables: Vec<_> = variables.iter().map(|v| (&v.env, &v.value)).collect();
    let ports = allocations::Entity::find()
        .filter(allocations::Column::ServerId.eq(&*row.id))
        .order_by_asc(allocations::Column::Id)
        .all(db)
        .await?;
    let ports: Vec<_> = ports.iter().map(|p| (&p.id, p.is_primary)).collect();
    let parts = json!([
        row.id,
        row.name,
        row.description,
        row.owner_id,
        row.limits,
        row.image,
        row.startup,
        row.crash_policy,
        row.suspended,
        variables,
        ports,
    ]);
    let parts = serde_json::to_vec(&parts).map_err(Error::internal)?;
    Ok(Version::digest(&app.keys.sealer.mac(&[b"server", &parts])))
}
