//! Whether the node is deaf: it says that it is connected, and hears nothing of what mailservers hold.
//!
//! A quiet chat is not deafness: only what was held, was not heard, and came when it was fetched speaks for it.

use crate::model::moment::Moment;

/// So many sweeps in a row.
const SWEEPS: u32 = 2;

/// What was heard.
#[derive(Debug, Default)]
pub(super) struct Deafness {
    /// Messages that came live since the last sweep.
    live: u64,
    /// The last of them, or the begin of the session.
    last_live: Option<Moment>,
    /// Sweeps in a row that speak for deafness.
    streak: u32,
    since: Option<Moment>,
}

/// What a sweep found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Swept {
    /// Mailservers held messages.
    pub(super) held: bool,
    /// So many came when they were fetched.
    pub(super) brought: u64,
}

impl Deafness {
    /// The node is there anew, or is about to go: what was not heard meanwhile says nothing.
    pub(super) fn begin_session(&mut self, wall: Moment) {
        self.streak = 0;
        self.live = 0;
        self.last_live = self.last_live.max(Some(wall));
    }

    /// We are offline: it cannot hear.
    pub(super) fn interrupt(&mut self) {
        self.streak = 0;
    }

    /// Messages came live: whether the node was deaf.
    pub(super) fn hear(&mut self, messages: u64, wall: Moment) -> bool {
        if messages == 0 {
            return false;
        }
        self.live += messages;
        self.streak = 0;
        self.last_live = Some(wall);
        self.since.take().is_some()
    }

    /// A sweep has ended, with its fetch: since when the node is deaf, if that is news.
    pub(super) fn judge(&mut self, swept: Swept, wall: Moment) -> Option<Moment> {
        let heard_nothing = std::mem::take(&mut self.live) == 0;
        let speaks_for_it = swept.held && swept.brought > 0 && heard_nothing;
        self.streak = if speaks_for_it { self.streak + 1 } else { 0 };
        if self.since.is_some() || self.streak < SWEEPS {
            return None;
        }
        let last_live = self.last_live.unwrap_or(wall);
        self.since = Some(last_live);
        self.since
    }

    /// Since when it is deaf.
    pub(super) fn since(&self) -> Option<Moment> {
        self.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: Swept = Swept {
        held: true,
        brought: 1,
    };

    fn at(seconds: u64) -> Moment {
        Moment::from_seconds(seconds)
    }

    fn node() -> Deafness {
        let mut it = Deafness::default();
        it.begin_session(at(100));
        it
    }

    #[test]
    fn two_sweeps_in_a_row_tell_and_a_live_message_ends_it() {
        let mut it = node();
        assert!(!it.hear(1, at(200)));
        assert_eq!(it.judge(FOUND, at(600)), None, "it heard something");
        assert_eq!(it.judge(FOUND, at(1200)), None);
        assert_eq!(
            it.judge(FOUND, at(1800)),
            Some(at(200)),
            "since the last that it heard"
        );
        assert_eq!(it.judge(FOUND, at(1860)), None, "told once");
        assert!(it.hear(1, at(1900)));
        assert_eq!(it.since(), None);
        assert!(!it.hear(1, at(1901)), "told once");
    }

    #[test]
    fn a_quiet_chat_is_not_deafness() {
        let mut it = node();
        let quiet = Swept {
            held: false,
            brought: 0,
        };
        let known = Swept {
            held: true,
            brought: 0,
        };
        for swept in [quiet, known, FOUND, quiet, FOUND, known, FOUND] {
            assert_eq!(it.judge(swept, at(600)), None, "{swept:?}");
        }
    }

    #[test]
    fn an_interruption_begins_the_count_anew() {
        let mut it = node();
        it.judge(FOUND, at(600));
        it.interrupt();
        assert_eq!(it.judge(FOUND, at(1200)), None);
        it.begin_session(at(1300));
        assert_eq!(it.judge(FOUND, at(1800)), None);
        assert_eq!(it.judge(FOUND, at(2400)), Some(at(1300)));
    }
}
