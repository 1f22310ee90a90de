//! Answering: every request runs in a task of its own, so that a slow one delays no other, and every
//! request is answered, failure included, unless it is somebody else's.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use prost::Message;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::client::{Bus, Error};
use super::events::count;
use super::reply::Guard;
use crate::envelope;
use crate::ids::NodeId;
use crate::subjects;
use crate::wire::Failure;

/// How long an answer may be on its way out, where that is waited for.
const SENDING: Duration = Duration::from_secs(20);

/// One request. The node is the one that its subject names.
#[derive(Clone)]
pub struct Ask {
    pub subject: String,
    pub node: Option<NodeId>,
    /// The last word of the subject.
    pub kind: String,
    /// The envelope's kind is `<kind>.signed`: the body is a signed command, on a subject that takes plain
    /// messages too.
    pub signed: bool,
    payload: Bytes,
    bus: Bus,
}

impl Ask {
    /// Reads the body: a request of this kind about this node and nothing else.
    /// # Errors
    /// A failure that is ready to be answered; counted.
    pub fn open<M: Message + Default>(&self) -> Result<M, Failure> {
        let opened = envelope::open_request(self.payload.clone(), &self.spoken(), self.node);
        self.bus
            .counted(opened)
            .map_err(|refused| failure("bad_message", &refused.to_string(), false))
    }

    /// What a handler gives back when the request is for somebody else on the same subject, and the answer is his.
    pub fn silence() -> Bytes {
        Bytes::new()
    }

    /// The answer to this request.
    pub fn ok(&self, body: &impl Message) -> Bytes {
        envelope::answer(&self.spoken(), self.node, Ok(body))
    }

    fn spoken(&self) -> String {
        let mark = if self.signed { envelope::SIGNED } else { "" };
        format!("{}{mark}", self.kind)
    }

    fn failed(&self, failure: Failure) -> Bytes {
        envelope::answer(
            &self.spoken(),
            self.node,
            Err::<&crate::wire::Accepted, _>(failure),
        )
    }

    fn of(bus: &Bus, message: &async_nats::Message) -> Self {
        let subject = message.subject.to_string();
        let kind = subject.rsplit('.').next().unwrap_or_default();
        let claimed = envelope::kind_of(&message.payload);
        Self {
            node: subjects::split(&subject).map(|(node, _)| node),
            signed: claimed.strip_prefix(kind) == Some(envelope::SIGNED),
            kind: kind.to_owned(),
            subject,
            payload: message.payload.clone(),
            bus: bus.clone(),
        }
    }
}

/// What every failed request is answered with.
pub fn failure(code: &str, message: &str, retryable: bool) -> Failure {
    Failure {
        code: code.into(),
        message: message.into(),
        retryable,
    }
}

#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Share the work with others of this queue group.
    pub queue: Option<&'static str>,
    /// Handlers that run at one time.
    pub concurrency: usize,
    /// Requests that may wait for a handler; beyond it they are answered `busy` at once.
    pub waiting: usize,
    /// A handler that takes longer is dropped and the request answered `timeout`.
    pub deadline: Duration,
    pub guard: Guard,
    /// A handler's place is free again only when its answer has left this process. For answers that are large: on a slow
    /// line they would wait in memory, as many as are asked for.
    pub until_sent: bool,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            queue: None,
            concurrency: 64,
            waiting: 1024,
            deadline: Duration::from_secs(10),
            guard: Guard::Bridged,
            until_sent: false,
        }
    }
}

