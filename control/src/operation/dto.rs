//! Operations: work with an end and progress.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use warren_proto::ids::ServerId;

use crate::http::Stamp;

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OperationState {
    /// Not begun; the node may be away.
    Pending,
    /// Under way.
    Running,
    /// Ended well.
    Done,
    /// Ended badly.
    Failed,
    /// Ended by somebody.
    Cancelled,
    /// Its node forgot it.
    Lost,
}

impl OperationState {
    /// Reads the word in the database; one that we do not know counts as lost.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "pending" => Self::Pending,
            "running" => Self::Running,
            "done" => Self::Done,
            "failed" => Self::Failed,
            "cancelled" => Self::Cancelled,
            _ => Self::Lost,
        }
    }

    /// Not ended.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Pending | Self::Running)
    }
}

/// A noun's id and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Named {
    /// ULID.
    pub id: String,
    /// Name.
    pub name: String,
}

/// Work with an end and progress.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Operation {
    /// ULID.
    pub id: String,
    /// `install`, `reinstall`, `delete`, …; more may come.
    pub kind: String,
    /// Which server.
    pub server: Option<Named>,
    /// Where.
    pub node: Option<Named>,
    /// How far it is.
    pub state: OperationState,
    /// 0 to 100; null: can't be told.
    pub percent: Option<f64>,
    /// What is being done, for a person.
    pub step: Option<String>,
    /// Bytes done, where it is counted in them.
    pub done_bytes: Option<i64>,
    /// Bytes in all.
    pub total_bytes: Option<i64>,
    /// Bytes a second of late, while it runs.
    pub bytes_per_second: Option<i64>,
    /// Stable, when it failed.
    pub code: Option<String>,
    /// For a person.
    pub message: Option<String>,
    /// When it was asked for.
    pub created_at: Stamp,
    /// When it began.
    pub started_at: Option<Stamp>,
    /// When it ended.
    pub ended_at: Option<Stamp>,
    /// There is an install log to read.
    pub log: bool,
}

/// Which operations.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OperationQuery {
    /// Server id.
    #[param(value_type = Option<String>)]
    pub server: Option<ServerId>,
    /// Only those that have not ended.
    pub active: Option<bool>,
    /// Rows per page, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u64>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}
