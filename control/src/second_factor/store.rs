//! Rows of second factors. A code is taken by changing a row, so that of two who show it at once one is late.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr,
};
use warren_entity::{recovery_codes, second_factors, sessions, users};

use super::code::{self, Typed};
use crate::{
    app::Ground,
    auth::secret,
    error::{Error, Result},
};

/// Recovery codes that somebody gets at one time.
const CODES: usize = 10;

/// By what somebody passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// A code of their app.
    App,
    /// A recovery code, which is used up now.
    Recovery,
}

impl Passed {
    /// As the audit log has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Recovery => "recovery_code",
        }
    }
}

fn place(user: &str) -> String {
    format!("second_factor/{user}")
}

/// The row with its secret, opened.
pub(super) async fn find(
    ground: &Ground,
    db: &impl ConnectionTrait,
    user: &str,
) -> Result<Option<(second_factors::Model, Vec<u8>)>> {
    let row = second_factors::Entity::find_by_id(user).one(db).await?;
    let Some(row) = row else { return Ok(None) };
    let secret = ground.keys.sealer.open(&place(user), &row.secret);
    Ok(Some((row, secret.map_err(Error::internal)?)))
}

/// Keeps a secret that no app has confirmed yet, instead of an earlier one.
pub(super) async fn offer(
    ground: &Ground,
    db: &impl ConnectionTrait,
    user: &str,
    secret: &[u8],
    now_ms: i64,
) -> Result<()> {
    second_factors::Entity::delete_by_id(user).exec(db).await?;
    let sealed = ground.keys.sealer.seal(&place(user), secret);
    let row = second_factors::ActiveModel {
        user_id: Set(user.to_owned()),
        secret: Set(sealed.map_err(Error::internal)?),
        confirmed_at_ms: Set(None),
        last_step: Set(0),
        created_at_ms: Set(now_ms),
    };
    second_factors::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Takes a code of somebody, or says that it is none, or none any more.
/// # Errors
/// Database; a secret that was sealed under another key.
pub async fn pass(
    ground: &Ground,
    db: &impl ConnectionTrait,
    user: &str,
    typed: &str,
    now_ms: i64,
) -> Result<Option<Passed>> {
    match Typed::read(typed) {
        None => Ok(None),
        Some(Typed::Recovery(hash)) => {
            let used = recovery_codes::Entity::delete_by_id((user.to_owned(), hash))
                .exec(db)
                .await?;
            Ok((used.rows_affected == 1).then_some(Passed::Recovery))
        }
        Some(Typed::App(code)) => {
            let Some((_, secret)) = find(ground, db, user).await? else {
                return Ok(None);
            };
            let Some(step) = code::step_of(secret, &code, now_ms / 1000)? else {
                return Ok(None);
            };
            let taken = second_factors::Entity::update_many()
                .col_expr(second_factors::Column::LastStep, Expr::value(step))
                .filter(second_factors::Column::UserId.eq(user))
                .filter(second_factors::Column::LastStep.lt(step))
                .exec(db)
                .await?;
            Ok((taken.rows_affected == 1).then_some(Passed::App))
        }
    }
}

/// From now on a log-in takes a second step, or no longer.
pub(super) async fn switch(
    db: &impl ConnectionTrait,
    user: &str,
    on: bool,
    now_ms: i64,
) -> Result<()> {
    users::Entity::update_many()
        .col_expr(users::Column::SecondFactor, Expr::value(on))
        .col_expr(users::Column::UpdatedAtMs, Expr::value(now_ms))
        .filter(users::Column::Id.eq(user))
        .exec(db)
        .await?;
    if on {
        second_factors::Entity::update_many()
            .col_expr(second_factors::Column::ConfirmedAtMs, Expr::value(now_ms))
            .filter(second_factors::Column::UserId.eq(user))
            .exec(db)
            .await?;
    } else {
        second_factors::Entity::delete_by_id(user).exec(db).await?;
        forget_codes(db, user).await?;
        // Which of them took a code is not known: each has to take two steps anew where that is wanted.
        sessions::Entity::update_many()
            .col_expr(sessions::Column::TwoSteps, Expr::value(false))
            .filter(sessions::Column::UserId.eq(user))
            .exec(db)
            .await?;
    }
    Ok(())
}

/// Whoever is removed needs none any more.
/// # Errors
/// Database.
pub async fn forget(db: &impl ConnectionTrait, user: &str, now_ms: i64) -> Result<()> {
    switch(db, user, false, now_ms).await
}

async fn forget_codes(db: &impl ConnectionTrait, user: &str) -> Result<()> {
    recovery_codes::Entity::delete_many()
        .filter(recovery_codes::Column::UserId.eq(user))
        .exec(db)
        .await?;
    Ok(())
}

/// New recovery codes instead of all earlier ones; shown once.
pub(super) async fn new_codes(db: &impl ConnectionTrait, user: &str) -> Result<Vec<String>> {
    forget_codes(db, user).await?;
    let mut shown = Vec::with_capacity(CODES);
    let mut rows = Vec::with_capacity(CODES);
    for _ in 0..CODES {
        let code = secret::recovery_code()?;
        rows.push(recovery_codes::ActiveModel {
            user_id: Set(user.to_owned()),
            code_hash: Set(secret::hash(&code.expose().replace('-', ""))),
        });
        shown.push(code.expose().to_owned());
    }
    recovery_codes::Entity::insert_many(rows)
        .exec_without_returning(db)
        .await?;
    Ok(shown)
}
