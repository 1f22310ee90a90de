//! What control and gateways ask of this node. Each ask runs in its own task and is answered within
//! the time that its asker waits, failure included.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use prost::Message;
use tracing::{info, warn};
use warren_proto::bus::Ask;
use warren_proto::bus::signed::{self, Checked, Verifier};
use warren_proto::bus::ticket::right;
use warren_proto::envelope;
use warren_proto::ids::ServerId;
use warren_proto::subjects::{self, down};
use warren_proto::wire::{self, console_ask, job_ask};

use super::fair::Fair;
use super::session::refuse;
use crate::files;
use crate::node::Node;

/// How long an ask may take: a little less than its asker waits for the answer.
const PATIENCE: Duration = Duration::from_millis(2500);
/// Rows are fsynced one by one, and control waits 5 s for them.
const APPLY_PATIENCE: Duration = Duration::from_millis(4500);
/// Whole directories may be deleted; control waits 25 s.
const FILES_PATIENCE: Duration = Duration::from_secs(24);
/// The longest of these, and a little.
pub const LONGEST: Duration = Duration::from_secs(25);

type Answer = Result<Bytes, wire::Failure>;

/// Judges and carries out asks.
pub struct Commands {
    node: Arc<Node>,
    verifier: Mutex<Verifier>,
    decided: tokio::sync::mpsc::Sender<bool>,
    fair: Fair,
}

/// Who asks: control itself, or a session with the ticket that opened it.
enum Asker {
    Control,
    Session(String),
}

impl Commands {
    /// `decided` hears what an admin says about a forked identity.
    pub fn new(node: Arc<Node>, decided: tokio::sync::mpsc::Sender<bool>) -> Self {
        let verifier = Mutex::new(Verifier::new(node.id, node.boot.id));
        Self {
            node,
            verifier,
            decided,
            fair: Fair::default(),
        }
    }

    /// The answer's envelope to one ask.
    pub async fn answer(self: Arc<Self>, ask: Ask) -> Answer {
        let node = self.node.id;
        if ask.node != Some(node) {
            return Err(refuse("wrong_node", "this is another node", false));
        }
        let verb = subjects::split(&ask.subject).map(|(_, words)| words.to_owned());
        let verb = verb.unwrap_or_default();
        if self.is_for_the_other(&ask, &verb) {
            return Ok(Ask::silence());
        }
        let result = tokio::time::timeout(patience(&verb), self.in_turn(&ask, &verb)).await;
        let result = result.unwrap_or_else(|_| {
            warn!("a {verb} command took longer than {:?}", patience(&verb));
            Err(refuse("timeout", "this took too long; it may go on", true))
        });
        if let Err(failure) = &result {
            self.node.count_refused(&failure.code);
            if self.is_the_others(failure, &verb) {
                return Ok(Ask::silence());
            }
        }
        // The kind of the request, mark included: an asker refuses any other.
        let mark = if ask.signed { envelope::SIGNED } else { "" };
        let kind = format!("{}{mark}", ask.kind);
        Ok(match result {
            Ok(bytes) => bytes,
            Err(f) => envelope::answer(&kind, Some(node), Err::<&wire::Accepted, _>(f)),
        })
    }

    /// Sessions belong to the machine that control listens to. Two answers to one ask would be a lottery.
    fn is_for_the_other(&self, ask: &Ask, verb: &str) -> bool {
        of_session(ask, verb) && self.node.quarantined().is_some()
    }

    /// Signed for another process of this identity, which is there and answers for itself.
    fn is_the_others(&self, failure: &wire::Failure, verb: &str) -> bool {
        let other = failure.code == signed::Refused::OtherBoot.code();
        other && (verb == down::ALIVE || self.node.quarantined().is_some())
    }

    /// What sessions ask waits for its turn; what control has to sign does not. One that only claims to be
    /// control's is refused before it costs anything.
    async fn in_turn(&self, ask: &Ask, verb: &str) -> Answer {
        let _place = match of_session(ask, verb) {
            true => Some(self.fair.turn().await?),
            false => None,
        };
        self.dispatch(ask, verb).await
    }

