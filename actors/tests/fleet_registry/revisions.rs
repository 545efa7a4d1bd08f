//! Two who change the list at the same time.

use crate::*;
use ::actors::{
    fleet_registry::Config,
    messages::candidates::{
        AddCustom, Changed, Expected, Pin, RegistryError, RemoveCustom, Saved, Unpin,
    },
};
use rig::*;

fn pin(name: &str, expected: Expected) -> Pin {
    let name = name.into();
    Pin { name, expected }
}

#[actix::test]
async fn of_two_who_expect_the_same_revision_one_changes_it() {
    let rig = plain().await;
    rig.changes.drain().await;
    let seen = rig.revision().await;
    let expected = || Expected::OneOf(vec![seen]);
    // Both are sent before either is answered.
    let first = rig.registry.send(pin("store-00.test", expected()));
    let second = rig.registry.send(pin("store-01.test", expected()));
    let (first, second) = tokio::join!(first, second);
    let Changed { answer, revision } = first.unwrap().unwrap();
    assert_eq!(
        (answer.id.as_str(), revision),
        (FLEET[0], rig.revision().await)
    );
    assert_ne!(revision, seen);
    assert_eq!(second.unwrap(), Err(RegistryError::Outdated));
    assert_eq!(rig.pinned().await.as_deref(), Some(FLEET[0]));
    assert_eq!(rig.saved.drain().await.len(), 1, "nothing else is kept");
    assert_eq!(rig.changes.drain().await.len(), 1, "nothing else is told");

    let again = pin("store-01.test", Expected::OneOf(vec![seen, revision]));
    rig.registry.send(again).await.unwrap().unwrap();
    assert_eq!(rig.pinned().await.as_deref(), Some(FLEET[1]));
}

#[actix::test]
async fn each_change_is_refused_of_a_list_that_is_another_one_now() {
    let saved = Saved {
        added: vec![custom("mine", 5)],
        ..Saved::default()
    };
    let rig = with_node(Config::default(), saved).await;
    let seen = rig.revision().await;
    rig.add(custom("new", 6)).await.unwrap();
    rig.saved.drain().await;
    for expected in [Expected::OneOf(vec![seen]), Expected::OneOf(vec![])] {
        // It would be refused for another reason too: whoever expected another list is told of that first.
        let mailserver = custom("new", 6);
        let expected = || expected.clone();
        let add = AddCustom {
            mailserver,
            expected: expected(),
        };
        assert_eq!(
            rig.registry.send(add).await.unwrap(),
            Err(RegistryError::Outdated)
        );
        let remove = RemoveCustom {
            id: "mine".into(),
            expected: expected(),
        };
        assert_eq!(
            rig.registry.send(remove).await.unwrap(),
            Err(RegistryError::Outdated)
        );
        let pin = pin("mine", expected());
        assert_eq!(
            rig.registry.send(pin).await.unwrap(),
            Err(RegistryError::Outdated)
        );
        let unpin = Unpin {
            expected: expected(),
        };
        assert_eq!(
            rig.registry.send(unpin).await.unwrap(),
            Err(RegistryError::Outdated)
        );
    }
    rig.saved.assert_none("nothing is to be kept").await;
}

#[actix::test]
async fn the_revision_follows_what_is_told_and_what_is_kept() {
    let rig = registry(Config::default(), Saved::default()).await;
    let mut seen = vec![rig.revision().await];
    let mut is_another = async |why: &str| {
        let revision = rig.revision().await;
        assert!(!seen.contains(&revision), "{why}");
        seen.push(revision);
    };
    rig.node(profile(Mode::Waku2)).await;
    is_another("the node told its fleet").await;
    rig.add(of_fleet("other", custom("elsewhere", 7)))
        .await
        .unwrap();
    is_another("kept, though not in the list of this fleet").await;
    rig.pin("store-00.test").await.unwrap();
    is_another("pinned").await;
    rig.unpin().await.unwrap();
    is_another("unpinned: not what it was before, since others may have acted upon that").await;

    let before = rig.revision().await;
    rig.unpin().await.unwrap();
    rig.node(profile(Mode::Waku2)).await;
    *rig.disk.borrow_mut() = Err("disk full".into());
    rig.pin("store-00.test").await.unwrap_err();
    assert_eq!(rig.revision().await, before, "nothing changed");
}

#[actix::test]
async fn another_process_begins_at_another_revision() {
    let (one, other) = (plain().await, plain().await);
    assert_ne!(one.revision().await, other.revision().await);
}
