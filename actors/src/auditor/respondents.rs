//! Whom we may ask, and how each has answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rand::{RngExt, rngs::StdRng};

use crate::{
    Instant,
    messages::store::StoreFailure,
    model::{
        backoff::Backoff,
        mailserver::{Identity, Mailserver, Origin},
    },
};

/// The pauses after failures: a busy mailserver is not made busier.
const PAUSES: Backoff = Backoff {
    initial: Duration::from_secs(30),
    max: Duration::from_secs(600),
};

/// Who does not speak the protocol is asked again after this: it may have been replaced by a newer one.
const UNSUPPORTED: Duration = Duration::from_secs(3600);

/// Why a mailserver gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// It does not speak the protocol.
    Unsupported,
    /// It is left alone until then.
    Pausing(Instant),
    /// It failed, or is no candidate any more.
    Away,
}

/// How a mailserver has answered.
#[derive(Clone, Copy, Debug, Default)]
struct Manner {
    /// In a row.
    failures: u32,
    /// It is left alone until then.
    until: Option<Instant>,
    /// It did not speak the protocol when it was asked last.
    unsupported: bool,
    busy: bool,
}

/// All candidates.
#[derive(Debug, Default)]
pub(super) struct Respondents {
    all: Vec<Mailserver>,
    manners: BTreeMap<Identity, Manner>,
}

impl Respondents {
    /// There are others now.
    pub(super) fn replace(&mut self, all: Vec<Mailserver>) {
        let known: BTreeSet<&Identity> = all.iter().map(|it| &it.identity).collect();
        self.manners.retain(|identity, _| known.contains(identity));
        self.all = all;
    }

    /// One that may be asked now.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(super) fn find(&self, identity: &Identity, now: Instant) -> Result<&Mailserver, Silence> {
        let mut all = self.all.iter();
        let found = all.find(|it| it.identity == *identity);
        let found = found.ok_or(Silence::Away)?;
        match self.manners.get(identity) {
            Some(manner) if manner.until.is_some_and(|until| now < until) => Err(manner.silence()),
            _ => Ok(found),
        }
    }

    /// Draws one that may be asked now. Those that failed last, and peers of the node of which nothing else is known,
    /// only if there is nobody else.
    pub(super) fn draw(
        &self,
        except: &BTreeSet<Identity>,
        random: &mut StdRng,
        now: Instant,
    ) -> Option<Mailserver> {
        let free = self.all.iter();
        let free = free.filter(|it| !except.contains(&it.identity));
        let free: Vec<&Mailserver> = free
            .filter(|it| self.find(&it.identity, now).is_ok())
            .collect();
        let is_good = |it: &&Mailserver| {
            let manner = self.manners.get(&it.identity);
            manner.map_or(it.origin != Origin::Peer, |it| it.failures == 0)
        };
        let good: Vec<&Mailserver> = free.iter().copied().filter(is_good).collect();
        let pool = if good.is_empty() { free } else { good };
        (!pool.is_empty()).then(|| pool[random.random_range(0..pool.len())].clone())
    }

    /// Draws one that could be used to fetch from, whether or not it can be asked.
    pub(super) fn draw_any(
        &self,
        except: &BTreeSet<Identity>,
        random: &mut StdRng,
    ) -> Option<Identity> {
        let others = self.all.iter().map(|it| &it.identity);
        let others: Vec<&Identity> = others.filter(|it| !except.contains(it)).collect();
        (!others.is_empty()).then(|| others[random.random_range(0..others.len())].clone())
    }

    /// Whether there is anybody beside these.
    pub(super) fn are_more_than(&self, these: &BTreeSet<Identity>) -> bool {
        self.all.iter().any(|it| !these.contains(&it.identity))
    }

    /// Whether there is anybody beside these, and all of them are known not to speak the protocol.
    pub(super) fn are_unsupported(&self, except: &BTreeSet<Identity>, now: Instant) -> bool {
        let others = self.all.iter().map(|it| &it.identity);
        let mut others = others.filter(|it| !except.contains(it)).peekable();
        let speaks = |it| !matches!(self.find(it, now), Err(Silence::Unsupported));
        others.peek().is_some() && !others.any(speaks)
    }

    /// The name in its list, for people.
    pub(super) fn id(&self, identity: &Identity) -> String {
        let mut all = self.all.iter();
        let found = all.find(|it| it.identity == *identity);
        found.map_or_else(|| identity.to_string(), |it| it.id.clone())
    }

    /// The same of several.
    pub(super) fn ids(&self, identities: &[Identity]) -> Vec<String> {
        identities.iter().map(|it| self.id(it)).collect()
    }

    /// It answered.
    pub(super) fn answered(&mut self, identity: &Identity) {
        self.manners.insert(identity.clone(), Manner::default());
    }

    /// It did not: it is left alone for a while.
    pub(super) fn failed(
        &mut self,
        identity: &Identity,
        failure: &StoreFailure,
        now: Instant,
    ) -> Silence {
        if !self.all.iter().any(|it| it.identity == *identity) {
            return Silence::Away;
        }
        let manner = self.manners.entry(identity.clone()).or_default();
        manner.failures = manner.failures.saturating_add(1);
        manner.unsupported = *failure == StoreFailure::Unsupported;
        manner.busy = matches!(failure, StoreFailure::Busy(_));
        let pause = match manner.unsupported {
            true => UNSUPPORTED,
            false => PAUSES.pause(manner.failures),
        };
        manner.until = Some(now + pause);
        manner.silence()
    }
}

