//! The user's pin: when to insist on it, when to fall back, when to come back to it.
//!
//! `strict` insists for ever. `prefer` insists for a while (`pin_patience`), then lets another
//! mailserver be used, tries the pin from time to time without letting go of that one, and comes
//! back once the pin is proven to work. Neither flaps: a pin that does not work is never made
//! active, and each relapse makes the next trial later.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Instant,
    model::{backoff::Backoff, mailserver::Mailserver},
};

/// What to do while the pinned mailserver does not work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Wait for it.
    Strict,
    /// Use another one after a while, and return.
    #[default]
    Prefer,
}

/// Pauses between trials of a pin that is not reachable, while another mailserver is used. A trial is one
/// dial that the user does not notice.
const TRIALS: Backoff = Backoff {
    initial: Duration::from_secs(2),
    max: Duration::from_secs(30),
};

/// Pauses between trials of a pin that is reachable and gives no history: each is a change and back.
const REFUSED_TRIALS: Backoff = Backoff {
    initial: Duration::from_secs(10),
    max: Duration::from_secs(120),
};

/// For so long another mailserver takes its place that holds history which it lacks.
const LENT: Duration = Duration::from_secs(10);

/// A pin that worked for this long starts with a clean record.
const STABLE: Duration = Duration::from_secs(600);

/// Whether the pin works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    /// It was not tried yet.
    Untried,
    /// It is connected and in use.
    Working { since: Instant },
    /// A connection to it failed or was lost.
    Failing { since: Instant },
}

/// What is being done to find out whether a pin works again that another mailserver stands in for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trial {
    /// Nothing.
    #[default]
    Resting,
    /// The node is being connected to it, by this call.
    Calling(u64),
    /// It refused before, and the node is connected to it: it is being probed, in this round.
    Probing(u64),
}

impl Trial {
    /// Whether this is the answer that is awaited. Then the trial is over.
    pub(crate) fn ends_by(&mut self, awaited: Self) -> bool {
        let ends = *self == awaited;
        if ends {
            *self = Self::Resting;
        }
        ends
    }
}

/// The pin and its record.
#[derive(Debug)]
pub struct Pin {
    mailserver: Mailserver,
    policy: Policy,
    patience: Duration,
    condition: Condition,
    /// It was connected, and answered nothing since it last gave history.
    refuses: bool,
    relapses: u32,
    next_trial: Option<Instant>,
}

impl Pin {
    /// A pin that was not tried yet.
    #[must_use]
    pub fn new(mailserver: Mailserver, policy: Policy, patience: Duration) -> Self {
        Self {
            mailserver,
            policy,
            patience,
            condition: Condition::Untried,
            refuses: false,
            relapses: 0,
            next_trial: None,
        }
    }

    /// The pinned mailserver.
    #[must_use]
    pub fn mailserver(&self) -> &Mailserver {
        &self.mailserver
    }

