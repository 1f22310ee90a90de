//! A hello, read: what is no hello is refused before anything is done.

use std::collections::HashSet;

use warren_proto::{
    ids::{BootId, JobId, LedgerId, RunId, ServerId},
    state::State,
    wire,
};

use super::super::presence::Error;
use crate::text::to_i64;

/// Boots that a hello may list: the ledger's last.
pub const MOST_LISTED: usize = 16;
/// Boots that a journal may hold facts of: it is bounded, and so is what a hello may write.
const MOST_JOURNALS: usize = 4096;
/// Generations and revs beyond this are no count of anything: adding to them must never overflow. No node comes here
/// by what it claims, see [`settle::MOST_AHEAD`].
pub(super) const HIGHEST: u64 = 1 << 62;

/// One server as the node sees it.
#[derive(Debug, Clone)]
pub struct Observed {
    pub server: ServerId,
    pub generation: i64,
    pub state: Option<State>,
    pub run: Option<RunId>,
}

/// What the journal holds of one boot.
#[derive(Debug, Clone, Copy)]
pub struct InJournal {
    pub boot: BootId,
    pub seq: u64,
    pub end: u64,
}

/// A hello, parsed.
#[derive(Debug, Clone)]
pub struct Said {
    pub boot: BootId,
    /// Newest first, the speaker included.
    pub boots: Vec<BootId>,
    pub ledger: Option<(LedgerId, i64)>,
    /// The boot that has taken the ledger's newest rows.
    pub taken_in: Option<BootId>,
    pub servers: Vec<Observed>,
    pub jobs: HashSet<JobId>,
    pub journal: Vec<InJournal>,
    pub host: Option<wire::HostFacts>,
    pub agent_version: String,
}

impl Said {
    /// # Errors
    /// [`Error::Malformed`] for ids that are none, and for more than any node may have.
    pub fn read(hello: &wire::Hello) -> Result<Self, Error> {
        let bad = |e: warren_proto::ids::InvalidId| Error::Malformed(e.to_string());
        if hello.boots.len() > MOST_LISTED
            || hello.servers.len() > 10_000
            || hello.jobs.len() > 10_000
        {
            return Err(Error::Malformed(
                "a hello lists at most 16 boots and 10000 servers".into(),
            ));
        }
        if hello.journal.len() > MOST_JOURNALS {
            return Err(Error::Malformed(format!(
                "a hello lists at most {MOST_JOURNALS} journals"
            )));
        }
        let high = hello.servers.iter().any(|s| s.generation > HIGHEST)
            || hello.ledger.as_ref().is_some_and(|l| l.rev > HIGHEST);
        if high {
            return Err(Error::Malformed(
                "a hello with a generation or rev beyond all bounds".into(),
            ));
        }
        let boot: BootId = hello.boot.parse().map_err(bad)?;
        let mut boots = vec![boot];
        for other in &hello.boots {
            let other = other.parse().map_err(bad)?;
            if !boots.contains(&other) {
                boots.push(other);
            }
        }
        let ledger = hello
            .ledger
            .as_ref()
            .map(|l| Ok::<_, Error>((l.id.parse().map_err(bad)?, to_i64(l.rev))))
            .transpose()?;
        let taken_in = hello.ledger.as_ref().map(|l| l.boot.as_str());
        let taken_in = taken_in.filter(|b| !b.is_empty());
        let taken_in = taken_in.map(|b| b.parse().map_err(bad)).transpose()?;
        let observed = |s: &wire::ObservedServer| {
            Ok::<_, Error>(Observed {
                server: s.server.parse().map_err(bad)?,
                generation: to_i64(s.generation),
                state: State::try_from(s.state()).ok(),
                run: s.run.parse().ok(),
            })
        };
        let in_journal = |j: &wire::JournalPosition| {
            Ok::<_, Error>(InJournal {
                boot: j.boot.parse().map_err(bad)?,
                seq: j.seq,
                end: j.end,
            })
        };
        Ok(Self {
            boot,
            boots,
            ledger,
            taken_in,
            servers: hello
                .servers
                .iter()
                .map(observed)
                .collect::<Result<_, _>>()?,
            jobs: hello
                .jobs
                .iter()
                .filter_map(|j| j.job.parse().ok())
                .collect(),
            journal: hello
                .journal
                .iter()
                .map(in_journal)
                .collect::<Result<_, _>>()?,
            host: hello.host.clone(),
            agent_version: hello
                .host
                .as_ref()
                .map(|h| crate::text::tame(&h.agent_version, 64))
                .unwrap_or_default(),
        })
    }

    /// Runs that the node knows.
    pub fn runs(&self) -> Vec<(ServerId, RunId)> {
        self.servers
            .iter()
            .filter_map(|s| Some((s.server, s.run?)))
            .collect()
    }
}
