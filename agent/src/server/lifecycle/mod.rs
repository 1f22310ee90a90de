//! What happens to a server, decided without doing it.
//!
//! [`step`] takes an event and gives back the state and the effects; [`super::actor`] carries them
//! out and tells what came of them as further events. The table of states is proto's; here are the
//! orders, the crash policy and who owns the files. Everything in [`Server`] is written to disk
//! before an effect starts, so a kill at any moment is answered by [`Event::Adopted`].

mod crash;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use warren_proto::ids::JobId;
use warren_proto::state::State;

pub use crash::{CrashPolicy, describe_exit};

/// Both clocks: waiting goes by the monotonic one, the crash window by the wall's, as it must
/// survive a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Monotonic milliseconds of this process.
    pub mono_ms: i64,
    /// Unix milliseconds.
    pub wall_ms: i64,
}

/// What a power order asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Power {
    /// Run.
    Start,
    /// End with grace.
    Stop,
    /// End at once.
    Kill,
}

/// The part of control's row that decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Want {
    /// Of the row.
    pub generation: u64,
    /// `None`: no order was ever given.
    pub power: Option<Power>,
    /// Generation that the order was given in.
    pub order: u64,
    /// Counts restarts.
    pub restarts: u64,
    /// A level: it must not run.
    pub suspended: bool,
    /// There is an install script; without one `new` becomes `stopped` by itself.
    pub installable: bool,
    /// Its files have come from another node: it is installed.
    #[serde(default)]
    pub moved: bool,
    /// What follows a crash.
    pub crash: CrashPolicy,
    /// From asking to stop until SIGKILL, milliseconds.
    pub grace_ms: u64,
}

/// A job that owns the files, or waits for the game to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Its id, named when a start has to wait.
    pub job: JobId,
    /// False while the game still has to stop.
    pub begun: bool,
    /// The server's state stays what it is meanwhile: nothing is installed.
    #[serde(default)]
    pub quiet: bool,
}

/// A tombstone being carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// Of the tombstone.
    pub generation: u64,
    /// The effect was given.
    #[serde(skip)]
    pub begun: bool,
}

/// One server. Serialised as the actor's memory; what is skipped belongs to this process alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// As last reported.
    pub state: State,
    /// `None`: an orphan, known only by its container.
    pub want: Option<Want>,
    /// Generation of the newest settled order.
    pub settled: u64,
    /// Restarts taken over; `None` until the first row.
    pub restarts: Option<u64>,
    /// A container exists (or was last seen to).
    pub up: bool,
    /// Start once it has ended.
    pub again: Option<Cause>,
    /// Who owns the files.
    pub hold: Option<Hold>,
    /// It has to go.
    pub removing: Option<Removal>,
    /// Wall times of crashes within the policy's window, milliseconds.
    pub crashes: Vec<i64>,
    /// Why it is being stopped.
    pub stop_reason: String,
    /// The crash policy will start it again.
    pub revive: bool,
    /// When it does, monotonic.
    #[serde(skip)]
    pub revive_at: Option<i64>,
    /// When SIGKILL follows, monotonic.
    #[serde(skip)]
    pub kill_at: Option<i64>,
    /// A start that met a passing obstacle is tried again then.
    #[serde(skip)]
    pub retry_at: Option<i64>,
    /// How often in a row it met one.
    #[serde(skip)]
    pub retries: u32,
    /// This process takes the node down.
    #[serde(skip)]
    pub down: bool,
    /// Why it was last started, for a retry after this process has ended.
    pub cause: Option<Cause>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            state: State::New,
            want: None,
            settled: 0,
            restarts: None,
            up: false,
            again: None,
            hold: None,
            removing: None,
            crashes: Vec::new(),
            stop_reason: String::new(),
            revive: false,
            revive_at: None,
            kill_at: None,
            retry_at: None,
            retries: 0,
            down: false,
            cause: None,
        }
    }
}

/// Why a start happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// A start order.
    Asked,
    /// A restart.
    Restart,
    /// The crash policy.
    Crash,
    /// It ran when the host went down.
    HostReboot,
    /// It ran when the node was taken down.
    NodeUp,
}

