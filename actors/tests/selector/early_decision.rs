//! The early decision: proved against whatever the silent ones may still do.

use std::{collections::BTreeSet, time::Duration};

use actors::{
    Instant,
    messages::selection::{Decision, Select},
    model::{candidate::Tier, mailserver::Identity},
    selector::{
        choose,
        early_decision::{EarlyDecision, Settled},
    },
};
use proptest::prelude::*;

use crate::*;

const TIMEOUT: Duration = Duration::from_millis(500);

/// What one candidate does in a round, and what it might have done instead.
#[derive(Clone, Debug)]
struct Runner {
    tier: Tier,
    listed: bool,
    /// When its probe begins, and in how many round trips; `None`: that is not told.
    begins: Option<(Duration, u32)>,
    /// When it ends, and how.
    ends: (Duration, Outcome),
    /// What it does instead if it is still silent when the choice is settled: how much slower than the fastest
    /// possible it is, or how it fails.
    instead: Outcome,
}

fn runners() -> impl Strategy<Value = Runner> {
    let begins = prop_oneof![
        5 => (0..30_u64, 1..6_u32).prop_map(|(at, trips)| Some((ms(at), trips))),
        1 => Just(None),
    ];
    let failures = || prop_oneof![3 => Just(SILENT), 1 => Just(impossible())];
    let outcomes = prop_oneof![4 => times().prop_map(Ok), 1 => failures()];
    // Most overtake as narrowly as they can.
    let instead = prop_oneof![
        3 => Just(Ok(Duration::ZERO)),
        2 => times().prop_map(Ok),
        2 => failures(),
    ];
    let speed = 80..130_u32;
    (tiers(), any::<bool>(), begins, outcomes, speed, instead).prop_map(
        |(tier, listed, begins, outcome, speed, instead)| {
            let (begun, trips) = begins.unwrap_or((ms(3), 1));
            let took = outcome.clone().unwrap_or(ms(100)) * trips * speed / 100;
            Runner {
                tier,
                listed,
                begins,
                ends: (begun + took, outcome),
                instead,
            }
        },
    )
}

fn fields() -> impl Strategy<Value = (Vec<Runner>, bool)> {
    (proptest::collection::vec(runners(), 1..=24), any::<bool>())
}

/// A round: who has said what, on a clock that starts at 0.
struct Round {
    start: Instant,
    order: Select,
    race: EarlyDecision,
    runners: Vec<Runner>,
    outcomes: Vec<Option<Outcome>>,
}

impl Round {
    fn of(runners: Vec<Runner>, blind: bool) -> Self {
        let candidates = runners.iter().enumerate();
        let candidates = candidates.map(|(index, it)| candidate(index, it.tier, it.listed));
        let order = Select {
            blind,
            ..order(candidates.collect())
        };
        Self {
            start: Instant::now(),
            race: EarlyDecision::new(order.clone(), CONFIG),
            order,
            outcomes: vec![None; runners.len()],
            runners,
        }
    }

    /// When something is heard, of whom, and whether it is the end.
    fn schedule(&self) -> Vec<(Duration, usize, bool)> {
        let all = self.runners.iter().enumerate();
        let mut schedule: Vec<_> = all
            .flat_map(|(index, it)| {
                let begins = it.begins.map(|(at, _)| (at, index, false));
                [begins, Some((it.ends.0, index, true))]
            })
            .flatten()
            .collect();
        schedule.sort_unstable();
        schedule
    }

    fn happen(&mut self, at: Duration, index: usize, ends: bool) {
        let identity = self.identity(index);
        let now = self.start + at;
        match (ends, self.runners[index].begins) {
            (true, _) => {
                let outcome = self.counted(index, self.runners[index].ends.1.clone(), at);
                self.outcomes[index] = Some(outcome.clone());
                self.race.handle_outcome(identity, outcome);
            }
            (false, Some((_, trips))) => self.race.handle_began(identity, trips, now),
            (false, None) => {}
        }
    }

    /// As the pinger counts it.
    fn counted(&self, index: usize, outcome: Outcome, at: Duration) -> Outcome {
        let rtt = outcome?.max(self.floor(index, at));
        if rtt < TIMEOUT { Ok(rtt) } else { SILENT }
    }

    fn floor(&self, index: usize, at: Duration) -> Duration {
        let begins = self.runners[index].begins.filter(|(begun, _)| *begun <= at);
        begins.map_or(Duration::ZERO, |(begun, trips)| (at - begun) / trips)
    }

    /// The decision of the whole round, if from now on the silent ones do what they might.
    fn full(&self, now: Duration) -> Decision {
        let outcome = |index: usize| match (&self.outcomes[index], &self.runners[index].instead) {
            (Some(outcome), _) => outcome.clone(),
            (None, Ok(slower)) => self.counted(index, Ok(self.floor(index, now) + *slower), now),
            (None, failure) => failure.clone(),
        };
        let outcomes: Vec<Outcome> = (0..self.runners.len()).map(outcome).collect();
        choose(&self.order, &report(&self.order, &outcomes), &CONFIG, |_| 0)
    }

    fn settled(&self, now: Duration) -> Option<Settled> {
        self.race.settled(self.start + now)
    }

    fn identity(&self, index: usize) -> Identity {
        self.order.candidates[index].mailserver.identity.clone()
    }

