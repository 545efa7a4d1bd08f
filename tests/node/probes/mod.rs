//! Pings, by the node and by ourselves.

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};

use ::actors::{
    messages::{
        node::NodeChanged,
        ping::{News, Probe, ProbeAnswer},
    },
    model::{
        mailserver::Mailserver,
        node::{Mode, NodeState, Profile},
        probe::{ProbeFailure, Stage},
    },
};
use actix::prelude::*;
use libp2p_identity::Keypair;
use mailserver_sidecar::{
    probe::{Config, Method, Prober},
    sim::{Fault, Settings, Simulation},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify};

use crate::{
    peer::{Manner, Peer, secp256k1},
    scripted::{ENODE, LIMIT, Node, Reply, STORE_1, STORE_2, mailserver},
};

use ::actors::messages::ping::Proof;

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

/// What a target was said to be, until the end.
struct Said {
    round_trips: Option<u32>,
    outcome: Result<Duration, ProbeFailure>,
    bytes: u64,
}

impl Collector {
    fn news(&self, of: &Mailserver) -> Vec<News> {
        let answers = self.0.borrow();
        assert!(answers.iter().all(|answer| answer.round == 7));
        let of = answers.iter().filter(|it| it.identity == of.identity);
        of.map(|answer| answer.news.clone()).collect()
    }

    async fn until(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let waiting = async {
            while !condition(self) {
                self.1.notified().await;
            }
        };
        tokio::time::timeout(LIMIT, waiting).await.expect(what);
    }

    /// What was said of a target: that it began, once at most, and how it ended, once.
    fn said(&self, of: &Mailserver) -> Said {
        match &self.news(of)[..] {
            [
                News::Began { round_trips },
                News::Done { outcome, bytes },
                ..,
            ] => Said {
                round_trips: Some(*round_trips),
                outcome: outcome.clone(),
                bytes: *bytes,
            },
            [News::Done { outcome, bytes }, ..] => Said {
                round_trips: None,
                outcome: outcome.clone(),
                bytes: *bytes,
            },
            news => panic!("{news:?}"),
        }
    }
}

/// Gives an order, and waits until all targets are done.
async fn order(
    prober: &Addr<Prober>,
    targets: &[Mailserver],
    timeout: Duration,
    watched: bool,
) -> Collector {
    let collector = Collector::default();
    let answer_to = collector.clone().start().recipient();
    prober
        .send(Probe {
            round: 7,
            targets: targets.to_vec(),
            timeout,
            proof: if watched { Proof::Watched } else { Proof::Path },
            answer_to,
        })
        .await
        .unwrap();
    let done = |news: &News| matches!(news, News::Done { .. });
    let all_done = |collector: &Collector| {
        let mut targets = targets.iter();
        targets.all(|target| collector.news(target).iter().any(done))
    };
    collector.until("an answer for each target", all_done).await;
    collector
}

/// One outcome for each target, in the order of the targets.
async fn probe(
    prober: &Addr<Prober>,
    targets: &[Mailserver],
    timeout: Duration,
) -> Vec<Result<Duration, ProbeFailure>> {
    let collector = order(prober, targets, timeout, false).await;
    let outcomes = targets.iter().map(|target| collector.said(target).outcome);
    outcomes.collect()
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
    let by_node = prober(&node, Method::Node, Mode::Waku2).await;
    let collector = order(&by_node, &targets, TIMEOUT, false).await;
    for target in &targets {
        let said = collector.said(target);
        assert_eq!(said.outcome, Ok(Duration::from_millis(3)));
        assert_eq!(said.round_trips, None, "the node answers for all at once");
    }
    assert_eq!(node.calls("mailservers_multiAddressPing"), 2);
    // Not where it has no ping, and not unless it is told.
    let without = prober(&node, Method::Node, Mode::Pin).await;
    for outcome in probe(&without, &targets, TIMEOUT).await {
        assert!(matches!(outcome, Err(ProbeFailure::Impossible(_))));
    }
    assert_eq!(node.calls("mailservers_multiAddressPing"), 2);
}

