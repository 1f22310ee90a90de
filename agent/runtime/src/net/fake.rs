//! A network in memory, for tests of what stands above.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Attached, NetKey, NetSpec, Network};
use crate::runtime::{BoxFuture, Result};

/// Remembers what was asked for. Clones share it.
#[derive(Clone, Default)]
pub struct FakeNetwork {
    servers: Arc<Mutex<BTreeMap<NetKey, NetSpec>>>,
}

impl FakeNetwork {
    /// What is wanted for a server at the moment.
    pub fn spec(&self, key: &NetKey) -> Option<NetSpec> {
        self.servers.lock().get(key).cloned()
    }
}

fn attached(key: &NetKey) -> Attached {
    Attached {
        key: key.clone(),
        netns: PathBuf::from(format!("/run/netns/fake-{key}")),
        address: Ipv4Addr::new(10, 88, 0, 2),
        gateway: Ipv4Addr::new(10, 88, 0, 1),
        veth: "lo".into(),
    }
}

impl Network for FakeNetwork {
    fn ensure<'a>(&'a self, key: &'a NetKey, spec: &'a NetSpec) -> BoxFuture<'a, Result<Attached>> {
        Box::pin(async move {
            self.servers.lock().insert(key.clone(), spec.clone());
            Ok(attached(key))
        })
    }

    fn remove<'a>(&'a self, key: &'a NetKey) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.servers.lock().remove(key);
            Ok(())
        })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Attached>>> {
        Box::pin(async { Ok(self.servers.lock().keys().map(attached).collect()) })
    }

    fn repair(&self) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async { Ok(false) })
    }

    fn cleanup_all(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            self.servers.lock().clear();
            Ok(())
        })
    }
}