    async fn dispatch(&self, ask: &Ask, verb: &str) -> Answer {
        match verb {
            down::APPLY => {
                let apply = self.checked(ask, verb)?;
                self.unless_quarantined()?;
                self.apply(ask, self.read(&apply)?).await
            }
            down::JOBS => {
                let jobs = self.checked(ask, verb)?;
                self.unless_quarantined()?;
                self.jobs(ask, self.read(&jobs)?).await
            }
            down::WANTED => {
                let wanted = self.checked(ask, verb)?;
                self.unless_quarantined()?;
                self.wanted(ask, &self.read(&wanted)?)
            }
            down::REVOKE => {
                let revoke: wire::Revoke = self.read(&self.checked(ask, verb)?)?;
                let now = self.node.control_time.now_ms();
                self.node.sessions.revoke(&revoke, now);
                Ok(ask.ok(&wire::Accepted {}))
            }
            down::IDENTITY => {
                let decision: wire::IdentityDecision = self.read(&self.checked(ask, verb)?)?;
                // Full: the same was said a moment ago.
                let _ = self.decided.try_send(decision.keep);
                Ok(ask.ok(&wire::Accepted {}))
            }
            down::ALIVE => {
                self.checked(ask, verb)?;
                Ok(ask.ok(&wire::Accepted {}))
            }
            down::OPEN => {
                let open: wire::Open = ask.open()?;
                let now = self.node.control_time.now_ms();
                let keys = self.node.keys.load();
                let sessions = &self.node.sessions;
                Ok(ask.ok(&sessions.open(&keys, self.node.id, &open.ticket, now)?))
            }
            down::CLOSE => {
                let close: wire::Close = ask.open()?;
                self.node.sessions.close(&close.session);
                Ok(ask.ok(&wire::Accepted {}))
            }
            down::CONSOLE => {
                let (body, asker) = self.either::<wire::ConsoleAsk>(ask, verb)?;
                let asker = asker.unwrap_or_else(|| Asker::Session(body.session.clone()));
                self.console(ask, body, &asker).await
            }
            down::FILES => {
                let (body, asker) = self.either::<wire::FilesAsk>(ask, verb)?;
                let asker = asker.unwrap_or_else(|| Asker::Session(body.session.clone()));
                self.files(ask, body, &asker).await
            }
            _ => Err(refuse(
                "unknown_verb",
                "this agent does not know that ask",
                false,
            )),
        }
    }

    /// A signed ask as control's, a plain one as a session's.
    fn either<M: Message + Default>(
        &self,
        ask: &Ask,
        verb: &str,
    ) -> Result<(M, Option<Asker>), wire::Failure> {
        if ask.signed {
            let checked = self.checked(ask, verb)?;
            return Ok((self.read(&checked)?, Some(Asker::Control)));
        }
        Ok((ask.open()?, None))
    }

    fn checked(&self, ask: &Ask, verb: &str) -> Result<Checked, wire::Failure> {
        let signed: wire::SignedCommand = ask.open()?;
        let keys = self.node.keys.load();
        let now = self.node.control_time.now_ms();
        let checked = self.verifier.lock().check(&keys, &signed, verb, now);
        checked.map_err(|e| {
            warn!("a {verb} command was refused: {e}");
            refuse(e.code(), e.to_string(), false)
        })
    }

    fn read<M: Message + Default>(&self, checked: &Checked) -> Result<M, wire::Failure> {
        checked
            .open()
            .map_err(|e| refuse(e.code(), e.to_string(), false))
    }

    fn unless_quarantined(&self) -> Result<(), wire::Failure> {
        match self.node.quarantined() {
            Some(because) => Err(refuse("quarantined", because, false)),
            None => Ok(()),
        }
    }

    async fn apply(&self, ask: &Ask, apply: wire::Apply) -> Answer {
        let node = self.node.clone();
        // A task of its own, whatever becomes of this ask: rows that are on disk are never sent again, so
        // they must reach their servers even when the disk was too slow for the asker.
        let applied = tokio::task::spawn_blocking(move || {
            let applied = node.deps.ledger.apply(&apply)?;
            node.servers.applied(&applied);
            Ok::<_, crate::ledger::Error>(applied)
        });
        let applied = match applied.await {
            Ok(Ok(applied)) => applied,
            Ok(Err(e)) => return Err(refuse("ledger", e.to_string(), true)),
            Err(e) => return Err(refuse("internal", e.to_string(), true)),
        };
        let position = self.node.deps.ledger.position();
        if !applied.taken {
            info!(
                "rows did not follow on rev {}: control sends what is missing",
                position.rev
            );
        }
        Ok(ask.ok(&applied.answer(position)))
    }

    fn wanted(&self, ask: &Ask, wanted: &wire::WantedAsk) -> Answer {
        let id = wanted
            .server
            .parse()
            .map_err(|_| refuse("bad_message", "that is no server id", false))?;
        let row = self.node.deps.ledger.wanted(id);
        Ok(ask.ok(&row.ok_or_else(crate::server::unknown_server)?))
    }

