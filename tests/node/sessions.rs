//! The life of a session: what is told to whom, and what happens when the node goes away.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use ::actors::{
    messages::node::{GetTraffic, HistorySignal, PushSignals, RefreshPeers},
    model::node::{Mode, NodeError, NodeState},
};
use actix::Supervisor;
use mailserver_sidecar::node::{Attach, ConfiguredMode, Driver, RpcClient, Signals};
use serde_json::json;
use tokio::sync::Notify;

use crate::{
    ears::{Ears, Heard, Pins, drive},
    scripted::{Node, Reply, usual},
    stores::{STORE_1, STORE_2, connect_to, store},
};

#[actix::test]
async fn everybody_is_told_in_order_and_signals_come_after_the_seed() {
    let mut usual = usual("waku2");
    let node = Node::start(move |method, params| match method {
        "wakuext_peers" => Some(Reply::Result(json!({STORE_1: []}))),
        "mailservers_getMailservers" => Some(Reply::Result(json!([
            {"id": "mine", "name": "", "address": "/ip4/10.0.0.1/tcp/1/p2p/16U", "password": "p", "fleet": "test.fleet"},
        ]))),
        _ => usual(method, params),
    })
    .await;
    let (driver, ears) = drive(node.config());
    let mut told = Vec::new();
    ears.until(|heard| {
        told.push(heard.clone());
        matches!(heard, Heard::State("connector", _)).then_some(())
    })
    .await;
    node.until_subscribed(1).await;
    let [
        Heard::State("registry", NodeState::Ready { profile }),
        Heard::Peers(peers),
        Heard::State("probe", _),
        Heard::State("connector", _),
    ] = told.as_slice()
    else {
        panic!("{told:?}")
    };
    assert_eq!(
        (profile.mode, profile.fleet.as_deref()),
        (Mode::Waku2, Some("test.fleet"))
    );
    assert_eq!((profile.saved.len(), profile.use_mailservers), (1, true));
    assert!(peers.peers.iter().any(|peer| peer.as_str() == STORE_1));
    node.signal(r#"{"type":"history.request.completed","event":{"requestId":""}}"#)
        .await;
    ears.until(|heard| (*heard == Heard::History(HistorySignal::Completed)).then_some(()))
        .await;
    assert!(driver.send(GetTraffic).await.unwrap().signals_open);
}

#[actix::test]
async fn a_node_that_is_killed_and_started_again_gets_a_new_session() {
    let node = Node::start(usual("waku2")).await;
    let (driver, ears) = drive(node.config());
    ears.ready().await;
    node.until_subscribed(1).await;
    node.stop().await;
    assert!(matches!(ears.away().await, NodeState::Unreachable { .. }));
    let refused = driver.send(connect_to(&store(1))).await.unwrap();
    assert!(
        matches!(refused, Err(NodeError::Transport(_))),
        "{refused:?}"
    );
    while driver.send(GetTraffic).await.unwrap().signals_open {
        tokio::task::yield_now().await;
    }

    node.script(usual("pin"));
    node.restart().await;
    // Another account, another generation: everything is read anew, and the socket subscribed again.
    assert_eq!(ears.ready().await.mode, Mode::Pin);
    node.until_subscribed(2).await;
    node.peers(&[STORE_2]).await;
    ears.peers(&[STORE_2]).await;
}

#[actix::test]
async fn a_node_that_opens_its_settings_before_the_rest_is_waited_for() {
    let mut starting = usual("waku2");
    let node = Node::start(move |method, params| match method {
        "wakuext_peers" => Some(Reply::Error(-32000, "method handler crashed")),
        _ => starting(method, params),
    })
    .await;
    let (_driver, ears) = drive(node.config());
    assert_eq!(ears.away().await, NodeState::LoggedOut);
    node.script(usual("waku2"));
    assert_eq!(ears.ready().await.mode, Mode::Waku2);
}

#[actix::test]
async fn a_failed_call_is_the_end_of_a_session_only_if_the_settings_fail_too() {
    let node = Node::start(usual("waku2")).await;
    let (driver, ears) = drive(node.config());
    ears.ready().await;
    node.until_subscribed(1).await;
    let mut broken = usual("waku2");
    node.script(move |method, params| match method {
        "wakuext_dialPeer" => Some(Reply::Body("<html>".into())),
        _ => broken(method, params),
    });
    node.forget_calls();
    assert!(driver.send(connect_to(&store(1))).await.unwrap().is_err());
    node.until_called("mailservers_getMailservers", 1).await;
    assert!(
        !ears
            .heard()
            .iter()
            .any(|heard| matches!(heard, Heard::State(_, NodeState::Unreachable { .. })))
    );

    node.script(|_, _| {
        Some(Reply::Body(
            r#"{"error":"JSON-RPC client is unavailable"}"#.into(),
        ))
    });
    assert_eq!(
        driver.send(connect_to(&store(1))).await.unwrap(),
        Err(NodeError::NotLoggedIn)
    );
    assert_eq!(ears.away().await, NodeState::LoggedOut);
    // Whatever is wanted now is refused without a call.
    node.forget_calls();
    let refused = driver.send(connect_to(&store(1))).await.unwrap();
    assert_eq!(
        (refused, node.calls("wakuext_dialPeer")),
        (Err(NodeError::NotLoggedIn), 0)
    );
    node.script(usual("waku2"));
    // The login signal cuts the wait short.
    node.signal(r#"{"type":"node.login","event":{}}"#).await;
    ears.ready().await;
}

#[actix::test]
async fn another_account_is_another_session() {
    let key = Rc::new(Cell::new(("0x1", "one.fleet")));
    let (mut usual, now) = (usual("waku2"), key.clone());
    let node = Node::start(move |method, params| match method {
        "settings_getSettings" => Some(Reply::Result(
            json!({"key-uid": now.get().0, "fleet": now.get().1}),
        )),
        _ => usual(method, params),
    })
    .await;
    let mut config = node.config();
    config.signals = Signals::Push;
    let (driver, ears) = drive(config);
    assert_eq!(ears.ready().await.fleet.as_deref(), Some("one.fleet"));
    // A fleet that the user changes is told at the next reading; the session goes on.
    key.set(("0x1", "other.fleet"));
    driver.do_send(PushSignals(vec![
        r#"{"type":"node.login","event":{}}"#.into(),
    ]));
    assert_eq!(ears.ready().await.fleet.as_deref(), Some("other.fleet"));
    key.set(("0x2", "third.fleet"));
    driver.do_send(PushSignals(vec![
        r#"{"type":"node.login","event":{}}"#.into(),
    ]));
    assert_eq!(ears.away().await, NodeState::LoggedOut);
    assert_eq!(ears.ready().await.fleet.as_deref(), Some("third.fleet"));
}

#[actix::test]
async fn without_signals_the_peers_are_polled() {
    let listed = Rc::new(RefCell::new(json!({})));
    let (mut usual, now) = (usual("waku2"), listed.clone());
    let node = Node::start(move |method, params| match method {
        "wakuext_peers" => Some(Reply::Result(now.borrow().clone())),
        _ => usual(method, params),
    })
    .await;
    let mut config = node.polled();
    config.poll_interval = Duration::from_millis(50);
    let (driver, ears) = drive(config);
    ears.ready().await;
    *listed.borrow_mut() = json!({STORE_1: {"protocols": [], "addresses": []}});
    ears.peers(&[STORE_1]).await;
    // Nobody else asked: `admin_peers` is always empty on waku v2.
    assert_eq!(node.calls("admin_peers"), 0);
    *listed.borrow_mut() = json!({});
    ears.peers(&[]).await;
    *listed.borrow_mut() = json!({STORE_2: []});
    driver.do_send(RefreshPeers);
    ears.peers(&[STORE_2]).await;
    node.stop().await;
    assert!(matches!(ears.away().await, NodeState::Unreachable { .. }));
}

#[actix::test]
async fn a_socket_that_cannot_be_had_is_replaced_by_polling() {
    let node = Node::start(usual("waku1")).await;
    let nobody = Node::start(|_, _| None).await;
    nobody.stop().await;
    let mut config = node.config();
    config.signals = nobody.config().signals;
    config.poll_interval = Duration::from_millis(50);
    let (_driver, ears) = drive(config);
    ears.ready().await;
    node.until_called("admin_peers", 4).await;
    let asked = node.calls("wakuext_peers");
    assert_eq!(asked, 1, "whether it has started, and no more");
}

#[actix::test]
async fn an_answer_that_a_signal_overtook_is_dropped() {
    let node = Node::start(usual("waku2")).await;
    let (driver, ears) = drive(node.config());
    ears.ready().await;
    // Once for the seed, once because the socket is open.
    node.until_called("wakuext_peers", 2).await;
    let (answer, now) = (Rc::new(Notify::new()), json!({STORE_1: []}));
    let (mut usual, late) = (usual("waku2"), answer.clone());
    node.script(move |method, params| match method {
        "wakuext_peers" => Some(Reply::Late(late.clone(), now.clone())),
        _ => usual(method, params),
    });
    let refresh = actix_rt::spawn(driver.send(RefreshPeers));
    node.until_called("wakuext_peers", 3).await;
    node.peers(&[STORE_2]).await;
    ears.peers(&[STORE_2]).await;
    answer.notify_one();
    refresh.await.unwrap().unwrap();
    let stale = |heard: &Heard| matches!(heard, Heard::Peers(_));
    assert!(!ears.heard().iter().any(stale), "{:?}", ears.heard());
}

#[actix::test]
async fn a_classic_node_that_drives_itself_is_left_alone() {
    for (answer, mode) in [
        (Some(Reply::Error(-32602, "missing value")), Mode::Pin),
        (None, Mode::Observe),
    ] {
        let mut usual = usual("waku2");
        let node = Node::start(move |method, params| match method {
            "wakuext_setPinnedMailservers" => answer.clone(),
            _ => usual(method, params),
        })
        .await;
        let (driver, ears) = drive(node.config());
        assert_eq!(ears.ready().await.mode, Mode::Waku2);
        node.until_subscribed(1).await;
        node.until_called("wakuext_peers", 2).await;
        node.signal(r#"{"type":"mailserver.changed","event":{"address":""}}"#)
            .await;
        node.peers(&[STORE_1]).await;
        ears.peers(&[STORE_1]).await;
        // None is no choice; and what the sidecar chose itself betrays nothing.
        driver.send(connect_to(&store(1))).await.unwrap().unwrap();
        node.signal(&changed(STORE_1)).await;
        let named = |heard: &Heard| match heard {
            Heard::Switched(switched) => switched.identity.clone(),
            _ => None,
        };
        assert_eq!(ears.until(named).await.as_str(), STORE_1);
        let looked = node.calls("wakuext_peers");
        node.signal(r#"{"type":"node.login","event":{}}"#).await;
        node.until_called("wakuext_peers", looked + 1).await;
        assert_eq!(node.calls("wakuext_setPinnedMailservers"), 0);
        node.signal(&changed(STORE_2)).await;
        assert_eq!(ears.ready().await.mode, mode);
    }
}

/// What a node of 2022 says when it uses another mailserver.
fn changed(address: &str) -> String {
    format!(r#"{{"type":"mailserver.changed","event":{{"address":"{address}"}}}}"#)
}

#[actix::test]
async fn a_configured_mode_is_obeyed() {
    let node = Node::start(usual("waku2")).await;
    let mut config = node.config();
    config.mode = ConfiguredMode::Waku1;
    let (_driver, ears) = drive(config);
    assert_eq!(ears.ready().await.mode, Mode::Waku1);
    assert_eq!(node.calls("wakuext_setMailserver"), 0);
}

#[actix::test]
async fn a_fleet_that_was_never_saved_is_the_one_the_node_was_built_for() {
    let mut usual = usual("waku1");
    let node = Node::start(move |method, params| match method {
        "settings_getSettings" => Some(Reply::Result(json!({"key-uid": "0x1"}))),
        _ => usual(method, params),
    })
    .await;
    let (_driver, ears) = drive(node.config());
    assert_eq!(ears.ready().await.fleet.as_deref(), Some("cluster.fleet"));
}

#[actix::test]
async fn late_listeners_are_told_the_state() {
    let node = Node::start(usual("waku2")).await;
    let (driver, ears) = drive(node.config());
    ears.ready().await;
    let late = Ears::default();
    driver.do_send(Attach(late.listeners()));
    late.ready().await;
}

#[actix::test]
async fn a_restarted_driver_begins_anew() {
    let node = Node::start(usual("waku2")).await;
    let config = node.config();
    let rpc = RpcClient::new(&config).unwrap();
    let driver = Supervisor::start(move |_| {
        Driver::new(
            config,
            rpc,
            Rc::new(Pins::default()),
            Duration::from_secs(1),
        )
    });
    let ears = Ears::default();
    driver.do_send(Attach(ears.listeners()));
    ears.ready().await;
    node.until_subscribed(1).await;
    driver.do_send(Stop);
    ears.ready().await;
    node.until_subscribed(2).await;
    assert_eq!(
        driver.send(connect_to(&store(1))).await.unwrap(),
        Ok(::actors::model::node::Connection::Connected)
    );
}

/// Ends a driver as a fault would.
struct Stop;

impl actix::Message for Stop {
    type Result = ();
}

impl actix::Handler<Stop> for Driver {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) {
        actix::ActorContext::stop(ctx);
    }
}
