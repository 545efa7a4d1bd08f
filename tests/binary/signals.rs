//! Nodes whose signals come in another way than over a socket, or not at all.

use serde_json::{Value, json};

use crate::{
    foreign_node::{ForeignNode, Generation},
    sidecar::Sidecar,
};

/// No tick and no poll comes to help.
const PUSH: [&str; 3] = [
    "node.signals=push",
    "cycle.tick=1h",
    "node.poll_interval=1h",
];

#[actix::test]
async fn signals_that_the_application_forwards_drive_the_loop() {
    for generation in [Generation::Waku1, Generation::Waku2] {
        let node = ForeignNode::start(generation, 3);
        let sidecar = Sidecar::serve(&node, &PUSH).await;
        let first = sidecar.settled(0).await;
        assert_eq!(node.state().subscribers, 0);
        let before = sidecar.now();
        node.lose(node.index_of(&first));
        let signal: Value = serde_json::from_str(&node.peers_signal()).unwrap();
        let foreign = json!({"type": "wallet", "event": {}});
        let body = json!([foreign, signal]).to_string();
        let (code, text) = sidecar.request("POST", "/api/v1/signals", &body).await;
        assert_eq!((code, &*text), (202, r#"{"accepted":2}"#));
        assert_ne!(sidecar.settled(before).await, first, "{generation:?}");
    }
}

#[actix::test]
async fn a_node_without_signals_is_polled() {
    for generation in Generation::ALL {
        let node = ForeignNode::start(generation, 3);
        let settings = ["node.signals=poll", "node.poll_interval=200ms"];
        let sidecar = Sidecar::serve(&node, &settings).await;
        let first = sidecar.settled(0).await;
        let before = sidecar.now();
        node.lose(node.index_of(&first));
        assert_ne!(sidecar.settled(before).await, first, "{generation:?}");
        assert_eq!(node.state().subscribers, 0);
    }
}
