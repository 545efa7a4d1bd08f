//! The online watch as others meet it: whom it probes, and what it tells once.

mod enodes;
mod network;
mod rig;
mod sleep;
mod waiting;
mod word;

use std::time::Duration;

use ::actors::{
    Instant,
    messages::{
        online::{NetworkChanged, Shown},
        watch::Measured,
    },
    model::{probe::ProbeFailure, verdict::Verdict},
    testing::mailserver,
};
use rig::{NONE, PROBING, RTT, TIMEOUT, bare, index, pass, rig};

#[actix::test]
async fn a_mailserver_that_dies_alone_is_answered_for_by_two_others() {
    let it = rig(6).await;
    it.measured(0).await;
    it.reachable(1..6);
    it.missed(0).await;
    let order = it.probed.next().await;
    let asked: Vec<usize> = order.targets.iter().map(|it| index(&it.identity)).collect();
    assert_eq!(asked.len(), 2);
    assert!(!asked.contains(&0), "its silence is no evidence");
    pass(RTT + Duration::from_millis(2)).await;
    it.missed(0).await;
    assert_eq!(it.rounds().await, [2], "the first probing is over");
    pass(PROBING).await;
    assert_eq!(it.rounds().await, [0_usize; 0]);
    assert_eq!(it.verdict().await, Verdict::Online);
    assert_eq!(it.news().await, NONE, "nobody was told of anything");
}

#[actix::test]
async fn one_answer_among_all_others_is_enough() {
    let it = rig(6).await;
    it.measured(0).await;
    for alive in 1..6 {
        it.reachable([alive]);
        it.missed(0).await;
        pass(PROBING).await;
        assert_eq!(it.verdict().await, Verdict::Online);
    }
    let news = it.news().await;
    assert!(!news.contains(&"offline"), "{news:?}");
}

#[actix::test]
async fn what_is_missed_while_probing_begins_no_other_probing() {
    let it = rig(6).await;
    it.measured(0).await;
    it.reachable([]);
    it.missed(0).await;
    it.missed(3).await;
    pass(TIMEOUT + Duration::from_millis(5)).await;
    it.missed(0).await;
    pass(TIMEOUT).await;
    assert_eq!(it.news().await, ["suspect", "offline"]);
    assert_eq!(it.rounds().await, [2, 3], "two, then the others");
    it.missed(0).await;
    it.probed.assert_none("offline has a pace of its own").await;
}

#[actix::test]
async fn a_firewall_around_us_is_no_outage() {
    let it = bare(0);
    it.candidates(6).await;
    it.ready().await;
    it.peers(&[100]).await;
    it.missed(0).await;
    pass(PROBING).await;
    assert_eq!(it.verdict().await, Verdict::Online);
    assert_eq!(it.rounds().await, [2, 3]);
    assert_eq!(it.news().await, NONE, "the node lists a peer");
    it.peers(&[]).await;
    assert!(matches!(it.next_event().await.0.name(), "offline"));
    it.peers(&[100]).await;
    assert_eq!(it.news().await, ["online"], "its word is all there is");
}

#[actix::test]
async fn the_only_mailserver_may_be_given_up() {
    let it = rig(1).await;
    it.measured(0).await;
    it.reachable([]);
    it.missed(0).await;
    pass(PROBING).await;
    it.probed.assert_none("nobody else is there").await;
    assert_eq!(it.verdict().await, Verdict::Online);
    assert_eq!(it.news().await, NONE);
    it.peers(&[]).await;
    assert_eq!(it.next_event().await.0.name(), "offline");
}

#[actix::test]
async fn a_refusal_is_no_answer_and_a_strangers_handshake_is_one() {
    let it = rig(6).await;
    it.measured(0).await;
    it.reachable([]);
    it.failing(ProbeFailure::WrongPeer("another".into()));
    it.missed(0).await;
    pass(PROBING).await;
    assert_eq!(it.rounds().await, [2]);
    assert_eq!(it.news().await, NONE);
    it.failing(ProbeFailure::Refused);
    it.missed(0).await;
    pass(PROBING).await;
    assert_eq!(it.news().await, ["suspect", "offline"]);
    assert_eq!(it.verdict().await, Verdict::Offline);
}

