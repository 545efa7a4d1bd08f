//! The rule by which a mailserver is chosen: a pure function of what the candidates answered.
//!
//! The best tier that has anybody to use is used: the healthy, else the unknown, else those that are
//! avoided for a failure. In it candidates are sorted by their round-trip time, in buckets; the pool is the
//! fastest quarter, so that the users of a fleet spread over its fast servers, and everybody else in the
//! bucket of its slowest member, so that noise does not decide who is in. One of the pool is drawn.
//!
//! Whoever did not answer is not used, with one exception: the node lists it as a peer, and there is no way to
//! probe it, or no probe at all can be believed now ([`Select::blind`]). Then the list is the only evidence
//! there is, and it counts as unknown, behind everybody with a time.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    messages::selection::{Decision, Select},
    model::{
        candidate::{Candidate, Considered, Purpose, Standing, Tier},
        mailserver::Identity,
        probe::{PingReport, ProbeFailure, Stage},
    },
    selector::pool::{Config, NO_TIME, bucket, pool_size},
};

type Outcome = Result<Duration, ProbeFailure>;

/// The rule. `draw(n)` gives an index below `n`. A candidate of whom the report says nothing was silent.
#[must_use]
pub fn choose(
    order: &Select,
    report: &PingReport,
    config: &Config,
    draw: impl FnOnce(usize) -> usize,
) -> Decision {
    static SILENT: Outcome = Err(ProbeFailure::Silent(Stage::Round));
    let replies = report.replies.iter();
    let outcomes: BTreeMap<_, _> = replies.map(|it| (&it.identity, &it.outcome)).collect();
    let outcome = |identity: &Identity| Some(outcomes.get(identity).copied().unwrap_or(&SILENT));
    let ranking = Ranking::of(&order.candidates, order.blind, outcome);
    let pool = ranking.pool(config.pool_fraction);
    ranking.decision(order, pool, draw)
}

/// The candidates in the order of preference: those of the tier in use, by bucket; the other usable ones; those
/// that have not answered yet; the silent.
pub struct Ranking<'a> {
    ranked: Vec<Ranked<'a>>,
    in_use: usize,
}

struct Ranked<'a> {
    candidate: &'a Candidate,
    known: Known<'a>,
    tier: Tier,
    bucket: u32,
}

enum Known<'a> {
    Usable(Option<Duration>),
    Pending,
    Failed(&'a ProbeFailure),
}

impl<'a> Ranking<'a> {
    /// Ranks the candidates by their outcomes; `None`: not known yet.
    #[must_use]
    pub fn of(
        candidates: &'a [Candidate],
        blind: bool,
        outcome: impl Fn(&Identity) -> Option<&'a Outcome>,
    ) -> Self {
        let of_one = |it| Ranked::of(it, blind, outcome(&it.mailserver.identity));
        let mut ranked: Vec<Ranked<'a>> = candidates.iter().map(of_one).collect();
        // Ties in the order of identities, so that the same input gives the same answer.
        ranked.sort_by(|a, b| a.key().cmp(&b.key()));
        let best = ranked.first().map(|it| it.tier);
        let in_use = ranked.partition_point(|it| it.is_usable() && Some(it.tier) == best);
        Self { ranked, in_use }
    }