    /// Whoever may be drawn now is in the pool of the whole round.
    fn check(&self, settled: Settled, now: Duration) -> Result<(), TestCaseError> {
        prop_assert!(settled.certain > 0);
        let full = self.full(now);
        let pool: BTreeSet<_> = full.considered[..full.pool]
            .iter()
            .map(|it| &it.identity)
            .collect();
        for draw in 0..settled.certain {
            let early = self.race.decide(settled, |n| draw % n);
            prop_assert_eq!((early.pool, early.drawn), (settled.certain, Some(draw)));
            let identity = early.identity.as_ref().expect("chosen");
            prop_assert!(
                pool.contains(identity),
                "{identity} of {early:?} is not in {full:?}"
            );
            let answered = self.outcomes.iter().zip(&self.order.candidates);
            let mut better = answered.filter(|(it, _)| matches!(it, Some(Ok(_))));
            let tier = early.considered[draw].tier;
            prop_assert!(
                better.all(|(_, it)| it.tier >= tier),
                "a worse tier is used"
            );
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_early_choice_is_in_the_pool_of_the_whole_round_whatever_the_silent_do((field, blind) in fields()) {
        let mut round = Round::of(field, blind);
        for (at, index, ends) in round.schedule() {
            if let Some(alone) = round.race.settles_at().filter(|it| *it <= round.start + at) {
                let alone = alone - round.start;
                round.check(round.settled(alone).expect("as it said"), alone)?;
            }
            round.happen(at, index, ends);
            if let Some(settled) = round.settled(at) {
                round.check(settled, at)?;
            }
        }
    }

    #[test]
    fn time_alone_settles_it_at_the_moment_that_was_named_and_not_before((field, blind) in fields()) {
        let mut round = Round::of(field, blind);
        for (at, index, ends) in round.schedule() {
            round.happen(at, index, ends);
            if round.settled(at).is_some() {
                continue;
            }
            let far = at + Duration::from_secs(3600);
            match round.race.settles_at() {
                None => prop_assert_eq!(round.settled(far), None),
                Some(then) => {
                    prop_assert!(round.race.settled(then).is_some());
                    let before = then - Duration::from_nanos(1);
                    // The edge of a bucket is a number of nanoseconds, rounded up: once for each round trip.
                    prop_assert_eq!(round.race.settled(before - Duration::from_nanos(10)), None);
                }
            }
        }
    }

    #[test]
    fn when_all_have_answered_it_is_the_decision_of_the_round((field, blind) in fields(), draw: usize) {
        let mut round = Round::of(field, blind);
        let schedule = round.schedule();
        for (at, index, ends) in &schedule {
            round.happen(*at, *index, *ends);
        }
        let outcomes: Vec<Outcome> = round.outcomes.iter().flatten().cloned().collect();
        let report = report(&round.order, &outcomes);
        let full = choose(&round.order, &report, &CONFIG, |n| draw % n);
        match round.settled(schedule.last().expect("not empty").0) {
            None => prop_assert_eq!(full.chosen, None),
            Some(settled) => prop_assert_eq!(round.race.decide(settled, |n| draw % n), full),
        }
    }
}

/// A race of these candidates, whose probes begin at once and take 4 round trips.
fn race(candidates: Vec<Candidate>) -> (EarlyDecision, Instant) {
    let now = Instant::now();
    let mut race = EarlyDecision::new(order(candidates), CONFIG);
    for index in 0..race.order().candidates.len() {
        race.handle_began(mailserver(index).identity, 4, now);
    }
    (race, now)
}

fn answer(race: &mut EarlyDecision, index: usize, rtt: u64) {
    race.handle_outcome(mailserver(index).identity, Ok(ms(rtt)));
}

#[test]
fn the_first_answer_settles_nothing_if_the_pool_could_hold_two() {
    let (mut race, start) = race(healthy(5));
    answer(&mut race, 0, 10);
    assert_eq!(race.settled(start + ms(40)), None);
    assert_eq!(race.settles_at(), None);
    answer(&mut race, 1, 30);
    let settled = race.settled(start + ms(120));
    assert_eq!(
        settled,
        Some(Settled { certain: 1 }),
        "a pool of two is certain only if all answer"
    );
}

#[test]
fn five_answers_of_twenty_are_enough_and_two_are_drawn_from() {
    let (mut race, start) = race(healthy(20));
    for (index, rtt) in [10, 20, 35, 50, 80].into_iter().enumerate() {
        assert_eq!(race.settled(start + ms(4 * rtt)), None);
        answer(&mut race, index, rtt);
    }
    assert_eq!(race.settled(start + ms(320)), Some(Settled { certain: 2 }));
}

#[test]
fn a_fast_reply_waits_until_the_silent_cannot_be_faster() {
    let (mut race, start) = race(healthy(4));
    answer(&mut race, 0, 100);
    assert_eq!(race.settled(start + ms(10)), None);
    let then = race.settles_at().expect("time tells") - start;
    // The bucket of 100 ms begins at 95.4 ms, and there are 4 round trips.
    assert!(ms(380) < then && then <= ms(400), "{then:?}");
    assert!(race.settled(start + then).is_some());
}

#[test]
fn a_silent_one_of_a_better_tier_blocks_and_one_of_a_worse_tier_does_not() {
    let tiers = [Tier::Unknown, Tier::Healthy, Tier::Cooling];
    let candidates = tiers
        .iter()
        .enumerate()
        .map(|(index, tier)| candidate(index, *tier, false));
    let (mut race, start) = race(candidates.collect());
    answer(&mut race, 0, 10);
    assert_eq!(race.settled(start + ms(10_000)), None);
    assert_eq!(race.settles_at(), None);
    race.handle_outcome(mailserver(1).identity, SILENT);
    assert_eq!(race.settled(start + ms(500)), Some(Settled { certain: 1 }));
}

#[test]
fn a_probe_of_which_nobody_said_that_it_began_may_still_be_the_fastest() {
    let mut race = EarlyDecision::new(order(healthy(2)), CONFIG);
    let start = Instant::now();
    answer(&mut race, 0, 10);
    assert_eq!(race.settled(start + ms(10_000)), None);
    answer(&mut race, 1, 3);
    assert!(race.settled(start).is_some());
}
