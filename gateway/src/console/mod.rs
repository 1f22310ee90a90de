//! Console and stats of watched servers: one hub per server, however many viewers.

mod agent;
mod frame;
mod greet;
mod hub;
mod lane;
mod range;
mod ring;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::mpsc;
use warren_proto::ids::{NodeId, ServerId};

pub use agent::{ASK, AgentLine};
pub use range::serve_range;

use crate::edge::Edge;
use crate::ws::message::{From, SubServer};
use crate::ws::viewer::Viewer;

/// One viewer's subscription to one server.
pub struct Sub {
    pub viewer: Arc<Viewer>,
    /// Chosen by the browser.
    pub id: u32,
    pub line: Arc<AgentLine>,
}

impl Sub {
    fn key(&self) -> (u64, u32) {
        (self.viewer.key, self.id)
    }
}

/// What a hub is told.
pub(crate) enum Msg {
    Join {
        sub: Arc<Sub>,
        from: Option<From>,
        tail_bytes: u32,
    },
    Leave {
        key: (u64, u32),
    },
    /// The node came or went, as control says.
    Node {
        online: bool,
    },
}

type Key = (NodeId, ServerId);

#[derive(Default)]
pub struct Consoles {
    hubs: Mutex<HashMap<Key, mpsc::Sender<Msg>>>,
}

impl Consoles {
    /// Begins to watch; the hub answers the viewer.
    pub async fn join(edge: &Arc<Edge>, sub: Arc<Sub>, wanted: &SubServer) {
        let mut msg = Msg::Join {
            sub: sub.clone(),
            from: wanted.from,
            tail_bytes: wanted.tail_bytes,
        };
        let key = (sub.line.node, sub.line.server);
        loop {
            let hub = edge.consoles.hub(edge, key);
            // A hub that ends in this moment takes no more: the next round makes a new one.
            match hub.send(msg).await {
                Ok(()) => return,
                Err(back) => msg = back.0,
            }
        }
    }

    pub async fn leave(&self, sub: &Sub) {
        let hub = self
            .hubs
            .lock()
            .get(&(sub.line.node, sub.line.server))
            .cloned();
        if let Some(hub) = hub {
            // A hub that is gone has nobody to forget.
            let _ = hub.send(Msg::Leave { key: sub.key() }).await;
        }
    }

    /// Tells the hubs of a node's servers that it came or went. A hub with a full inbox finds out by itself.
    pub fn nudge(&self, node: NodeId, online: bool) {
        for ((of, _), hub) in self.hubs.lock().iter() {
            if *of == node {
                let _ = hub.try_send(Msg::Node { online });
            }
        }
    }

    fn hub(&self, edge: &Arc<Edge>, key: Key) -> mpsc::Sender<Msg> {
        let mut hubs = self.hubs.lock();
        if let Some(hub) = hubs.get(&key).filter(|h| !h.is_closed()) {
            return hub.clone();
        }
        let (tx, rx) = mpsc::channel(1024);
        hubs.insert(key, tx.clone());
        tokio::spawn(hub::run(edge.clone(), key.0, key.1, rx));
        tx
    }

    /// Takes a hub off the list, so that whoever comes next makes a new one.
    fn remove(&self, key: Key) {
        self.hubs.lock().remove(&key);
    }
}
