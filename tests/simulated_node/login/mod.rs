//! Logging a status-backend in: as recorded on develop of 2024-10, else as status-go's source has it.

mod failures;

use std::time::{Duration, Instant};

use actors::model::node::Mode::{self, Observe, Pin, Waku2};
use mailserver_sidecar::sim::{AccountSettings, Settings};
use serde_json::{Value, json};

use crate::rig::{Rig, SPEED, Signals};

const REQUEST: &str = "wakuext_requestAllHistoricMessages";

/// What `LoginAccount` answers, whatever comes of it.
fn accepted() -> Value {
    json!({"error": ""})
}

fn account(digit: &str) -> AccountSettings {
    AccountSettings {
        key_uid: format!("0x{}", digit.repeat(64)),
        password: format!("secret {digit}"),
        kdf_iterations: 256_000,
    }
}

fn credentials(account: &AccountSettings) -> Value {
    json!({
        "keyUid": account.key_uid,
        "password": account.password,
        "kdfIterations": account.kdf_iterations,
    })
}

/// A process of status-backend that was just started, with these accounts.
fn fresh(mode: Mode, accounts: &[AccountSettings]) -> Settings {
    Settings {
        mailservers: 3,
        speed: SPEED,
        logged_in: false,
        login_lost_at_restart: true,
        accounts: accounts.to_vec(),
        ..Settings::new(mode)
    }
}

/// The same, with its data directory named and a socket open.
async fn initialized(mode: Mode, accounts: &[AccountSettings]) -> (Rig, Signals) {
    let rig = Rig::with(fresh(mode, accounts));
    let mut signals = rig.signals().await;
    initialize(&rig).await;
    assert_eq!(signals.kinds(1).await, ["mediaserver.started"]);
    (rig, signals)
}

async fn initialize(rig: &Rig) -> Value {
    let directory = json!({"dataDir": "/sim/data"});
    rig.statusgo("InitializeApplication", directory).await
}

/// Logs in, and returns the event of `node.login`.
async fn login(rig: &Rig, signals: &mut Signals, body: Value) -> Value {
    assert_eq!(rig.statusgo("LoginAccount", body).await, accepted());
    signals.next("node.login").await
}

/// Whether nobody is logged in, in the words of the mode.
async fn nobody_is_logged_in(rig: &Rig, mode: Mode) -> bool {
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"settings_getSettings"}"#;
    let (_, text) = rig.post("application/json", call).await;
    match mode {
        Pin => text == r#"{"error":"JSON-RPC client is unavailable"}"#,
        _ => text.contains("-32601"),
    }
}

/// What a request for history is called with.
fn params(mode: Mode) -> Value {
    json!(if mode == Pin { vec![false] } else { vec![] })
}

#[actix::test]
async fn initializing_lists_the_accounts_of_the_first_directory_for_good() {
    let accounts = [account("a"), account("b")];
    for mode in [Pin, Observe] {
        let rig = Rig::with(fresh(mode, &accounts));
        let endpoint = "InitializeApplication";
        let refused = json!({"error": "initialize-centralized-metric: no dataDir"});
        assert_eq!(rig.statusgo(endpoint, json!({})).await, refused);
        let listed = initialize(&rig).await;
        let first = &listed["accounts"][0];
        assert_eq!(first["key-uid"], accounts[0].key_uid);
        assert_eq!(first["kdfIterations"], 256_000);
        assert_eq!(first["keycard-pairing"], "");
        assert_eq!(listed["accounts"][1]["key-uid"], accounts[1].key_uid);
        assert_eq!(listed["centralizedMetricsInfo"]["enabled"], false);
        let elsewhere = json!({"DATADIR": "/elsewhere"});
        let again = rig.statusgo(endpoint, elsewhere.clone()).await;
        assert_eq!(again["accounts"], listed["accounts"]);
        let mut signals = rig.signals().await;
        let event = login(&rig, &mut signals, credentials(&accounts[0])).await;
        assert!(event["error"].is_string(), "logged in elsewhere: {event}");
        // A new process that begins elsewhere finds nothing, and says so without an error.
        rig.sim.stop_node().await;
        rig.sim.start_node().unwrap();
        let none = rig.statusgo(endpoint, elsewhere).await;
        assert_eq!(none["accounts"], Value::Null);
        assert_eq!(none.get("error"), None);
    }
}

#[actix::test]
async fn a_directory_may_hold_no_account_at_all() {
    let (rig, _signals) = initialized(Pin, &[]).await;
    assert_eq!(initialize(&rig).await["accounts"], Value::Null);
    let settings = fresh(Observe, &[]);
    let rig = Rig::with(Settings {
        logged_in: true,
        ..settings
    });
    let settings = rig.ok("settings_getSettings", json!([])).await;
    assert_eq!(settings.get("key-uid"), None);
}

#[actix::test]
async fn a_login_is_answered_at_once_and_told_by_a_signal() {
    let accounts = [account("a"), account("b")];
    for mode in [Pin, Observe] {
        let (rig, mut signals) = initialized(mode, &accounts).await;
        assert!(nobody_is_logged_in(&rig, mode).await);
        let begin = Instant::now();
        let answered = rig
            .statusgo("LoginAccount", credentials(&accounts[1]))
            .await;
        assert_eq!(answered, accepted());
        let story = signals.kinds(2).await;
        assert_eq!(story, ["node.started", "node.ready"]);
        let told = signals.any().await;
        assert_eq!(told["type"], "node.login");
        assert!(begin.elapsed() >= Duration::from_millis(20), "{mode:?}");
        let event = &told["event"];
        assert_eq!(event.get("error"), None);
        let mnemonic = event["settings"]["mnemonic"].as_str().unwrap();
        assert_eq!(mnemonic.split(' ').count(), 12);
        assert_eq!(event["account"]["key-uid"], accounts[1].key_uid);
        let settings = rig.ok("settings_getSettings", json!([])).await;
        assert_eq!(settings["key-uid"], accounts[1].key_uid);
        let public_key = settings["public-key"].as_str().unwrap();
        assert_eq!((&public_key[..4], public_key.len()), ("0x04", 132));
        let listed = initialize(&rig).await;
        assert_eq!(listed["accounts"][0]["key-uid"], accounts[1].key_uid);
    }
}

