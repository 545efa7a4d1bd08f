//! How many steps an hour has room for.

use std::{collections::VecDeque, time::Duration};

use crate::Instant;

/// The most steps in an hour: each is a query for a day of one chat.
pub const MOST_STEPS_AN_HOUR: usize = 12;

const HOUR: Duration = Duration::from_secs(3600);

/// The steps of the last hour.
#[derive(Debug, Default)]
pub(super) struct Budget(VecDeque<Instant>);

impl Budget {
    /// Steps that are longer ago than an hour do not count.
    pub(super) fn forget(&mut self, now: Instant) {
        while self.0.front().is_some_and(|it| *it + HOUR <= now) {
            self.0.pop_front();
        }
    }

    /// When there is room again; `None` if there is.
    pub(super) fn full_until(&self) -> Option<Instant> {
        let is_full = self.0.len() >= MOST_STEPS_AN_HOUR;
        self.0.front().filter(|_| is_full).map(|it| *it + HOUR)
    }

    /// A step is made.
    pub(super) fn take(&mut self, now: Instant) {
        self.0.push_back(now);
    }
}
