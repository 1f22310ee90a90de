//! The lease row: one process does what only one may do, and another takes over within 5 s.

use std::{future::Future, time::Duration};

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use warren_entity::leases;

use crate::{
    app::Ground,
    db::{Lane, Store},
};

/// Without renewal for so long, another may take it.
const LIFE: Duration = Duration::from_millis(3500);
/// Renewed so often.
pub const RENEW: Duration = Duration::from_secs(1);

/// A named lease that this process tries to hold.
#[derive(Clone)]
pub struct Lease {
    name: &'static str,
    holder: String,
    store: Store,
    clock: crate::clock::Clock,
}

impl Lease {
    /// Not held yet.
    #[must_use]
    pub fn new(ground: &Ground, name: &'static str, holder: impl ToString) -> Self {
        Self {
            name,
            holder: holder.to_string(),
            store: ground.db.main.clone(),
            clock: ground.clock.clone(),
        }
    }

    /// Takes or renews it; says whether this process holds it now. Control's clocks must agree to within a
    /// second or two, as everywhere; at worst two hold it for that long, which costs duplicates that the
    /// stream's message ids swallow.
    /// # Errors
    /// Database: then it must be taken as lost.
    pub async fn hold(&self) -> Result<bool, DbErr> {
        let now = self.clock.now_ms();
        let until = now + i64::try_from(LIFE.as_millis()).unwrap_or(i64::MAX);
        let tx = self.store.begin(Lane::Machines).await?;
        let free = leases::ActiveModel {
            name: Set(self.name.to_owned()),
            holder: Set(String::new()),
            fence: Set(0),
            expires_at_ms: Set(0),
        };
        leases::Entity::insert(free)
            .on_conflict(
                OnConflict::column(leases::Column::Name)
                    .do_nothing()
                    .to_owned(),
            )
            .exec_without_returning(&*tx)
            .await?;
        let mine = leases::Column::Holder.eq(&*self.holder);
        let renewed = leases::Entity::update_many()
            .col_expr(leases::Column::ExpiresAtMs, Expr::value(until))
            .filter(leases::Column::Name.eq(self.name))
            .filter(mine)
            .exec(&*tx)
            .await?;
        let mut held = renewed.rows_affected > 0;
        if !held {
            let taken = leases::Entity::update_many()
                .col_expr(leases::Column::Holder, Expr::value(self.holder.clone()))
                .col_expr(leases::Column::ExpiresAtMs, Expr::value(until))
                .col_expr(
                    leases::Column::Fence,
                    Expr::col(leases::Column::Fence).add(1),
                )
                .filter(leases::Column::Name.eq(self.name))
                .filter(leases::Column::ExpiresAtMs.lt(now))
                .exec(&*tx)
                .await?;
            held = taken.rows_affected > 0;
        }
        tx.commit().await?;
        Ok(held)
    }

    /// Does work while renewing the lease beside it: what takes longer than the lease lives is still done by one
    /// process alone. None: the lease was lost, and the work broken off where it waited.
    pub async fn keep<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.renew_until_lost() => None,
        }
    }

    async fn renew_until_lost(&self) {
        let mut held = tokio::time::Instant::now();
        loop {
            tokio::time::sleep(RENEW).await;
            match self.hold().await {
                Ok(true) => held = tokio::time::Instant::now(),
                Ok(false) => return,
                // A database that is slow for a moment is no loss, as long as nobody else can have it.
                Err(error) if held.elapsed() < LIFE => {
                    tracing::warn!(%error, lease = self.name, "a lease was not renewed; tried again");
                }
                Err(_) => return,
            }
        }
    }

    /// Gives it back, so that another need not wait.
    /// # Errors
    /// Database.
    pub async fn let_go(&self) -> Result<(), DbErr> {
        let tx = self.store.begin(Lane::Machines).await?;
        leases::Entity::update_many()
            .col_expr(leases::Column::ExpiresAtMs, Expr::value(0_i64))
            .filter(leases::Column::Name.eq(self.name))
            .filter(leases::Column::Holder.eq(&*self.holder))
            .exec(&*tx)
            .await?;
        tx.commit().await
    }
}
