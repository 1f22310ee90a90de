//! Wakes what works after a commit. A nudge is a hint: whoever is woken reads the database, and a timer
//! wakes it too, so that a lost nudge costs a moment and nothing else.

use std::{collections::BTreeSet, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{Notify, broadcast};
use warren_proto::ids::NodeId;

/// Handles to everything that can be woken. Call after the commit.
#[derive(Clone)]
pub struct Nudges {
    outbox: Arc<Notify>,
    nodes: Arc<Nodes>,
    revoked: broadcast::Sender<()>,
    rights: Arc<Notify>,
    databases: Arc<Notify>,
    transfers: Arc<Notify>,
}

#[derive(Default)]
struct Nodes {
    due: Mutex<BTreeSet<NodeId>>,
    wake: Notify,
}

impl Default for Nudges {
    fn default() -> Self {
        Self {
            outbox: Arc::default(),
            nodes: Arc::default(),
            revoked: broadcast::channel(16).0,
            rights: Arc::default(),
            databases: Arc::default(),
            transfers: Arc::default(),
        }
    }
}

impl Nudges {
    /// Outbox rows were committed.
    pub fn outbox(&self) {
        self.outbox.notify_one();
    }

    /// A wanted row, tombstone or operation of this node was committed, or the node came back.
    pub fn node(&self, node: NodeId) {
        self.nodes.due.lock().insert(node);
        self.nodes.wake.notify_one();
    }

    /// A right, session or key was taken away.
    pub fn revoked(&self) {
        // No receiver: nothing serves the bus in this process.
        drop(self.revoked.send(()));
        self.rights();
    }

    /// Rights that were given out for long may have to be judged again; [`Nudges::revoked`] says so too.
    pub fn rights(&self) {
        self.rights.notify_one();
    }

    /// Waits for [`Nudges::rights`].
    pub async fn rights_due(&self) {
        self.rights.notified().await;
    }

    /// Something is to be done on a database host, or there is room again to do it.
    pub fn databases(&self) {
        self.databases.notify_one();
    }

    /// Waits for [`Nudges::databases`].
    pub async fn databases_due(&self) {
        self.databases.notified().await;
    }

    /// A transfer was begun, or is to go on.
    pub fn transfers(&self) {
        self.transfers.notify_one();
    }

    /// Waits for [`Nudges::transfers`].
    pub async fn transfers_due(&self) {
        self.transfers.notified().await;
    }

    /// Waits for [`Nudges::outbox`].
    pub async fn outbox_due(&self) {
        self.outbox.notified().await;
    }

    /// Waits for nodes to look at; each once, however often it was named.
    pub async fn nodes_due(&self) -> BTreeSet<NodeId> {
        loop {
            let due = std::mem::take(&mut *self.nodes.due.lock());
            if !due.is_empty() {
                return due;
            }
            self.nodes.wake.notified().await;
        }
    }

    /// Hears of [`Nudges::revoked`].
    #[must_use]
    pub fn on_revoked(&self) -> broadcast::Receiver<()> {
        self.revoked.subscribe()
    }
}
