//! When a choice is settled although some have not answered yet.
//!
//! A silent one can still answer, and faster than those in hand, unless too much time has passed: a probe of `n`
//! round trips that began `t` ago cannot find less than `t / n` any more (the pinger counts no reply as
//! faster). So the race goes on until as many answers as the pool could hold at most, if all the silent
//! ones of the tier in use came, are in hand and in buckets that no silent one can come below any more. A silent
//! one of a better tier blocks: its answer would change the tier in use.
//!
//! Then the pool of the answers in hand is part of the final pool, whatever the silent ones do. It is not larger than
//! the pool could be at most, so none of its members can be overtaken: as many as now are faster than it at
//! the end. And whoever comes later only makes the pool larger.
//!
//! The fastest of all could be taken a little earlier. That would send everybody to their fastest mailserver,
//! which is what the pool is there against. To wait for the round would spread the load best, and cost the time of
//! the slowest and the silent. This is the trade between the two: the draw is fair among those that are
//! certain, and these are fewer than the pool will be: with the quarter rule one bucket until 5 have
//! answered, so that in a small fleet the fastest mailserver is often the only one. Who is not in a hurry waits for the
//! round: a choice for [`Purpose::Standby`](crate::selector::Purpose::Standby) is drawn from the whole pool.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    Instant,
    messages::selection::{Decision, Select},
    model::{mailserver::Identity, probe::ProbeFailure},
    selector::{
        pool::{Config, NO_TIME, bucket, lower_edge, pool_size},
        ranking::Ranking,
    },
};

/// What is in hand of a round that goes on.
#[derive(Clone, Debug)]
pub struct EarlyDecision {
    order: Select,
    config: Config,
    begun: BTreeMap<Identity, Begun>,
    outcomes: BTreeMap<Identity, Result<Duration, ProbeFailure>>,
}

/// A probe that is under way.
#[derive(Clone, Copy, Debug)]
struct Begun {
    at: Instant,
    round_trips: u32,
}

/// The choice is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// How many of the first in the ranking are certain to be in the final pool: one of them can be drawn. At least 1.
    pub certain: usize,
}

impl EarlyDecision {
    /// Nobody has answered yet.
    #[must_use]
    pub fn new(order: Select, config: Config) -> Self {
        Self {
            order,
            config,
            begun: BTreeMap::new(),
            outcomes: BTreeMap::new(),
        }
    }

    /// What was ordered.
    #[must_use]
    pub fn order(&self) -> &Select {
        &self.order
    }

    /// The probe of this one began: it waits for so many round trips, at least 1.
    pub fn handle_began(&mut self, identity: Identity, round_trips: u32, now: Instant) {
        let begun = Begun {
            at: now,
            round_trips: round_trips.max(1),
        };
        self.begun.entry(identity).or_insert(begun);
    }

    /// This one answered or failed, as the report of the round will say.
    pub fn handle_outcome(&mut self, identity: Identity, outcome: Result<Duration, ProbeFailure>) {
        self.outcomes.entry(identity).or_insert(outcome);
    }

    /// Is the choice settled? Time alone may do it: see [`settles_at`](Self::settles_at).
    #[must_use]
    pub fn settled(&self, now: Instant) -> Option<Settled> {
        let ranking = self.ranking();
        let rivals = self.rivals(&ranking)?;
        let last = self.last_needed(&ranking, &rivals)?;
        let may_overtake = rivals.iter().any(|it| floor(*it, now) < last);
        (!may_overtake).then(|| Settled {
            certain: ranking.pool(self.config.pool_fraction),
        })
    }

    /// When it is settled if nothing more is heard until then; `None`: never by time alone.
    #[must_use]
    pub fn settles_at(&self) -> Option<Instant> {
        let ranking = self.ranking();
        let rivals = self.rivals(&ranking)?;
        let last = self.last_needed(&ranking, &rivals)?;
        let mut at = None;
        for rival in rivals {
            at = at.max(Some(beaten_at(rival, last)?));
        }
        at
    }

    /// The decision, once it is settled. `draw(n)` gives an index below `n`.
    #[must_use]
    pub fn decide(&self, settled: Settled, draw: impl FnOnce(usize) -> usize) -> Decision {
        self.ranking().decision(&self.order, settled.certain, draw)
    }

    fn ranking(&self) -> Ranking<'_> {
        let order = &self.order;
        Ranking::of(&order.candidates, order.blind, |it| self.outcomes.get(it))
    }

    /// The silent ones of the tier in use. `None` if nobody is usable, or a silent one of a better tier blocks.
    ///
    /// Whoever may still come to be used without an answer is of the tiers that are looked at here.
    fn rivals(&self, ranking: &Ranking<'_>) -> Option<Vec<Option<Begun>>> {
        let tier = ranking.tier()?;
        if ranking.pending().any(|(_, silent)| silent < tier) {
            return None;
        }
        let same = ranking.pending().filter(|(_, silent)| *silent == tier);
        Some(same.map(|(it, _)| self.begun.get(it).copied()).collect())
    }

    /// The bucket that no rival may be able to overtake: of the slowest that the pool could hold at most. `None` if
    /// not so many have answered.
    fn last_needed(&self, ranking: &Ranking<'_>, rivals: &[Option<Begun>]) -> Option<u32> {
        let most = pool_size(ranking.in_use() + rivals.len(), self.config.pool_fraction);
        ranking.bucket_at(most - 1)
    }
}

/// The smallest bucket in which a silent one can still come in.
fn floor(rival: Option<Begun>, now: Instant) -> u32 {
    rival.map_or(0, |it| {
        bucket(now.saturating_duration_since(it.at) / it.round_trips)
    })
}

/// When a silent one cannot come into a smaller bucket than this any more; `None`: time does not tell.
fn beaten_at(rival: Option<Begun>, bucket: u32) -> Option<Instant> {
    match rival {
        Some(it) if bucket != NO_TIME => Some(it.at + lower_edge(bucket) * it.round_trips),
        _ => None,
    }
}
