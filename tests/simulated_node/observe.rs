//! Nodes since mid-2026, as status-go's source has them: no cycle, no mailserver in use, hardly a signal.

use std::time::{Duration, Instant};

use actors::model::node::Mode::{Observe, Pin};
use mailserver_sidecar::sim::{Fault, Settings};
use serde_json::{Value, json};

use crate::rig::{Rig, SPEED, Signals};

const REQUEST: &str = "wakuext_requestAllHistoricMessages";
const STATUS: &str = "waku.connection.status.change";

fn node() -> Settings {
    Settings {
        mailservers: 3,
        speed: SPEED,
        ..Settings::new(Observe)
    }
}

/// Logs in, and waits until it is connected.
async fn connected(settings: Settings) -> (Rig, Signals) {
    let rig = Rig::with(Settings {
        logged_in: false,
        ..settings
    });
    let mut signals = rig.signals().await;
    rig.sim.log_in("sim.test");
    assert_eq!(
        signals.next(STATUS).await,
        json!({"status": "connected", "isOnline": true})
    );
    rig.until("the whole fleet", |sim| sim.peers().len() == 3)
        .await;
    (rig, signals)
}

#[actix::test]
async fn no_mailserver_is_in_use_and_history_comes_when_it_is_asked_for() {
    let (rig, mut signals) = connected(node()).await;
    rig.sim.set_poor_mesh(true);
    rig.sim.publish("missed");
    rig.sim.set_poor_mesh(false);
    let answer = rig.ok(REQUEST, json!([])).await;
    assert!(answer.is_object(), "{answer}");
    assert_eq!(rig.sim.missing(), Vec::<String>::new());
    assert_eq!(rig.sim.used_mailserver(), None);
    signals.kinds(2).await;
    let started = signals.any().await;
    let event = json!({"requestId": "", "peerId": "", "batchIndex": 0, "numBatches": 1});
    assert_eq!(
        started,
        json!({"type": "history.request.started", "event": event})
    );
    let completed = signals.any().await;
    let event = json!({"requestId": "", "peerId": "", "batchIndex": 0});
    assert_eq!(
        completed,
        json!({"type": "history.request.completed", "event": event})
    );
    assert_eq!(signals.any().await["type"], "messages.new");
    let again = rig
        .ok("wakuext_requestAllHistoricMessagesWithRetries", json!([]))
        .await;
    assert!(again.is_object(), "{again}");
}

#[actix::test]
async fn after_an_outage_of_the_network_it_finds_peers_again_and_tells_nothing_but_that() {
    let (rig, mut signals) = connected(node()).await;
    rig.sim.node_offline(true);
    let offline = json!({"status": "disconnected", "isOnline": false});
    assert_eq!(signals.any().await["event"], offline);
    rig.sim.node_offline(false);
    // Two heartbeats of older nodes pass meanwhile.
    let mut late = rig.signals().await;
    for socket in [&mut signals, &mut late] {
        let online = json!({"status": "connected", "isOnline": true});
        assert_eq!(
            socket.any().await,
            json!({"type": STATUS, "event": online}),
            "the state before is not repeated for a late socket"
        );
    }
}

#[actix::test]
async fn the_first_status_is_told_even_if_it_is_disconnected() {
    let rig = Rig::with(Settings {
        logged_in: false,
        connects_at_login: false,
        offers_dial: true,
        ..node()
    });
    let mut signals = rig.signals().await;
    rig.sim.log_in("sim.test");
    assert_eq!(signals.kinds(2).await, ["node.login", STATUS]);
    assert_eq!(rig.ok(REQUEST, json!([])).await, Value::Null);
    rig.dial(0).await;
    let online = json!({"status": "connected", "isOnline": true});
    assert_eq!(signals.any().await["event"], online);
}

#[actix::test]
async fn with_a_poor_mesh_only_history_requests_bring_messages() {
    let (rig, mut signals) = connected(node()).await;
    rig.sim.set_poor_mesh(true);
    let partial = json!({"status": "partiallyConnected", "isOnline": true});
    assert_eq!(signals.any().await["event"], partial);
    rig.sim.publish("missed");
    rig.sim.set_poor_mesh(false);
    rig.sim.publish("live");
    rig.until("the live one", |sim| sim.received() == ["live"])
        .await;
    assert_eq!(rig.sim.missing(), ["missed"]);
    rig.ok(REQUEST, json!([])).await;
    assert_eq!(rig.sim.missing(), Vec::<String>::new());
}