#[actix::test]
async fn a_burst_of_changes_of_the_network_is_one_probing() {
    let it = rig(6).await;
    for _ in 0..10 {
        it.tell(NetworkChanged).await;
        pass(Duration::from_millis(20)).await;
    }
    it.probed.assert_none("more may follow").await;
    pass(Duration::from_secs(5)).await;
    assert_eq!(it.rounds().await, [2]);
    assert_eq!(it.news().await, NONE);
}

#[actix::test]
async fn without_the_node_nothing_is_found_out() {
    let it = rig(6).await;
    it.measured(0).await;
    it.unreachable().await;
    it.reachable([]);
    pass(Duration::from_secs(60)).await;
    it.tell(NetworkChanged).await;
    it.missed(0).await;
    pass(Duration::from_secs(60)).await;
    it.probed.assert_none("its silence says nothing").await;
    assert_eq!(it.shown().await.verdict, Shown::Waiting);
    assert_eq!(it.news().await, NONE);
}

#[actix::test]
async fn heartbeats_that_stop_are_a_doubt_once() {
    let it = rig(6).await;
    for _ in 0..3 {
        it.listed(&[100, 101], Some(true)).await;
        pass(Duration::from_secs(5)).await;
    }
    pass(Duration::from_secs(9)).await;
    it.probed.assert_none("it may be late").await;
    pass(Duration::from_secs(2)).await;
    assert_eq!(it.rounds().await, [2]);
    pass(Duration::from_secs(120)).await;
    it.probed.assert_none("once for each silence").await;
    it.peers(&[100]).await;
    pass(Duration::from_secs(120)).await;
    it.probed
        .assert_none("a list that was asked for promises no other")
        .await;
}

#[actix::test]
async fn a_node_that_speaks_at_changes_only_may_be_silent() {
    let it = rig(6).await;
    it.listed(&[100, 101], Some(true)).await;
    it.listed(&[100, 101, 102], Some(true)).await;
    it.listed(&[100], Some(true)).await;
    pass(Duration::from_secs(600)).await;
    it.probed
        .assert_none("it has shown no heartbeat that could stop")
        .await;
    assert_eq!(it.news().await, NONE);
}

#[actix::test]
async fn an_answer_to_a_probe_that_was_sent_before_the_doubt_does_not_settle_it() {
    let it = rig(6).await;
    it.measured(0).await;
    it.reachable([]);
    let before = Instant::now();
    pass(Duration::from_millis(5)).await;
    it.peers(&[]).await;
    it.tell(Measured {
        identity: mailserver(0).identity,
        rtt: RTT,
        sent: before,
    })
    .await;
    pass(PROBING).await;
    assert_eq!(it.news().await, ["suspect", "offline"]);
    it.measured(0).await;
    assert_eq!(it.news().await, ["online"], "sent after the doubt");
}

#[actix::test]
async fn a_ping_round_that_nobody_answered_is_a_doubt() {
    let it = rig(3).await;
    it.measured(0).await;
    it.reachable([]);
    it.surveyed(3).await;
    pass(PROBING).await;
    assert_eq!(it.news().await, ["suspect", "offline"]);
}

#[actix::test]
async fn a_list_that_came_before_the_node_was_ready_counts_then() {
    let it = bare(6);
    it.candidates(6).await;
    it.peers(&[]).await;
    it.probed.assert_none("it is not ready").await;
    it.ready().await;
    assert_eq!(it.rounds().await, [2]);
    for _ in 0..5 {
        pass(Duration::from_secs(5)).await;
        it.peers(&[]).await;
    }
    it.probed.assert_none("a node may stay without peers").await;
    pass(Duration::from_secs(5)).await;
    it.peers(&[]).await;
    assert_eq!(it.rounds().await, [2]);
    assert_eq!(it.news().await, NONE, "candidates answered");
}
