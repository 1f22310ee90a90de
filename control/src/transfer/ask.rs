//! What the two nodes of a transfer are asked.

use std::time::Duration;

use anyhow::Result;
use warren_entity::{servers, transfers};
use warren_proto::{
    Message,
    bus::CallError,
    ids::NodeId,
    subjects::down,
    wire::{self, transfer_ask::Ask},
};

use super::{service, undo};
use crate::{
    app::App,
    node::command::{self, AskError},
    registry::service::Known,
};

/// A grant ends by itself after so long, seconds.
const GRANT_S: u32 = 60;
/// How long a node may take to begin something.
const ANSWER: Duration = Duration::from_secs(3);
/// How long it may take to remove files.
const LONG: Duration = Duration::from_secs(20);

/// Puts an ask to one of the two nodes. None: it is away, or busy; later.
pub(super) async fn put<M: Message + Default>(
    app: &App,
    row: &transfers::Model,
    node: &str,
    ask: Ask,
) -> Result<Result<Option<M>, (String, String)>> {
    let node: NodeId = node.parse()?;
    let within = match &ask {
        Ask::End(_) => LONG,
        _ => ANSWER,
    };
    let body = wire::JobAsk {
        ask: Some(wire::job_ask::Ask::Transfer(wire::TransferAsk {
            transfer: row.id.clone(),
            server: row.server_id.clone(),
            ask: Some(ask),
        })),
    };
    match command::ask::<M>(app, node, down::JOBS, &body, within).await {
        Ok(answer) => Ok(Ok(Some(answer))),
        Err(AskError::Offline(_) | AskError::Unknown(_)) => Ok(Ok(None)),
        Err(AskError::Call(CallError::Failed {
            code,
            message,
            retryable,
        })) => match retryable || crate::reconcile::jobs::is_unheard(&code) {
            true if code == "not_ready" => Ok(Err((code, message))),
            true => Ok(Ok(None)),
            false => Ok(Err((code, message))),
        },
        Err(AskError::Call(error)) => {
            tracing::debug!(%error, transfer.id = row.id, "a node did not answer; it is asked again");
            Ok(Ok(None))
        }
        Err(error) => Err(error.into()),
    }
}

/// What the receiver shows the source.
pub(super) fn secret(app: &App, row: &transfers::Model) -> Result<Vec<u8>> {
    Ok(app
        .keys
        .sealer
        .open(&service::place(&row.id), &row.secret)?)
}

/// Lets the receiver read, for a while.
pub(super) async fn grant(app: &App, row: &transfers::Model) -> Result<()> {
    let grant = Ask::Grant(wire::TransferGrant {
        to: row.to_node.clone(),
        secret: secret(app, row)?,
        valid_s: GRANT_S,
    });
    // A source that is too old for it refuses; the receiver then waits in vain, and that is told below.
    let granted = put::<wire::TransferStatus>(app, row, &row.from_node, grant).await?;
    match granted {
        Err((code, message)) => undo::begin(app, row, Some((&code, &message))).await,
        Ok(_) => Ok(()),
    }
}

/// The image of a game, and who we are where it comes from.
pub(super) async fn image_of(
    app: &App,
    server: &servers::Model,
) -> Result<(String, Vec<wire::RegistryAuth>)> {
    let spec = wire::ServerSpec::decode(server.spec.as_slice())?;
    let game = wire::ServerSpec {
        image: spec.image,
        ..Default::default()
    };
    let known = Known::load(app.db.read()).await?;
    let registries = known.of_images(app, &game)?;
    Ok((game.image, registries))
}
