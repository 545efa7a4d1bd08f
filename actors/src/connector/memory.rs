//! What is remembered of each mailserver, across restarts: how fast it is, how often it failed and why, and
//! for how long it is avoided.
//!
//! A failure counts against a mailserver only once another one has worked: until then it may be our
//! own network that is down, and nobody gets a bad mark for our own outage.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    Instant,
    model::{
        backoff::Backoff,
        mailserver::Identity,
        record::{Cause, Record},
    },
};

/// The most mailservers that are remembered; of more, those that changed longest ago are forgotten.
pub const MOST_REMEMBERED: usize = 1024;

/// How long a mailserver is avoided: 10 s at the first level, twice as long at each further one, 3 min
/// at most; each give or take [`SPREAD`], so that not everybody comes back at once.
const COOL_OFF: Backoff = Backoff {
    initial: Duration::from_secs(10),
    max: Duration::from_secs(180),
};

/// The part of a cool-off by which it varies at random, either way.
const SPREAD: f64 = 0.2;

/// Levels above this one do not cool longer: 10 s · 2⁵ is more than 3 min.
const MOST_LEVEL: u32 = 6;

/// The weight of a new round-trip time in the smoothed one (RFC 6298, 2.3).
const WEIGHT: f64 = 1.0 / 8.0;

/// Round-trip times are written down this often: they change with every probe.
const REWRITE: Duration = Duration::from_secs(60);

/// What is remembered of all mailservers.
#[derive(Debug, Default)]
pub struct Memory {
    entries: BTreeMap<Identity, Entry>,
    suspects: BTreeMap<Identity, Cause>,
    resting: BTreeMap<Identity, Instant>,
    /// Whose records are to be written at once.
    changed: BTreeSet<Identity>,
    written: Option<Instant>,
}

#[derive(Debug, Default)]
struct Entry {
    record: Record,
    avoided_until: Option<Instant>,
    measured: bool,
}

// === impl Memory ===

impl Memory {
    /// What was kept by an earlier process. `wall_ms` is the time of day, in milliseconds since 1970.
    #[must_use]
    pub fn restore(records: BTreeMap<Identity, Record>, now: Instant, wall_ms: u64) -> Self {
        let longest = COOL_OFF.max.mul_f64(1.0 + SPREAD);
        let entries = records.into_iter().map(|(identity, record)| {
            // A clock that was set back must not make a cool-off longer than it ever is.
            let left = Duration::from_millis(record.avoided_until_ms.saturating_sub(wall_ms));
            let avoided_until = (!left.is_zero()).then(|| now + left.min(longest));
            let entry = Entry {
                record,
                avoided_until,
                measured: false,
            };
            (identity, entry)
        });
        Self {
            entries: entries.collect(),
            ..Self::default()
        }
    }

    /// It answered a probe.
    pub fn measured(&mut self, identity: &Identity, rtt: Duration) {
        let new = rtt.as_secs_f64() * 1000.0;
        let entry = self.entries.entry(identity.clone()).or_default();
        let old = entry.record.rtt_ms;
        entry.record.rtt_ms = Some(old.map_or(new, |old| old + (new - old) * WEIGHT));
        entry.measured = true;
    }

    /// It failed, or was lost; whether that was its fault is not known yet.
    pub fn suspect(&mut self, identity: Identity, cause: Cause) {
        self.suspects.insert(identity, cause);
    }

    /// It cannot be used before then, through no fault of its own.
    pub fn rest(&mut self, identity: Identity, until: Instant) {
        self.resting.insert(identity, until);
    }

    /// Another one works: those that were suspected did fail. `random` gives a fraction in [0, 1).
    pub fn convict(&mut self, working: &Identity, now: Instant, mut random: impl FnMut() -> f64) {
        for (identity, cause) in std::mem::take(&mut self.suspects) {
            if identity != *working {
                self.fail(identity, cause, now, random());
            }
        }
    }

    /// It failed in a way that cannot be ours, whoever else works. `random` is a fraction in [0, 1).
    pub fn fail(&mut self, identity: Identity, cause: Cause, now: Instant, random: f64) {
        let entry = self.entries.entry(identity.clone()).or_default();
        let record = &mut entry.record;
        *record.failures.entry(cause).or_default() += 1;
        record.level = record.level.saturating_add(1).min(MOST_LEVEL);
        let pause = COOL_OFF.pause(record.level);
        let pause = pause.mul_f64(1.0 - SPREAD + 2.0 * SPREAD * random);
        entry.avoided_until = Some(now + pause);
        self.changed.insert(identity);
    }

