//! Growing pauses between tries.

use std::time::Duration;

/// Pauses that double from `initial` to `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The pause after the first failure.
    pub initial: Duration,
    /// The longest pause.
    pub max: Duration,
}

impl Backoff {
    /// The pause after so many failures in a row; zero after none.
    #[must_use]
    pub fn pause(&self, failures: u32) -> Duration {
        match failures {
            0 => Duration::ZERO,
            n => self
                .initial
                .saturating_mul(1_u32.checked_shl(n - 1).unwrap_or(u32::MAX))
                .min(self.max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let backoff = Backoff {
            initial: Duration::from_secs(10),
            max: Duration::from_secs(180),
        };
        let seconds: Vec<u64> = (0..8).map(|n| backoff.pause(n).as_secs()).collect();
        assert_eq!(seconds, [0, 10, 20, 40, 80, 160, 180, 180]);
        assert_eq!(backoff.pause(u32::MAX), backoff.max);
    }
}
