//! How fast bytes go by.

use std::time::{Duration, Instant};

use crate::server::status::Bytes;

/// Over so long a rate is taken.
const WINDOW: Duration = Duration::from_secs(3);
/// So far apart counts are kept.
const STEP: Duration = Duration::from_millis(100);

/// How far a job is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// In words.
    pub step: String,
    /// Bytes done, and in all (0: unknown); percent follows from them.
    pub bytes: Option<(u64, u64)>,
}

impl Figures {
    /// A step that is not counted.
    pub fn step(text: &str) -> Self {
        Self {
            step: text.into(),
            bytes: None,
        }
    }

    /// 0 to 100, or -1.
    pub fn percent(&self) -> f64 {
        match self.bytes {
            #[expect(clippy::cast_precision_loss, reason = "a percentage")]
            Some((done, total)) if total > 0 => (done as f64 / total as f64 * 100.0).min(100.0),
            _ => -1.0,
        }
    }
}

/// Keeps the last seconds of a count.
#[derive(Debug, Default)]
pub struct Meter {
    seen: Vec<(Instant, u64)>,
}

impl Meter {
    /// Takes a count and tells it with its rate.
    pub fn take(&mut self, figures: &Figures, now: Instant) -> Bytes {
        let Some((done, total)) = figures.bytes else {
            self.seen.clear();
            return Bytes::default();
        };
        // Two steps of one job count for themselves.
        if self.seen.last().is_some_and(|(_, before)| *before > done) {
            self.seen.clear();
        }
        let old = |at: &Instant| now.saturating_duration_since(*at) > WINDOW;
        while self.seen.len() > 1 && self.seen.get(1).is_some_and(|(at, _)| old(at)) {
            self.seen.remove(0);
        }
        let newest = self.seen.last().map(|(at, _)| *at);
        if newest.is_none_or(|at| now.saturating_duration_since(at) > STEP) {
            self.seen.push((now, done));
        }
        let rate = self.seen.first().map_or(0, |(at, first)| {
            let ms = now.saturating_duration_since(*at).as_millis().max(1);
            u64::try_from(u128::from(done - first) * 1000 / ms).unwrap_or(u64::MAX)
        });
        Bytes {
            done,
            total,
            per_second: rate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_seconds() {
        let (mut meter, begun) = (Meter::default(), Instant::now());
        let at = |ms| begun + Duration::from_millis(ms);
        let figures = |done| Figures {
            step: String::new(),
            bytes: Some((done, 10_000)),
        };
        assert_eq!(meter.take(&figures(0), at(0)).per_second, 0);
        for second in 1..=10 {
            let bytes = meter.take(&figures(second * 500), at(second * 1000));
            assert_eq!((bytes.per_second, bytes.total), (500, 10_000));
        }
        // It stands still.
        for second in 11..=15 {
            meter.take(&figures(5000), at(second * 1000));
        }
        assert_eq!(meter.take(&figures(5000), at(16_000)).per_second, 0);
        assert!((figures(2_500).percent() - 25.0).abs() < 0.01);
        assert!(Figures::step("x").percent() < 0.0);
    }
}