impl Cause {
    /// The fact's reason.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Restart => "restart",
            Self::Crash => "crash_policy",
            Self::HostReboot => "host_reboot",
            Self::NodeUp => "node_up",
        }
    }
}

/// What was found of a server's container when the agent started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It runs.
    Up,
    /// It has ended, and this is how.
    Ended {
        /// Exit code.
        code: i32,
        /// Killed for memory.
        oom: bool,
    },
    /// There is none.
    Nothing {
        /// The machine itself has restarted since we last looked.
        host_rebooted: bool,
    },
}

/// What can happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Control's row.
    Wanted(Want),
    /// A tombstone of that generation.
    Bury(u64),
    /// The container runs.
    Started,
    /// It does not.
    StartFailed {
        /// Stable.
        code: String,
        /// For a person.
        detail: String,
        /// The obstacle may pass by itself (containerd away).
        passing: bool,
    },
    /// The done marker was seen.
    Done,
    /// The game ended.
    Exited {
        /// Exit code.
        code: i32,
        /// Killed for memory.
        oom: bool,
    },
    /// The container is gone and nobody knows how it ended.
    Vanished,
    /// Somebody typed the stop command: what follows is no crash.
    StopTyped,
    /// The node itself wants it stopped (disk limit).
    Halt {
        /// Stable.
        reason: String,
    },
    /// The node is taken down: what runs is stopped and comes back with it, and nothing is started any more.
    NodeDown,
    /// A job wants the files.
    JobWanted {
        /// Which.
        job: JobId,
        /// It installs nothing: the server's state stays.
        quiet: bool,
    },
    /// The job is over.
    JobEnded {
        /// Which.
        job: JobId,
        /// `Ok`, or the stable reason and words for a person.
        result: Result<(), (String, String)>,
    },
    /// What the machine has, asked once when the agent starts.
    Adopted(Found),
    /// Time passes.
    Tick,
}

/// What must be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Write the fact.
    Report(Change),
    /// Pull, prepare, create and start; answered by `Started` or `StartFailed`.
    Start(Cause),
    /// A start in flight is not wanted any more; answered by `StartFailed` or, if too late, `Started`.
    AbortStart,
    /// Stop command or signal.
    AskStop,
    /// SIGKILL to all of it.
    Kill,
    /// Give the files to the job that holds.
    BeginJob(JobId),
    /// End the job that holds.
    CancelJob(JobId),
    /// Take container, network and files away.
    Remove {
        /// Of the tombstone.
        generation: u64,
    },
    /// A line of Warren's own in the console.
    Say(String),
}

/// A step along the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Before.
    pub from: State,
    /// Now.
    pub to: State,
    /// Stable.
    pub reason: String,
    /// For a person.
    pub detail: String,
    /// When the game ended.
    pub exit_code: Option<i32>,
    /// Killed for memory.
    pub oom: bool,
}

/// From asking to SIGKILL when control names no time: a large world may be saved for minutes, and people who
/// know better have `kill`. The same ten minutes as on today's panels.
const GRACE_MS: u64 = 600_000;
/// The same where somebody waits for the room: a suspension, a removal, a full disk.
const URGENT_GRACE_MS: u64 = 60_000;

/// After a failed start for a passing reason, milliseconds times two per try up to 30 s.
const RETRY_MS: i64 = 1000;
/// A process that outlives SIGKILL (disk wait) gets it again so often.
const KILL_AGAIN_MS: i64 = 10_000;

/// Decides what follows from an event.
pub fn step(server: Server, event: Event, now: Now) -> (Server, Vec<Effect>) {
    let mut turn = Turn {
        s: server,
        now,
        out: Vec::new(),
    };
    turn.take(event);
    turn.decide();
    (turn.s, turn.out)
}

struct Turn {
    s: Server,
    now: Now,
    out: Vec<Effect>,
}

fn resting(state: State) -> bool {
    matches!(
        state,
        State::New | State::Stopped | State::Crashed | State::Error
    )
}