impl Manner {
    fn silence(&self) -> Silence {
        match self.until {
            _ if self.unsupported => Silence::Unsupported,
            Some(until) if self.busy => Silence::Pausing(until),
            _ => Silence::Away,
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::testing::mailserver;

    fn four() -> (Respondents, StdRng, Instant) {
        let mut it = Respondents::default();
        it.replace((0..4).map(mailserver).collect());
        (it, StdRng::seed_from_u64(7), Instant::now())
    }

    fn set(indices: &[usize]) -> BTreeSet<Identity> {
        indices.iter().map(|it| mailserver(*it).identity).collect()
    }

    fn drawn(it: &Respondents, random: &mut StdRng, now: Instant) -> BTreeSet<Identity> {
        let draws = (0..64).filter_map(|_| it.draw(&set(&[0]), random, now));
        draws.map(|it| it.identity).collect()
    }

    #[test]
    fn anybody_may_be_drawn_but_those_that_failed_only_in_need() {
        let (mut it, mut random, mut now) = four();
        assert_eq!(drawn(&it, &mut random, now), set(&[1, 2, 3]));
        let failure = StoreFailure::Refused("no".into());
        it.failed(&mailserver(1).identity, &failure, now);
        assert_eq!(drawn(&it, &mut random, now), set(&[2, 3]));
        now += Duration::from_secs(30);
        assert_eq!(drawn(&it, &mut random, now), set(&[2, 3]), "it failed last");
        for index in [2, 3] {
            it.failed(&mailserver(index).identity, &failure, now);
        }
        assert_eq!(
            drawn(&it, &mut random, now),
            set(&[1]),
            "there is nobody else"
        );
        it.answered(&mailserver(1).identity);
        it.answered(&mailserver(2).identity);
        assert_eq!(drawn(&it, &mut random, now), set(&[1, 2]));
    }

    #[test]
    fn a_busy_one_is_left_alone_for_growing_pauses() {
        let (mut it, _, mut now) = four();
        let identity = mailserver(0).identity;
        let mut pauses = Vec::new();
        for _ in 0..7 {
            let busy = StoreFailure::Busy("429".into());
            let Silence::Pausing(until) = it.failed(&identity, &busy, now) else {
                panic!("it is busy");
            };
            assert_eq!(it.find(&identity, now), Err(Silence::Pausing(until)));
            pauses.push((until - now).as_secs());
            now = until;
            assert!(it.find(&identity, now).is_ok());
        }
        assert_eq!(pauses, [30, 60, 120, 240, 480, 600, 600]);
    }

    #[test]
    fn who_does_not_speak_the_protocol_is_known_for_an_hour() {
        let (mut it, mut random, now) = four();
        for index in [1, 2, 3] {
            assert!(!it.are_unsupported(&set(&[0]), now));
            it.failed(&mailserver(index).identity, &StoreFailure::Unsupported, now);
        }
        let later = now + UNSUPPORTED;
        assert!(it.are_unsupported(&set(&[0]), now) && !it.are_unsupported(&set(&[0]), later));
        assert_eq!(drawn(&it, &mut random, now), set(&[]));
        assert!(it.draw_any(&set(&[0]), &mut random).is_some());
    }

    #[test]
    fn who_is_gone_is_forgotten() {
        let (mut it, _, now) = four();
        it.failed(&mailserver(3).identity, &StoreFailure::Unsupported, now);
        it.replace(vec![mailserver(0)]);
        let gone = mailserver(3).identity;
        assert_eq!(it.find(&gone, now), Err(Silence::Away));
        it.failed(&gone, &StoreFailure::Unsupported, now);
        assert!(it.manners.is_empty());
        it.replace((0..4).map(mailserver).collect());
        assert!(it.find(&gone, now).is_ok());
    }
}
