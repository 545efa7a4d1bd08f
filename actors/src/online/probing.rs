//! Finding out: two candidates are probed, then all others, and any answer ends it.
//!
//! Online means that somebody who could serve us is within reach, which settles what counts as an answer:
//!
//! - a ping that came back, also from this machine: whoever answers there can be used;
//! - a finished handshake with the wrong peer, or with one that keeps no history: the path to it is proven;
//! - never a refusal. The firewall of this machine or of a walled garden refuses in the name of everybody, and
//!   while nobody answers there is nobody to rotate to, so that nothing is lost by waiting.

use std::{collections::BTreeSet, time::Duration};

use rand::{rngs::StdRng, seq::SliceRandom};

use crate::{
    Instant,
    model::{
        mailserver::{Identity, Mailserver},
        probe::{ProbeFailure, Stage},
    },
};

/// How many candidates are probed first.
const FEW: usize = 2;

/// The most candidates that are probed at a time.
const MOST: usize = 32;

/// How much later than its limit the answer of a silent candidate is waited for before the others are asked.
const GRACE: Duration = Duration::from_millis(100);

/// How many limits a whole probe may take: one for each of its stages, name to identify. Only a network that
/// is slow, or an adapter that was restarted, makes us wait for the last.
const STAGES: u32 = 6;

/// One probing, of one or two rounds.
#[derive(Debug)]
pub(super) struct Probing {
    /// What raised the doubt, for people.
    pub(super) reason: &'static str,
    /// The number of its first round.
    first: u64,
    /// Who is not asked: the mailserver in question, then those that were asked.
    passed_over: BTreeSet<Identity>,
    outstanding: BTreeSet<Identity>,
    /// All have been asked.
    pub(super) wide: bool,
    /// The system of one agreed to a connection, and the process behind it was silent.
    pub(super) found_hung: bool,
    /// When the last ones were asked.
    pub(super) asked_at: Instant,
    /// How long they have.
    pub(super) until: Instant,
}

impl Probing {
    /// Nobody was asked yet. `wide`: all are asked at once. `first`: the number of the next round.
    pub(super) fn new(
        reason: &'static str,
        about: Option<Identity>,
        wide: bool,
        first: u64,
        now: Instant,
    ) -> Self {
        Self {
            reason,
            first,
            passed_over: about.into_iter().collect(),
            outstanding: BTreeSet::new(),
            wide,
            found_hung: false,
            asked_at: now,
            until: now,
        }
    }

    /// Who is asked next: those of the lowest `rank` first, and of those at random.
    pub(super) fn next(
        &mut self,
        candidates: &[Mailserver],
        rank: impl Fn(&Identity) -> (bool, bool),
        timeout: Duration,
        random: &mut StdRng,
        now: Instant,
    ) -> Vec<Mailserver> {
        let fresh = |it: &&Mailserver| !self.passed_over.contains(&it.identity);
        let mut targets: Vec<Mailserver> = candidates.iter().filter(fresh).cloned().collect();
        targets.shuffle(random);
        targets.sort_by_key(|it| rank(&it.identity));
        targets.truncate(if self.wide { MOST } else { FEW });
        for target in &targets {
            self.passed_over.insert(target.identity.clone());
            self.outstanding.insert(target.identity.clone());
        }
        self.asked_at = now;
        self.until = match self.wide {
            true => now + timeout * STAGES,
            false => now + timeout + GRACE,
        };
        targets
    }

    /// It did not answer. Whether it was waited for.
    pub(super) fn note_silent(
        &mut self,
        round: u64,
        identity: &Identity,
        failure: Option<&ProbeFailure>,
    ) -> bool {
        let waited_for = round >= self.first && self.outstanding.remove(identity);
        let hung = matches!(failure, Some(ProbeFailure::Silent(Stage::Ping)));
        self.found_hung |= waited_for && hung;
        waited_for
    }

    /// Nobody is waited for.
    pub(super) fn is_silent(&self) -> bool {
        self.outstanding.is_empty()
    }
}

/// Whether the outcome of a probe proves that somebody is within reach; see the module.
pub(super) fn proves_a_path(outcome: &Result<Duration, ProbeFailure>) -> bool {
    match outcome {
        Ok(_) | Err(ProbeFailure::WrongPeer(_) | ProbeFailure::NoStore) => true,
        Err(
            ProbeFailure::Silent(_)
            | ProbeFailure::Refused
            | ProbeFailure::Unresolved(_)
            | ProbeFailure::NoProtocol(_)
            | ProbeFailure::Impossible(_)
            | ProbeFailure::Other(_),
        ) => false,
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::testing::mailserver;

    const TIMEOUT: Duration = Duration::from_millis(500);

    #[test]
    fn those_that_answered_are_asked_first_and_nobody_twice() {
        let now = Instant::now();
        let all: Vec<_> = (0..8).map(mailserver).collect();
        let answered = BTreeSet::from([mailserver(2).identity, mailserver(5).identity]);
        let rank = |it: &Identity| (false, !answered.contains(it));
        for seed in 0..16 {
            let mut random = StdRng::seed_from_u64(seed);
            let about = Some(mailserver(2).identity);
            let mut probing = Probing::new("a test", about, false, 1, now);
            let few = probing.next(&all, rank, TIMEOUT, &mut random, now);
            assert_eq!(few.len(), FEW);
            assert_eq!(few[0], mailserver(5));
            probing.wide = true;
            let others = probing.next(&all, rank, TIMEOUT, &mut random, now);
            let asked: BTreeSet<_> = few.iter().chain(&others).map(|it| &it.identity).collect();
            assert_eq!(
                (others.len(), asked.len()),
                (5, 7),
                "not the one in question"
            );
        }
    }

    #[test]
    fn the_others_are_drawn_at_random() {
        let now = Instant::now();
        let all: Vec<_> = (0..8).map(mailserver).collect();
        let first = |seed| {
            let mut random = StdRng::seed_from_u64(seed);
            let mut probing = Probing::new("a test", None, false, 1, now);
            let few = probing.next(&all, |_| (false, false), TIMEOUT, &mut random, now);
            few[0].identity.clone()
        };
        let drawn: BTreeSet<_> = (0..64).map(first).collect();
        assert_eq!(drawn.len(), 8);
    }

    #[test]
    fn only_a_path_to_a_peer_is_proof() {
        let proofs = [
            Ok(TIMEOUT),
            Err(ProbeFailure::WrongPeer("another".into())),
            Err(ProbeFailure::NoStore),
        ];
        assert!(proofs.iter().all(proves_a_path));
        let none = [
            Err(ProbeFailure::Refused),
            Err(ProbeFailure::Unresolved("a name".into())),
            Err(ProbeFailure::Impossible("no method".into())),
        ];
        assert!(!none.iter().any(proves_a_path));
    }
}