#[actix::test]
async fn a_node_without_pings_is_asked_once() {
    let node = Node::start(|_, _| None).await;
    let address = format!("/ip4/127.0.0.1/tcp/1/p2p/{STORE_1}");
    let targets = [mailserver("a", &address)];
    let prober = prober(&node, Method::Node, Mode::Waku2).await;
    for _ in 0..3 {
        let outcome = &probe(&prober, &targets, TIMEOUT).await[0];
        assert!(
            matches!(outcome, Err(ProbeFailure::Impossible(_))),
            "{outcome:?}"
        );
    }
    assert_eq!(node.calls("mailservers_multiAddressPing"), 1);
}

#[actix::test]
async fn a_node_that_does_not_answer_says_nothing_about_the_mailservers() {
    let node = Node::start(|_, _| Some(Reply::Hang)).await;
    let targets = [mailserver(
        "b",
        &format!("/ip4/127.0.0.1/tcp/1/p2p/{STORE_2}"),
    )];
    let prober = prober(&node, Method::Node, Mode::Waku2).await;
    let outcomes = probe(&prober, &targets, Duration::from_millis(10)).await;
    assert!(
        matches!(&outcomes[0], Err(ProbeFailure::Other(text)) if text.contains("node")),
        "{outcomes:?}"
    );
}

#[actix::test]
async fn by_tcp_whoever_listens_is_there_until_it_is_watched() {
    let prober = own(Method::Tcp, false).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let by_name = mailserver("a", &format!("/dns4/localhost/tcp/{port}/p2p/{STORE_1}"));
    let closed = mailserver("b", &format!("/ip4/127.0.0.1/tcp/1/p2p/{STORE_2}"));
    let targets = [by_name.clone(), closed.clone()];
    let collector = order(&prober, &targets, PATIENT, false).await;
    assert!(collector.said(&by_name).outcome.is_ok());
    assert_eq!(collector.said(&by_name).round_trips, Some(1));
    assert_eq!(collector.said(&closed).outcome, Err(ProbeFailure::Refused));
    let watched = order(&prober, std::slice::from_ref(&by_name), SHORT, true).await;
    let silent = Err(ProbeFailure::Silent(Stage::Ping));
    assert_eq!(watched.said(&by_name).outcome, silent);
    assert_eq!(watched.said(&by_name).round_trips, Some(2));
}

#[actix::test]
async fn enodes_are_pinged_by_tcp_and_a_live_one_reacts_to_nonsense() {
    let settings = Settings {
        mailservers: 3,
        ..Settings::new(Mode::Waku1)
    };
    let simulation = Simulation::start(settings).unwrap();
    simulation.set_fault(1, Fault::Hung).unwrap();
    simulation.set_fault(2, Fault::Killed).unwrap();
    let targets = targets(&simulation);
    let prober = own(Method::Auto, false).await;
    let round = probe(&prober, &targets, PATIENT).await;
    assert!(round[0].is_ok() && round[1].is_ok(), "{round:?}");
    assert_eq!(round[2], Err(ProbeFailure::Refused));
    let collector = order(&prober, &targets[..2], SHORT, true).await;
    assert!(collector.said(&targets[0]).outcome.is_ok());
    assert!(collector.said(&targets[0]).bytes >= 307);
    let hung = collector.said(&targets[1]).outcome;
    assert_eq!(hung, Err(ProbeFailure::Silent(Stage::Ping)));
}

/// A prober without a node.
async fn own(method: Method, identify: bool) -> Addr<Prober> {
    let node = Node::start(|_, _| None).await;
    let config = Config {
        method,
        identify,
        ..Config::default()
    };
    Prober::new(&config, node.rpc()).start()
}

fn targets(simulation: &Simulation) -> Vec<Mailserver> {
    let all = simulation.mailservers().into_iter();
    all.map(|it| mailserver(&it.id, &it.address)).collect()
}

