//! What real nodes answered, answered again: see `tests/fixtures/wire`.

use std::time::Duration;

use ::actors::model::node::{Generation, Mode, NodeError, NodeState};
use mailserver_sidecar::node::{
    Signals,
    rpc::LONGEST_ANSWER,
    signals::{self, Signal},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ears::drive,
    scripted::{LIMIT, Node, Reply},
};

#[derive(Clone, Deserialize)]
struct Recorded {
    step: String,
    method: String,
    params: Value,
    body: String,
}

fn recorded(version: &str) -> Vec<Recorded> {
    let path = format!(
        "{}/tests/fixtures/wire/{version}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Answers as the node did: to the same parameters if it was asked with them, else to the same method.
async fn replay(version: &str) -> Node {
    let recorded: Vec<_> = recorded(version)
        .into_iter()
        .filter(|call| !call.step.contains("before"))
        .collect();
    Node::start(move |method, params| {
        let same_method = || recorded.iter().filter(|call| call.method == method);
        let call = same_method()
            .find(|call| call.params == *params)
            .or_else(|| same_method().next())?;
        Some(Reply::Body(call.body.clone()))
    })
    .await
}

#[actix::test]
async fn every_recorded_answer_is_understood() {
    for version in ["waku1-v0.94", "waku2-v0.94", "pin-2024-10"] {
        for Recorded {
            step,
            method,
            params,
            body,
        } in recorded(version)
        {
            let expected: Value = serde_json::from_str(&body).unwrap();
            let node = Node::start(move |_, _| Some(Reply::Body(body.clone()))).await;
            let outcome = node.rpc().call::<Value>(&method, params).await;
            let fits = match (&outcome, expected["error"]["code"].as_i64()) {
                (Ok(result), None) => *result == expected["result"],
                (Err(NodeError::NotLoggedIn), None) => {
                    expected["error"] == "JSON-RPC client is unavailable"
                }
                (Err(NodeError::UnknownMethod(_)), code) => code == Some(-32601),
                (Err(NodeError::BadParameters(_)), code) => code == Some(-32602),
                (Err(NodeError::NotLoggedIn), Some(_)) => {
                    expected["error"]["message"] == "method handler crashed"
                }
                (Err(NodeError::DialBackoff), Some(_)) => {
                    expected.to_string().contains("] dial backoff")
                }
                (Err(NodeError::Node { code, .. }), Some(expected)) => *code == expected,
                _ => false,
            };
            assert!(
                fits,
                "{version}, {step}, {method}: {outcome:?} for {expected}"
            );
            node.stop().await;
        }
    }
}

#[test]
fn every_recorded_signal_is_read_or_known_as_foreign() {
    let (mut read, mut messages) = ([0; 5], 0);
    for version in ["waku1-v0.94", "waku2-v0.94", "pin-2024-10"] {
        let path = format!(
            "{}/tests/fixtures/wire/{version}.signals.jsonl",
            env!("CARGO_MANIFEST_DIR")
        );
        for line in std::fs::read_to_string(path).unwrap().lines() {
            match signals::read(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line}")) {
                Some(Signal::Peers(snapshot)) => {
                    let event: Value = serde_json::from_str::<Value>(line).unwrap()["event"].take();
                    let listed = event
                        .as_array()
                        .map(Vec::len)
                        .or(event["peers"].as_object().map(serde_json::Map::len));
                    assert_eq!(Some(snapshot.peers.len()), listed, "{line}");
                    read[0] += 1;
                }
                Some(Signal::Connection(_)) => panic!("younger than the recordings: {line}"),
                Some(Signal::History(_)) => read[1] += 1,
                Some(Signal::Switched(switched)) => {
                    let none = switched.identity.is_none() && switched.id.is_none();
                    let empty =
                        line.contains(r#""address":"""#) || line.contains(r#""address":null"#);
                    assert_eq!(none, empty, "{line}");
                    read[2] += 1;
                }
                Some(Signal::Messages(arrived)) => {
                    let event = &serde_json::from_str::<Value>(line).unwrap()["event"];
                    let listed = event["messages"].as_array().map(|list| list.len() as u64);
                    // Gaps were recorded in the answers of requests only.
                    assert_eq!(arrived.map(|it| it.messages), listed, "{line}");
                    messages += listed.unwrap_or_default();
                }
                Some(Signal::LoggedIn) => read[3] += 1,
                // None was recorded with a failure, all with what goes before a login.
                Some(Signal::LoginFailed { reason }) => panic!("{reason}: {line}"),
                Some(Signal::NodeReady | Signal::Stopped) => {}
                None => read[4] += 1,
            }
        }
    }
    assert!(read.iter().all(|count| *count > 5), "{read:?}");
    assert!(messages > 5, "{messages} messages");
}

#[actix::test]
async fn each_generation_is_recognised_by_its_answers() {
    let generations = [
        ("waku1-v0.94", Mode::Waku1, 6),
        ("waku2-v0.94", Mode::Waku2, 6),
        ("pin-2024-10", Mode::Pin, 8),
    ];
    for (version, mode, calls) in generations {
        let node = replay(version).await;
        let mut config = node.config();
        config.signals = Signals::Push;
        let (driver, ears) = drive(config);
        assert_eq!(ears.ready().await.mode, mode, "{version}");
        let traffic = driver
            .send(::actors::messages::node::GetTraffic)
            .await
            .unwrap();
        assert!(
            traffic.rpc_calls <= calls,
            "{version}: {} calls",
            traffic.rpc_calls
        );
        // Nothing was sent that could change anything.
        assert!(
            node.orders()
                .iter()
                .all(|(_, params)| *params == json!(["/ip4/127.0.0.1/tcp/1"]))
        );
    }
}

#[actix::test]
async fn nobody_logged_in_as_each_generation_says_it() {
    let modern = r#"{"error":"JSON-RPC client is unavailable"}"#;
    let crashed =
        r#"{"jsonrpc":"2.0","id":4,"error":{"code":-32000,"message":"method handler crashed"}}"#;
    let without_settings = r#"{"jsonrpc":"2.0","id":8,"error":{"code":-32601,"message":"the method settings_getSettings does not exist/is not available"}}"#;
    for body in [modern, crashed, without_settings] {
        let node = Node::start(move |_, _| Some(Reply::Body(body.into()))).await;
        let (_driver, ears) = drive(node.config());
        assert_eq!(ears.away().await, NodeState::LoggedOut, "{body}");
    }
}

#[actix::test]
async fn a_node_that_serves_no_settings_but_lists_its_peers_is_logged_in() {
    let node = Node::start(|method, _| match method {
        "wakuext_peers" => Some(Reply::Result(json!({}))),
        _ => None,
    })
    .await;
    let (_driver, ears) = drive(node.config());
    let profile = ears.ready().await;
    assert!(profile.use_mailservers);
    // It has nothing that those before it had; and the default fleet is not saved.
    assert_eq!(profile.generation, Generation::PerQuery);
    assert_eq!(profile.fleet.as_deref(), Some("status.prod"));
}

#[actix::test]
async fn what_is_not_json_rpc_is_a_transport_error_that_quotes_it() {
    let html = "<html><body>502 Bad Gateway</body></html>";
    for reply in [Reply::Body(html.into()), Reply::Status(502, html)] {
        let node = Node::start(move |_, _| Some(reply.clone())).await;
        let error = node
            .rpc()
            .call::<Value>("wakuext_peers", json!([]))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, NodeError::Transport(text) if text.contains("Bad Gateway")),
            "{error:?}"
        );
        let (_driver, ears) = drive(node.config());
        assert!(matches!(ears.away().await, NodeState::Unreachable { .. }));
    }
}

