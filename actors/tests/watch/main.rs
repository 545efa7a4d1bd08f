//! The watch as others meet it: whom it probes when, and whom it tells what, in virtual time.

mod enodes;
mod rig;

use std::time::Duration;

use ::actors::{
    messages::{online::Missed, ping::News, watch::Watched},
    model::{probe::ProbeFailure, verdict::Verdict},
    testing::{mailserver, settle},
    watch::{Config, RoundProof},
};

use rig::*;

#[actix::test]
async fn the_active_one_is_probed_early_and_regularly_the_standby_rarely_and_nobody_else() {
    let it = rig(DEFAULTS);
    it.watch(Some(0), Some(1)).await;
    it.pass(61_000).await;
    let probes = it.times();
    let active = probes.iter().filter(|it| it.1 == 0).map(|it| it.0);
    let expected: Vec<u64> = (0..31).map(|n| 2 + n * 20).collect();
    assert_eq!(active.collect::<Vec<_>>(), expected);
    let others: Vec<_> = probes.iter().filter(|it| it.1 != 0).copied().collect();
    assert_eq!(others, [(300, 1), (600, 1)]);
    let measured = it.measured.drain().await;
    assert_eq!(measured.len(), 33);
    assert_eq!(measured[0].rtt, Duration::from_millis(20));
    assert_eq!(it.also_measured.drain().await, measured);
    it.missed.assert_none("nobody missed").await;
    it.lost.assert_none("nobody is lost").await;
}

#[actix::test]
async fn a_hung_one_is_lost_in_less_than_three_seconds_and_told_once() {
    let it = rig(DEFAULTS);
    it.watch(Some(0), None).await;
    // The worst moment: just after it has answered.
    it.pass(10_240).await;
    it.sent();
    it.measured.drain().await;
    it.is(0, Way::Hung);
    let (after, lost) = it.loss_within(3_000).await;
    let [(first, _, patience), (second, _, longer)] = it.sent()[..] else {
        panic!("two probes");
    };
    assert_eq!(longer, patience * 2);
    assert!((12_200..12_220).contains(&first), "{first}");
    assert!((0..=3).contains(&(second - first - patience)), "{second}");
    assert!((2_000..2_800).contains(&after), "{after} ms");
    assert_eq!(lost.identity, mailserver(0).identity);
    assert!(lost.reason.contains("no reply in time"), "{}", lost.reason);
    let missed = it.missed.drain().await;
    assert_eq!(missed, [Missed(mailserver(0).identity)]);
    it.pass(600_000).await;
    assert_eq!(it.times(), [], "it rests");
    it.lost.assert_none("told once").await;
    it.missed.assert_none("told once").await;
    it.measured.assert_none("it did not answer").await;
    assert_eq!(it.status().await.interval_ms, None);
}

#[actix::test]
async fn even_the_longest_patience_loses_a_hung_one_within_three_seconds() {
    let it = rig(DEFAULTS);
    it.is(0, Way::In(480));
    it.watch(Some(0), None).await;
    it.pass(10_700).await;
    it.is(0, Way::Hung);
    it.loss_within(3_000).await;
    assert_eq!(it.sent().last().map(|it| it.2), Some(500));
}

#[actix::test]
async fn a_killed_one_is_lost_within_milliseconds() {
    let it = rig(DEFAULTS);
    it.watch(Some(0), None).await;
    it.pass(250).await;
    assert_eq!(it.times(), [(2, 0)]);
    it.is(0, Way::Refuses);
    it.close().await;
    let (after, lost) = it.loss_within(10).await;
    assert!(after <= 6, "{after} ms");
    assert!(lost.reason.contains("refused"), "{}", lost.reason);
    assert_eq!(it.times(), [(2, 0), (2, 0)]);
    assert_eq!(it.missed.drain().await.len(), 1);
}

#[actix::test]
async fn a_connection_that_ends_is_no_miss_and_makes_no_storm() {
    let it = rig(DEFAULTS);
    it.watch(Some(0), None).await;
    it.pass(250).await;
    for _ in 0..300 {
        it.close().await;
        it.pass(100).await;
    }
    let probes = it.times().len();
    assert!((16..=32).contains(&probes), "{probes} in 30 s");
    it.missed.assert_none("it answered every probe").await;
    it.lost.assert_none("it answered every probe").await;
}

#[actix::test]
async fn single_misses_never_lose() {
    let it = rig(DEFAULTS);
    it.watch(Some(0), None).await;
    it.pass(1_000).await;
    it.sent();
    for _ in 0..20 {
        // A second before a probe is due, then while its answer is waited for.
        it.is(0, Way::Hung);
        let mut waited = 0;
        while it.sent().is_empty() {
            it.pass(10).await;
            waited += 1;
            assert!(waited < 300, "it is still watched");
        }
        it.is(0, Way::In(20));
        it.pass(1_000).await;
        it.sent();
    }
    assert_eq!(it.missed.drain().await.len(), 20);
    it.lost.assert_none("it always answered the second").await;
    assert_eq!(it.status().await.misses, 20);
}

