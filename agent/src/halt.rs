//! Ends the games of a node that is taken down, each as its egg says, without control. What ran comes back when the
//! agent runs again.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;
use warren_proto::ids::ServerId;
use warren_runtime::runtime::{ContainerId, FoundState};

use crate::config::Config;
use crate::identity::Identity;
use crate::machine;
use crate::node::{self, Node};
use crate::server::actor::Msg;
use crate::server::label::{self, Label};

const LOOK: Duration = Duration::from_millis(200);
/// A sign of life while games take their time.
const SAY: Duration = Duration::from_secs(5);
/// How long the end of a killed game may take to be seen and written down.
const LAST: Duration = Duration::from_secs(10);

struct Game {
    server: ServerId,
    container: ContainerId,
    name: String,
}

/// Ends all games; those that take longer than `limit` are killed. Prints what it does.
/// # Errors
/// Names the games that could not be ended.
pub async fn run(config: Config, limit: Duration) -> anyhow::Result<()> {
    let Some(identity) = Identity::load(&config.data_dir)? else {
        println!("this machine is no node: it has no games");
        return Ok(());
    };
    let _lock = machine::lock(&config.data_dir)?;
    let machine = machine::open(&config)?;
    let found = machine.runtime.adopt().await;
    let found = found.context("look for games; is containerd running?")?;
    let stop = CancellationToken::new();
    let (node, _live) = Node::start(config, identity, machine, stop.clone())?;
    for handle in node.servers.all().into_values() {
        let told = handle.tx.send(Msg::NodeDown).await;
        told.with_context(|| format!("the actor of {} has ended", handle.server))?;
    }
    let games = found.into_iter().filter_map(|found| {
        let running = !matches!(found.state, FoundState::Stopped(_) | FoundState::NoTask);
        match label::read(&found.labels) {
            Some(Label::Game { server, .. }) if running => Some(Game {
                server,
                name: name(&node, server),
                container: found.id,
            }),
            _ => None,
        }
    });
    let ended = end(&node, games.collect(), limit).await;
    stop.cancel();
    let written = node.deps.journal.stop();
    if tokio::time::timeout(node::STOP_WAIT, written)
        .await
        .is_err()
    {
        println!("the journal did not end in time");
    }
    ended
}

fn name(node: &Node, server: ServerId) -> String {
    let row = node.deps.ledger.wanted(server);
    let name = row.and_then(|r| r.spec).map(|s| s.name);
    match name.filter(|n| !n.is_empty()) {
        // Typed by people, read on a terminal.
        Some(name) => name.chars().filter(|c| !c.is_control()).collect(),
        None => server.to_string(),
    }
}

async fn end(node: &Node, mut games: Vec<Game>, limit: Duration) -> anyhow::Result<()> {
    let since = Instant::now();
    let (mut said, mut killed) = (since, None);
    for game in &games {
        println!("stopping {}", game.name);
    }
    while !games.is_empty() {
        tokio::time::sleep(LOOK).await;
        let mut left = Vec::new();
        for game in games {
            match runs(node, &game).await {
                true => left.push(game),
                false => println!(
                    "{} has ended ({:.1} s)",
                    game.name,
                    since.elapsed().as_secs_f32()
                ),
            }
        }
        games = left;
        if killed.is_none() && since.elapsed() >= limit {
            killed = Some(Instant::now());
            for game in &games {
                println!(
                    "{} did not end within {} s: killing it",
                    game.name,
                    limit.as_secs()
                );
                let kill = node.deps.runtime.kill(&game.container, 9, true).await;
                kill.with_context(|| format!("kill {}", game.name))?;
            }
        }
        let names = || {
            games
                .iter()
                .map(|g| g.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        if killed.is_some_and(|at: Instant| at.elapsed() > LAST) {
            anyhow::bail!("these games could not be ended: {}", names());
        }
        if !games.is_empty() && said.elapsed() > SAY {
            said = Instant::now();
            println!(
                "waiting for {}, {} s of {}",
                names(),
                since.elapsed().as_secs(),
                limit.as_secs()
            );
        }
    }
    Ok(())
}

/// Also while its end is not yet written down.
async fn runs(node: &Node, game: &Game) -> bool {
    let told = node.servers.get(game.server);
    let up = told.is_some_and(|h| h.status.lock().state.is_up());
    let found = node.deps.runtime.find(&game.container).await;
    up || match found {
        Ok(found) => found.is_some_and(|f| {
            matches!(
                f.state,
                FoundState::Running { .. } | FoundState::Paused { .. }
            )
        }),
        // containerd is away for the moment: the game is not.
        Err(_) => true,
    }
}
