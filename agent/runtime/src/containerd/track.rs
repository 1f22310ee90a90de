//! Which runs are known to be alive, so that each gives exactly one end, however it is learnt of.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::broadcast;

use super::Sender;
use crate::runtime::{ContainerId, Event, Exit};

struct Run {
    id: ContainerId,
    run: String,
    pid: u32,
    /// We sent SIGKILL: an earlier OOM kill of some child is not why it ended.
    killed: bool,
}

pub struct Tracker {
    runs: Mutex<HashMap<String, Run>>,
    sender: Sender,
}

impl Tracker {
    pub fn new(sender: Sender) -> Self {
        Self {
            runs: Mutex::new(HashMap::new()),
            sender,
        }
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }

    pub fn send(&self, event: Event) {
        // Without a subscriber there is nobody to tell; `adopt` shows the state at any time.
        let _ = self.sender.send(event);
    }

    /// A run is alive. Known ones stay as they are.
    pub fn alive(&self, id: &ContainerId, run: &str, pid: u32) {
        let mut runs = self.runs.lock();
        let same = runs.get(id.as_str()).is_some_and(|r| r.pid == pid);
        if !same {
            let entry = Run {
                id: id.clone(),
                run: run.to_owned(),
                pid,
                killed: false,
            };
            runs.insert(id.to_string(), entry);
        }
    }

    /// Takes a run back without an end: its start failed.
    pub fn never_ran(&self, id: &str) {
        self.runs.lock().remove(id);
    }

    pub fn we_killed(&self, id: &str) {
        if let Some(run) = self.runs.lock().get_mut(id) {
            run.killed = true;
        }
    }

    pub fn killed_by_us(&self, id: &str) -> bool {
        self.runs.lock().get(id).is_some_and(|r| r.killed)
    }

    /// Ids and pids of all runs held to be alive.
    pub fn known(&self) -> Vec<(String, u32)> {
        let runs = self.runs.lock();
        runs.iter().map(|(id, r)| (id.clone(), r.pid)).collect()
    }

    pub fn pid(&self, id: &str) -> Option<u32> {
        self.runs.lock().get(id).map(|r| r.pid)
    }

    pub fn oom(&self, id: &str) {
        let found = self
            .runs
            .lock()
            .get(id)
            .map(|r| (r.id.clone(), r.run.clone()));
        if let Some((id, run)) = found {
            self.send(Event::Oom { id, run });
        }
    }

    /// The run of that pid ended. Says nothing if that was told already. `None`: nobody knows how.
    pub fn ended(&self, id: &str, pid: u32, exit: Option<Exit>) {
        let mut runs = self.runs.lock();
        let known = match runs.remove(id) {
            Some(run) if run.pid == pid => run,
            Some(other) => {
                // An old run's end; a new one of that id lives.
                runs.insert(id.to_owned(), other);
                return;
            }
            None => return,
        };
        drop(runs);
        let Run { id, run, .. } = known;
        self.send(match exit {
            Some(exit) => Event::Exit { id, run, exit },
            None => Event::Gone { id, run },
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::SystemTime;

    fn exit() -> Option<Exit> {
        Some(Exit {
            code: 0,
            at: SystemTime::UNIX_EPOCH,
            oom: false,
        })
    }

    #[test]
    fn an_end_is_told_once_and_only_for_its_own_run() {
        let (sender, mut events) = broadcast::channel(8);
        let tracker = Tracker::new(sender);
        let id: ContainerId = "a".parse().unwrap();
        tracker.alive(&id, "one", 10);
        tracker.ended("a", 9, exit());
        assert!(events.try_recv().is_err());
        tracker.ended("a", 10, exit());
        tracker.ended("a", 10, None);
        assert!(matches!(events.try_recv().unwrap(), Event::Exit { run, .. } if run == "one"));
        assert!(events.try_recv().is_err());
    }
}
