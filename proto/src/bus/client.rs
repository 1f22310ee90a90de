//! `Bus`: one connection, shared by cloning. Everything that waits has a deadline, every queue a bound and a
//! count of what it dropped, and nothing is queued for a server that is not there.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use async_nats::{Auth, AuthError, Client, ConnectOptions, Message, RequestErrorKind};
use bytes::Bytes;
use futures_util::StreamExt;
use rand::Rng;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::timeout;

use super::creds::{self, Creds};
use super::events::{Counters, Event, Link, count};
use super::tls;
use super::version::{Caps, Support, Version};

/// What one subscription may hold inside the client. Its task only moves messages on, so this fills only
/// when the whole process is starved.
const CLIENT_CAPACITY: usize = 8192;
/// A connection whose line was cut in silence is noticed after two to three of these.
const PING_EVERY: Duration = Duration::from_secs(4);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a publish may wait for room in the client's own queue.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("bus: not connected")]
    Disconnected,
    #[error("bus: the servers refuse this credential: {0}")]
    Refused(String),
    #[error("bus: no answer within {0:?}")]
    Timeout(Duration),
    #[error("bus: nobody is there to answer")]
    NoResponders,
    #[error(
        "bus: nats-server {0} is too old, 2.9.10 is the oldest that works: install a newer one"
    )]
    ServerTooOld(Version),
    #[error("bus: nats-server tells no version: {0}")]
    ServerUnknown(String),
    #[error("bus: {0}")]
    Config(String),
    #[error("bus: {0}")]
    Creds(#[from] creds::Error),
    #[error("bus: {0}")]
    Client(String),
}

impl Error {
    /// Whether the same call may succeed later without anyone changing anything.
    pub fn retryable(&self) -> bool {
        matches!(
            self,
            Self::Disconnected | Self::Timeout(_) | Self::NoResponders | Self::Client(_)
        )
    }
}

#[derive(Debug, Clone)]
pub struct Options {
    /// `nats://host:port` or `tls://host:port`; all members of the cluster that this program can reach.
    pub urls: Vec<String>,
    /// Shown on the server's monitoring pages. Trusted by nobody.
    pub name: String,
    pub creds: Creds,
    /// PEM of the only CA that may vouch for a server. With it TLS is a must; without it TLS is used when the
    /// server asks for it and the system's roots are trusted.
    pub ca_pem: Option<String>,
}

/// A shared connection. Dropping the last clone closes it.
#[derive(Clone)]
pub struct Bus {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    creds: Arc<std::sync::RwLock<Creds>>,
    id: String,
    link: watch::Receiver<Link>,
    events: broadcast::Sender<Event>,
    counters: Arc<Counters>,
}

impl Bus {
    /// Starts to connect and goes on trying for ever; [`Bus::ready`] waits for it. The inbox is
    /// `_INB.<name in the credential>`.
    /// # Errors
    /// Only for what trying again can not mend: no URL, a damaged credential, a CA that does not parse.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let id = options.creds.name()?;
        options.creds.seed.key()?;
        if options.urls.is_empty() {
            return Err(Error::Config("no nats_urls given".into()));
        }
        let counters = Arc::new(Counters::default());
        let (events, _) = broadcast::channel(256);
        let (link_tx, link) = watch::channel(Link::Down);
        let refusals = Arc::new(AtomicU32::new(0));
        let creds = Arc::new(std::sync::RwLock::new(options.creds));

