//! One window that is to be compared, and where it stands.

use std::time::Duration;

use super::judgement::Kept;
use crate::{
    Instant,
    messages::journal::Finding,
    model::{
        backoff::Backoff,
        mailserver::Identity,
        moment::{Moment, Period},
        window::{STORE_RETENTION, WindowId},
    },
};

/// Mailservers catch up each 5 min (store synchronisation of nwaku); those that are still short then are not late.
const AGAIN: Duration = Duration::from_secs(390);

/// So much of a window may have been in flight when it was compared first, or lie in the future.
const LONGEST_CUT: Duration = Duration::from_secs(120);

/// So often a window is found short, and fetched again.
const MOST_ROUNDS: u32 = 4;

/// Periods up to this long, with their margins, are not fetched a second time on suspicion. With the default margins of a
/// minute every outage is longer: a message that a short one lost is lost as much.
const MATTERS: Duration = Duration::from_secs(60);

/// The pauses before it is tried again.
const PAUSES: Backoff = Backoff {
    initial: Duration::from_secs(30),
    max: Duration::from_secs(600),
};

/// It is not tried for longer than this.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Where a window stands.
#[derive(Debug)]
pub(super) enum Stage {
    /// Those from which it was fetched are asked at once what they hold: what reaches them later, the node did not get.
    /// It is compared at that time.
    Fresh { compared: Instant },
    /// It is compared at that time; `since` that time it cannot be.
    Due {
        at: Instant,
        tries: u32,
        since: Option<Instant>,
    },
    /// It is fetched again: we are told when that is done.
    Reopened { since: Instant },
}

impl Stage {
    pub(super) fn due(at: Instant) -> Self {
        Self::Due {
            at,
            tries: 0,
            since: None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: WindowId,
    /// What is compared: nothing that was in flight at the first comparison.
    pub(super) period: Period,
    pub(super) from: Vec<Identity>,
    pub(super) brought: Vec<u64>,
    pub(super) covered: Instant,
    /// What a sweep had fetched: it is compared once, when there is time.
    pub(super) minor: bool,
    pub(super) rounds: u32,
    pub(super) seconded: bool,
    pub(super) missing: u64,
    pub(super) wanted: Vec<Identity>,
    pub(super) kept: Kept,
    pub(super) stage: Stage,
}

/// An audit that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) id: WindowId,
    pub(super) period: Period,
    pub(super) from: Vec<Identity>,
    pub(super) minor: bool,
    /// Only those from which it was fetched are asked: nothing is compared yet.
    pub(super) fresh: bool,
    /// When the window was covered: an audit of what was fetched before says nothing.
    pub(super) covered: Instant,
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) held: u64,
    pub(super) finding: Finding,
    /// Messages that were not known to be missing before.
    pub(super) news: u64,
}

impl Entry {
    /// What is known of what was fetched before holds for the period that was compared: it stays the same, unless the
    /// window has become longer.
    pub(super) fn covered_again(&mut self, period: Period, wall: Moment) {
        let from = period.from.max(wall.before(STORE_RETENTION));
        let longer = self.period.from.since(from) + period.until.since(self.period.until);
        if self.kept == Kept::default() || longer > LONGEST_CUT {
            (self.period, self.kept) = (period, Kept::default());
        }
        // From these it was fetched anew: what they held before does not count.
        let anew = |identity: &Identity| self.wanted.contains(identity);
        self.kept.served.retain(|identity, _| !anew(identity));
        self.kept.sure = None;
    }

    /// It is compared at that time. Before that those tell what they hold of whom it is not known.
    pub(super) fn begin(&mut self, compared: Instant) {
        self.stage = match self.unread().is_empty() {
            true => Stage::due(compared),
            false => Stage::Fresh { compared },
        };
    }

    /// When something is to be asked.
    pub(super) fn due_at(&self) -> Option<Instant> {
        match self.stage {
            Stage::Fresh { .. } => Some(self.covered),
            Stage::Due { at, .. } => Some(at),
            Stage::Reopened { .. } => None,
        }
    }

    /// Those from which it was fetched of which it is not known what they held.
    pub(super) fn unread(&self) -> Vec<Identity> {
        let from = self.from.iter();
        let unread = from.filter(|it| !self.kept.served.contains_key(it));
        unread.cloned().collect()
    }

    pub(super) fn job(&self, period: Period, from: Vec<Identity>, fresh: bool) -> Job {
        Job {
            id: self.id,
            period,
            from,
            minor: self.minor,
            fresh,
            covered: self.covered,
        }
    }

    pub(super) fn verdict(&self, held: u64, finding: Finding) -> Verdict {
        Verdict {
            held,
            finding,
            news: 0,
        }
    }

    /// Whether it is left as it is, although something is missing. A node that picks a mailserver for each query may
    /// have found everything long ago: nobody can tell but by what its last fetches brought.
    pub(super) fn is_exhausted(&self) -> bool {
        let vain = self.from.is_empty() && self.rounds > 0 && self.brought.ends_with(&[0, 0]);
        vain || self.rounds >= MOST_ROUNDS
    }

    pub(super) fn reopen(&mut self, wanted: &[Identity], now: Instant) {
        self.rounds += 1;
        self.minor = false;
        self.wanted = wanted.to_vec();
        self.stage = Stage::Reopened { since: now };
    }

    /// Whether it is fetched a second time on suspicion.
    pub(super) fn matters(&self) -> bool {
        !self.seconded && !self.minor && self.period.length() > MATTERS
    }

    /// It is fetched a second time: what the journal is told then.
    pub(super) fn second(&mut self, wanted: Identity, now: Instant) -> (bool, Option<Verdict>) {
        (self.seconded, self.minor) = (true, false);
        self.wanted = vec![wanted.clone()];
        self.stage = Stage::Reopened { since: now };
        (true, Some(self.verdict(0, Finding::Second { wanted })))
    }

    /// Whether it is compared again: not if that was so late already that those that were late had caught up.
    pub(super) fn again(&mut self, now: Instant) -> bool {
        let at = self.covered + AGAIN;
        self.stage = Stage::due(at);
        at > now && !self.minor
    }

    /// Whether it is tried again.
    pub(super) fn postpone(&mut self, now: Instant) -> bool {
        let Stage::Due {
            at, tries, since, ..
        } = &mut self.stage
        else {
            return true;
        };
        let begun = *since.get_or_insert(now);
        *tries += 1;
        *at = now + PAUSES.pause(*tries);
        now.saturating_duration_since(begun) < PATIENCE
    }
}
