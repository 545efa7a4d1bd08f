//! The random pauses that are running, so that we do not act at the same moment as everybody else.

use std::time::Duration;

use crate::{Instant, connector::jitter, model::record::Cause};

/// Pauses that were drawn and not used up yet.
#[derive(Debug, Default)]
pub(crate) struct Pauses {
    /// Nobody is dialled before.
    dial: Option<Instant>,
    /// The next one to be connected is asked for history after this.
    request: Duration,
}

impl Pauses {
    /// A mailserver failed. `longest` is the longest pause before a dial, `random` two fractions in [0, 1).
    pub(crate) fn after(
        &mut self,
        cause: Cause,
        longest: Duration,
        random: [f64; 2],
        now: Instant,
    ) {
        let [dial, request] = random;
        self.dial = Some(now + jitter::before_dial(cause, longest, dial));
        self.request = jitter::before_request(cause, longest, request);
    }

    /// We were offline and are back. `longest` is the longest pause before a dial, `random` a fraction in [0, 1).
    pub(crate) fn after_offline(&mut self, longest: Duration, random: f64, now: Instant) {
        self.dial = Some(now + jitter::after_offline(longest, random));
    }

    /// When somebody may be dialled, if that is not now.
    pub(crate) fn dial_at(&self, now: Instant) -> Option<Instant> {
        self.dial.filter(|at| now < *at)
    }

    /// A connection was made: the pause before its history is asked for.
    pub(crate) fn use_up(&mut self) -> Duration {
        std::mem::take(self).request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_millis(500);

    #[test]
    fn a_dial_waits_for_what_is_left_and_a_connection_ends_all_pauses() {
        let now = Instant::now();
        let mut pauses = Pauses::default();
        assert_eq!(pauses.dial_at(now), None);
        pauses.after(Cause::Lost, LONGEST, [0.5, 0.5], now);
        let at = now + Duration::from_millis(250);
        assert_eq!(pauses.dial_at(now), Some(at));
        assert_eq!(pauses.dial_at(at), None);
        assert_eq!(pauses.use_up(), Duration::from_millis(750));
        assert_eq!(pauses.dial_at(now), None);
        assert_eq!(pauses.use_up(), Duration::ZERO);
    }
}