        let mut connect = ConnectOptions::with_auth_callback(signer(creds.clone()))
            .name(&options.name)
            .custom_inbox_prefix(format!("_INB.{id}"))
            .ping_interval(PING_EVERY)
            .connection_timeout(CONNECT_TIMEOUT)
            .request_timeout(None)
            .subscription_capacity(CLIENT_CAPACITY)
            .retry_on_initial_connect()
            // The addresses that a cluster tells are its inner ones; nodes know theirs from the join token.
            .ignore_discovered_servers()
            .reconnect_delay_callback(backoff(refusals.clone()))
            .event_callback(listener(
                link_tx,
                events.clone(),
                counters.clone(),
                refusals,
            ));
        if let Some(pem) = &options.ca_pem {
            connect = connect
                .require_tls(true)
                .tls_client_config(tls::trusting_only(pem).map_err(Error::Config)?);
        }
        let client = connect
            .connect(options.urls.clone())
            .await
            .map_err(|e| Error::Config(format!("nats_urls {:?}: {e}", options.urls)))?;
        Ok(Self {
            inner: Arc::new(Inner {
                client,
                creds,
                id,
                link,
                events,
                counters,
            }),
        })
    }

    /// Waits until connected to a server that is new enough.
    /// # Errors
    /// [`Error::Refused`] as soon as the credential is refused, [`Error::Timeout`], [`Error::ServerTooOld`].
    pub async fn ready(&self, within: Duration) -> Result<Version, Error> {
        let mut link = self.inner.link.clone();
        let settled = timeout(within, link.wait_for(|l| *l != Link::Down)).await;
        match settled
            .map_err(|_| Error::Timeout(within))?
            .map(|l| l.clone())
        {
            Ok(Link::Up) => self.server_version(),
            Ok(Link::Refused { reason }) => Err(Error::Refused(reason)),
            Ok(Link::Down | Link::Closed) | Err(_) => Err(Error::Disconnected),
        }
    }

    /// # Errors
    /// [`Error::Disconnected`] before the first connection, [`Error::ServerTooOld`] below the floor.
    pub fn server_version(&self) -> Result<Version, Error> {
        let info = self
            .inner
            .client
            .try_server_info()
            .ok_or(Error::Disconnected)?;
        let version: Version = info
            .version
            .parse()
            .map_err(|_| Error::ServerUnknown(info.version.clone()))?;
        match version.support() {
            Support::TooOld => Err(Error::ServerTooOld(version)),
            Support::Dated | Support::Fine => Ok(version),
        }
    }

    /// # Errors
    /// As [`Bus::server_version`].
    pub fn caps(&self) -> Result<Caps, Error> {
        Ok(self.server_version()?.caps())
    }

    /// The id in the credential, which the inbox carries too.
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// The credential that the next (re)connect will show.
    pub fn creds(&self) -> Creds {
        match self.inner.creds.read() {
            Ok(creds) => creds.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        }
    }

    /// Replaces the credential (renewal, new key) for the next connect; with `now` that happens at once.
    /// # Errors
    /// If it names another id: the inbox and all rights hang on the id.
    pub async fn set_creds(&self, creds: Creds, now: bool) -> Result<(), Error> {
        let name = creds.name()?;
        if name != self.inner.id {
            return Err(Error::Config(format!(
                "credential of {name} on a connection of {}",
                self.inner.id
            )));
        }
        match self.inner.creds.write() {
            Ok(mut slot) => *slot = creds,
            Err(poisoned) => *poisoned.into_inner() = creds,
        }
        if now {
            let reconnect = timeout(PUBLISH_TIMEOUT, self.inner.client.force_reconnect()).await;
            reconnect
                .map_err(|_| Error::Timeout(PUBLISH_TIMEOUT))?
                .map_err(|e| Error::Client(e.to_string()))?;
        }
        Ok(())
    }

    pub fn link(&self) -> watch::Receiver<Link> {
        self.inner.link.clone()
    }

    pub fn is_up(&self) -> bool {
        *self.inner.link.borrow() == Link::Up
    }

    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    pub fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    /// The client below, for JetStream (control) and for tests.
    pub fn raw(&self) -> &Client {
        &self.inner.client
    }

    /// Publishes what may be lost. Refused while not connected, instead of piling up.
    /// # Errors
    /// [`Error::Disconnected`], [`Error::Timeout`].
    pub async fn publish(&self, subject: String, body: Bytes) -> Result<(), Error> {
        self.within_publish(self.inner.client.publish(subject, body))
            .await
    }

    /// Publishes an answer or a request whose answer goes to `reply`.
    /// # Errors
    /// As [`Bus::publish`].
    pub async fn publish_with_reply(
        &self,
        subject: String,
        reply: String,
        body: Bytes,
    ) -> Result<(), Error> {
        self.within_publish(self.inner.client.publish_with_reply(subject, reply, body))
            .await
    }

    async fn within_publish<E: fmt::Display>(
        &self,
        publish: impl Future<Output = Result<(), E>>,
    ) -> Result<(), Error> {
        if !self.is_up() {
            return Err(Error::Disconnected);
        }
        timeout(PUBLISH_TIMEOUT, publish)
            .await
            .map_err(|_| Error::Timeout(PUBLISH_TIMEOUT))?
            .map_err(|e| Error::Client(e.to_string()))
    }

    /// Asks and waits for one answer. `within` bounds all of it, the wait for room in the queue included.
    /// Refused at once while not connected, so that no request is sent after its asker has gone.
    /// # Errors
    /// [`Error::Disconnected`], [`Error::Timeout`], [`Error::NoResponders`] (2.10 and newer, across accounts).
    pub async fn request(
        &self,
        subject: String,
        body: Bytes,
        within: Duration,
    ) -> Result<Bytes, Error> {
        if !self.is_up() {
            return Err(Error::Disconnected);
        }
        let request = async_nats::Request::new().payload(body).timeout(None);
        let answer = timeout(within, self.inner.client.send_request(subject, request)).await;
        match answer {
            Err(_) => {
                count(&self.inner.counters.unanswered);
                Err(Error::Timeout(within))
            }
            Ok(Ok(message)) => Ok(message.payload),
            Ok(Err(e)) if e.kind() == RequestErrorKind::NoResponders => Err(Error::NoResponders),
            Ok(Err(e)) => Err(Error::Client(e.to_string())),
        }
    }

    /// Subscribes; at most `capacity` messages wait for the caller, more are dropped and counted.
    /// # Errors
    /// [`Error::Client`] for a subject that can not be; a denial comes later, as [`Event::Denied`].
    pub async fn subscribe(&self, subject: String, capacity: usize) -> Result<Subscription, Error> {
        let subscriber = timeout(PUBLISH_TIMEOUT, self.inner.client.subscribe(subject)).await;
        self.drained(subscriber, capacity)
    }

    /// As [`Bus::subscribe`]; each message goes to one member of `queue`.
    /// # Errors
    /// As [`Bus::subscribe`].
    pub async fn queue_subscribe(
        &self,
        subject: String,
        queue: &str,
        capacity: usize,
    ) -> Result<Subscription, Error> {
        let subscribe = self.inner.client.queue_subscribe(subject, queue.to_owned());
        let subscriber = timeout(PUBLISH_TIMEOUT, subscribe).await;
        self.drained(subscriber, capacity)
    }

    fn drained<E: fmt::Display>(
        &self,
        subscriber: Result<Result<async_nats::Subscriber, E>, tokio::time::error::Elapsed>,
        capacity: usize,
    ) -> Result<Subscription, Error> {
        let mut subscriber = subscriber
            .map_err(|_| Error::Timeout(PUBLISH_TIMEOUT))?
            .map_err(|e| Error::Client(e.to_string()))?;
        let (tx, rx) = mpsc::channel(capacity.max(1));
        let dropped = Arc::new(AtomicU64::new(0));
        let (mine, all) = (dropped.clone(), self.inner.counters.clone());
        let task = tokio::spawn(async move {
            while let Some(message) = subscriber.next().await {
                match tx.try_send(message) {
                    Ok(()) => {}
                    Err(mpsc::error::TrySendError::Full(_)) => {
                        count(&mine);
                        count(&all.dropped);
                    }
                    Err(mpsc::error::TrySendError::Closed(_)) => break,
                }
            }
        });
        Ok(Subscription { rx, dropped, task })
    }

    /// Waits until what was published so far has left this process. Not a sign that anyone has it.
    /// # Errors
    /// [`Error::Timeout`].
    pub async fn flush(&self, within: Duration) -> Result<(), Error> {
        timeout(within, self.inner.client.flush())
            .await
            .map_err(|_| Error::Timeout(within))?
            .map_err(|e| Error::Client(e.to_string()))
    }

    /// Lets go of the connection after what is queued was sent.
    pub async fn close(&self, within: Duration) {
        let _ = timeout(within, self.inner.client.drain()).await;
    }
}

