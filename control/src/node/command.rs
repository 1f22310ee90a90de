//! Asking a node: what control signs, the node answers within 2 s or so.

use std::time::{Duration, Instant};

use prost::Message;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use warren_entity::nodes;
use warren_proto::{
    bus::{
        CallError,
        signed::{self, Order},
    },
    ids::{BootId, NodeId},
    subjects::{self, down},
    wire::{self, SignedCommand},
};

use super::presence::Decided;
use crate::app::App;

/// What an answer may take.
pub const ANSWER: Duration = Duration::from_secs(2);
/// How long an answer that was lost is asked for again: an agent that was killed is back and greeted by then.
const COMES_BACK: Duration = Duration::from_secs(6);
/// A command that arrives later is refused by the node.
const LIFE_MS: i64 = 15_000;

/// Why a node did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Known to be away, quarantined or revoked: nobody waits for it.
    #[error("node {0} is offline")]
    Offline(NodeId),
    /// No such node.
    #[error("node {0} is unknown")]
    Unknown(NodeId),
    /// It said no, or nothing.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Database.
    #[error("ask a node: {0}")]
    Database(#[from] DbErr),
}

/// Signs `body` for the node's current boot and asks it. `verb` is one of [`down`].
/// # Errors
/// [`AskError`].
pub async fn ask<M: Message + Default>(
    app: &App,
    node: NodeId,
    verb: &str,
    body: &impl Message,
    within: Duration,
) -> Result<M, AskError> {
    let boot = boot(app, node).await?;
    Ok(put(app, node, boot, verb, body, within).await?)
}

/// As [`ask`], for what a node does once per id however often it is asked, and whichever process of it: when an answer
/// is lost on its way, as it is when a nats-server or the agent dies, the question is put again, to whoever speaks for
/// the node by then.
/// # Errors
/// [`AskError`]; a bus error leaves open whether the node did it.
pub async fn ask_by_id<M: Message + Default>(
    app: &App,
    node: NodeId,
    verb: &str,
    body: &impl Message,
    within: Duration,
) -> Result<M, AskError> {
    let until = Instant::now() + COMES_BACK;
    let mut lost = match ask(app, node, verb, body, within).await {
        Err(error) if is_open(&error) => error,
        answered => return answered,
    };
    while Instant::now() < until {
        tracing::debug!(error = %lost, node.id = %node, "node {node} did not answer {verb}; asking once more");
        // Whoever asks waits: a node that has just lost its agent is back in a second or so.
        tokio::time::sleep(Duration::from_millis(rand::random_range(100..300))).await;
        match ask(app, node, verb, body, within).await {
            // Not this time; what became of the first is as open as before.
            Err(AskError::Offline(_)) => {}
            Err(error) if is_open(&error) => lost = error,
            answered => return answered,
        }
    }
    Err(lost)
}

/// Lost on its way, or meant for a process that is no more: it may still be asked again.
fn is_open(error: &AskError) -> bool {
    match error {
        AskError::Call(CallError::Bus(_)) => true,
        AskError::Call(CallError::Failed { code, .. }) => {
            *code == signed::Refused::OtherBoot.code()
        }
        _ => false,
    }
}

async fn boot(app: &App, node: NodeId) -> Result<BootId, AskError> {
    let row: Option<(Option<String>, bool, Option<i64>)> =
        nodes::Entity::find_by_id(node.to_string())
            .filter(nodes::Column::DeletedAtMs.is_null())
            .select_only()
            .columns([
                nodes::Column::CurrentBoot,
                nodes::Column::Online,
                nodes::Column::RevokedAtMs,
            ])
            .into_tuple()
            .one(app.db.read())
            .await?;
    let (boot, online, revoked_at_ms) = row.ok_or(AskError::Unknown(node))?;
    let boot = boot.as_deref().and_then(|b| b.parse().ok());
    boot.filter(|_| online && revoked_at_ms.is_none())
        .ok_or(AskError::Offline(node))
}

async fn put<M: Message + Default>(
    app: &App,
    node: NodeId,
    boot: BootId,
    verb: &str,
    body: &impl Message,
    within: Duration,
) -> Result<M, CallError> {
    let command = sign(app, node, boot, verb, body);
    // Gateways ask the same subjects with a session instead; the kind tells them apart.
    let kind = match verb {
        down::CONSOLE | down::FILES => format!("{verb}.signed"),
        other => other.to_owned(),
    };
    let subject = subjects::to_node(node, verb);
    app.bus
        .call(subject, &kind, Some(node), &command, within)
        .await
}

/// Whether this process of the node, and no other, answers. Another of the same identity hears it and says nothing.
pub async fn is_alive(app: &App, node: NodeId, boot: BootId, within: Duration) -> bool {
    // Its node and boot are the envelope's; there is nothing else to say.
    let nothing = wire::Accepted {};
    let answer: Result<wire::Accepted, _> =
        put(app, node, boot, down::ALIVE, &nothing, within).await;
    answer.is_ok()
}

fn sign(app: &App, node: NodeId, boot: BootId, verb: &str, body: &impl Message) -> SignedCommand {
    let order = Order {
        node,
        boot,
        verb,
        expires_at_ms: app.clock.now_ms() + LIFE_MS,
        body: &body.encode_to_vec(),
    };
    signed::sign(&app.keys.command, order)
}

/// Tells both processes of a forked identity what was decided. Each hears what is signed for the other too and
/// refuses it; one that hears nothing learns it with its next heartbeat.
pub fn tell_identity(app: &App, node: NodeId, decided: &Decided) {
    let words = [(&decided.winner, true), (&decided.loser, false)];
    for (boot, keep) in words {
        let Some(boot) = boot.as_deref().and_then(|b| b.parse().ok()) else {
            continue;
        };
        let body = wire::IdentityDecision { keep };
        let command = sign(app, node, boot, down::IDENTITY, &body);
        let app = app.clone();
        tokio::spawn(async move {
            let subject = subjects::to_node(node, down::IDENTITY);
            let kind = down::IDENTITY;
            let told: Result<wire::Accepted, _> = app
                .bus
                .call(subject, kind, Some(node), &command, ANSWER)
                .await;
            if let Err(error) = told {
                tracing::debug!(%error, node.id = %node, "node {node} did not answer on its identity");
            }
        });
    }
}
