//! Agent and control under a seeded network, clock, disk and database.
//!
//! What is decided is decided by the real code: the agent's link, ledger, journal, console streams and
//! actors run as they are; control's functions decide and an in-memory database stands in for SQL. Every
//! run is a function of its seed.

pub mod agent;
pub mod check;
pub mod console;
pub mod control;
pub mod db;
pub mod disk;
pub mod down;
pub mod faults;
pub mod host;
pub mod machine;
pub mod plant;
pub mod rng;
pub mod wanted;
pub mod world;

use plant::Plant;
use world::World;

/// Things break so long, virtual milliseconds.
const CHAOS_MS: i64 = 45_000;
/// And so long after it everything must be at rest.
const REST_MS: i64 = 150_000;

/// How one seed went.
#[derive(Debug, Clone)]
pub struct Run {
    /// What was wrong; empty if nothing.
    pub wrong: Vec<String>,
    /// Events that happened.
    pub steps: u64,
    /// What happened, if it was asked for.
    pub trace: Vec<String>,
}

/// Runs a seed with these kinds of faults.
pub fn run(seed: u64, plant: Plant, faults: u32, traced: bool) -> Run {
    let mut world = World::new(seed, plant, faults, traced);
    world.run_until(CHAOS_MS);
    world.heal();
    let mut left = Vec::new();
    let mut calm = 0;
    while world.wrong.is_empty() && world.now < CHAOS_MS + REST_MS {
        let until = world.now + 3000;
        world.run_until(until);
        world.decide();
        left = world.unsettled();
        calm = if left.is_empty() { calm + 1 } else { 0 };
        if calm == 2 {
            break;
        }
    }
    for text in left {
        world.fail(format!("not at rest: {text}"));
    }
    if world.wrong.is_empty() {
        for text in world.verdicts() {
            world.fail(text);
        }
    }
    Run {
        wrong: world.wrong,
        steps: world.steps,
        trace: world.trace.unwrap_or_default(),
    }
}

/// The fewest kinds of faults with which a seed fails in the same way.
pub fn shrink(seed: u64, plant: Plant) -> u32 {
    let mut faults = faults::EVERYTHING;
    let way = |faults| {
        run(seed, plant, faults, false)
            .wrong
            .first()
            .map(|t| shape(t))
    };
    let wanted = way(faults);
    for (_, bit) in faults::KINDS {
        let fewer = faults & !bit;
        if way(fewer) == wanted {
            faults = fewer;
        }
    }
    faults
}

/// What was wrong, without ids and numbers.
fn shape(text: &str) -> String {
    let words = text.split_whitespace();
    let plain = words.filter(|w| !w.contains(|c: char| c.is_ascii_digit()));
    plain.collect::<Vec<_>>().join(" ")
}
