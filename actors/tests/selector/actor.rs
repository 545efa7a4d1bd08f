//! The actor, with a pinger and an adapter whose answers are played to it: when it decides, and whom it tells.

use ::actors::{
    Instant,
    messages::{
        events::{Event, Publish},
        ping::{News, PingRound, Probe, ProbeAnswer},
        selection::{Decision, LastDecision, Surveyed},
    },
    pinger::Pinger,
    selector::{Ports, Selector, choose, decision_limit},
    testing::{Probe as Mailbox, Received, settle},
};
use actix::prelude::*;

use crate::*;

pub(crate) const TIMEOUT: Duration = ms(500);

/// How many round trips the adapter of these tests needs.
pub(crate) const TRIPS: u32 = 4;

pub(crate) struct Rig {
    pub(crate) selector: Addr<Selector>,
    pub(crate) probes: Received<Probe>,
    pub(crate) decisions: Received<Decision>,
    pub(crate) surveys: Received<Surveyed>,
    pub(crate) events: Received<Publish>,
}

impl Rig {
    pub(crate) fn start(seed: u64) -> Self {
        let (probe, probes) = Mailbox::start();
        let pinger = Pinger::new(probe).start().recipient();
        Self {
            probes,
            ..Self::with(pinger, seed)
        }
    }

    pub(crate) fn with(pinger: Recipient<PingRound>, seed: u64) -> Self {
        let (decided, decisions) = Mailbox::start();
        let (surveyed, surveys) = Mailbox::start();
        let (publish, events) = Mailbox::start();
        let ports = Ports {
            pinger,
            decided,
            surveyed: vec![surveyed],
            events: publish,
        };
        Self {
            selector: Selector::new(CONFIG, TIMEOUT, Some(seed), ports).start(),
            probes: Mailbox::start().1,
            decisions,
            surveys,
            events,
        }
    }

    /// Sends the order and plays the round: the time of each candidate, `None`: it fails after one timeout.
    pub(crate) async fn play(&self, order: Select, times: &[Option<u64>]) {
        self.selector.do_send(order);
        let probe = self.probes.next().await;
        for (index, time) in times.iter().enumerate() {
            let began = News::Began { round_trips: TRIPS };
            tell(&probe, index, began);
            let probe = probe.clone();
            let (after, outcome) = match *time {
                Some(rtt) => (ms(rtt) * TRIPS, Ok(ms(rtt))),
                None => (TIMEOUT, SILENT),
            };
            actix_rt::spawn(async move {
                tokio::time::sleep(after).await;
                tell(&probe, index, News::Done { outcome, bytes: 0 });
            });
        }
    }

    pub(crate) async fn last(&self) -> Option<Decision> {
        self.selector.send(LastDecision).await.expect("it lives")
    }
}

pub(crate) fn tell(probe: &Probe, index: usize, news: News) {
    probe.answer_to.do_send(ProbeAnswer {
        round: probe.round,
        identity: mailserver(index).identity,
        news,
    });
}

pub(crate) fn standby(candidates: Vec<Candidate>) -> Select {
    Select {
        purpose: Purpose::Standby,
        ..order(candidates)
    }
}

/// Timers are exact to a millisecond.
pub(crate) fn assert_took(begun: Instant, expected: Duration) {
    let took = begun.elapsed();
    assert!(
        expected <= took && took <= expected + ms(1),
        "{took:?}, not {expected:?}"
    );
}

#[actix::test]
async fn a_settled_choice_is_sent_at_once_and_once_while_the_round_goes_on() {
    tokio::time::pause();
    let rig = Rig::start(1);
    let begun = Instant::now();
    rig.play(
        order(healthy(6)),
        &[Some(20), Some(22), Some(40), Some(80), Some(110), None],
    )
    .await;
    let decision = rig.decisions.next().await;
    assert_took(begun, ms(22) * TRIPS);
    assert!(decision.early && decision.chosen.is_some());
    assert!((88..=89).contains(&decision.took_ms));
    assert_eq!(decision.pool, 2, "both are of one bucket");
    assert_eq!(verdicts(&decision)[2..], [const { Standing::Pending }; 4]);
    let published = Publish(Event::Decision(decision.clone()));
    assert_eq!(rig.events.drain().await, [published]);
    rig.surveys.assert_none("the round goes on").await;

    let survey = rig.surveys.next().await;
    assert_took(begun, TIMEOUT);
    assert_eq!((survey.round, survey.purpose), (7, Purpose::Active));
    let answered = survey.replies.iter().filter(|it| it.outcome.is_ok());
    assert_eq!((survey.replies.len(), answered.count()), (6, 5));
    tokio::time::sleep(decision_limit(TIMEOUT)).await;
    rig.decisions.assert_none("one order, one decision").await;
    rig.surveys.assert_none("one order, one survey").await;
    rig.events.assert_none("and one event").await;
    assert_eq!(rig.last().await, Some(decision));
}

