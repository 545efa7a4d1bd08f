//! What may be asked of mailservers that serve others too: bytes and queries in an hour.

use std::time::Duration;

use crate::{Instant, messages::store::FailedQuery};

const HOUR: Duration = Duration::from_secs(3600);

/// The most queries in an hour, each page one. A node of 300 topics takes 30 for each mailserver and day.
const QUERIES: u64 = 600;

/// No query is begun with less than this, unless the whole budget is less: its answer would be cut off.
const LEAST: u64 = 64 * 1024;

/// A query of which nobody counted what it cost until it failed has cost about this.
const FAILED: u64 = 4096;

/// So much of a thing in an hour; what is not spent is kept for up to an hour.
#[derive(Debug)]
struct Bucket {
    size: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    fn new(size: u64, now: Instant) -> Self {
        let size = size.max(1) as f64;
        Self {
            size,
            level: size,
            at: now,
        }
    }

    fn level(&self, now: Instant) -> f64 {
        let hours = now.saturating_duration_since(self.at).as_secs_f64() / HOUR.as_secs_f64();
        (self.level + hours * self.size).min(self.size)
    }

    /// The debt is never more than one hour pays.
    fn spend(&mut self, amount: u64, now: Instant) {
        self.level = (self.level(now) - amount as f64).max(-self.size);
        self.at = now;
    }

    /// How long until this much is there.
    fn wait(&self, amount: f64, now: Instant) -> Duration {
        let hours = ((amount.min(self.size) - self.level(now)) / self.size).max(0.0);
        HOUR.mul_f64(hours)
    }
}

/// What a query is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// A window that mattered: it may take the whole budget.
    Window,
    /// A sweep and what follows of it: only as long as half of the budget is left for windows.
    Sweep,
}

/// The budget of all queries.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: Bucket,
    queries: Bucket,
}

impl Budget {
    /// Nothing was spent yet of this many bytes an hour.
    pub(super) fn new(bytes: u64, now: Instant) -> Self {
        Self {
            bytes: Bucket::new(bytes, now),
            queries: Bucket::new(QUERIES, now),
        }
    }

    /// A query was answered.
    pub(super) fn spend(&mut self, bytes: u64, queries: u32, now: Instant) {
        self.bytes.spend(bytes, now);
        self.queries.spend(queries.max(1).into(), now);
    }

    /// A query failed; the bytes that count.
    pub(super) fn spend_failed(&mut self, failed: &FailedQuery, now: Instant) -> u64 {
        let bytes = failed.bytes.unwrap_or(FAILED);
        self.spend(bytes, failed.pages, now);
        bytes
    }

    /// When the next query may be sent: not before now.
    pub(super) fn free_at(&self, need: Need, now: Instant) -> Instant {
        let (bytes, queries) = match need {
            Need::Window => (LEAST as f64, 1.0),
            Need::Sweep => (self.bytes.size / 2.0, self.queries.size / 2.0),
        };
        let wait = self.bytes.wait(bytes, now);
        let wait = wait.max(self.queries.wait(queries, now));
        match wait.is_zero() {
            true => now,
            // What is computed from fractions may fall short by less than this.
            false => now + wait + Duration::from_millis(10),
        }
    }

    /// Whether it may be sent now.
    pub(super) fn is_free(&self, need: Need, now: Instant) -> bool {
        self.free_at(need, now) <= now
    }

    /// The bytes that may be spent now.
    pub(super) fn left(&self, now: Instant) -> u64 {
        self.bytes.level(now).max(0.0) as u64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MEBIBYTE: u64 = 1024 * 1024;

    #[test]
    fn what_was_spent_comes_back_within_the_hour() {
        let now = Instant::now();
        let mut it = Budget::new(MEBIBYTE, now);
        assert!(it.is_free(Need::Window, now) && it.is_free(Need::Sweep, now));
        it.spend(MEBIBYTE, 1, now);
        assert_eq!(it.left(now), 0);
        let window = it.free_at(Need::Window, now) - now;
        assert_eq!(window.as_secs(), 225, "64 KiB of 1 MiB an hour");
        assert!(it.is_free(Need::Window, now + window));
        let sweep = it.free_at(Need::Sweep, now) - now;
        assert_eq!(sweep.as_secs(), 1800);
        assert_eq!(it.left(now + 2 * HOUR), MEBIBYTE, "and no more than that");
    }

    #[test]
    fn many_small_queries_end_too() {
        let mut now = Instant::now();
        let mut it = Budget::new(u64::MAX, now);
        let mut sent = 0_u32;
        let end = now + HOUR;
        while now < end {
            if it.is_free(Need::Window, now) {
                it.spend(1, 1, now);
                sent += 1;
            }
            now = it
                .free_at(Need::Window, now)
                .max(now + Duration::from_millis(1));
        }
        assert!(
            (1195..=1200).contains(&sent),
            "one hour's, and what was kept: {sent}"
        );
    }

    proptest! {
        #[test]
        fn it_is_free_when_it_says_so(
            size in 0..10_000_000_u64, spent in 0..20_000_000_u64, queries in 0..2000_u32,
        ) {
            let now = Instant::now();
            let mut it = Budget::new(size, now);
            it.spend(spent, queries, now);
            for need in [Need::Window, Need::Sweep] {
                let at = it.free_at(need, now);
                prop_assert!(it.is_free(need, at));
                prop_assert!(at <= now + 2 * HOUR + Duration::from_secs(1), "a debt is bounded");
            }
        }
    }
}
