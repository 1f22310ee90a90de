//! Files that the node fetches itself, from an address that somebody typed.
//!
//! Whoever may type it must not reach through the node what they could not reach themselves: [`guard`] judges where a
//! name leads, [`call`] connects to what was judged and to nothing else, and asks again with each redirect.

pub mod call;
pub mod guard;
mod job;
mod name;

pub use guard::Guard;
