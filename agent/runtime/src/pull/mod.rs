//! Images from registries into containerd, with core v1 services alone, so that 1.6 and 2.x are one
//! path: manifest, blobs into the content store under a lease, layers into snapshots, a name.

mod auth;
mod blob;
mod flight;
mod lease;
mod local;
mod manifest;
mod registry;
mod store;
mod unpack;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use containerd_client::services::v1 as api;
use containerd_client::types::Descriptor as ApiDescriptor;
use futures_util::future::try_join_all;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

use crate::containerd::client::{Client, QUICK, call};
use crate::containerd::room::Room;
use crate::runtime::image::BlobProgress;
use crate::runtime::{
    Error, ImageProblem, ImageRef, PullPhase, PullPolicy, PullProgress, PullRequest, Pulled,
    RegistryAuth, Result,
};
use blob::{Fetch, Watcher};
use flight::Flights;
use lease::Lease;
use manifest::{Config, Descriptor, Manifest, Parsed};
use registry::Session;

pub use local::{Local, LocalImage};

/// Blobs in transfer at once, per node.
const PARALLEL: usize = 3;
const CONFIG_LIMIT: u64 = 8 << 20;

/// Pulls for one containerd namespace.
pub struct Puller {
    work: Arc<Work>,
    flights: Flights<Result<Pulled, Arc<Error>>>,
}

struct Work {
    client: Client,
    http: reqwest::Client,
    insecure: Vec<String>,
    slots: Semaphore,
    /// One transfer per digest: containerd locks the name of a transfer.
    blobs: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    local: Arc<Local>,
    room: Arc<Room>,
}

impl Puller {
    /// `insecure`: registries spoken to over plain http, besides those on loopback. `ca_files`: PEM files of CAs
    /// to trust besides the machine's own.
    pub fn new(
        client: Client,
        local: Arc<Local>,
        room: Arc<Room>,
        insecure: Vec<String>,
        ca_files: &[PathBuf],
    ) -> Result<Self> {
        let http = registry::http(ca_files)?;
        Ok(Self {
            work: Arc::new(Work {
                client,
                http,
                insecure,
                slots: Semaphore::new(PARALLEL),
                blobs: Mutex::new(HashMap::new()),
                local,
                room,
            }),
            flights: Flights::default(),
        })
    }

    pub async fn pull(&self, request: PullRequest) -> Result<Pulled> {
        let here = self.work.local.find(&request.image).await?;
        match (request.policy, here) {
            (PullPolicy::Never, None) => {
                return Err(Error::image(&request.image, ImageProblem::Absent));
            }
            (PullPolicy::Never | PullPolicy::IfMissing, Some(image)) => {
                return Ok(done(&request, image.digest.clone(), None));
            }
            _ => {}
        }
        let problem = match self.fetch(&request).await {
            Ok(pulled) => return Ok(pulled),
            Err(Error::Image { problem, .. }) => problem,
            Err(other) => return Err(other),
        };
        // A registry that is down must not keep a game from starting. One that says no does.
        let down = matches!(
            problem,
            ImageProblem::Unreachable(_)
                | ImageProblem::RateLimited(_)
                | ImageProblem::Untrusted { .. }
                | ImageProblem::NoTls(_)
        );
        match self.work.local.find(&request.image).await? {
            Some(image) if down => Ok(done(
                &request,
                image.digest.clone(),
                Some(problem.to_string()),
            )),
            _ => Err(Error::image(&request.image, problem)),
        }
    }

    /// Joins a transfer under way for the same image with the same credentials, or starts one.
    async fn fetch(&self, request: &PullRequest) -> Result<Pulled> {
        let key = (request.image.clone(), request.auth.clone());
        let work = self.work.clone();
        let (image, auth) = key.clone();
        let mut seat = self.flights.join(key, move |progress| async move {
            work.pull(image, auth, progress).await.map_err(Arc::new)
        });
        let outcome = seat.wait(request.progress.as_ref(), &request.cancel).await;
        match outcome {
            Some(Ok(pulled)) => Ok(pulled),
            Some(Err(error)) => Err(copy(&error)),
            None => Err(Error::Cancelled),
        }
    }
}