#[actix::test]
async fn null_means_that_nothing_was_done_for_one_of_many_reasons() {
    let (rig, _signals) = connected(node()).await;
    let request = || rig.ok(REQUEST, json!([]));
    rig.sim.use_mailservers(false);
    assert_eq!(request().await, Value::Null, "switched off");
    rig.ok("wakuext_toggleUseMailservers", json!([true])).await;
    assert!(request().await.is_object());
    for index in 0..3 {
        let slow = Fault::Slow(Duration::from_millis(100));
        rig.sim.set_fault(index, slow).unwrap();
    }
    let (first, second) = futures_util::join!(request(), request());
    assert!(first.is_null() ^ second.is_null(), "one at a time");
    rig.sim.node_offline(true);
    assert_eq!(request().await, Value::Null, "offline");
}

#[actix::test]
async fn a_sync_of_its_own_makes_others_wait() {
    let (rig, mut signals) = connected(node()).await;
    rig.sim.sync_under_way(true);
    assert_eq!(rig.ok(REQUEST, json!([])).await, Value::Null);
    rig.sim.sync_under_way(false);
    let story = ["history.request.started", "history.request.completed"];
    assert_eq!(signals.kinds(2).await, story);
    assert!(rig.ok(REQUEST, json!([])).await.is_object());
}

#[actix::test]
async fn if_no_store_serves_the_query_nothing_tells_its_end() {
    let (rig, mut signals) = connected(node()).await;
    for index in 0..3 {
        rig.sim.set_fault(index, Fault::HistoryFails).unwrap();
    }
    let error = rig.error(REQUEST, json!([])).await;
    let expected = (-32000, "no store node could serve the query".into());
    assert_eq!(error, expected);
    rig.sim.set_fault(1, Fault::None).unwrap();
    assert!(rig.ok(REQUEST, json!([])).await.is_object());
    let (started, completed) = ("history.request.started", "history.request.completed");
    assert_eq!(signals.kinds(3).await, [started, started, completed]);
}

#[actix::test]
async fn a_query_tries_three_stores_and_what_failed_comes_last_the_next_time() {
    let mut failures = 0;
    for seed in 1..=10 {
        let rig = Rig::with(Settings {
            mailservers: 4,
            seed,
            ..node()
        });
        rig.until("the fleet", |sim| sim.peers().len() == 4).await;
        for index in 0..3 {
            rig.sim.set_fault(index, Fault::HistoryFails).unwrap();
        }
        let call = json!({"jsonrpc": "2.0", "id": 7, "method": REQUEST}).to_string();
        let (_, first) = rig.post("application/json", &call).await;
        failures += usize::from(first.contains("no store node"));
        for _ in 0..2 {
            assert!(rig.ok(REQUEST, json!([])).await.is_object(), "seed {seed}");
        }
    }
    assert!((1..10).contains(&failures), "{failures} of 10");
}

#[actix::test]
async fn what_older_nodes_have_is_gone() {
    let (rig, _signals) = connected(node()).await;
    let gone = [
        "wakuext_setPinnedMailservers",
        "wakuext_disconnectActiveMailserver",
        "wakuext_requestCommunityInfoFromMailserver",
        "wakuext_dialPeer",
        "wakuext_dropPeer",
        "wakuext_setMailserver",
        "wakuext_updateMailservers",
        "mailservers_ping",
        "mailservers_multiAddressPing",
        "mailservers_getMailservers",
        "mailservers_addMailserver",
        "mailservers_deleteMailserver",
        "mailservers_getMailserverTopics",
        "admin_peers",
        "admin_addPeer",
        "settings_nodeConfig",
    ];
    for method in gone {
        let message = format!("the method {method} does not exist/is not available");
        assert_eq!(rig.error(method, json!([])).await, (-32601, message));
    }
    for request in [REQUEST, "wakuext_requestAllHistoricMessagesWithRetries"] {
        assert_eq!(
            rig.error(request, json!([false])).await,
            (-32602, "too many arguments, want at most 0".into())
        );
    }
    let modules = rig.ok("rpc_modules", json!([])).await;
    assert!(modules["admin"].is_null() && modules["mailservers"].is_null());
    let settings = rig.ok("settings_getSettings", json!([])).await;
    assert_eq!(settings["fleet"], "sim.test");
    let switch = json!(["use-mailservers?", false]);
    rig.ok("settings_saveSetting", switch).await;
    assert_eq!(rig.ok(REQUEST, json!([])).await, Value::Null);
}

