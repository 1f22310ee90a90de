//! How often one node may ask: each question costs a transaction under the lane that the heartbeats of all
//! nodes share.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use warren_proto::ids::NodeId;

/// Questions in a row; an agent that comes back asks a few.
const BURST: u32 = 8;
/// Then one in so long.
const PERIOD: Duration = Duration::from_secs(1);
/// Nodes remembered before those that have been quiet are forgotten.
const MOST: usize = 1024;

/// The node has a question in hand, or has asked too often: it asks again, later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooOften;

#[derive(Debug, Clone, Copy)]
struct Asked {
    in_hand: bool,
    /// When the allowance will be full again.
    full_at: Instant,
}

type Nodes = Arc<Mutex<HashMap<NodeId, Asked>>>;

/// Lets each node have one question in hand, and one a second after the first few.
#[derive(Debug, Clone, Default)]
pub struct Pace(Nodes);

/// One question in hand, until it is dropped.
#[derive(Debug)]
pub struct Turn(Nodes, NodeId);

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(asked) = self.0.lock().get_mut(&self.1) {
            asked.in_hand = false;
        }
    }
}

impl Pace {
    /// A turn for this node.
    /// # Errors
    /// [`TooOften`]: nothing was done.
    pub fn turn(&self, node: NodeId, now: Instant) -> Result<Turn, TooOften> {
        let mut nodes = self.0.lock();
        if nodes.len() >= MOST {
            nodes.retain(|_, asked| asked.in_hand || asked.full_at > now);
        }
        let asked = nodes.entry(node).or_insert(Asked {
            in_hand: false,
            full_at: now,
        });
        let full_at = asked.full_at.max(now) + PERIOD;
        if asked.in_hand || full_at.duration_since(now) > PERIOD * BURST {
            return Err(TooOften);
        }
        *asked = Asked {
            in_hand: true,
            full_at,
        };
        Ok(Turn(self.0.clone(), node))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_node_has_one_question_in_hand() {
        let (pace, node, now) = (Pace::default(), NodeId::new(), Instant::now());
        let turn = pace.turn(node, now).unwrap();
        assert_eq!(pace.turn(node, now).err(), Some(TooOften));
        pace.turn(NodeId::new(), now).unwrap();
        drop(turn);
        pace.turn(node, now).unwrap();
    }

    #[test]
    fn after_a_few_there_is_one_a_second() {
        let (pace, node, now) = (Pace::default(), NodeId::new(), Instant::now());
        let taken = |from: Duration| {
            (0..100)
                .filter(|_| pace.turn(node, now + from).is_ok())
                .count()
        };
        assert_eq!(taken(Duration::ZERO), BURST as usize);
        assert_eq!(taken(Duration::from_millis(900)), 0);
        assert_eq!(taken(Duration::from_secs(3)), 3);
        assert_eq!(taken(Duration::from_secs(3600)), BURST as usize);
    }

    #[test]
    fn quiet_nodes_are_forgotten() {
        let (pace, now) = (Pace::default(), Instant::now());
        for n in 0..MOST as u32 * 3 {
            pace.turn(NodeId::new(), now + PERIOD * 10 * n).unwrap();
        }
        assert!(pace.0.lock().len() <= MOST);
    }
}