impl Turn {
    fn take(&mut self, event: Event) {
        match event {
            Event::Wanted(want) => self.wanted(want),
            // Overtaken by a row that came after it: the server is this node's again.
            Event::Bury(generation)
                if self
                    .s
                    .want
                    .as_ref()
                    .is_some_and(|w| w.generation > generation) => {}
            Event::Bury(generation) => {
                let removal = self.s.removing.get_or_insert(Removal {
                    generation,
                    begun: false,
                });
                // Control waits for the confirmation of the newest.
                removal.generation = removal.generation.max(generation);
            }
            Event::Started => self.started(),
            Event::StartFailed {
                code,
                detail,
                passing,
            } => self.start_failed(&code, detail, passing),
            Event::Done => {
                if self.s.state == State::Starting && self.s.up {
                    self.go(State::Running, "done_marker", String::new());
                    self.settle_start();
                }
            }
            Event::Exited { code, oom } => self.ended(code, oom),
            Event::Vanished => self.vanished(),
            Event::StopTyped => {
                if matches!(self.s.state, State::Starting | State::Running) && self.s.up {
                    self.s.stop_reason = "stop_typed".into();
                    self.go(State::Stopping, "stop_typed", String::new());
                    self.settle_start();
                }
            }
            Event::Halt { reason } => {
                self.s.again = None;
                self.settle_start();
                self.begin_stop(&reason, false);
            }
            Event::NodeDown => {
                self.s.down = true;
                let runs = matches!(self.s.state, State::Starting | State::Running);
                if runs || (self.s.state == State::Crashed && self.s.revive) {
                    self.s.again.get_or_insert(Cause::NodeUp);
                }
                self.begin_stop("node_down", false);
            }
            Event::JobWanted { job, quiet } => {
                if self.s.hold.is_none() {
                    self.s.hold = Some(Hold {
                        job,
                        begun: false,
                        quiet,
                    });
                }
            }
            Event::JobEnded { job, result } => self.job_ended(job, result),
            Event::Adopted(found) => self.adopted(found),
            Event::Tick => {}
        }
    }

    fn wanted(&mut self, want: Want) {
        if self
            .s
            .want
            .as_ref()
            .is_some_and(|w| w.generation > want.generation)
        {
            return;
        }
        // A row above the tombstone: the server has come back to this node.
        if self
            .s
            .removing
            .as_ref()
            .is_some_and(|r| want.generation > r.generation && !r.begun)
        {
            self.s.removing = None;
        }
        self.s.want = Some(want);
    }

    fn go(&mut self, to: State, reason: &str, detail: String) {
        self.change(to, reason, detail, None, false);
    }

    fn change(&mut self, to: State, reason: &str, detail: String, exit: Option<i32>, oom: bool) {
        let from = self.s.state;
        if from == to {
            return;
        }
        debug_assert!(from.may_go_to(to), "{from} to {to} ({reason})");
        if !from.may_go_to(to) {
            tracing::error!("{from} may not go to {to} ({reason})");
        }
        self.s.state = to;
        self.out.push(Effect::Report(Change {
            from,
            to,
            reason: reason.to_owned(),
            detail,
            exit_code: exit,
            oom,
        }));
    }

    /// The newest order is a start: it is done with.
    fn settle_start(&mut self) {
        if let Some(want) = &self.s.want
            && want.power == Some(Power::Start)
        {
            self.s.settled = self.s.settled.max(want.order);
        }
    }

    fn settle_stop(&mut self) {
        if let Some(want) = &self.s.want
            && matches!(want.power, Some(Power::Stop | Power::Kill))
        {
            self.s.settled = self.s.settled.max(want.order);
        }
    }

    fn order(&self) -> Option<Power> {
        let want = self.s.want.as_ref()?;
        want.power.filter(|_| want.order > self.s.settled)
    }

