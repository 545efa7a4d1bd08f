//! Nobody answers, and nothing is active: when to look again.

use std::{ops::RangeInclusive, time::Duration};

use crate::Instant;

/// The part of the time that a search has lasted after which the next look comes …
const PART: u32 = 20;

/// … within these limits: those who come back soon are found soon. The tick comes on top.
const PAUSE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(10);

/// A search for anybody who answers.
#[derive(Debug, Default)]
pub(crate) enum Search {
    /// None: somebody is used, or is about to be.
    #[default]
    Over,
    /// A round was answered by nobody.
    Pausing {
        /// Since when.
        since: Instant,
        /// When to look again.
        until: Instant,
    },
}

impl Search {
    /// A round was answered by nobody.
    pub(crate) fn found_nobody(&mut self, now: Instant) {
        let since = match self {
            Self::Over => now,
            Self::Pausing { since, .. } => *since,
        };
        let pause = now.saturating_duration_since(since) / PART;
        let until = now + pause.clamp(*PAUSE.start(), *PAUSE.end());
        *self = Self::Pausing { since, until };
    }

    /// When to look again.
    pub(crate) fn looks_again_at(&self) -> Option<Instant> {
        match self {
            Self::Over => None,
            Self::Pausing { until, .. } => Some(*until),
        }
    }

    /// The rounds before this one came to nothing.
    pub(crate) fn goes_on(&self) -> bool {
        matches!(self, Self::Pausing { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause_after(elapsed: Duration) -> Duration {
        let begun = Instant::now();
        let mut search = Search::default();
        search.found_nobody(begun);
        search.found_nobody(begun + elapsed);
        search.looks_again_at().unwrap() - (begun + elapsed)
    }

    #[test]
    fn it_looks_after_a_twentieth_of_the_time_that_it_has_lasted_within_limits() {
        let seconds = |it| pause_after(Duration::from_secs(it)).as_secs();
        assert_eq!([0, 10, 60, 3600].map(seconds), [1, 1, 3, 10]);
    }

    #[test]
    fn one_that_is_over_looks_no_more() {
        assert_eq!(Search::default().looks_again_at(), None);
        assert!(!Search::default().goes_on());
    }
}
