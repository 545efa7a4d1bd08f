//! The windows that are to be compared: each at once, and again once mailservers that were only late have caught up.

use std::time::Duration;

use super::judgement::{Judgement, Kept};
use crate::{
    Instant,
    messages::journal::{Finding, WindowCovered},
    model::{
        backoff::Backoff,
        mailserver::Identity,
        moment::{Moment, Period},
        window::{STORE_RETENTION, WindowId},
    },
};

/// The most windows that wait.
pub(super) const MOST_WAITING: usize = 64;

/// Messages younger than this are still on their way between published mailservers.
pub(super) const IN_FLIGHT: Duration = Duration::from_secs(20);

/// Mailservers catch up each 5 min (store synchronisation of nwaku); those that are still short then are not late.
const AGAIN: Duration = Duration::from_secs(390);

/// So much of a window may have been in flight when it was compared first, or lie in the future.
const LONGEST_CUT: Duration = Duration::from_secs(120);

/// So often a window is found short, and fetched again.
const MOST_ROUNDS: u32 = 4;

/// Windows up to this long are not fetched a second time on suspicion.
const MATTERS: Duration = Duration::from_secs(60);

/// The pauses before it is tried again.
const PAUSES: Backoff = Backoff {
    initial: Duration::from_secs(30),
    max: Duration::from_secs(600),
};

/// It is not tried for longer than this.
const PATIENCE: Duration = Duration::from_secs(3600);

/// So long a window is remembered that was to be fetched again.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// The most hashes that are kept from the first comparisons to the second ones.
const MOST_KEPT: usize = 256 * 1024;

/// Where a window stands.
#[derive(Debug)]
enum Stage {
    /// It is compared at that time; `since` that time it cannot be.
    Due {
        at: Instant,
        tries: u32,
        since: Option<Instant>,
    },
    /// It is fetched again: we are told when that is done.
    Reopened { since: Instant },
}

#[derive(Debug)]
struct Entry {
    id: WindowId,
    /// What is compared: nothing that was in flight at the first comparison.
    period: Period,
    from: Vec<Identity>,
    brought: Vec<u64>,
    covered: Instant,
    /// What a sweep had fetched: it is compared once, when there is time.
    minor: bool,
    rounds: u32,
    seconded: bool,
    missing: u64,
    wanted: Vec<Identity>,
    kept: Kept,
    stage: Stage,
}

/// An audit that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) id: WindowId,
    pub(super) period: Period,
    pub(super) from: Vec<Identity>,
    pub(super) minor: bool,
    /// When the window was covered: an audit of what was fetched before says nothing.
    covered: Instant,
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) held: u64,
    pub(super) finding: Finding,
    /// Messages that were not known to be missing before.
    pub(super) news: u64,
}

/// All windows, the oldest first.
#[derive(Debug)]
pub(super) struct Audits {
    /// Messages younger than this are not compared.
    in_flight: Duration,
    entries: Vec<Entry>,
    /// Those for which there was no room.
    pub(super) dropped: u64,
}

