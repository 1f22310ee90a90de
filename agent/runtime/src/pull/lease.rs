//! A lease keeps what a pull has so far from being collected. It expires, so that an agent that was
//! killed leaks nothing; what is still at work renews it.

use std::collections::HashMap;
use std::time::Duration;

use containerd_client::services::v1 as api;
use parking_lot::Mutex;
use rand::Rng as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::containerd::client::{Client, QUICK, call};
use crate::runtime::{Error, Result};

/// Twice this long a lease lives; it is renewed after this.
pub const RENEW: Duration = Duration::from_secs(1800);

pub struct Lease {
    client: Client,
    id: Mutex<String>,
}

impl Lease {
    pub async fn create(client: &Client) -> Result<Self> {
        Ok(Self {
            id: Mutex::new(make(client).await?),
            client: client.clone(),
        })
    }

    pub fn id(&self) -> String {
        self.id.lock().clone()
    }

    /// There is no call to prolong a lease: a younger one takes over what the old one holds.
    pub async fn renew(&self) -> Result<()> {
        let old = self.id();
        let new = make(&self.client).await?;
        // New resources go to the new lease from here on; then the old ones follow.
        *self.id.lock() = new.clone();
        let mut leases = self.client.leases();
        let request = self
            .client
            .request(api::ListResourcesRequest { id: old.clone() });
        let held = call("list a lease", QUICK, leases.list_resources(request)).await?;
        for resource in held.resources {
            self.add_to(&new, resource).await?;
        }
        delete(&self.client, &old).await
    }

    /// Puts a blob that was here already under the lease.
    pub async fn hold_content(&self, digest: &str) -> Result<()> {
        let resource = api::Resource {
            id: digest.to_owned(),
            r#type: "content".to_owned(),
        };
        self.add_to(&self.id(), resource).await
    }

    /// As [`Self::hold_content`] for a snapshot.
    pub async fn hold_snapshot(&self, key: &str) -> Result<()> {
        let resource = api::Resource {
            id: key.to_owned(),
            r#type: format!("snapshots/{}", self.client.snapshotter),
        };
        self.add_to(&self.id(), resource).await
    }

    async fn add_to(&self, lease: &str, resource: api::Resource) -> Result<()> {
        let request = self.client.request(api::AddResourceRequest {
            id: lease.to_owned(),
            resource: Some(resource),
        });
        match call(
            "add to a lease",
            QUICK,
            self.client.leases().add_resource(request),
        )
        .await
        {
            Err(Error::Conflict { .. }) => Ok(()),
            other => other.map(drop),
        }
    }

    /// What is referenced by an image stays, the rest goes with the next collection.
    pub async fn release(self) -> Result<()> {
        delete(&self.client, &self.id()).await
    }
}

async fn make(client: &Client) -> Result<String> {
    let id = format!("warren-pull-{:016x}", rand::rng().random::<u64>());
    let expires = (OffsetDateTime::now_utc() + 2 * RENEW)
        .format(&Rfc3339)
        .map_err(|e| Error::Invalid(e.to_string()))?;
    let request = client.request(api::CreateRequest {
        id: id.clone(),
        labels: HashMap::from([("containerd.io/gc.expire".to_owned(), expires)]),
    });
    call("create a lease", QUICK, client.leases().create(request)).await?;
    Ok(id)
}

async fn delete(client: &Client, id: &str) -> Result<()> {
    let request = client.request(api::DeleteRequest {
        id: id.to_owned(),
        sync: false,
    });
    match call("delete a lease", QUICK, client.leases().delete(request)).await {
        Err(Error::NotFound { .. }) => Ok(()),
        other => other.map(drop),
    }
}
