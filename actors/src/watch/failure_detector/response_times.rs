//! How fast each mailserver has answered, and so how long its next answer is waited for.

use std::{collections::BTreeMap, time::Duration};

use crate::{Instant, model::mailserver::Identity, watch::adaptive_timeout::AdaptiveTimeout};

/// The most mailservers whose times are known; the one measured longest ago is forgotten first.
const MOST: usize = 512;

/// The times of those that have answered.
#[derive(Debug, Default)]
pub(super) struct ResponseTimes(BTreeMap<Identity, (AdaptiveTimeout, Instant)>);

impl ResponseTimes {
    /// It answered in this time.
    pub(super) fn add(&mut self, identity: &Identity, rtt: Duration, now: Instant) {
        let next = match self.0.get(identity) {
            Some((known, _)) => known.next(rtt),
            None => AdaptiveTimeout::first(rtt),
        };
        self.0.insert(identity.clone(), (next, now));
        if self.0.len() > MOST {
            let oldest = self.0.iter().min_by_key(|(_, (_, at))| *at);
            let oldest = oldest.map(|(identity, _)| identity.clone());
            oldest.map(|identity| self.0.remove(&identity));
        }
    }

    /// Whether it has ever answered.
    pub(super) fn knows(&self, identity: &Identity) -> bool {
        self.0.contains_key(identity)
    }

    /// How long it is waited for, `most` at most. Doubled after a miss (RFC 6298, 5.5): one that became slower is not
    /// lost for it.
    pub(super) fn patience(&self, identity: &Identity, misses: u32, most: Duration) -> Duration {
        let known = self.0.get(identity);
        let usual = known.map_or(most, |(it, _)| it.limit(most));
        match misses {
            0 => usual,
            _ => most.min(usual * 2),
        }
    }
}
