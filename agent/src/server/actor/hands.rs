//! What an actor reaches the world with. [`super::rim::Rim`] is the real one; the simulator brings its
//! own, stops it at any call and goes on with what was on disk.

use std::future::Future;

use warren_proto::ids::{JobId, RunId};
use warren_proto::wire;

use super::super::lifecycle::{Cause, Now};
use super::super::memory::{Ended, Job, Memory};
use super::super::start::Failure;
use super::super::status::JobView;
use super::Msg;
use crate::journal::Position;

/// One of a server's two containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// The game.
    Game,
    /// The install script.
    Install,
}

/// What a new process finds of a job's script.
#[derive(Debug, Clone, Copy)]
pub enum Script {
    /// It runs.
    Running {
        /// Unix milliseconds.
        since_ms: i64,
    },
    /// It has ended.
    Ended(Ended),
}

/// Work for a job's task.
pub struct Work<'a> {
    /// The job.
    pub job: &'a Job,
    /// Control's row.
    pub row: wire::WantedServer,
    /// Names the script's container.
    pub run: RunId,
    /// What an earlier process has begun.
    pub found: Option<Script>,
}

/// Calls that return at once start something; what comes of it is told as a [`Msg`]. Calls that wait are
/// done when they return.
pub trait Hands: Send + Sync {
    /// Both clocks.
    fn now(&self) -> Now;
    /// The kernel's id of this boot of the machine.
    fn host_boot(&self) -> &str;
    /// An id for the next start.
    fn fresh_run(&mut self) -> RunId;
    /// Gives the actor a message, after those that wait.
    fn tell(&self, msg: Msg);
    /// The agent is stopping, not the server.
    fn is_stopping(&self) -> bool;

    /// Puts the actor's memory on disk. False: the disk said no.
    fn remember(&mut self, memory: &[u8]) -> impl Future<Output = bool> + Send;
    /// Where the journal ends now.
    fn journal_end(&self) -> Position;
    /// Puts a fact into the journal, behind those that wait for it. False: it is not on disk yet, and a slow
    /// disk is not waited for for long.
    fn write(&mut self, fact: wire::Fact) -> impl Future<Output = bool> + Send;
    /// Whether an earlier process has written a fact that it decided when the journal ended there.
    fn had(&mut self, fact: &wire::Fact, since: Position) -> impl Future<Output = bool> + Send;
    /// The journal is so full that no job may begin.
    fn is_journal_full(&self) -> bool;
    /// The tombstone of that generation is carried out: forgets the server.
    fn bury(&mut self, generation: u64) -> impl Future<Output = ()> + Send;

    /// A line of Warren's own in the console.
    fn say(&self, text: &str);
    /// Lets others see what the server is.
    fn show(&mut self, memory: &Memory, row: Option<&wire::WantedServer>);
    /// Lets others see how its job goes.
    fn show_job(&mut self, job: Option<JobView>);
    /// For who asks about a job.
    fn job_status(&self, job: JobId) -> wire::JobStatus;

    /// Starts the game. Ends in [`Msg::StartDone`].
    fn start(&mut self, run: RunId, row: &wire::WantedServer, cause: Cause);
    /// A start is under way in this process.
    fn is_starting(&self) -> bool;
    /// Ends the start under way, if there is one.
    fn abort_start(&mut self) -> bool;
    /// The start under way was told of. `failed`: nothing writes to that run's console.
    fn start_over(&mut self, run: RunId, failed: bool);
    /// Follows the console of a game that is up, and opens its stdin.
    fn attach(&mut self, up: Attach<'_>);
    /// Takes the last bytes of what is followed, and closes its stdin.
    fn detach(&mut self) -> impl Future<Output = ()> + Send;
    /// Nothing writes to that run's console any more. Gives the length of its stream.
    fn end_console(&mut self, run: RunId) -> u64;
    /// Removes a container that does not run.
    fn delete(&mut self, which: Container) -> impl Future<Output = ()> + Send;
    /// Host's end of the game's network.
    fn veth(&mut self) -> impl Future<Output = Option<String>> + Send;
    /// Asks the game to end, as its egg says.
    fn ask_stop(&mut self, row: Option<&wire::WantedServer>);
    /// SIGKILL to all of it.
    fn kill(&mut self);
    /// Brings a running game in line with a new row.
    fn change_live(&mut self, before: &wire::WantedServer, row: &wire::WantedServer);
    /// Brings a game that ran on without us in line with its row.
    fn bring_in_line(&mut self, row: &wire::WantedServer);
    /// Takes container, network and files away. Ends in [`Msg::Removed`].
    fn remove(&mut self);
    /// The server is gone from this node, by the tombstone of that generation.
    fn gone(&mut self, generation: u64);

    /// Keeps what a job that installs nothing is to do until it may begin. Not on disk: it holds credentials.
    /// # Errors
    /// That work can't be done here.
    fn keep_work(&mut self, _job: JobId, _ask: wire::JobStart) -> Result<(), wire::Failure> {
        Ok(())
    }
    /// Begins the work that was kept. Of a job that an earlier process had begun it brings to an end what that one
    /// has left. Ends in [`Msg::JobDone`].
    /// # Errors
    /// It can't even begin.
    fn begin_work(&mut self, _job: &Job) -> Result<(), Failure> {
        Err(Failure::new("unknown_kind", "no such job here"))
    }
    /// Begins or resumes an install. Ends in [`Msg::JobDone`].
    /// # Errors
    /// It can't even begin.
    fn begin_job(&mut self, work: Work<'_>) -> Result<(), Failure>;
    /// Takes away what a job that nobody goes on with has left.
    fn sweep_install(&mut self) -> impl Future<Output = ()> + Send;
    /// The job's container ended.
    fn job_exited(&mut self, ended: Ended);
    /// Ends the job under way, if there is one.
    fn cancel_job(&mut self) -> bool;
    /// The job was told of.
    fn job_over(&mut self);
    /// And that is on its way to the disk.
    fn job_told(&mut self) {}
}

/// A game that is up.
pub struct Attach<'a> {
    /// Which start.
    pub run: RunId,
    /// First process.
    pub pid: u32,
    /// Host's end of its network.
    pub veth: Option<String>,
    /// Unix milliseconds.
    pub started_at_ms: i64,
    /// What tells that it is up; none if that is known.
    pub markers: Option<&'a [warren_egg::DoneMarker]>,
}
