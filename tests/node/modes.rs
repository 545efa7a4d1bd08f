//! What is sent in each mode, in which order.

use std::{cell::Cell, rc::Rc};

use ::actors::{
    messages::node::{DropPeer, Introduce, RequestCommunity, RequestHistory},
    model::{
        mailserver::Mailserver,
        node::{CommunityAnswer, Connection, HistoryAnswer, Mode, NodeError},
    },
};
use actix::Addr;
use mailserver_sidecar::node::{ConfiguredMode, Driver, PinMemory as _, PinRecord};
use serde_json::{Value, json};

use crate::{
    ears::{Ears, Pins, drive, drive_with},
    scripted::{Node, Reply, usual},
    stores::{ENODE, STORE_1, connect_to, mailserver, store},
};

async fn ready(kind: &'static str) -> (Node, Addr<Driver>, Ears) {
    let node = Node::start(usual(kind)).await;
    let (driver, ears) = drive(node.config());
    ears.ready().await;
    settled(&node).await;
    (node, driver, ears)
}

/// Waits until the socket is open and the node was looked at once more because of that: before, it was asked whether it
/// has started, and for the seed.
async fn settled(node: &Node) {
    while node.calls("admin_peers") + node.calls("wakuext_peers") < 3 {
        node.until_any_call().await;
    }
    node.forget_calls();
}

async fn connect(driver: &Addr<Driver>, mailserver: &Mailserver) -> Result<Connection, NodeError> {
    driver.send(connect_to(mailserver)).await.unwrap()
}

fn calls(expected: &[(&str, Value)]) -> Vec<(String, Value)> {
    expected
        .iter()
        .map(|(method, params)| ((*method).to_owned(), params.clone()))
        .collect()
}

#[actix::test]
async fn waku2_dials_then_sets_and_dials_nobody_who_is_connected() {
    let (node, driver, ears) = ready("waku2").await;
    let (first, second) = (store(1), store(2));
    assert_eq!(connect(&driver, &first).await, Ok(Connection::Connected));
    let dial = ("wakuext_dialPeer", json!([first.address.dial()]));
    let set = ("wakuext_setMailserver", json!([STORE_1]));
    assert_eq!(node.orders(), calls(&[dial, set]));
    node.forget_calls();

    let id = second.identity.to_string();
    node.peers(&[&id]).await;
    ears.peers(&[&id]).await;
    assert_eq!(connect(&driver, &second).await, Ok(Connection::Connected));
    assert_eq!(
        driver.send(Introduce(second.clone())).await.unwrap(),
        Ok(Connection::Connected)
    );
    assert_eq!(driver.send(DropPeer(second)).await.unwrap(), Ok(()));
    assert_eq!(
        node.orders(),
        calls(&[
            ("wakuext_setMailserver", json!([id])),
            ("wakuext_dropPeer", json!([id]))
        ])
    );
}

#[actix::test]
async fn waku2_sets_nothing_after_a_failed_dial() {
    let (node, driver, _ears) = ready("waku2").await;
    let mut usual = usual("waku2");
    let backoff = "failed to dial 16U:\n  * [/ip4/127.0.0.1/tcp/61001] dial backoff";
    let refused = "failed to dial 16U:\n  * [/ip4/127.0.0.1/tcp/61001] dial tcp4 127.0.0.1:61001: connect: connection refused";
    let tries = Cell::new(0);
    node.script(move |method, params| match method {
        "wakuext_dialPeer" => {
            tries.set(tries.get() + 1);
            Some(Reply::Error(
                -32000,
                if tries.get() == 1 { refused } else { backoff },
            ))
        }
        _ => usual(method, params),
    });
    assert!(matches!(
        connect(&driver, &store(1)).await,
        Err(NodeError::Node { code: -32000, .. })
    ));
    assert_eq!(
        connect(&driver, &store(1)).await,
        Err(NodeError::DialBackoff)
    );
    assert_eq!(node.calls("wakuext_setMailserver"), 0);
}

