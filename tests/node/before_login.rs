//! What is heard of a node to which nobody is logged in, and how soon a login is acted upon.

use std::{cell::Cell, rc::Rc, time::Duration};

use ::actors::model::node::NodeState;
use mailserver_sidecar::node::Driver;

use crate::{
    ears::{Ears, Heard, drive},
    scripted::{Node, Reply, usual},
    stores::{STORE_1, STORE_2},
};

/// Much less than the pause between two looks, by the time that a test has got to it.
const AT_ONCE: Duration = Duration::from_secs(1);

/// A node, and whether somebody is logged in to it.
struct Rig {
    node: Node,
    logged_in: Rc<Cell<bool>>,
    ears: Ears,
    _driver: actix::Addr<Driver>,
}

/// A node to which nobody is logged in, looked at until the pauses are long.
async fn logged_out() -> Rig {
    let logged_in = Rc::new(Cell::new(false));
    let (mut usual, now) = (usual("waku2"), logged_in.clone());
    let node = Node::start(move |method, params| match now.get() {
        true => usual(method, params),
        false => Some(Reply::Body(
            r#"{"error":"JSON-RPC client is unavailable"}"#.into(),
        )),
    })
    .await;
    let (driver, ears) = drive(node.config());
    assert_eq!(ears.away().await, NodeState::LoggedOut);
    node.until_subscribed(1).await;
    node.until_called("settings_getSettings", 5).await;
    Rig {
        node,
        logged_in,
        ears,
        _driver: driver,
    }
}

#[actix::test]
async fn a_login_is_acted_upon_at_once() {
    for name in ["node.login", "node.ready"] {
        let it = logged_out().await;
        it.logged_in.set(true);
        let signal = format!(r#"{{"type":"{name}","event":{{"settings":{{}}}}}}"#);
        it.node.signal(&signal).await;
        let ready = tokio::time::timeout(AT_ONCE, it.ears.ready());
        ready.await.unwrap_or_else(|_| panic!("not after {name}"));
        assert_eq!(it.node.subscribed(), 1, "the socket is the same one");
        // And the session goes on with it.
        it.node.peers(&[STORE_2]).await;
        it.ears.peers(&[STORE_2]).await;
    }
}

#[actix::test]
async fn settings_that_are_served_a_moment_after_the_login_are_read_soon() {
    let it = logged_out().await;
    let calls = it.node.calls("settings_getSettings");
    it.node.signal(r#"{"type":"node.login","event":{}}"#).await;
    it.node
        .until_called("settings_getSettings", calls + 1)
        .await;
    it.logged_in.set(true);
    let ready = tokio::time::timeout(AT_ONCE, it.ears.ready());
    ready.await.expect("a small pause");
}

#[actix::test]
async fn a_login_that_failed_and_peers_of_nobody_are_no_session() {
    let it = logged_out().await;
    let calls = it.node.calls("settings_getSettings");
    it.node.peers(&[STORE_1]).await;
    it.node
        .signal(r#"{"type":"node.login","event":{"error":"no"}}"#)
        .await;
    let looked = it.node.until_called("settings_getSettings", calls + 1);
    let looked = tokio::time::timeout(AT_ONCE, looked).await;
    assert!(looked.is_err(), "there is nothing to be looked at");
    let peers = |heard: &Heard| matches!(heard, Heard::Peers(_));
    assert!(!it.ears.heard().iter().any(peers), "{:?}", it.ears.heard());
}
