//! What a node since mid-2026 remembers of its syncs: that one is under way, that one is due, which stores failed.

use std::{
    collections::BTreeMap,
    rc::{Rc, Weak},
    time::Duration,
};

use rand::{Rng, seq::SliceRandom};
use tokio::time::Instant;

/// A sync that is under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Running(#[expect(dead_code, reason = "held so that it counts")] Rc<()>);

/// What is remembered.
#[derive(Debug, Default)]
pub(crate) struct Syncs {
    running: Weak<()>,
    /// As if one were under way.
    pub(crate) held: bool,
    /// The node was not connected since the last one of its own.
    pub(crate) due: bool,
    /// The stores that failed, and until when they are tried last.
    failed: BTreeMap<String, Instant>,
}

impl Syncs {
    /// Whether one is under way: there is never a second.
    pub(crate) fn under_way(&self) -> bool {
        self.held || self.running.strong_count() > 0
    }

    /// One begins.
    pub(crate) fn begin(&mut self) -> Running {
        let running = Rc::new(());
        self.running = Rc::downgrade(&running);
        Running(running)
    }

    /// What ends with the login.
    pub(crate) fn forget(&mut self) {
        self.running = Weak::new();
        self.due = false;
        self.failed.clear();
    }

    /// A store failed at `now`, and is tried last for `pause`.
    pub(crate) fn store_failed(&mut self, store: &str, now: Instant, pause: Duration) {
        self.failed.insert(store.to_owned(), now + pause);
    }

    /// The order in which stores are tried for a query: at random, but last those that failed lately.
    pub(crate) fn order(
        &self,
        mut stores: Vec<String>,
        now: Instant,
        random: &mut impl Rng,
    ) -> Vec<String> {
        stores.shuffle(random);
        stores.sort_by_key(|store| self.failed.get(store).is_some_and(|until| *until > now));
        stores
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn a_store_that_failed_is_tried_last_for_a_while() {
        let mut syncs = Syncs::default();
        let (now, pause) = (Instant::now(), Duration::from_secs(120));
        syncs.store_failed("b", now, pause);
        let stores = ["a", "b", "c"].map(str::to_owned).to_vec();
        let mut random = StdRng::seed_from_u64(1);
        let mut last = |at| {
            let draw = |_| syncs.order(stores.clone(), at, &mut random).remove(2);
            (0..50).map(draw).collect::<Vec<_>>()
        };
        assert!(last(now).iter().all(|store| store == "b"));
        let later = last(now + pause);
        assert!(
            stores.iter().all(|store| later.contains(store)),
            "{later:?}"
        );
    }

    #[test]
    fn a_sync_is_under_way_until_it_is_dropped() {
        let mut syncs = Syncs::default();
        let first = syncs.begin();
        assert!(syncs.under_way());
        // After a logout the old one may be dropped late: it says nothing about the new one.
        syncs.forget();
        assert!(!syncs.under_way());
        let second = syncs.begin();
        drop(first);
        assert!(syncs.under_way());
        drop(second);
        assert!(!syncs.under_way());
    }
}
