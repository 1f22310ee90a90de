//! What nodes say, into the database: facts, console bytes, samples.

pub mod batch;
pub mod console;
pub mod cursor;
pub(crate) mod effect;
pub mod lifecycle;
pub mod metrics;
pub mod outcome;
pub mod piece;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use warren_entity::nodes;
use warren_proto::{ids::NodeId, wire};

use crate::app::Ground;

/// The processes that speak for these nodes now.
async fn speakers(
    ground: &Ground,
    nodes: impl Iterator<Item = NodeId>,
) -> Result<BTreeMap<NodeId, String>, DbErr> {
    let ids: BTreeSet<String> = nodes.map(|n| n.to_string()).collect();
    let rows: Vec<(String, Option<String>)> = nodes::Entity::find()
        .filter(nodes::Column::Id.is_in(ids))
        .filter(nodes::Column::RevokedAtMs.is_null())
        .filter(nodes::Column::DeletedAtMs.is_null())
        .select_only()
        .columns([nodes::Column::Id, nodes::Column::CurrentBoot])
        .into_tuple()
        .all(ground.db.read())
        .await?;
    Ok(rows
        .into_iter()
        .filter_map(|(id, boot)| Some((id.parse().ok()?, boot?)))
        .collect())
}

/// Whoever waits for an answer has given up by then.
const APART: Duration = Duration::from_secs(4);

/// Some uploads in one transaction, an answer to each.
type Work<C, U, A> = for<'a> fn(&'a C, &'a [U]) -> BoxFuture<'a, Result<Vec<A>, DbErr>>;

/// Does `work` on all uploads together and, where the database refuses that, on halves and at last on single
/// ones: what one node sent must not fail the others' uploads. None: its upload was not stored.
async fn apart<C, U, A>(context: &C, uploads: &[U], work: Work<C, U, A>) -> Vec<Option<A>> {
    let began = Instant::now();
    let mut answers: Vec<Option<A>> = (0..uploads.len()).map(|_| None).collect();
    let whole = 0..uploads.len();
    let mut todo = Vec::from([whole]);
    while let Some(some) = todo.pop() {
        match work(context, &uploads[some.clone()]).await {
            Ok(done) => {
                for (slot, answer) in answers[some].iter_mut().zip(done) {
                    *slot = Some(answer);
                }
            }
            Err(error) => {
                let count = some.len();
                tracing::error!(%error, uploads = count, "uploads could not be stored; nodes send them again");
                // Nobody's upload is to blame for a database that is not there.
                if matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(_))
                    || began.elapsed() > APART
                {
                    break;
                }
                if count > 1 {
                    let middle = some.start + count / 2;
                    todo.extend([middle..some.end, some.start..middle]);
                }
            }
        }
    }
    answers
}

/// What a process hears that does not speak for its node: uploads wait until it has said hello.
fn not_speaking() -> wire::Failure {
    wire::Failure {
        code: "unknown_boot".into(),
        message: "this process does not speak for its node: say hello first".into(),
        retryable: true,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_bad_upload_fails_itself_alone() {
        let asked = AtomicUsize::new(0);
        let uploads: Vec<u32> = (0..256).collect();
        let answers = apart(&asked, &uploads, |asked, some| {
            asked.fetch_add(1, Relaxed);
            let refused = some.contains(&77);
            async move {
                if refused {
                    return Err(DbErr::Custom("too many variables".into()));
                }
                Ok(some.to_vec())
            }
            .boxed()
        })
        .await;
        for (n, answer) in (0..256).zip(answers) {
            assert_eq!(answer, (n != 77).then_some(n));
        }
        assert!(asked.load(Relaxed) <= 17, "{asked:?} transactions");
    }

    #[tokio::test]
    async fn a_database_that_is_away_is_asked_once() {
        let asked = AtomicUsize::new(0);
        let answers: Vec<Option<u32>> = apart(&asked, &[1, 2, 3], |asked, _| {
            asked.fetch_add(1, Relaxed);
            let away = sea_orm::error::ConnAcquireErr::Timeout;
            async move { Err(DbErr::ConnectionAcquire(away)) }.boxed()
        })
        .await;
        assert_eq!((answers, asked.load(Relaxed)), (vec![None; 3], 1));
    }
}
