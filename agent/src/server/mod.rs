//! Game servers: what is decided about one, and the task that does it.

pub mod lifecycle;
