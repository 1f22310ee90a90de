//! Rows of operations, as the API shows them.

use warren_entity::operations;

use super::dto::{Named, Operation, OperationState};
use crate::http::Stamp;

/// One operation with the names that it refers to.
#[must_use]
pub fn operation(row: &operations::Model, server: Option<Named>, node: Option<Named>) -> Operation {
    Operation {
        id: row.id.clone(),
        kind: row.kind.clone(),
        server,
        node,
        state: OperationState::parse(&row.state),
        percent: row.percent.map(|p| p.clamp(0.0, 100.0)),
        step: row.step.clone(),
        done_bytes: row.done_bytes,
        total_bytes: row.total_bytes,
        bytes_per_second: row
            .bytes_per_second
            .filter(|_| OperationState::parse(&row.state).is_active()),
        code: row.code.clone(),
        message: row.message.clone(),
        created_at: Stamp(row.created_at_ms),
        started_at: row.started_at_ms.map(Stamp),
        ended_at: row.ended_at_ms.map(Stamp),
        log: matches!(row.kind.as_str(), "install" | "reinstall")
            && (row.run_id.is_some() || row.started_at_ms.is_some()),
    }
}
