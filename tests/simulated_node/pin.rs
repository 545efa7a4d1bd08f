//! As recorded on status-go's develop of 2024-10.

use actors::model::node::Mode::Pin;
use mailserver_sidecar::sim::{Fault, Settings};
use serde_json::{Value, json};

use crate::rig::{Rig, SPEED, Signals, UNHURRIED};

#[actix::test]
async fn at_login_it_connects_to_its_fleet_chooses_and_asks_for_history() {
    let rig = Rig::with(Settings {
        mailservers: 3,
        speed: SPEED,
        logged_in: false,
        ..Settings::new(Pin)
    });
    rig.sim.publish("missed");
    let mut signals = rig.signals().await;
    rig.sim.log_in("sim.test");
    let stats = signals.next("wakuv2.peerstats").await;
    assert_eq!(stats["isOnline"], true);
    let story = signals.story(5).await;
    let chosen = rig.sim.used_mailserver().unwrap();
    let expected = [
        format!("mailserver.changed {chosen}"),
        format!("mailserver.available {chosen}"),
        "history.request.started".into(),
        "history.request.completed".into(),
        "messages.new".into(),
    ];
    assert_eq!(story, expected);
    assert_eq!(rig.sim.missing(), Vec::<String>::new());
    let peers = rig.ok("wakuext_peers", json!([])).await;
    let peer = &peers[rig.mailserver(2).identity];
    assert!(peer["protocols"].is_array(), "{peers}");
    assert_eq!(peer["addresses"], json!([rig.mailserver(2).address]));
    assert_eq!(rig.ok("admin_peers", json!([])).await, json!([]));
}

#[actix::test]
async fn a_pin_acts_at_once_and_is_followed_by_a_request() {
    let (rig, mut signals) = settled().await;
    assert_eq!(pin(&rig, "store-02.sim.test").await, Value::Null);
    let story = [
        "mailserver.changed",
        "mailserver.changed store-02.sim.test",
        "mailserver.available store-02.sim.test",
        "history.request.started",
        "history.request.completed",
    ];
    assert_eq!(signals.story(story.len()).await, story);
}

#[actix::test]
async fn an_unknown_id_or_a_multiaddr_is_accepted_and_ignored() {
    let (rig, mut signals) = settled().await;
    for ignored in ["no-such", &rig.mailserver(0).address] {
        assert_eq!(pin(&rig, ignored).await, Value::Null);
        let story = signals.story(5).await;
        assert!(
            story[1].starts_with("mailserver.changed store-"),
            "{story:?}"
        );
    }
}

#[actix::test]
async fn a_dead_pin_is_called_available_and_never_left() {
    let (rig, mut signals) = settled().await;
    rig.sim.set_fault(0, Fault::Killed).unwrap();
    pin(&rig, "store-01.sim.test").await;
    let story = [
        "mailserver.changed",
        "mailserver.changed store-01.sim.test",
        "mailserver.available store-01.sim.test",
        "history.request.started",
    ];
    assert_eq!(signals.story(story.len()).await, story);
    for _ in 0..2 {
        let again = signals.next("mailserver.changed").await;
        assert_eq!(again["id"], "store-01.sim.test");
    }
}

#[actix::test]
async fn a_mailserver_that_dies_without_a_request_is_kept() {
    let (rig, mut signals) = settled().await;
    let active = rig.sim.used_mailserver();
    let index = rig
        .sim
        .mailservers()
        .iter()
        .position(|m| Some(&m.id) == active.as_ref())
        .unwrap();
    rig.sim.set_fault(index, Fault::Killed).unwrap();
    // The loss, then two heartbeats.
    for _ in 0..3 {
        let signal = signals.any().await;
        assert_eq!(signal["type"], "wakuv2.peerstats", "{signal}");
    }
    assert_eq!(rig.sim.used_mailserver(), active);
}

#[actix::test]
async fn two_failed_requests_make_it_choose_another() {
    let (rig, mut signals) = settled().await;
    let active = rig.sim.used_mailserver().unwrap();
    let index = rig
        .sim
        .mailservers()
        .iter()
        .position(|m| m.id == active)
        .unwrap();
    rig.sim.set_fault(index, Fault::HistoryFails).unwrap();
    let error = rig
        .error("wakuext_requestAllHistoricMessages", json!([false]))
        .await;
    assert_eq!(error, (-32000, "503 - SERVICE_UNAVAILABLE".into()));
    let story = signals.story(8).await;
    let expected = [
        "history.request.started",
        "history.request.failed",
        "history.request.started",
        "history.request.failed",
        "mailserver.not.working",
        "mailserver.changed",
    ];
    assert_eq!(story[..6], expected);
    assert!(
        story[6].starts_with("mailserver.changed store-") && !story[6].ends_with(&active),
        "{story:?}"
    );
}

#[actix::test]
async fn an_offline_node_stays_offline_until_it_is_made_to_dial() {
    let (rig, mut signals) = settled().await;
    rig.sim.node_offline(true);
    rig.sim.node_offline(false);
    let offline = json!({"isOnline": false, "peers": {}});
    while signals.next("wakuv2.peerstats").await != offline {}
    for _heartbeat in 0..2 {
        assert_eq!(signals.next("wakuv2.peerstats").await, offline);
    }
    let history = "wakuext_requestAllHistoricMessages";
    assert_eq!(rig.ok(history, json!([false])).await, Value::Null);
    rig.sim.publish("missed");
    rig.dial(1).await;
    signals.next("history.request.completed").await;
    assert_eq!(rig.sim.missing(), Vec::<String>::new());
}

