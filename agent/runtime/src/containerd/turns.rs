//! One at a time per container: a start that is still being taken back must not take away the next one's.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

/// See the module.
#[derive(Default)]
pub struct Turns(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Waits until nobody else is at this container.
    pub async fn of(&self, id: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock();
            // Held by nobody but the map: nobody has it, and nobody waits.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            turns.entry(id.to_owned()).or_default().clone()
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_container_waits_and_others_do_not() {
        let turns = Turns::default();
        let first = turns.of("a").await;
        let _other = turns.of("b").await;
        let second = turns.of("a");
        tokio::pin!(second);
        let waits = futures_util::poll!(&mut second).is_pending();
        assert!(waits);
        drop(first);
        drop(second.await);
        let _later = turns.of("c").await;
        assert_eq!(turns.0.lock().len(), 2, "what nobody holds is forgotten");
    }
}