    fn grace_ms(&self) -> i64 {
        let grace = self.s.want.as_ref().map_or(0, |w| w.grace_ms);
        let grace = if grace == 0 { GRACE_MS } else { grace };
        let grace = match self.s.stop_reason.as_str() {
            "suspended" | "removed" | "disk_limit" => grace.min(URGENT_GRACE_MS),
            _ => grace,
        };
        i64::try_from(grace).unwrap_or(i64::MAX / 4)
    }

    fn start(&mut self, cause: Cause) {
        let s = &mut self.s;
        s.again = None;
        s.revive = false;
        s.revive_at = None;
        s.retry_at = None;
        s.retries = 0;
        s.kill_at = None;
        s.stop_reason.clear();
        s.cause = Some(cause);
        self.go(State::Starting, cause.reason(), String::new());
        self.out.push(Effect::Start(cause));
    }

    fn started(&mut self) {
        self.s.up = true;
        match self.s.state {
            State::Stopping => self.ask_stop(false),
            State::Starting => {}
            // Nobody waits for it: it must not run unseen.
            _ => self.out.push(Effect::Kill),
        }
    }

    fn start_failed(&mut self, code: &str, detail: String, passing: bool) {
        self.s.up = false;
        match self.s.state {
            State::Starting if passing => {
                let wait = (RETRY_MS << self.s.retries.min(5)).min(30_000);
                self.s.retries += 1;
                self.s.retry_at = Some(self.now.mono_ms + wait);
                if self.s.retries == 1 {
                    self.out.push(Effect::Say(format!("start waits: {detail}")));
                }
            }
            State::Starting => {
                self.settle_start();
                self.out
                    .push(Effect::Say(format!("could not be started: {detail}")));
                self.go(State::Error, code, detail);
            }
            State::Stopping => self.stopped(None, false),
            _ => {}
        }
    }

    /// Stopping has reached its end.
    fn stopped(&mut self, exit: Option<i32>, oom: bool) {
        self.s.kill_at = None;
        self.s.up = false;
        let reason = std::mem::take(&mut self.s.stop_reason);
        let reason = if reason.is_empty() { "asked" } else { &reason };
        self.change(State::Stopped, reason, String::new(), exit, oom);
        self.settle_stop();
    }

    fn ended(&mut self, code: i32, oom: bool) {
        match self.s.state {
            State::Stopping => self.stopped(Some(code), oom),
            State::Starting | State::Running => {
                self.s.up = false;
                self.settle_start();
                let counts = self
                    .s
                    .want
                    .as_ref()
                    .is_some_and(|w| w.crash.clean_exit_is_crash);
                if code == 0 && !oom && !counts {
                    self.change(
                        State::Stopped,
                        "exit",
                        "the game ended by itself".into(),
                        Some(code),
                        oom,
                    );
                } else {
                    let reason = if oom { "oom" } else { "exit" };
                    self.crashed(reason, describe_exit(code, oom), Some(code), oom);
                }
            }
            _ => self.s.up = false,
        }
    }

    fn vanished(&mut self) {
        match self.s.state {
            State::Stopping => self.stopped(None, false),
            State::Starting | State::Running => {
                self.s.up = false;
                self.settle_start();
                let detail = "its container vanished without an exit code".into();
                self.crashed("vanished", detail, None, false);
            }
            _ => self.s.up = false,
        }
    }

    fn crashed(&mut self, reason: &str, detail: String, exit: Option<i32>, oom: bool) {
        self.out
            .push(Effect::Say(format!("the game crashed: {detail}")));
        self.change(State::Crashed, reason, detail, exit, oom);
        let Some(want) = &self.s.want else { return };
        let policy = want.crash;
        if !policy.restart || want.suspended || self.s.removing.is_some() {
            return;
        }
        match policy.delay_ms(&mut self.s.crashes, self.now.wall_ms) {
            Ok(delay) => {
                self.s.revive = true;
                self.s.revive_at = Some(self.now.mono_ms + delay);
            }
            Err(words) => self.out.push(Effect::Say(words)),
        }
    }

