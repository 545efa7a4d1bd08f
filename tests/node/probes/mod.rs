//! Pings, by the node and by ourselves: how a prober is asked, and what it said.

mod by_libp2p;
mod by_node_or_tcp;

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
    scripted::{LIMIT, Node, Reply},
    stores::{ENODE, STORE_1, STORE_2, mailserver},
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
        generation: mode.generation(),
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
