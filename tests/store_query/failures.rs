//! Why a mailserver does not say what it holds.

use std::time::Duration;

use actors::{
    messages::store::{Extent, QueryStore, StoreFailure},
    model::probe::{ProbeFailure, Stage},
};
use mailserver_sidecar::sim::{Fault, StoreFault};

use crate::rig::{Rig, topic};

#[actix::test]
async fn each_failure_of_a_store_is_told_apart() {
    let rig = Rig::start();
    rig.publish(0, 250);
    let busy = |words: &str| StoreFailure::Busy(words.into());
    let broken = |words: &str| StoreFailure::Broken(words.into());
    for (fault, expected) in [
        (StoreFault::Busy, busy("429 TOO_MANY_REQUESTS")),
        (StoreFault::Unavailable, busy("503 SERVICE_UNAVAILABLE")),
        (StoreFault::Unsupported, StoreFailure::Unsupported),
        (StoreFault::Closes, broken("connection closed (store)")),
        (
            StoreFault::RepeatsCursor,
            broken("pages go round in circles"),
        ),
    ] {
        rig.sim.set_store_fault(0, fault);
        assert_eq!(rig.ask(rig.query(0)).await, Err(expected));
    }
    rig.sim.set_store_fault(0, StoreFault::None);
    let answer = rig.ask(rig.query(0)).await.unwrap();
    assert_eq!(answer.hashes.len(), 250);
}

#[actix::test]
async fn what_was_read_until_a_query_failed_is_counted() {
    let rig = Rig::start();
    rig.publish(0, 250);
    let whole = rig.ask(rig.query(0)).await.unwrap();
    // Two pages come, the second one leads back to the first.
    rig.sim.set_store_fault(0, StoreFault::RepeatsCursor);
    let failed = rig.ask_counting(rig.query(0)).await.unwrap_err();
    assert_eq!(failed.pages, 2);
    let bytes = failed.bytes.unwrap();
    assert!(
        (2 * 100 * 32..whole.bytes).contains(&bytes),
        "{bytes} of {}",
        whole.bytes
    );
    // The handshake of somebody else, then nobody at all, and one of whom nothing can be asked.
    rig.sim.set_fault(1, Fault::Refusing).unwrap();
    let failed = rig.ask_counting(rig.query(1)).await.unwrap_err();
    assert!(failed.bytes > Some(100), "{failed:?}");
    rig.sim.set_fault(1, Fault::Killed).unwrap();
    let failed = rig.ask_counting(rig.query(1)).await.unwrap_err();
    assert_eq!((failed.bytes, failed.pages), (Some(0), 0));
    let nothing = QueryStore {
        topics: vec![],
        ..rig.query(0)
    };
    let failed = rig.ask_counting(nothing).await.unwrap_err();
    assert_eq!((failed.bytes, failed.pages), (Some(0), 0));
}

#[actix::test]
async fn somebody_else_and_nobody_at_the_address() {
    let rig = Rig::start();
    rig.sim.set_fault(0, Fault::Refusing).unwrap();
    rig.sim.set_fault(1, Fault::Killed).unwrap();
    match rig.ask(rig.query(0)).await {
        Err(StoreFailure::Unreachable(ProbeFailure::WrongPeer(found))) => {
            assert_ne!(found, rig.mailserver(0).identity.as_str());
        }
        other => panic!("{other:?}"),
    }
    let refused = StoreFailure::Unreachable(ProbeFailure::Refused);
    assert_eq!(rig.ask(rig.query(1)).await, Err(refused));
}

#[actix::test]
async fn a_hung_mailserver_is_given_up_whether_connected_or_not() {
    let rig = Rig::start();
    rig.watch(1).await;
    rig.sim.set_fault(0, Fault::Hung).unwrap();
    rig.sim.set_fault(1, Fault::Hung).unwrap();
    let outcomes = tokio::join!(rig.ask(rig.query(0)), rig.ask(rig.query(1)));
    let silent = |stage| Err(StoreFailure::Unreachable(ProbeFailure::Silent(stage)));
    assert_eq!(outcomes, (silent(Stage::Handshake), silent(Stage::Store)));
}

#[actix::test]
async fn what_a_store_would_refuse_is_refused_before_anything_is_sent() {
    let rig = Rig::start();
    let eleven = QueryStore {
        topics: (0..11).map(topic).collect(),
        ..rig.query(0)
    };
    let outcome = rig.ask(eleven).await;
    assert!(matches!(outcome, Err(StoreFailure::Refused(_))));
    let mut enode = rig.query(0);
    let address = format!("enode://{}@127.0.0.1:1", "ab".repeat(64));
    enode.mailserver.address = address.parse().unwrap();
    assert_eq!(rig.ask(enode).await, Err(StoreFailure::Unsupported));
    assert_eq!(rig.sim.libp2p_connections(0), 0);
}

#[actix::test]
async fn two_are_asked_at_once_and_thirty_two_wait() {
    let rig = Rig::with(Duration::from_millis(50));
    let queries = (0..40).map(|_| {
        rig.ask(QueryStore {
            extent: Extent::Any,
            ..rig.query(0)
        })
    });
    let outcomes = futures_util::future::join_all(queries).await;
    let busy = outcomes
        .iter()
        .filter(|it| matches!(it, Err(StoreFailure::Busy(_))));
    assert_eq!(busy.count(), 6);
    assert_eq!(outcomes.iter().filter(|it| it.is_ok()).count(), 34);
}