fn done(request: &PullRequest, digest: String, stale_because: Option<String>) -> Pulled {
    if let Some(progress) = &request.progress {
        progress.send_modify(|p| p.phase = PullPhase::Done);
    }
    Pulled {
        image: request.image.clone(),
        digest,
        fetched_bytes: 0,
        stale_because,
    }
}

/// The same failure for everyone who waited for it.
fn copy(error: &Error) -> Error {
    match error {
        Error::Image { image, problem } => Error::Image {
            image: image.clone(),
            problem: problem.clone(),
        },
        Error::Unavailable(text) => Error::Unavailable(text.clone()),
        Error::Invalid(text) => Error::Invalid(text.clone()),
        Error::Unsupported(text) => Error::Unsupported(text.clone()),
        Error::Timeout { what, limit } => Error::Timeout {
            what: what.clone(),
            limit: *limit,
        },
        Error::DiskFull(text) => Error::DiskFull(text.clone()),
        Error::Cancelled => Error::Cancelled,
        other => Error::Refused {
            what: "pull".into(),
            detail: other.to_string(),
        },
    }
}

type Progress = Arc<watch::Sender<PullProgress>>;

/// Reports one blob's part of the progress.
struct Part {
    progress: Progress,
    index: usize,
    fetched: Arc<std::sync::atomic::AtomicU64>,
}

impl Watcher for Part {
    fn at(&self, done_bytes: u64) {
        self.progress.send_modify(|p| {
            if let Some(blob) = p.blobs.get_mut(self.index) {
                blob.done_bytes = done_bytes;
            }
        });
    }

    fn fetched(&self, bytes: u64) {
        self.fetched
            .fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
    }

    fn resumed(&self) {
        self.progress.send_modify(|p| p.resumed += 1);
    }
}

/// A manifest chosen for this machine, and the index it came from.
struct Resolved {
    manifest: Manifest,
    raw: registry::RawManifest,
    media_type: String,
    index: Option<(registry::RawManifest, String)>,
}

impl Work {
    async fn pull(
        &self,
        image: ImageRef,
        auth: RegistryAuth,
        progress: Progress,
    ) -> Result<Pulled> {
        self.client.ensure_namespace().await?;
        let lease = Lease::create(&self.client).await?;
        let renewal = async {
            loop {
                tokio::time::sleep(lease::RENEW).await;
                if let Err(error) = lease.renew().await {
                    tracing::warn!(%image, %error, "could not renew the lease of a pull");
                }
            }
        };
        let what = format!("pull {image}");
        let outcome = tokio::select! {
            outcome = self.pull_under(&lease, &image, auth, progress.clone()) => outcome,
            full = self.room.run_out(&what) => Err(full),
            () = renewal => Err(Error::Cancelled),
        };
        let full = matches!(outcome, Err(Error::DiskFull(_)));
        if full {
            self.drop_partial(&progress).await;
        }
        // After another failure the lease stays until it expires, so that a new try finds what is here.
        if (outcome.is_ok() || full)
            && let Err(error) = lease.release().await
        {
            tracing::warn!(%image, %error, "could not release the lease of a pull");
        }
        outcome
    }

