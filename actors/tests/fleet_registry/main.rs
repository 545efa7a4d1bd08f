//! The registry as others meet it: one list from many sources, told to all when it changed.

mod additions;
mod peers;
mod revisions;
mod rig;

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use ::actors::{
    fleet_registry::{Config, FleetRegistry},
    messages::{
        candidates::{CandidatesChanged, Fleet, FleetsLoaded, RegistryError, Save, Saved},
        node::NodeChanged,
    },
    model::{
        mailserver::Origin,
        node::{Mode, NodeState, Profile, SavedMailserver},
    },
    testing::{Probe, enode, mailserver, profile, settle},
};
use actix::prelude::*;

use rig::*;

// === the list ===

#[actix::test]
async fn the_list_is_made_of_all_sources_each_identity_once_and_the_first_wins() {
    let config = Config {
        mailservers: vec![
            custom("c", 3),
            custom("c-again", 2),
            of_fleet("other", custom("o", 9)),
        ],
        ..Config::default()
    };
    let saved = Saved {
        added: vec![custom("a", 4), custom("a-again", 3)],
        ..Saved::default()
    };
    let rig = registry(config, saved).await;
    assert_eq!(rig.ids().await, [""; 0], "nothing before the node");
    let saved = vec![
        custom("n", 2),
        custom("n-again", 0),
        of_fleet("other", custom("n-other", 8)),
    ];
    rig.node(Profile {
        saved,
        ..profile(Mode::Waku2)
    })
    .await;
    assert_eq!(
        rig.ids().await,
        ["store-00.test", "store-01.test", "n", "c", "a"]
    );
    let origins = rig.now().await.candidates.into_iter().map(|it| it.origin);
    use Origin::{Added, Configuration, Fleet, Node};
    let expected = [Fleet, Fleet, Node, Configuration, Added];
    assert!(origins.eq(expected));
}

#[actix::test]
async fn each_mode_sees_what_its_network_has() {
    let rig = registry(Config::default(), Saved::default()).await;
    let enodes = ["mail-00.test", "mail-01.test"];
    for (mode, expected) in [
        (Mode::Waku1, enodes.to_vec()),
        (Mode::Waku2, FLEET.to_vec()),
        (Mode::Pin, FLEET.to_vec()),
        (
            Mode::Observe,
            vec![enodes[0], FLEET[0], enodes[1], FLEET[1]],
        ),
    ] {
        rig.node(profile(mode)).await;
        assert_eq!(rig.ids().await, expected, "{mode:?}");
    }
}

#[actix::test]
async fn the_configured_fleet_goes_before_that_of_the_node() {
    let config = Config {
        fleet: Some("mine".into()),
        mailservers: vec![of_fleet("mine", custom("c", 3))],
        ..Config::default()
    };
    let rig = with_node(config, Saved::default()).await;
    assert_eq!(rig.ids().await, ["c"]);
    assert_eq!(rig.now().await.fleet, Some("mine".into()));
}

#[actix::test]
async fn a_custom_one_with_a_bad_address_does_not_spoil_the_rest() {
    let bad = SavedMailserver {
        address: "nonsense".into(),
        ..custom("bad", 2)
    };
    let config = Config {
        mailservers: vec![bad, custom("good", 3)],
        ..Config::default()
    };
    let rig = with_node(config, Saved::default()).await;
    assert_eq!(rig.ids().await, [FLEET[0], FLEET[1], "good"]);
}

#[actix::test]
async fn a_changed_fleet_file_and_another_fleet_of_the_node_change_the_list() {
    let rig = plain().await;
    let fleet = |mailservers| Fleet { mailservers };
    let fleets = BTreeMap::from([
        ("test".into(), fleet(vec![mailserver(1), mailserver(2)])),
        ("other".into(), fleet(vec![mailserver(7)])),
    ]);
    rig.registry.send(FleetsLoaded(fleets)).await.unwrap();
    assert_eq!(rig.ids().await, ["store-01.test", "store-02.test"]);
    rig.node(Profile {
        fleet: Some("other".into()),
        ..profile(Mode::Waku2)
    })
    .await;
    assert_eq!(rig.ids().await, ["store-07.test"]);
    assert_eq!(rig.changes.drain().await.len(), 3);
}

#[actix::test]
async fn while_the_node_is_away_the_list_stays() {
    let rig = plain().await;
    rig.changes.drain().await;
    for state in [
        NodeState::LoggedOut,
        NodeState::Unreachable {
            reason: "refused".into(),
        },
    ] {
        rig.registry.send(NodeChanged(state)).await.unwrap();
        assert_eq!(rig.ids().await, FLEET);
    }
    rig.changes.assert_none("nothing changed").await;
}

