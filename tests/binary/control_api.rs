//! What the control API refuses, and what it tells.

use serde_json::Value;

use crate::{
    foreign_node::{ForeignNode, Generation},
    sidecar::Sidecar,
};

const JSON: (&str, &str) = ("content-type", "application/json");

async fn refused(
    sidecar: &Sidecar,
    code: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) {
    let (status, text) = sidecar.request_with(method, path, headers, body).await;
    assert_eq!(status, code, "{method} {path} {headers:?}: {text}");
    let reason: Value = serde_json::from_str(&text).unwrap();
    let reason = reason["detail"].as_str();
    assert!(
        reason.is_some_and(|it| !it.is_empty()),
        "no reason in {text}"
    );
}

#[actix::test]
async fn foreign_pages_and_bad_bodies_are_refused_with_a_reason() {
    let node = ForeignNode::start(Generation::Waku2, 2);
    let sidecar = &Sidecar::serve(&node, &["node.signals=push"]).await;
    let get = async |headers: &[(&str, &str)], code| {
        for path in ["/api/v1/status", "/api/v1/events", "/metrics"] {
            refused(sidecar, code, "GET", path, headers, "").await;
        }
    };
    get(&[("host", "evil.example")], 403).await;
    get(&[("host", "evil.example:8765")], 403).await;
    get(&[("origin", "http://evil.example")], 403).await;
    get(&[("origin", "null")], 403).await;
    let own = format!("http://{}", sidecar.address);
    let (code, text) = sidecar
        .request_with("GET", "/api/v1/status", &[("origin", &own)], "")
        .await;
    assert_eq!(code, 200, "{text}");
    let text = [("content-type", "text/plain")];
    let large = format!("{{\"id\":\"{}\"}}", "x".repeat(1 << 20));
    for (method, path) in [
        ("POST", "/api/v1/mailservers"),
        ("PUT", "/api/v1/pin"),
        ("POST", "/api/v1/signals"),
    ] {
        refused(sidecar, 415, method, path, &text, "{}").await;
        refused(sidecar, 415, method, path, &[], "{}").await;
        refused(sidecar, 400, method, path, &[JSON], "{").await;
        if path != "/api/v1/signals" {
            refused(sidecar, 413, method, path, &[JSON], &large).await;
        }
        let evil = [JSON, ("origin", "http://evil.example")];
        refused(sidecar, 403, method, path, &evil, "{}").await;
    }
    let large = format!("[{large},{}]", "5,".repeat(3 << 20));
    refused(sidecar, 413, "POST", "/api/v1/signals", &[JSON], &large).await;
    refused(sidecar, 404, "GET", "/nowhere", &[], "").await;
    refused(sidecar, 405, "DELETE", "/api/v1/status", &[], "").await;
    let nobody = r#"{"id":"nobody"}"#;
    refused(sidecar, 404, "PUT", "/api/v1/pin", &[JSON], nobody).await;
    refused(
        sidecar,
        404,
        "DELETE",
        "/api/v1/mailservers/nobody",
        &[],
        "",
    )
    .await;
    assert!(sidecar.peak_memory() < 48, "{}", sidecar.peak_memory());
}

#[actix::test]
async fn signals_are_taken_only_in_push_mode() {
    let node = ForeignNode::start(Generation::Waku2, 2);
    let sidecar = Sidecar::serve(&node, &[]).await;
    let body = r#"{"type":"wakuv2.peerstats","event":{}}"#;
    refused(&sidecar, 409, "POST", "/api/v1/signals", &[JSON], body).await;
}

#[actix::test]
async fn health_follows_the_node() {
    let mut node = ForeignNode::start(Generation::Waku2, 2);
    let sidecar = Sidecar::serve(&node, &[]).await;
    sidecar.settled(0).await;
    assert_eq!(sidecar.request("GET", "/health/live", "").await.0, 200);
    assert_eq!(sidecar.request("GET", "/health/ready", "").await.0, 200);
    let (_, metrics) = sidecar.request("GET", "/metrics", "").await;
    assert!(metrics.contains("# TYPE"), "{metrics}");
    let before = sidecar.now();
    node.stop().await;
    let none = |it: &crate::sidecar::Event| it.told() == "mailserver:changed null";
    sidecar.event(before, "the outage is noticed", none).await;
    assert_eq!(sidecar.request("GET", "/health/live", "").await.0, 200);
    assert_eq!(sidecar.request("GET", "/health/ready", "").await.0, 503);
}

#[actix::test]
async fn history_is_asked_for_on_demand() {
    for generation in Generation::ALL {
        let node = ForeignNode::start(generation, 2);
        let sidecar = Sidecar::serve(&node, &[]).await;
        sidecar.settled(0).await;
        let before = sidecar.now();
        let (code, text) = sidecar.request("POST", "/api/v1/history", "").await;
        assert_eq!(code, 202, "{text}");
        sidecar.settled(before).await;
        let mut calls = node.driving_calls();
        // What it brings may have gaps.
        calls.retain(|it| it.method != "wakuext_fillGaps");
        let last = &calls.last().unwrap().method;
        assert_eq!(last, "wakuext_requestAllHistoricMessages", "{generation:?}");
    }
}
