//! The connector beside a node that picks a mailserver for each query: what it sends to whom, and what it never sends.

use ::actors::{
    messages::{
        node::{ConnectionChanged, NodeChanged, NodeSwitched, PeerSnapshot},
        online::VerdictChanged,
        supervision::Tick,
        watch::{Watch, WatchLost},
    },
    model::{
        node::{Connectedness, Connection, Generation, Mode, NodeState, Profile},
        record::Cause,
        verdict::Verdict,
    },
    testing::{mailserver, plain, profile},
};

use crate::rig::{NOTHING, Rig, identity, refused};

fn ready() -> NodeChanged {
    let profile = Profile {
        generation: Generation::PerQuery,
        ..profile(Mode::Observe)
    };
    NodeChanged(NodeState::Ready { profile })
}

fn peers(indices: &[usize]) -> PeerSnapshot {
    PeerSnapshot {
        peers: indices.iter().map(|it| identity(*it)).collect(),
        ..PeerSnapshot::default()
    }
}

/// Such a node is there, lists these peers, and all mailservers are being pinged.
async fn looking(listed: &[usize]) -> Rig {
    let rig = Rig::new(plain());
    rig.candidates(Some(3)).await;
    rig.tell(peers(listed)).await;
    rig.tell(ready()).await;
    assert_eq!(rig.sent().await, ["reach of 4"]);
    rig
}

#[actix::test]
async fn history_is_had_from_whom_it_picks_and_nobody_is_active() {
    let rig = looking(&[0]).await;
    rig.decide(Some(2)).await;
    let sent = ["available store-02.test", "history from whom it picks"];
    assert_eq!(rig.sent().await, sent);
    let status = rig.status().await;
    assert_eq!((status.active, status.standby), (None, None));
    let reach = status.reach.expect("it is such a node");
    assert_eq!(reach.mailserver, Some(mailserver(2)));
    assert_eq!(reach.hindrance, None);
    // The user's pin can have no effect, and that is not hidden.
    assert!(status.pin.unwrap().fallback_reason.is_some());
    assert_eq!((status.counts.connections, status.counts.losses), (1, 0));
}

#[actix::test]
async fn nothing_is_connected_dropped_or_announced_whatever_becomes_of_its_peers() {
    let rig = looking(&[0, 1]).await;
    rig.decide(Some(0)).await;
    rig.sent().await;
    rig.lose(0).await;
    rig.tell(NodeSwitched {
        identity: Some(identity(1)),
        id: None,
    })
    .await;
    for _ in 0..30 {
        rig.pass(10).await;
        rig.tell(Tick).await;
    }
    assert_eq!(rig.sent().await, NOTHING);
}

#[actix::test]
async fn whoever_shows_that_it_can_is_watched_and_its_silence_is_looked_into() {
    let rig = looking(&[0]).await;
    rig.decide(Some(2)).await;
    rig.sent().await;
    let watched = |index| Watch {
        active: Some(mailserver(index)),
        standby: None,
    };
    assert_eq!(rig.watched.drain().await, [watched(2)]);
    rig.tell(WatchLost {
        identity: identity(2),
        cause: Cause::Probe,
        reason: "silent".into(),
    })
    .await;
    assert_eq!(rig.sent().await, ["reach of 4"]);
    rig.decide(Some(1)).await;
    rig.tell(Tick).await;
    assert_eq!(rig.sent().await, NOTHING, "another one is no news");
    assert_eq!(rig.watched.drain().await, [watched(1)]);
}

#[actix::test]
async fn after_an_outage_and_after_a_poor_mesh_history_is_had_again() {
    let rig = looking(&[0]).await;
    rig.decide(Some(0)).await;
    rig.sent().await;
    rig.tell(VerdictChanged(Verdict::Offline)).await;
    assert_eq!(rig.sent().await, ["history from nobody"]);
    rig.tell(VerdictChanged(Verdict::Online)).await;
    assert_eq!(rig.sent().await, ["reach of 4"]);
    rig.decide(Some(1)).await;
    let again = ["available store-01.test", "history from whom it picks"];
    assert_eq!(rig.sent().await, again);
    rig.tell(ConnectionChanged(Connectedness::PartiallyConnected))
        .await;
    assert_eq!(rig.sent().await, ["refresh"]);
    rig.tell(ConnectionChanged(Connectedness::Connected)).await;
    let sent = ["refresh", "history from whom it picks"];
    assert_eq!(rig.sent().await, sent);
}

#[actix::test]
async fn one_without_peers_is_told_to_dial_another_until_one_connects() {
    let rig = looking(&[]).await;
    rig.dials(2, |to| match to {
        1 => refused(),
        _ => Ok(Connection::Connected),
    });
    rig.decide(Some(1)).await;
    rig.pass(2).await;
    assert_eq!(rig.sent().await, ["introduce 1", "reach of 4"]);
    rig.decide(Some(2)).await;
    rig.pass(1).await;
    let sent = [
        "introduce 2",
        "mark 2 Connected",
        "available store-02.test",
        "history from whom it picks",
    ];
    assert_eq!(rig.sent().await, sent);
}

#[actix::test]
async fn a_node_of_another_generation_that_takes_its_place_is_driven() {
    let rig = looking(&[0]).await;
    rig.decide(Some(0)).await;
    rig.sent().await;
    let reason = "killed".to_owned();
    rig.tell(NodeChanged(NodeState::Unreachable { reason }))
        .await;
    assert_eq!(rig.sent().await, ["history from nobody"]);
    rig.candidates(None).await;
    rig.node(Mode::Waku2).await;
    assert_eq!(rig.sent().await, ["select of 4"]);
    assert_eq!(rig.status().await.reach, None);
}