#[actix::test]
async fn before_node_login_the_messenger_cannot_be_started() {
    let accounts = [account("a")];
    for mode in [Pin, Observe] {
        let rig = Rig::with(Settings {
            login_takes: Duration::from_secs(20),
            ..fresh(mode, &accounts)
        });
        let mut signals = rig.signals().await;
        initialize(&rig).await;
        rig.statusgo("LoginAccount", credentials(&accounts[0]))
            .await;
        signals.next("node.ready").await;
        let refused = rig.error("wakuext_startMessenger", json!([])).await;
        match mode {
            Pin => assert_eq!(refused, (-32000, "method handler crashed".into())),
            _ => assert_eq!(refused.0, -32601),
        }
        signals.next("node.login").await;
        rig.ok("wakuext_startMessenger", json!([])).await;
    }
}

#[actix::test]
async fn nothing_is_retrieved_until_the_messenger_is_started() {
    let accounts = [account("a")];
    for mode in [Pin, Observe] {
        let (rig, mut signals) = initialized(mode, &accounts).await;
        rig.sim.publish("missed");
        login(&rig, &mut signals, credentials(&accounts[0])).await;
        assert_eq!(rig.ok(REQUEST, params(mode)).await, Value::Null);
        if mode == Pin {
            let all = |sim: &mailserver_sidecar::sim::Simulation| sim.peers().len() == 3;
            rig.until("its waku runs", all).await;
            assert_eq!(rig.ok(REQUEST, params(mode)).await, Value::Null);
        } else {
            assert_eq!(rig.ok("wakuext_peers", json!([])).await, json!({}));
        }
        let started = rig.ok("wakuext_startMessenger", json!([])).await;
        match mode {
            Pin => assert_eq!(started["mailservers"].as_array().unwrap().len(), 3),
            _ => assert_eq!(started, json!({})),
        }
        let again = rig.error("wakuext_startMessenger", json!([])).await;
        assert_eq!(again, (-32000, "messenger already started".into()));
        if mode == Pin {
            signals.next("mailserver.available").await;
        } else {
            let status = signals.any().await;
            assert_eq!(status["type"], "waku.connection.status.change");
            assert!(rig.ok(REQUEST, params(mode)).await.is_object());
        }
        rig.until("the message", |sim| sim.missing().is_empty())
            .await;
    }
}

#[actix::test]
async fn logging_out_stops_the_node_and_leaves_the_process() {
    for mode in [Pin, Observe] {
        let (rig, mut signals) = initialized(mode, &[account("a")]).await;
        for _ in 0..2 {
            login(&rig, &mut signals, credentials(&account("a"))).await;
            rig.ok("wakuext_startMessenger", json!([])).await;
            rig.until("peers", |sim| !sim.peers().is_empty()).await;
            assert_eq!(rig.statusgo("Logout", Value::Null).await, accepted());
            signals.next("node.stopped").await;
            assert!(nobody_is_logged_in(&rig, mode).await);
            assert_eq!(rig.sim.peers(), Vec::<String>::new());
        }
        let refused = json!({"error": "there is no running node"});
        assert_eq!(rig.statusgo("Logout", Value::Null).await, refused);
    }
}

#[actix::test]
async fn the_journal_keeps_what_came_to_these_endpoints() {
    let (rig, mut signals) = initialized(Pin, &[account("a")]).await;
    login(&rig, &mut signals, credentials(&account("a"))).await;
    rig.statusgo("Logout", Value::Null).await;
    let logins = rig.sim.logins();
    let told: Vec<_> = logins
        .iter()
        .map(|it| (it.endpoint.as_str(), it.body.clone()))
        .collect();
    let expected = [
        ("InitializeApplication", json!({"dataDir": "/sim/data"})),
        ("LoginAccount", credentials(&account("a"))),
        ("Logout", Value::Null),
    ];
    assert_eq!(told, expected);
    assert!(rig.sim.journal().is_empty(), "no calls");
    rig.sim.clear_journal();
    assert!(rig.sim.logins().is_empty());
}

#[actix::test]
async fn an_account_of_another_fleet_is_another_account() {
    let rig = Rig::with(Settings {
        more_fleets: vec![("other.test".into(), 1)],
        logged_in: true,
        ..fresh(Observe, &[account("a")])
    });
    let key_uid = async || rig.ok("settings_getSettings", json!([])).await["key-uid"].clone();
    assert_eq!(key_uid().await, account("a").key_uid);
    rig.sim.log_in("other.test");
    assert_ne!(key_uid().await, account("a").key_uid);
    rig.sim.log_in("sim.test");
    assert_eq!(key_uid().await, account("a").key_uid);
}

#[actix::test]
async fn a_classic_node_is_logged_in_by_the_program_around_it() {
    let rig = Rig::start(Waku2);
    let url = format!("{}LoginAccount", rig.sim.statusgo_url());
    let (status, _) = rig.post_to(url, "application/json", "{}").await;
    assert_eq!(status, 404);
}
