use std::sync::Arc;

use sea_orm::{
    ColIdx, DbErr, QueryResult, RuntimeErr, TryGetError, TryGetable,
    sqlx::{self, Row, types::Json},
};
use serde::de::DeserializeOwned;

/// A JSON column that is read straight into what it means, without a tree of values in between. What can't be
/// read is as if empty, and a list goes on.
#[derive(Debug, Clone, Default)]
pub struct Stored<T>(pub T);

impl<T: DeserializeOwned + Default> TryGetable for Stored<T> {
    fn try_get_by<I: ColIdx>(row: &QueryResult, column: I) -> Result<Self, TryGetError> {
        let read: sqlx::Result<Option<Json<T>>> = if let Some(row) = row.try_as_sqlite_row() {
            row.try_get(column.as_sqlx_sqlite_index())
        } else if let Some(row) = row.try_as_pg_row() {
            row.try_get(column.as_sqlx_postgres_index())
        } else {
            Ok(None)
        };
        match read {
            Ok(found) => Ok(Self(found.map(|Json(value)| value).unwrap_or_default())),
            Err(sqlx::Error::ColumnDecode { .. }) => Ok(Self::default()),
            Err(error) => Err(DbErr::Query(RuntimeErr::SqlxError(Arc::new(error))).into()),
        }
    }
}
