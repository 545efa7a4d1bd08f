//! How mailservers are pinged: by the sidecar itself, or by the node.
//!
//! | method | what it is |
//! |---|---|
//! | `libp2p` | a libp2p ping of our own, the truth about a waku2 mailserver (see `libp2p`) |
//! | `tcp` | a TCP connect of our own (see `tcp`): all that an enode can be asked |
//! | `node` | the node's own RPC (`mailservers_ping`, `mailservers_multiAddressPing`); classic nodes only |
//!
//! Whatever the method, what mailservers hold is asked by libp2p: `queries` bounds how many at once.
//!
//! `auto` is libp2p for waku2 addresses and TCP for enodes. One file for each; names are looked up by `resolve`,
//! and what is said of a target goes through `answers`.

mod answers;
mod libp2p;
mod node;
mod queries;
mod resolve;
mod tcp;

use std::{cell::Cell, rc::Rc, time::Duration};

use actix::{
    Actor, AsyncContext as _, Context, Handler, ResponseFuture, Supervised, WrapFuture as _,
};
use actors::{
    messages::{
        node::NodeChanged,
        ping::{Probe, Proof},
        store::{FailedQuery, QueryStore, StoreAnswer},
    },
    model::{
        address::Network,
        mailserver::Mailserver,
        node::{Mode, NodeState},
        probe::ProbeFailure,
    },
};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use self::{
    answers::{Answer, Answers},
    libp2p::{Libp2p, ProbeOrder},
    queries::Queries,
    resolve::Resolver,
};
use crate::node::{Invalid, RpcClient, check_range};

/// The most connects of our own at a time, by TCP. They only wait; the bound is for the files they open.
const MOST_CONNECTS: usize = 256;

/// How mailservers are pinged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who pings, and how. Default: the sidecar, by libp2p where the target speaks it.
    pub method: Method,
    /// A reply must arrive in less than this; a probe that waits several times waits so long each time.
    /// 1 ms to 60 s. Default: 500 ms.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// Whether a libp2p ping also asks for the target's protocols, among which must be one of a store. One more
    /// round trip for each. Default: no.
    pub identify: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            method: Method::Auto,
            timeout: Duration::from_millis(500),
            identify: false,
        }
    }
}

/// Who pings, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// By libp2p where the target speaks it, by TCP elsewhere.
    Auto,
    /// The node.
    Node,
    /// A libp2p ping of our own.
    Libp2p,
    /// A TCP connect of our own.
    Tcp,
}

impl Config {
    /// Checks what the types cannot.
    ///
    /// # Errors
    /// The first key whose value cannot be used.
    pub fn validate(&self) -> Result<(), Invalid> {
        let range = Duration::from_millis(1)..=Duration::from_secs(60);
        check_range("ping.timeout", self.timeout, range)
    }
}

