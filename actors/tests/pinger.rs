//! The pinger as others meet it: whom it has probed, what it reports, and when.

use std::{collections::BTreeSet, time::Duration};

use ::actors::{
    Instant,
    messages::ping::{Heard, News, PingRound, Probe, ProbeAnswer, Progress},
    model::probe::{PingReport, ProbeFailure, Reply, Stage, round_limit},
    pinger::Pinger,
    testing::{Probe as Mailbox, mailserver, settle},
};
use actix::prelude::*;

const TIMEOUT: Duration = Duration::from_millis(500);

fn round_of(count: usize) -> PingRound {
    PingRound {
        witnesses: BTreeSet::new(),
        targets: (0..count).map(mailserver).collect(),
        timeout: TIMEOUT,
        heard: None,
    }
}

fn tell(order: &Probe, target: usize, news: News) {
    order.answer_to.do_send(ProbeAnswer {
        round: order.round,
        identity: mailserver(target).identity,
        news,
    });
}

fn answer(order: &Probe, target: usize, rtt_ms: u64) {
    let outcome = Ok(Duration::from_millis(rtt_ms));
    tell(order, target, News::Done { outcome, bytes: 0 });
}

fn times(report: &PingReport) -> Vec<Option<u128>> {
    let time = |reply: &Reply| reply.outcome.as_ref().ok().map(Duration::as_millis);
    report.replies.iter().map(time).collect()
}

#[actix::test]
async fn all_targets_are_probed_in_one_order_and_the_round_ends_with_the_last_answer() {
    tokio::time::pause();
    let (probes, sent) = Mailbox::<Probe>::start();
    let pinger = Pinger::new(probes).start();
    let report = actix_rt::spawn(pinger.send(round_of(3)));
    let order = sent.next().await;
    assert_eq!(order.targets.len(), 3);
    let begun = Instant::now();
    answer(&order, 2, 30);
    answer(&order, 0, 10);
    answer(&order, 1, 20);
    let report = report.await.unwrap().unwrap();
    assert_eq!(times(&report), [Some(10), Some(20), Some(30)]);
    assert_eq!(begun.elapsed(), Duration::ZERO, "no wait for the deadline");
    sent.assert_none("one order for all").await;
}

#[actix::test]
async fn a_target_of_which_nothing_is_heard_ends_with_the_round_and_is_reported_as_silent() {
    tokio::time::pause();
    let (probes, sent) = Mailbox::<Probe>::start();
    let pinger = Pinger::new(probes).start();
    let report = actix_rt::spawn(pinger.send(round_of(2)));
    let order = sent.next().await;
    answer(&order, 0, 10);
    let begun = Instant::now();
    let report = report.await.unwrap().unwrap();
    assert_eq!(times(&report), [Some(10), None]);
    // The timers of tokio are exact to a millisecond.
    let late = begun.elapsed() - round_limit(TIMEOUT);
    assert!(late <= Duration::from_millis(1), "{late:?}");
}

#[actix::test]
async fn a_reply_as_late_as_the_timeout_is_none() {
    let (probes, sent) = Mailbox::<Probe>::start();
    let pinger = Pinger::new(probes).start();
    let report = actix_rt::spawn(pinger.send(round_of(2)));
    let order = sent.next().await;
    answer(&order, 0, 500);
    answer(&order, 1, 499);
    let report = report.await.unwrap().unwrap();
    assert_eq!(times(&report), [None, Some(499)]);
}

#[actix::test]
async fn a_far_target_answers_within_its_round_trips_and_counts_no_faster_than_it_was() {
    tokio::time::pause();
    let (probes, sent) = Mailbox::<Probe>::start();
    let pinger = Pinger::new(probes).start();
    let report = actix_rt::spawn(pinger.send(round_of(3)));
    let order = sent.next().await;
    for target in 0..3 {
        tell(&order, target, News::Began { round_trips: 4 });
    }
    settle().await;
    tokio::time::advance(Duration::from_millis(1600)).await;
    // After 1600 ms for 4 round trips nobody is faster than 400 ms.
    answer(&order, 0, 90);
    answer(&order, 1, 410);
    settle().await;
    tokio::time::advance(Duration::from_millis(400)).await;
    answer(&order, 2, 90);
    let report = report.await.unwrap().unwrap();
    assert_eq!(times(&report), [Some(400), Some(410), None]);
    let last = report.replies[2].outcome.clone();
    assert_eq!(last, Err(ProbeFailure::Silent(Stage::Ping)));
}

#[actix::test]
async fn who_is_in_a_hurry_hears_each_thing_once_in_the_words_of_the_report() {
    tokio::time::pause();
    let (probes, sent) = Mailbox::<Probe>::start();
    let (hurried, heard) = Mailbox::<Heard>::start();
    let pinger = Pinger::new(probes).start();
    let round = PingRound {
        witnesses: BTreeSet::new(),
        heard: Some((42, hurried)),
        ..round_of(2)
    };
    let report = actix_rt::spawn(pinger.send(round));
    let order = sent.next().await;
    tell(&order, 0, News::Began { round_trips: 0 });
    tell(&order, 0, News::Began { round_trips: 3 });
    tell(&order, 9, News::Began { round_trips: 3 });
    answer(&order, 9, 5);
    answer(&order, 0, 30);
    answer(&order, 0, 10);
    tell(&order, 0, News::Closed);
    tell(&order, 0, News::Began { round_trips: 3 });
    answer(&order, 1, 500);
    let report = report.await.unwrap().unwrap();
    let heard = heard.drain().await;
    assert!(heard.iter().all(|it| it.number == 42));
    let what: Vec<_> = heard.into_iter().map(|it| (it.identity, it.what)).collect();
    let done = |target: usize| {
        let reply = &report.replies[target];
        (
            reply.identity.clone(),
            Progress::Done(reply.outcome.clone()),
        )
    };
    let began = (mailserver(0).identity, Progress::Began { round_trips: 1 });
    assert_eq!(what, [began, done(0), done(1)]);
}

#[actix::test]
async fn answers_of_another_round_and_second_answers_change_nothing() {
    let (probes, sent) = Mailbox::<Probe>::start();
    let pinger = Pinger::new(probes).start();
    let report = actix_rt::spawn(pinger.send(round_of(2)));
    let order = sent.next().await;
    let mut foreign = order.clone();
    foreign.round += 1;
    answer(&foreign, 1, 1);
    answer(&order, 0, 10);
    answer(&order, 0, 99);
    answer(&order, 1, 20);
    let report = report.await.unwrap().unwrap();
    assert_eq!(times(&report), [Some(10), Some(20)]);
}

#[actix::test]
async fn no_targets_no_probe() {
    let (probes, sent) = Mailbox::<Probe>::start();
    let pinger = Pinger::new(probes).start();
    let report = pinger.send(round_of(0)).await.unwrap();
    assert!(report.replies.is_empty());
    sent.assert_none("one order for all").await;
}
