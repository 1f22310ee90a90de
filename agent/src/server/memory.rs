//! What an actor must not forget, as it stands on disk.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use warren_proto::ids::{JobId, RunId};
use warren_proto::{Message as _, wire};

use super::lifecycle::Server;
use crate::journal::Position;

/// Ended jobs that are remembered, so that a repeated start is answered and not done again.
const MAX_ENDED: usize = 32;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// The decisions.
    pub life: Server,
    /// The newest run of the game.
    pub run: Option<Run>,
    /// The job under way.
    pub job: Option<Job>,
    /// Newest last.
    pub ended_jobs: VecDeque<JobId>,
    /// Facts that were decided together with this state, or before it, and may not be in the journal yet.
    #[serde(default)]
    pub owed: Vec<Owed>,
}

/// A fact on its way to the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Owed {
    /// Encoded, in hex.
    fact: String,
    /// Where the journal ended when it was decided.
    since: Position,
}

/// One start of the game.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id, in the container's label too.
    pub id: RunId,
    /// The fact `run_started` was decided.
    pub started: bool,
    /// Unix milliseconds.
    pub started_at_ms: i64,
    /// The kernel's boot id when it began: another one now means that the machine has restarted.
    #[serde(default)]
    pub host_boot: String,
    /// How it ended, as soon as that is known.
    pub ended: Option<Ended>,
    /// The fact `run_ended` was decided.
    pub closed: bool,
}

/// How a run ended. `code` is `None` when nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Exit code.
    pub code: Option<i32>,
    /// Killed for memory.
    pub oom: bool,
    /// Unix milliseconds.
    pub at_ms: i64,
}

/// An install or reinstall.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Control's id.
    pub id: JobId,
    /// `install` or `reinstall`.
    pub kind: String,
    /// Remove all files first.
    pub wipe: bool,
    /// Unix milliseconds.
    pub started_at_ms: i64,
    /// The script's run, set right before its container is made.
    pub run: Option<RunId>,
    /// How the script ended, as soon as that is known: its container is deleted before the job ends.
    #[serde(default)]
    pub ended: Option<Ended>,
    /// Somebody wants it to end.
    pub cancelled: bool,
}

impl Memory {
    /// Reads what [`Memory::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// For the ledger.
    pub fn encode(&self) -> Vec<u8> {
        // A struct of plain values always serialises.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The newest generation that is known of the server. Where its row is lost or another database's, the memory
    /// knows better: rows below it are not followed, so control has to hear of it.
    pub fn generation(&self, row: Option<&wire::WantedServer>) -> u64 {
        let followed = self.life.want.as_ref().map_or(0, |w| w.generation);
        row.map_or(0, |r| r.generation).max(followed)
    }

    /// Adds facts to be journalled after this memory is on disk. `since`: where the journal ends now.
    pub fn owe(&mut self, facts: &[wire::Fact], since: Position) {
        self.owed.extend(facts.iter().map(|f| Owed {
            fact: hex::encode(f.encode_to_vec()),
            since,
        }));
    }

    /// The facts that are owed, oldest first.
    pub fn owed(&self) -> Vec<(wire::Fact, Position)> {
        let decode = |owed: &Owed| {
            let bytes = hex::decode(&owed.fact).ok()?;
            Some((wire::Fact::decode(bytes.as_slice()).ok()?, owed.since))
        };
        self.owed.iter().filter_map(decode).collect()
    }

    /// Remembers that a job is over.
    pub fn job_ended(&mut self, job: JobId) {
        self.ended_jobs.push_back(job);
        while self.ended_jobs.len() > MAX_ENDED {
            self.ended_jobs.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use warren_proto::ids::BootId;

    #[test]
    fn a_row_that_is_lost_or_old_does_not_hide_what_was_followed() {
        let row = |generation| wire::WantedServer {
            generation,
            ..Default::default()
        };
        let mut memory = Memory::default();
        assert_eq!(memory.generation(None), 0);
        assert_eq!(memory.generation(Some(&row(2))), 2);
        memory.life.want = Some(super::super::convert::want(&row(5)));
        assert_eq!(memory.generation(None), 5);
        assert_eq!(memory.generation(Some(&row(1))), 5);
        assert_eq!(memory.generation(Some(&row(7))), 7);
    }

    #[test]
    fn a_memory_reads_back_with_its_facts() {
        let mut memory = Memory::default();
        let fact = wire::Fact {
            server: "x".into(),
            at_ms: 7,
            ..Default::default()
        };
        let since = Position {
            boot: BootId::new(),
            seq: 7,
        };
        memory.owe(std::slice::from_ref(&fact), since);
        memory.job_ended(JobId::new());
        let again = Memory::decode(&memory.encode()).unwrap();
        assert_eq!(again, memory);
        assert_eq!(again.owed(), [(fact, since)]);
    }
}