#[actix::test]
async fn it_is_told_only_when_it_changed_and_in_the_order_of_the_listeners() {
    let order: Rc<RefCell<Vec<usize>>> = Rc::default();
    let listener = |number: usize| {
        let order = order.clone();
        let note = move |_: &CandidatesChanged| order.borrow_mut().push(number);
        Probe::answering(note).0
    };
    let listeners = (0..3).map(listener).collect();
    let (save, _) = Probe::answering(|_: &Save| Ok(()));
    let config = Config {
        fleet: Some("test".into()),
        mailservers: vec![custom("c", 3)],
        ..Config::default()
    };
    let registry = FleetRegistry::new(config, Saved::default(), save, listeners).start();
    for _ in 0..4 {
        let ready = NodeState::Ready {
            profile: profile(Mode::Waku2),
        };
        registry.send(NodeChanged(ready)).await.unwrap();
        settle().await;
    }
    assert_eq!(*order.borrow(), [0, 1, 2]);
}

// === the pin ===

#[actix::test]
async fn a_pin_is_found_by_id_identity_and_any_address_of_it() {
    let elsewhere = |index: usize| {
        let peer_id = mailserver(index).identity;
        format!("/dns4/store.example.org/tcp/443/wss/p2p/{peer_id}")
    };
    let rig = plain().await;
    for name in [
        "store-01.test".to_owned(),
        mailserver(1).identity.to_string(),
        mailserver(1).address.to_string(),
        elsewhere(1),
    ] {
        assert_eq!(rig.pin(&name).await.unwrap().id, "store-01.test", "{name}");
        assert_eq!(rig.pinned().await.unwrap(), "store-01.test", "{name}");
    }
    rig.node(profile(Mode::Waku1)).await;
    let url = format!("enode://{:0128x}@10.0.0.1:443?discport=0", 1);
    assert_eq!(rig.pin(&url).await.unwrap().id, "mail-01.test");
    assert_eq!(rig.pinned().await.unwrap(), "mail-01.test");
}

#[actix::test]
async fn a_pin_outside_the_list_joins_it_if_it_is_a_full_address() {
    let rig = plain().await;
    let outside = mailserver(5);
    let pinned = rig.pin(&outside.address.to_string()).await.unwrap();
    assert_eq!(pinned.origin, Origin::Pin);
    assert_eq!(rig.now().await.pinned, Some(outside.identity));
    assert_eq!(rig.ids().await.len(), 3);
    rig.unpin().await.unwrap();
    assert_eq!(rig.ids().await, FLEET);
}

#[actix::test]
async fn an_unknown_pin_is_refused_and_one_of_another_network_too() {
    let rig = plain().await;
    rig.changes.drain().await;
    for unknown in [
        "store-99.test".to_owned(),
        mailserver(5).identity.to_string(),
        enode(0).address.to_string(),
        String::new(),
    ] {
        let refused = rig.pin(&unknown).await;
        assert_eq!(refused, Err(RegistryError::Unknown(unknown)));
    }
    rig.saved.assert_none("nothing is to be kept").await;
    rig.changes.assert_none("nothing changed").await;
}

#[actix::test]
async fn a_saved_pin_goes_before_the_configured_before_that_of_the_node() {
    let config = |pinned: &str| Config {
        pinned: pinned.into(),
        mailservers: vec![custom("c", 3)],
        ..Config::default()
    };
    let of_node = || Profile {
        pinned: Some("store-00.test".into()),
        ..profile(Mode::Waku2)
    };
    for (config, saved, expected) in [
        (config(""), Saved::default(), "store-00.test"),
        (config("store-01.test"), Saved::default(), "store-01.test"),
        (config("store-01.test"), pinned_to("c"), "c"),
        (config(""), pinned_to("c"), "c"),
    ] {
        let rig = registry(config, saved).await;
        rig.node(of_node()).await;
        assert_eq!(rig.pinned().await.unwrap(), expected);
        rig.unpin().await.unwrap();
        assert_eq!(rig.pinned().await, None, "whoever set it");
        rig.node(of_node()).await;
        assert_eq!(rig.pinned().await, None, "and for good");
    }
}

#[actix::test]
async fn an_unknown_pin_of_the_node_is_as_none() {
    let rig = plain().await;
    rig.node(Profile {
        pinned: Some("gone.test".into()),
        ..profile(Mode::Waku2)
    })
    .await;
    assert_eq!(rig.pinned().await, None);
    assert_eq!(rig.ids().await, FLEET);
}

// === changes by hand ===