    fn begin_stop(&mut self, reason: &str, kill: bool) {
        if !matches!(self.s.state, State::Starting | State::Running) {
            return;
        }
        self.s.stop_reason = reason.to_owned();
        self.s.retry_at = None;
        let was_up = self.s.up;
        self.go(State::Stopping, reason, String::new());
        self.settle_start();
        if was_up {
            self.ask_stop(kill);
        } else {
            self.out.push(Effect::AbortStart);
        }
    }

    fn ask_stop(&mut self, kill: bool) {
        if kill {
            self.s.kill_at = Some(self.now.mono_ms + KILL_AGAIN_MS);
            self.out.push(Effect::Kill);
        } else {
            self.s.kill_at = Some(self.now.mono_ms + self.grace_ms());
            self.out.push(Effect::AskStop);
        }
    }

    fn job_ended(&mut self, job: JobId, result: Result<(), (String, String)>) {
        if self.s.hold.as_ref().is_none_or(|h| h.job != job) {
            return;
        }
        self.s.hold = None;
        if self.s.state != State::Installing {
            return;
        }
        match result {
            Ok(()) => self.go(State::Stopped, "installed", String::new()),
            Err((reason, detail)) => {
                // A start that waited for these files must not meet half of them.
                self.settle_start();
                self.s.again = None;
                self.go(State::Error, &reason, detail);
            }
        }
    }

    fn adopted(&mut self, found: Found) {
        match found {
            Found::Up => self.adopted_up(),
            Found::Ended { code, oom } if self.s.state.is_up() => {
                self.s.up = true;
                self.ended(code, oom);
            }
            Found::Ended { .. } => self.s.up = false,
            Found::Nothing { host_rebooted } => self.adopted_nothing(host_rebooted),
        }
        if self.s.state == State::Crashed && self.s.revive && self.s.revive_at.is_none() {
            self.s.revive_at = Some(self.now.mono_ms);
        }
    }

    fn adopted_up(&mut self) {
        self.s.up = true;
        match self.s.state {
            State::Stopping => self.ask_stop(false),
            State::Starting | State::Running => {}
            State::Installing => self.out.push(Effect::Kill),
            State::New | State::Stopped | State::Crashed | State::Error => {
                if self.s.state == State::New {
                    self.go(State::Stopped, "adopted", String::new());
                }
                self.go(
                    State::Starting,
                    "adopted",
                    "its container was found running".into(),
                );
            }
        }
    }

    fn adopted_nothing(&mut self, host_rebooted: bool) {
        let was_up = std::mem::take(&mut self.s.up);
        match self.s.state {
            // The start had not come to a container: go on with it.
            State::Starting if !was_up => self.s.retry_at = Some(self.now.mono_ms),
            State::Stopping if !was_up => self.stopped(None, false),
            State::Starting | State::Running if host_rebooted => {
                let detail = "the machine has restarted".to_owned();
                self.go(State::Stopped, "host_rebooted", detail);
                self.s.again = Some(Cause::HostReboot);
            }
            State::Starting | State::Running | State::Stopping => self.vanished(),
            State::New | State::Installing | State::Stopped | State::Crashed | State::Error => {}
        }
    }

    /// Compares what is wanted with what is, after every event.
    fn decide(&mut self) {
        self.take_over_restarts();
        if self.removal() {
            return;
        }
        self.hold();
        self.stop_order();
        self.suspension();
        self.timers();
        self.starts();
    }

    fn take_over_restarts(&mut self) {
        let Some(want) = &self.s.want else { return };
        let (wanted, suspended) = (want.restarts, want.suspended);
        let Some(taken) = self.s.restarts else {
            self.s.restarts = Some(wanted);
            return;
        };
        // Older rows never come here: a lower count is that of a database that was put back. Taken over, or the
        // next restarts would be no news.
        self.s.restarts = Some(wanted);
        if wanted <= taken {
            return;
        }
        if self.s.removing.is_some() || suspended {
            return;
        }
        self.s.again = Some(Cause::Restart);
        self.begin_stop("restart", false);
    }