    /// Nobody works: the fault is not theirs.
    pub fn acquit(&mut self) {
        self.suspects.clear();
    }

    /// It answered a history request: it is avoided no longer, and a next failure weighs less.
    pub fn served(&mut self, identity: &Identity) {
        self.suspects.remove(identity);
        let entry = self.entries.entry(identity.clone()).or_default();
        entry.record.successes += 1;
        entry.record.level = entry.record.level.saturating_sub(1);
        entry.avoided_until = None;
        self.changed.insert(identity.clone());
    }

    /// Forgets doubts about those that are no candidates any more; what was proven is kept.
    pub fn retain(&mut self, known: impl Fn(&Identity) -> bool) {
        self.suspects.retain(|identity, _| known(identity));
        self.resting.retain(|identity, _| known(identity));
        while self.entries.len() > MOST_REMEMBERED {
            let strangers = self.entries.iter().filter(|(it, _)| !known(it));
            let oldest = strangers.min_by_key(|(_, entry)| entry.record.changed_ms);
            let Some(oldest) = oldest.map(|(it, _)| it.clone()) else {
                return;
            };
            self.entries.remove(&oldest);
        }
    }

    /// Whether it is avoided now: failed lately, suspected, or resting.
    #[must_use]
    pub fn avoids(&self, identity: &Identity, now: Instant) -> bool {
        let before = |until: &Instant| now < *until;
        let entry = self.entries.get(identity);
        self.suspects.contains_key(identity)
            || self.resting.get(identity).is_some_and(before)
            || entry.is_some_and(|it| it.avoided_until.as_ref().is_some_and(before))
    }

    /// Whether it ever answered a history request.
    #[must_use]
    pub fn is_proven(&self, identity: &Identity) -> bool {
        let entry = self.entries.get(identity);
        entry.is_some_and(|it| it.record.successes > 0)
    }

    /// For how long each is avoided yet because it failed, in milliseconds.
    #[must_use]
    pub fn remaining_ms(&self, now: Instant) -> BTreeMap<Identity, u64> {
        let left = |entry: &Entry| entry.left(now).map(|left| left.as_millis() as u64);
        let entries = self.entries.iter();
        entries
            .filter_map(|(it, entry)| Some((it.clone(), left(entry)?)))
            .collect()
    }

    /// What is remembered of one.
    #[must_use]
    pub fn record(&self, identity: &Identity) -> Option<&Record> {
        self.entries.get(identity).map(|entry| &entry.record)
    }

    /// The records that are to be written now. `wall_ms` is the time of day, in milliseconds since 1970.
    pub fn take_changed(&mut self, now: Instant, wall_ms: u64) -> BTreeMap<Identity, Record> {
        let due = |written: Instant| now.saturating_duration_since(written) >= REWRITE;
        let rewrite = self.written.is_none_or(due);
        if !rewrite && self.changed.is_empty() {
            return BTreeMap::new();
        }
        let changed = std::mem::take(&mut self.changed);
        let mut taken = BTreeMap::new();
        for (identity, entry) in &mut self.entries {
            if changed.contains(identity) || (rewrite && entry.measured) {
                entry.measured = false;
                let left = entry.left(now).unwrap_or_default();
                let until = (!left.is_zero()).then(|| wall_ms + left.as_millis() as u64);
                entry.record.avoided_until_ms = until.unwrap_or(0);
                entry.record.changed_ms = wall_ms;
                taken.insert(identity.clone(), entry.record.clone());
            }
        }
        if rewrite && !taken.is_empty() {
            self.written = Some(now);
        }
        taken
    }

    /// After a panic: what was under way is forgotten, what was proven is kept.
    pub fn reset(&mut self) {
        self.suspects.clear();
        self.resting.clear();
    }
}