#[actix::test]
async fn the_patience_follows_the_times_and_forgives_one_that_became_slower() {
    let it = rig(DEFAULTS);
    it.watch(Some(0), None).await;
    it.pass(30_000).await;
    let patience: Vec<u64> = it.sent().iter().map(|it| it.2).collect();
    assert_eq!(patience[..2], [500, 220]);
    assert_eq!(it.status().await.patience_ms, Some(220));
    it.is(0, Way::In(350));
    it.pass(30_000).await;
    it.lost.assert_none("the second probe waits longer").await;
    let patience = it.status().await.patience_ms.unwrap();
    assert!((400..=500).contains(&patience), "{patience}");
}

#[actix::test]
async fn one_that_hangs_in_the_moment_of_its_choice_is_lost_because_others_answered_lately() {
    let it = rig(DEFAULTS);
    it.is(0, Way::Hung);
    it.watch(Some(0), None).await;
    it.surveyed(1).await;
    let (after, lost) = it.loss_within(2_500).await;
    assert!(after <= 1_300, "{after} ms");
    assert_eq!(lost.identity, mailserver(0).identity);
}

#[actix::test]
async fn an_answer_long_ago_does_not_make_silence_evidence() {
    let it = rig(DEFAULTS);
    it.surveyed(1).await;
    it.pass(120_000).await;
    it.is(0, Way::Hung);
    it.watch(Some(0), None).await;
    it.pass(60_000).await;
    it.lost.assert_none("a firewall may be in the way").await;
}

#[actix::test]
async fn a_round_of_tcp_connects_proves_nothing() {
    let it = rig(Config {
        rounds: RoundProof::Path,
        ..DEFAULTS
    });
    it.is(0, Way::Hung);
    it.watch(Some(0), None).await;
    it.surveyed(1).await;
    it.pass(60_000).await;
    it.lost.assert_none("a hung one answers a connect").await;
}

#[actix::test]
async fn one_that_never_answered_is_no_news() {
    let it = rig(DEFAULTS);
    it.is(0, Way::Hung);
    it.is(1, Way::Refuses);
    it.watch(Some(0), Some(1)).await;
    it.pass(300_000).await;
    it.lost.assert_none("behind a firewall").await;
    it.missed.assert_none("behind a firewall").await;
    let probes = it.times().iter().filter(|it| it.1 == 0).count();
    assert!((10..=14).contains(&probes), "{probes}: rarely, in the end");
    // Once it has answered, it counts; also when it was something else in between.
    it.is(0, Way::In(20));
    it.pass(40_000).await;
    it.watch(Some(2), None).await;
    it.is(0, Way::Hung);
    it.watch(Some(0), None).await;
    it.loss_within(1_000).await;
}

#[actix::test]
async fn a_standby_that_misses_twice_is_lost_too() {
    let it = rig(DEFAULTS);
    it.watch(Some(0), Some(1)).await;
    it.pass(31_000).await;
    it.is(1, Way::Hung);
    let (_, lost) = it.loss_within(30_000).await;
    assert_eq!(lost.identity, mailserver(1).identity);
    it.sent();
    it.pass(60_000).await;
    let probes = it.times();
    assert_eq!(probes.len(), 30);
    assert!(probes.iter().all(|it| it.1 == 0), "it rests: {probes:?}");
}

#[actix::test]
async fn only_a_change_resets_the_timer() {
    let it = rig(DEFAULTS);
    it.watch(Some(0), Some(1)).await;
    it.pass(1_000).await;
    for _ in 0..10 {
        it.watch(Some(0), Some(1)).await;
        it.watch(Some(0), Some(2)).await;
        it.pass(100).await;
    }
    it.pass(250).await;
    assert_eq!(it.times(), [(2, 0), (22, 0)]);
    // The standby takes over.
    it.watch(Some(2), None).await;
    it.pass(4_000).await;
    assert_eq!(it.times(), [(24, 2), (44, 2)]);
    it.watch(None, None).await;
    it.pass(60_000).await;
    assert_eq!(it.times(), []);
}

#[actix::test]
async fn a_lost_one_that_is_named_again_is_watched_again() {
    let it = rig(DEFAULTS);
    it.watch(Some(0), None).await;
    it.pass(1_000).await;
    it.is(0, Way::Hung);
    it.loss_within(3_000).await;
    it.sent();
    it.watch(Some(0), None).await;
    it.loss_within(1_000).await;
    assert_eq!(it.sent().len(), 2);
}

#[actix::test]
async fn an_adapter_that_cannot_is_not_asked_again() {
    let it = rig(DEFAULTS);
    it.is(0, Way::Impossible);
    it.watch(Some(0), None).await;
    it.pass(60_000).await;
    assert_eq!(it.times(), [(2, 0)]);
    it.lost.assert_none("nothing is known of it").await;
    assert_eq!(it.status().await.misses, 0);
}

