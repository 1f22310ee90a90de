//! `command::ask` with the errors that people see.

use std::time::Duration;

use warren_proto::{Message, bus::CallError, ids::NodeId};

use super::command::{self, AskError};
use crate::{
    app::App,
    error::{Error, Result},
};

/// Signs a command and asks a node; see [`command::ask`].
/// # Errors
/// 503 when the node is away or does not answer in time; what the node says otherwise.
pub async fn ask<M: Message + Default>(
    app: &App,
    node: NodeId,
    verb: &str,
    body: &impl Message,
    within: Duration,
) -> Result<M> {
    command::ask(app, node, verb, body, within)
        .await
        .map_err(|error| told(error, node, verb))
}

/// As [`ask`], put once more when the answer is lost; see [`command::ask_by_id`].
/// # Errors
/// As [`ask`].
pub async fn ask_by_id<M: Message + Default>(
    app: &App,
    node: NodeId,
    verb: &str,
    body: &impl Message,
    within: Duration,
) -> Result<M> {
    command::ask_by_id(app, node, verb, body, within)
        .await
        .map_err(|error| told(error, node, verb))
}

fn told(error: AskError, node: NodeId, verb: &str) -> Error {
    match error {
        AskError::Offline(node) => Error::NodeOffline { node },
        AskError::Unknown(_) => Error::not_found("node"),
        AskError::Database(cause) => cause.into(),
        // Its process changed under the question, or died while it typed: it is said that nobody knows, as below.
        AskError::Call(CallError::Failed { code, message, .. })
            if code == "other_boot" || code == "typed_or_not" =>
        {
            tracing::warn!(node.id = %node, "node {node} left {verb} open: {message}");
            unanswered()
        }
        AskError::Call(CallError::Failed {
            code,
            message,
            retryable,
        }) => Error::Agent {
            code,
            message,
            retryable,
        },
        AskError::Call(CallError::Bus(cause)) => {
            tracing::warn!(node.id = %node, %cause, "node {node} did not answer {verb}");
            unanswered()
        }
        AskError::Call(refused @ CallError::Refused(_)) => Error::internal(refused),
    }
}

fn unanswered() -> Error {
    Error::Unavailable {
        code: "node_no_answer",
        detail: "the node did not answer in time; it may have done it all the same".into(),
    }
}