    async fn pull_under(
        &self,
        lease: &Lease,
        image: &ImageRef,
        auth: RegistryAuth,
        progress: Progress,
    ) -> Result<Pulled> {
        let name = image.to_string();
        let session = Session::new(self.http.clone(), image.clone(), auth, &self.insecure);
        let resolved = resolve(&session, image)
            .await
            .map_err(|p| Error::image(&name, p))?;
        let manifest = &resolved.manifest;
        let blobs: Vec<&Descriptor> = std::iter::once(&manifest.config)
            .chain(&manifest.layers)
            .collect();
        self.check_room(&name, &blobs).await?;
        progress.send_modify(|p| {
            p.phase = PullPhase::Downloading;
            p.blobs = blobs.iter().map(|b| blank(b)).collect();
        });
        let fetched = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let part = |index| Part {
            progress: progress.clone(),
            index,
            fetched: fetched.clone(),
        };
        if manifest.config.size > CONFIG_LIMIT as i64 {
            let text = format!("a configuration of {} bytes", manifest.config.size);
            return Err(Error::image(&name, ImageProblem::Unsupported(text)));
        }
        let fetch = async |blob: &Descriptor, labels, index| {
            self.one_blob(&session, lease, &name, blob, labels, &part(index))
                .await
        };
        fetch(&manifest.config, store::Labels::new(), 0).await?;
        let config = store::read(&self.client, &manifest.config.digest, CONFIG_LIMIT as usize);
        let config = Config::parse(
            &config.await?,
            manifest.layers.len(),
            &manifest::host_platform(),
        )
        .map_err(|p| Error::image(&name, p))?;
        // Layers come in any order, at most PARALLEL at once; each is unpacked when those below are.
        let ready: Vec<_> = manifest
            .layers
            .iter()
            .map(|_| watch::channel(false))
            .collect();
        let downloads = manifest.layers.iter().enumerate().map(|(n, layer)| {
            let uncompressed = config.rootfs.diff_ids.get(n).cloned().unwrap_or_default();
            let labels = store::Labels::from([("containerd.io/uncompressed".into(), uncompressed)]);
            let (fetch, ready) = (&fetch, &ready);
            async move {
                fetch(layer, labels, n + 1).await?;
                if let Some((sender, _)) = ready.get(n) {
                    sender.send_replace(true);
                }
                Ok::<_, Error>(())
            }
        });
        let unpacking = async {
            let mut unpacker = unpack::Unpacker::new(&self.client, lease, &name, &config);
            for (layer, (_, ready)) in manifest.layers.iter().zip(&ready) {
                // The sender lives beside us; an error would mean the download failed first.
                let _ = ready.clone().wait_for(|r| *r).await;
                unpacker.layer(layer).await?;
                progress.send_modify(|p| p.layers_unpacked += 1);
            }
            Ok::<_, Error>(unpacker.top())
        };
        let all = async {
            try_join_all(downloads).await?;
            progress.send_modify(|p| p.phase = PullPhase::Unpacking);
            Ok::<_, Error>(())
        };
        let ((), top) = tokio::try_join!(all, unpacking)?;
        let digest = self.record(lease, &name, &resolved, &top).await?;
        self.local.forget(&digest);
        progress.send_modify(|p| p.phase = PullPhase::Done);
        Ok(Pulled {
            image: image.clone(),
            digest,
            fetched_bytes: fetched.load(std::sync::atomic::Ordering::Relaxed),
            stale_because: None,
        })
    }

    /// Half a blob on a full disk is in everybody's way.
    async fn drop_partial(&self, progress: &Progress) {
        let blobs = progress.borrow().blobs.clone();
        for blob in blobs {
            if let Err(error) = store::abort(&self.client, &blob.digest).await {
                tracing::warn!(blob = %blob.digest, %error, "could not drop half a transfer");
            }
        }
    }

    /// What is missing must fit, both packed and (at least as large) unpacked, before the first byte is fetched.
    async fn check_room(&self, image: &str, blobs: &[&Descriptor]) -> Result<()> {
        let mut missing = 0_u64;
        for blob in blobs {
            if !store::present(&self.client, &blob.digest).await? {
                missing = missing.saturating_add(u64::try_from(blob.size).unwrap_or(0));
            }
        }
        let what = format!("pull {image}");
        self.room.check(&what, missing.saturating_mul(2)).await
    }

    async fn one_blob(
        &self,
        session: &Session,
        lease: &Lease,
        image: &str,
        blob: &Descriptor,
        labels: store::Labels,
        watcher: &dyn Watcher,
    ) -> Result<()> {
        let lock = self
            .blobs
            .lock()
            .entry(blob.digest.clone())
            .or_default()
            .clone();
        let held = lock.lock().await;
        let outcome = match self.slots.acquire().await {
            Ok(_slot) => {
                let fetch = Fetch {
                    client: &self.client,
                    session,
                    lease,
                    image,
                    blob,
                    labels,
                    watcher,
                };
                fetch.run().await
            }
            Err(_) => Err(Error::Cancelled),
        };
        drop(held);
        let mut blobs = self.blobs.lock();
        // Two handles: the map's and ours. Otherwise somebody waits for it.
        if Arc::strong_count(&lock) == 2 {
            blobs.remove(&blob.digest);
        }
        outcome
    }