impl Audits {
    /// None waits yet. Messages younger than `in_flight` are not compared.
    pub(super) fn new(in_flight: Duration) -> Self {
        Self {
            in_flight,
            entries: Vec::new(),
            dropped: 0,
        }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// A window was covered: it is compared after this pause, once nothing of it is in flight.
    pub(super) fn covered(
        &mut self,
        window: WindowCovered,
        minor: bool,
        pause: Duration,
        wall: Moment,
        now: Instant,
    ) {
        let in_flight = (window.period.until + self.in_flight).since(wall);
        let stage = Stage::Due {
            // A period that ends in the future is the clock of somebody else: it is cut instead.
            at: now + pause.max(in_flight.min(2 * self.in_flight)),
            tries: 0,
            since: None,
        };
        let WindowCovered {
            id,
            period,
            from,
            brought,
        } = window;
        if let Some(entry) = self.entries.iter_mut().find(|it| it.id == id) {
            entry.covered_again(period, wall);
            (entry.from, entry.brought) = (from, brought);
            (entry.covered, entry.stage) = (now, stage);
            return;
        }
        if !self.make_room(id) {
            return;
        }
        self.entries.push(Entry {
            id,
            period,
            from,
            brought,
            covered: now,
            minor,
            rounds: 0,
            seconded: false,
            missing: 0,
            wanted: Vec::new(),
            kept: Kept::default(),
            stage,
        });
    }

    /// What waits for a fetch that may never come goes first.
    fn make_room(&mut self, id: WindowId) -> bool {
        if self.entries.len() < MOST_WAITING {
            return true;
        }
        let is_reopened = |it: &Entry| matches!(it.stage, Stage::Reopened { .. });
        if let Some(oldest) = self.entries.iter().position(is_reopened) {
            self.entries.remove(oldest);
            return true;
        }
        self.dropped += 1;
        tracing::warn!(
            window = id.0,
            "audit: too many windows wait, this one is not compared"
        );
        false
    }

    /// When the next one is due.
    pub(super) fn next_at(&self, minor: bool) -> Option<Instant> {
        let due = self.entries.iter().filter(|it| it.minor == minor);
        let due = due.filter_map(|it| match it.stage {
            Stage::Due { at, .. } => Some(at),
            Stage::Reopened { .. } => None,
        });
        due.min()
    }

    /// Begins the one that is due first.
    pub(super) fn begin(&mut self, minor: bool, wall: Moment, now: Instant) -> Option<Job> {
        let at = self.next_at(minor).filter(|at| *at <= now)?;
        let is_it = |it: &&mut Entry| it.minor == minor && it.is_due(at);
        let newest = wall.before(self.in_flight);
        let entry = self.entries.iter_mut().find(is_it)?;
        let from = entry.period.from.max(wall.before(STORE_RETENTION));
        let until = entry.period.until.min(newest);
        entry.period = Period {
            from: from.min(until),
            until,
        };
        Some(Job {
            id: entry.id,
            period: entry.period,
            from: entry.from.clone(),
            minor,
            covered: entry.covered,
        })
    }

    /// What is known of what was fetched, unless the window was fetched again meanwhile.
    pub(super) fn kept(&mut self, job: &Job) -> Option<&mut Kept> {
        self.find(job).map(|it| &mut it.kept)
    }

    fn find(&mut self, job: &Job) -> Option<&mut Entry> {
        let is_it = |it: &&mut Entry| it.id == job.id && it.covered == job.covered;
        self.entries.iter_mut().find(is_it)
    }

    /// It could not be compared yet: it is tried again, but not for ever.
    pub(super) fn postpone(&mut self, job: &Job, now: Instant) {
        if let Some(entry) = self.find(job)
            && !entry.postpone(now)
        {
            tracing::debug!(window = job.id.0, "audit: nobody to compare with");
            self.remove(job.id);
        }
    }

    fn remove(&mut self, id: WindowId) {
        self.entries.retain(|it| it.id != id);
    }

    /// An audit has ended: what the journal is told, if anything.
    pub(super) fn settle(
        &mut self,
        job: &Job,
        judgement: Judgement,
        now: Instant,
    ) -> Option<Verdict> {
        let entry = self.find(job)?;
        let (keep, verdict) = match judgement {
            Judgement::Later => {
                self.postpone(job, now);
                return None;
            }
            Judgement::Never => (false, Some(entry.verdict(0, Finding::Unchecked))),
            Judgement::Second(wanted) if entry.matters() => entry.second(wanted, now),
            Judgement::Held(wanted) if !entry.seconded => entry.second(wanted, now),
            Judgement::Second(_) | Judgement::Held(_) => {
                (false, Some(entry.verdict(0, Finding::Unchecked)))
            }
            Judgement::Compared(comparison) if comparison.missing == 0 => {
                let verdict = entry.verdict(comparison.held, Finding::Complete);
                (entry.again(now), Some(verdict))
            }
            Judgement::Compared(comparison) if entry.is_exhausted() => {
                let missing = comparison.missing;
                let finding = match entry.from.is_empty() {
                    // The journal knows what its last requests brought.
                    true => Finding::Repeat { missing },
                    false => Finding::Unhealed { missing },
                };
                (false, Some(entry.verdict(comparison.held, finding)))
            }
            Judgement::Compared(comparison) => {
                entry.reopen(&comparison.wanted, now);
                let missing = comparison.missing;
                let finding = match entry.from.is_empty() {
                    true => Finding::Repeat { missing },
                    false => Finding::Short {
                        missing,
                        short: comparison.short,
                        wanted: comparison.wanted,
                    },
                };
                let mut verdict = entry.verdict(comparison.held, finding);
                verdict.news = missing.saturating_sub(entry.missing);
                entry.missing = entry.missing.max(missing);
                (true, Some(verdict))
            }
        };
        if !keep {
            self.remove(job.id);
        }
        self.bound(now);
        verdict
    }

    /// Forgets what can be done without.
    fn bound(&mut self, now: Instant) {
        let is_old = |since: Instant| now.saturating_duration_since(since) > REMEMBERED;
        self.entries.retain(|it| match it.stage {
            Stage::Reopened { since } => !is_old(since),
            Stage::Due { .. } => true,
        });
        let mut kept: usize = self.entries.iter().map(|it| it.kept.len()).sum();
        for entry in self.entries.iter_mut().rev() {
            if kept <= MOST_KEPT {
                return;
            }
            kept -= entry.kept.len();
            entry.kept = Kept::default();
        }
    }
}

impl Entry {
    /// What is known of what was fetched before holds for the period that was compared: it stays the same, unless the
    /// window has become longer.
    fn covered_again(&mut self, period: Period, wall: Moment) {
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

    fn is_due(&self, then: Instant) -> bool {
        matches!(self.stage, Stage::Due { at, .. } if at == then)
    }

    fn verdict(&self, held: u64, finding: Finding) -> Verdict {
        Verdict {
            held,
            finding,
            news: 0,
        }
    }

    /// Whether it is left as it is, although something is missing. A node that picks a mailserver for each query may
    /// have found everything long ago: nobody can tell but by what its last fetches brought.
    fn is_exhausted(&self) -> bool {
        let vain = self.from.is_empty() && self.rounds > 0 && self.brought.ends_with(&[0, 0]);
        vain || self.rounds >= MOST_ROUNDS
    }

    fn reopen(&mut self, wanted: &[Identity], now: Instant) {
        self.rounds += 1;
        self.minor = false;
        self.wanted = wanted.to_vec();
        self.stage = Stage::Reopened { since: now };
    }

    /// Whether it is fetched a second time on suspicion.
    fn matters(&self) -> bool {
        !self.seconded && !self.minor && self.period.length() > MATTERS
    }

    /// It is fetched a second time: what the journal is told then.
    fn second(&mut self, wanted: Identity, now: Instant) -> (bool, Option<Verdict>) {
        (self.seconded, self.minor) = (true, false);
        self.wanted = vec![wanted.clone()];
        self.stage = Stage::Reopened { since: now };
        (true, Some(self.verdict(0, Finding::Second { wanted })))
    }

    /// Whether it is compared again: not if that was so late already that those that were late had caught up.
    fn again(&mut self, now: Instant) -> bool {
        let at = self.covered + AGAIN;
        self.stage = Stage::Due {
            at,
            tries: 0,
            since: None,
        };
        at > now && !self.minor
    }

    /// Whether it is tried again.
    fn postpone(&mut self, now: Instant) -> bool {
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
