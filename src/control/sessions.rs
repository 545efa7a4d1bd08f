//! Sessions: what a browser shows in the place of the token, which it could not send with an event stream.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::token::Fingerprint;

/// How long a session lasts.
pub(super) const LASTS: Duration = Duration::from_secs(12 * 60 * 60);

/// How many there may be; a further one ends the oldest.
const MOST: usize = 64;

/// The sessions that are open.
#[derive(Debug, Default)]
pub(super) struct Sessions(VecDeque<Session>);

#[derive(Debug)]
struct Session {
    /// Of what the browser was given.
    fingerprint: Fingerprint,
    ends: Instant,
}

impl Sessions {
    /// Opens a session with what the browser will show.
    pub(super) fn open(&mut self, fingerprint: Fingerprint, now: Instant) {
        self.0.retain(|it| now < it.ends);
        self.0.truncate(MOST - 1);
        let ends = now + LASTS;
        self.0.push_front(Session { fingerprint, ends });
    }

    /// Whether this was given for a session that is open.
    pub(super) fn knows(&self, shown: &Fingerprint, now: Instant) -> bool {
        let open = self.0.iter().filter(|it| now < it.ends);
        // All of them are looked at, so that the time it takes does not tell which it was.
        open.fold(false, |known, it| it.fingerprint.matches(shown) | known)
    }

    /// Ends the session for which this was given.
    pub(super) fn end(&mut self, shown: &Fingerprint) {
        self.0.retain(|it| !it.fingerprint.matches(shown));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(number: usize) -> Fingerprint {
        Fingerprint::of(&number.to_be_bytes())
    }

    #[test]
    fn a_session_ends_after_its_time_or_when_it_is_ended() {
        let now = Instant::now();
        let mut sessions = Sessions::default();
        sessions.open(secret(1), now);
        sessions.open(secret(2), now);
        let last = now + LASTS - Duration::from_millis(1);
        assert!(sessions.knows(&secret(1), last) && sessions.knows(&secret(2), last));
        assert!(!sessions.knows(&secret(3), now));
        assert!(!sessions.knows(&secret(1), now + LASTS));
        sessions.end(&secret(1));
        assert!(!sessions.knows(&secret(1), now));
        assert!(sessions.knows(&secret(2), now));
    }

    #[test]
    fn there_are_never_more_than_64() {
        let now = Instant::now();
        let mut sessions = Sessions::default();
        for number in 0..100 {
            sessions.open(secret(number), now);
        }
        assert_eq!(sessions.0.len(), MOST);
        assert!(!sessions.knows(&secret(35), now));
        assert!(sessions.knows(&secret(36), now) && sessions.knows(&secret(99), now));
    }
}