    async fn jobs(&self, ask: &Ask, jobs: wire::JobAsk) -> Answer {
        let servers = &self.node.servers;
        let deps = &self.node.deps;
        let status = match jobs.ask {
            Some(job_ask::Ask::List(list)) => {
                return Ok(ask.ok(&crate::backup::list(deps, list).await?));
            }
            Some(job_ask::Ask::Probe(probe)) => {
                crate::backup::probe(deps, probe).await?;
                return Ok(ask.ok(&wire::Accepted {}));
            }
            Some(job_ask::Ask::Transfer(transfer)) => {
                return Ok(match crate::transfer::asked(&self.node, transfer).await? {
                    Some(status) => ask.ok(&status),
                    None => ask.ok(&wire::Accepted {}),
                });
            }
            Some(job_ask::Ask::Start(start)) => servers.job_start(start).await?,
            Some(job_ask::Ask::Cancel(cancel)) => servers.job_cancel(&cancel.job).await?,
            Some(job_ask::Ask::Status(status)) => servers.job_status(&status.job),
            None => return Err(refuse("bad_message", "nothing is asked", false)),
        };
        Ok(ask.ok(&status))
    }

    /// The server of an ask, if it is here, and who asks may do all of `rights` with it.
    fn allowed(
        &self,
        server: &str,
        asker: &Asker,
        rights: &[&str],
    ) -> Result<(ServerId, String), wire::Failure> {
        let id: ServerId = server
            .parse()
            .map_err(|_| refuse("bad_message", "that is no server id", false))?;
        let actor = match asker {
            Asker::Control => String::new(),
            Asker::Session(session) => {
                let now = self.node.control_time.now_ms();
                // An ask that needs nothing is one whose rights nobody wrote down.
                let (first, more) = rights
                    .split_first()
                    .ok_or_else(|| refuse("internal", "nobody said who may ask for this", false))?;
                let ticket = self.node.sessions.check(session, id, first, now)?;
                for right in more {
                    self.node.sessions.check(session, id, right, now)?;
                }
                ticket.user.to_string()
            }
        };
        if self.node.servers.get(id).is_none() {
            return Err(crate::server::unknown_server());
        }
        Ok((id, actor))
    }

    async fn console(&self, ask: &Ask, body: wire::ConsoleAsk, asker: &Asker) -> Answer {
        let Some(wanted) = body.ask else {
            return Err(refuse("bad_message", "nothing is asked", false));
        };
        let right = match wanted {
            console_ask::Ask::Input(_) => right::INPUT,
            _ => right::WATCH,
        };
        let (server, actor) = self.allowed(&body.server, asker, &[right])?;
        let _seat = self.fair.seat(server)?;
        let console = self.node.deps.consoles.server(server);
        match wanted {
            console_ask::Ask::Watch(watch) => Ok(ask.ok(&console.watch(&watch))),
            console_ask::Ask::Tail(tail) => {
                let chunks = blocking(move || console.tail(tail.max_bytes)).await?;
                Ok(ask.ok(&chunks))
            }
            console_ask::Ask::Range(range) => {
                let chunks = blocking(move || console.range(&range)).await?;
                Ok(ask.ok(&chunks))
            }
            console_ask::Ask::Input(mut input) => {
                if !actor.is_empty() {
                    input.actor = actor;
                }
                let result = self
                    .node
                    .inputs
                    .type_line(&self.node, server, input)
                    .await?;
                Ok(ask.ok(&wire::InputAnswer {
                    result: result.into(),
                }))
            }
        }
    }

    async fn files(&self, ask: &Ask, body: wire::FilesAsk, asker: &Asker) -> Answer {
        let Some(wanted) = body.ask else {
            return Err(refuse("bad_message", "nothing is asked", false));
        };
        let (server, _) = self.allowed(&body.server, asker, files::rights_of(&wanted))?;
        let seat = self.fair.seat(server)?;
        let handle = self.node.servers.get(server);
        let status = handle.ok_or_else(crate::server::unknown_server)?.status;
        if files::changes(&wanted)
            && let Some(job) = &status.lock().job
        {
            let text = format!("job {} has the server's files", job.id);
            return Err(refuse("busy", text, true));
        }
        let (deps, shared) = (self.node.deps.clone(), self.node.files.clone());
        let work = move || {
            // Held by the work, not by the ask: work goes on when nobody waits for it any more.
            let _seat = seat;
            files::answer(&deps, &shared, server, &status, wanted)
        };
        let answer = match tokio::task::spawn_blocking(work).await {
            Ok(answer) => answer?,
            Err(e) => return Err(refuse("internal", e.to_string(), true)),
        };
        Ok(answer.to(ask))
    }
}

fn of_session(ask: &Ask, verb: &str) -> bool {
    let theirs = matches!(verb, down::OPEN | down::CLOSE | down::CONSOLE | down::FILES);
    theirs && !ask.signed
}

fn patience(verb: &str) -> Duration {
    match verb {
        down::APPLY => APPLY_PATIENCE,
        // A job's start is answered at once; a look into a backup opens its repository.
        down::FILES | down::JOBS => FILES_PATIENCE,
        _ => PATIENCE,
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> warren_runtime::Result<T> + Send + 'static,
) -> Result<T, wire::Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(e)) => Err(refuse(e.code(), e.to_string(), e.retryable())),
        Err(e) => Err(refuse("internal", e.to_string(), true)),
    }
}
