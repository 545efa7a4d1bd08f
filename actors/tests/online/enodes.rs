//! Where the mailservers are enodes: the system of a hung one agrees to connections, which is no sign of life.

use std::time::Duration;

use ::actors::{
    messages::{
        candidates::CandidatesChanged, online::Missed, ping::Proof, selection::Surveyed,
        watch::Measured,
    },
    model::{candidate::Purpose, probe::Reply, verdict::Verdict},
    testing::enode,
};

use crate::rig::*;

/// A ready node with three enodes, of whom 0 is watched and has reacted.
async fn enodes() -> Rig {
    let it = bare(3);
    it.tell(CandidatesChanged {
        fleet: Some("test".into()),
        candidates: (0..3).map(enode).collect(),
        pinned: None,
    })
    .await;
    it.ready().await;
    it.peers(&[100, 101]).await;
    it.tell(Measured {
        identity: enode(0).identity,
        rtt: RTT,
        sent: ::actors::Instant::now(),
    })
    .await;
    it.news().await;
    it
}

async fn missed(it: &Rig) {
    it.tell(Missed(enode(0).identity)).await;
}

/// A ping round over all: each answered a half-open connect.
async fn surveyed(it: &Rig) {
    let reply = |index| Reply {
        identity: enode(index).identity,
        outcome: Ok(RTT),
    };
    it.tell(Surveyed {
        round: 1,
        purpose: Purpose::Active,
        begun: ::actors::Instant::now(),
        replies: (0..3).map(reply).collect(),
    })
    .await;
}

#[actix::test]
async fn while_none_of_them_reacts_we_are_offline_though_all_can_be_connected_to() {
    let it = enodes().await;
    it.hang(0..3);
    missed(&it).await;
    surveyed(&it).await;
    pass(PROBING).await;
    assert_eq!(it.verdict().await, Verdict::Offline);
    for _ in 0..3 {
        surveyed(&it).await;
        pass(Duration::from_secs(10)).await;
        assert_eq!(it.verdict().await, Verdict::Offline);
    }
    let orders = it.probed.drain().await;
    assert!(orders.iter().all(|it| it.proof == Proof::Life));
    it.reachable(0..3);
    pass(Duration::from_secs(2)).await;
    assert_eq!(it.verdict().await, Verdict::Online);
}

#[actix::test]
async fn one_that_reacts_settles_the_doubt() {
    let it = enodes().await;
    it.hang([0]);
    it.reachable([2]);
    missed(&it).await;
    pass(PROBING).await;
    assert_eq!(it.verdict().await, Verdict::Online);
    assert_eq!(it.news().await, NONE);
}

#[actix::test]
async fn where_nobody_can_even_be_connected_to_a_connect_is_enough_to_end_it() {
    let it = enodes().await;
    it.reachable([]);
    missed(&it).await;
    pass(PROBING).await;
    assert_eq!(it.verdict().await, Verdict::Offline);
    it.probed.drain().await;
    it.reachable(0..3);
    pass(Duration::from_secs(2)).await;
    assert_eq!(it.verdict().await, Verdict::Online);
    let orders = it.probed.drain().await;
    assert!(
        orders.iter().all(|it| it.proof == Proof::Path),
        "the node dials them next"
    );
}

#[actix::test]
async fn those_that_the_node_is_connected_to_are_provoked_first() {
    let it = bare(8);
    it.tell(CandidatesChanged {
        fleet: Some("test".into()),
        candidates: (0..8).map(enode).collect(),
        pinned: None,
    })
    .await;
    it.ready().await;
    let snapshot = ::actors::messages::node::PeerSnapshot {
        peers: [3, 6].map(|it| enode(it).identity).into(),
        ..Default::default()
    };
    it.tell(snapshot).await;
    it.probed.drain().await;
    missed(&it).await;
    let orders = it.probed.drain().await;
    let mut first: Vec<_> = orders[0].targets.iter().map(|it| it.id.clone()).collect();
    first.sort();
    assert_eq!(first, ["mail-03.test", "mail-06.test"]);
}
