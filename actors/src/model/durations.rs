//! How long something took, each time that it happened.

use std::time::Duration;

use serde::Serialize;

/// Upper bounds of the classes, in milliseconds, each inclusive; what took longer is in one more.
pub const BOUNDS_MS: [u64; 12] = [
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000,
];

/// A histogram with fixed classes: it takes the same space whatever is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Durations {
    /// How many were in each class, longer ones than the last bound at the end.
    counts: [u64; BOUNDS_MS.len() + 1],
    /// All together, in microseconds.
    sum_us: u64,
}

impl Durations {
    /// Counts one.
    pub fn observe(&mut self, took: Duration) {
        let class = BOUNDS_MS.partition_point(|it| Duration::from_millis(*it) < took);
        self.counts[class] += 1;
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.sum_us = self.sum_us.saturating_add(micros);
    }

    /// How many were in each class; the bound of the last one is `None`.
    pub fn classes(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let bounds = BOUNDS_MS.map(|it| Some(Duration::from_millis(it)));
        bounds.into_iter().chain([None]).zip(self.counts)
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_in_its_class_and_what_took_longer_than_the_last_is_in_one_of_its_own() {
        let mut durations = Durations::default();
        for millis in [0, 10, 11, 60_000, 60_001, 3_600_000] {
            durations.observe(Duration::from_millis(millis));
        }
        let counts: Vec<u64> = durations.classes().map(|(_, count)| count).collect();
        assert_eq!(counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(durations.count(), 6);
        assert_eq!(durations.sum(), Duration::from_millis(3_720_022));
    }
}