impl Entry {
    fn left(&self, now: Instant) -> Option<Duration> {
        let left = self.avoided_until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::mailserver;

    fn identity(index: usize) -> Identity {
        mailserver(index).identity
    }

    /// The middle of every draw: cool-offs as they are on average.
    fn mean() -> f64 {
        0.5
    }

    fn left(memory: &Memory, index: usize, now: Instant) -> Option<u64> {
        memory.remaining_ms(now).get(&identity(index)).copied()
    }

    #[test]
    fn a_failure_counts_only_once_another_one_worked() {
        let now = Instant::now();
        let mut memory = Memory::default();
        memory.suspect(identity(0), Cause::Dial);
        assert!(memory.avoids(&identity(0), now));
        assert_eq!(left(&memory, 0, now), None);
        memory.convict(&identity(1), now, mean);
        assert_eq!(left(&memory, 0, now), Some(10_000));
        assert!(!memory.avoids(&identity(0), now + Duration::from_secs(10)));
        let record = memory.record(&identity(0)).unwrap();
        assert_eq!(record.failures, BTreeMap::from([(Cause::Dial, 1)]));
    }

    #[test]
    fn nobody_is_marked_for_our_own_outage() {
        let now = Instant::now();
        let mut memory = Memory::default();
        memory.suspect(identity(0), Cause::Probe);
        memory.acquit();
        memory.convict(&identity(1), now, mean);
        assert!(!memory.avoids(&identity(0), now));
        assert!(memory.record(&identity(0)).is_none());
    }

    #[test]
    fn one_that_rests_is_avoided_without_a_bad_mark() {
        let now = Instant::now();
        let mut memory = Memory::default();
        memory.rest(identity(0), now + Duration::from_secs(35));
        assert!(memory.avoids(&identity(0), now));
        assert_eq!(left(&memory, 0, now), None);
        assert!(!memory.avoids(&identity(0), now + Duration::from_secs(35)));
    }

    #[test]
    fn the_cool_off_grows_from_10_s_to_3_min_and_shrinks_with_each_success() {
        let now = Instant::now();
        let mut memory = Memory::default();
        let mut seen = Vec::new();
        for _ in 0..8 {
            memory.fail(identity(0), Cause::Request, now, 0.5);
            seen.push(left(&memory, 0, now).unwrap() / 1000);
        }
        assert_eq!(seen, [10, 20, 40, 80, 160, 180, 180, 180]);
        memory.served(&identity(0));
        assert!(!memory.avoids(&identity(0), now));
        memory.served(&identity(0));
        memory.served(&identity(0));
        memory.fail(identity(0), Cause::Request, now, 0.5);
        assert_eq!(left(&memory, 0, now), Some(80_000));
    }

    #[test]
    fn cool_offs_vary_by_a_fifth_either_way() {
        let now = Instant::now();
        let mut memory = Memory::default();
        memory.fail(identity(0), Cause::Dial, now, 0.0);
        memory.fail(identity(1), Cause::Dial, now, 0.999_999);
        assert_eq!(left(&memory, 0, now), Some(8_000));
        assert_eq!(left(&memory, 1, now), Some(11_999));
    }

    #[test]
    fn times_are_smoothed() {
        let mut memory = Memory::default();
        memory.measured(&identity(0), Duration::from_millis(80));
        memory.measured(&identity(0), Duration::from_millis(160));
        assert_eq!(memory.record(&identity(0)).unwrap().rtt_ms, Some(90.0));
    }

    #[test]
    fn what_happened_is_written_at_once_and_mere_times_once_a_minute() {
        let now = Instant::now();
        let mut memory = Memory::default();
        memory.measured(&identity(0), Duration::from_millis(80));
        assert_eq!(memory.take_changed(now, 5).len(), 1);
        memory.measured(&identity(0), Duration::from_millis(80));
        assert!(memory.take_changed(now, 6).is_empty());
        memory.served(&identity(0));
        let taken = memory.take_changed(now, 7);
        assert_eq!(taken[&identity(0)].successes, 1);
        memory.measured(&identity(0), Duration::from_millis(80));
        let later = now + REWRITE;
        assert_eq!(memory.take_changed(later, 8).len(), 1);
        assert!(memory.take_changed(later, 9).is_empty());
    }

    #[test]
    fn a_cool_off_survives_a_restart_and_goes_on_while_nobody_runs() {
        let now = Instant::now();
        let mut memory = Memory::default();
        for _ in 0..3 {
            memory.fail(identity(0), Cause::Dial, now, 0.5);
        }
        let kept = memory.take_changed(now, 1_000_000);
        let restored = Memory::restore(kept.clone(), now, 1_015_000);
        assert_eq!(left(&restored, 0, now), Some(25_000));
        assert!(
            Memory::restore(kept.clone(), now, 1_040_000)
                .remaining_ms(now)
                .is_empty()
        );
        // A clock that was wrong, or is.
        let restored = Memory::restore(kept, now, 0);
        assert_eq!(left(&restored, 0, now), Some(216_000));
    }
}
