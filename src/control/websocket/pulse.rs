//! Whether the other end of a socket still lives: when it is asked, and when it is given up.

use std::time::Duration;

use tokio::time::Instant;

/// A ping goes out after this long in which nothing else did.
const SILENCE: Duration = Duration::from_secs(15);

/// How long a ping may stay without a sign of life.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is known of the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pulse {
    /// When something was last sent.
    sent: Instant,
    /// When the first ping was sent that was followed by no sign of life.
    asked: Option<Instant>,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// A ping, which is taken as sent.
    Ping,
    /// The end.
    Gone,
}

impl Pulse {
    /// The socket was opened.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            sent: now,
            asked: None,
        }
    }

    /// Something was sent.
    pub(super) fn sent(&mut self, now: Instant) {
        self.sent = now;
    }

    /// The other end has said something, whatever it was.
    pub(super) fn heard(&mut self) {
        self.asked = None;
    }

    /// When something is due.
    pub(super) fn next(&self) -> Instant {
        let ping = self.sent + SILENCE;
        self.asked.map_or(ping, |it| ping.min(it + PATIENCE))
    }

    /// What is due at that time.
    pub(super) fn beat(&mut self, now: Instant) -> Due {
        if self.asked.is_some_and(|it| now >= it + PATIENCE) {
            return Due::Gone;
        }
        self.sent = now;
        self.asked.get_or_insert(now);
        Due::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets it beat until it is over, or a minute is: what was due when, in seconds.
    fn beats(pulse: &mut Pulse, begin: Instant) -> Vec<(u64, Due)> {
        let mut all = Vec::new();
        loop {
            let now = pulse.next();
            let seconds = (now - begin).as_secs();
            if seconds > 60 {
                return all;
            }
            let due = pulse.beat(now);
            all.push((seconds, due));
            if due == Due::Gone {
                return all;
            }
        }
    }

    #[test]
    fn silence_is_broken_by_pings_and_whoever_answers_none_is_gone() {
        let begin = Instant::now();
        let mut pulse = Pulse::new(begin);
        assert_eq!(
            beats(&mut pulse, begin),
            [(15, Due::Ping), (30, Due::Ping), (45, Due::Gone)]
        );
    }

    #[test]
    fn whoever_answers_stays() {
        let begin = Instant::now();
        let mut pulse = Pulse::new(begin);
        for _ in 0..10 {
            let due = pulse.next();
            assert_eq!(pulse.beat(due), Due::Ping);
            pulse.heard();
        }
        assert_eq!(pulse.next(), begin + 11 * SILENCE);
    }

    #[test]
    fn what_is_sent_is_no_silence_but_answers_no_ping() {
        let begin = Instant::now();
        let mut pulse = Pulse::new(begin);
        pulse.sent(begin + Duration::from_secs(10));
        assert_eq!(pulse.next(), begin + Duration::from_secs(25));
        assert_eq!(pulse.beat(pulse.next()), Due::Ping);
        pulse.sent(begin + Duration::from_secs(54));
        assert_eq!(pulse.next(), begin + Duration::from_secs(55));
        assert_eq!(pulse.beat(pulse.next()), Due::Gone);
    }
}
