//! Connect calls that overtake each other, and the standby beside the mailserver in use.

use std::{cell::Cell, rc::Rc};

use ::actors::{
    messages::node::{Connect, Introduce, PushSignals},
    model::{
        mailserver::Mailserver,
        node::{Connection, NodeError, NodeState},
    },
};
use actix::Addr;
use mailserver_sidecar::node::{Driver, PinMemory as _, PinRecord, Signals};
use serde_json::{Value, json};
use tokio::{sync::Notify, task::JoinHandle};

use crate::{
    ears::{Ears, Pins, drive_with},
    scripted::{Node, Reply, usual},
    stores::{ENODE, STORE_2, connect_to, mailserver, store},
};

type Connecting = JoinHandle<Result<Result<Connection, NodeError>, actix::MailboxError>>;

fn connecting(driver: &Addr<Driver>, mailserver: &Mailserver) -> Connecting {
    actix_rt::spawn(driver.send(connect_to(mailserver)))
}

/// A node whose dial to store 1 is answered when told to, as that to a hung host is after 5 s.
async fn slow(kind: &'static str) -> (Node, Rc<Notify>) {
    let (mut usual, answer) = (usual(kind), Rc::new(Notify::new()));
    let (late, slow) = (answer.clone(), store(1).address.to_string());
    let node = Node::start(move |method, params| match method {
        "wakuext_dialPeer" if params[0] == slow => Some(Reply::Late(late.clone(), Value::Null)),
        _ => usual(method, params),
    });
    (node.await, answer)
}

/// A driver of it, once it is ready.
async fn driver_of(node: &Node, signals: Signals) -> (Addr<Driver>, Ears, Rc<Pins>) {
    let pins = Rc::new(Pins::default());
    let mut config = node.config();
    config.signals = signals;
    let (driver, ears) = drive_with(config, pins.clone());
    ears.ready().await;
    node.forget_calls();
    (driver, ears, pins)
}

fn dial(number: u16) -> (String, Value) {
    let address = store(number).address;
    ("wakuext_dialPeer".into(), json!([address.dial()]))
}

#[actix::test]
async fn on_waku2_one_that_was_overtaken_while_it_dialled_sets_nothing() {
    let (node, answer) = slow("waku2").await;
    let (driver, ..) = driver_of(&node, Signals::Poll).await;
    let older = connecting(&driver, &store(1));
    node.until_called("wakuext_dialPeer", 1).await;
    let newer = connecting(&driver, &store(2)).await.unwrap().unwrap();
    assert_eq!(newer, Ok(Connection::Connected));
    answer.notify_one();
    assert_eq!(older.await.unwrap().unwrap(), Err(NodeError::Superseded));
    let set = ("wakuext_setMailserver".to_owned(), json!([STORE_2]));
    assert_eq!(node.orders(), [dial(1), dial(2), set]);

    // The dial itself was no waste: the node is connected to it, and is not told to dial it again.
    node.forget_calls();
    let again = connecting(&driver, &store(1)).await.unwrap().unwrap();
    assert_eq!(again, Ok(Connection::Connected));
    assert_eq!(node.calls("wakuext_dialPeer"), 0);
}

#[actix::test]
async fn on_a_pin_node_one_that_was_overtaken_while_it_dialled_pins_nothing() {
    let (node, answer) = slow("pin").await;
    // Nothing confirms a pin where there are no signals.
    let (driver, _ears, pins) = driver_of(&node, Signals::Poll).await;
    let older = connecting(&driver, &store(1));
    node.until_called("wakuext_dialPeer", 1).await;
    let newer = connecting(&driver, &store(2)).await.unwrap().unwrap();
    assert_eq!(newer, Ok(Connection::Connected));
    answer.notify_one();
    assert_eq!(older.await.unwrap().unwrap(), Err(NodeError::Superseded));
    let pin = (
        "wakuext_setPinnedMailservers".to_owned(),
        json!([{"test.fleet": "store-2"}]),
    );
    assert_eq!(node.orders(), [dial(1), dial(2), pin]);
    let ours = PinRecord {
        set: "store-2".into(),
        replaced: None,
        perhaps: Vec::new(),
    };
    assert_eq!(pins.load("test.fleet"), Some(ours), "nor remembered");
}

#[actix::test]
async fn a_pin_that_a_newer_one_replaced_was_not_ignored() {
    let node = Node::start(usual("pin")).await;
    let (driver, ..) = driver_of(&node, Signals::Push).await;
    let older = connecting(&driver, &store(1));
    node.until_called("wakuext_setPinnedMailservers", 1).await;
    let newer = connecting(&driver, &store(2));
    node.until_called("wakuext_setPinnedMailservers", 2).await;
    let switched = |id: &str| {
        let event = json!({"address": null, "id": id});
        json!({"type": "mailserver.changed", "event": event}).to_string()
    };
    driver.do_send(PushSignals(vec![switched(""), switched("store-2")]));
    assert_eq!(newer.await.unwrap().unwrap(), Ok(Connection::Connected));
    assert_eq!(older.await.unwrap().unwrap(), Err(NodeError::Superseded));
}