/// How one mailserver is pinged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By this method of the node.
    Node(&'static str),
    /// By a libp2p ping.
    Libp2p,
    /// By a connect.
    Tcp,
    /// Not at all.
    Impossible(&'static str),
}

/// Chooses the way to a mailserver. `able` is false once the node said that it has no ping.
fn way(method: Method, mode: Option<Mode>, able: bool, target: &Mailserver) -> Way {
    let network = target.address.network();
    if method != Method::Node && target.address.endpoints().is_empty() {
        return Way::Impossible("no address");
    }
    match (method, mode, network) {
        (Method::Tcp, _, _) | (Method::Auto, _, Network::Waku1) => Way::Tcp,
        (Method::Libp2p | Method::Auto, _, Network::Waku2) => Way::Libp2p,
        (Method::Libp2p, _, Network::Waku1) => Way::Impossible("an enode speaks no libp2p"),
        (Method::Node, Some(Mode::Waku1), _) if able => Way::Node("mailservers_ping"),
        (Method::Node, Some(Mode::Waku2), _) if able => Way::Node("mailservers_multiAddressPing"),
        (Method::Node, _, _) => Way::Impossible("the node has no ping"),
    }
}

/// What the probes share.
struct Means {
    method: Method,
    rpc: RpcClient,
    mode: Cell<Option<Mode>>,
    able: Cell<bool>,
    resolver: Resolver,
    connects: Semaphore,
    libp2p: Libp2p,
    queries: Queries,
}

/// The actor that probes mailservers.
pub struct Prober {
    means: Rc<Means>,
}

impl Prober {
    /// A prober that asks the node behind `rpc`, in the modes in which nodes can ping, where it is told to.
    #[must_use]
    pub fn new(config: &Config, rpc: RpcClient) -> Self {
        let resolver = Resolver::system();
        let means = Means {
            method: config.method,
            rpc,
            mode: Cell::new(None),
            able: Cell::new(true),
            libp2p: Libp2p::new(resolver.clone(), config.identify),
            resolver,
            connects: Semaphore::new(MOST_CONNECTS),
            queries: Queries::default(),
        };
        Self {
            means: Rc::new(means),
        }
    }
}

impl Actor for Prober {
    type Context = Context<Self>;
}

/// Nothing to reset: the mode is still the node's.
impl Supervised for Prober {}

impl Handler<NodeChanged> for Prober {
    type Result = ();

    fn handle(&mut self, NodeChanged(state): NodeChanged, _ctx: &mut Self::Context) {
        self.means.able.set(true);
        self.means.mode.set(match state {
            NodeState::Ready { profile } => Some(profile.mode),
            NodeState::LoggedOut | NodeState::Unreachable { .. } => None,
        });
    }
}

impl Handler<Probe> for Prober {
    type Result = ();

    fn handle(&mut self, probe: Probe, ctx: &mut Self::Context) {
        ctx.spawn(run(self.means.clone(), probe).into_actor(self));
    }
}

impl Handler<QueryStore> for Prober {
    type Result = ResponseFuture<Result<StoreAnswer, FailedQuery>>;

    fn handle(&mut self, query: QueryStore, _ctx: &mut Self::Context) -> Self::Result {
        let means = self.means.clone();
        Box::pin(async move { means.queries.run(&means.libp2p, query).await })
    }
}

/// Pings all targets at once.
async fn run(means: Rc<Means>, probe: Probe) {
    let answers = Answers::of(&probe);
    let (limit, proof) = (probe.timeout, probe.proof);
    let (mut by_node, mut by_tcp) = (Vec::new(), Vec::new());
    let mut ping = "";
    for target in probe.targets {
        let answer = answers.about(target.identity.clone());
        match way(means.method, means.mode.get(), means.able.get(), &target) {
            Way::Tcp => by_tcp.push((target, answer)),
            Way::Libp2p => means.libp2p.probe(ProbeOrder {
                target,
                limit,
                watched: proof == Proof::Watched,
                answer,
            }),
            Way::Node(method) => {
                ping = method;
                by_node.push((target, answer));
            }
            Way::Impossible(reason) => fail(answer, ProbeFailure::Impossible(reason.into())),
        }
    }
    let batches = node::batches(by_node).into_iter();
    let by_node = batches.map(|batch| ask_node(&means, ping, batch, limit));
    let by_tcp = by_tcp.into_iter().map(|(target, answer)| {
        let means = &means;
        async move {
            let _slot = means.connects.acquire().await;
            tcp::probe(&means.resolver, target, limit, proof, answer).await;
        }
    });
    tokio::join!(join_all(by_node), join_all(by_tcp));
}

fn fail(answer: Answer, failure: ProbeFailure) {
    drop(answer.done(Err(failure), 0));
}

async fn ask_node(means: &Means, ping: &str, batch: Vec<(Mailserver, Answer)>, limit: Duration) {
    let (targets, answers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
    let failure = match node::ask(&means.rpc, ping, &targets, limit).await {
        Ok(outcomes) => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                drop(answer.done(outcome, 0));
            }
            return;
        }
        Err(node::Failure::Unable) => {
            means.able.set(false);
            tracing::info!(ping, "the node has no ping");
            ProbeFailure::Impossible("the node has no ping".into())
        }
        Err(failure) => ProbeFailure::Other(failure.to_string()),
    };
    for answer in answers {
        fail(answer, failure.clone());
    }
}

#[cfg(test)]
mod tests {
    use actors::model::mailserver::Origin;

    use super::*;

    fn target(address: &str) -> Mailserver {
        let address: actors::model::address::Address = address.parse().unwrap();
        let identity = address.identity().clone();
        Mailserver {
            identity,
            id: "id".into(),
            name: "name".into(),
            address,
            fleet: "f".into(),
            origin: Origin::Fleet,
        }
    }

    const MODES: [Option<Mode>; 5] = [
        None,
        Some(Mode::Waku1),
        Some(Mode::Waku2),
        Some(Mode::Pin),
        Some(Mode::Observe),
    ];

    #[test]
    fn each_target_in_the_way_that_works_for_it() {
        let enode = target(&format!("enode://{}@127.0.0.1:1", "ab".repeat(64)));
        let peer = "16Uiu2HAmDBsnQgvt3guDrFJUjE1Daz6f3wfMA8x49F5NXD4NjE5Z";
        let multiaddr = target(&format!("/dns4/localhost/tcp/1/p2p/{peer}"));
        for mode in MODES {
            for (method, of_enode, of_multiaddr) in [
                (Method::Auto, Some(Way::Tcp), Way::Libp2p),
                (Method::Tcp, Some(Way::Tcp), Way::Tcp),
                (Method::Libp2p, None, Way::Libp2p),
            ] {
                assert_eq!(way(method, mode, true, &multiaddr), of_multiaddr);
                let found = way(method, mode, true, &enode);
                match of_enode {
                    Some(way) => assert_eq!(found, way),
                    None => assert!(matches!(found, Way::Impossible(_))),
                }
            }
        }
    }

    #[test]
    fn the_node_pings_only_when_told_and_able() {
        let enode = target(&format!("enode://{}@127.0.0.1:1", "ab".repeat(64)));
        for mode in MODES {
            let expected = match mode {
                Some(Mode::Waku1) => Way::Node("mailservers_ping"),
                Some(Mode::Waku2) => Way::Node("mailservers_multiAddressPing"),
                _ => Way::Impossible("the node has no ping"),
            };
            assert_eq!(way(Method::Node, mode, true, &enode), expected);
            let unable = way(Method::Node, mode, false, &enode);
            assert!(matches!(unable, Way::Impossible(_)));
        }
    }

    #[test]
    fn a_ping_without_a_limit_is_refused() {
        let timeout = Duration::ZERO;
        let config = Config {
            timeout,
            ..Config::default()
        };
        assert_eq!(config.validate().unwrap_err().key, "ping.timeout");
        assert_eq!(Config::default().validate(), Ok(()));
    }
}
