//! Eggs as their authors published them, from the starter collection.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod broken;
mod export;
mod golden;
mod hostile;
mod import;
mod kept;
mod rules;
mod values;
mod write;
