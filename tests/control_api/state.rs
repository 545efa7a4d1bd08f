//! What the service tells about itself.

use actors::node::NodeState;
use serde_json::{Value, json};

use crate::stubs::{STORE, Server, Stub};

#[actix::test]
async fn the_status_puts_all_parts_together() {
    let server = Server::start(Stub::default()).await;
    let status = server.get("/api/v1/status").await.json();
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert!(status["uptime_ms"].is_u64());
    assert_eq!(
        (&status["mode"], &status["fleet"]),
        (&json!("waku2"), &json!("status.prod"))
    );
    assert_eq!(
        status["node"],
        json!({ "state": "ready", "use_mailservers": true })
    );
    assert_eq!(status["online"], true);
    let active = json!({ "id": "store-1", "name": "store-1", "address": STORE, "state": "connected", "since_ms": 1500 });
    assert_eq!(status["active"], active);
    assert_eq!(status["pin"]["fallback_reason"], "no reply in time");
    let candidate = json!({
        "id": "store-1", "name": "store-1", "address": STORE, "origin": "fleet", "state": "connected",
        "rtt_ms": 12.5, "cool_off_ms": 4000,
    });
    assert_eq!(status["candidates"], json!([candidate]));
    assert_eq!(status["counts"]["connections"], 3);
    assert_eq!(
        status["last_decision"]["considered"][0]["verdict"]["verdict"],
        "chosen"
    );
    assert_eq!(status["history"]["completed"], 5);
    assert_eq!(
        status["actors"]["pinger"],
        json!({ "running": true, "restarts": 2, "last_failure": "panic" })
    );
    assert_eq!(status["traffic"]["rpc_calls"], 17);
    assert_eq!(status["unanswered"], json!([]));
}

#[actix::test]
async fn a_part_that_does_not_answer_is_null_and_named() {
    let server = Server::start(Stub {
        deaf: true,
        ..Stub::default()
    })
    .await;
    let status = server.get("/api/v1/status").await.json();
    assert_eq!(
        status["unanswered"],
        json!(["connector", "fleet_registry", "node"])
    );
    assert_eq!(
        (&status["active"], &status["candidates"], &status["traffic"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(status["history"]["completed"], 5);
    let ready = server.get("/health/ready").await;
    assert_eq!(
        (ready.status, ready.json()["error"].clone()),
        (503, json!("unanswered"))
    );
    assert_eq!(server.get("/health/live").await.status, 200);
    let metrics = server.get("/metrics").await;
    assert!(
        !metrics.body.contains("_connections_total"),
        "{}",
        metrics.body
    );
}

#[actix::test]
async fn readiness_follows_the_node() {
    assert_eq!(
        Server::start(Stub::default())
            .await
            .get("/health/ready")
            .await
            .status,
        200
    );
    for node in [
        NodeState::LoggedOut,
        NodeState::Unreachable {
            reason: "refused".to_owned(),
        },
    ] {
        let server = Server::start(Stub {
            node: Some(node),
            ..Stub::default()
        })
        .await;
        let answer = server.get("/health/ready").await;
        assert_eq!(
            (answer.status, answer.json()["error"].clone()),
            (503, json!("not_ready"))
        );
        assert_eq!(
            server.get("/api/v1/status").await.json()["mode"],
            Value::Null
        );
    }
}

#[actix::test]
async fn metrics_are_text_for_prometheus() {
    let server = Server::start(Stub::default()).await;
    let metrics = server.get("/metrics").await;
    assert!(
        metrics
            .head
            .contains("content-type: application/openmetrics-text"),
        "{}",
        metrics.head
    );
    for line in [
        "mailserver_sidecar_active 1\n",
        "mailserver_sidecar_node_ready 1\n",
        "mailserver_sidecar_connections_total 3\n",
        "mailserver_sidecar_candidates 1\n",
        "mailserver_sidecar_mailservers_connected 1\n",
        "mailserver_sidecar_history_completed_total 5\n",
        "mailserver_sidecar_rpc_calls_total 17\n",
        "mailserver_sidecar_actor_restarts_total{actor=\"pinger\"} 2\n",
        "# EOF\n",
    ] {
        assert!(metrics.body.contains(line), "{line}{}", metrics.body);
    }
    assert!(
        metrics
            .body
            .contains(concat!("version=\"", env!("CARGO_PKG_VERSION"), "\"")),
        "{}",
        metrics.body
    );
}