    /// It does not work at present.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        matches!(self.condition, Condition::Failing { .. })
    }

    /// A connection to it failed or was lost.
    pub fn failed(&mut self, now: Instant) {
        match self.condition {
            Condition::Failing { .. } => return,
            Condition::Working { since } if now.saturating_duration_since(since) >= STABLE => {
                self.relapses = 0;
            }
            Condition::Untried | Condition::Working { .. } => {}
        }
        self.condition = Condition::Failing { since: now };
    }

    /// It is connected, but answers no history requests: there is nothing to be patient for.
    pub fn refused(&mut self, now: Instant) {
        self.failed(now);
        self.refuses = true;
    }

    /// It answered a history request.
    pub fn served(&mut self) {
        self.refuses = false;
    }

    /// It is connected and in use.
    pub fn worked(&mut self, now: Instant) {
        self.next_trial = None;
        if !matches!(self.condition, Condition::Working { .. }) {
            self.condition = Condition::Working { since: now };
        }
    }

    /// It is connected, and does not answer.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.refuses
    }

    /// With nothing active: whether to go on insisting on the pin rather than use another one.
    #[must_use]
    pub fn insists(&self, now: Instant) -> bool {
        let patient = !self.refuses && self.falls_back_at().is_none_or(|at| now < at);
        self.is_strict() || patient
    }

    /// No other one is ever used in its place.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.policy == Policy::Strict
    }

    /// With another one active: whether to use it as soon as the node lists it. One that refused
    /// history requests was listed all the time: it waits for its trial.
    #[must_use]
    pub fn returns_when_listed(&self, now: Instant) -> bool {
        !self.refuses || self.next_trial(now) <= now
    }

    /// When another one may be used.
    #[must_use]
    pub fn falls_back_at(&self) -> Option<Instant> {
        match (self.policy, self.condition) {
            (Policy::Prefer, Condition::Failing { since }) => Some(since + self.patience),
            _ => None,
        }
    }

    /// With another one active: when to try the pin next.
    #[must_use]
    pub fn next_trial(&self, now: Instant) -> Instant {
        self.next_trial.unwrap_or(now)
    }

    /// Another one is used for a moment, which is no fault of this one.
    pub fn lend(&mut self, now: Instant) {
        self.next_trial = Some(now + LENT);
    }

    /// Another one came to be used because the pin failed: try it again after a while.
    pub fn fell_back(&mut self, now: Instant) {
        if self.is_failing() && self.next_trial.is_none() {
            self.postpone(now);
        }
    }

    /// A trial failed, or goes on: the next one comes later.
    pub fn postpone(&mut self, now: Instant) {
        self.relapses = self.relapses.saturating_add(1);
        let pauses = if self.refuses { REFUSED_TRIALS } else { TRIALS };
        self.next_trial = Some(now + pauses.pause(self.relapses));
    }

    /// Why the pin is not in use, for people.
    #[must_use]
    pub fn reason(&self, now: Instant) -> Option<String> {
        let Condition::Failing { since } = self.condition else {
            return None;
        };
        let since = now.saturating_duration_since(since).as_secs();
        let failure = match self.refuses {
            true => "gives no history",
            false => "not reachable",
        };
        let consequence = match (self.policy, self.insists(now)) {
            (Policy::Strict, _) => "waiting for it (strict)",
            (Policy::Prefer, true) => "still trying",
            (Policy::Prefer, false) => "using another one",
        };
        Some(format!("{failure} for {since} s; {consequence}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::mailserver;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn pin(policy: Policy) -> Pin {
        Pin::new(mailserver(0), policy, PATIENCE)
    }

    #[test]
    fn prefer_insists_for_its_patience_and_strict_for_ever() {
        let now = Instant::now();
        for policy in [Policy::Prefer, Policy::Strict] {
            let mut pin = pin(policy);
            assert!(pin.insists(now));
            pin.failed(now);
            pin.failed(now + Duration::from_secs(20));
            assert!(pin.insists(now + Duration::from_secs(29)));
            assert_eq!(pin.insists(now + PATIENCE), policy == Policy::Strict);
        }
    }

    #[test]
    fn trials_become_rarer_with_each_relapse_until_it_was_stable() {
        let start = Instant::now();
        let mut pin = pin(Policy::Prefer);
        let mut pauses = Vec::new();
        let mut now = start;
        for _ in 0..3 {
            pin.failed(now);
            pin.fell_back(now);
            pauses.push((pin.next_trial(now) - now).as_secs());
            pin.worked(now);
            now += Duration::from_secs(60);
        }
        assert_eq!(pauses, [2, 4, 8]);
        now += STABLE;
        pin.failed(now);
        pin.fell_back(now);
        assert_eq!((pin.next_trial(now) - now).as_secs(), 2);
    }

    #[test]
    fn the_reason_tells_one_that_is_away_from_one_that_gives_no_history() {
        let start = Instant::now();
        let now = start + Duration::from_secs(7);
        let mut pin = pin(Policy::Prefer);
        assert_eq!(pin.reason(now), None);
        pin.failed(start);
        let away = "not reachable for 7 s; still trying";
        assert_eq!(pin.reason(now).as_deref(), Some(away));
        pin.refused(start);
        let refuses = "gives no history for 7 s; using another one";
        assert_eq!(pin.reason(now).as_deref(), Some(refuses));
    }

    #[test]
    fn a_pin_set_anew_is_tried_at_once() {
        let now = Instant::now();
        assert_eq!(pin(Policy::Prefer).next_trial(now), now);
    }
}
