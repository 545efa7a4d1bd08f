//! What an earlier process kept.

use actors::messages::{history::KeptCommunity, journal::KeptJournal};

/// What an earlier process kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// The journal.
    pub journal: KeptJournal,
    /// The communities that wait, the one that was queued first at the front.
    pub communities: Vec<KeptCommunity>,
    /// More was kept, and cannot be read: a window may be among it. Said at each start until the journal has kept
    /// something.
    pub lost: bool,
}

impl Kept {
    /// The journal from which to go on. If a window may be among what was lost, nothing of the time of which anything
    /// was said counts as covered any more: it is fetched again.
    #[must_use]
    pub fn into_journal(self) -> KeptJournal {
        let mut journal = self.journal;
        if self.lost {
            journal.marks.alive = journal.marks.since;
        }
        journal
    }
}

#[cfg(test)]
mod tests {
    use actors::{messages::journal::Marks, model::moment::Moment};

    use super::*;

    #[test]
    fn what_was_said_before_a_loss_does_not_count_any_more() {
        let marks = Marks {
            alive: Some(Moment::from_seconds(900)),
            since: Some(Moment::from_seconds(100)),
            ..Marks::default()
        };
        for (lost, absent_since) in [(false, 900), (true, 100)] {
            let journal = KeptJournal {
                marks,
                ..KeptJournal::default()
            };
            let kept = Kept {
                journal,
                lost,
                ..Kept::default()
            };
            let alive = kept.into_journal().marks.alive;
            assert_eq!(alive, Some(Moment::from_seconds(absent_since)));
        }
    }
}
