//! Game server eggs, as Pterodactyl and Pelican publish them.
//!
//! Everything here is pure: bytes and facts in, values out. Control imports, checks and exports eggs with it;
//! the agent writes config files and looks for done markers with it. `docs/eggs.md` says, quirk by quirk, what
//! is done as Wings does it and what is mended.
//!
//! Whoever calls may pass anything: input is bounded in size and depth (`limits`), and nothing panics.

mod check;
mod done;
mod environment;
mod export;
mod feature;
mod filled;
pub mod limits;
mod model;
mod parse;
mod pattern;
mod placeholder;
pub mod rules;
mod starter;
mod stop;
pub mod write;
mod yaml;

pub use check::{check, unreadable};
pub use done::{DoneMatcher, LineView};
pub use environment::{ServerFacts, environment, is_reserved};
pub use export::export;
pub use feature::{FEATURES, Feature, Remedy, feature};
pub use filled::{Filled, FilledFile, FilledValue, NodeFacts, Part};
pub use model::{
    ConfigFile, DoneMarker, Egg, Find, FindValue, Image, Install, Literal, Parser, StartupCommand,
    Variable,
};
pub use parse::{EggError, Format, Odd, Report, parse};
pub use placeholder::{PathError, fill, fill_file, preview};
pub use starter::{Starter, starter, starters};
pub use stop::{Stop, signal_number};
