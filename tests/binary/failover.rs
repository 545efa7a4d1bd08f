//! The active mailserver is lost.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    foreign_node::{ForeignNode, Generation},
    sidecar::{Event, Sidecar},
};

/// The contract: a failover is over within this time. Nothing in it waits for a timer of that size, so that
/// a busy machine does not matter.
const LIMIT: Duration = Duration::from_secs(3);

fn changed_to_another(event: &Event, lost: &str) -> bool {
    event.name == "mailserverAvailable" && event.mailserver().is_some_and(|it| it != lost)
}

/// The lost one answers pings and dials as before: it must not be chosen next.
async fn survives_a_loss(generation: Generation, settings: &[&str]) {
    let node = ForeignNode::start(generation, 4);
    let sidecar = Sidecar::serve(&node, settings).await;
    let mut lost = sidecar.settled(0).await;
    node.until_subscribed().await;
    for _ in 0..3 {
        let (before, calls) = (sidecar.now(), node.driving_calls().len());
        let started = Instant::now();
        let index = node.index_of(&lost);
        node.lose(index);
        let other = |it: &Event| changed_to_another(it, &lost);
        let next = sidecar.event(before, "another is available", other).await;
        assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
        let changes: Vec<String> = sidecar.events()[before..]
            .iter()
            .filter(|it| it.name == "mailserver:changed")
            .map(Event::told)
            .collect();
        let next = next.mailserver().unwrap().to_owned();
        let expected = ["null", &next].map(|it| format!("mailserver:changed {it}"));
        assert_eq!(changes, expected);
        check_calls(&node, calls, index, &next);
        lost = sidecar.settled(before).await;
        assert_eq!(lost, next);
    }
}

fn check_calls(node: &ForeignNode, before: usize, lost: usize, next: &str) {
    let calls = node.driving_calls()[before..].to_vec();
    let methods: Vec<&str> = calls.iter().map(|it| it.method.as_str()).collect();
    let next = node.index_of(next);
    match node.generation {
        Generation::Waku1 => {
            let wanted = [
                "admin_removePeer",
                "mailservers_ping",
                "wakuext_updateMailservers",
            ];
            assert_eq!(methods[..3], wanted);
            assert_eq!(calls[0].params, json!([node.address(lost)]));
            assert_eq!(calls[2].params, json!([[node.address(next)]]));
        }
        Generation::Waku2 => {
            let wanted = ["wakuext_dropPeer", "mailservers_multiAddressPing"];
            assert_eq!(methods[..2], wanted);
            assert_eq!(calls[0].params, json!([node.identity(lost)]));
            let set = calls.iter().find(|it| it.method == "wakuext_setMailserver");
            assert_eq!(set.unwrap().params, json!([node.identity(next)]));
        }
        Generation::Pin => {
            let pin = calls.last().unwrap();
            assert_eq!(pin.method, "wakuext_setPinnedMailservers");
            assert_eq!(pin.params, json!([{"rig.local": node.id(next)}]));
        }
    }
}

// A tick that never comes: the signal alone has to do.
const NO_TICK: &str = "cycle.tick=1h";

#[actix::test]
async fn waku1_by_signal() {
    survives_a_loss(Generation::Waku1, &[NO_TICK]).await;
}

#[actix::test]
async fn waku2_by_signal() {
    survives_a_loss(Generation::Waku2, &[NO_TICK]).await;
}

#[actix::test]
async fn pin_by_signal() {
    survives_a_loss(Generation::Pin, &[NO_TICK]).await;
}

#[actix::test]
async fn by_tick_alone() {
    for generation in Generation::ALL {
        survives_a_loss(generation, &["cycle.reactive=false"]).await;
    }
}

#[actix::test]
async fn without_any_mailserver_it_waits_and_comes_back() {
    for generation in Generation::ALL {
        let node = ForeignNode::start(generation, 2);
        let sidecar = Sidecar::serve(&node, &[]).await;
        sidecar.settled(0).await;
        let before = sidecar.now();
        node.kill(0);
        node.kill(1);
        let none = |it: &Event| it.told() == "mailserver:changed null";
        sidecar.event(before, "none is active", none).await;
        sidecar.ticks(5).await;
        let none_chosen = sidecar.events()[before..]
            .iter()
            .all(|it| it.name != "mailserverAvailable");
        assert!(none_chosen, "{generation:?}");
        let before = sidecar.now();
        node.revive(1);
        assert_eq!(sidecar.settled(before).await, node.id(1), "{generation:?}");
    }
}