#[actix::test]
async fn waku1_is_pending_until_the_peer_is_listed() {
    let (node, driver, ears) = ready("waku1").await;
    let mailserver = mailserver("mail-01", ENODE);
    assert_eq!(connect(&driver, &mailserver).await, Ok(Connection::Pending));
    let updated = ("wakuext_updateMailservers", json!([[ENODE]]));
    assert_eq!(node.orders(), calls(std::slice::from_ref(&updated)));

    node.signal(&format!(
        r#"{{"type":"discovery.summary","event":[{{"enode":"{ENODE}?discport=0"}}]}}"#
    ))
    .await;
    ears.peers(&[mailserver.identity.as_str()]).await;
    assert_eq!(
        connect(&driver, &mailserver).await,
        Ok(Connection::Connected)
    );
    assert_eq!(driver.send(DropPeer(mailserver)).await.unwrap(), Ok(()));
    let removed = ("admin_removePeer", json!([ENODE]));
    assert_eq!(node.orders(), calls(&[updated.clone(), updated, removed]));
}

#[actix::test]
async fn on_waku1_another_one_is_introduced_beside_the_one_in_use() {
    let (node, driver, _ears) = ready("waku1").await;
    let other = format!("enode://{}@127.0.0.1:30402", "ab".repeat(64));
    let introduce = || driver.send(Introduce(mailserver("mail-02", &other)));
    assert_eq!(introduce().await.unwrap(), Ok(Connection::Pending));
    let used = mailserver("mail-01", ENODE);
    assert_eq!(connect(&driver, &used).await, Ok(Connection::Pending));
    assert_eq!(introduce().await.unwrap(), Ok(Connection::Pending));
    assert_eq!(
        node.orders(),
        calls(&[
            ("admin_addPeer", json!([other])),
            ("wakuext_updateMailservers", json!([[ENODE]])),
            ("wakuext_updateMailservers", json!([[ENODE, other]])),
        ])
    );
}

