//! The pinned mailserver: insisted on, left after a while, returned to; and a pin that the node ignores.

use serde_json::json;

use crate::{
    foreign_node::{ForeignNode, Generation},
    sidecar::{Event, Sidecar},
};

const PATIENCE: &str = "cycle.pin_patience=1s";

fn pinned(node: &ForeignNode, index: usize) -> String {
    format!("cycle.pinned={}", node.id(index))
}

#[actix::test]
async fn a_pin_is_used_from_the_start() {
    for generation in Generation::ALL {
        let node = ForeignNode::start(generation, 4);
        // The watch has the node ping too.
        let settings = [&*pinned(&node, 2), "watch.interval=off"];
        let sidecar = Sidecar::serve(&node, &settings).await;
        assert_eq!(sidecar.settled(0).await, node.id(2));
        assert_eq!(sidecar.changes(), ["mailserver:changed rig-store-2"]);
        let pings = node.driving_calls();
        let pings = pings.iter().filter(|it| it.method.ends_with("ing"));
        // Of two the sidecar asks when the node has no peers yet, to see whether they are offline.
        let pings = pings.filter(|it| node.pinged(it) > 2);
        assert_eq!(pings.count(), 0, "{generation:?}");
    }
}

/// At most: the pin, none, another; then quiet; then the pin again, once it answers.
async fn a_dead_pin_is_left_once(generation: Generation) {
    let node = ForeignNode::start(generation, 3);
    node.kill(0);
    let settings = [&*pinned(&node, 0), PATIENCE, "cycle.connect_timeout=500ms"];
    let sidecar = Sidecar::serve(&node, &settings).await;
    let other = sidecar.settled(0).await;
    assert_ne!(other, node.id(0));
    sidecar.ticks(10).await;
    let whole = ["rig-store-0", "null", &other].map(|it| format!("mailserver:changed {it}"));
    let changes = sidecar.changes();
    assert!(whole.ends_with(&changes), "{generation:?}: {changes:?}");
    let status = sidecar.status().await;
    assert_eq!(status["active"]["id"], other);
    let reason = status["pin"]["fallback_reason"].as_str().unwrap();
    assert!(reason.contains("not reachable"), "{reason}");
    let before = sidecar.now();
    node.revive(0);
    let back = |it: &Event| it.name == "mailserverAvailable";
    let back = sidecar.event(before, "the pin is back", back).await;
    assert_eq!(back.mailserver(), Some("rig-store-0"));
    let changes = sidecar.changes();
    assert_eq!(changes.last().unwrap(), "mailserver:changed rig-store-0");
    let nulls = changes.iter().filter(|it| it.ends_with("null")).count();
    assert!(nulls <= 1, "{generation:?}: {changes:?}");
}

#[actix::test]
async fn waku1_leaves_a_dead_pin_once_and_returns() {
    a_dead_pin_is_left_once(Generation::Waku1).await;
}

#[actix::test]
async fn waku2_leaves_a_dead_pin_once_and_returns() {
    a_dead_pin_is_left_once(Generation::Waku2).await;
}

#[actix::test]
async fn pin_leaves_a_dead_pin_once_and_returns() {
    a_dead_pin_is_left_once(Generation::Pin).await;
}

#[actix::test]
async fn strict_never_uses_another() {
    for generation in Generation::ALL {
        let node = ForeignNode::start(generation, 3);
        node.kill(0);
        let settings = [
            &*pinned(&node, 0),
            PATIENCE,
            "cycle.pin_policy=strict",
            "cycle.connect_timeout=500ms",
        ];
        let sidecar = Sidecar::serve(&node, &settings).await;
        sidecar.ticks(12).await;
        let changes = sidecar.changes();
        assert!(changes.len() <= 2, "{generation:?}: {changes:?}");
        let others = node.driving_calls();
        let driving = others.iter().filter(|it| !it.method.ends_with("ing"));
        let others = driving.filter(|it| {
            let params = it.params.to_string();
            (1..3).any(|other| params.contains(&node.identity(other)))
        });
        assert_eq!(others.count(), 0, "{generation:?}");
        node.revive(0);
        assert_eq!(sidecar.settled(0).await, node.id(0), "{generation:?}");
    }
}

#[actix::test]
async fn the_pin_that_is_saved_in_the_node_is_obeyed() {
    let node = ForeignNode::start(Generation::Waku2, 4);
    let pin = node.address(3);
    node.state().pins.insert("rig.local".into(), pin);
    let sidecar = Sidecar::serve(&node, &[]).await;
    assert_eq!(sidecar.settled(0).await, node.id(3));
}

#[actix::test]
async fn a_pin_can_be_set_and_removed_while_running() {
    for generation in Generation::ALL {
        let node = ForeignNode::start(generation, 3);
        let sidecar = Sidecar::serve(&node, &[]).await;
        let first = node.index_of(&sidecar.settled(0).await);
        let wanted = node.id((first + 1) % 3);
        let before = sidecar.now();
        let body = json!({ "id": wanted }).to_string();
        let (code, text) = sidecar.request("PUT", "/api/v1/pin", &body).await;
        assert!((200..300).contains(&code), "{code} {text}");
        assert_eq!(sidecar.settled(before).await, wanted, "{generation:?}");
        let (code, text) = sidecar.request("DELETE", "/api/v1/pin", "").await;
        assert!((200..300).contains(&code), "{code} {text}");
        sidecar.ticks(3).await;
        assert_eq!(sidecar.status().await["active"]["id"], wanted);
    }
}