#[actix::test]
async fn dropping_a_peer_drops_it() {
    let (rig, _signals) = settled().await;
    rig.ok("wakuext_dropPeer", json!([rig.mailserver(1).identity]))
        .await;
    assert_eq!(rig.sim.peers().len(), 2);
    let garbage = rig.error("wakuext_dropPeer", json!(["xyz"])).await;
    assert_eq!(
        garbage.1,
        "failed to parse peer ID: invalid cid: selected encoding not supported"
    );
}

#[actix::test]
async fn dials_fail_in_the_recorded_words() {
    let (rig, _signals) = settled_at(UNHURRIED).await;
    let faults = [
        (
            Fault::Killed,
            "dial tcp4 {socket}: connect: connection refused",
        ),
        (
            Fault::Hung,
            "failed to negotiate security protocol: context deadline exceeded",
        ),
    ];
    for (index, (fault, detail)) in faults.into_iter().enumerate() {
        rig.sim.set_fault(index, fault).unwrap();
        let mailserver = rig.mailserver(index);
        rig.ok("wakuext_dropPeer", json!([mailserver.identity]))
            .await;
        let prefix = format!(
            "failed to dial: failed to dial {}: all dials failed\n  * [/ip4/127.0.0.1/tcp/{}] ",
            mailserver.identity,
            mailserver.socket.port(),
        );
        let params = json!([mailserver.address]);
        let detail = detail.replace("{socket}", &mailserver.socket.to_string());
        let failed = rig.error("wakuext_dialPeer", params.clone()).await;
        assert_eq!(failed, (-32000, format!("{prefix}{detail}")));
        let again = rig.error("wakuext_dialPeer", params).await;
        assert_eq!(again.1, format!("{prefix}dial backoff"));
    }
}

#[actix::test]
async fn methods_of_older_nodes_are_gone_and_parameters_have_changed() {
    let (rig, _signals) = settled().await;
    let gone = [
        "mailservers_ping",
        "mailservers_multiAddressPing",
        "wakuext_setMailserver",
        "wakuext_updateMailservers",
        "settings_nodeConfig",
    ];
    for method in gone {
        let message = format!("the method {method} does not exist/is not available");
        assert_eq!(rig.error(method, json!([])).await, (-32601, message));
    }
    let request = "wakuext_requestAllHistoricMessages";
    assert_eq!(
        rig.error(request, json!([])).await,
        (-32602, "missing value for required argument 0".into())
    );
    assert_eq!(
        rig.error(request, json!([1])).await,
        (
            -32602,
            "invalid argument 0: json: cannot unmarshal number into Go value of type bool".into()
        )
    );
    let custom = json!([{"id": "custom-1", "addr": "/ip4/127.0.0.1/tcp/1"}]);
    assert_eq!(
        rig.error("mailservers_addMailserver", custom).await.1,
        "invalid argument 0: json: cannot unmarshal string into Go struct field Mailserver.addr of type multiaddr.Multiaddr"
    );
    let again = rig.error("wakuext_startMessenger", json!([])).await;
    assert_eq!(again, (-32000, "messenger already started".into()));
}

#[actix::test]
async fn before_login_every_call_gets_the_same_text() {
    let rig = Rig::start(Pin);
    rig.sim.log_out();
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"wakuext_peers","params":[]}"#,
        "{not json",
        "",
    ] {
        let answer = rig.post("application/json", body).await;
        assert_eq!(
            answer,
            (
                200,
                r#"{"error":"JSON-RPC client is unavailable"}"#.to_owned()
            )
        );
    }
}

#[actix::test]
async fn another_account_brings_another_fleet() {
    let rig = Rig::with(Settings {
        mailservers: 2,
        more_fleets: vec![("other.test".into(), 3)],
        ..Settings::new(Pin)
    });
    rig.until("the first fleet", |sim| sim.peers().len() == 2)
        .await;
    rig.sim.log_in("other.test");
    rig.until("the other fleet", |sim| sim.peers().len() == 3)
        .await;
    assert_eq!(
        rig.ok("settings_getSettings", json!([])).await["fleet"],
        "other.test"
    );
}

#[actix::test]
async fn communities_are_fetched_from_the_mailserver_in_use() {
    let (rig, _signals) = settled().await;
    let id = format!("0x{}", "02".repeat(33));
    let fetch = json!([{"communityKey": id, "tryDatabase": false, "waitForResponse": true}]);
    assert_eq!(
        rig.ok("wakuext_fetchCommunity", fetch.clone()).await,
        Value::Null
    );
    rig.sim.publish_community(&id, "a community");
    assert_eq!(
        rig.ok("wakuext_fetchCommunity", fetch).await["name"],
        "a community"
    );
    let bad = rig
        .error("wakuext_fetchCommunity", json!([{"communityKey": "zz"}]))
        .await;
    assert_eq!(
        bad,
        (-32000, "invalid request: community key is too short".into())
    );
}

/// A node that has chosen its mailserver and asked it for history, and a fresh signal socket.
async fn settled() -> (Rig, Signals) {
    settled_at(SPEED).await
}

async fn settled_at(speed: f64) -> (Rig, Signals) {
    let rig = Rig::with(Settings {
        mailservers: 3,
        speed,
        logged_in: false,
        ..Settings::new(Pin)
    });
    let mut signals = rig.signals().await;
    rig.sim.log_in("sim.test");
    signals.next("history.request.completed").await;
    (rig, signals)
}

async fn pin(rig: &Rig, id: &str) -> Value {
    let params = json!([{"sim.test": id}]);
    rig.ok("wakuext_setPinnedMailservers", params).await
}