/// A pin node that follows or ignores pins, and says so by signal.
async fn pin_node(follows: bool) -> (Node, Addr<Driver>, Rc<Pins>) {
    let node = Node::start(usual("pin")).await;
    let pins = Rc::new(Pins::default());
    let (driver, ears) = drive_with(node.config(), pins.clone());
    assert_eq!(ears.ready().await.mode, Mode::Pin);
    settled(&node).await;
    let (mut usual, sender, remembered) = (usual("pin"), node.clone(), pins.clone());
    node.script(move |method, params| {
        if method == "wakuext_setPinnedMailservers" {
            let pin = params[0]["test.fleet"].as_str().unwrap().to_owned();
            assert_eq!(
                remembered.load("test.fleet").unwrap().set,
                pin,
                "remembered before it is sent"
            );
            let sender = sender.clone();
            actix_rt::spawn(async move {
                sender
                    .signal(r#"{"type":"mailserver.changed","event":{"address":null,"id":""}}"#)
                    .await;
                let id = if follows { &pin } else { "another" };
                sender
                    .signal(&format!(
                        r#"{{"type":"mailserver.changed","event":{{"address":null,"id":"{id}"}}}}"#
                    ))
                    .await;
            });
        }
        usual(method, params)
    });
    (node, driver, pins)
}

#[actix::test]
async fn pin_dials_as_the_proof_then_pins_and_waits_for_the_node_to_follow() {
    let (node, driver, pins) = pin_node(true).await;
    assert_eq!(connect(&driver, &store(1)).await, Ok(Connection::Connected));
    let dial = ("wakuext_dialPeer", json!([store(1).address.dial()]));
    let pin = (
        "wakuext_setPinnedMailservers",
        json!([{"test.fleet": "store-1"}]),
    );
    assert_eq!(node.orders(), calls(&[dial, pin]));
    assert_eq!(
        pins.load("test.fleet"),
        Some(PinRecord {
            set: "store-1".into(),
            replaced: None,
            perhaps: Vec::new(),
        })
    );
    // The next pin is the drop.
    node.forget_calls();
    assert_eq!(driver.send(DropPeer(store(1))).await.unwrap(), Ok(()));
    assert_eq!(node.orders(), []);
}

#[actix::test]
async fn pin_that_the_node_ignores_is_no_connection() {
    let (_node, driver, _pins) = pin_node(false).await;
    let error = connect(&driver, &store(1)).await.unwrap_err();
    assert!(
        matches!(&error, NodeError::PinIgnored(text) if text.contains("another")),
        "{error:?}"
    );
}

/// Recorded on 2024-10: right after a login the call crashes. Then the node has the pin that it had.
#[actix::test]
async fn pin_that_the_node_crashed_at_does_not_make_our_earlier_one_the_users() {
    let crashed = Rc::new(Cell::new(false));
    let (mut usual, crashes) = (usual("pin"), crashed.clone());
    let node = Node::start(move |method, params| match method {
        "settings_getSettings" if crashes.get() => Some(Reply::Result(json!({
            "key-uid": "0x1", "fleet": "test.fleet", "pinned-mailservers": {"test.fleet": "store-1"},
        }))),
        "wakuext_setPinnedMailservers" if crashes.get() => {
            Some(Reply::Error(-32603, "method handler crashed"))
        }
        _ => usual(method, params),
    })
    .await;
    let (config, pins) = (node.polled(), Rc::new(Pins::default()));
    let (driver, ears) = drive_with(config.clone(), pins.clone());
    ears.ready().await;
    assert_eq!(connect(&driver, &store(1)).await, Ok(Connection::Connected));
    crashed.set(true);
    assert!(connect(&driver, &store(2)).await.is_err());
    // The next sidecar reads the settings.
    drop(driver);
    let (_driver, ears) = drive_with(config, pins);
    assert_eq!(ears.ready().await.pinned, None);
}

#[actix::test]
async fn pin_never_pins_a_dead_one() {
    let (node, driver, _pins) = pin_node(true).await;
    node.script(|method, _| Some(match method {
        "wakuext_dialPeer" => Reply::Error(-32000, "failed to dial: all dials failed\n  * [/ip4/127.0.0.1/tcp/61001] dial tcp4: connection refused"),
        _ => Reply::Result(Value::Null),
    }));
    assert!(connect(&driver, &store(1)).await.is_err());
    assert_eq!(node.calls("wakuext_setPinnedMailservers"), 0);
}

#[actix::test]
async fn pin_of_the_user_is_told_and_survives_a_fallback() {
    let (mut usual, in_node) = (usual("pin"), Rc::new(Cell::new("users-own")));
    let pinned = in_node.clone();
    let node = Node::start(move |method, params| match method {
        "settings_getSettings" => Some(Reply::Result(json!({
            "key-uid": "0x1", "fleet": "test.fleet", "pinned-mailservers": {"test.fleet": pinned.get()},
        }))),
        _ => usual(method, params),
    })
    .await;
    let (config, pins) = (node.polled(), Rc::new(Pins::default()));
    let (driver, ears) = drive_with(config.clone(), pins.clone());
    assert_eq!(ears.ready().await.pinned.as_deref(), Some("users-own"));
    // Nothing confirms a pin where there are no signals.
    assert_eq!(connect(&driver, &store(1)).await, Ok(Connection::Connected));
    in_node.set("store-1");
    // The sidecar comes back, and finds its own pin in the node.
    let (_driver, ears) = drive_with(config, pins);
    assert_eq!(ears.ready().await.pinned.as_deref(), Some("users-own"));
}

#[actix::test]
async fn observe_has_no_lever_but_brings_the_node_online() {
    let node = Node::start(usual("pin")).await;
    let mut config = node.config();
    config.mode = ConfiguredMode::Observe;
    let (driver, ears) = drive(config);
    assert_eq!(ears.ready().await.mode, Mode::Observe);
    assert_eq!(
        connect(&driver, &store(1)).await,
        Err(NodeError::NotPossible)
    );
    assert_eq!(
        driver.send(Introduce(store(1))).await.unwrap(),
        Ok(Connection::Connected)
    );
    assert_eq!(
        node.orders(),
        calls(&[("wakuext_dialPeer", json!([store(1).address.dial()]))])
    );
}

#[actix::test]
async fn history_is_asked_for_as_each_generation_wants_it() {
    for (kind, params) in [
        ("waku1", json!([])),
        ("waku2", json!([])),
        ("pin", json!([false])),
    ] {
        let (node, driver, _ears) = ready(kind).await;
        // Null without an error: nothing was asked.
        assert_eq!(
            driver.send(RequestHistory::default()).await.unwrap(),
            Ok(HistoryAnswer::NothingDone)
        );
        assert_eq!(
            node.orders(),
            calls(&[("wakuext_requestAllHistoricMessages", params)])
        );
        answers(&node, kind, || {
            Reply::Result(json!({"chats": [{}], "messages": [{}, {}], "notifications": null}))
        });
        assert_eq!(
            driver.send(RequestHistory::default()).await.unwrap(),
            Ok(HistoryAnswer::Done {
                messages: 2,
                rewound: true
            })
        );
        answers(&node, kind, || {
            Reply::Result(json!({"notifications": null}))
        });
        assert_eq!(
            driver.send(RequestHistory::default()).await.unwrap(),
            Ok(HistoryAnswer::Done {
                messages: 0,
                rewound: true
            })
        );
    }
}

/// From now on the node answers history requests like that, and everything else as usual.
fn answers(node: &Node, kind: &'static str, reply: impl Fn() -> Reply + 'static) {
    let mut usual = usual(kind);
    node.script(move |method, params| match method {
        "wakuext_requestAllHistoricMessages" => Some(reply()),
        _ => usual(method, params),
    });
}

#[actix::test]
async fn history_request_that_never_returns_ends_and_blocks_nobody() {
    let (node, driver, _ears) = ready("waku2").await;
    let mut usual = usual("waku2");
    node.script(move |method, params| match method {
        "wakuext_requestAllHistoricMessages" => Some(Reply::Hang),
        _ => usual(method, params),
    });
    let request = actix_rt::spawn(driver.send(RequestHistory::default()));
    node.until_called("wakuext_requestAllHistoricMessages", 1)
        .await;
    assert_eq!(connect(&driver, &store(1)).await, Ok(Connection::Connected));
    assert!(matches!(
        request.await.unwrap().unwrap(),
        Err(NodeError::Timeout(_))
    ));
}

#[actix::test]
async fn newer_history_request_takes_the_place_of_one_that_hangs() {
    let (node, driver, _ears) = ready("waku2").await;
    let mut usual = usual("waku2");
    let mut first = true;
    node.script(move |method, params| match method {
        "wakuext_requestAllHistoricMessages" if std::mem::take(&mut first) => Some(Reply::Hang),
        "wakuext_requestAllHistoricMessages" => Some(Reply::Result(json!({}))),
        _ => usual(method, params),
    });
    let hanging = actix_rt::spawn(driver.send(RequestHistory::default()));
    node.until_called("wakuext_requestAllHistoricMessages", 1)
        .await;
    let newer = driver.send(RequestHistory::default()).await.unwrap();
    assert_eq!(
        newer,
        Ok(HistoryAnswer::Done {
            messages: 0,
            rewound: true
        })
    );
    assert_eq!(hanging.await.unwrap().unwrap(), Err(NodeError::Superseded));
}

#[actix::test]
async fn nodes_between_the_generations_are_asked_in_the_other_way() {
    let (node, driver, _ears) = ready("pin").await;
    // A pin node of 2022 takes no parameter, and does not know the method of 2024.
    node.script(|method, params| match (method, params[0].is_null()) {
        ("wakuext_requestAllHistoricMessages", false) => {
            Some(Reply::Error(-32602, "too many arguments, want at most 0"))
        }
        ("wakuext_fetchCommunity" | "wakuext_communities", _) => None,
        _ => Some(Reply::Result(json!({}))),
    });
    let history = driver.send(RequestHistory::default()).await.unwrap();
    assert_eq!(
        history,
        Ok(HistoryAnswer::Done {
            messages: 0,
            rewound: true
        })
    );
    let community = driver.send(RequestCommunity("0x03".into())).await.unwrap();
    assert_eq!(community, Ok(CommunityAnswer::Found));
}