#[actix::test]
async fn peers_and_dials_depend_on_the_build() {
    let (rig, _signals) = connected(node()).await;
    let peers = rig.ok("wakuext_peers", json!([])).await;
    assert_eq!(peers.as_object().unwrap().len(), 3);
    let (rig, _signals) = connected(Settings {
        lists_peers: false,
        offers_dial: true,
        ..node()
    })
    .await;
    assert_eq!(rig.error("wakuext_peers", json!([])).await.0, -32601);
    rig.dial(0).await;
}

#[actix::test]
async fn logged_out_it_knows_no_method() {
    let (rig, _signals) = connected(node()).await;
    rig.sim.log_out();
    for method in [
        "settings_getSettings",
        "wakuext_peers",
        "rpc_modules",
        REQUEST,
    ] {
        let message = format!("the method {method} does not exist/is not available");
        assert_eq!(rig.error(method, json!([])).await, (-32601, message));
    }
    assert_eq!(rig.sim.peers(), Vec::<String>::new());
}

#[actix::test]
async fn by_itself_it_asks_after_login_and_after_each_outage() {
    let (rig, mut signals) = connected(Settings {
        asks_itself: true,
        ..node()
    })
    .await;
    signals.next("history.request.completed").await;
    rig.sim.node_offline(true);
    rig.sim.publish("missed");
    rig.sim.node_offline(false);
    signals.next("messages.new").await;
    rig.sim.set_poor_mesh(true);
    rig.sim.publish("missed again");
    rig.sim.set_poor_mesh(false);
    signals.next("messages.new").await;
    assert_eq!(rig.sim.missing(), Vec::<String>::new());
}

#[actix::test]
async fn a_slow_start_has_no_peers_for_a_while() {
    for mode in [Observe, Pin] {
        let begin = Instant::now();
        let rig = Rig::with(Settings {
            connects_at_login: false,
            first_peer_after: Duration::from_secs(60),
            speed: 100.0,
            mailservers: 3,
            ..Settings::new(mode)
        });
        rig.sim.publish("missed");
        let params = json!(if mode == Pin { vec![false] } else { vec![] });
        assert_eq!(rig.ok(REQUEST, params.clone()).await, Value::Null);
        rig.until("the fleet", |sim| sim.peers().len() == 3).await;
        assert!(begin.elapsed() >= Duration::from_millis(600), "{mode:?}");
        if mode == Observe {
            rig.ok(REQUEST, params).await;
        }
        rig.until("the message", |sim| sim.missing().is_empty())
            .await;
    }
}

#[actix::test]
async fn a_dial_ends_the_slow_start_of_a_node_with_a_cycle() {
    let rig = Rig::with(Settings {
        first_peer_after: Duration::from_secs(900),
        mailservers: 3,
        speed: 2.0,
        ..Settings::new(Pin)
    });
    rig.sim.publish("missed");
    rig.dial(0).await;
    rig.until("the message", |sim| sim.missing().is_empty())
        .await;
}

#[actix::test]
async fn communities_are_asked_of_one_store_or_the_next() {
    let (rig, _signals) = connected(node()).await;
    let id = format!("0x{}", "02".repeat(33));
    rig.sim.set_fault(0, Fault::Killed).unwrap();
    rig.sim.publish_community(&id, "a community");
    for _ in 0..5 {
        let fetch = json!([{"communityKey": id, "tryDatabase": false, "waitForResponse": true}]);
        let found = rig.ok("wakuext_fetchCommunity", fetch).await;
        assert_eq!(found["name"], "a community");
    }
}
