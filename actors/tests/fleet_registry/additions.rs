//! Custom mailservers that are added and removed by hand.

use crate::*;
use ::actors::{
    fleet_registry::{Config, FleetRegistry, MOST_CUSTOM},
    messages::candidates::{Candidates, FleetsLoaded, RegistryError, Save, Saved},
    model::{mailserver::Origin, node::SavedMailserver},
};
use actix::prelude::*;
use rig::*;
use std::{collections::BTreeMap, time::Duration};

#[actix::test]
async fn what_was_added_is_saved_first_and_then_told() {
    let rig = plain().await;
    rig.changes.drain().await;
    let added = rig.add(of_fleet("", custom("mine", 5))).await.unwrap();
    assert_eq!((added.id.as_str(), added.name.as_str()), ("mine", "mine"));
    assert_eq!(added.origin, Origin::Added);
    let saved = rig.saved.drain().await;
    assert_eq!(saved[0].0.added, [custom("mine", 5)], "of the node's fleet");
    assert_eq!(rig.changes.drain().await.len(), 1);
    assert_eq!(rig.ids().await, [FLEET[0], FLEET[1], "mine"]);

    rig.pin("mine").await.unwrap();
    rig.remove("mine").await.unwrap();
    let last = rig.saved.drain().await.pop().unwrap().0;
    assert_eq!(last, pinned_to("mine"), "the pin waits for its return");
    assert_eq!((rig.ids().await.len(), rig.pinned().await), (2, None));
}

#[actix::test]
async fn if_it_cannot_be_saved_nothing_changes() {
    let saved = Saved {
        added: vec![custom("mine", 5)],
        ..Saved::default()
    };
    let rig = with_node(Config::default(), saved).await;
    let before = rig.now().await;
    rig.changes.drain().await;
    *rig.disk.borrow_mut() = Err("disk full".into());
    let not_saved = RegistryError::NotSaved("disk full".into());
    assert_eq!(rig.add(custom("new", 6)).await.unwrap_err(), not_saved);
    assert_eq!(rig.remove("mine").await.unwrap_err(), not_saved);
    assert_eq!(rig.pin("store-01.test").await.unwrap_err(), not_saved);
    assert_eq!(rig.unpin().await.unwrap_err(), not_saved);
    assert_eq!(rig.now().await, before);
    rig.changes.assert_none("nothing changed").await;
    *rig.disk.borrow_mut() = Ok(());
    rig.add(custom("new", 6)).await.unwrap();
}

#[actix::test]
async fn a_disk_that_hangs_does_not_hang_the_registry() {
    tokio::time::pause();
    let registry = FleetRegistry::new(
        Config::default(),
        Saved::default(),
        Stuck.start().recipient(),
        vec![],
    );
    let registry = registry.start();
    let answer = registry.send(addition(custom("mine", 5)));
    let waited = tokio::time::timeout(Duration::from_secs(6), answer).await;
    let refused = waited.expect("an answer within 5 s").unwrap();
    assert!(matches!(refused, Err(RegistryError::NotSaved(_))));
    registry.send(Candidates).await.unwrap();
}

struct Stuck;

impl Actor for Stuck {
    type Context = Context<Self>;
}

impl Handler<Save> for Stuck {
    type Result = ResponseFuture<Result<(), String>>;

    fn handle(&mut self, _: Save, _: &mut Context<Self>) -> Self::Result {
        Box::pin(std::future::pending())
    }
}

#[actix::test]
async fn additions_that_make_no_sense_are_refused_with_the_reason() {
    let rig = plain().await;
    let id = |id: &str, reason: &str| RegistryError::Id {
        id: id.into(),
        reason: reason.into(),
    };
    let taken = |id: &str| RegistryError::Taken {
        id: id.into(),
        origin: "the fleet file".into(),
    };
    let length = "must be 1 to 128 bytes long";
    let long = "x".repeat(129);
    for (custom, expected) in [
        (custom("", 5), id("", length)),
        (custom("  ", 5), id("  ", length)),
        (custom(&long, 5), id(&long, length)),
        (custom("store-00.test", 5), taken("store-00.test")),
        (custom("the same", 1), taken("store-01.test")),
    ] {
        assert_eq!(rig.add(custom).await.unwrap_err(), expected);
    }
    let bad = SavedMailserver {
        address: "http://127.0.0.1".into(),
        ..custom("bad", 5)
    };
    let refused = rig.add(bad).await.unwrap_err();
    assert!(matches!(refused, RegistryError::Address(_)), "{refused}");
    rig.saved.assert_none("nothing is to be kept").await;

    let without_node = registry(Config::default(), Saved::default()).await;
    let refused = without_node.add(of_fleet("", custom("mine", 5))).await;
    assert!(refused.unwrap_err().to_string().contains("needs a fleet"));
}

#[actix::test]
async fn a_fleet_file_without_the_fleet_in_use_leaves_the_old_list_in_place() {
    let rig = plain().await;
    let before = rig.ids().await;
    assert!(!before.is_empty());
    rig.registry
        .send(FleetsLoaded(BTreeMap::new()))
        .await
        .unwrap();
    assert_eq!(rig.ids().await, before);
}

#[actix::test]
async fn there_is_an_end_to_additions() {
    let added = (0..MOST_CUSTOM).map(|it| custom(&format!("mine-{it}"), 5));
    let saved = Saved {
        added: added.collect(),
        ..Saved::default()
    };
    let rig = with_node(Config::default(), saved).await;
    let refused = rig.add(custom("one-more", 6)).await;
    assert_eq!(refused, Err(RegistryError::Full(MOST_CUSTOM)));
    rig.remove("mine-7").await.unwrap();
    rig.add(custom("one-more", 6)).await.unwrap();
}

#[actix::test]
async fn only_what_was_added_can_be_removed() {
    let rig = plain().await;
    let unknown = RegistryError::Unknown("nobody".into());
    assert_eq!(rig.remove("nobody").await, Err(unknown));
    let refused = rig.remove("store-00.test").await.unwrap_err();
    assert!(refused.to_string().contains("the fleet file"), "{refused}");
    rig.saved.assert_none("nothing is to be kept").await;
    assert_eq!(rig.ids().await, FLEET);
}