#[actix::test]
async fn what_was_chosen_for_one_account_is_not_set_for_the_next() {
    let (node, answer) = slow("waku2").await;
    let (driver, ears, _pins) = driver_of(&node, Signals::Push).await;
    let older = connecting(&driver, &store(1));
    node.until_called("wakuext_dialPeer", 1).await;
    let (mut usual, key) = (usual("waku2"), Rc::new(Cell::new("0x2")));
    node.script(move |method, params| match method {
        "settings_getSettings" => Some(Reply::Result(json!({"key-uid": key.get()}))),
        _ => usual(method, params),
    });
    let login = r#"{"type":"node.login","event":{}}"#;
    driver.do_send(PushSignals(vec![login.into()]));
    assert_eq!(ears.away().await, NodeState::LoggedOut);
    ears.ready().await;
    answer.notify_one();
    assert_eq!(older.await.unwrap().unwrap(), Err(NodeError::Superseded));
    assert_eq!(node.orders(), [dial(1)]);
}

#[actix::test]
async fn on_waku1_the_standby_is_kept_connected_beside_the_one_in_use() {
    let node = Node::start(usual("waku1")).await;
    let (driver, ..) = driver_of(&node, Signals::Poll).await;
    let enode = |digits: &str| format!("enode://{}@127.0.0.1:30402", digits.repeat(64));
    let (used, other, third) = (ENODE.to_owned(), enode("ab"), enode("cd"));
    let connect = |standby: &str| Connect {
        mailserver: mailserver("mail-01", &used),
        standby: Some(mailserver("mail-02", standby)),
    };
    let pending = Ok(Connection::Pending);
    assert_eq!(driver.send(connect(&other)).await.unwrap(), pending);
    // A standby that is the one in use is none.
    assert_eq!(driver.send(connect(&used)).await.unwrap(), pending);
    let introduce = Introduce(mailserver("mail-03", &third));
    assert_eq!(driver.send(introduce).await.unwrap(), pending);
    let update = |enodes: &[&String]| ("wakuext_updateMailservers".to_owned(), json!([enodes]));
    assert_eq!(
        node.orders(),
        [
            update(&[&used, &other]),
            update(&[&used]),
            update(&[&used, &third])
        ]
    );
}

#[actix::test]
async fn on_waku1_an_introduction_never_brings_the_last_mailserver_back() {
    let (mut usual, answer) = (usual("waku1"), Rc::new(Notify::new()));
    let other = format!("enode://{}@127.0.0.1:30402", "ab".repeat(64));
    let (late, slow) = (answer.clone(), json!([[other]]));
    let node = Node::start(move |method, params| match method {
        "wakuext_updateMailservers" if *params == slow => {
            Some(Reply::Late(late.clone(), Value::Null))
        }
        _ => usual(method, params),
    })
    .await;
    let (driver, ..) = driver_of(&node, Signals::Poll).await;
    let (first, second) = (mailserver("mail-01", ENODE), mailserver("mail-02", &other));
    connecting(&driver, &first).await.unwrap().unwrap().unwrap();
    let newer = connecting(&driver, &second);
    node.until_called("wakuext_updateMailservers", 2).await;
    // The first one is to become the standby, before the node has answered who is in use.
    let standby = actix_rt::spawn(driver.send(Introduce(first)));
    answer.notify_one();
    newer.await.unwrap().unwrap().unwrap();
    standby.await.unwrap().unwrap().unwrap();
    let last = node.orders().pop().unwrap().1;
    assert_eq!(last, json!([[other, ENODE]]));
}

#[actix::test]
async fn elsewhere_the_standby_of_a_connect_call_is_not_touched() {
    for kind in ["waku2", "pin"] {
        let node = Node::start(usual(kind)).await;
        let (driver, ..) = driver_of(&node, Signals::Poll).await;
        let connect = Connect {
            mailserver: store(2),
            standby: Some(store(1)),
        };
        let connected = Ok(Connection::Connected);
        assert_eq!(driver.send(connect).await.unwrap(), connected);
        assert_eq!(node.orders()[0], dial(2));
        assert_eq!(node.orders().len(), 2, "{kind}: {:?}", node.orders());
        // It is introduced, and that is all.
        node.forget_calls();
        for _ in 0..2 {
            assert_eq!(driver.send(Introduce(store(1))).await.unwrap(), connected);
        }
        assert_eq!(node.orders(), [dial(1)], "{kind}");
    }
}
