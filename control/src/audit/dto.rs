//! Audit rows as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use warren_proto::ids::{ServerId, UserId};

use crate::{http::Stamp, operation::dto::Named};

/// Who did it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditActor {
    /// `user`, `api_key`, `node`, `system`, or `nobody`: a log-in that was refused.
    pub kind: String,
    /// The person, whose key it was too; null for nodes and the panel itself.
    pub user: Option<Named>,
    /// The API key or node by which it was done.
    pub by: Option<Named>,
}

/// One thing that was done.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditRow {
    /// ULID.
    pub id: String,
    /// When.
    pub at: Stamp,
    /// Who.
    pub actor: AuditActor,
    /// Permission key, or a word of the log's own: `session.create`.
    pub action: String,
    /// Noun of what was changed.
    pub resource: String,
    /// Its id.
    pub resource_id: Option<String>,
    /// The server that it touches.
    pub server: Option<Named>,
    /// From where; null for those who may not see others' addresses.
    pub address: Option<String>,
    /// What changed; never a secret.
    #[schema(value_type = Option<Object>)]
    pub diff: Option<serde_json::Value>,
}

/// Which rows of the whole log.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditFilter {
    /// By this person, by log-in or any key.
    #[param(value_type = Option<String>)]
    pub user: Option<UserId>,
    /// Touching this server.
    #[param(value_type = Option<String>)]
    pub server: Option<ServerId>,
    /// This action: `control.start`; or all that begin so: `control.`.
    pub action: Option<String>,
    /// Not before.
    #[param(value_type = Option<Stamp>)]
    pub from: Option<Stamp>,
    /// Before.
    #[param(value_type = Option<Stamp>)]
    pub to: Option<Stamp>,
}

/// How a file of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// A JSON object a line, as `GET /audit` has them.
    Jsonl,
    /// With a head; `diff` is JSON in a field.
    Csv,
}

/// What a file of the log is to be.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `jsonl` or `csv`.
    #[param(inline)]
    pub format: ExportFormat,
}

/// Which page of a server's activity.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ActivityQuery {
    /// This action: `control.start`; or all that begin so: `control.`.
    pub action: Option<String>,
    /// Rows per page, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u64>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}