#[actix::test]
async fn an_adapter_that_died_is_no_miss() {
    let it = rig(DEFAULTS);
    it.watch(Some(0), None).await;
    it.pass(1_000).await;
    it.is(0, Way::Lost);
    it.pass(20_000).await;
    // 6 × 500 ms + 1 s for the answer, then the interval.
    assert_eq!(it.times(), [(2, 0), (22, 0), (82, 0), (142, 0), (202, 0)]);
    it.is(0, Way::In(20));
    it.pass(10_000).await;
    it.missed.assert_none("the adapter was silent").await;
    it.lost.assert_none("the adapter was silent").await;
    assert!(it.measured.drain().await.len() > 2);
}

#[actix::test]
async fn an_answer_of_another_round_changes_nothing() {
    let it = rig(DEFAULTS);
    it.watch(Some(0), None).await;
    it.pass(1_000).await;
    let old = it.world.borrow().last.clone().unwrap();
    it.is(0, Way::Hung);
    it.pass(1_300).await;
    assert_eq!(it.sent().len(), 2);
    it.measured.drain().await;
    for outcome in [Err(ProbeFailure::Refused), Ok(Duration::ZERO)] {
        tell(&old, News::Done { outcome, bytes: 7 });
    }
    settle().await;
    assert_eq!(it.sent(), [], "its probe is still under way");
    it.missed.assert_none("an old answer").await;
    it.measured.assert_none("an old answer").await;
    assert_eq!(it.status().await.bytes_per_minute, 150 + 14, "but paid");
}

#[actix::test]
async fn the_budget_holds_when_every_probe_is_expensive() {
    let config = Config {
        budget: 20_000,
        ..DEFAULTS
    };
    let it = rig(config);
    it.world.borrow_mut().bytes = 3_000;
    it.watch(Some(0), Some(1)).await;
    for minute in 1..=10 {
        it.pass(60_000).await;
        let probes = it.sent().len();
        assert!((3..=6).contains(&probes), "{probes} in minute {minute}");
        assert!(it.status().await.bytes_per_minute <= 20_000);
    }
    assert_eq!(it.status().await.interval_ms, Some(9_000));
    // A miss does not have to wait for the budget.
    it.is(0, Way::Hung);
    it.loss_within(20_000).await;
    // Cheap again, often again.
    it.is(0, Way::In(20));
    it.world.borrow_mut().bytes = 150;
    it.watch(Some(0), None).await;
    it.pass(180_000).await;
    it.sent();
    it.pass(60_000).await;
    assert!((29..=30).contains(&it.sent().len()));
}

#[actix::test]
async fn nobody_is_probed_while_we_are_offline() {
    let it = rig(DEFAULTS);
    it.watch(Some(0), None).await;
    it.pass(2_100).await;
    it.is(0, Way::Hung);
    // Its second probe is under way when the verdict comes.
    it.pass(400).await;
    it.verdict(Verdict::Offline).await;
    it.sent();
    it.pass(60_000).await;
    it.verdict(Verdict::Suspect).await;
    it.pass(60_000).await;
    assert_eq!(it.times(), []);
    it.lost.assert_none("our own outage").await;
    assert_eq!(it.status().await.interval_ms, None);
    it.is(0, Way::In(20));
    let back = it.now() / 100;
    it.verdict(Verdict::Online).await;
    it.pass(2_300).await;
    assert_eq!(it.times(), [(back + 2, 0), (back + 22, 0)]);
}

#[actix::test]
async fn a_timer_that_is_an_hour_late_probes_once_and_concludes_nothing() {
    let it = rig(DEFAULTS);
    it.watch(Some(0), None).await;
    it.pass(1_000).await;
    it.sent();
    tokio::time::advance(Duration::from_secs(3_600)).await;
    it.pass(100).await;
    assert_eq!(it.sent().len(), 1);
    it.missed.assert_none("it answered").await;
}

#[actix::test]
async fn without_an_interval_nobody_is_probed() {
    let config = Config {
        interval: None,
        ..DEFAULTS
    };
    let it = rig(config);
    it.watch(Some(0), Some(1)).await;
    it.pass(600_000).await;
    assert_eq!(it.times(), []);
    assert_eq!(it.status().await, Watched::default());
}

#[actix::test]
async fn after_a_panic_the_same_ones_are_watched_and_old_answers_are_void() {
    let it = rig(DEFAULTS);
    it.watch(Some(0), None).await;
    it.pass(2_100).await;
    it.is(0, Way::Hung);
    it.pass(150).await;
    assert_eq!(it.times(), [(2, 0), (22, 0)]);
    it.watcher.do_send(Panic);
    it.is(0, Way::In(20));
    it.pass(10_000).await;
    let probes = it.times();
    assert!((3..=6).contains(&probes.len()), "{probes:?}");
    it.missed.assert_none("its probe belongs to the past").await;
    it.is(0, Way::Hung);
    it.loss_within(3_000).await;
}
