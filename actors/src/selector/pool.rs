//! How large the pool is, and which round-trip times count as equal.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How the choice is made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The part of those that replied from which one is drawn, in (0, 1]: smaller is faster, larger
    /// spreads the load. The pool holds at least one.
    pub pool_fraction: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            pool_fraction: 0.25,
        }
    }
}

/// How many of so many replies the pool holds at least: rounded up, so that 5 give 2 and 13 give 4.
#[must_use]
pub fn pool_size(replies: usize, fraction: f64) -> usize {
    // The tiny term keeps 0.1 × 10 from being rounded up to 2 by its last binary digit.
    let exact = (replies as f64 * fraction - 1e-9).ceil() as usize;
    exact.clamp(1, replies.max(1))
}

/// Where the buckets turn from equally wide ones into ones that grow with the time.
const BEND: Duration = Duration::from_millis(20);

/// How much wider each bucket is than the one before it.
const GROWTH: f64 = 1.25;

/// The bucket of whoever has no time: behind all others.
pub(crate) const NO_TIME: u32 = u32::MAX;

/// The bucket of a round-trip time: two times in one bucket count as equal.
///
/// The first is 5 ms wide, each next one is 25 % wider: times that differ by less than the noise of a short
/// way (a few ms) or of a long one (a quarter of it) are mostly in one bucket or in two neighbouring ones.
#[must_use]
pub fn bucket(rtt: Duration) -> u32 {
    let bent = rtt.as_secs_f64() / BEND.as_secs_f64();
    (bent.ln_1p() / GROWTH.ln()).floor() as u32
}

/// The shortest time in a bucket; for buckets of times up to a few minutes.
pub(crate) fn lower_edge(bucket_number: u32) -> Duration {
    let bent = GROWTH.powi(bucket_number as i32) - 1.0;
    let edge = Duration::from_secs_f64(BEND.as_secs_f64() * bent);
    match bucket(edge) < bucket_number {
        // Rounded down to the nanosecond before.
        true => edge + Duration::from_nanos(1),
        false => edge,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_pool_is_a_quarter_rounded_up() {
        let sizes: Vec<usize> = (1..=13).map(|n| pool_size(n, 0.25)).collect();
        assert_eq!(sizes, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4]);
        assert_eq!(pool_size(10, 0.1), 1);
        assert_eq!(pool_size(3, 1.0), 3);
    }

    #[test]
    fn the_first_bucket_is_5_ms_wide_and_each_next_one_a_quarter_wider() {
        let edges: Vec<u128> = (0..6).map(|it| lower_edge(it).as_micros()).collect();
        assert_eq!(edges, [0, 5_000, 11_250, 19_062, 28_828, 41_035]);
        assert_eq!(bucket(Duration::from_micros(4_999)), 0);
        assert_eq!(bucket(Duration::from_micros(5_000)), 1);
        assert_eq!(bucket(Duration::from_secs(60)), 35);
    }

    proptest! {
        #[test]
        fn a_bucket_begins_at_its_lower_edge(number in 1..60_u32) {
            let edge = lower_edge(number);
            prop_assert_eq!(bucket(edge), number);
            prop_assert_eq!(bucket(edge - Duration::from_nanos(2)), number - 1);
        }

        #[test]
        fn one_more_reply_makes_room_for_one_more_at_most(n in 1..500_usize, fraction in 0.01..=1.0) {
            let more = pool_size(n + 1, fraction) - pool_size(n, fraction);
            prop_assert!(more <= 1);
        }
    }
}
