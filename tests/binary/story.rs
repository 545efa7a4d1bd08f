//! The usual story: what is said to the node, in which order, and what is told about it.

use serde_json::{Value, json};

use crate::{
    foreign_node::{Call, ForeignNode, Generation},
    sidecar::Sidecar,
};

const TOLD: [&str; 4] = [
    "mailserver:changed",
    "mailserverAvailable",
    "history:requested",
    "history:completed",
];

fn call(method: &str, params: Value) -> Call {
    Call {
        method: method.into(),
        params,
    }
}

/// What the node is to hear if this mailserver is chosen.
fn expected(node: &ForeignNode, chosen: usize) -> Vec<Call> {
    let all: Vec<String> = (0..4).map(|it| node.address(it)).collect();
    let (id, identity, address) = (node.id(chosen), node.identity(chosen), node.address(chosen));
    let ping = json!([{"addresses": all, "timeoutMs": 500}]);
    let history = "wakuext_requestAllHistoricMessages";
    match node.generation {
        Generation::Waku1 => vec![
            call("mailservers_ping", ping),
            call("wakuext_updateMailservers", json!([[address]])),
            call(history, json!([])),
        ],
        Generation::Waku2 => vec![
            call("mailservers_multiAddressPing", ping),
            call("wakuext_dialPeer", json!([address])),
            call("wakuext_setMailserver", json!([identity])),
            call(history, json!([])),
        ],
        // No request for history: the node asks by itself.
        Generation::Pin => vec![
            call("wakuext_dialPeer", json!([address])),
            call("wakuext_setPinnedMailservers", json!([{"rig.local": id}])),
        ],
    }
}

/// The addresses of a ping in their order in the fleet: any order will do.
fn sorted(mut calls: Vec<Call>) -> Vec<Call> {
    for call in calls.iter_mut().filter(|it| it.method.ends_with("ing")) {
        if let Some(addresses) = call.params[0]["addresses"].as_array_mut() {
            addresses.sort_by_key(ToString::to_string);
        }
    }
    calls
}

async fn tell_story(generation: Generation, mode: &str) {
    let node = ForeignNode::start(generation, 4);
    let mode_is = format!("node.mode={mode}");
    // The watch and the draw of a standby have the node ping too.
    let settings = [&*mode_is, "watch.interval=off", "selector.standby=off"];
    let sidecar = Sidecar::serve(&node, &settings).await;
    let chosen = sidecar.settled(0).await;
    let index = node.index_of(&chosen);
    let mut calls = node.driving_calls();
    // So does the question whether a node without peers is offline: of some, not of all.
    calls.retain(|it| !it.method.ends_with("ing") || node.pinged(it) == 4);
    // The recorded history has a gap.
    calls.retain(|it| it.method != "wakuext_fillGaps");
    assert_eq!(
        sorted(calls),
        sorted(expected(&node, index)),
        "{generation:?} {mode}"
    );
    let story = TOLD.map(|name| format!("{name} {chosen}"));
    assert_eq!(sidecar.told(&TOLD), story, "{generation:?} {mode}");
    let ids: Vec<u64> = sidecar.events().iter().map(|it| it.id).collect();
    let count = ids.len() as u64;
    assert_eq!(ids, (1..=count).collect::<Vec<_>>());
    assert_eq!(sidecar.status().await["mode"], generation.mode());
    silence(&node, &sidecar).await;
}

/// While a mailserver is connected, nothing at all is said to the node.
async fn silence(node: &ForeignNode, sidecar: &Sidecar) {
    // What belongs to the beginning is over: the settings are read again once signals arrive.
    sidecar.ticks(2).await;
    let before = node.state().calls.len();
    let events = sidecar.now();
    sidecar.ticks(12).await;
    let calls = node.state().calls[before..].to_vec();
    assert_eq!(calls, [], "calls while connected");
    assert_eq!(sidecar.now(), events, "{:?}", sidecar.events());
}

#[actix::test]
async fn waku1_as_configured() {
    tell_story(Generation::Waku1, "waku1").await;
}

#[actix::test]
async fn waku1_found_out() {
    tell_story(Generation::Waku1, "auto").await;
}

#[actix::test]
async fn waku2_as_configured() {
    tell_story(Generation::Waku2, "waku2").await;
}

#[actix::test]
async fn waku2_found_out() {
    tell_story(Generation::Waku2, "auto").await;
}

#[actix::test]
async fn pin_as_configured() {
    tell_story(Generation::Pin, "pin").await;
}

#[actix::test]
async fn pin_found_out() {
    tell_story(Generation::Pin, "auto").await;
}

#[actix::test]
async fn observing_asks_for_history_and_pins_nothing() {
    let node = ForeignNode::start(Generation::Pin, 2);
    let peer = node.identity(1);
    node.state().peers.insert(peer);
    let sidecar = Sidecar::serve(&node, &["node.mode=observe"]).await;
    assert_eq!(sidecar.settled(0).await, node.id(1));
    let history = call("wakuext_requestAllHistoricMessages", json!([false]));
    assert_eq!(node.driving_calls(), [history]);
}
