//! Asking and telling in typed envelopes.

use std::time::Duration;

use bytes::Bytes;
use prost::Message;

use super::client::{Bus, Error};
use super::events::count;
use crate::envelope::{self, Refused};
use crate::ids::NodeId;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error(transparent)]
    Bus(#[from] Error),
    /// The other side said no.
    #[error("{code}: {message}")]
    Failed {
        code: String,
        message: String,
        retryable: bool,
    },
    /// What came back was no answer to this question. Counted.
    #[error("answer refused: {0}")]
    Refused(Refused),
}

impl CallError {
    /// Whether asking again may help.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Bus(error) => error.retryable(),
            Self::Failed { retryable, .. } => *retryable,
            Self::Refused(_) => false,
        }
    }
}

impl Bus {
    /// Asks `subject` with a request of `kind` about `node` and reads the typed answer.
    /// # Errors
    /// [`CallError`]; `within` bounds all of it.
    pub async fn call<M: Message + Default>(
        &self,
        subject: String,
        kind: &str,
        node: Option<NodeId>,
        body: &impl Message,
        within: Duration,
    ) -> Result<M, CallError> {
        let answer = self
            .request(subject, envelope::request(kind, node, body), within)
            .await?;
        self.counted(envelope::open_answer(answer, kind, node))
            .map_err(|refused| match refused {
                Refused::Failure {
                    code,
                    message,
                    retryable,
                } => CallError::Failed {
                    code,
                    message,
                    retryable,
                },
                other => CallError::Refused(other),
            })
    }

    /// Publishes a live message, which may be lost.
    /// # Errors
    /// As [`Bus::publish`].
    pub async fn tell(
        &self,
        subject: String,
        kind: &str,
        node: NodeId,
        body: &impl Message,
    ) -> Result<(), Error> {
        self.publish(subject, envelope::live(kind, node, body))
            .await
    }

    /// Reads a live message of `kind` about `node`; anything else is refused and counted.
    /// # Errors
    /// What did not fit.
    pub fn hear<M: Message + Default>(
        &self,
        payload: Bytes,
        kind: &str,
        node: NodeId,
    ) -> Result<M, Refused> {
        self.counted(envelope::open_live(payload, kind, node))
    }

    /// Counts a refused envelope; a failure that the other side reports is none.
    pub fn counted<M>(&self, opened: Result<M, Refused>) -> Result<M, Refused> {
        if let Err(refused) = &opened
            && !matches!(refused, Refused::Failure { .. })
        {
            count(&self.counters().envelope_refused);
            tracing::debug!(reason = refused.reason(), "refused a message: {refused}");
        }
        opened
    }
}
