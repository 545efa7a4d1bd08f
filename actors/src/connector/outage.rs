//! What an outage does to us: whether anybody may be dialled on the strength of what was known before, and whether
//! messages may have been missed.
//!
//! ```text
//!   Online ◀──────────────▶ Suspect
//!     │ ▲ ▲                  │
//!     │ │ └──────────┐       │        a verdict moves it, but for one arrow: somebody who answers a ping round of
//!     ▼ │            │       ▼        our own while we are offline may be dialled before the verdict has changed
//!   Asleep ◀──▶ Answered ◀─ Offline
//! ```

use crate::{Instant, model::verdict::Verdict};

/// How we stand, as far as others are concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nothing speaks against our being online.
    #[default]
    Online,
    /// Something does; it is being looked into.
    Suspect,
    /// Nobody answers: nobody is dialled, and whatever was planned before is withdrawn.
    Offline {
        /// Since when.
        since: Instant,
    },
    /// The verdict is still offline, but a candidate has answered.
    Answered {
        /// Since when nobody had.
        since: Instant,
    },
    /// We slept and have just woken up.
    Asleep,
}

/// What the last outage left behind.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    reach: Reach,
    /// We were offline or asleep, and history was not asked for since.
    missed: bool,
}

impl Outage {
    /// The verdict changed.
    pub(crate) fn judged(&mut self, verdict: Verdict, now: Instant) {
        self.reach = match verdict {
            Verdict::Online => Reach::Online,
            Verdict::Suspect => Reach::Suspect,
            Verdict::Offline => Reach::Offline { since: now },
            Verdict::Asleep => Reach::Asleep,
        };
        self.missed |= matches!(self.reach, Reach::Offline { .. } | Reach::Asleep);
    }

    /// Somebody answered a ping round.
    pub(crate) fn answered(&mut self) {
        if let Reach::Offline { since } = self.reach {
            self.reach = Reach::Answered { since };
        }
    }

    /// History is asked for, or is about to be.
    pub(crate) fn made_up(&mut self) {
        self.missed = false;
    }

    /// Messages may have been missed.
    pub(crate) fn has_missed(&self) -> bool {
        self.missed
    }

    /// How we stand.
    pub(crate) fn reach(&self) -> Reach {
        self.reach
    }

    /// Whether we are certainly online.
    pub(crate) fn is_online(&self) -> bool {
        self.reach == Reach::Online
    }

    /// Whether the verdict is offline.
    pub(crate) fn is_offline(&self) -> bool {
        self.offline_since().is_some()
    }

    /// Since when, if it is.
    pub(crate) fn offline_since(&self) -> Option<Instant> {
        match self.reach {
            Reach::Offline { since } | Reach::Answered { since } => Some(since),
            Reach::Online | Reach::Suspect | Reach::Asleep => None,
        }
    }

    /// Whether nobody is dialled until somebody answers.
    pub(crate) fn forbids_dials(&self) -> bool {
        matches!(self.reach, Reach::Offline { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offline_forbids_dials_until_somebody_answers_or_the_verdict_changes() {
        let mut outage = Outage::default();
        outage.judged(Verdict::Suspect, Instant::now());
        assert!(!outage.forbids_dials());
        outage.judged(Verdict::Offline, Instant::now());
        assert!(outage.forbids_dials() && outage.is_offline());
        outage.answered();
        assert!(!outage.forbids_dials() && outage.is_offline());
        outage.judged(Verdict::Online, Instant::now());
        assert!(!outage.forbids_dials() && !outage.is_offline());
        outage.judged(Verdict::Offline, Instant::now());
        outage.judged(Verdict::Asleep, Instant::now());
        assert!(!outage.forbids_dials());
    }

    #[test]
    fn an_answer_is_news_only_while_offline() {
        let mut outage = Outage::default();
        outage.judged(Verdict::Suspect, Instant::now());
        outage.answered();
        assert!(!outage.is_online() && !outage.is_offline());
    }

    #[test]
    fn what_was_missed_is_owed_until_it_was_asked_for() {
        let mut outage = Outage::default();
        outage.judged(Verdict::Suspect, Instant::now());
        assert!(!outage.has_missed());
        for verdict in [Verdict::Offline, Verdict::Asleep] {
            outage.judged(verdict, Instant::now());
            outage.judged(Verdict::Online, Instant::now());
            assert!(outage.has_missed());
            outage.made_up();
            assert!(!outage.has_missed());
        }
    }
}
