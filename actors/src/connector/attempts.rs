//! Connect calls that failed: who is not tried twice in a tick, when to stop, when a try is no news any more.

use crate::model::mailserver::Identity;

/// How many connect calls may fail in a row before the loop waits for the next tick: if they all
/// fail, it is more likely the node that has no network.
const MOST: usize = 3;

/// The connect calls that failed.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    /// Whom they were for since everybody may be tried again, once for each call.
    failed: Vec<Identity>,
    /// How many in a row, since the last connection.
    in_a_row: usize,
}

impl Attempts {
    /// A call failed.
    pub(crate) fn fail(&mut self, identity: Identity) {
        self.failed.push(identity);
        self.in_a_row += 1;
    }

    /// Everybody may be tried again: a tick has passed, or something changed.
    pub(crate) fn allow_all(&mut self) {
        self.failed.clear();
    }

    /// A connection was made, or may be made that could not be before: the past says nothing any more.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether it was tried, and is not to be tried again now.
    pub(crate) fn has_failed(&self, identity: &Identity) -> bool {
        self.failed.contains(identity)
    }

    /// Nobody else is to be tried before everybody may be.
    pub(crate) fn are_exhausted(&self) -> bool {
        self.failed.len() >= MOST
    }

    /// So many failed in a row that another try is no news; only a connection is.
    pub(crate) fn are_no_news(&self) -> bool {
        self.in_a_row >= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::mailserver;

    #[test]
    fn three_failures_exhaust_a_tick_and_stay_no_news_until_one_connects() {
        let mut attempts = Attempts::default();
        for index in 0..3 {
            assert!(!attempts.are_exhausted() && !attempts.are_no_news());
            attempts.fail(mailserver(index).identity);
        }
        assert!(attempts.are_exhausted() && attempts.are_no_news());
        assert!(attempts.has_failed(&mailserver(1).identity));
        attempts.allow_all();
        assert!(!attempts.are_exhausted() && attempts.are_no_news());
        assert!(!attempts.has_failed(&mailserver(1).identity));
        attempts.forget();
        assert!(!attempts.are_no_news());
    }
}
