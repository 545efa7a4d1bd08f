//! The rule: who is used, who is in the pool, and what is said of the others.

use std::collections::BTreeSet;

use actors::{
    messages::selection::Select,
    model::candidate::{Purpose, Standing, Tier},
    selector::{bucket, choose},
};
use proptest::{prelude::*, sample::Index};

use crate::*;

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        6 => times().prop_map(Ok),
        2 => Just(SILENT),
        1 => Just(impossible()),
    ]
}

/// An order, and an outcome for each of its candidates.
fn cases() -> impl Strategy<Value = (Select, Vec<Outcome>)> {
    let one = (tiers(), any::<bool>(), outcomes());
    let all = proptest::collection::vec(one, 1..=24);
    (all, any::<bool>(), any::<bool>()).prop_map(|(all, blind, standby)| {
        let candidates = all.iter().enumerate();
        let candidates = candidates.map(|(index, it)| candidate(index, it.0, it.1));
        let order = Select {
            blind,
            purpose: match standby {
                true => Purpose::Standby,
                false => Purpose::Active,
            },
            ..order(candidates.collect())
        };
        (order, all.into_iter().map(|it| it.2).collect())
    })
}

/// The rule in other words: the tier in which each usable candidate counts, and its bucket; `None`: not usable.
fn counted(order: &Select, outcomes: &[Outcome]) -> Vec<Option<(Tier, Option<u32>)>> {
    let pairs = order.candidates.iter().zip(outcomes);
    let count = pairs.map(|(it, outcome)| match outcome {
        Ok(rtt) => Some((it.tier, Some(bucket(*rtt)))),
        Err(_) if !it.listed || it.tier == Tier::Cooling => None,
        Err(ProbeFailure::Impossible(_)) => Some((Tier::Unknown, None)),
        Err(_) => order.blind.then_some((Tier::Unknown, None)),
    });
    count.collect()
}

proptest! {
    #[test]
    fn the_chosen_one_is_usable_and_nobody_usable_is_in_a_better_tier(
        (order, outcomes) in cases(), draw in any::<usize>(),
    ) {
        let decision = choose(&order, &report(&order, &outcomes), &CONFIG, |n| draw % n);
        let counted = counted(&order, &outcomes);
        let best = counted.iter().flatten().map(|(tier, _)| *tier).min();
        let chosen = decision.identity.map(|identity| {
            let mut all = order.candidates.iter();
            all.position(|it| it.mailserver.identity == identity).expect("a candidate")
        });
        prop_assert_eq!(chosen.map(|it| counted[it].expect("usable").0), best);
    }

    #[test]
    fn the_pool_is_the_fastest_quarter_and_the_rest_of_its_slowest_bucket((order, outcomes) in cases()) {
        let decision = choose(&order, &report(&order, &outcomes), &CONFIG, |_| 0);
        let counted = counted(&order, &outcomes);
        let best = counted.iter().flatten().map(|(tier, _)| *tier).min();
        // Those without a time are behind all others.
        let mut buckets: Vec<u32> = (counted.iter().flatten())
            .filter(|(tier, _)| Some(*tier) == best)
            .map(|(_, bucket)| bucket.unwrap_or(u32::MAX))
            .collect();
        buckets.sort_unstable();
        let quarter = buckets.len().div_ceil(4);
        let expected = match quarter {
            0 => 0,
            _ => buckets.iter().filter(|it| **it <= buckets[quarter - 1]).count(),
        };
        prop_assert_eq!(decision.pool, expected);
        prop_assert!(decision.pool >= quarter);
    }

    #[test]
    fn every_member_of_the_pool_is_reached_by_some_draw_and_nobody_else((mut order, outcomes) in cases()) {
        order.purpose = Purpose::Active;
        let report = report(&order, &outcomes);
        let pool = choose(&order, &report, &CONFIG, |_| 0).pool;
        let reached = (0..pool).map(|draw| choose(&order, &report, &CONFIG, |_| draw).drawn);
        let reached: BTreeSet<_> = reached.flatten().collect();
        prop_assert_eq!(reached, (0..pool).collect::<BTreeSet<_>>());
    }

    #[test]
    fn the_order_of_candidates_and_of_replies_does_not_matter(
        (order, outcomes) in cases(), swaps: Vec<(Index, Index)>, draw: usize,
    ) {
        let mut report = report(&order, &outcomes);
        let one = choose(&order, &report, &CONFIG, |n| draw % n);
        let mut other = order.clone();
        for (a, b) in swaps {
            let count = outcomes.len();
            other.candidates.swap(a.index(count), b.index(count));
            report.replies.swap(b.index(count), a.index(count));
        }
        report.replies.reverse();
        prop_assert_eq!(one, choose(&other, &report, &CONFIG, |n| draw % n));
    }

    #[test]
    fn every_candidate_is_in_the_decision_with_a_verdict_that_fits((order, outcomes) in cases(), draw: usize) {
        let decision = choose(&order, &report(&order, &outcomes), &CONFIG, |n| draw % n);
        let usable = counted(&order, &outcomes);
        let verdicts = verdicts(&decision);
        prop_assert_eq!(verdicts.len(), usable.len());
        for (verdict, usable) in verdicts.iter().zip(usable) {
            prop_assert_eq!(matches!(verdict, Standing::NoReply(_)), usable.is_none());
        }
        let chosen = |it: &_| matches!(it, Standing::Chosen);
        prop_assert_eq!(decision.considered.iter().position(|it| chosen(&it.verdict)), decision.drawn);
        let passed_over = (decision.considered.iter().take(decision.pool))
            .all(|it| matches!(it.verdict, Standing::Chosen | Standing::NotDrawn | Standing::NotListed));
        prop_assert!(passed_over && !decision.early);
    }
}

