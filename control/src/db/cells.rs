use sea_orm::{DbErr, QueryResult, TryGetable};

/// The columns of a row one after the other, as the query names them: looking each up by its name costs more than
/// reading it.
pub struct Cells<'a> {
    row: &'a QueryResult,
    at: usize,
}

impl<'a> Cells<'a> {
    /// Begins with the first column.
    #[must_use]
    pub fn of(row: &'a QueryResult) -> Self {
        Self { row, at: 0 }
    }

    /// The next column.
    /// # Errors
    /// A column of another type, or none.
    pub fn take<T: TryGetable>(&mut self) -> Result<T, DbErr> {
        let value = self.row.try_get_by_index(self.at)?;
        self.at += 1;
        Ok(value)
    }
}
