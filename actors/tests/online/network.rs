//! The network goes, and comes back.

use std::time::Duration;

use ::actors::{
    messages::{events::Event, online::NetworkChanged},
    model::verdict::Verdict,
};

use crate::rig::{NONE, PROBING, Rig, TIMEOUT, pass, rig};

const A_BIT: Duration = Duration::from_millis(10);

/// Offline: the network went, the watch of the active mailserver noticed.
async fn offline() -> Rig {
    let it = rig(6).await;
    it.measured(0).await;
    it.reachable([]);
    it.missed(0).await;
    let (event, after) = it.next_event().await;
    assert_eq!(event.name(), "suspect");
    assert!(after <= TIMEOUT + A_BIT, "{after:?}");
    let (event, after) = it.next_event().await;
    assert_eq!(event.name(), "offline");
    assert!(after <= TIMEOUT + A_BIT, "{after:?}");
    assert_eq!(it.rounds().await, [2, 3], "two, then the others");
    it
}

#[actix::test]
async fn whoever_is_back_after_30_seconds_is_seen_within_one() {
    let it = offline().await;
    pass(Duration::from_secs(30)).await;
    assert_eq!(it.news().await, NONE, "told once");
    it.rounds().await;
    // The worst moment: a round was just lost.
    it.probed.next().await;
    it.reachable([4]);
    let (event, after) = it.next_event().await;
    let Event::Online { offline_ms, .. } = event else {
        panic!("{event:?}");
    };
    assert!(offline_ms.unwrap() / 1000 >= 30);
    assert!(after <= Duration::from_millis(1100), "{after:?}");
    it.rounds().await;
    pass(Duration::from_secs(60)).await;
    it.probed.assert_none("there is no doubt any more").await;
    assert_eq!(it.news().await, NONE, "told once");
}

#[actix::test]
async fn a_long_outage_is_looked_at_less_often_until_the_network_changes() {
    let it = offline().await;
    pass(Duration::from_secs(3600)).await;
    it.rounds().await;
    pass(Duration::from_secs(60)).await;
    let rounds = it.rounds().await;
    assert!((5..=8).contains(&rounds.len()), "{rounds:?}");
    assert!(rounds.iter().all(|asked| *asked == 6), "also the one lost");
    it.probed.next().await;
    pass(TIMEOUT + A_BIT).await;
    it.reachable(0..6);
    it.tell(NetworkChanged).await;
    let (event, after) = it.next_event().await;
    assert_eq!(event.name(), "online");
    assert!(after <= Duration::from_millis(300), "{after:?}");
}

#[actix::test]
async fn a_network_that_changes_during_a_round_is_looked_at_after_it() {
    let it = offline().await;
    pass(Duration::from_secs(3600)).await;
    it.rounds().await;
    it.probed.next().await;
    it.reachable(0..6);
    it.tell(NetworkChanged).await;
    let (event, after) = it.next_event().await;
    assert_eq!(event.name(), "online");
    assert!(after <= TIMEOUT + Duration::from_millis(300), "{after:?}");
}

#[actix::test]
async fn a_stale_list_is_no_evidence_and_a_new_peer_is() {
    let it = offline().await;
    for _ in 0..6 {
        it.listed(&[100, 101], Some(true)).await;
        pass(Duration::from_secs(5)).await;
    }
    it.listed(&[101], Some(true)).await;
    assert_eq!(it.verdict().await, Verdict::Offline);
    assert_eq!(it.news().await, NONE);
    it.listed(&[101, 102], Some(true)).await;
    assert_eq!(it.news().await, ["online"]);
}

#[actix::test]
async fn a_list_that_outlasts_our_probes_is_right() {
    let it = offline().await;
    for _ in 0..12 {
        it.peers(&[100, 101]).await;
        assert_eq!(it.verdict().await, Verdict::Offline);
        pass(Duration::from_secs(5)).await;
    }
    it.peers(&[100, 101]).await;
    assert_eq!(it.news().await, ["online"]);
    it.rounds().await;
    it.missed(0).await;
    pass(PROBING).await;
    assert_eq!(it.rounds().await, [2, 3], "all others are silent");
    assert_eq!(it.verdict().await, Verdict::Online, "from now on");
    assert_eq!(it.news().await, NONE);
}

#[actix::test]
async fn a_node_that_says_that_it_is_offline_is_doubted() {
    let it = rig(6).await;
    it.measured(0).await;
    it.listed(&[100, 101], Some(true)).await;
    it.listed(&[100, 101], Some(false)).await;
    assert_eq!(it.rounds().await, [2]);
    it.reachable([]);
    it.listed(&[], Some(false)).await;
    pass(Duration::from_secs(40)).await;
    it.listed(&[], Some(false)).await;
    it.next_event().await;
    assert_eq!(it.next_event().await.0.name(), "offline");
    it.listed(&[], Some(true)).await;
    assert_eq!(it.news().await, ["online"], "it turned");
}

#[actix::test]
async fn without_the_node_an_outage_is_not_looked_at() {
    let it = offline().await;
    it.probed.next().await;
    it.unreachable().await;
    pass(Duration::from_secs(600)).await;
    it.probed.assert_none("nobody could be served").await;
    it.reachable(0..6);
    it.ready().await;
    assert_eq!(it.next_event().await.0.name(), "online");
}
