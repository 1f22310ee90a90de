//! Adds and removes SSH keys.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, SqlErr};
use serde_json::json;
use warren_entity::ssh_keys;
use warren_proto::ids::SshKeyId;

use super::{
    dto::{SshKey, SshKeyCreate, SshKeyPatch},
    public_key, store,
};
use crate::{
    account::service::check_password,
    app::App,
    audit::{Entry, still},
    auth::Caller,
    db::Lane,
    error::{Error, Fields, Result},
    http::Page,
    person, sftp,
};

/// Keys of one person.
const MOST: usize = 50;

/// One's own, the newest first.
/// # Errors
/// Database.
pub async fn list(app: &App, caller: &Caller) -> Result<Page<SshKey>> {
    let rows = store::of(app.db.read(), &caller.user.id, MOST as u64).await?;
    Ok(Page::whole(rows.into_iter().map(Into::into).collect()))
}

/// Adds one.
/// # Errors
/// 409 `ssh_key_exists` for one that the account has, `too_many_ssh_keys`; 422 for what is no good public key or a wrong
/// password, 429 after too many wrong ones.
pub async fn create(app: &App, caller: &Caller, req: SshKeyCreate) -> Result<SshKey> {
    let now_ms = app.clock.now_ms();
    let mut fields = Fields::new();
    let key = public_key::read(&mut fields, "public_key", &req.public_key);
    let name = match (&req.name, &key) {
        (Some(name), _) => fields.line("name", name, 64),
        (None, Some(key)) if !key.comment.trim().is_empty() => {
            fields.line("name", &key.comment, 64)
        }
        (None, Some(key)) => key.algorithm.clone(),
        (None, None) => String::new(),
    };
    fields.finish()?;
    let Some(key) = key else {
        return Err(Error::field("public_key", "invalid", "is no public key"));
    };
    check_password(app, caller, &req.current_password, now_ms).await?;
    let tx = app.db.begin(Lane::People).await?;
    still(&*tx, caller, now_ms).await?;
    // Locks the person, so that of two at once the second counts the first.
    person::service::named(&*tx, "user", caller.actor.user).await?;
    let have = store::of(&*tx, &caller.user.id, MOST as u64).await?.len();
    if have >= MOST {
        let text = format!("there are {have} SSH keys; remove some that are no longer used");
        return Err(Error::conflict("too_many_ssh_keys", text));
    }
    let row = ssh_keys::ActiveModel {
        id: Set(SshKeyId::new().to_string()),
        user_id: Set(caller.user.id.clone()),
        name: Set(name),
        algorithm: Set(key.algorithm),
        fingerprint: Set(key.fingerprint),
        public_key: Set(key.line),
        created_at_ms: Set(now_ms),
        last_used_at_ms: Set(None),
    };
    let row = row
        .insert(&*tx)
        .await
        .map_err(|error| match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => {
                Error::conflict("ssh_key_exists", "this account has this key already")
            }
            _ => error.into(),
        })?;
    Entry::word("account.ssh_key.create", "ssh_key", &row.id)
        .with(json!({"name": row.name, "algorithm": row.algorithm, "fingerprint": row.fingerprint}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(row.into())
}

/// Calls one something else.
/// # Errors
/// 404, 422 for a bad name.
pub async fn update(app: &App, caller: &Caller, id: SshKeyId, req: &SshKeyPatch) -> Result<SshKey> {
    let now_ms = app.clock.now_ms();
    let mut fields = Fields::new();
    let name = fields.line("name", &req.name, 64);
    fields.finish()?;
    let tx = app.db.begin(Lane::People).await?;
    let row = store::own(&*tx, &caller.user.id, &id.to_string()).await?;
    let before = row.name.clone();
    let mut row: ssh_keys::ActiveModel = row.into();
    row.name = Set(name.clone());
    let row = row.update(&*tx).await?;
    Entry::word("account.ssh_key.update", "ssh_key", &row.id)
        .with(json!({"name": {"from": before, "to": name}}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(row.into())
}

/// Removes one.
/// # Errors
/// 404.
pub async fn delete(app: &App, caller: &Caller, id: SshKeyId) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let row = store::own(&*tx, &caller.user.id, &id.to_string()).await?;
    let gone = ssh_keys::Entity::delete_by_id(&*row.id).exec(&*tx).await?;
    if gone.rows_affected == 0 {
        return Err(Error::not_found("SSH key"));
    }
    Entry::word("account.ssh_key.delete", "ssh_key", &row.id)
        .with(json!({"name": row.name, "fingerprint": row.fingerprint}))
        .by(&*tx, caller, now_ms)
        .await?;
    sftp::end_of_ssh_key(&*tx, &row.id, now_ms).await?;
    tx.commit().await?;
    app.nudges.revoked();
    Ok(())
}