#[actix::test]
async fn a_silent_quarter_of_twenty_costs_no_time() {
    tokio::time::pause();
    for seed in 0..20 {
        let rig = Rig::start(seed);
        // 40 ms, and each next one 5 % more; every fourth is silent.
        let time =
            |index: u64| (index % 4 != 3).then(|| (40.0 * 1.05_f64.powi(index as i32)) as u64);
        let times: Vec<_> = (0..20).map(time).collect();
        let begun = Instant::now();
        rig.play(order(healthy(20)), &times).await;
        let early = rig.decisions.next().await;
        let took = begun.elapsed();
        assert!(early.early);

        let outcomes: Vec<Outcome> = times
            .iter()
            .map(|it| it.map(ms).ok_or(SILENT.unwrap_err()))
            .collect();
        let order = order(healthy(20));
        let full = choose(&order, &report(&order, &outcomes), &CONFIG, |_| 0);
        let pool = &full.considered[..full.pool];
        assert!(
            pool.iter()
                .any(|it| Some(&it.identity) == early.identity.as_ref())
        );
        let slowest = pool.iter().filter_map(|it| it.rtt).max().unwrap() * TRIPS;
        assert!(took <= slowest * 6 / 5, "{took:?} for {slowest:?}");
    }
}

#[actix::test]
async fn time_alone_settles_it_when_nobody_can_overtake_any_more() {
    tokio::time::pause();
    let rig = Rig::start(1);
    let begun = Instant::now();
    rig.selector.do_send(order(healthy(2)));
    let probe = rig.probes.next().await;
    for index in 0..2 {
        tell(&probe, index, News::Began { round_trips: TRIPS });
    }
    let outcome = Ok(ms(40));
    tell(&probe, 0, News::Done { outcome, bytes: 0 });
    let decision = rig.decisions.next().await;
    // The bucket of 40 ms begins at 28.8 ms.
    assert_took(begun, ms(116));
    assert_eq!(verdicts(&decision), [Standing::Chosen, Standing::Pending]);
    tell(
        &probe,
        1,
        News::Done {
            outcome: Ok(ms(1)),
            bytes: 0,
        },
    );
    let survey = rig.surveys.next().await;
    let slower = survey.replies[1].outcome.clone().unwrap();
    assert!(
        slower >= Duration::from_micros(28_828),
        "it is counted as it came: {slower:?}"
    );
}

#[actix::test]
async fn answers_after_the_decision_change_nothing() {
    tokio::time::pause();
    let mut decisions = Vec::new();
    for late in [Some(90), Some(480), None] {
        let rig = Rig::start(3);
        rig.play(
            order(healthy(6)),
            &[Some(20), Some(22), late, late, late, late],
        )
        .await;
        rig.surveys.next().await;
        let mut all = rig.decisions.drain().await;
        assert_eq!(all.len(), 1);
        // Timers are exact to a millisecond only.
        all[0].took_ms = 0;
        decisions.append(&mut all);
    }
    assert_eq!(decisions[0], decisions[1]);
    assert_eq!(decisions[0], decisions[2]);
}

#[actix::test]
async fn a_node_that_answers_for_all_at_once_settles_it_with_the_last_answer() {
    tokio::time::pause();
    let rig = Rig::start(1);
    rig.selector.do_send(order(healthy(3)));
    let probe = rig.probes.next().await;
    for (index, rtt) in [(2, 90), (0, 30)] {
        tell(
            &probe,
            index,
            News::Done {
                outcome: Ok(ms(rtt)),
                bytes: 0,
            },
        );
    }
    rig.decisions
        .assert_none("number 1 may be the fastest")
        .await;
    tell(
        &probe,
        1,
        News::Done {
            outcome: SILENT,
            bytes: 0,
        },
    );
    let decision = rig.decisions.next().await;
    assert_eq!(decision.identity, Some(mailserver(0).identity));
    assert!(!decision.early);
    assert_eq!(rig.surveys.drain().await.len(), 1);
}