/// Longer than an answer takes on a busy machine.
const PATIENT: Duration = Duration::from_secs(10);

/// Long enough for those who answer at once, in tests that wait for those who do not.
const SHORT: Duration = Duration::from_secs(1);

#[actix::test]
async fn each_way_to_fail_is_told_apart() {
    let silent = |stage| Err(ProbeFailure::Silent(stage));
    let foreign = |stage| Err(ProbeFailure::NoProtocol(stage));
    let cases = [
        (Manner::SilentAfterConnect, silent(Stage::Handshake)),
        (Manner::SilentAfterNoise, silent(Stage::Multiplexer)),
        (Manner::SilentAfterMuxer, silent(Stage::Ping)),
        (Manner::SilentAfterPing, silent(Stage::Identify)),
        (Manner::Foreign, foreign(Stage::Handshake)),
        (Manner::NoNoise, foreign(Stage::Handshake)),
        (Manner::NoMuxer, foreign(Stage::Multiplexer)),
        (Manner::NoPing, foreign(Stage::Ping)),
        (Manner::NoStore, Err(ProbeFailure::NoStore)),
    ];
    let prober = own(Method::Libp2p, true).await;
    for (manner, expected) in cases {
        let peer = Peer::start(manner).await;
        let targets = [mailserver("a", &peer.multiaddr())];
        let outcomes = probe(&prober, &targets, SHORT).await;
        assert_eq!(outcomes, [expected], "{manner:?}");
    }
    let peer = Peer::start(Manner::Closes).await;
    let targets = [mailserver("a", &peer.multiaddr())];
    let outcomes = probe(&prober, &targets, SHORT).await;
    assert!(
        matches!(&outcomes[0], Err(ProbeFailure::Other(text)) if text.contains("closed")),
        "{outcomes:?}"
    );
}

#[actix::test]
async fn good_and_particular_peers_answer_whatever_their_key() {
    let prober = own(Method::Auto, true).await;
    let ed25519 = Keypair::ed25519_from_bytes([9; 32]).unwrap();
    for (keys, manner) in [
        (secp256k1(7), Manner::Good),
        (secp256k1(8), Manner::Particular),
        (ed25519, Manner::Particular),
    ] {
        let peer = Peer::start_at("127.0.0.1:0", keys, manner).await.unwrap();
        let target = mailserver("a", &peer.multiaddr());
        let collector = order(&prober, std::slice::from_ref(&target), PATIENT, false).await;
        let said = collector.said(&target);
        assert!(said.outcome.is_ok(), "{manner:?} {:?}", said.outcome);
        assert_eq!(said.round_trips, Some(5));
        assert!((500..5000).contains(&said.bytes), "{}", said.bytes);
    }
}

