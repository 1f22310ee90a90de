//! The steps of a hello, each on the transaction that holds the node's cursor and row.

mod journal;
mod ledger;
mod said;
mod servers;
mod speaker;
mod states;

pub use journal::{
    cursor_of, held, leave_boot, order_boots, record_loss, settle_journal, store_cursor,
};
pub use ledger::{compare_ledger, known_of, raise_left_out, settle_ledger};
pub use said::{MOST_LISTED, Said};
pub use servers::{confirm_stones, lose_jobs, settle_servers};
pub use speaker::{greet, quarantine, speakers};
pub use states::trust_states;

/// Rows of one statement: both databases bound what a statement may name.
const ROWS: usize = 1000;