/// Messages of one subscription. Dropping it unsubscribes.
pub struct Subscription {
    rx: mpsc::Receiver<Message>,
    dropped: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Subscription {
    /// The next message; `None` once the connection is closed for good.
    pub async fn next(&mut self) -> Option<Message> {
        self.rx.recv().await
    }

    /// A message that is there already.
    pub fn try_next(&mut self) -> Option<Message> {
        self.rx.try_recv().ok()
    }

    /// How many messages were dropped because the caller was behind.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Signing = std::pin::Pin<Box<dyn Future<Output = Result<Auth, AuthError>> + Send + Sync>>;

/// Answers the server's nonce with the credential of this moment.
fn signer(
    creds: Arc<std::sync::RwLock<Creds>>,
) -> impl Fn(Vec<u8>) -> Signing + Send + Sync + 'static {
    move |nonce| {
        let creds = match creds.read() {
            Ok(creds) => creds.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        };
        Box::pin(async move {
            let mut auth = Auth::new();
            let key = creds.seed.key().map_err(AuthError::new)?;
            auth.signature = Some(key.sign(&nonce).map_err(AuthError::new)?);
            auth.jwt = Some(creds.jwt);
            Ok(auth)
        })
    }
}

/// Uniform 0-2 s for five tries, then up to 10 s, so that ten thousand nodes do not come back in one moment.
/// A credential that was refused six times in a row is shown about once a minute only.
fn backoff(refusals: Arc<AtomicU32>) -> impl Fn(usize) -> Duration + Send + Sync + 'static {
    let first = AtomicBool::new(true);
    move |attempt| {
        if first.swap(false, Relaxed) {
            return Duration::ZERO;
        }
        Duration::from_millis(pause_ms(attempt, refusals.load(Relaxed)))
    }
}