#[actix::test]
async fn a_standby_is_drawn_from_the_whole_round_and_is_no_news() {
    tokio::time::pause();
    let rig = Rig::start(1);
    let begun = Instant::now();
    let mut candidates = healthy(6);
    candidates[1].listed = true;
    rig.play(
        standby(candidates),
        &[Some(20), Some(22), Some(40), Some(80), Some(110), None],
    )
    .await;
    let decision = rig.decisions.next().await;
    assert_took(begun, TIMEOUT);
    let [first, second, ..] = &verdicts(&decision)[..] else {
        panic!("{decision:?}");
    };
    assert_eq!((first, second), (&Standing::NotListed, &Standing::Chosen));
    assert!(!decision.early);
    assert_eq!(rig.surveys.drain().await.len(), 1);
    rig.events.assert_none("nothing has changed").await;
    assert_eq!(rig.last().await, None);
}

#[actix::test]
async fn a_newer_order_takes_the_place_of_one_for_the_same_purpose_only() {
    tokio::time::pause();
    let rig = Rig::start(1);
    let numbered = |round, order| Select { round, ..order };
    let times = [Some(20), Some(30)];
    rig.play(numbered(1, standby(healthy(2))), &times).await;
    rig.play(numbered(2, order(healthy(2))), &times).await;
    rig.play(numbered(3, order(healthy(2))), &times).await;
    let mut decided = vec![
        rig.decisions.next().await.round,
        rig.decisions.next().await.round,
    ];
    decided.sort_unstable();
    assert_eq!(decided, [1, 3]);
    tokio::time::sleep(decision_limit(TIMEOUT)).await;
    rig.decisions
        .assert_none("number 2 has lost its place")
        .await;
    let surveys = rig.surveys.drain().await;
    let mut surveyed: Vec<u64> = surveys.iter().map(|it| it.round).collect();
    surveyed.sort_unstable();
    assert_eq!(surveyed, [1, 2, 3]);
}

#[actix::test]
async fn what_an_older_round_still_hears_is_no_answer_to_the_newer_order() {
    tokio::time::pause();
    let rig = Rig::start(1);
    let mut probes = Vec::new();
    for round in [1, 2] {
        let numbered = Select {
            witnesses: BTreeSet::new(),
            round,
            ..order(healthy(2))
        };
        rig.selector.do_send(numbered);
        probes.push(rig.probes.next().await);
    }
    let done = |rtt| News::Done {
        outcome: Ok(ms(rtt)),
        bytes: 0,
    };
    tell(&probes[0], 0, done(5));
    tell(&probes[0], 1, done(90));
    rig.decisions.assert_none("nobody has answered to it").await;
    tell(&probes[1], 0, done(90));
    tell(&probes[1], 1, done(5));
    let decision = rig.decisions.next().await;
    let chosen = (decision.round, decision.identity);
    assert_eq!(chosen, (2, Some(mailserver(1).identity)));
}

#[actix::test]
async fn a_silent_fleet_is_published_once_and_reported_each_time() {
    tokio::time::pause();
    let rig = Rig::start(1);
    for _ in 0..2 {
        rig.play(order(healthy(2)), &[None, None]).await;
        assert_eq!(rig.decisions.next().await.chosen, None);
    }
    assert_eq!(rig.events.drain().await.len(), 1);
    rig.play(order(healthy(2)), &[Some(5), None]).await;
    assert!(rig.decisions.next().await.chosen.is_some());
    assert_eq!(rig.events.drain().await.len(), 1);
    assert_eq!(rig.surveys.drain().await.len(), 2, "the last round goes on");
}

#[actix::test]
async fn a_quiet_decision_is_kept_but_not_published() {
    tokio::time::pause();
    let rig = Rig::start(1);
    let quiet = Select {
        quiet: true,
        ..order(healthy(2))
    };
    rig.play(quiet, &[Some(5), Some(6)]).await;
    let decision = rig.decisions.next().await;
    rig.events.assert_none("it is no news").await;
    assert_eq!(rig.last().await, Some(decision));
}

#[actix::test]
async fn the_same_seed_gives_the_same_choices() {
    tokio::time::pause();
    let mut runs = Vec::new();
    for seed in [1, 1, 2] {
        let rig = Rig::start(seed);
        let mut chosen = Vec::new();
        for _ in 0..12 {
            rig.play(standby(healthy(20)), &[Some(10); 20]).await;
            chosen.push(rig.decisions.next().await.identity);
        }
        runs.push(chosen);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[actix::test]
async fn the_draw_is_spread_over_all_that_are_certain() {
    tokio::time::pause();
    let rig = Rig::start(1);
    let mut chosen = std::collections::BTreeSet::new();
    for _ in 0..60 {
        rig.play(
            order(healthy(6)),
            &[Some(20), Some(22), Some(80), Some(80), Some(90), None],
        )
        .await;
        chosen.extend(rig.decisions.next().await.identity);
        settle().await;
    }
    let both = [0, 1].map(|it| mailserver(it).identity);
    assert_eq!(chosen, both.into());
}
