//! Nodes since mid-2026, which pick a mailserver for each query.

use std::time::Duration;

use ::actors::{
    messages::node::{Introduce, PushSignals, RequestHistory},
    model::node::{Connectedness, Generation, HistoryAnswer, Mode, NodeError, NodeState},
};
use mailserver_sidecar::node::{ConfiguredMode, Signals};
use serde_json::{Value, json};

use crate::{
    ears::{Ears, Heard, drive},
    scripted::{Node, Reply, usual},
    stores::{STORE_1, store},
};

const CONNECTED: &str =
    r#"{"type":"waku.connection.status.change","event":{"status":"connected","isOnline":true}}"#;
const DISCONNECTED: &str = r#"{"type":"waku.connection.status.change","event":{"status":"disconnected","isOnline":false}}"#;

async fn connectedness(ears: &Ears) -> Connectedness {
    ears.until(|heard| match heard {
        Heard::Connection(said) => Some(*said),
        _ => None,
    })
    .await
}

#[actix::test]
async fn it_is_known_by_what_it_does_not_have_and_nothing_is_changed_by_asking() {
    let node = Node::start(usual("observe")).await;
    let (_driver, ears) = drive(node.config());
    let profile = ears.ready().await;
    assert_eq!(
        (profile.mode, profile.generation),
        (Mode::Observe, Generation::PerQuery)
    );
    let harmless = |(method, params): &(String, Value)| match method.as_str() {
        "wakuext_dialPeer" => *params == json!(["/ip4/127.0.0.1/tcp/1"]),
        // One parameter too many: a node that has the method refuses, and keeps its mailserver.
        "wakuext_disconnectActiveMailserver" => *params == json!([false]),
        _ => false,
    };
    assert!(node.orders().iter().all(harmless), "{:?}", node.orders());
}

#[actix::test]
async fn one_that_serves_nothing_but_its_settings_is_still_logging_in() {
    let mut settings = usual("observe");
    let node = Node::start(move |method, params| match method {
        "settings_getSettings" => settings(method, params),
        _ => None,
    })
    .await;
    let (_driver, ears) = drive(node.config());
    assert_eq!(ears.away().await, NodeState::LoggedOut);
    node.script(usual("observe"));
    assert_eq!(ears.ready().await.generation, Generation::PerQuery);
}

#[actix::test]
async fn one_that_has_an_active_mailserver_is_not_taken_for_it() {
    let mut usual = usual("observe");
    let node = Node::start(move |method, params| match method {
        "wakuext_disconnectActiveMailserver" => Some(Reply::Error(-32602, "too many arguments")),
        _ => usual(method, params),
    })
    .await;
    for mode in [ConfiguredMode::Auto, ConfiguredMode::Observe] {
        let mut config = node.config();
        config.mode = mode;
        let (_driver, ears) = drive(config);
        let profile = ears.ready().await;
        assert_eq!(
            (profile.mode, profile.generation),
            (Mode::Observe, Generation::OwnCycle)
        );
    }
}

#[actix::test]
async fn its_fleet_is_the_default_one_unless_it_says_otherwise() {
    let mut usual_answers = usual("observe");
    let node = Node::start(move |method, params| match method {
        "settings_getSettings" => Some(Reply::Result(json!({"key-uid": "0x1"}))),
        _ => usual_answers(method, params),
    })
    .await;
    let (_driver, ears) = drive(node.config());
    assert_eq!(ears.ready().await.fleet.as_deref(), Some("status.prod"));
    let node = Node::start(usual("observe")).await;
    let (_driver, ears) = drive(node.config());
    assert_eq!(ears.ready().await.fleet.as_deref(), Some("test.fleet"));
}

#[actix::test]
async fn what_it_says_of_its_connection_is_passed_on_in_order() {
    let node = Node::start(usual("observe")).await;
    let (_driver, ears) = drive(node.config());
    ears.ready().await;
    node.until_subscribed(1).await;
    node.signal(DISCONNECTED).await;
    node.signal(CONNECTED).await;
    assert_eq!(connectedness(&ears).await, Connectedness::Disconnected);
    assert_eq!(connectedness(&ears).await, Connectedness::Connected);
}

