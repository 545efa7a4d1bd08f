//! How many failures in a row a mailserver is allowed before it is reported.

/// After so many failures in a row the mailserver is reported. One more for each mailserver that was
/// reported since the last answer: if none of them answers, it is more likely the node that cannot
/// ask, and to go round faster and faster would help nobody.
const FIRST: u32 = 2;

/// It stops growing here: with the default pauses, about 4 min for each mailserver.
const MOST: u32 = 8;

/// The failures in a row, and how many are too many.
#[derive(Debug)]
pub(super) struct Patience {
    failures: u32,
    limit: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            failures: 0,
            limit: FIRST,
        }
    }
}

impl Patience {
    /// Another mailserver: it has no failures yet, and one more is allowed if the last one was reported.
    pub(super) fn begin_anew(&mut self) {
        if self.is_over() {
            self.limit = (self.limit + 1).min(MOST);
        }
        self.failures = 0;
    }

    /// A request failed; how many have by now.
    pub(super) fn fail(&mut self) -> u32 {
        self.failures += 1;
        self.failures
    }

    /// Whether the mailserver is to be reported.
    pub(super) fn is_over(&self) -> bool {
        self.failures >= self.limit
    }
}
