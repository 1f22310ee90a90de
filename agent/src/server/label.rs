//! Container labels: the agent's crash-safe memory of what runs.

use warren_proto::ids::{JobId, RunId, ServerId};

use super::start::Labels;

const SERVER: &str = "warren.server";
const KIND: &str = "warren.kind";
const RUN: &str = "warren.run-id";
const GENERATION: &str = "warren.generation";
const JOB: &str = "warren.job";

/// What a container is, read from its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// A server's game.
    Game {
        /// Whose.
        server: ServerId,
        /// Which start.
        run: RunId,
    },
    /// A server's install script.
    Install {
        /// Whose.
        server: ServerId,
        /// Of which job.
        job: JobId,
        /// Which start.
        run: RunId,
    },
}

/// For a game.
pub fn game(server: ServerId, run: RunId, generation: u64) -> Labels {
    [
        (SERVER, server.to_string()),
        (KIND, "game".to_owned()),
        (RUN, run.to_string()),
        (GENERATION, generation.to_string()),
    ]
    .map(|(k, v)| (k.to_owned(), v))
    .into()
}

/// For an install script.
pub fn install(server: ServerId, run: RunId, job: JobId) -> Labels {
    [
        (SERVER, server.to_string()),
        (KIND, "install".to_owned()),
        (RUN, run.to_string()),
        (JOB, job.to_string()),
    ]
    .map(|(k, v)| (k.to_owned(), v))
    .into()
}

/// `None`: not one that we made, or of another version.
pub fn read(labels: &Labels) -> Option<Label> {
    let server = labels.get(SERVER)?.parse().ok()?;
    let run = labels.get(RUN)?.parse().ok()?;
    match labels.get(KIND)?.as_str() {
        "game" => Some(Label::Game { server, run }),
        "install" => Some(Label::Install {
            server,
            job: labels.get(JOB)?.parse().ok()?,
            run,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_say_again_what_a_container_is() {
        let (server, run, job) = (ServerId::new(), RunId::new(), JobId::new());
        assert_eq!(
            read(&game(server, run, 3)),
            Some(Label::Game { server, run })
        );
        let label = Label::Install { server, job, run };
        assert_eq!(read(&install(server, run, job)), Some(label));
        assert_eq!(read(&Labels::new()), None);
    }
}