#[actix::test]
async fn what_it_said_before_a_session_began_is_told_to_it() {
    let node = Node::start(|_, _| None).await;
    let mut config = node.config();
    config.signals = Signals::Push;
    let (driver, ears) = drive(config);
    ears.away().await;
    let signals = [DISCONNECTED, CONNECTED].map(str::to_owned);
    driver.send(PushSignals(signals.into())).await.unwrap();
    node.script(usual("observe"));
    ears.ready().await;
    assert_eq!(connectedness(&ears).await, Connectedness::Connected);
}

#[actix::test]
async fn history_is_asked_for_without_a_parameter() {
    let node = Node::start(usual("observe")).await;
    let (driver, ears) = drive(node.config());
    ears.ready().await;
    node.forget_calls();
    let answer = driver.send(RequestHistory::default()).await.unwrap();
    assert_eq!(answer, Ok(HistoryAnswer::NothingDone));
    let request = ("wakuext_requestAllHistoricMessages".to_owned(), json!([]));
    assert_eq!(node.orders(), [request]);
}

#[actix::test]
async fn null_has_the_settings_read_again_for_mailservers_may_be_switched_off() {
    let node = Node::start(usual("observe")).await;
    let (driver, ears) = drive(node.config());
    ears.ready().await;
    let mut usual = usual("observe");
    node.script(move |method, params| match method {
        "settings_getSettings" => Some(Reply::Result(
            json!({"key-uid": "0x1", "fleet": "test.fleet", "use-mailservers?": false}),
        )),
        _ => usual(method, params),
    });
    let answer = driver.send(RequestHistory::default()).await.unwrap();
    assert_eq!(answer, Ok(HistoryAnswer::NothingDone));
    assert!(!ears.ready().await.use_mailservers);
}

#[actix::test]
async fn a_dial_that_it_does_not_offer_is_told_as_such() {
    let node = Node::start(usual("observe")).await;
    let (driver, ears) = drive(node.config());
    ears.ready().await;
    let dialled = driver.send(Introduce(store(1))).await.unwrap();
    let missing = NodeError::UnknownMethod("wakuext_dialPeer".into());
    assert_eq!(dialled, Err(missing));
}

#[actix::test]
async fn once_it_says_that_it_is_offline_nobody_counts_as_listed() {
    let mut usual = usual("observe");
    let node = Node::start(move |method, params| match method {
        "wakuext_peers" => Some(Reply::Result(json!({STORE_1: {}}))),
        "wakuext_dialPeer" if params[0] != "/ip4/127.0.0.1/tcp/1" => {
            Some(Reply::Result(Value::Null))
        }
        _ => usual(method, params),
    })
    .await;
    let (driver, ears) = drive(node.config());
    ears.ready().await;
    node.until_subscribed(1).await;
    driver.send(Introduce(store(1))).await.unwrap().unwrap();
    let dials = node.calls("wakuext_dialPeer");
    node.signal(DISCONNECTED).await;
    connectedness(&ears).await;
    driver.send(Introduce(store(1))).await.unwrap().unwrap();
    assert_eq!(node.calls("wakuext_dialPeer"), dials + 1);
}

#[actix::test]
async fn one_that_does_not_list_its_peers_is_followed_all_the_same() {
    let mut usual = usual("observe");
    let node = Node::start(move |method, params| match method {
        "wakuext_peers" => None,
        _ => usual(method, params),
    })
    .await;
    let mut config = node.config();
    config.poll_interval = Duration::from_millis(50);
    let (_driver, ears) = drive(config);
    ears.ready().await;
    node.until_subscribed(1).await;
    node.until_called("wakuext_peers", 3).await;
    node.signal(CONNECTED).await;
    assert_eq!(connectedness(&ears).await, Connectedness::Connected);
    let away = |heard: &Heard| matches!(heard, Heard::State(..));
    assert!(!ears.heard().iter().any(away), "{:?}", ears.heard());
}
