//! As recorded on status-go v0.94.12 with waku v2.

use std::time::Duration;

use actors::model::node::Mode::Waku2;
use mailserver_sidecar::sim::{Fault, Settings};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::rig::{Rig, SPEED, UNHURRIED};

#[actix::test]
async fn a_dialled_mailserver_is_listed_and_gives_what_was_missed() {
    let rig = Rig::start(Waku2);
    rig.sim.publish("missed");
    let mut signals = rig.signals().await;
    use_mailserver(&rig, 1).await;
    let stats = signals.next("wakuv2.peerstats").await;
    let peer = rig.mailserver(1).identity;
    assert_eq!(
        (&stats["isOnline"], &stats["hasHistory"]),
        (&json!(true), &json!(true))
    );
    assert!(stats["peers"][&peer].is_array(), "{stats}");
    assert_eq!(rig.ok("wakuext_peers", json!([])).await, stats["peers"]);
    assert_eq!(rig.ok("admin_peers", json!([])).await, json!([]));
    assert!(request_history(&rig).await["chats"].is_array());
    assert_eq!(
        signals.next("messages.new").await["messages"][0]["text"],
        "missed"
    );
    assert_eq!(rig.sim.received(), ["missed"]);
}

#[actix::test]
async fn what_is_sent_while_connected_arrives_live_and_once() {
    let rig = Rig::start(Waku2);
    rig.dial(0).await;
    rig.dial(1).await;
    let mut signals = rig.signals().await;
    rig.sim.publish("live");
    assert_eq!(
        signals.next("messages.new").await["messages"][0]["text"],
        "live"
    );
    assert_eq!(rig.sim.missing(), Vec::<String>::new());
    rig.sim.send_frame(r#"{"type":"mark","event":null}"#);
    rig.sim.publish("live 2");
    assert_eq!(signals.story(2).await, ["mark", "messages.new"]);
}

#[actix::test]
async fn dials_fail_in_the_recorded_words_and_then_with_dial_backoff() {
    let rig = Rig::with(Settings {
        mailservers: 3,
        speed: UNHURRIED,
        ..Settings::new(Waku2)
    });
    for (index, fault) in [Fault::Killed, Fault::Refusing, Fault::Hung]
        .into_iter()
        .enumerate()
    {
        rig.sim.set_fault(index, fault).unwrap();
    }
    let at = |index: usize| {
        let mailserver = rig.mailserver(index);
        let port = mailserver.socket.port();
        (
            mailserver.identity.clone(),
            format!(
                "failed to dial {}:\n  * [/ip4/127.0.0.1/tcp/{port}] ",
                mailserver.identity
            ),
        )
    };
    let (_, killed) = at(0);
    let socket = rig.mailserver(0).socket;
    let refused = format!("{killed}dial tcp4 {socket}: connect: connection refused");
    assert_eq!(dial_error(&rig, 0).await, refused);
    assert_eq!(dial_error(&rig, 0).await, format!("{killed}dial backoff"));
    let (expected, refusing) = at(1);
    let mismatch = dial_error(&rig, 1).await;
    let words = format!(
        "{refusing}failed to negotiate security protocol: peer id mismatch: expected {expected}, but remote key matches 16Uiu2HA"
    );
    assert!(mismatch.starts_with(&words), "{mismatch}");
    let begun = Instant::now();
    assert_eq!(dial_error(&rig, 2).await, "context deadline exceeded");
    assert!(begun.elapsed().as_secs_f64() >= 5.0 / UNHURRIED);
    let (_, hung) = at(2);
    assert_eq!(dial_error(&rig, 2).await, format!("{hung}dial backoff"));
    let garbage = rig.error("wakuext_dialPeer", json!(["garbage"])).await;
    assert_eq!(
        garbage,
        (
            -32000,
            "failed to parse multiaddr \"garbage\": must begin with /".into()
        )
    );
    let anonymous = rig
        .error("wakuext_dialPeer", json!(["/ip4/127.0.0.1/tcp/1"]))
        .await;
    assert_eq!(anonymous.1, "invalid p2p multiaddr");
}

#[actix::test]
async fn dialling_a_connected_peer_succeeds_whatever_the_address() {
    let rig = Rig::start(Waku2);
    rig.dial(0).await;
    let nowhere = format!("/ip4/127.0.0.1/tcp/1/p2p/{}", rig.mailserver(0).identity);
    assert_eq!(
        rig.ok("wakuext_dialPeer", json!([nowhere])).await,
        Value::Null
    );
}

#[actix::test]
async fn dropping_a_peer_drops_nothing() {
    let rig = Rig::start(Waku2);
    rig.dial(0).await;
    for peer in [rig.mailserver(0).identity.as_str(), "garbage", ""] {
        assert_eq!(rig.ok("wakuext_dropPeer", json!([peer])).await, Value::Null);
    }
    assert_eq!(rig.sim.peers(), [rig.mailserver(0).id]);
}

#[actix::test]
async fn setting_garbage_succeeds_and_the_error_comes_with_the_request() {
    let rig = Rig::start(Waku2);
    assert_eq!(
        rig.ok("wakuext_setMailserver", json!(["garbage"])).await,
        Value::Null
    );
    assert_eq!(
        request_history(&rig).await,
        Value::Null,
        "without a peer nothing is looked at"
    );
    rig.dial(0).await;
    let request = "wakuext_requestAllHistoricMessages";
    let error = rig.error(request, json!([])).await;
    assert_eq!(
        error,
        (
            -32000,
            "failed to parse peer ID: selected encoding not supported".into()
        )
    );
    rig.ok("wakuext_setMailserver", json!([""])).await;
    assert_eq!(
        rig.error(request, json!([])).await.1,
        "failed to parse peer ID: cid too short"
    );
    let too_many = rig.error(request, json!([false])).await;
    assert_eq!(
        too_many,
        (-32602, "too many arguments, want at most 0".into())
    );
}

#[actix::test]
async fn with_mailservers_switched_off_a_request_does_nothing_and_says_nothing() {
    let rig = Rig::start(Waku2);
    use_mailserver(&rig, 0).await;
    rig.ok("settings_saveSetting", json!(["use-mailservers?", false]))
        .await;
    assert_eq!(request_history(&rig).await, Value::Null);
    rig.ok("settings_saveSetting", json!(["use-mailservers?", true]))
        .await;
    assert_eq!(request_history(&rig).await, json!({"notifications": null}));
}

#[actix::test]
async fn a_killed_mailserver_is_lost_at_once_and_redialled_when_it_is_back() {
    let rig = Rig::start(Waku2);
    rig.dial(0).await;
    let mut signals = rig.signals().await;
    rig.sim.set_fault(0, Fault::Killed).unwrap();
    let stats = signals.next("wakuv2.peerstats").await;
    assert_eq!(
        stats,
        json!({"isOnline": false, "hasHistory": false, "peers": {}})
    );
    rig.sim.set_fault(0, Fault::None).unwrap();
    rig.until("redialled by itself", |sim| sim.peers().len() == 1)
        .await;
}

#[actix::test]
async fn a_hung_mailserver_answers_pings_and_leaves_the_list_only_after_a_while() {
    let rig = Rig::start(Waku2);
    rig.dial(0).await;
    rig.sim.set_fault(0, Fault::Hung).unwrap();
    let hung = Instant::now();
    assert!(ping(&rig, 0, 5000).await["rttMs"].is_u64());
    rig.until("gone", |sim| sim.peers().is_empty()).await;
    // The last heartbeat was answered some time before it hung.
    assert!(hung.elapsed().as_secs_f64() > 6.0 / SPEED);
}

#[actix::test]
async fn an_isolated_mailserver_makes_the_whole_ping_take_its_timeout() {
    let rig = Rig::start(Waku2);
    rig.sim.set_fault(0, Fault::Isolated).unwrap();
    let all: Vec<_> = rig
        .sim
        .mailservers()
        .into_iter()
        .map(|m| m.address)
        .collect();
    let begun = Instant::now();
    let params = json!([{"addresses": all, "timeoutMs": 300}]);
    let answers = rig.ok("mailservers_multiAddressPing", params).await;
    assert!(begun.elapsed() >= Duration::from_millis(300));
    let answers = answers.as_array().unwrap();
    let silent = answers
        .iter()
        .filter(|answer| answer["error"] == "tcp check timeout: I/O timeout");
    assert_eq!(silent.count(), 1, "{answers:?}");
    rig.sim.set_fault(0, Fault::None).unwrap();
    assert!(ping(&rig, 0, 5000).await["rttMs"].is_u64());
}

#[actix::test]
async fn latency_shows_in_pings_and_dials() {
    let rig = Rig::with(Settings {
        latencies: vec![Duration::from_millis(40), Duration::from_millis(1)],
        ..Settings::new(Waku2)
    });
    assert!(ping(&rig, 0, 5000).await["rttMs"].as_u64().unwrap() >= 40);
    let begun = Instant::now();
    rig.dial(0).await;
    assert!(begun.elapsed() >= Duration::from_millis(40));
    rig.sim
        .set_fault(1, Fault::Slow(Duration::from_millis(90)))
        .unwrap();
    assert!(ping(&rig, 1, 5000).await["rttMs"].as_u64().unwrap() >= 90);
}

#[actix::test]
async fn requests_fail_although_pings_and_dials_succeed() {
    let rig = Rig::start(Waku2);
    rig.sim.publish("missed");
    use_mailserver(&rig, 0).await;
    let mut signals = rig.signals().await;
    rig.sim.set_fault(0, Fault::HistoryFails).unwrap();
    let error = rig
        .error("wakuext_requestAllHistoricMessages", json!([]))
        .await;
    assert_eq!(error, (-32000, "503 - SERVICE_UNAVAILABLE".into()));
    let failed = signals.next("history.request.failed").await;
    assert_eq!(failed["errorMessage"], "503 - SERVICE_UNAVAILABLE");
    rig.sim.set_fault(0, Fault::HistoryHangs).unwrap();
    let hanging = tokio::time::timeout(Duration::from_millis(100), request_history(&rig)).await;
    assert!(hanging.is_err());
    rig.sim.set_fault(0, Fault::None).unwrap();
    request_history(&rig).await;
    assert_eq!(rig.sim.missing(), Vec::<String>::new());
}

#[actix::test]
async fn what_an_empty_answer_skipped_is_never_asked_for_again() {
    let rig = Rig::start(Waku2);
    rig.sim.publish("lost");
    use_mailserver(&rig, 0).await;
    rig.sim.set_fault(0, Fault::HistoryEmpty).unwrap();
    assert_eq!(request_history(&rig).await, json!({"notifications": null}));
    rig.sim.set_fault(0, Fault::None).unwrap();
    request_history(&rig).await;
    assert_eq!(rig.sim.missing(), ["lost"]);
}

#[actix::test]
async fn a_community_that_was_asked_for_in_vain_is_null_from_then_on() {
    let rig = Rig::start(Waku2);
    let method = "wakuext_requestCommunityInfoFromMailserver";
    let id = format!("0x{}", "3d".repeat(33));
    use_mailserver(&rig, 0).await;
    let begun = Instant::now();
    assert_eq!(rig.ok(method, json!([id])).await, Value::Null);
    assert!(begun.elapsed().as_secs_f64() >= 15.0 / SPEED);
    rig.sim.publish_community(&id, "late");
    assert_eq!(rig.ok(method, json!([id])).await, Value::Null);
    let other = format!("0x{}", "4e".repeat(33));
    rig.sim.publish_community(&other, "early");
    assert_eq!(rig.ok(method, json!([other])).await["name"], "early");
    let error = rig.error(method, json!(["zz"])).await;
    assert_eq!(error, (-32000, "hex string without 0x prefix".into()));
}

#[actix::test]
async fn a_node_without_network_loses_all_peers_and_cannot_dial() {
    let rig = Rig::start(Waku2);
    rig.dial(0).await;
    rig.sim.node_offline(true);
    assert_eq!(rig.sim.peers(), Vec::<String>::new());
    let unreachable = dial_error(&rig, 1).await;
    assert!(
        unreachable.ends_with("connect: network is unreachable"),
        "{unreachable}"
    );
    rig.sim.node_offline(false);
    rig.until("redialled by itself", |sim| !sim.peers().is_empty())
        .await;
}

#[actix::test]
async fn what_the_node_saves_is_what_it_was_given() {
    let rig = Rig::start(Waku2);
    assert_eq!(
        rig.ok("mailservers_getMailservers", json!([])).await,
        Value::Null
    );
    let saved = json!({"id": "mine", "name": "Mine", "address": "/ip4/127.0.0.1/tcp/1", "fleet": "sim.test"});
    rig.ok("mailservers_addMailserver", json!([saved])).await;
    assert_eq!(
        rig.ok("mailservers_getMailservers", json!([])).await,
        json!([saved])
    );
    rig.ok("mailservers_deleteMailserver", json!(["no-such-id"]))
        .await;
    rig.ok("mailservers_deleteMailserver", json!(["mine"]))
        .await;
    assert_eq!(
        rig.ok("mailservers_getMailservers", json!([])).await,
        Value::Null
    );
    let settings = rig.ok("settings_getSettings", json!([])).await;
    assert!(settings.get("fleet").is_none(), "absent until it is saved");
    let config = rig.ok("settings_nodeConfig", json!([])).await;
    assert_eq!(config["ClusterConfig"]["Fleet"], "sim.test");
    assert_eq!(config["WakuV2Config"]["Enabled"], true);
    rig.ok("settings_saveSetting", json!(["fleet", "other"]))
        .await;
    assert_eq!(
        rig.ok("settings_getSettings", json!([])).await["fleet"],
        "other"
    );
}

async fn request_history(rig: &Rig) -> Value {
    rig.ok("wakuext_requestAllHistoricMessages", json!([]))
        .await
}

async fn use_mailserver(rig: &Rig, index: usize) {
    rig.dial(index).await;
    let set = rig
        .ok(
            "wakuext_setMailserver",
            json!([rig.mailserver(index).identity]),
        )
        .await;
    assert_eq!(set, Value::Null);
}

async fn dial_error(rig: &Rig, index: usize) -> String {
    let address = rig.mailserver(index).address;
    let (code, message) = rig.error("wakuext_dialPeer", json!([address])).await;
    assert_eq!(code, -32000);
    message
}

async fn ping(rig: &Rig, index: usize, limit: u64) -> Value {
    let params = json!([{"addresses": [rig.mailserver(index).address], "timeoutMs": limit}]);
    rig.ok("mailservers_multiAddressPing", params).await[0].clone()
}
