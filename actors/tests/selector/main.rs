//! The choice as others meet it: the rule, when it can be early, and the actor.

mod actor;
mod early_decision;
mod failing;
mod rule;

use std::{collections::BTreeSet, time::Duration};

use actors::{
    messages::selection::Select,
    model::{
        candidate::{Candidate, Purpose, Standing, Tier},
        probe::{PingReport, ProbeFailure, Reply, Stage},
    },
    selector::Config,
    testing::mailserver,
};
use proptest::prelude::*;

pub(crate) const CONFIG: Config = Config {
    pool_fraction: 0.25,
};

pub(crate) type Outcome = Result<Duration, ProbeFailure>;

pub(crate) const SILENT: Outcome = Err(ProbeFailure::Silent(Stage::Ping));

pub(crate) const fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

pub(crate) fn impossible() -> Outcome {
    Err(ProbeFailure::Impossible("no address".into()))
}

/// Candidate number `index`.
pub(crate) fn candidate(index: usize, tier: Tier, listed: bool) -> Candidate {
    Candidate {
        mailserver: mailserver(index),
        tier,
        listed,
    }
}

/// So many healthy candidates that the node does not list.
pub(crate) fn healthy(count: usize) -> Vec<Candidate> {
    let one = |index| candidate(index, Tier::Healthy, false);
    (0..count).map(one).collect()
}

pub(crate) fn order(candidates: Vec<Candidate>) -> Select {
    Select {
        witnesses: BTreeSet::new(),
        round: 7,
        candidates,
        purpose: Purpose::Active,
        quiet: false,
        blind: false,
    }
}

/// A report with one outcome for each candidate, in their order.
pub(crate) fn report(order: &Select, outcomes: &[Outcome]) -> PingReport {
    let pairs = order.candidates.iter().zip(outcomes);
    let replies = pairs.map(|(it, outcome)| Reply {
        identity: it.mailserver.identity.clone(),
        outcome: outcome.clone(),
    });
    PingReport {
        replies: replies.collect(),
    }
}

pub(crate) fn tiers() -> impl Strategy<Value = Tier> {
    prop_oneof![
        3 => Just(Tier::Healthy),
        2 => Just(Tier::Unknown),
        2 => Just(Tier::Cooling),
    ]
}

/// Times below the timeout of half a second; many are close to each other.
pub(crate) fn times() -> impl Strategy<Value = Duration> {
    let micros = prop_oneof![0..500_000_u64, 0..60_000_u64, 45_000..55_000_u64];
    micros.prop_map(Duration::from_micros)
}

/// The verdicts of the mailservers, in the order of their numbers.
pub(crate) fn verdicts(decision: &actors::messages::selection::Decision) -> Vec<Standing> {
    let mut all: Vec<_> = decision.considered.iter().collect();
    all.sort_by_key(|it| it.mailserver.id.clone());
    all.into_iter().map(|it| it.verdict.clone()).collect()
}
