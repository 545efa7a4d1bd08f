//! A node is made to go back: what is written to its markers, when, and what is undone.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, SystemTime},
};

use ::actors::{
    messages::node::{RefreshPeers, RequestHistory},
    model::{
        moment::Moment,
        node::{HistoryAnswer, NodeError},
    },
};
use actix::{Actor as _, Addr};
use mailserver_sidecar::node::{Attach, Driver};
use serde_json::{Value, json};

use crate::{
    ears::{Ears, Heard, Pins, drive},
    scripted::{LIMIT, Node, Reply, usual},
};

const READ: &str = "mailservers_getMailserverTopics";
const WRITE: &str = "mailservers_addMailserverTopics";
const REQUEST: &str = "wakuext_requestAllHistoricMessages";

const DONE: Result<HistoryAnswer, NodeError> = Ok(HistoryAnswer::Done {
    messages: 0,
    rewound: true,
});
const NOT_REWOUND: Result<HistoryAnswer, NodeError> = Ok(HistoryAnswer::Done {
    messages: 0,
    rewound: false,
});

const HOUR: u64 = 60 * 60;

fn now() -> u64 {
    Moment::from(SystemTime::now()).as_seconds()
}

/// A row as 2024-10 writes it, with a member that nobody knows.
fn row(topic: &str, marker: u64) -> Value {
    json!({
        "pubsubTopic": "", "topic": topic, "discovery?": true, "negotiated?": false, "chat-ids": ["a"],
        "last-request": marker, "x": {"y": [1, "2", null]},
    })
}

/// The rows of a node, which it replaces by those that are written.
type Table = Rc<RefCell<Vec<Value>>>;

fn replace(table: &Table, rows: &Value) {
    let mut table = table.borrow_mut();
    for new in rows.as_array().unwrap() {
        table
            .retain(|old| old["topic"] != new["topic"] || old["pubsubTopic"] != new["pubsubTopic"]);
        table.push(new.clone());
    }
}

fn marker(table: &Table, topic: &str) -> u64 {
    let table = table.borrow();
    let row = table.iter().find(|row| row["topic"] == topic).unwrap();
    row["last-request"].as_u64().unwrap()
}

/// A node with such rows, which answers history requests like that, and does something more at some calls.
async fn node_with(
    rows: Vec<Value>,
    mut request: impl FnMut() -> Reply + 'static,
    mut at: impl FnMut(&str, &Table) + 'static,
) -> (Node, Addr<Driver>, Ears, Table) {
    let table: Table = Rc::new(RefCell::new(rows));
    let (mut usual, kept) = (usual("pin"), table.clone());
    let node = Node::start(move |method, params| {
        let reply = match method {
            READ => Some(Reply::Result(json!(*kept.borrow()))),
            WRITE => {
                replace(&kept, &params[0]);
                Some(Reply::Result(Value::Null))
            }
            REQUEST => Some(request()),
            _ => usual(method, params),
        };
        at(method, &kept);
        reply
    })
    .await;
    let (driver, ears) = drive_for(&node, LIMIT);
    ears.ready().await;
    node.until_subscribed(1).await;
    node.forget_calls();
    (node, driver, ears, table)
}

/// A driver that waits so long for the answer to a history request.
fn drive_for(node: &Node, limit: Duration) -> (Addr<Driver>, Ears) {
    let (ears, pins) = (Ears::default(), Rc::new(Pins::default()));
    let driver = Driver::new(node.config(), node.rpc(), pins, limit).start();
    driver.do_send(Attach(ears.listeners()));
    (driver, ears)
}

fn nothing(_: &str, _: &Table) {}

fn done() -> Reply {
    Reply::Result(json!({}))
}

fn since(seconds: u64) -> RequestHistory {
    RequestHistory {
        since: Some(Moment::from_millis(seconds * 1000 + 999)),
    }
}

async fn ask(driver: &Addr<Driver>, request: RequestHistory) -> Result<HistoryAnswer, NodeError> {
    driver.send(request).await.unwrap()
}

#[actix::test]
async fn later_markers_are_set_back_and_nothing_else_is_changed() {
    let to = now() - HOUR;
    let rows = vec![
        row("0x01", to + 1),
        row("0x02", to),
        row("0x03", 0),
        row("0x04", to + 500),
        json!({"topic": "0x05"}),
    ];
    let (node, driver, _ears, table) = node_with(rows, done, nothing).await;
    assert_eq!(ask(&driver, since(to)).await, DONE);
    assert_eq!(
        node.sent(WRITE),
        [json!([[row("0x01", to), row("0x04", to)]])]
    );
    for (topic, expected) in [("0x01", to), ("0x02", to), ("0x03", 0), ("0x04", to)] {
        assert_eq!(marker(&table, topic), expected, "{topic}");
    }
    assert_eq!(node.sent(REQUEST), [json!([false])]);
    // Read, written, read again, and only then asked.
    let orders: Vec<_> = node
        .orders()
        .into_iter()
        .map(|(method, _)| method)
        .collect();
    assert_eq!(orders, [WRITE, REQUEST]);
    assert_eq!(node.calls(READ), 2);
}

#[actix::test]
async fn where_no_marker_is_later_nothing_is_written() {
    let (node, driver, ..) = node_with(vec![row("0x01", 5)], done, nothing).await;
    assert_eq!(ask(&driver, since(5)).await, DONE);
    assert_eq!((node.calls(READ), node.calls(WRITE)), (1, 0));
    assert_eq!(ask(&driver, RequestHistory::default()).await, DONE);
    assert_eq!((node.calls(READ), node.calls(REQUEST)), (1, 2));
}

