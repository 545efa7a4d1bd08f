//! The windows that are to be compared: each at once, and again once mailservers that were only late have caught up.

use std::time::Duration;

use super::{
    comparison::Held,
    entry::{Entry, Job, Stage, Verdict},
    judgement::{Judgement, Kept},
    respondents::Respondents,
};
use crate::{
    Instant,
    messages::journal::{Finding, WindowCovered},
    model::{
        moment::{Moment, Period},
        window::{STORE_RETENTION, WindowId},
    },
};

/// The most windows that wait.
pub(super) const MOST_WAITING: usize = 64;

/// Messages younger than this are still on their way between published mailservers.
pub(super) const IN_FLIGHT: Duration = Duration::from_secs(20);

/// So long a window is remembered that was to be fetched again.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// The most hashes that are kept from the first comparisons to the second ones.
const MOST_KEPT: usize = 256 * 1024;

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
        // A period that ends in the future is the clock of somebody else: it is cut instead.
        let compared = now + pause.max(in_flight.min(2 * self.in_flight));
        let WindowCovered {
            id,
            period,
            from,
            brought,
        } = window;
        if let Some(entry) = self.entries.iter_mut().find(|it| it.id == id) {
            entry.covered_again(period, wall);
            (entry.from, entry.brought, entry.covered) = (from, brought, now);
            return entry.begin(compared);
        }
        if !self.make_room(id) {
            return;
        }
        let mut entry = Entry {
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
            stage: Stage::due(compared),
        };
        entry.begin(compared);
        self.entries.push(entry);
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
        due.filter_map(Entry::due_at).min()
    }

    /// Begins the one that is due first.
    pub(super) fn begin(&mut self, minor: bool, wall: Moment, now: Instant) -> Option<Job> {
        let at = self.next_at(minor).filter(|at| *at <= now)?;
        let is_it = |it: &&mut Entry| it.minor == minor && it.due_at() == Some(at);
        let newest = wall.before(self.in_flight);
        let entry = self.entries.iter_mut().find(is_it)?;
        let from = entry.period.from.max(wall.before(STORE_RETENTION));
        if matches!(entry.stage, Stage::Fresh { .. }) {
            let until = entry.period.until.max(from);
            return Some(entry.job(Period { from, until }, entry.unread(), true));
        }
        let until = entry.period.until.min(newest);
        entry.period = Period {
            from: from.min(until),
            until,
        };
        Some(entry.job(entry.period, entry.from.clone(), false))
    }

    /// Those from which a window was fetched have told what they hold, as far as they could.
    pub(super) fn read(&mut self, job: &Job, held: Held) {
        if let Some(entry) = self.find(job)
            && let Stage::Fresh { compared } = entry.stage
        {
            entry.kept.served.extend(held);
            entry.stage = Stage::due(compared);
        }
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
        if job.fresh {
            return self.read(job, Held::new());
        }
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
        respondents: &Respondents,
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
                        short: respondents.ids(&comparison.short),
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
            Stage::Fresh { .. } | Stage::Due { .. } => true,
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
