//! The node's own peers as candidates: who joins, where, and for how long.

use std::{collections::BTreeMap, time::Duration};

use ::actors::{
    fleet_registry::{Config, Discover, KEPT, MOST_DISCOVERED},
    messages::{
        candidates::{CandidatesChanged, Fleet, FleetsLoaded, Saved},
        node::PeerSnapshot,
    },
    model::{
        address::Address,
        mailserver::Origin,
        node::{Mode, Profile, StorePeer},
    },
    testing::{mailserver, profile},
};

use crate::rig::*;

/// Mailserver `index`, as the node lists it.
fn peer(index: usize) -> StorePeer {
    let it = mailserver(index);
    StorePeer {
        identity: it.identity,
        address: it.address,
    }
}

fn peer_id(index: usize) -> String {
    mailserver(index).identity.to_string()
}

impl Rig {
    /// The node lists these as peers that keep history.
    async fn lists(&self, stores: Vec<StorePeer>) {
        let peers = stores.iter().map(|it| it.identity.clone()).collect();
        let snapshot = PeerSnapshot {
            peers,
            stores,
            online: Some(true),
        };
        self.registry.send(snapshot).await.expect("it lives");
    }
}

async fn discovering(discover: Discover) -> Rig {
    let config = Config {
        discover,
        mailservers: vec![custom("c", 2)],
        ..Config::default()
    };
    with_node(config, Saved::default()).await
}

/// A node of a network that no file knows.
async fn on_a_network_of_its_own() -> Rig {
    let rig = plain().await;
    rig.node(Profile {
        fleet: Some("mine".into()),
        ..profile(Mode::Waku2)
    })
    .await;
    rig.changes.drain().await;
    rig
}

#[actix::test]
async fn they_come_after_everyone_else_and_displace_nobody() {
    let rig = discovering(Discover::On).await;
    let mut moved = peer(1);
    moved.address = format!("/ip4/10.0.0.1/tcp/1/p2p/{}", peer_id(1))
        .parse()
        .unwrap();
    rig.lists(vec![peer(3), moved, peer(2)]).await;
    assert_eq!(rig.ids().await, [FLEET[0], FLEET[1], "c", &peer_id(3)]);
    let list = rig.now().await.candidates;
    assert_eq!(
        list[1].address,
        mailserver(1).address,
        "as the fleet has it"
    );
    let last = &list[3];
    assert_eq!((last.origin, last.name.clone()), (Origin::Peer, peer_id(3)));
    assert_eq!(
        (&last.fleet, &last.address),
        (&"test".to_owned(), &peer(3).address)
    );
}

#[actix::test]
async fn by_default_a_published_fleet_is_not_mixed_with_what_peers_claim() {
    let rig = discovering(Discover::Auto).await;
    rig.lists(vec![peer(3)]).await;
    assert_eq!(rig.ids().await, [FLEET[0], FLEET[1], "c"]);
    let rig = on_a_network_of_its_own().await;
    rig.lists(vec![peer(3)]).await;
    assert_eq!(rig.ids().await, [peer_id(3)]);
    assert_eq!(rig.now().await.candidates[0].fleet, "mine");
    // Published after all.
    let mine = Fleet {
        mailservers: vec![mailserver(5)],
    };
    let fleets = BTreeMap::from([("mine".into(), mine)]);
    rig.registry.send(FleetsLoaded(fleets)).await.unwrap();
    assert_eq!(rig.ids().await, ["store-05.test"]);
}

#[actix::test]
async fn when_switched_off_there_are_none() {
    let config = Config {
        discover: Discover::Off,
        fleet: Some("mine".into()),
        ..Config::default()
    };
    let rig = with_node(config, Saved::default()).await;
    rig.changes.drain().await;
    rig.lists(vec![peer(3)]).await;
    assert_eq!(rig.ids().await, [""; 0]);
    rig.changes.assert_none("nothing changed").await;
}

