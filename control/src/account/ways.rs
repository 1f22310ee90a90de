//! The ways into an account.

use sea_orm::ConnectionTrait;
use warren_entity::users;

use crate::{
    auth::password::NO_PASSWORD,
    error::{Error, Result},
    passkey, sso,
};

/// Passes if a passkey or a connected log-in may go: something else lets its owner in. To be called with the person locked,
/// so that of two who let go of the last two ways in one is late.
/// # Errors
/// 409 `last_way_in`; database.
pub async fn another(db: &impl ConnectionTrait, user: &users::Model) -> Result<()> {
    if user.password_hash != NO_PASSWORD {
        return Ok(());
    }
    let ways = passkey::count(db, &user.id).await? + sso::count(db, &user.id).await?;
    if ways > 1 {
        return Ok(());
    }
    let text = "this account has no password and no other way in; set a password first";
    Err(Error::conflict("last_way_in", text))
}
