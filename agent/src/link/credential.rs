//! Renewing the node's credential: mostly for the same key, once in `rotate_after_s` for a new one. Every key that
//! is given up stays on the bus' list of refused ones until the last credential for it has ended, so keys are
//! not changed without need.
//!
//! A new key stands on disk before control hears of it and the old one until the new one has
//! spoken, so a kill between any two steps leaves a key that control takes.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::{info, warn};
use warren_proto::bus::{Bus, Seed};
use warren_proto::subjects::{self, up};
use warren_proto::wire;

use crate::clock;
use crate::identity::{Credential, Identity};
use crate::node::Node;

const CALL: Duration = Duration::from_secs(10);
/// After a failure or a success it is not tried again for so long.
const PAUSE: Duration = Duration::from_secs(600);

/// Says in a hello that a newer key is in use, so that control retires the old one.
pub fn introduce(node: &Node, bus: &Bus, hello: &mut wire::Hello) -> anyhow::Result<()> {
    let creds = bus.creds();
    let is_next = |next: &Credential| next.jwt == creds.jwt;
    if !node.identity().next.as_ref().is_some_and(is_next) {
        return Ok(());
    }
    let key = creds.seed.key()?;
    hello.public_key = key.public_key();
    let text = format!("{}\n{}\n{}", node.id, hello.boot, hello.public_key);
    hello.key_proof = key.sign(text.as_bytes())?;
    Ok(())
}

/// Cheap handle.
#[derive(Clone)]
pub struct Renewal {
    node: Arc<Node>,
    bus: Bus,
    next_try: Arc<Mutex<Option<Instant>>>,
}

impl Renewal {
    /// For one connection.
    pub fn new(node: Arc<Node>, bus: Bus) -> Self {
        Self {
            node,
            bus,
            next_try: Arc::default(),
        }
    }

    /// Control has answered hello on this connection: the key it was made with is the good one.
    pub fn spoken(&self) {
        let speaking = self.bus.creds().jwt;
        let changed = self.node.change_identity(|identity| {
            let next = identity.next.take_if(|n| n.jwt == speaking);
            if let Some(next) = next {
                identity.current = next;
                identity.key_since_ms = clock::wall_ms();
                return true;
            }
            // A candidate stays: control may have it down already, and it is asked for again.
            false
        });
        match changed {
            Ok(true) => info!("the node's new key is in use"),
            Ok(false) => {}
            Err(e) => warn!("{e:#}"),
        }
    }

    /// The bus refuses the key at hand: if there is another one, it is tried.
    pub async fn refused(&self) {
        let speaking = self.bus.creds().jwt;
        let identity = self.node.identity();
        let all = identity.next.iter().chain([&identity.current]);
        let other = all
            .filter(|c| !c.jwt.is_empty())
            .find(|c| c.jwt != speaking);
        let Some(other) = other else { return };
        info!("trying the node's other key");
        // A candidate that is refused will never do; another is asked for when it is time.
        let forgotten = self.node.change_identity(|identity| {
            let refused = identity.next.take_if(|n| n.jwt == speaking);
            refused.is_some()
        });
        if let Err(e) = forgotten {
            warn!("{e:#}");
        }
        match other.creds() {
            Ok(creds) => {
                if let Err(e) = self.bus.set_creds(creds, true).await {
                    warn!("{e}");
                }
            }
            Err(e) => warn!("{e:#}"),
        }
    }

    /// Renews if it is time. Called with each heartbeat.
    pub async fn tick(&self) {
        {
            let mut next_try = self.next_try.lock();
            if next_try.is_some_and(|at| Instant::now() < at) || !self.due() {
                return;
            }
            *next_try = Some(Instant::now() + PAUSE);
        }
        match self.renew().await {
            Ok(()) => info!("the node's credential was renewed"),
            Err(e) => warn!("the node's credential was not renewed, trying later: {e:#}"),
        }
    }

    fn due(&self) -> bool {
        let expires = self.bus.creds().expires();
        let now_s = clock::wall_ms() / 1000;
        let left = expires.ok().flatten().map(|at| at - now_s);
        left.is_some_and(|left| left < self.node.config.renew_before_s)
    }

    async fn renew(&self) -> anyhow::Result<()> {
        let identity = self.node.identity();
        let now_ms = clock::wall_ms();
        if identity.rotates(now_ms, self.node.config.rotate_after_s) {
            return self.rotate(&identity).await;
        }
        let mut current = identity.current;
        let key = current.seed.key()?;
        current.jwt = self.ask(&key).await?;
        let creds = current.creds()?;
        self.node.change_identity(|identity| {
            // Rotated meanwhile: this is not the key in use any more.
            let same = identity.current.seed == current.seed;
            if same {
                identity.current = current.clone();
                if identity.key_since_ms == 0 {
                    identity.key_since_ms = now_ms;
                }
            }
            same
        })?;
        // The connection goes on; the next one takes it.
        self.bus.set_creds(creds, false).await?;
        Ok(())
    }

    async fn ask(&self, key: &nkeys::KeyPair) -> anyhow::Result<String> {
        let ask = wire::Renew {
            public_key: key.public_key(),
            proof: key.sign(format!("{}\n{}", self.node.id, key.public_key()).as_bytes())?,
        };
        let subject = subjects::ask(self.node.id, up::RENEW);
        let node = Some(self.node.id);
        let renewed: wire::Renewed = self.bus.call(subject, up::RENEW, node, &ask, CALL).await?;
        Ok(renewed.jwt)
    }

    async fn rotate(&self, identity: &Identity) -> anyhow::Result<()> {
        let seed = match &identity.next {
            // Signed already: it is seen through. Another would be lost to the limit on new keys, and with it
            // the one that control is about to take for ours.
            Some(next) if !next.jwt.is_empty() => {
                if next.jwt != self.bus.creds().jwt {
                    self.bus.set_creds(next.creds()?, true).await?;
                }
                return Ok(());
            }
            // One whose answer was lost is asked for again: control has it down already.
            Some(next) => next.seed.clone(),
            None => Seed::of(&nkeys::KeyPair::new_user())?,
        };
        // On disk first: control may take the key and its answer be lost.
        self.node.change_identity(|identity| {
            identity.next = Some(Credential {
                seed: seed.clone(),
                jwt: String::new(),
            });
            true
        })?;
        let jwt = self.ask(&seed.key()?).await?;
        let credential = Credential { seed, jwt };
        let creds = credential.creds()?;
        self.node.change_identity(|identity| {
            identity.next = Some(credential.clone());
            true
        })?;
        self.bus.set_creds(creds, true).await?;
        Ok(())
    }
}
