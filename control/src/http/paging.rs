//! Keyset pagination: a cursor is the last row's key, so that a page costs the same wherever it is
//! and rows that come or go meanwhile shift nothing.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::{
    EntityTrait, IntoSimpleExpr, QueryFilter, QueryOrder, Select,
    sea_query::{Expr, ExprTrait, Order},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::{Error, Result};

/// Rows per page when the client does not say.
pub const DEFAULT_LIMIT: u64 = 50;
/// Most rows per page.
pub const MAX_LIMIT: u64 = 100;

/// Which page.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Rows per page, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u64>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// In which order a list comes; a minus turns it round. Names go by their letters without case, the id decides between
/// equal ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
pub enum Sort {
    /// From A to Z.
    #[serde(rename = "name")]
    Name,
    /// From Z to A.
    #[serde(rename = "-name")]
    NameBack,
    /// The oldest first.
    #[serde(rename = "created_at")]
    Created,
    /// The newest first.
    #[serde(rename = "-created_at")]
    CreatedBack,
}

impl Sort {
    /// Names decide, not age.
    #[must_use]
    pub fn by_name(self) -> bool {
        matches!(self, Self::Name | Self::NameBack)
    }

    /// What a cursor holds of a row.
    #[must_use]
    pub fn key(self, id: &str, name: &str) -> String {
        match self.by_name() {
            true => format!("{id}:{name}"),
            false => id.to_owned(),
        }
    }

    /// A query in this order, from behind the row that the page before ended with. `name` is what the database sorts by, and
    /// `told` makes the same of a name in a cursor.
    /// # Errors
    /// A cursor of another order.
    pub fn apply<E: EntityTrait>(
        self,
        select: Select<E>,
        page: &PageQuery,
        id: impl IntoSimpleExpr,
        name: Expr,
        told: impl Fn(&str) -> Expr,
    ) -> Result<Select<E>> {
        let id = id.into_simple_expr();
        let order = match self {
            Self::Name | Self::Created => Order::Asc,
            Self::NameBack | Self::CreatedBack => Order::Desc,
        };
        let after = page.after()?;
        let split = after.as_deref().map(|after| after.split_once(':'));
        let (place, last) = match (self.by_name(), split, &after) {
            (_, None, _) => (None, None),
            (true, Some(Some((last, text))), _) => (
                Some(Expr::tuple([name.clone(), id.clone()])),
                Some(Expr::tuple([told(text), Expr::val(last)])),
            ),
            (false, Some(None), Some(last)) => (Some(id.clone()), Some(Expr::val(last.as_str()))),
            _ => {
                let text =
                    "is of a list in another order; leave it out to start from the beginning";
                return Err(Error::field("cursor", "unknown", text));
            }
        };
        let select = match (place, last, &order) {
            (Some(place), Some(last), Order::Asc) => select.filter(place.gt(last)),
            (Some(place), Some(last), _) => select.filter(place.lt(last)),
            _ => select,
        };
        let select = match self.by_name() {
            true => select.order_by(name, order.clone()),
            false => select,
        };
        Ok(select.order_by(id, order))
    }
}

/// One page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Cursor of the next page; null on the last one.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A list that always fits into one page.
    #[must_use]
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }

    /// A page from one row more than was asked for: that row only says that there is a next page.
    #[must_use]
    pub fn cut(mut rows: Vec<T>, limit: u64, key: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = match rows.last() {
            Some(last) if more => Some(Self::cursor(&key(last))),
            _ => None,
        };
        Self { items: rows, next }
    }

    /// What a row's key is told as.
    #[must_use]
    pub fn cursor(key: &str) -> String {
        URL_SAFE_NO_PAD.encode(key)
    }

    /// The same page with other rows.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            next: self.next,
        }
    }
}

impl PageQuery {
    /// Rows per page.
    /// # Errors
    /// A limit outside of 1 to 100.
    pub fn limit(&self) -> Result<u64> {
        match self.limit {
            None => Ok(DEFAULT_LIMIT),
            Some(limit @ 1..=MAX_LIMIT) => Ok(limit),
            Some(limit) => Err(Error::field(
                "limit",
                "out_of_range",
                format!("is {limit}; a page has 1 to {MAX_LIMIT} rows"),
            )),
        }
    }

    /// The last row's key of the page before.
    /// # Errors
    /// A cursor that did not come from us.
    pub fn after(&self) -> Result<Option<String>> {
        let Some(cursor) = &self.cursor else {
            return Ok(None);
        };
        let bad = || {
            Error::field(
                "cursor",
                "unknown",
                "is not a cursor of this list; leave it out to start from the beginning",
            )
        };
        let key = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad())?;
        let key = String::from_utf8(key).map_err(|_| bad())?;
        if key.len() > 512 || key.chars().any(char::is_control) {
            return Err(bad());
        }
        Ok(Some(key))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_full_page_points_at_its_last_row() {
        let page = Page::cut(vec!["a", "b", "c"], 2, |s| (*s).to_owned());
        assert_eq!(page.items, ["a", "b"]);
        let query = PageQuery {
            limit: Some(2),
            cursor: page.next,
        };
        assert_eq!(query.after().unwrap().as_deref(), Some("b"));
        assert_eq!(Page::cut(vec!["c"], 2, |s| (*s).to_owned()).next, None);
    }

    #[test]
    fn a_made_up_cursor_is_refused_by_name() {
        for cursor in ["%%%", "AA==", "_w"] {
            let query = PageQuery {
                limit: None,
                cursor: Some(cursor.into()),
            };
            assert!(query.after().is_err(), "{cursor}");
        }
    }
}