#[actix::test]
async fn somebody_else_and_nobody_at_the_address() {
    let prober = own(Method::Auto, false).await;
    let settings = Settings {
        mailservers: 2,
        ..Settings::new(Mode::Waku2)
    };
    let simulation = Simulation::start(settings).unwrap();
    let targets = targets(&simulation);
    simulation.set_fault(0, Fault::Refusing).unwrap();
    simulation.set_fault(1, Fault::Killed).unwrap();
    let outcomes = probe(&prober, &targets, PATIENT).await;
    match &outcomes[0] {
        Err(ProbeFailure::WrongPeer(found)) => {
            assert!(found.starts_with("16Uiu2HA") && *found != targets[0].identity.as_str());
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(outcomes[1], Err(ProbeFailure::Refused));
}

#[actix::test]
async fn an_enode_has_no_libp2p_and_a_name_no_address() {
    let prober = own(Method::Libp2p, false).await;
    let enode = mailserver("a", ENODE);
    let unknown = format!("/dns4/no.such.host.invalid/tcp/1/p2p/{STORE_1}");
    let unknown = mailserver("b", &unknown);
    let outcomes = probe(&prober, &[enode, unknown], PATIENT).await;
    assert!(matches!(outcomes[0], Err(ProbeFailure::Impossible(_))));
    assert!(
        matches!(
            outcomes[1],
            Err(ProbeFailure::Unresolved(_) | ProbeFailure::Silent(Stage::Name))
        ),
        "{outcomes:?}"
    );
}

#[actix::test]
async fn a_watched_peer_is_dialled_once_and_pinged_five_times() {
    let prober = own(Method::Auto, false).await;
    let peer = Peer::start(Manner::Particular).await;
    let target = [mailserver("a", &peer.multiaddr())];
    let mut bytes = Vec::new();
    for turn in 0..5 {
        let said = order(&prober, &target, PATIENT, true)
            .await
            .said(&target[0]);
        assert!(said.outcome.is_ok(), "{:?}", said.outcome);
        assert_eq!(said.round_trips, Some(if turn == 0 { 4 } else { 1 }));
        bytes.push(said.bytes);
    }
    // A round uses the connection too, and leaves it.
    assert!(probe(&prober, &target, PATIENT).await[0].is_ok());
    assert!(
        order(&prober, &target, PATIENT, true)
            .await
            .said(&target[0])
            .outcome
            .is_ok()
    );
    assert_eq!(peer.accepted(), 1);
    assert!(
        bytes[1..].iter().all(|bytes| (64..400).contains(bytes)),
        "{bytes:?}"
    );
}

#[actix::test]
async fn without_a_watch_nothing_is_kept() {
    let prober = own(Method::Auto, false).await;
    let peer = Peer::start(Manner::Good).await;
    let target = [mailserver("a", &peer.multiaddr())];
    for accepted in 1..=3 {
        assert!(probe(&prober, &target, PATIENT).await[0].is_ok());
        assert_eq!(peer.accepted(), accepted);
    }
}

#[actix::test]
async fn the_end_of_a_kept_connection_is_told_once_to_the_last_who_used_it() {
    let prober = own(Method::Auto, false).await;
    let simulation = Simulation::start(Settings::new(Mode::Waku2)).unwrap();
    let target = [targets(&simulation).swap_remove(0)];
    let first = order(&prober, &target, PATIENT, true).await;
    let last = order(&prober, &target, PATIENT, true).await;
    simulation.set_fault(0, Fault::Killed).unwrap();
    let closed = |it: &Collector| it.news(&target[0]).last() == Some(&News::Closed);
    last.until("the end is told", closed).await;
    let after = order(&prober, &target, PATIENT, true).await;
    assert_eq!(after.said(&target[0]).outcome, Err(ProbeFailure::Refused));
    let count = |it: &Collector| it.news(&target[0]).len();
    assert_eq!((count(&first), count(&last), count(&after)), (2, 3, 2));
}

#[actix::test]
async fn a_hung_mailserver_is_found_out_over_the_kept_connection_and_dialled_anew() {
    let prober = own(Method::Auto, false).await;
    let simulation = Simulation::start(Settings::new(Mode::Waku2)).unwrap();
    let target = [targets(&simulation).swap_remove(0)];
    let outcome = async |limit| {
        order(&prober, &target, limit, true)
            .await
            .said(&target[0])
            .outcome
    };
    assert!(outcome(PATIENT).await.is_ok());
    simulation.set_fault(0, Fault::Hung).unwrap();
    let short = Duration::from_millis(100);
    assert_eq!(outcome(short).await, Err(ProbeFailure::Silent(Stage::Ping)));
    assert_eq!(
        outcome(short).await,
        Err(ProbeFailure::Silent(Stage::Handshake))
    );
    simulation.set_fault(0, Fault::None).unwrap();
    assert!(outcome(PATIENT).await.is_ok());
}

#[actix::test]
async fn web_sockets_lead_to_the_peer_and_tls_is_a_feature() {
    let prober = own(Method::Auto, true).await;
    let peer = Peer::start(Manner::Web).await;
    let address = peer.multiaddr().replace("/p2p/", "/ws/p2p/");
    let target = [mailserver("a", &address)];
    let said = order(&prober, &target, PATIENT, false)
        .await
        .said(&target[0]);
    assert!(said.outcome.is_ok(), "{:?}", said.outcome);
    assert_eq!(said.round_trips, Some(6));
    let target = [mailserver("a", &address.replace("/ws/", "/wss/"))];
    let outcome = probe(&prober, &target, PATIENT).await.remove(0);
    match cfg!(feature = "tls") {
        true => assert!(matches!(outcome, Err(ProbeFailure::Other(_)))),
        false => {
            assert!(matches!(outcome, Err(ProbeFailure::Impossible(text)) if text.contains("tls")))
        }
    }
    // A plain mailserver is no web server.
    let plain = Peer::start(Manner::Good).await;
    let address = plain.multiaddr().replace("/p2p/", "/ws/p2p/");
    let outcome = probe(&prober, &[mailserver("a", &address)], SHORT)
        .await
        .remove(0);
    assert!(outcome.is_err(), "{outcome:?}");
}

#[actix::test]
async fn records_and_ip6_lead_to_the_peer_too() {
    let prober = own(Method::Auto, false).await;
    let Ok(peer) = Peer::start_at("[::1]:0", secp256k1(7), Manner::Good).await else {
        return eprintln!("skipped: this machine has no IPv6");
    };
    let key = enr::k256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let mut record = enr::Enr::builder();
    record.ip6("::1".parse().unwrap()).tcp6(peer.address.port());
    // Nobody is at the other endpoint of it.
    record.ip4([127, 0, 0, 1].into()).tcp4(1);
    let record = record.build(&key).unwrap().to_base64();
    for address in [peer.multiaddr(), record] {
        let target = [mailserver("a", &address)];
        assert_eq!(target[0].identity.as_str(), peer.peer_id);
        let outcomes = probe(&prober, &target, PATIENT).await;
        assert!(outcomes[0].is_ok(), "{outcomes:?}");
    }
    assert_eq!(peer.accepted(), 2);
}

/// Mailservers that all take so long for each answer.
fn slow(mailservers: usize, latency: Duration) -> Simulation {
    let settings = Settings {
        mailservers,
        latencies: vec![latency],
        ..Settings::new(Mode::Waku2)
    };
    Simulation::start(settings).unwrap()
}

#[actix::test]
async fn a_probe_waits_as_often_as_it_says() {
    const LATENCY: Duration = Duration::from_millis(400);
    let simulation = slow(1, LATENCY);
    let target = targets(&simulation);
    for (identify, round_trips) in [(false, 4), (true, 5)] {
        let prober = own(Method::Auto, identify).await;
        let begun = Instant::now();
        let said = order(&prober, &target, PATIENT, false)
            .await
            .said(&target[0]);
        let took = begun.elapsed();
        assert!(
            said.outcome.clone().unwrap() >= LATENCY,
            "{:?}",
            said.outcome
        );
        assert_eq!(said.round_trips, Some(round_trips));
        // The system agrees to a connect at once: the other waits are the mailserver's.
        let expected = (round_trips - 1) * LATENCY..round_trips * LATENCY;
        assert!(expected.contains(&took), "{took:?}");
    }
}

#[actix::test]
async fn twenty_at_once_each_show_their_latency() {
    const LATENCY: Duration = Duration::from_millis(50);
    let simulation = slow(20, LATENCY);
    let targets = targets(&simulation);
    let prober = own(Method::Auto, false).await;
    let mut outcomes = probe(&prober, &targets, PATIENT).await;
    outcomes.sort_by_key(|outcome| outcome.clone().unwrap());
    assert!(*outcomes[0].as_ref().unwrap() >= LATENCY, "{outcomes:?}");
    eprintln!("median {:?}", outcomes[10]);
}
