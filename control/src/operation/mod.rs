//! Work with an end and progress: the nodes' jobs, as people see them.

use sea_orm::sea_query::Expr;

pub mod api;
pub mod dto;
pub mod service;
pub mod view;

/// Work that has not ended. As literals: with parameters no planner can tell that the index of open ones holds
/// all of it.
#[must_use]
pub fn open() -> Expr {
    Expr::cust("operations.state IN ('pending', 'running')")
}
