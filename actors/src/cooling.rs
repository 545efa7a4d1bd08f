//! Who failed lately.
//!
//! A failure counts against a mailserver only once another one has worked: until then it may be our
//! own network that is down, and nobody gets a bad mark for our own outage.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{Instant, backoff::Backoff, mailserver::Identity};

/// How long a mailserver is avoided: 10 s after its first failure, twice as long after each further
/// one, 3 min at most.
const COOL_OFF: Backoff = Backoff {
    initial: Duration::from_secs(10),
    max: Duration::from_secs(180),
};

/// The marks of all mailservers.
#[derive(Debug, Default)]
pub struct Cooling {
    marks: BTreeMap<Identity, Mark>,
    suspects: BTreeSet<Identity>,
    resting: BTreeMap<Identity, Instant>,
}

#[derive(Debug)]
struct Mark {
    failures: u32,
    until: Instant,
}

impl Cooling {
    /// It failed, or was lost; whether that was its fault is not known yet.
    pub fn suspect(&mut self, identity: Identity) {
        self.suspects.insert(identity);
    }

    /// It cannot be used before then, through no fault of its own.
    pub fn rest(&mut self, identity: Identity, until: Instant) {
        self.resting.insert(identity, until);
    }

    /// Another one works: those that were suspected did fail.
    pub fn convict(&mut self, working: &Identity, now: Instant) {
        for identity in std::mem::take(&mut self.suspects) {
            if identity != *working {
                self.fail(identity, now);
            }
        }
    }

    /// Nobody works: the fault is not theirs.
    pub fn acquit(&mut self) {
        self.suspects.clear();
    }

    /// It answered a history request: all is forgiven.
    pub fn forgive(&mut self, identity: &Identity) {
        self.marks.remove(identity);
        self.suspects.remove(identity);
    }

    /// Forgets those that are no candidates any more.
    pub fn retain(&mut self, known: impl Fn(&Identity) -> bool) {
        self.marks.retain(|identity, _| known(identity));
        self.suspects.retain(|identity| known(identity));
        self.resting.retain(|identity, _| known(identity));
    }

    /// Whom to avoid now.
    #[must_use]
    pub fn avoided(&self, now: Instant) -> BTreeSet<Identity> {
        let cooling = self.marks.iter().filter(|(_, mark)| now < mark.until);
        let mut avoided: BTreeSet<Identity> = cooling.map(|(it, _)| it.clone()).collect();
        avoided.extend(self.suspects.iter().cloned());
        let resting = self.resting.iter().filter(|(_, until)| now < **until);
        avoided.extend(resting.map(|(it, _)| it.clone()));
        avoided
    }

    /// For how long each is avoided yet, in milliseconds.
    #[must_use]
    pub fn remaining_ms(&self, now: Instant) -> BTreeMap<Identity, u64> {
        let left = |mark: &Mark| mark.until.saturating_duration_since(now).as_millis() as u64;
        let cooling = self.marks.iter().filter(|(_, mark)| now < mark.until);
        cooling.map(|(it, mark)| (it.clone(), left(mark))).collect()
    }

    fn fail(&mut self, identity: Identity, now: Instant) {
        let failures = self.marks.get(&identity).map_or(0, |mark| mark.failures) + 1;
        let until = now + COOL_OFF.pause(failures);
        self.marks.insert(identity, Mark { failures, until });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::mailserver;

    fn identity(index: usize) -> Identity {
        mailserver(index).identity
    }

    #[test]
    fn a_failure_counts_only_once_another_one_worked() {
        let now = Instant::now();
        let mut cooling = Cooling::default();
        cooling.suspect(identity(0));
        assert_eq!(cooling.avoided(now), BTreeSet::from([identity(0)]));
        assert!(cooling.remaining_ms(now).is_empty());
        cooling.convict(&identity(1), now);
        assert_eq!(cooling.remaining_ms(now)[&identity(0)], 10_000);
        assert!(cooling.avoided(now + Duration::from_secs(10)).is_empty());
    }

    #[test]
    fn nobody_is_marked_for_our_own_outage() {
        let now = Instant::now();
        let mut cooling = Cooling::default();
        cooling.suspect(identity(0));
        cooling.acquit();
        cooling.convict(&identity(1), now);
        assert!(cooling.avoided(now).is_empty());
    }

    #[test]
    fn one_that_rests_is_avoided_without_a_bad_mark() {
        let now = Instant::now();
        let mut cooling = Cooling::default();
        cooling.rest(identity(0), now + Duration::from_secs(35));
        assert_eq!(cooling.avoided(now), BTreeSet::from([identity(0)]));
        assert!(cooling.remaining_ms(now).is_empty());
        assert!(cooling.avoided(now + Duration::from_secs(35)).is_empty());
    }

    #[test]
    fn repeated_failures_cool_longer_and_an_answer_forgives() {
        let now = Instant::now();
        let mut cooling = Cooling::default();
        for _ in 0..2 {
            cooling.suspect(identity(0));
            cooling.convict(&identity(1), now);
        }
        assert_eq!(cooling.remaining_ms(now)[&identity(0)], 20_000);
        cooling.forgive(&identity(0));
        assert!(cooling.avoided(now).is_empty());
    }
}
