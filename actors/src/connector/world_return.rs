//! The return from an outage of all mailservers of a published fleet, from which the whole world returns together.
//!
//! ```text
//!   Over ──we are back, it was theirs──▶ Counting ──so many answer──▶ Pausing ──▶ Choosing ──connected──▶ Hurried
//!    ▲                                      │                                                                │
//!    │◀──all answer at once: Ours───────────┘                                            its time has come   │
//!    └◀── chosen afresh, once ── Respreading ◀───────────────────────────────────────────────────────────────┘
//! ```
//!
//! From Pausing on nobody is dialled before the pause is over; the choice is made after it, because more are back by
//! then. Offline again, or without what was connected, it is Over.

use std::time::Duration;

use crate::{
    Instant,
    connector::{
        crowd::Crowd,
        jitter::{self, Outage},
    },
};

/// How far the return is.
#[derive(Debug, Default)]
pub(crate) enum WorldReturn {
    /// There is none, or it is done.
    #[default]
    Over,
    /// The outage that began then was our own: nothing is waited for, and it is not counted again.
    Ours(Instant),
    /// The next round tells how many are back.
    Counting {
        /// Since when nobody answered.
        since: Instant,
    },
    /// Nobody is dialled before then.
    Pausing {
        until: Instant,
        /// The pause between the connection and the request that follow.
        request: Duration,
    },
    /// Somebody is being chosen and connected.
    Choosing { request: Duration },
    /// It is connected to one that was chosen in a hurry; a choice is made afresh at that time.
    Hurried { until: Instant },
    /// In this round.
    Respreading(u64),
}

impl WorldReturn {
    /// We are back from an outage that may have been the world's, unless that is known already.
    pub(crate) fn begin(&mut self, since: Instant) {
        match self {
            Self::Over => *self = Self::Counting { since },
            Self::Ours(known) if *known != since => *self = Self::Counting { since },
            _ => {}
        }
    }

    /// A round is over in which so many answered. Gives whether it was the world's outage; otherwise the return is over.
    /// `longest` is the longest pause before a dial in ordinary times, `random` two fractions in [0, 1).
    pub(crate) fn count(
        &mut self,
        answered: usize,
        candidates: usize,
        longest: Duration,
        random: [f64; 2],
        now: Instant,
    ) -> bool {
        let Self::Counting { since } = self else {
            return false;
        };
        let lasted = now.saturating_duration_since(*since);
        let outage = Outage::of(lasted, answered, candidates);
        if outage == Outage::Ours {
            *self = Self::Ours(*since);
            return false;
        }
        let pause = |random| jitter::return_dial(outage, Crowd::Large, longest, random);
        let [dial, request] = random;
        *self = Self::Pausing {
            until: now + pause(dial),
            request: jitter::return_request(outage, Crowd::Large, longest, request),
        };
        true
    }

    /// Whether it is not known yet how many are back.
    pub(crate) fn is_counting(&self) -> bool {
        matches!(self, Self::Counting { .. })
    }

    /// Whether nobody is to be dialled yet.
    pub(crate) fn forbids_dials(&self) -> bool {
        matches!(self, Self::Counting { .. } | Self::Pausing { .. })
    }

    /// Whether the pause before the choice is running.
    pub(crate) fn is_pausing(&self) -> bool {
        matches!(self, Self::Pausing { .. })
    }

    /// What was connected in a hurry is in use no longer.
    pub(crate) fn left(&mut self) {
        if let Self::Hurried { .. } | Self::Respreading(_) = self {
            *self = Self::Over;
        }
    }

    /// When something is to be done.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self {
            Self::Pausing { until, .. } | Self::Hurried { until } => Some(*until),
            _ => None,
        }
    }

    /// Whether the pause is over now; then somebody may be chosen.
    pub(crate) fn may_choose(&mut self, now: Instant) -> bool {
        match self {
            Self::Pausing { until, request } if *until <= now => {
                *self = Self::Choosing { request: *request };
                true
            }
            _ => false,
        }
    }

    /// Somebody is connected: the pause before its history is asked for, if that was drawn here. `random` gives a
    /// fraction in [0, 1).
    pub(crate) fn arrive(
        &mut self,
        random: impl FnOnce() -> f64,
        now: Instant,
    ) -> Option<Duration> {
        match self {
            Self::Pausing { request, .. } | Self::Choosing { request } => {
                let request = *request;
                // Never before the request has been made.
                let until = now + jitter::respread(random()).max(request);
                *self = Self::Hurried { until };
                Some(request)
            }
            _ => {
                *self = Self::Over;
                None
            }
        }
    }

    /// Whether the time has come to choose afresh.
    pub(crate) fn wants_respreading(&self, now: Instant) -> bool {
        matches!(self, Self::Hurried { until } if *until <= now)
    }

    /// A choice is being made afresh, in this round.
    pub(crate) fn respread(&mut self, round: u64) {
        *self = Self::Respreading(round);
    }

    /// Whether this is that round. Then the return is over.
    pub(crate) fn is_respread_by(&mut self, round: u64) -> bool {
        let is = matches!(self, Self::Respreading(it) if *it == round);
        if is {
            *self = Self::Over;
        }
        is
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_millis(500);

    fn after(lasted: u64, answered: usize) -> (WorldReturn, bool, Instant) {
        let since = Instant::now();
        let now = since + Duration::from_secs(lasted);
        let mut it = WorldReturn::default();
        it.begin(since);
        let theirs = it.count(answered, 6, LONGEST, [0.5, 0.5], now);
        (it, theirs, now)
    }

    #[test]
    fn a_short_outage_after_which_all_answer_was_our_own() {
        for (lasted, answered, theirs) in
            [(5, 6, false), (5, 1, true), (30, 6, true), (30, 1, true)]
        {
            let (it, found, _) = after(lasted, answered);
            assert_eq!((found, it.is_pausing()), (theirs, theirs));
        }
    }

    #[test]
    fn the_fewer_are_back_the_longer_nobody_is_dialled() {
        let pause = |answered| {
            let (it, _, now) = after(30, answered);
            it.due().unwrap() - now
        };
        assert!(pause(6) < pause(3) && pause(3) < pause(1));
        assert_eq!(pause(6), LONGEST * 5);
    }

    #[test]
    fn from_the_first_answer_to_the_second_choice() {
        let (mut it, _, now) = after(30, 1);
        assert!(it.forbids_dials() && !it.may_choose(now));
        let later = it.due().unwrap();
        assert!(it.may_choose(later) && !it.forbids_dials());
        let request = it.arrive(|| 0.0, later).unwrap();
        assert!(request > Duration::from_secs(10));
        let respread = later + Duration::from_secs(60);
        assert!(!it.wants_respreading(later) && it.wants_respreading(respread));
        it.respread(9);
        assert!(!it.is_respread_by(8) && it.is_respread_by(9) && !it.is_respread_by(9));
    }

    #[test]
    fn a_connection_that_no_outage_preceded_is_in_no_hurry() {
        let mut it = WorldReturn::default();
        assert_eq!(it.arrive(|| 0.5, Instant::now()), None);
        assert_eq!(it.due(), None);
    }
}
