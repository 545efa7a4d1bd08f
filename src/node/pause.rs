//! Growing pauses between tries.

use std::time::Duration;

use actors::model::backoff::Backoff;
use rand::RngExt as _;

/// Pauses that double from a first to a longest one, each shortened or lengthened by up to a fifth, so
/// that several sidecars do not knock at the same moment.
#[derive(Debug)]
pub(crate) struct GrowingPause {
    backoff: Backoff,
    failures: u32,
}

impl GrowingPause {
    /// Begins with `first`.
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        let backoff = Backoff {
            initial: first,
            max: longest,
        };
        Self {
            backoff,
            failures: 0,
        }
    }

    /// The next pause.
    pub(crate) fn grow(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.backoff
            .pause(self.failures)
            .mul_f64(rand::rng().random_range(0.8..1.2))
    }

    /// Begins anew, after a success.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_the_longest_and_begins_anew() {
        let mut pause = GrowingPause::new(Duration::from_secs(1), Duration::from_secs(30));
        let sum: Duration = (0..10).map(|_| pause.grow()).sum();
        // 1 + 2 + 4 + 8 + 16 + 5 × 30 seconds, give or take a fifth.
        assert!((144.0..=218.0).contains(&sum.as_secs_f64()), "{sum:?}");
        pause.reset();
        assert!(pause.grow() < Duration::from_secs(2));
    }
}
