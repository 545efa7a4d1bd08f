//! How long to wait for a reply, from the times that were measured so far.
//!
//! The rule is that of TCP's retransmission timer (RFC 6298, section 2): the smoothed time and four times its
//! mean deviation. It needs two numbers and knows what is usual after the first measurement; an accrual detector
//! (phi) wants a window of heartbeats that arrive by themselves, and ends in a threshold too.

use std::time::Duration;

/// The least margin above the smoothed time: one that always takes 300 ms may take 350 ms once. It also covers
/// a probe that has to dial anew, whose handshake costs the other side more than a ping.
const LEAST_MARGIN: Duration = Duration::from_millis(200);

/// What was measured of one mailserver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AdaptiveTimeout {
    /// In seconds.
    smoothed: f64,
    /// In seconds.
    deviation: f64,
}

impl AdaptiveTimeout {
    /// After the first measurement.
    pub(crate) fn first(rtt: Duration) -> Self {
        Self {
            smoothed: rtt.as_secs_f64(),
            deviation: rtt.as_secs_f64() / 2.0,
        }
    }

    /// After one more.
    pub(crate) fn next(self, rtt: Duration) -> Self {
        let rtt = rtt.as_secs_f64();
        Self {
            smoothed: self.smoothed + (rtt - self.smoothed) / 8.0,
            deviation: self.deviation + ((rtt - self.smoothed).abs() - self.deviation) / 4.0,
        }
    }

    /// A reply that takes longer is missed; never longer than `most`.
    pub(crate) fn limit(self, most: Duration) -> Duration {
        let margin = (4.0 * self.deviation).max(LEAST_MARGIN.as_secs_f64());
        let limit = Duration::try_from_secs_f64(self.smoothed + margin);
        limit.map_or(most, |it| it.min(most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_millis(500);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn after(times: &[u64]) -> AdaptiveTimeout {
        let first = AdaptiveTimeout::first(ms(times[0]));
        times[1..].iter().fold(first, |it, rtt| it.next(ms(*rtt)))
    }

    #[test]
    fn a_near_one_is_waited_for_briefly_and_a_far_one_longer() {
        assert_eq!(after(&[1; 50]).limit(MOST).as_millis(), 201);
        assert_eq!(after(&[100; 50]).limit(MOST).as_millis(), 300);
        assert_eq!(after(&[400; 50]).limit(MOST), MOST);
    }

    #[test]
    fn times_that_vary_buy_a_wider_margin_than_steady_ones() {
        let varying: Vec<u64> = [20, 220].repeat(25);
        let (varying, steady) = (after(&varying), after(&[120; 50]));
        assert!(varying.limit(ms(5000)) > steady.limit(ms(5000)) + ms(100));
    }

    #[test]
    fn it_follows_a_mailserver_that_became_slower_and_one_that_became_faster() {
        let mut it = after(&[20; 50]);
        let before = it.limit(ms(5000));
        it = it.next(ms(210));
        assert!(it.limit(ms(5000)) > before + ms(10));
        let slower = (0..50).fold(it, |it, _| it.next(ms(210)));
        assert!((405..=410).contains(&slower.limit(ms(5000)).as_millis()));
        let faster = (0..100).fold(slower, |it, _| it.next(ms(20)));
        assert!((220..=221).contains(&faster.limit(ms(5000)).as_millis()));
    }

    #[test]
    fn it_is_never_longer_than_told_and_never_absurd() {
        assert_eq!(after(&[1]).limit(ms(50)), ms(50));
        assert_eq!(AdaptiveTimeout::first(Duration::MAX).limit(MOST), MOST);
        assert_eq!(
            AdaptiveTimeout::first(Duration::ZERO).limit(MOST),
            LEAST_MARGIN
        );
    }
}
