//! The net: now and then it is asked whether mailservers hold anything of a time in which all seemed well.

use std::time::Duration;

use super::{audits::IN_FLIGHT, slices::without};
use crate::{
    Instant,
    model::moment::{Moment, Period},
};

/// Clocks differ by so much at most: mailservers turn away messages whose sender's differs by 20 s.
const OVERLAP: Duration = Duration::from_secs(10);

/// A sweep goes back no further: the first one after a long absence finds windows that cover it.
const FURTHEST: Duration = Duration::from_secs(24 * 3600);

/// Messages come in about a second after the fetch that brings them (recorded on 2024-10).
pub(super) const GRACE: Duration = Duration::from_secs(3);

/// A fetch that takes longer than this is not waited for.
const LONGEST_FETCH: Duration = Duration::from_secs(600);

/// The pause between two sweeps of a deaf node.
const DEAF: Duration = Duration::from_secs(60);

/// A sweep that was due before the process began is made after this: first the windows that its absence left.
const OVERDUE: Duration = Duration::from_secs(60);

/// Sweeps by the node itself, where nobody can be asked, are so much rarer.
const PLAIN: u32 = 3;

/// The periods that are remembered as fetched: with more, some is fetched twice.
const MOST_COVERED: usize = 32;

/// The node was made to fetch.
#[derive(Debug)]
struct Fetch {
    /// What is not covered yet.
    awaited: Vec<Period>,
    until: Instant,
    brought: u64,
}

/// How often it is swept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// As configured.
    Usual,
    /// Rarely: each sweep is a fetch.
    Plain,
    /// Often: the node is deaf.
    Deaf,
}

/// The sweeps.
#[derive(Debug)]
pub(super) struct Sweeps {
    /// `None`: off.
    interval: Option<Duration>,
    next: Option<Instant>,
    /// Everything before was swept.
    mark: Option<Moment>,
    /// What was fetched since.
    covered: Vec<Period>,
    fetch: Option<Fetch>,
}

impl Sweeps {
    /// Nothing is swept before the node is there. `mark`: what an earlier process swept ended there.
    pub(super) fn new(interval: Option<Duration>, mark: Option<Moment>) -> Self {
        Self {
            interval,
            next: None,
            mark,
            covered: Vec::new(),
            fetch: None,
        }
    }

    /// The node is there. What is before the first time is not our business. The pause to the first sweep began with the
    /// mark: a process that is restarted now and then sweeps as often as any other.
    pub(super) fn begin_session(&mut self, wall: Moment, factor: f64, now: Instant) {
        let age = wall.since(*self.mark.get_or_insert(wall));
        if self.next.is_none() {
            let pause = self.interval.map(|interval| {
                let left = interval.mul_f64(factor).saturating_sub(age);
                left.max(interval.min(OVERDUE).mul_f64(factor))
            });
            self.next = pause.map(|pause| now + pause);
        }
    }

    /// When the next one is due, unless the fetch of the last one goes on.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.next.filter(|_| self.fetch.is_none())
    }

    /// When [`Self::fetched`] is to be asked.
    pub(super) fn fetched_at(&self) -> Option<Instant> {
        self.fetch.as_ref().map(|it| it.until)
    }

    /// The next one is due after the pause of this pace, times a factor about 1: others sweep too.
    pub(super) fn schedule(&mut self, pace: Pace, factor: f64, now: Instant) {
        let pause = self.interval.map(|interval| match pace {
            Pace::Usual => interval,
            Pace::Plain => PLAIN * interval,
            Pace::Deaf => interval.min(DEAF),
        });
        self.next = pause.map(|pause| now + pause.mul_f64(factor));
    }

    /// It could not be made: again soon.
    pub(super) fn postpone(&mut self, factor: f64, now: Instant) {
        self.schedule(Pace::Deaf, factor, now);
    }

    /// Up to when a sweep can be made that begins now.
    pub(super) fn until(wall: Moment) -> Moment {
        wall.before(IN_FLIGHT)
    }

    /// What was neither swept nor fetched.
    pub(super) fn periods(&self, until: Moment) -> Vec<Period> {
        let Some(mark) = self.mark else {
            return Vec::new();
        };
        let from = mark.before(OVERLAP).max(until.before(FURTHEST));
        without(Period { from, until }, &self.covered)
    }

    /// A sweep was made; these periods are fetched.
    pub(super) fn end(&mut self, until: Moment, found: &[Period], now: Instant) {
        // Earlier than before, if the clock was set back.
        self.mark = Some(until);
        let begin = until.before(OVERLAP);
        self.covered.retain(|it| it.until > begin);
        if !found.is_empty() {
            self.fetch = Some(Fetch {
                awaited: found.to_vec(),
                until: now + LONGEST_FETCH,
                brought: 0,
            });
        }
    }

    /// A period was fetched: whether it is no more than what a sweep had found.
    pub(super) fn covered(&mut self, period: Period, wall: Moment, now: Instant) -> bool {
        // What was asked for may reach beyond the request, which is seconds old.
        let until = period.until.min(Self::until(wall));
        self.covered.push(Period { until, ..period });
        if self.covered.len() > MOST_COVERED {
            self.covered.remove(0);
        }
        let Some(fetch) = &mut self.fetch else {
            return false;
        };
        let has = |it: &Period| period.from <= it.from && it.until <= period.until;
        let most = |it: &Period| it.length() + LONGEST_FETCH;
        let is_small = (fetch.awaited.iter()).any(|it| has(it) && period.length() <= most(it));
        let before = fetch.awaited.len();
        fetch.awaited.retain(|it| !has(it));
        if before > 0 && fetch.awaited.is_empty() {
            fetch.until = now + GRACE;
        }
        is_small
    }

    /// Whether the node fetches what a sweep found.
    pub(super) fn is_fetching(&self) -> bool {
        self.fetch.is_some()
    }

    /// Messages came, by a fetch.
    pub(super) fn arrived(&mut self, messages: u64) {
        if let Some(fetch) = &mut self.fetch {
            fetch.brought += messages;
        }
    }

    /// What the fetch brought, once it has ended.
    pub(super) fn fetched(&mut self, now: Instant) -> Option<u64> {
        let fetch = self.fetch.take_if(|it| now >= it.until)?;
        Some(fetch.brought)
    }
}
