//! Seals audit rows into a chain: each seal is over the row and the seal before it, under a key that is not in the
//! database. A row that was changed, taken out or put in between breaks the chain there; cutting off its end is
//! noticed by whoever has noted the head that `verify` prints.
//!
//! Rows are written by every change in its own transaction and sealed behind them, so that no change waits for
//! another one's row.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use serde::Serialize;
use serde_json::{Value, json};
use warren_entity::audit_log;

use crate::{app::Ground, db::Lane, wanted};

/// Rows sealed in one transaction.
const SOME: u64 = 200;
/// Rows read at once when the chain is looked through.
const PAGE: u64 = 1000;
/// Raised by each row; locked while some are sealed, so that two controls take turns.
const COUNTER: &str = "audit_seq";
/// What stands before the first.
const START: &str = "warren audit log";

/// What is sealed of a row, in this order.
fn content(row: &audit_log::Model, seq: i64) -> Value {
    json!([
        seq,
        row.id,
        row.at_ms,
        row.actor_kind,
        row.actor_id,
        row.action,
        row.resource_kind,
        row.resource_id,
        row.server_id,
        row.address,
        row.diff,
    ])
}

fn seal(ground: &Ground, before: &str, row: &audit_log::Model, seq: i64) -> String {
    // Keys of objects are sorted by serde_json: what a database gives back reads the same.
    let content = content(row, seq).to_string();
    hex::encode(
        ground
            .keys
            .sealer
            .mac(&[before.as_bytes(), content.as_bytes()]),
    )
}

async fn head(db: &impl ConnectionTrait, seq: i64) -> Result<String, DbErr> {
    if seq == 0 {
        return Ok(START.to_owned());
    }
    let row = audit_log::Entity::find()
        .filter(audit_log::Column::Seq.eq(seq))
        .one(db)
        .await?;
    // A chain whose last link is gone goes on from its number; looking through it finds the break.
    let seal = row.and_then(|row| row.seal);
    Ok(seal.unwrap_or_default())
}

/// Seals what has been written since. Says how many rows.
/// # Errors
/// Database.
pub async fn extend(ground: &Ground) -> Result<u64, DbErr> {
    let mut sealed = 0;
    while !unsealed(ground.db.read(), 1).await?.is_empty() {
        let tx = ground.db.begin(Lane::Machines).await?;
        let mut seq = wanted::count(&*tx, COUNTER, 0).await?;
        let mut before = head(&*tx, seq).await?;
        let rows = unsealed(&*tx, SOME).await?;
        for row in &rows {
            seq += 1;
            before = seal(ground, &before, row, seq);
            audit_log::Entity::update_many()
                .col_expr(audit_log::Column::Seq, Expr::value(seq))
                .col_expr(audit_log::Column::Seal, Expr::value(before.clone()))
                .filter(audit_log::Column::Id.eq(&*row.id))
                .exec(&*tx)
                .await?;
        }
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        wanted::count(&*tx, COUNTER, count).await?;
        tx.commit().await?;
        sealed += rows.len() as u64;
    }
    Ok(sealed)
}

async fn unsealed(db: &impl ConnectionTrait, most: u64) -> Result<Vec<audit_log::Model>, DbErr> {
    audit_log::Entity::find()
        .filter(audit_log::Column::Seq.is_null())
        .order_by_asc(audit_log::Column::Id)
        .limit(most)
        .all(db)
        .await
}

/// What looking through the chain found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// No row was changed, taken out or put in.
    pub ok: bool,
    /// Rows that were looked at.
    pub rows: u64,
    /// Rows that no seal is on yet; more than a few for more than a minute are a sign that nothing seals them.
    pub unsealed: u64,
    /// The last number and its seal: note them elsewhere, and a chain that is shorter later has been cut.
    pub head: (i64, String),
    /// Where the chain breaks first.
    pub broken: Option<Broken>,
}

/// A break.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The number that should have come.
    pub seq: i64,
    /// The row that came.
    pub id: Option<String>,
    /// In words.
    pub because: String,
}

/// Looks through the whole chain.
/// # Errors
/// Database.
pub async fn verify(ground: &Ground) -> Result<Verdict, DbErr> {
    use sea_orm::PaginatorTrait;
    let db = ground.db.read();
    let counted = wanted::counted(db, COUNTER).await?;
    let (mut seq, mut before) = (0, START.to_owned());
    let mut broken = None;
    loop {
        let rows = audit_log::Entity::find()
            .filter(audit_log::Column::Seq.gt(seq))
            .order_by_asc(audit_log::Column::Seq)
            .limit(PAGE)
            .all(db)
            .await?;
        if rows.is_empty() || broken.is_some() {
            break;
        }
        for row in rows {
            let should = seal(ground, &before, &row, seq + 1);
            let because = if row.seq != Some(seq + 1) {
                "rows before it are gone"
            } else if row.seal.as_ref() != Some(&should) {
                "it was changed, or put in, or was sealed under another key"
            } else {
                (seq, before) = (seq + 1, should);
                continue;
            };
            broken = Some(Broken {
                seq: seq + 1,
                id: Some(row.id),
                because: because.to_owned(),
            });
            break;
        }
    }
    // What was sealed while this looked has a number above.
    if broken.is_none() && seq < counted {
        broken = Some(Broken {
            seq: seq + 1,
            id: None,
            because: format!("the end is gone: {counted} rows were sealed"),
        });
    }
    let unsealed = audit_log::Entity::find()
        .filter(audit_log::Column::Seq.is_null())
        .count(db)
        .await?;
    Ok(Verdict {
        ok: broken.is_none(),
        rows: u64::try_from(seq).unwrap_or_default(),
        unsealed,
        head: (seq, before),
        broken,
    })
}
