//! Files of a server on their way from one node to another. Control says who may read, when to read, and when it is over;
//! the node that is to have them asks the one that has them ([`receive`]), and that one answers what it was told to
//! ([`source`]). Whose the server is changes by a wanted row and a tombstone, never here.

mod copy;
mod parts;
mod pass;
mod receive;
mod source;
mod stage;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use warren_proto::bus::Bus;
use warren_proto::ids::{NodeId, ServerId, TransferId};
use warren_proto::wire::{self, transfer_ask::Ask};

use crate::link::session::refuse;
use crate::node::Node;
use receive::Incoming;
use source::Grant;
pub use source::answer;
pub use stage::sweep;

/// Grants and incoming servers at one time; control sends far fewer.
const MOST: usize = 16;

type Failed = wire::Failure;

/// All transfers that this node takes part in.
#[derive(Default)]
pub struct Transfers {
    grants: Mutex<HashMap<TransferId, Grant>>,
    incoming: Mutex<HashMap<TransferId, Arc<Incoming>>>,
    /// The connection that bytes go over.
    bus: OnceLock<Bus>,
}

/// Which transfer, and whose files.
#[derive(Debug, Clone, Copy)]
struct Of {
    transfer: TransferId,
    server: ServerId,
}

impl Transfers {
    /// Bytes go over this connection.
    pub fn connected(&self, bus: &Bus) {
        let _ = self.bus.set(bus.clone());
    }

    /// Whether files of a server come in.
    pub fn comes(&self, transfer: TransferId) -> bool {
        self.incoming.lock().contains_key(&transfer)
    }
}

fn parse<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, Failed> {
    text.parse()
        .map_err(|_| refuse("bad_message", format!("that is no {what} id"), false))
}

/// What control asks; None: there is nothing to tell.
/// # Errors
/// With a code for control.
pub async fn asked(
    node: &Arc<Node>,
    ask: wire::TransferAsk,
) -> Result<Option<wire::TransferStatus>, Failed> {
    let of = Of {
        transfer: parse(&ask.transfer, "transfer")?,
        server: parse(&ask.server, "server")?,
    };
    match ask.ask {
        Some(Ask::Grant(grant)) => {
            source::grant(node, of, grant)?;
            Ok(Some(wire::TransferStatus::default()))
        }
        Some(Ask::Receive(receive)) => receive::begin(node, of, &receive).await.map(Some),
        Some(Ask::Look(_)) => Ok(Some(receive::look(node, of))),
        Some(Ask::Place(_)) => receive::place(node, of).await.map(Some),
        Some(Ask::End(end)) => {
            node.transfers.grants.lock().remove(&of.transfer);
            receive::end(node, of, end.keep).await?;
            Ok(None)
        }
        None => Err(refuse("bad_message", "nothing is asked", false)),
    }
}

/// A node other than this one.
fn peer(node: &Node, text: &str) -> Result<NodeId, Failed> {
    let peer: NodeId = parse(text, "node")?;
    match peer == node.id {
        true => Err(refuse("bad_message", "that is this node itself", false)),
        false => Ok(peer),
    }
}

fn secret(bytes: &[u8]) -> Result<Vec<u8>, Failed> {
    match bytes.len() {
        32 => Ok(bytes.to_vec()),
        _ => Err(refuse("bad_message", "a secret has 32 bytes", false)),
    }
}
