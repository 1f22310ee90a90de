//! Work with an end and progress: started once by id, cancelled, answered for by one fact.
//!
//! Jobs of two sorts. Those that *hold* a server own its files: its actor stops the game, gives them the files and
//! refuses starts meanwhile (install, restore). Those *beside* it run while a game does (backup). A new kind is an arm
//! of [`Kind`], an arm of [`work`], and a file that implements [`Work`]; control has the same seam in `control/src/job`.

mod handover;
mod meter;
mod notes;
mod registry;

use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use warren_proto::ids::{JobId, ServerId};
use warren_proto::wire;
use warren_proto::wire::job_ended::Made;
use warren_proto::wire::job_start;

use crate::backup;
use crate::files;
use crate::server::deps::Deps;
use crate::server::start::Failure;
use crate::server::status::Status;

pub use meter::{Figures, Meter};
pub use notes::Note;
pub use registry::{Holding, Jobs};

/// What a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Runs the egg's install script for the first time.
    Install,
    /// Runs it again.
    Reinstall,
    /// Makes a snapshot of the files.
    Backup,
    /// Puts files of a snapshot back.
    Restore,
    /// Removes snapshots.
    Forget,
    /// Packs files.
    Archive,
    /// Unpacks an archive.
    Extract,
    /// Fetches a file from an address.
    Download,
    /// Keeps the game down while its server goes to another node.
    Handover,
}

impl Kind {
    /// The word in messages.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "install" => Some(Self::Install),
            "reinstall" => Some(Self::Reinstall),
            "backup" => Some(Self::Backup),
            "restore" => Some(Self::Restore),
            "forget" => Some(Self::Forget),
            "archive" => Some(Self::Archive),
            "extract" => Some(Self::Extract),
            "download" => Some(Self::Download),
            "handover" => Some(Self::Handover),
            _ => None,
        }
    }

    /// Of two jobs of one server no two of a lane run at once.
    pub fn lane(self) -> &'static str {
        match self {
            Self::Install | Self::Reinstall | Self::Restore | Self::Handover => "files",
            Self::Backup | Self::Forget => "backup",
            Self::Archive | Self::Extract => "archive",
            Self::Download => "download",
        }
    }

    /// Whether it owns the server's files while it runs.
    pub fn holds(self) -> bool {
        match self {
            Self::Install | Self::Reinstall | Self::Restore | Self::Handover => true,
            Self::Backup | Self::Forget | Self::Archive | Self::Extract | Self::Download => false,
        }
    }
}

/// How a job's work ends.
pub type Done = Result<Option<Made>, Failure>;
/// A job's work, under way.
pub type Doing = Pin<Box<dyn Future<Output = Done> + Send>>;

/// What a job does, once. It ends soon after [`At::cancel`], with the code `cancelled`, and leaves nothing half done.
pub trait Work: Send {
    /// Does it.
    fn run(self: Box<Self>, at: At) -> Doing;
}

/// Where work is done, and who hears of it.
#[derive(Clone)]
pub struct At {
    /// What all servers share.
    pub deps: Arc<Deps>,
    /// Whose files.
    pub server: ServerId,
    /// The job.
    pub job: JobId,
    /// Ends it.
    pub cancel: CancellationToken,
    /// How the server is, its stdin among it.
    pub status: Arc<Mutex<Status>>,
    /// Shows how far it is.
    pub progress: Progress,
    /// Survives this process.
    pub note: Note,
}

/// Shows how far a job is; cheap, may be called as often as one likes.
pub type Progress = Arc<dyn Fn(Figures) + Send + Sync>;

/// The work of a job that control starts.
/// # Errors
/// Nobody here can do it.
pub fn work(ask: wire::JobStart) -> Result<Box<dyn Work>, wire::Failure> {
    let refuse = |text: String| wire::Failure {
        code: "unknown_kind".into(),
        message: text,
        retryable: false,
    };
    match (Kind::parse(&ask.kind), ask.work) {
        (Some(Kind::Backup), Some(job_start::Work::Backup(work))) => Ok(Box::new(work)),
        (Some(Kind::Restore), Some(job_start::Work::Restore(work))) => Ok(Box::new(work)),
        (Some(Kind::Forget), Some(job_start::Work::Forget(work))) => Ok(Box::new(work)),
        (Some(Kind::Archive), Some(job_start::Work::Pack(work))) => Ok(Box::new(work)),
        (Some(Kind::Extract), Some(job_start::Work::Extract(work))) => Ok(Box::new(work)),
        (Some(Kind::Download), Some(job_start::Work::Download(work))) => Ok(Box::new(work)),
        (Some(Kind::Handover), _) => Ok(Box::new(handover::Handover)),
        (None | Some(Kind::Install | Kind::Reinstall), _) => {
            Err(refuse(format!("this agent knows no job {:?}", ask.kind)))
        }
        (Some(_), _) => Err(refuse(format!(
            "job {:?} without what is to be done",
            ask.kind
        ))),
    }
}

/// Brings to an end what an earlier process has begun and not ended: takes back or finishes it. By default there is
/// nothing to take back.
pub fn recover(kind: Kind, at: At) -> Doing {
    match kind {
        Kind::Backup => backup::work::recover_backup(at),
        Kind::Restore => backup::work::recover_restore(at),
        Kind::Archive | Kind::Download => files::recover_partial(at),
        Kind::Extract => files::recover_extract(at),
        // Control says when it is over, whichever process is here.
        Kind::Handover => Work::run(Box::new(handover::Handover), at),
        Kind::Install | Kind::Reinstall | Kind::Forget => Box::pin(async { Err(interrupted()) }),
    }
}

/// The step that a handover shows once nothing runs and nothing is written.
pub const HELD: &str = "held";

/// How a job ends whose process has ended.
pub fn interrupted() -> Failure {
    Failure::new(
        "interrupted",
        "the agent was restarted meanwhile; start it again",
    )
}

/// How a job ends that somebody ended.
pub fn cancelled() -> Failure {
    Failure::new("cancelled", "the job was cancelled")
}