    fn removal(&mut self) -> bool {
        let Some(removal) = self.s.removing.clone() else {
            return false;
        };
        self.s.again = None;
        self.s.revive = false;
        self.s.revive_at = None;
        if let Some(hold) = self.s.hold.clone()
            && hold.begun
        {
            self.out.push(Effect::CancelJob(hold.job));
        } else {
            self.s.hold = None;
            self.begin_stop("removed", false);
            if resting(self.s.state) && !removal.begun {
                self.s.removing = Some(Removal {
                    begun: true,
                    ..removal
                });
                self.out.push(Effect::Remove {
                    generation: removal.generation,
                });
            }
        }
        self.timers();
        true
    }

    fn hold(&mut self) {
        let Some(hold) = self.s.hold.clone().filter(|h| !h.begun) else {
            return;
        };
        let reason = if hold.quiet { "job" } else { "install" };
        self.begin_stop(reason, false);
        if resting(self.s.state) {
            self.s.revive = false;
            self.s.revive_at = None;
            self.s.hold = Some(Hold {
                begun: true,
                ..hold.clone()
            });
            if !hold.quiet {
                self.go(State::Installing, "asked", String::new());
            }
            self.out.push(Effect::BeginJob(hold.job));
        }
    }

    fn stop_order(&mut self) {
        let Some(order @ (Power::Stop | Power::Kill)) = self.order() else {
            return;
        };
        let kill = order == Power::Kill;
        self.s.again = None;
        self.s.revive = false;
        self.s.revive_at = None;
        match self.s.state {
            State::Starting | State::Running => self.begin_stop("asked", kill),
            State::Stopping => {
                // A stop that somebody only typed has no timer yet.
                if self.s.up && (kill || self.s.kill_at.is_none()) {
                    self.settle_stop();
                    self.ask_stop(kill);
                }
            }
            State::Crashed => {
                self.go(State::Stopped, "asked", String::new());
                self.settle_stop();
            }
            State::New | State::Stopped | State::Error => self.settle_stop(),
            State::Installing => {}
        }
    }

    fn suspension(&mut self) {
        if self.s.want.as_ref().is_some_and(|w| w.suspended) {
            self.s.again = None;
            self.s.revive = false;
            self.s.revive_at = None;
            self.begin_stop("suspended", false);
        }
    }

    fn timers(&mut self) {
        let now = self.now.mono_ms;
        if self.s.state == State::Stopping && self.s.kill_at.is_some_and(|at| at <= now) {
            self.s.kill_at = Some(now + KILL_AGAIN_MS);
            self.out
                .push(Effect::Say("did not stop in time: killed".into()));
            self.out.push(Effect::Kill);
        }
        if self.s.state == State::Starting && self.s.retry_at.is_some_and(|at| at <= now) {
            self.s.retry_at = None;
            let cause = self.s.cause.unwrap_or(Cause::Asked);
            self.out.push(Effect::Start(cause));
        }
    }

    fn starts(&mut self) {
        let Some(want) = self.s.want.as_ref().filter(|_| !self.s.down) else {
            return;
        };
        let (suspended, installable, moved) = (want.suspended, want.installable, want.moved);
        if self.s.hold.is_some() {
            return;
        }
        if self.s.state == State::New {
            if moved {
                let detail = "its files have come from another node".to_owned();
                self.go(State::Stopped, "moved", detail);
            } else if installable {
                return;
            } else {
                let detail = "there is nothing to install".to_owned();
                self.go(State::Stopped, "installed", detail);
            }
        }
        if suspended {
            return;
        }
        if self.order() == Some(Power::Start) {
            match self.s.state {
                State::Running => self.settle_start(),
                State::Stopped | State::Crashed | State::Error => {
                    self.start(self.s.again.unwrap_or(Cause::Asked));
                }
                _ => {}
            }
        }
        if let Some(cause) = self.s.again
            && matches!(self.s.state, State::Stopped | State::Crashed | State::Error)
        {
            self.start(cause);
        }
        let due = self.s.revive_at.is_some_and(|at| at <= self.now.mono_ms);
        if self.s.state == State::Crashed && self.s.revive && due {
            self.start(Cause::Crash);
        }
    }
}
