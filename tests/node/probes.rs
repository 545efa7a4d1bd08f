//! Pings, by the node and by ourselves.

use std::{cell::RefCell, rc::Rc, time::Duration};

use ::actors::{
    mailserver::Mailserver,
    node::{Mode, NodeChanged, NodeState, Profile},
    pinger::{Probe, ProbeAnswer, ProbeFailure},
};
use actix::prelude::*;
use mailserver_sidecar::probe::{Config, Method, Prober};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify};

use crate::scripted::{LIMIT, Node, Reply, STORE_1, STORE_2, mailserver};

#[derive(Clone, Default)]
struct Collector(Rc<RefCell<Vec<ProbeAnswer>>>, Rc<Notify>);

impl Actor for Collector {
    type Context = Context<Self>;
}

impl Handler<ProbeAnswer> for Collector {
    type Result = ();

    fn handle(&mut self, answer: ProbeAnswer, _: &mut Self::Context) {
        self.0.borrow_mut().push(answer);
        self.1.notify_one();
    }
}

async fn prober(node: &Node, method: Method, mode: Mode) -> Addr<Prober> {
    let prober = Prober::new(
        &Config {
            method,
            ..Config::default()
        },
        node.rpc(),
    )
    .start();
    let profile = Profile {
        mode,
        fleet: None,
        saved: Vec::new(),
        pinned: None,
        use_mailservers: true,
    };
    prober
        .send(NodeChanged(NodeState::Ready { profile }))
        .await
        .unwrap();
    prober
}

/// One outcome for each target, in the order of the targets.
async fn probe(
    prober: &Addr<Prober>,
    targets: &[Mailserver],
    timeout: Duration,
) -> Vec<Result<Duration, ProbeFailure>> {
    let collector = Collector::default();
    let answer_to = collector.clone().start().recipient();
    prober
        .send(Probe {
            round: 7,
            targets: targets.to_vec(),
            timeout,
            answer_to,
        })
        .await
        .unwrap();
    let all = async {
        while collector.0.borrow().len() < targets.len() {
            collector.1.notified().await;
        }
    };
    tokio::time::timeout(LIMIT, all)
        .await
        .expect("an answer for each target");
    let answers = collector.0.borrow();
    assert!(answers.iter().all(|answer| answer.round == 7) && answers.len() == targets.len());
    let of = |target: &Mailserver| {
        answers
            .iter()
            .find(|answer| answer.identity == target.identity)
            .unwrap()
            .outcome
            .clone()
    };
    targets.iter().map(of).collect()
}

const TIMEOUT: Duration = Duration::from_millis(500);

/// As v0.94 does it: a map by host and port collapses the answers, in any order.
fn collapsing(params: &Value) -> Value {
    let addresses = params[0]["addresses"].as_array().unwrap();
    let place = |address: &Value| {
        address
            .as_str()
            .unwrap()
            .split("/p2p/")
            .next()
            .unwrap()
            .to_owned()
    };
    let by_place: std::collections::BTreeMap<_, _> = addresses
        .iter()
        .map(|address| (place(address), address))
        .collect();
    by_place
        .values()
        .rev()
        .map(|address| json!({"address": address, "rttMs": 3, "error": null}))
        .collect()
}

#[actix::test]
async fn the_node_is_asked_so_that_no_answer_collapses() {
    let node = Node::start(|method, params| {
        assert_eq!(params[0]["timeoutMs"], json!(500));
        (method == "mailservers_multiAddressPing").then(|| Reply::Result(collapsing(params)))
    })
    .await;
    let same_place = |id: &str| mailserver(id, &format!("/ip4/127.0.0.1/tcp/61001/p2p/{id}"));
    let other = mailserver(
        "c",
        "/ip4/127.0.0.1/tcp/61002/p2p/16Uiu2HAmHtieabcdANakonm21aZW3RDvABbBZKgv63zmaXZyFhQK",
    );
    let targets = [same_place(STORE_1), same_place(STORE_2), other];
    let prober = prober(&node, Method::Auto, Mode::Waku2).await;
    let outcomes = probe(&prober, &targets, TIMEOUT).await;
    assert_eq!(outcomes, vec![Ok(Duration::from_millis(3)); 3]);
    assert_eq!(node.calls("mailservers_multiAddressPing"), 2);
}

#[actix::test]
async fn a_node_without_pings_is_asked_once_and_then_we_connect() {
    let node = Node::start(|_, _| None).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!(
        "/ip4/{}/tcp/{}/p2p/{STORE_1}",
        listener.local_addr().unwrap().ip(),
        listener.local_addr().unwrap().port()
    );
    let targets = [mailserver("a", &address)];
    let prober = prober(&node, Method::Auto, Mode::Waku2).await;
    for _ in 0..3 {
        assert!(probe(&prober, &targets, TIMEOUT).await[0].is_ok());
    }
    assert_eq!(node.calls("mailservers_multiAddressPing"), 1);
}

#[actix::test]
async fn what_the_node_cannot_ping_we_connect_to_ourselves() {
    let node = Node::start(|_, params| Some(Reply::Result(collapsing(params)))).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let by_name = mailserver("a", &format!("/dns4/localhost/tcp/{port}/p2p/{STORE_1}"));
    let by_number = mailserver("b", &format!("/ip4/127.0.0.1/tcp/1/p2p/{STORE_2}"));
    let targets = [by_name, by_number];
    let auto = prober(&node, Method::Auto, Mode::Waku2).await;
    assert!(
        probe(&auto, &targets, TIMEOUT)
            .await
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!(node.calls("mailservers_multiAddressPing"), 1);
    // Told to use one way only, it does.
    let by_node = prober(&node, Method::Node, Mode::Pin).await;
    assert!(matches!(
        probe(&by_node, &targets, TIMEOUT).await[..],
        [Err(ProbeFailure::Other(_)), Err(ProbeFailure::Other(_))]
    ));
    let by_tcp = prober(&node, Method::Tcp, Mode::Waku2).await;
    let outcomes = probe(&by_tcp, &targets, TIMEOUT).await;
    assert!(
        outcomes[0].is_ok() && outcomes[1] == Err(ProbeFailure::Refused),
        "{outcomes:?}"
    );
    assert_eq!(node.calls("mailservers_multiAddressPing"), 1);
}

#[actix::test]
async fn a_node_that_does_not_answer_says_nothing_about_the_mailservers() {
    let node = Node::start(|_, _| Some(Reply::Hang)).await;
    let targets = [mailserver(
        "b",
        &format!("/ip4/127.0.0.1/tcp/1/p2p/{STORE_2}"),
    )];
    let prober = prober(&node, Method::Auto, Mode::Waku2).await;
    let outcomes = probe(&prober, &targets, Duration::from_millis(10)).await;
    assert!(
        matches!(&outcomes[0], Err(ProbeFailure::Other(text)) if text.contains("node")),
        "{outcomes:?}"
    );
}
