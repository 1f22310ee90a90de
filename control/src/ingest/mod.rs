//! What nodes say, into the database: facts, console bytes, samples.

pub mod batch;
pub mod console;
pub mod cursor;
mod effect;
pub mod lifecycle;
pub mod metrics;
