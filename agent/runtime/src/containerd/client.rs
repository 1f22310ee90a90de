//! The gRPC channel to containerd: namespace, lease and deadline on every call, errors by meaning.

use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use containerd_client::services::v1 as api;
use containerd_client::services::v1::snapshots::snapshots_client::SnapshotsClient;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};

use crate::runtime::{Error, Result};

/// Enough for anything that touches only containerd's database.
pub const QUICK: Duration = Duration::from_secs(15);
/// For calls that run runc or wait for a shim.
pub const SLOW: Duration = Duration::from_secs(60);

/// A cheap handle. The channel connects on first use and again after every loss.
#[derive(Clone)]
pub struct Client {
    channel: Channel,
    socket: PathBuf,
    namespace: MetadataValue<Ascii>,
    namespace_text: String,
    pub snapshotter: String,
}

impl Client {
    /// # Errors
    /// `Invalid` if the namespace is not plain ASCII.
    pub fn new(socket: &Path, namespace: &str, snapshotter: &str) -> Result<Self> {
        let path = socket.to_owned();
        let endpoint = Endpoint::try_from("http://containerd.invalid")
            .map_err(|e| Error::Invalid(e.to_string()))?
            .connect_timeout(Duration::from_secs(5));
        let channel = endpoint.connect_with_connector_lazy(tower_service(path));
        Ok(Self {
            channel,
            socket: socket.to_owned(),
            namespace: namespace
                .parse()
                .map_err(|_| Error::Invalid(format!("{namespace:?} is no namespace")))?,
            namespace_text: namespace.to_owned(),
            snapshotter: snapshotter.to_owned(),
        })
    }

    pub fn namespace(&self) -> &str {
        &self.namespace_text
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// A request with our namespace. containerd wants it on every call, even on `Namespaces.Create`.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request
            .metadata_mut()
            .insert("containerd-namespace", self.namespace.clone());
        request
    }

    /// As [`Self::request`]; what it makes belongs to the lease.
    pub fn leased<T>(&self, message: T, lease: &str) -> Result<Request<T>> {
        let mut request = self.request(message);
        let lease = lease
            .parse()
            .map_err(|_| Error::Invalid(format!("{lease:?} is no lease")))?;
        request.metadata_mut().insert("containerd-lease", lease);
        Ok(request)
    }

    pub fn tasks(&self) -> api::tasks_client::TasksClient<Channel> {
        api::tasks_client::TasksClient::new(self.channel.clone())
            .max_decoding_message_size(64 << 20)
    }

    pub fn containers(&self) -> api::containers_client::ContainersClient<Channel> {
        api::containers_client::ContainersClient::new(self.channel.clone())
            .max_decoding_message_size(64 << 20)
    }

    pub fn content(&self) -> api::content_client::ContentClient<Channel> {
        api::content_client::ContentClient::new(self.channel.clone())
            .max_decoding_message_size(64 << 20)
    }

    pub fn images(&self) -> api::images_client::ImagesClient<Channel> {
        api::images_client::ImagesClient::new(self.channel.clone())
            .max_decoding_message_size(64 << 20)
    }

    pub fn snapshots(&self) -> SnapshotsClient<Channel> {
        SnapshotsClient::new(self.channel.clone())
    }

    pub fn leases(&self) -> api::leases_client::LeasesClient<Channel> {
        api::leases_client::LeasesClient::new(self.channel.clone())
    }

    pub fn diff(&self) -> api::diff_client::DiffClient<Channel> {
        api::diff_client::DiffClient::new(self.channel.clone())
    }

    pub fn events(&self) -> api::events_client::EventsClient<Channel> {
        api::events_client::EventsClient::new(self.channel.clone())
    }

    pub fn version(&self) -> api::version_client::VersionClient<Channel> {
        api::version_client::VersionClient::new(self.channel.clone())
    }

    pub fn introspection(&self) -> api::introspection_client::IntrospectionClient<Channel> {
        api::introspection_client::IntrospectionClient::new(self.channel.clone())
    }