#[actix::test]
async fn markers_are_set_back_no_further_than_the_node_would_go() {
    let rows = vec![row("0x01", now()), row("0x02", 7)];
    let (node, driver, _ears, table) = node_with(rows, done, nothing).await;
    let before = now();
    assert_eq!(ask(&driver, since(3)).await, DONE);
    let period = 9 * 24 * HOUR;
    let floor = marker(&table, "0x01") + period;
    assert!((before..=now()).contains(&floor), "{floor}");
    assert_eq!(marker(&table, "0x02"), 7);
    assert_eq!(node.calls(WRITE), 1);
}

#[actix::test]
async fn a_node_that_says_that_it_did_not_fetch_gets_its_markers_back() {
    let (to, late) = (now() - HOUR, now());
    let answers: [fn() -> Reply; 2] = [
        || Reply::Result(Value::Null),
        || Reply::Error(-32000, "too many failed requests"),
    ];
    for answer in answers {
        let rows = vec![row("0x01", late), row("0x02", late), row("0x03", 7)];
        // The node itself moves one of them meanwhile.
        let moves = move |method: &str, table: &Table| {
            if method == REQUEST {
                replace(table, &json!([row("0x02", late + 5)]));
            }
        };
        let (node, driver, _ears, table) = node_with(rows, answer, moves).await;
        let outcome = ask(&driver, since(to)).await;
        assert!(
            !matches!(outcome, Ok(HistoryAnswer::Done { .. })),
            "{outcome:?}"
        );
        assert_eq!(node.sent(WRITE)[1..], [json!([[row("0x01", late)]])]);
        assert_eq!(marker(&table, "0x02"), late + 5);
        assert_eq!(marker(&table, "0x03"), 7);
    }
}

#[actix::test]
async fn without_an_answer_nothing_is_undone() {
    let to = now() - HOUR;
    let (node, _driver, _ears, table) =
        node_with(vec![row("0x01", now())], || Reply::Hang, nothing).await;
    let (driver, ears) = drive_for(&node, Duration::from_millis(300));
    ears.ready().await;
    let outcome = ask(&driver, since(to)).await;
    assert!(matches!(outcome, Err(NodeError::Timeout(_))), "{outcome:?}");
    assert_eq!((node.calls(WRITE), marker(&table, "0x01")), (1, to));
}

#[actix::test]
async fn markers_that_the_node_moves_forward_are_set_back_again_a_few_times() {
    let (to, late) = (now() - HOUR, now());
    for (times, writes, expected) in [(2, 3, DONE), (9, 3, NOT_REWOUND)] {
        let left = Cell::new(times);
        let moves = move |method: &str, table: &Table| {
            if method == WRITE && left.get() > 0 {
                left.set(left.get() - 1);
                replace(table, &json!([row("0x01", late)]));
            }
        };
        let (node, driver, ..) = node_with(vec![row("0x01", late)], done, moves).await;
        assert_eq!(ask(&driver, since(to)).await, expected);
        assert_eq!((node.calls(WRITE), node.calls(REQUEST)), (writes, 1));
    }
}

#[actix::test]
async fn a_node_that_cannot_be_told_so_is_asked_all_the_same() {
    for kind in ["pin", "waku1", "waku2", "observe"] {
        let mut usual = usual(kind);
        let node = Node::start(move |method, params| match method {
            REQUEST if *params == json!([]) || kind == "pin" => Some(done()),
            _ => usual(method, params),
        })
        .await;
        let (driver, ears) = drive(node.config());
        ears.ready().await;
        assert_eq!(ask(&driver, since(5)).await, NOT_REWOUND, "{kind}");
    }
}

async fn history_signal(node: &Node, ears: &Ears, name: &str) {
    let text = format!(r#"{{"type":"history.request.{name}","event":{{}}}}"#);
    node.signal(&text).await;
    ears.until(|heard| matches!(heard, Heard::History(_)).then_some(()))
        .await;
}

#[actix::test]
async fn a_request_of_the_node_is_waited_for() {
    let (node, driver, ears, _table) = node_with(vec![row("0x01", now())], done, nothing).await;
    history_signal(&node, &ears, "started").await;
    let request = actix_rt::spawn(driver.send(since(5)));
    // A call that was made later is answered.
    driver.send(RefreshPeers).await.unwrap();
    driver.send(RefreshPeers).await.unwrap();
    assert_eq!((node.calls(READ), node.calls(REQUEST)), (0, 0));
    history_signal(&node, &ears, "completed").await;
    assert_eq!(request.await.unwrap().unwrap(), DONE);
    assert_eq!(node.calls(WRITE), 1);
    // One for which nothing is set back is not held up.
    history_signal(&node, &ears, "started").await;
    assert_eq!(ask(&driver, RequestHistory::default()).await, DONE);
}

#[actix::test]
async fn one_that_takes_the_place_of_another_fetches_what_that_wanted_too() {
    let (to, late) = (now() - HOUR, now());
    let mut first = true;
    let request = move || match std::mem::take(&mut first) {
        true => Reply::Hang,
        false => done(),
    };
    let (node, driver, ears, table) = node_with(vec![row("0x01", late)], request, nothing).await;
    let older = actix_rt::spawn(driver.send(since(to)));
    node.until_called(REQUEST, 1).await;
    history_signal(&node, &ears, "started").await;
    assert_eq!(ask(&driver, since(to + 60)).await, DONE);
    assert_eq!(older.await.unwrap().unwrap(), Err(NodeError::Superseded));
    assert_eq!((marker(&table, "0x01"), node.calls(WRITE)), (to, 1));
}