    /// How many usable ones the tier in use holds: the first so many.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.in_use
    }

    /// How many of them the pool holds: the first so many.
    #[must_use]
    pub fn pool(&self, fraction: f64) -> usize {
        let slowest = self.bucket_at(pool_size(self.in_use, fraction) - 1);
        slowest.map_or(0, |it| {
            self.users().partition_point(|user| user.bucket <= it)
        })
    }

    /// The place in the ranking of the one that is drawn among the first so many. `draw(n)` gives an index below `n`.
    #[must_use]
    pub fn pick(
        &self,
        purpose: Purpose,
        among: usize,
        draw: impl FnOnce(usize) -> usize,
    ) -> Option<usize> {
        let listed = |&rank: &usize| self.ranked[rank].candidate.listed;
        let mut fit: Vec<usize> = (0..among).collect();
        if purpose == Purpose::Standby && fit.iter().any(listed) {
            fit.retain(listed);
        }
        (!fit.is_empty()).then(|| fit[draw(fit.len()).min(fit.len() - 1)])
    }

    /// The candidate at a place in the ranking.
    #[must_use]
    pub fn candidate(&self, rank: usize) -> &'a Candidate {
        self.ranked[rank].candidate
    }

    /// The tier in use, if anybody is usable.
    pub(crate) fn tier(&self) -> Option<Tier> {
        self.users().first().map(|it| it.tier)
    }

    /// The bucket of the user at this rank, if there are so many.
    pub(crate) fn bucket_at(&self, rank: usize) -> Option<u32> {
        self.users().get(rank).map(|it| it.bucket)
    }

    /// Those that have not answered yet, each with its tier.
    pub(crate) fn pending(&self) -> impl Iterator<Item = (&'a Identity, Tier)> {
        let pending = self
            .ranked
            .iter()
            .filter(|it| matches!(it.known, Known::Pending));
        pending.map(|it| (&it.candidate.mailserver.identity, it.tier))
    }

    fn users(&self) -> &[Ranked<'a>] {
        &self.ranked[..self.in_use]
    }

    /// The decision for one drawn among the first so many.
    pub(crate) fn decision(
        &self,
        order: &Select,
        among: usize,
        draw: impl FnOnce(usize) -> usize,
    ) -> Decision {
        let drawn = self.pick(order.purpose, among, draw);
        let chosen = drawn.map(|rank| self.candidate(rank));
        let by_list = order.purpose == Purpose::Standby && chosen.is_some_and(|it| it.listed);
        let considered = self.ranked.iter().enumerate().map(|(rank, it)| {
            let verdict = match it.without_choice() {
                _ if Some(rank) == drawn => Standing::Chosen,
                Some(verdict) => verdict,
                None => self.passed_over(rank, among, by_list),
            };
            it.considered(verdict)
        });
        Decision {
            round: order.round,
            purpose: order.purpose,
            chosen: chosen.map(|it| it.mailserver.reference()),
            identity: chosen.map(|it| it.mailserver.identity.clone()),
            considered: considered.collect(),
            pool: among,
            drawn,
            early: self.pending().next().is_some(),
            took_ms: 0,
        }
    }

    /// Why this usable one was not drawn.
    fn passed_over(&self, rank: usize, among: usize, by_list: bool) -> Standing {
        match self.ranked[rank].tier {
            Tier::Cooling if rank >= self.in_use => Standing::Cooling,
            _ if rank >= self.in_use => Standing::Unproven,
            _ if rank >= among => Standing::Slower,
            _ if by_list && !self.candidate(rank).listed => Standing::NotListed,
            _ => Standing::NotDrawn,
        }
    }
}

impl<'a> Ranked<'a> {
    fn of(candidate: &'a Candidate, blind: bool, outcome: Option<&'a Outcome>) -> Self {
        let believed = candidate.listed && candidate.tier != Tier::Cooling;
        let (known, tier) = match outcome {
            None => (Known::Pending, candidate.tier),
            Some(Ok(rtt)) => (Known::Usable(Some(*rtt)), candidate.tier),
            Some(Err(failure)) => {
                let no_evidence = blind || matches!(failure, ProbeFailure::Impossible(_));
                match believed && no_evidence {
                    true => (Known::Usable(None), Tier::Unknown),
                    false => (Known::Failed(failure), candidate.tier),
                }
            }
        };
        let bucket = match known {
            Known::Usable(Some(rtt)) => bucket(rtt),
            _ => NO_TIME,
        };
        Self {
            candidate,
            known,
            tier,
            bucket,
        }
    }

    /// Smaller is better.
    fn key(&self) -> (u8, Tier, u32, &Identity) {
        let class = match self.known {
            Known::Usable(_) => 0,
            Known::Pending => 1,
            Known::Failed(_) => 2,
        };
        (
            class,
            self.tier,
            self.bucket,
            &self.candidate.mailserver.identity,
        )
    }

    fn is_usable(&self) -> bool {
        matches!(self.known, Known::Usable(_))
    }

    /// The verdict on one that cannot be chosen.
    fn without_choice(&self) -> Option<Standing> {
        match self.known {
            Known::Usable(_) => None,
            Known::Pending => Some(Standing::Pending),
            Known::Failed(failure) => Some(Standing::NoReply(failure.clone())),
        }
    }

    fn considered(&self, verdict: Standing) -> Considered {
        let Candidate {
            mailserver, listed, ..
        } = self.candidate;
        Considered {
            mailserver: mailserver.reference(),
            identity: mailserver.identity.clone(),
            rtt: match self.known {
                Known::Usable(rtt) => rtt,
                _ => None,
            },
            tier: self.tier,
            listed: *listed,
            verdict,
        }
    }
}
