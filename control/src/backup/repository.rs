//! Repositories: where, under which name, and with which password.

use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, QueryOrder, sea_query::OnConflict,
};
use warren_entity::{backup_repositories, backup_stores};
use warren_proto::wire;

use crate::{
    app::App,
    auth::secret,
    backup_store::store::{serves, told},
    error::{Error, Result},
};

/// Where the password of a repository is sealed for.
fn place(server: &str, store: &str) -> String {
    format!("backup_repository.{server}.{store}")
}

/// Stores that servers of a node may use, by name.
pub async fn choices(
    db: &impl ConnectionTrait,
    node: &str,
) -> Result<Vec<backup_stores::Model>, DbErr> {
    let all = backup_stores::Entity::find()
        .order_by_asc(backup_stores::Column::NameFolded)
        .all(db)
        .await?;
    Ok(all
        .into_iter()
        .filter(|store| serves(store, node))
        .collect())
}

/// Makes sure that there is a password.
pub async fn ensure(
    app: &App,
    db: &impl ConnectionTrait,
    server: &str,
    store: &str,
    now_ms: i64,
) -> Result<()> {
    let password = secret::database_password()?;
    let sealed = app
        .keys
        .sealer
        .seal(&place(server, store), password.expose().as_bytes());
    let row = backup_repositories::ActiveModel {
        server_id: Set(server.to_owned()),
        store_id: Set(store.to_owned()),
        secret: Set(sealed.map_err(Error::internal)?),
        bytes: Set(0),
        created_at_ms: Set(now_ms),
    };
    let made = backup_repositories::Entity::insert(row)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(db)
        .await;
    match made {
        Ok(_) | Err(DbErr::RecordNotInserted) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The password of one.
pub fn password(app: &App, row: &backup_repositories::Model) -> Result<String> {
    let opened = app
        .keys
        .sealer
        .open(&place(&row.server_id, &row.store_id), &row.secret);
    String::from_utf8(opened.map_err(Error::internal)?).map_err(Error::internal)
}

/// What a node is told of one, secrets included; none: it or its store is gone.
pub async fn wire(
    app: &App,
    db: &impl ConnectionTrait,
    server: &str,
    store: &str,
) -> Result<Option<wire::Repository>> {
    let key = (server.to_owned(), store.to_owned());
    let Some(row) = backup_repositories::Entity::find_by_id(key).one(db).await? else {
        return Ok(None);
    };
    let Some(store) = backup_stores::Entity::find_by_id(store).one(db).await? else {
        return Ok(None);
    };
    Ok(Some(wire::Repository {
        store: Some(told(app, &store)?),
        name: server.to_owned(),
        password: password(app, &row)?,
    }))
}
