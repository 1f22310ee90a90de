//! Keyset pagination: a cursor is the last row's key, so that a page costs the same wherever it is
//! and rows that come or go meanwhile shift nothing.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
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
            Some(last) if more => Some(URL_SAFE_NO_PAD.encode(key(last))),
            _ => None,
        };
        Self { items: rows, next }
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
        if key.len() > 256 || key.chars().any(char::is_control) {
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