    /// Ties everything together with labels, then gives it its name.
    async fn record(
        &self,
        lease: &Lease,
        name: &str,
        resolved: &Resolved,
        top: &str,
    ) -> Result<String> {
        let (client, lease) = (&self.client, lease.id());
        let manifest = &resolved.manifest;
        let snapshot = format!("containerd.io/gc.ref.snapshot.{}", client.snapshotter);
        let on_config = store::Labels::from([(snapshot, top.to_owned())]);
        store::label(client, &manifest.config.digest, on_config).await?;
        let mut refs = store::Labels::from([(
            "containerd.io/gc.ref.content.config".to_owned(),
            manifest.config.digest.clone(),
        )]);
        for (n, layer) in manifest.layers.iter().enumerate() {
            let key = format!("containerd.io/gc.ref.content.l.{n}");
            refs.insert(key, layer.digest.clone());
        }
        let raw = &resolved.raw;
        store::put(client, &lease, &raw.digest, &raw.bytes, refs).await?;
        let mut target = (raw, &resolved.media_type);
        if let Some((index, media_type)) = &resolved.index {
            let key = "containerd.io/gc.ref.content.m.0".to_owned();
            let refs = store::Labels::from([(key, raw.digest.clone())]);
            store::put(client, &lease, &index.digest, &index.bytes, refs).await?;
            target = (index, media_type);
        }
        let (raw, media_type) = target;
        let descriptor = ApiDescriptor {
            media_type: media_type.clone(),
            digest: raw.digest.clone(),
            size: raw.bytes.len() as i64,
            annotations: HashMap::new(),
        };
        name_image(client, name, descriptor).await?;
        Ok(raw.digest.clone())
    }
}

fn blank(blob: &Descriptor) -> BlobProgress {
    BlobProgress {
        digest: blob.digest.clone(),
        done_bytes: 0,
        total_bytes: u64::try_from(blob.size).unwrap_or(0),
    }
}

async fn resolve(
    session: &Session,
    image: &ImageRef,
) -> std::result::Result<Resolved, ImageProblem> {
    let raw = session.manifest(image.version()).await?;
    let (parsed, media_type) = manifest::parse(&raw.bytes, raw.media_type.as_deref())?;
    let entries = match parsed {
        Parsed::Manifest(manifest) => {
            return Ok(Resolved {
                manifest,
                raw,
                media_type,
                index: None,
            });
        }
        Parsed::Index(entries) => entries,
    };
    let entry = manifest::choose(&entries, &manifest::host_platform())?;
    let index = Some((raw, media_type));
    let raw = session.manifest(&entry.digest).await?;
    match manifest::parse(&raw.bytes, raw.media_type.as_deref())? {
        (Parsed::Manifest(manifest), media_type) => Ok(Resolved {
            manifest,
            raw,
            media_type,
            index,
        }),
        (Parsed::Index(_), _) => Err(ImageProblem::Unsupported("an index of indexes".into())),
    }
}

async fn name_image(client: &Client, name: &str, target: ApiDescriptor) -> Result<()> {
    let image = api::Image {
        name: name.to_owned(),
        target: Some(target),
        ..Default::default()
    };
    let request = client.request(api::CreateImageRequest {
        image: Some(image.clone()),
        source_date_epoch: None,
    });
    match call("name an image", QUICK, client.images().create(request)).await {
        Err(Error::Conflict { .. }) => {}
        other => return other.map(drop),
    }
    let request = client.request(api::UpdateImageRequest {
        image: Some(image),
        update_mask: None,
        source_date_epoch: None,
    });
    call("name an image", QUICK, client.images().update(request)).await?;
    Ok(())
}
