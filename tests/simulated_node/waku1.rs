//! As recorded on status-go v0.94.12 with waku v1.

use actors::model::node::Mode::Waku1;
use mailserver_sidecar::sim::{Fault, Settings};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::rig::{LONG, Rig, SPEED};

#[actix::test]
async fn updating_to_a_live_mailserver_answers_null_and_then_lists_the_peer() {
    let rig = Rig::start(Waku1);
    let mut signals = rig.signals().await;
    let enode = rig.mailserver(0).address;
    let params = json!([[enode]]);
    assert_eq!(
        rig.ok("wakuext_updateMailservers", params).await,
        Value::Null
    );
    let summary = signals.next("discovery.summary").await;
    assert_eq!(summary[0]["enode"], enode);
    assert_eq!(summary, rig.ok("admin_peers", json!([])).await);
    assert_eq!(rig.ok("wakuext_peers", json!([])).await, json!({}));
    assert_eq!(rig.sim.used_mailserver(), Some(rig.mailserver(0).id));
}

#[actix::test]
async fn updating_to_a_dead_mailserver_answers_null_too() {
    let rig = Rig::start(Waku1);
    for (index, fault) in [Fault::Killed, Fault::Hung, Fault::Refusing]
        .into_iter()
        .enumerate()
    {
        rig.sim.set_fault(index, fault).unwrap();
        let params = json!([[rig.mailserver(index).address]]);
        assert_eq!(
            rig.ok("wakuext_updateMailservers", params).await,
            Value::Null
        );
    }
    assert_eq!(rig.ok("admin_peers", json!([])).await, json!([]));
}

#[actix::test]
async fn without_discovery_no_summary_is_sent() {
    let rig = Rig::with(Settings {
        discovery: false,
        ..Settings::new(Waku1)
    });
    let mut signals = rig.signals().await;
    connect(&rig, 0).await;
    rig.sim.send_frame(r#"{"type":"mark","event":null}"#);
    assert_eq!(signals.any().await["type"], "mark");
}

#[actix::test]
async fn a_removed_peer_that_is_added_again_connects_only_35_s_after_its_last_dial() {
    let rig = Rig::start(Waku1);
    let enode = rig.mailserver(0).address;
    let begun = Instant::now();
    connect(&rig, 0).await;
    assert_eq!(rig.ok("admin_removePeer", json!([enode])).await, true);
    assert_eq!(rig.ok("admin_peers", json!([])).await, json!([]));
    connect(&rig, 0).await;
    assert!(begun.elapsed().as_secs_f64() >= 35.0 / SPEED);
}

#[actix::test]
async fn missed_messages_are_fetched_from_the_peer_in_use() {
    let rig = Rig::start(Waku1);
    rig.sim.publish("missed 0");
    rig.sim.publish("missed 1");
    assert_eq!(
        request_history(&rig).await,
        Value::Null,
        "no mailserver, no error"
    );
    connect(&rig, 0).await;
    let mut signals = rig.signals().await;
    assert!(request_history(&rig).await["chats"].is_array());
    assert_eq!(rig.sim.missing(), Vec::<String>::new());
    let story = [
        "history.request.started",
        "messages.new",
        "history.request.batch.processed",
        "history.request.completed",
    ];
    assert_eq!(signals.story(story.len()).await, story);
    rig.ok("admin_removePeer", json!([rig.mailserver(0).address]))
        .await;
    assert_eq!(
        request_history(&rig).await,
        Value::Null,
        "no peer, no error"
    );
}

#[actix::test]
async fn wrong_calls_are_refused_in_the_recorded_words() {
    let rig = Rig::start(Waku1);
    let expected = [
        (
            "wakuext_updateMailserver",
            json!([[]]),
            -32601,
            "the method wakuext_updateMailserver does not exist/is not available",
        ),
        (
            "wakuext_updateMailservers",
            json!(["x"]),
            -32602,
            "invalid argument 0: json: cannot unmarshal string into Go value of type []string",
        ),
        (
            "wakuext_updateMailservers",
            json!([["garbage"]]),
            -32000,
            "invalid URL scheme, want \"enode\"",
        ),
        (
            "wakuext_updateMailservers",
            json!([]),
            -32602,
            "missing value for required argument 0",
        ),
        (
            "admin_removePeer",
            json!(["garbage"]),
            -32000,
            "invalid enode: missing 'enr:' prefix for base64-encoded record",
        ),
        (
            "wakuext_dialPeer",
            json!(["/ip4/127.0.0.1/tcp/1"]),
            -32000,
            "not available in WakuV1",
        ),
        (
            "settings_saveSetting",
            json!(["no-such-setting", 1]),
            -32000,
            "configuration value not allowed",
        ),
        (
            "mailservers_addMailserver",
            json!(["bad"]),
            -32602,
            "invalid argument 0: json: cannot unmarshal string into Go value of type mailservers.Mailserver",
        ),
        (
            "mailservers_ping",
            json!([[]]),
            -32602,
            "invalid argument 0: json: cannot unmarshal array into Go value of type mailservers.PingQuery",
        ),
        (
            "mailservers_ping",
            json!([{"addresses": [], "timeoutMs": "500"}]),
            -32602,
            "invalid argument 0: json: cannot unmarshal string into Go struct field PingQuery.timeoutMs of type int",
        ),
        (
            "mailservers_ping",
            json!([{"addresses": [], "timeoutMs": 500.5}]),
            -32602,
            "invalid argument 0: json: cannot unmarshal number 500.5 into Go struct field PingQuery.timeoutMs of type int",
        ),
        (
            "mailservers_ping",
            json!([{"addresses": "x", "timeoutMs": 5}]),
            -32602,
            "invalid argument 0: json: cannot unmarshal string into Go struct field PingQuery.addresses of type []string",
        ),
    ];
    for (method, params, code, message) in expected {
        assert_eq!(rig.error(method, params).await, (code, message.to_owned()));
    }
}

#[actix::test]
async fn pings_collapse_what_shares_a_port_and_name_what_is_wrong() {
    let rig = Rig::start(Waku1);
    let [a, b] = [rig.mailserver(0), rig.mailserver(1)];
    let twin = format!("enode://{}@{}", b.identity, a.socket);
    let ping = json!([{"addresses": [a.address, twin, "garbage", "enode://zz@1.2.3.4:5"], "timeoutMs": 5000}]);
    let mut answers = sorted(rig.ok("mailservers_ping", ping).await);
    assert_eq!(
        answers.len(),
        3,
        "one answer for two at one port: {answers:?}"
    );
    assert_eq!(
        answers.remove(2)["error"],
        "invalid URL scheme, want \"enode\""
    );
    let errors: Vec<&Value> = answers.iter().map(|answer| &answer["error"]).collect();
    let bad_key = json!("invalid public key (encoding/hex: invalid byte: U+007A 'z')");
    assert!(
        errors.contains(&&bad_key) && errors.contains(&&Value::Null),
        "{errors:?}"
    );
}

#[actix::test]
async fn pings_answer_in_random_order_in_whole_milliseconds_or_all_time_out() {
    let rig = Rig::with(Settings {
        mailservers: 5,
        ..Settings::new(Waku1)
    });
    let all: Vec<_> = rig
        .sim
        .mailservers()
        .into_iter()
        .map(|m| m.address)
        .collect();
    let mut orders = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let params = json!([{"addresses": all, "timeoutMs": 5000}]);
        let answers = rig.ok("mailservers_ping", params).await;
        let answers = answers.as_array().unwrap();
        assert!(
            answers.iter().all(|answer| answer["rttMs"].is_u64()),
            "{answers:?}"
        );
        orders.insert(
            answers
                .iter()
                .map(|answer| answer["address"].to_string())
                .collect::<String>(),
        );
    }
    assert!(
        orders.len() > 1,
        "five answers came twenty times in the same order"
    );
    for params in [
        json!([{"addresses": all}]),
        json!([{"addresses": all, "timeoutMs": 0}]),
    ] {
        let answers = rig.ok("mailservers_ping", params).await;
        let mut answers = answers.as_array().unwrap().iter();
        assert!(answers.all(|answer| answer["error"] == "tcp check timeout: I/O timeout"));
    }
}

