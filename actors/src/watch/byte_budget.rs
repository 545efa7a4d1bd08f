//! What probes cost on the wire, and how it is kept within a budget.

use std::{collections::VecDeque, time::Duration};

use crate::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// What is spent within this is one entry: the last minute takes 61 of them at most.
const GRAIN: Duration = Duration::from_secs(1);

/// The price of a probe is the mean of so many last ones.
const LAST: usize = 8;

/// No pause is stretched further than this: a budget of next to nothing means rarely, not never.
const LONGEST: Duration = Duration::from_secs(3600);

/// The payload bytes of the last minute.
#[derive(Debug)]
pub(crate) struct ByteBudget {
    budget: u64,
    minute: VecDeque<(Instant, u64)>,
    last: VecDeque<u64>,
}

impl ByteBudget {
    /// Nothing was spent yet of this many bytes per minute.
    pub(crate) fn new(budget: u64) -> Self {
        Self {
            budget,
            minute: VecDeque::new(),
            last: VecDeque::new(),
        }
    }

    /// A probe has cost this.
    pub(crate) fn spend(&mut self, bytes: u64, now: Instant) {
        while self.minute.front().is_some_and(|it| is_over(it.0, now)) {
            self.minute.pop_front();
        }
        match self.minute.back_mut() {
            Some((since, sum)) if now.saturating_duration_since(*since) < GRAIN => {
                *sum = sum.saturating_add(bytes);
            }
            _ => self.minute.push_back((now, bytes)),
        }
        self.last.push_back(bytes);
        if self.last.len() > LAST {
            self.last.pop_front();
        }
    }

    /// Bytes in the last minute.
    pub(crate) fn in_minute(&self, now: Instant) -> u64 {
        let counted = self.minute.iter().filter(|it| !is_over(it.0, now));
        counted.fold(0, |sum, it| sum.saturating_add(it.1))
    }

    /// The pause that keeps to the budget at the price of the last probes; never shorter than this one. As long as
    /// half of the budget is left nothing is stretched: the first probe dials and costs many times the next.
    pub(crate) fn stretch(&self, pause: Duration, now: Instant) -> Duration {
        if self.in_minute(now) <= self.budget / 2 {
            return pause;
        }
        let share = self.price() as f64 / self.budget.max(1) as f64;
        let fair = MINUTE.as_secs_f64() * share;
        pause.max(Duration::try_from_secs_f64(fair).map_or(LONGEST, |it| it.min(LONGEST)))
    }

    /// When there is budget for one more probe; `None`: now.
    pub(crate) fn free_at(&self, now: Instant) -> Option<Instant> {
        let spent = self.in_minute(now);
        if spent == 0 || spent.saturating_add(self.price()) <= self.budget {
            return None;
        }
        let oldest = self.minute.iter().find(|it| !is_over(it.0, now));
        oldest.map(|it| it.0 + MINUTE)
    }

    fn price(&self) -> u64 {
        let sum = self
            .last
            .iter()
            .fold(0, |sum: u64, it| sum.saturating_add(*it));
        sum / (self.last.len() as u64).max(1)
    }
}

fn is_over(since: Instant, now: Instant) -> bool {
    now.saturating_duration_since(since) >= MINUTE
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(2);

    #[test]
    fn cheap_probes_stretch_nothing() {
        let (mut it, mut now) = (ByteBudget::new(10_000), Instant::now());
        for _ in 0..100 {
            assert_eq!(it.free_at(now), None);
            it.spend(150, now);
            assert_eq!(it.stretch(INTERVAL, now), INTERVAL);
            now += INTERVAL;
        }
        assert_eq!(it.in_minute(now), 29 * 150);
    }

    #[test]
    fn one_dial_is_no_habit() {
        let (mut it, now) = (ByteBudget::new(10_000), Instant::now());
        it.spend(3_000, now);
        assert_eq!(it.stretch(INTERVAL, now), INTERVAL);
        it.spend(3_000, now);
        assert_eq!(it.stretch(INTERVAL, now), Duration::from_secs(18));
    }

    #[test]
    fn what_is_spent_is_free_again_a_minute_later() {
        let (mut it, now) = (ByteBudget::new(1_000), Instant::now());
        it.spend(1_000, now);
        assert_eq!(it.free_at(now), Some(now + MINUTE));
        assert_eq!(it.free_at(now + MINUTE), None);
        assert_eq!(it.in_minute(now + MINUTE), 0);
    }

    #[test]
    fn a_budget_of_nothing_means_rarely_and_memory_is_bounded() {
        let (mut it, mut now) = (ByteBudget::new(0), Instant::now());
        for _ in 0..10_000 {
            it.spend(u64::MAX, now);
            now += Duration::from_millis(10);
        }
        assert_eq!(it.stretch(INTERVAL, now), LONGEST);
        assert!(it.free_at(now).is_some_and(|at| at > now));
        assert!(it.minute.len() <= 61 && it.last.len() <= LAST);
        assert_eq!(it.free_at(now + MINUTE), None);
    }
}
