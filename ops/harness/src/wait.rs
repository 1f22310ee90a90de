//! Waiting for a state with a limit, the only kind of waiting that tests do.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Calls `probe` every 20 ms until it yields a value, at most for `limit`.
///
/// # Errors
/// Names `what` and the limit when the value never came.
pub fn eventually<T>(
    what: &str,
    limit: Duration,
    mut probe: impl FnMut() -> Option<T>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = probe() {
            return Ok(value);
        }
        if start.elapsed() > limit {
            bail!("waited {limit:?} in vain for: {what}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The same for an async probe.
///
/// # Errors
/// Names `what` and the limit when the value never came.
pub async fn eventually_async<T, F, Fut>(what: &str, limit: Duration, mut probe: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let start = Instant::now();
    loop {
        if let Some(value) = probe().await {
            return Ok(value);
        }
        if start.elapsed() > limit {
            bail!("waited {limit:?} in vain for: {what}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