/// A responder at work. Dropping it takes no more requests; those in hand are still answered.
pub struct Serving {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Serving {
    /// Takes no more requests and waits for those in hand.
    pub async fn close(self, within: Duration) {
        self.stop.cancel();
        let _ = timeout(within, self.tasks.wait()).await;
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Bus {
    /// Answers every request on `subject` with what `handler` makes of it: an envelope from [`Ask::ok`], or a
    /// failure. A panic is answered too.
    /// # Errors
    /// As [`Bus::subscribe`].
    pub async fn serve<H, F>(
        &self,
        subject: String,
        options: ServeOptions,
        handler: H,
    ) -> Result<Serving, Error>
    where
        H: Fn(Ask) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Bytes, Failure>> + Send + 'static,
    {
        let room = options.concurrency.max(1) + options.waiting;
        // The desk below never waits, so what is above `room` gets its `busy` instead of being dropped here.
        let inlet = room + 1024;
        let mut requests = match options.queue {
            Some(queue) => self.queue_subscribe(subject, queue, inlet).await?,
            None => self.subscribe(subject, inlet).await?,
        };
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let serving = Serving {
            stop: stop.clone(),
            tasks: tasks.clone(),
        };
        let desk = Desk {
            bus: self.clone(),
            room: Arc::new(Semaphore::new(room)),
            hands: Arc::new(Semaphore::new(options.concurrency.max(1))),
            handler: Arc::new(handler),
            options,
        };
        let spawner = tasks.clone();
        tasks.spawn(async move {
            loop {
                let message = tokio::select! {
                    () = stop.cancelled() => break,
                    message = requests.next() => message,
                };
                let Some(message) = message else { break };
                desk.take(&spawner, message);
            }
            spawner.close();
        });
        Ok(serving)
    }
}

struct Desk<H> {
    bus: Bus,
    room: Arc<Semaphore>,
    hands: Arc<Semaphore>,
    handler: Arc<H>,
    options: ServeOptions,
}

impl<H, F> Desk<H>
where
    H: Fn(Ask) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Bytes, Failure>> + Send + 'static,
{
    fn take(&self, tasks: &TaskTracker, message: async_nats::Message) {
        let Some(reply) = message.reply.as_ref().map(ToString::to_string) else {
            // A publish where a request belongs: nobody waits for an answer, so nothing is done.
            count(&self.bus.counters().reply_refused);
            return;
        };
        if !self.options.guard.allows(&message.subject, &reply) {
            count(&self.bus.counters().reply_refused);
            tracing::warn!(subject = %message.subject, "refused a request: its answer would go elsewhere");
            return;
        }
        let ask = Ask::of(&self.bus, &message);
        let Ok(place) = self.room.clone().try_acquire_owned() else {
            count(&self.bus.counters().busy);
            let bus = self.bus.clone();
            tasks.spawn(async move {
                let busy = failure("busy", "too many requests at once, try again", true);
                let _ = bus.publish(reply, ask.failed(busy)).await;
            });
            return;
        };
        let (bus, hands, handler) = (self.bus.clone(), self.hands.clone(), self.handler.clone());
        let (deadline, until_sent) = (self.options.deadline, self.options.until_sent);
        tasks.spawn(async move {
            let _place = place;
            let mut held = None;
            let handled = async {
                // Never closed, so this waits for a free hand and no more.
                let hand = hands.acquire_owned().await;
                let answer = AssertUnwindSafe(handler(ask.clone())).catch_unwind().await;
                held = hand.ok().filter(|_| until_sent);
                answer
            };
            let answer = match timeout(deadline, handled).await {
                Ok(Ok(Ok(silence))) if silence.is_empty() => return,
                Ok(Ok(Ok(answer))) => answer,
                Ok(Ok(Err(failure))) => ask.failed(failure),
                Ok(Err(_panic)) => {
                    count(&bus.counters().handler_failed);
                    tracing::error!(subject = ask.subject, "a request's handler panicked");
                    ask.failed(failure(
                        "internal",
                        "this request could not be handled",
                        false,
                    ))
                }
                Err(_) => {
                    count(&bus.counters().handler_failed);
                    tracing::warn!(
                        subject = ask.subject,
                        ?deadline,
                        "a request's handler ran out of time"
                    );
                    ask.failed(failure("timeout", "this request took too long", true))
                }
            };
            if let Err(error) = bus.publish(reply.clone(), answer).await {
                tracing::debug!(subject = ask.subject, "answer not sent: {error}");
                let too_much = failure("not_sent", "the answer could not be sent", true);
                let _ = bus.publish(reply, ask.failed(too_much)).await;
            }
            if held.is_some() {
                // A line that takes nothing for so long is down, and what waits on it is dropped with it.
                let _ = bus.flush(SENDING).await;
            }
        });
    }
}