#[actix::test]
async fn one_limit_around_head_and_body_and_a_hanging_call_holds_nobody_up() {
    let node = Node::start(|method, _| {
        Some(match method {
            "hang" => Reply::Hang,
            "half" => Reply::Half,
            _ => Reply::Result(json!(1)),
        })
    })
    .await;
    let rpc = node.rpc();
    let limit = Duration::from_millis(200);
    let hang = rpc.call_with_timeout::<Value>("hang", json!([]), limit);
    let half = rpc.call_with_timeout::<Value>("half", json!([]), limit);
    let others = async {
        for _ in 0..20 {
            assert_eq!(rpc.call::<u8>("quick", json!([])).await, Ok(1));
        }
    };
    let (hang, half, ()) = tokio::time::timeout(LIMIT, async { tokio::join!(hang, half, others) })
        .await
        .unwrap();
    assert_eq!(
        (hang, half),
        (
            Err(NodeError::Timeout(limit)),
            Err(NodeError::Timeout(limit))
        )
    );
}

#[actix::test]
async fn long_answers_are_read_and_endless_ones_given_up() {
    let node = Node::start(|method, _| {
        let length = if method == "long" {
            3 << 20
        } else {
            LONGEST_ANSWER
        };
        Some(Reply::Result(json!("x".repeat(length))))
    })
    .await;
    let rpc = node.rpc();
    assert_eq!(
        rpc.call::<String>("long", json!([])).await.unwrap().len(),
        3 << 20
    );
    let error = rpc.call::<String>("endless", json!([])).await.unwrap_err();
    assert!(
        matches!(&error, NodeError::Transport(text) if text.contains("longer than")),
        "{error:?}"
    );
    assert_eq!(
        rpc.call::<String>("long", json!([])).await.unwrap().len(),
        3 << 20
    );
}

#[actix::test]
async fn nobody_there() {
    let node = Node::start(|_, _| None).await;
    node.stop().await;
    let error = node
        .rpc()
        .call::<Value>("wakuext_peers", json!([]))
        .await
        .unwrap_err();
    assert!(matches!(error, NodeError::Transport(_)), "{error:?}");
}