    /// Makes our namespace if it is missing.
    pub async fn ensure_namespace(&self) -> Result<()> {
        let mut client = api::namespaces_client::NamespacesClient::new(self.channel.clone());
        let request = self.request(api::CreateNamespaceRequest {
            namespace: Some(api::Namespace {
                name: self.namespace_text.clone(),
                labels: HashMap::new(),
            }),
        });
        match call("create the namespace", QUICK, client.create(request)).await {
            Err(Error::Conflict { .. }) => Ok(()),
            other => other.map(drop),
        }
    }
}

impl Client {
    /// Removes our namespace, which must be empty.
    pub async fn delete_namespace(&self) -> Result<()> {
        let mut client = api::namespaces_client::NamespacesClient::new(self.channel.clone());
        let request = self.request(api::DeleteNamespaceRequest {
            name: self.namespace_text.clone(),
        });
        call("delete the namespace", QUICK, client.delete(request)).await?;
        Ok(())
    }
}

fn tower_service(
    path: PathBuf,
) -> impl tower::Service<
    tonic::transport::Uri,
    Response = TokioIo<UnixStream>,
    Error = std::io::Error,
    Future = impl Future<Output = std::io::Result<TokioIo<UnixStream>>> + Send,
> + Send {
    tower::service_fn(move |_| {
        let path = path.clone();
        async move { Ok(TokioIo::new(UnixStream::connect(path).await?)) }
    })
}

/// Awaits one answer with a deadline and gives failures their meaning.
pub async fn call<T>(
    what: &str,
    limit: Duration,
    answer: impl Future<Output = std::result::Result<Response<T>, Status>>,
) -> Result<T> {
    match tokio::time::timeout(limit, answer).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(explain(what, &status)),
        Err(_) => Err(Error::Timeout {
            what: what.to_owned(),
            limit,
        }),
    }
}

/// What a status means to us. A broken connection shows under several codes.
pub fn explain(what: &str, status: &Status) -> Error {
    let detail = status.message().to_owned();
    if is_transport(status) {
        return Error::Unavailable(format!("{what}: {detail}"));
    }
    if detail.contains("no space left on device") || detail.contains("disk quota exceeded") {
        return Error::DiskFull(format!(
            "{what}: containerd's disk is full ({detail}): free space on it, then try again"
        ));
    }
    let what = what.to_owned();
    match status.code() {
        Code::NotFound => Error::NotFound { what },
        Code::AlreadyExists => Error::Conflict { what },
        Code::Unavailable => Error::Unavailable(format!("{what}: {detail}")),
        Code::InvalidArgument => Error::Invalid(format!("{what}: {detail}")),
        Code::Unimplemented => Error::Unsupported(format!("{what}: {detail}")),
        Code::DeadlineExceeded => Error::Timeout {
            what,
            limit: Duration::ZERO,
        },
        _ => Error::Refused { what, detail },
    }
}

fn is_transport(status: &Status) -> bool {
    let mut source = std::error::Error::source(status);
    while let Some(cause) = source {
        if cause.is::<tonic::transport::Error>()
            || cause.is::<std::io::Error>()
            || cause.is::<hyper::Error>()
        {
            return true;
        }
        source = cause.source();
    }
    // What the daemon itself says while it goes down.
    let text = status.message();
    matches!(
        status.code(),
        Code::Unknown | Code::Internal | Code::Cancelled
    ) && [
        "transport error",
        "h2 protocol error",
        "server is shutting down",
        "connection error",
    ]
    .iter()
    .any(|sign| text.contains(sign))
}

/// A point in time as containerd gives it.
pub fn time(stamp: Option<prost_types::Timestamp>) -> std::time::SystemTime {
    let epoch = std::time::SystemTime::UNIX_EPOCH;
    let Some(stamp) = stamp else { return epoch };
    let seconds = Duration::from_secs(u64::try_from(stamp.seconds).unwrap_or(0));
    let nanos = Duration::from_nanos(u64::try_from(stamp.nanos).unwrap_or(0));
    epoch.checked_add(seconds + nanos).unwrap_or(epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_from_a_refusal() {
        let text = "write /var/lib/containerd/x: no space left on device: unknown";
        let full = explain("write a blob", &Status::unknown(text));
        assert_eq!(full.code(), "disk_full");
        assert!(full.to_string().contains("/var/lib/containerd/x") && !full.retryable());
        let other = explain("write a blob", &Status::unknown("unexpected commit digest"));
        assert_eq!(other.code(), "refused");
    }
}