#[actix::test]
async fn only_a_node_that_can_be_given_one_has_them() {
    let rig = discovering(Discover::On).await;
    rig.lists(vec![peer(3)]).await;
    for (mode, some) in [
        (Mode::Waku1, false),
        (Mode::Waku2, true),
        (Mode::Pin, false),
        (Mode::Observe, true),
    ] {
        rig.node(profile(mode)).await;
        assert_eq!(rig.ids().await.contains(&peer_id(3)), some, "{mode:?}");
    }
}

#[actix::test]
async fn a_snapshot_that_brings_nothing_new_is_told_to_nobody() {
    tokio::time::pause();
    let rig = on_a_network_of_its_own().await;
    for _ in 0..20 {
        rig.lists(vec![peer(4), peer(3)]).await;
        rig.lists(vec![peer(3)]).await;
        tokio::time::advance(Duration::from_secs(5)).await;
    }
    let told = rig.changes.drain().await;
    let [CandidatesChanged { candidates, .. }] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(candidates.len(), 2);
}

#[actix::test]
async fn one_that_left_stays_for_a_while_and_then_goes() {
    tokio::time::pause();
    let rig = on_a_network_of_its_own().await;
    rig.lists(vec![peer(3), peer(4)]).await;
    tokio::time::advance(KEPT - Duration::from_secs(1)).await;
    rig.lists(vec![peer(3)]).await;
    assert_eq!(rig.ids().await.len(), 2);
    tokio::time::advance(Duration::from_secs(1)).await;
    rig.lists(vec![peer(3)]).await;
    assert_eq!(rig.ids().await, [peer_id(3)]);
    assert_eq!(rig.changes.drain().await.len(), 2);
}

#[actix::test]
async fn those_of_another_fleet_are_forgotten_and_a_restart_of_the_node_forgets_none() {
    let rig = on_a_network_of_its_own().await;
    rig.lists(vec![peer(3)]).await;
    let of = |fleet: &str| Profile {
        fleet: Some(fleet.into()),
        ..profile(Mode::Waku2)
    };
    rig.node(of("mine")).await;
    assert_eq!(rig.ids().await, [peer_id(3)]);
    rig.node(of("another")).await;
    assert_eq!(rig.ids().await, [""; 0]);
}

#[actix::test]
async fn there_is_an_end_to_them() {
    let rig = on_a_network_of_its_own().await;
    let many = (0..2 * MOST_DISCOVERED).map(|number| {
        let identity = ::actors::model::mailserver::Identity::new(format!("stranger-{number:03}"));
        StorePeer {
            identity,
            address: mailserver(0).address,
        }
    });
    rig.lists(many.collect()).await;
    assert_eq!(rig.ids().await.len(), MOST_DISCOVERED);
}

#[actix::test]
async fn one_can_be_pinned_and_an_address_goes_before_what_it_claims() {
    let rig = on_a_network_of_its_own().await;
    let bare = StorePeer {
        address: Address::of_peer(&peer_id(3)).unwrap(),
        ..peer(3)
    };
    rig.lists(vec![bare]).await;
    assert_eq!(rig.pin(&peer_id(3)).await.unwrap().origin, Origin::Peer);
    assert_eq!(rig.pinned().await, Some(peer_id(3)));

    let known = mailserver(3).address.to_string();
    let pinned = rig.pin(&known).await.unwrap();
    assert_eq!(pinned.origin, Origin::Pin);
    let list = rig.now().await.candidates;
    assert_eq!((list.len(), list[0].address.to_string()), (1, known));
    rig.unpin().await.unwrap();
    assert_eq!(rig.now().await.candidates[0].origin, Origin::Peer);
}

#[actix::test]
async fn one_can_be_added_under_a_name_but_not_removed() {
    let rig = on_a_network_of_its_own().await;
    rig.lists(vec![peer(3)]).await;
    let refused = rig.remove(&peer_id(3)).await.unwrap_err();
    assert!(
        refused.to_string().contains("the node's peers"),
        "{refused}"
    );
    let added = rig.add(of_fleet("mine", custom("known", 3))).await;
    assert_eq!(added.unwrap().origin, Origin::Added);
    assert_eq!(rig.ids().await, ["known"]);
}
