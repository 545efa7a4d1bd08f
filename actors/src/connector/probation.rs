//! A mailserver that is used before it has proved itself: a ping round beside it shows whether that was right, and who
//! else would do.
//!
//! ```text
//!   Over ──use──▶ Planned ──its time has come──▶ Asked ──the decision, itself open──▶ Compared
//!    ▲               │                             │                                     │
//!    └───────────────┴──── it answered, did not answer, or is used no more ──────────────┘
//! ```

use crate::{Instant, model::mailserver::Identity};

/// How far the proof is.
#[derive(Debug, Default)]
pub(crate) enum Probation {
    /// Nothing is to be proved.
    #[default]
    Over,
    /// The round begins then: it dials everybody, and others do the same.
    Planned(Instant),
    /// The round is under way.
    Asked(Round),
    /// The decision is there, and says who else would do, but not whether this one answers: the whole round will.
    Compared(Round, Option<Identity>),
}

/// A ping round beside what is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Round {
    /// Its number.
    pub(crate) number: u64,
    /// We were away: if this one works, what was missed is to be asked for.
    pub(crate) after_gap: bool,
}

impl Probation {
    /// When the round begins, if it is planned.
    pub(crate) fn begins_at(&self) -> Option<Instant> {
        match self {
            Self::Planned(at) => Some(*at),
            Self::Over | Self::Asked(_) | Self::Compared(..) => None,
        }
    }

    /// Whether its time has come; then it is not planned any more.
    pub(crate) fn begins(&mut self, now: Instant) -> bool {
        let begins = self.begins_at().is_some_and(|at| at <= now);
        if begins {
            *self = Self::Over;
        }
        begins
    }

    /// The decision of a round: whether it is this one's.
    pub(crate) fn compare(&mut self, number: u64, other: Option<Identity>) -> bool {
        match self {
            Self::Asked(round) if round.number == number => {
                *self = Self::Compared(*round, other);
                true
            }
            _ => false,
        }
    }

    /// Whether a round is this one's.
    pub(crate) fn is_round(&self, number: u64) -> bool {
        match self {
            Self::Asked(round) | Self::Compared(round, _) => round.number == number,
            Self::Over | Self::Planned(_) => false,
        }
    }

    /// It is over.
    pub(crate) fn end(&mut self) -> Self {
        std::mem::take(self)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::mailserver;

    const ROUND: Round = Round {
        number: 7,
        after_gap: false,
    };

    #[test]
    fn one_that_is_planned_begins_once_and_not_before_its_time() {
        let now = Instant::now();
        let at = now + Duration::from_millis(300);
        let mut probation = Probation::Planned(at);
        assert!(!probation.begins(now));
        assert_eq!(probation.begins_at(), Some(at));
        assert!(probation.begins(at));
        assert!(!probation.begins(at));
    }

    #[test]
    fn only_the_decision_of_its_own_round_counts_and_only_once() {
        let other = Some(mailserver(1).identity);
        let mut probation = Probation::Asked(ROUND);
        assert!(!probation.compare(6, other.clone()));
        assert!(probation.compare(7, other.clone()));
        assert!(!probation.compare(7, None));
        assert!(probation.is_round(7) && !probation.is_round(6));
        assert!(matches!(probation.end(), Probation::Compared(ROUND, it) if it == other));
        assert!(!probation.is_round(7));
    }
}
