//! Servers by a part of their name: an index of what three characters follow each other in it. Names are folded
//! here and not by the database, as SQLite knows only the letters of ASCII.

use std::collections::BTreeSet;

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, JoinType, QueryFilter, QuerySelect,
    RelationTrait, Select,
    sea_query::{Expr, ExprTrait, LikeExpr, OnConflict, Query},
};
use warren_entity::{server_grams, server_names, servers};

use crate::error::Result;

/// Of a text that is looked for; the rest of it is compared row by row.
const MOST_GRAMS: usize = 16;
/// A gram that more names hold than this is as good as any other such.
const COMMON: u64 = 1000;

fn folded(text: &str) -> String {
    text.to_lowercase()
}

fn grams(folded: &str) -> BTreeSet<String> {
    let chars: Vec<char> = folded.chars().collect();
    chars.windows(3).map(|w| w.iter().collect()).collect()
}

/// Notes a server's name. Cheap when it is noted already.
/// # Errors
/// Database.
pub async fn note(db: &impl ConnectionTrait, server: &str, name: &str) -> Result<(), DbErr> {
    let folded = folded(name);
    let known = server_names::Entity::find_by_id(server).one(db).await?;
    if known.as_ref().is_some_and(|k| k.folded == folded) {
        return Ok(());
    }
    let before = known.map(|k| grams(&k.folded)).unwrap_or_default();
    let now = grams(&folded);
    let row = server_names::ActiveModel {
        server_id: Set(server.to_owned()),
        folded: Set(folded),
    };
    let replace = OnConflict::column(server_names::Column::ServerId)
        .update_column(server_names::Column::Folded)
        .to_owned();
    server_names::Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(db)
        .await?;
    let gone: Vec<String> = before.difference(&now).cloned().collect();
    if !gone.is_empty() {
        server_grams::Entity::delete_many()
            .filter(server_grams::Column::Gram.is_in(gone))
            .filter(server_grams::Column::ServerId.eq(server))
            .exec(db)
            .await?;
    }
    let new: Vec<server_grams::ActiveModel> = now
        .difference(&before)
        .map(|gram| server_grams::ActiveModel {
            gram: Set(gram.clone()),
            server_id: Set(server.to_owned()),
        })
        .collect();
    if !new.is_empty() {
        server_grams::Entity::insert_many(new)
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

/// Forgets the names of servers that are gone for good.
/// # Errors
/// Database.
pub async fn forget(db: &impl ConnectionTrait, servers: &[String]) -> Result<(), DbErr> {
    let names = server_names::Entity::find()
        .filter(server_names::Column::ServerId.is_in(servers.iter().cloned()))
        .all(db)
        .await?;
    for name in names {
        server_grams::Entity::delete_many()
            .filter(server_grams::Column::Gram.is_in(grams(&name.folded)))
            .filter(server_grams::Column::ServerId.eq(&*name.server_id))
            .exec(db)
            .await?;
        server_names::Entity::delete_by_id(name.server_id)
            .exec(db)
            .await?;
    }
    Ok(())
}

/// How many names hold a gram, counted up to [`COMMON`].
async fn names_with(db: &impl ConnectionTrait, gram: &str) -> Result<i64, DbErr> {
    let some = Query::select()
        .expr(Expr::val(1))
        .from(server_grams::Entity)
        .and_where(Expr::col(server_grams::Column::Gram).eq(gram))
        .limit(COMMON)
        .to_owned();
    let count = Query::select()
        .expr_as(Expr::cust("COUNT(*)"), "found")
        .from_subquery(some, "some_names")
        .to_owned();
    let row = db.query_one(&count).await?;
    row.map_or(Ok(0), |row| row.try_get("", "found"))
}

/// A text to look for.
#[derive(Debug, Clone)]
pub struct Search {
    folded: String,
    /// The one that the fewest names hold; none: shorter than three characters.
    gram: Option<String>,
}

impl Search {
    /// Prepares a search; none for an empty text.
    /// # Errors
    /// Database.
    pub async fn of(db: &impl ConnectionTrait, text: &str) -> Result<Option<Self>> {
        let text: String = text.trim().chars().take(64).collect();
        if text.is_empty() {
            return Ok(None);
        }
        let folded = folded(&text);
        let mut rarest: Option<(i64, String)> = None;
        for gram in grams(&folded).into_iter().take(MOST_GRAMS) {
            let count = names_with(db, &gram).await?;
            if rarest.as_ref().is_none_or(|(least, _)| count < *least) {
                rarest = Some((count, gram));
            }
        }
        Ok(Some(Self {
            folded,
            gram: rarest.map(|(_, gram)| gram),
        }))
    }

    /// Only servers with the text in their name, or with it as their id.
    #[must_use]
    pub fn narrow(&self, select: Select<servers::Entity>) -> Select<servers::Entity> {
        if self.folded.parse::<warren_proto::ids::ServerId>().is_ok() {
            return select.filter(servers::Column::Id.eq(&*self.folded));
        }
        // What a user types is text here, not a pattern.
        let escaped = self
            .folded
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_");
        // One value per row and no join: with EXISTS, PostgreSQL takes the pattern for rare and looks through
        // all names first.
        let folded = Query::select()
            .column((server_names::Entity, server_names::Column::Folded))
            .from(server_names::Entity)
            .and_where(
                Expr::col((server_names::Entity, server_names::Column::ServerId))
                    .equals((servers::Entity, servers::Column::Id)),
            )
            .to_owned();
        let pattern = LikeExpr::new(format!("%{escaped}%")).escape('\\');
        let select = select.filter(Expr::SubQuery(None, Box::new(folded.into())).like(pattern));
        match &self.gram {
            Some(gram) => select
                .join_rev(JoinType::InnerJoin, server_grams::Relation::Server.def())
                .filter(server_grams::Column::Gram.eq(gram)),
            None => select,
        }
    }

    /// Whether the index is read in the order of ids.
    #[must_use]
    pub fn by_gram(&self) -> bool {
        self.gram.is_some() && self.folded.parse::<warren_proto::ids::ServerId>().is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_folded_and_cut_into_threes() {
        let found: Vec<String> = grams(&folded("MÜLLer")).into_iter().collect();
        assert_eq!(found, ["ler", "lle", "mül", "üll"]);
        assert!(grams("ab").is_empty());
    }
}