#[actix::test]
async fn before_login_what_needs_an_account_fails() {
    let rig = Rig::with(Settings {
        logged_in: false,
        ..Settings::new(Waku1)
    });
    let crashed = (-32000, "method handler crashed".to_owned());
    assert_eq!(rig.error("wakuext_peers", json!([])).await, crashed);
    assert_eq!(rig.error("settings_getSettings", json!([])).await.0, -32601);
    rig.sim.log_in("sim.test");
    assert_eq!(rig.ok("wakuext_peers", json!([])).await, json!({}));
}

#[actix::test]
async fn its_own_cycle_fights_an_outside_driver() {
    let rig = Rig::with(Settings {
        mailservers: 3,
        speed: SPEED,
        own_cycle: true,
        ..Settings::new(Waku1)
    });
    rig.until("it chose", |sim| sim.peers().len() == 1).await;
    let mut signals = rig.signals().await;
    let own = rig.sim.used_mailserver().unwrap();
    let other = rig
        .sim
        .mailservers()
        .into_iter()
        .find(|m| m.id != own)
        .unwrap();
    rig.ok("wakuext_updateMailservers", json!([[other.address]]))
        .await;
    assert_eq!(
        signals.next("mailserver.changed").await,
        json!({"address": ""})
    );
    let chosen = signals.next("mailserver.changed").await;
    assert!(
        chosen["address"].as_str().unwrap().starts_with("enode://"),
        "{chosen}"
    );
}

async fn request_history(rig: &Rig) -> Value {
    rig.ok("wakuext_requestAllHistoricMessages", json!([]))
        .await
}

async fn connect(rig: &Rig, index: usize) {
    let mailserver = rig.mailserver(index);
    rig.ok("wakuext_updateMailservers", json!([[mailserver.address]]))
        .await;
    let connected = rig
        .sim
        .wait_for(LONG, |sim| sim.peers().contains(&mailserver.id))
        .await;
    assert!(connected, "{} never connected", mailserver.id);
}

fn sorted(answers: Value) -> Vec<Value> {
    let mut answers = answers.as_array().unwrap().clone();
    answers.sort_by_key(|answer| answer["address"].to_string());
    answers
}
