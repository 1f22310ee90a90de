//! Console history: what nodes uploaded, read back, searched, and let go by size and age.

pub mod chunk;
pub mod history;
pub mod keep;
pub mod search;
pub mod size;
pub mod turns;
