//! Mailservers that the user adds while the sidecar runs.

use serde_json::json;
use tempfile::TempDir;

use crate::{
    foreign_node::{FLEET, ForeignNode, Generation, Mailserver},
    sidecar::{Event, Sidecar},
};

fn listed(sidecar: &serde_json::Value) -> Vec<&str> {
    let all = sidecar["mailservers"].as_array().unwrap();
    all.iter().filter_map(|it| it["id"].as_str()).collect()
}

#[actix::test]
async fn they_are_used_and_survive_a_restart() {
    for generation in [Generation::Waku1, Generation::Waku2] {
        let node = ForeignNode::start(generation, 1);
        let directory = TempDir::new().unwrap();
        let mut sidecar = Sidecar::serve_in(directory.path(), &node, &[]).await;
        sidecar.settled(0).await;
        let custom = Mailserver::start(generation, 5, FLEET);
        let body = json!({"id": "mine", "address": custom.address}).to_string();
        let (code, text) = sidecar.request("POST", "/api/v1/mailservers", &body).await;
        assert_eq!(code, 201, "{text}");
        sidecar.terminate();
        assert_eq!(sidecar.ended().await.code(), Some(0));
        drop(sidecar);

        let sidecar = Sidecar::serve_in(directory.path(), &node, &[]).await;
        sidecar.settled(0).await;
        let list = sidecar.get("/api/v1/mailservers").await;
        assert!(listed(&list).contains(&"mine"), "{list}");
        // The node knows it by what it is given to connect: the scripted one has to find it.
        node.state().mailservers.push(custom.named("mine"));
        let before = sidecar.now();
        let (code, text) = sidecar
            .request("PUT", "/api/v1/pin", r#"{"id":"mine"}"#)
            .await;
        assert_eq!(code, 200, "{text}");
        assert_eq!(sidecar.settled(before).await, "mine", "{generation:?}");
        let (code, _) = sidecar
            .request("DELETE", "/api/v1/mailservers/mine", "")
            .await;
        assert_eq!(code, 204);
        let list = sidecar.get("/api/v1/mailservers").await;
        assert!(!listed(&list).contains(&"mine"), "{list}");
    }
}

#[actix::test]
async fn addresses_that_cannot_be_right_are_refused() {
    let node = ForeignNode::start(Generation::Waku2, 1);
    let sidecar = Sidecar::serve(&node, &[]).await;
    sidecar.settled(0).await;
    for address in ["", "hello", "enode://aa@1.2.3.4:1", "/ip4/127.0.0.1/tcp/1"] {
        let body = json!({"id": "bad", "address": address}).to_string();
        let (code, text) = sidecar.request("POST", "/api/v1/mailservers", &body).await;
        assert!((400..500).contains(&code), "{address}: {code} {text}");
    }
}

/// Recorded on 2024-10: a pin to an id that the node has not built in is accepted and ignored. The loop has
/// to notice, say so, and use another one.
#[actix::test]
async fn a_pin_that_the_node_ignores_is_given_up() {
    let node = ForeignNode::start(Generation::Pin, 2);
    let stranger = Mailserver::start(Generation::Pin, 5, "unknown to the node");
    let address = stranger.address.clone();
    node.state().mailservers.push(stranger.named("another id"));
    let settings = ["cycle.pin_patience=1s", "fleet.name=rig.local"];
    let sidecar = Sidecar::serve(&node, &settings).await;
    sidecar.settled(0).await;
    let body = json!({"id": "mine", "address": address}).to_string();
    let (code, text) = sidecar.request("POST", "/api/v1/mailservers", &body).await;
    assert_eq!(code, 201, "{text}");
    let before = sidecar.now();
    let (code, text) = sidecar
        .request("PUT", "/api/v1/pin", r#"{"id":"mine"}"#)
        .await;
    assert_eq!(code, 200, "{text}");
    sidecar.ticks(10).await;
    let status = sidecar.status().await;
    assert_ne!(status["active"]["id"], "mine", "{status}");
    assert_eq!(status["active"]["state"], "connected", "{status}");
    let changes = sidecar.events()[before..]
        .iter()
        .filter(|it| it.name == "mailserver:changed")
        .map(Event::told)
        .collect::<Vec<_>>();
    assert!(changes.len() <= 2, "{changes:?}");
    assert!(status["pin"]["fallback_reason"].is_string(), "{status}");
}
