//! Transfers, as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_proto::ids::NodeId;

use crate::{http::Stamp, operation::dto::Named};

/// A server to be moved.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferCreate {
    /// Node that it goes to.
    #[schema(value_type = String)]
    pub node: NodeId,
    /// Which port it has there in place of which. Of those that are not named the same number is taken where it is free,
    /// else any.
    #[serde(default)]
    #[schema(max_items = 64)]
    pub ports: Vec<TransferPort>,
    /// Copy, and stop the game only when told to.
    #[serde(default)]
    pub wait: bool,
    /// Only say what would be: nothing is begun.
    #[serde(default)]
    pub dry_run: bool,
}

/// A port here and there.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferPort {
    /// That it has now.
    pub from: u16,
    /// That it gets.
    pub to: u16,
}

/// One port before and after.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TransferredPort {
    /// Where it is.
    pub from: u16,
    /// Where it will be; null where any free one is taken when it begins.
    pub to: Option<u16>,
}

/// What moving it would mean.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TransferPlan {
    /// Node that it would go to.
    pub to: Named,
    /// Its ports.
    pub ports: Vec<TransferredPort>,
    /// What does not come along, in words.
    pub warnings: Vec<String>,
}

/// Changes a transfer under way.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferUpdate {
    /// True: stop the game as soon as the files are copied. False: copy, and wait.
    pub go: bool,
}

/// Where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TransferState {
    /// The game runs; its files are copied.
    Copying,
    /// Copied; it waits for the word to go.
    Ready,
    /// The game is being stopped.
    Stopping,
    /// What changed since is copied, and all of it compared.
    Last,
    /// The files go to their place.
    Placing,
    /// The new node has the server and starts it.
    Starting,
    /// It is taken back.
    Undoing,
    /// It is on the new node.
    Done,
    /// It is where it was; `code` and `message` say why.
    Failed,
    /// It is where it was.
    Cancelled,
}

/// A move of a server from one node to another.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Transfer {
    /// ULID.
    pub id: String,
    /// Node that it leaves.
    pub from: Named,
    /// Node that it goes to.
    pub to: Named,
    /// Where it is.
    pub state: TransferState,
    /// What the new node does, in words.
    pub step: Option<String>,
    /// Number of the pass over the files.
    pub pass: i32,
    /// Copied in this pass.
    pub done_bytes: i64,
    /// To copy in this pass, as far as it is known.
    pub total_bytes: i64,
    /// 0 while nothing is copied.
    pub bytes_per_second: i64,
    /// Of the server.
    pub files: i64,
    /// Of the server.
    pub size_bytes: i64,
    /// Entries that can't be moved: FIFOs, sockets and devices.
    pub skipped: i64,
    /// How long the game will be down, as measured by the last pass; null until there was one, and for a server that does
    /// not run.
    pub expected_downtime_ms: Option<i64>,
    /// How long it was down: from the order to stop until it was up.
    pub downtime_ms: Option<i64>,
    /// It is not stopped before somebody says so.
    pub wait: bool,
    /// It can still be called off.
    pub cancellable: bool,
    /// Somebody has called it off.
    pub cancel_asked: bool,
    /// Its ports on the new node, the first one first.
    pub ports: Vec<u16>,
    /// What does not come along, in words.
    pub warnings: Vec<String>,
    /// Why it failed; stable.
    pub code: Option<String>,
    /// Why it failed.
    pub message: Option<String>,
    /// When it was begun.
    pub created_at: Stamp,
    /// When it was over.
    pub ended_at: Option<Stamp>,
}

/// What came of the ask.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TransferAsked {
    /// What it means.
    pub plan: TransferPlan,
    /// Null after a dry run.
    pub transfer: Option<Transfer>,
}