#[test]
fn noise_does_not_decide_who_is_in_the_pool() {
    let order = order(healthy(5));
    let outcomes = [50, 51, 53, 80, 200].map(|it| Ok(ms(it)));
    let decision = choose(&order, &report(&order, &outcomes), &CONFIG, |n| n - 1);
    assert_eq!(
        (decision.pool, decision.drawn),
        (3, Some(2)),
        "a quarter of 5 would be 2"
    );
    let verdicts = verdicts(&decision);
    assert_eq!(verdicts[3..], [Standing::Slower, Standing::Slower]);
}

#[test]
fn a_tier_is_used_only_if_nobody_in_a_better_one_answers() {
    let tiers = [Tier::Cooling, Tier::Unknown, Tier::Healthy];
    let candidates = tiers
        .iter()
        .enumerate()
        .map(|(index, tier)| candidate(index, *tier, false));
    let order = order(candidates.collect());
    let answers = |rest: [Outcome; 2]| {
        let outcomes = [&[Ok(ms(1))], &rest[..]].concat();
        verdicts(&choose(&order, &report(&order, &outcomes), &CONFIG, |_| 0))
    };
    let silent = || Standing::NoReply(ProbeFailure::Silent(Stage::Ping));
    let all = answers([Ok(ms(2)), Ok(ms(300))]);
    assert_eq!(
        all,
        [Standing::Cooling, Standing::Unproven, Standing::Chosen]
    );
    let two = answers([Ok(ms(2)), SILENT]);
    assert_eq!(two, [Standing::Cooling, Standing::Chosen, silent()]);
    let one = answers([SILENT, SILENT]);
    assert_eq!(one, [Standing::Chosen, silent(), silent()]);
}

#[test]
fn the_list_of_the_node_is_evidence_where_no_probe_can_be() {
    let candidates = vec![
        candidate(0, Tier::Healthy, true),
        candidate(1, Tier::Healthy, false),
        candidate(2, Tier::Cooling, true),
    ];
    let mut order = order(candidates);
    let outcomes = [impossible(), impossible(), impossible()];
    let decision = choose(&order, &report(&order, &outcomes), &CONFIG, |_| 0);
    let first = &decision.considered[0];
    assert_eq!(
        (first.verdict.clone(), first.tier, first.rtt),
        (Standing::Chosen, Tier::Unknown, None)
    );
    assert_eq!(decision.pool, 1);
    let silent = [SILENT, SILENT, SILENT];
    let seeing = choose(&order, &report(&order, &silent), &CONFIG, |_| 0);
    assert_eq!(seeing.chosen, None, "it does not answer, although it could");
    order.blind = true;
    let blind = choose(&order, &report(&order, &silent), &CONFIG, |_| 0);
    assert_eq!(blind.identity, Some(mailserver(0).identity));
}

#[test]
fn a_standby_is_a_peer_of_the_node_if_the_pool_has_one() {
    let mut candidates = healthy(6);
    candidates[1].listed = true;
    candidates[4].listed = true;
    let standby = |candidates, times: [u64; 6]| {
        let order = Select {
            purpose: Purpose::Standby,
            ..order(candidates)
        };
        let outcomes = times.map(|it| Ok(ms(it)));
        verdicts(&choose(&order, &report(&order, &outcomes), &CONFIG, |_| 0))
    };
    let one = standby(candidates.clone(), [20, 40, 90, 90, 150, 300]);
    assert_eq!(
        one[..3],
        [Standing::NotListed, Standing::Chosen, Standing::Slower]
    );
    let other = standby(candidates, [20, 300, 40, 90, 150, 300]);
    assert_eq!(
        other[0],
        Standing::Chosen,
        "peers outside of the pool are too slow"
    );
}

#[test]
fn two_candidates_at_one_place_are_two_candidates() {
    let mut order = order(healthy(2));
    order.candidates[1].mailserver.address = order.candidates[0].mailserver.address.clone();
    let outcomes = [Ok(ms(5)), Ok(ms(6))];
    let decision = choose(&order, &report(&order, &outcomes), &CONFIG, |_| 0);
    assert_eq!(decision.considered.len(), 2);
}
