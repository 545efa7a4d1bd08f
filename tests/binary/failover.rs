//! The active mailserver is lost.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    foreign_node::{Call, ForeignNode, Generation},
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
    let next = node.index_of(next);
    // The node had no other peer: pings come first, to see whether it is offline.
    let wanted = match node.generation {
        Generation::Waku1 => vec![
            ("admin_removePeer", json!([node.address(lost)])),
            ("wakuext_updateMailservers", json!([[node.address(next)]])),
        ],
        Generation::Waku2 => vec![
            ("wakuext_dropPeer", json!([node.identity(lost)])),
            ("wakuext_setMailserver", json!([node.identity(next)])),
        ],
        Generation::Pin => vec![(
            "wakuext_setPinnedMailservers",
            json!([{"rig.local": node.id(next)}]),
        )],
    };
    let told = |(method, params): &(&str, Value)| {
        let same = |it: &Call| it.method == *method && it.params == *params;
        calls.iter().position(same)
    };
    let places: Vec<Option<usize>> = wanted.iter().map(told).collect();
    assert!(places.is_sorted() && places[0].is_some(), "{calls:?}");
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
        let offline = |it: &Event| it.name == "offline";
        sidecar
            .event(before, "nobody is within reach", offline)
            .await;
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
