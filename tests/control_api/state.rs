//! What the service tells about itself.

use actors::model::node::NodeState;
use serde_json::{Value, json};

use crate::{
    server::Server,
    stubs::{STORE, Stub},
};

#[actix::test]
async fn round_trips_are_told_of_each_candidate() {
    let server = Server::start(Stub::default()).await;
    let told = server.get("/api/v1/round-trips").await.json();
    let samples = json!([{ "ago_ms": 10_000, "rtt_ms": null }, { "ago_ms": 0, "rtt_ms": 12.5 }]);
    let expected = json!({ "mailservers": [{ "id": "store-1", "samples": samples }] });
    assert_eq!(told, expected);
}

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
        json!({ "state": "ready", "generation": "classic", "use_mailservers": true })
    );
    let online = json!({
        "verdict": "suspect", "since_ms": 250, "reason": "the signals of the node stopped", "node": true,
    });
    assert_eq!(status["online"], online);
    let active = json!({ "id": "store-1", "name": "store-1", "address": STORE, "state": "connected", "since_ms": 1500 });
    assert_eq!(status["active"], active);
    let standby = json!({ "id": "store-1", "name": "store-1", "address": STORE, "listed": true });
    assert_eq!(status["standby"], standby);
    let watch = json!({
        "probes": 90, "misses": 3, "bytes_per_minute": 7500, "interval_ms": 2000, "patience_ms": null,
    });
    assert_eq!(status["watch"], watch);
    assert_eq!(status["pin"]["fallback_reason"], "no reply in time");
    let candidate = json!({
        "id": "store-1", "name": "store-1", "address": STORE, "origin": "fleet", "state": "connected",
        "tier": "healthy", "rtt_ms": 12.5, "smoothed_rtt_ms": 13.5, "successes": 7, "failures": { "dial": 2 },
        "cool_off_ms": 4000,
    });
    assert_eq!(status["candidates"], json!([candidate]));
    assert_eq!(status["counts"]["connections"], 3);
    assert_eq!(
        status["last_decision"]["considered"][0]["verdict"]["verdict"],
        "chosen"
    );
    let decision = &status["last_decision"];
    assert_eq!(
        [&decision["purpose"], &decision["drawn"], &decision["early"]],
        [&json!("active"), &json!(0), &json!(true)]
    );
    assert_eq!(status["history"]["completed"], 5);
    let community = json!({
        "id": "0x02", "tries": 3, "queued_ms": 1_000, "next_try_ms": null, "last": "unknown"
    });
    assert_eq!(status["history"]["communities"], json!([community]));
    let unset = json!({
        "opened": 0, "covered": 0, "given_up": 0, "completed": 0, "rewound": 0, "needless": 0, "found_missing": 0,
    });
    let mut journal = status["journal"].clone();
    assert!(journal["now_ms"].take().is_u64(), "{journal}");
    let expected = json!({
        "now_ms": null, "since_ms": null, "covered_until_ms": null, "open": 0, "being_checked": 0, "oldest": null,
        "requesting": false, "next_try_ms": null, "counts": unset,
    });
    assert_eq!(journal, expected);
    assert_eq!(status["audit"]["audits"], 4);
    let gaps = json!({ "waiting": 1, "filled": 2, "failed": 3 });
    assert_eq!(status["gaps"], gaps);
    let login = json!({ "state": "given_up", "tries": 3, "last_outcome": "given up" });
    assert_eq!(status["login"], login);
    assert_eq!(
        status["actors"]["pinger"],
        json!({ "running": true, "restarts": 2, "last_failure": "panic" })
    );
    assert_eq!(status["traffic"]["rpc_calls"], 17);
    let outcomes = json!({ "ok": 15, "error": 0, "timeout": 2, "unreachable": 0 });
    assert_eq!(status["traffic"]["rpc"]["wakuext_peers"], outcomes);
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
        json!(["connector", "fleet_registry", "journal", "node"])
    );
    let history = server.get("/api/v1/history").await;
    assert_eq!((history.status, &status["journal"]), (503, &Value::Null));
    assert_eq!(
        (&status["active"], &status["candidates"], &status["traffic"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(status["history"]["completed"], 5);
    assert_eq!(
        (&status["standby"], &status["online"]["verdict"]),
        (&Value::Null, &json!("suspect"))
    );
    let ready = server.get("/health/ready").await;
    assert_eq!(
        (ready.status, ready.problem()),
        (503, "unanswered".to_owned())
    );
    assert_eq!(server.get("/health/live").await.status, 200);
    let metrics = server.get("/metrics").await;
    assert!(
        !metrics.body.contains("_connections_total"),
        "{}",
        metrics.body
    );
    assert!(!metrics.body.contains("_windows_open"), "{}", metrics.body);
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
            (answer.status, answer.problem()),
            (503, "not_ready".to_owned())
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
        "mailserver_sidecar_failover_seconds_sum{cause=\"probe\"} 0.75\n",
        "mailserver_sidecar_failover_seconds_count{cause=\"probe\"} 1\n",
        "mailserver_sidecar_failover_seconds_bucket{le=\"0.5\",cause=\"probe\"} 0\n",
        "mailserver_sidecar_failover_seconds_bucket{le=\"1.0\",cause=\"probe\"} 1\n",
        "mailserver_sidecar_failover_seconds_bucket{le=\"+Inf\",cause=\"probe\"} 1\n",
        "mailserver_sidecar_candidates 1\n",
        "mailserver_sidecar_mailservers_connected 1\n",
        "mailserver_sidecar_history_completed_total 5\n",
        "mailserver_sidecar_windows_open 0\n",
        "mailserver_sidecar_oldest_open_window_seconds 0.0\n",
        "mailserver_sidecar_audits_total 4\n",
        "mailserver_sidecar_node_deaf 1\n",
        "mailserver_sidecar_gaps_waiting 1\n",
        "mailserver_sidecar_gaps_failed_total 3\n",
        "mailserver_sidecar_standby 1\n",
        "mailserver_sidecar_online 0\n",
        "mailserver_sidecar_offline 0\n",
        "mailserver_sidecar_node_online 1\n",
        "mailserver_sidecar_watch_probes_total 90\n",
        "mailserver_sidecar_watch_misses_total 3\n",
        "mailserver_sidecar_watch_bytes_per_minute 7500\n",
        "mailserver_sidecar_remembered_successes 7\n",
        "mailserver_sidecar_remembered_failures{cause=\"dial\"} 2\n",
        "mailserver_sidecar_rpc_calls_total 17\n",
        "mailserver_sidecar_rpc_outcomes_total{method=\"wakuext_peers\",outcome=\"timeout\"} 2\n",
        "mailserver_sidecar_rpc_outcomes_total{method=\"wakuext_peers\",outcome=\"error\"} 0\n",
        "mailserver_sidecar_queue_depth{queue=\"rpc\"} 3\n",
        "mailserver_sidecar_queue_depth{queue=\"gaps\"} 1\n",
        "mailserver_sidecar_queue_depth{queue=\"signals\"} 0\n",
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