fn pause_ms(attempt: usize, refusals: u32) -> u64 {
    let mut rng = rand::rng();
    match (attempt, refusals) {
        (_, 6..) => rng.random_range(30_000..90_000),
        (0..=5, _) => rng.random_range(0..2_000),
        _ => rng.random_range(0..10_000),
    }
}

/// Every client event, logged once, counted, and kept as the state of the link.
fn listener(
    link: watch::Sender<Link>,
    events: broadcast::Sender<Event>,
    counters: Arc<Counters>,
    refusals: Arc<AtomicU32>,
) -> impl Fn(async_nats::Event) -> std::future::Ready<()> + Send + Sync + 'static {
    move |event| {
        let event = Event::of(event);
        match &event {
            Event::Connected => {
                count(&counters.connected);
                refusals.store(0, Relaxed);
                link.send_replace(Link::Up);
                tracing::info!("bus connected");
            }
            Event::Disconnected => {
                count(&counters.disconnected);
                link.send_if_modified(|l| std::mem::replace(l, Link::Down) == Link::Up);
                tracing::warn!("bus disconnected");
            }
            Event::Refused { reason } => {
                count(&counters.refused);
                let before = refusals.fetch_add(1, Relaxed);
                link.send_replace(Link::Refused {
                    reason: reason.clone(),
                });
                if before == 0 {
                    tracing::error!(reason, "the bus refuses this credential");
                }
            }
            Event::Denied { action, subject } => {
                count(&counters.denied);
                tracing::error!(?action, subject, "the bus denied a subject");
            }
            Event::SlowConsumer { subscription } => {
                count(&counters.slow_consumer);
                tracing::error!(
                    subscription,
                    "the client dropped messages of a subscription"
                );
            }
            Event::Closed => {
                link.send_replace(Link::Closed);
            }
            Event::LameDuck | Event::Other(_) => tracing::debug!(?event, "bus event"),
        }
        // No listener is fine.
        let _ = events.send(event);
        std::future::ready(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconnects_are_spread_and_bounded() {
        for _ in 0..1000 {
            assert!(pause_ms(3, 0) < 2_000);
            assert!(pause_ms(50, 0) < 10_000);
            assert!((30_000..90_000).contains(&pause_ms(50, 6)));
        }
        let distinct: std::collections::HashSet<u64> = (0..100).map(|_| pause_ms(1, 0)).collect();
        assert!(distinct.len() > 50);
    }

    #[test]
    fn the_first_try_does_not_wait() {
        let pause = backoff(Arc::default());
        assert_eq!(pause(1), Duration::ZERO);
    }
}
