//! How many transfers go on at a node at one time, and which of them is next.

use anyhow::Result;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};
use warren_entity::transfers;

use super::{Phase, store};
use crate::{app::App, db::Lane};

/// Transfers that go on at one node at one time, whichever way; those that were begun later wait for their turn.
const AT_ONCE: usize = 4;
/// What is shown of one that waits for that.
const QUEUED: &str = "queued";

/// A node has been asked for its first pass.
pub(super) fn has_begun(row: &transfers::Model) -> bool {
    row.pass > 1 || row.step.as_deref().is_some_and(|step| step != QUEUED)
}

/// Whether fewer than [`AT_ONCE`] of those before it are under way at each of its nodes. One that waits for a person's
/// word is none of them.
pub(super) async fn is_its_turn(app: &App, row: &transfers::Model) -> Result<bool> {
    let before: Vec<(String, String)> = transfers::Entity::find()
        .filter(transfers::Column::Active.is_not_null())
        .filter(transfers::Column::Id.lt(&*row.id))
        .filter(transfers::Column::Phase.ne(Phase::Ready.as_str()))
        .select_only()
        .column(transfers::Column::FromNode)
        .column(transfers::Column::ToNode)
        .into_tuple()
        .all(app.db.read())
        .await?;
    let at = |node: &String| {
        before
            .iter()
            .filter(|(a, b)| a == node || b == node)
            .count()
    };
    Ok([&row.from_node, &row.to_node]
        .into_iter()
        .all(|node| at(node) < AT_ONCE))
}

/// Shows that it waits.
/// # Errors
/// Database.
pub(super) async fn queue(app: &App, row: &transfers::Model) -> Result<()> {
    if row.step.is_some() {
        return Ok(());
    }
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::Machines).await?;
    let queued = store::update(row, Phase::Copying, now_ms)
        .col_expr(transfers::Column::Step, Expr::value(QUEUED))
        .exec(&*tx)
        .await?;
    if queued.rows_affected > 0 {
        store::tell(&*tx, row, Phase::Copying, now_ms).await?;
    }
    tx.commit().await?;
    app.nudges.outbox();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::desk::tests::row;

    #[test]
    fn one_that_has_begun_never_waits_for_its_turn_again() {
        assert!(!has_begun(&row(0)));
        let queued = transfers::Model {
            step: Some(QUEUED.into()),
            ..row(0)
        };
        assert!(!has_begun(&queued));
        assert!(has_begun(&transfers::Model {
            pass: 2,
            ..queued.clone()
        }));
        let listing = transfers::Model {
            step: Some("listing".into()),
            ..queued
        };
        assert!(has_begun(&listing));
    }
}
