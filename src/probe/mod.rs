//! How mailservers are pinged: by the node, or by the sidecar itself.
//!
//! | method | what it is |
//! |---|---|
//! | `node` | the node's own RPC (`mailservers_ping`, `mailservers_multiAddressPing`); classic nodes only |
//! | `tcp` | a connect of our own; a hung mailserver answers it too, so it is the fallback, not the truth |
//! | `libp2p` | not in this version |

mod node;
mod tcp;

use std::{cell::Cell, rc::Rc, time::Duration};

use actix::{Actor, AsyncContext as _, Context, Handler, Recipient, Supervised, WrapFuture as _};
use actors::{
    mailserver::{Identity, Mailserver},
    node::{Mode, NodeChanged, NodeState},
    pinger::{Probe, ProbeAnswer, ProbeFailure},
};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::node::{Invalid, RpcClient, check_range};

/// The most connects of our own at a time: more would measure our own queue.
const MOST_CONNECTS: usize = 64;

/// How mailservers are pinged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who pings. Default: the node where it can, a connect of our own elsewhere.
    pub method: Method,
    /// A reply must arrive in less than this. 1 ms to 60 s. Default: 500 ms.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            method: Method::Auto,
            timeout: Duration::from_millis(500),
        }
    }
}

/// Who pings, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// The node where it can, a connect of our own elsewhere.
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
        if self.method == Method::Libp2p {
            let reason = "not in this version: auto, node or tcp".into();
            return Err(Invalid {
                key: "ping.method",
                value: "libp2p".into(),
                reason,
            });
        }
        let range = Duration::from_millis(1)..=Duration::from_secs(60);
        check_range("ping.timeout", self.timeout, range)
    }
}

/// How one mailserver is pinged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By this method of the node.
    Node(&'static str),
    /// By a connect.
    Tcp,
    /// Not at all.
    Impossible(&'static str),
}

/// Chooses the way to a mailserver. `able` is false once the node said that it has no ping.
fn way(method: Method, mode: Option<Mode>, able: bool, target: &Mailserver) -> Way {
    let node = match mode {
        Some(Mode::Waku1) if able => Some("mailservers_ping"),
        Some(Mode::Waku2) if able => Some("mailservers_multiAddressPing"),
        _ => None,
    };
    match (method, node) {
        (Method::Tcp, _) => Way::Tcp,
        (Method::Auto, Some(ping)) if node::understands(target) => Way::Node(ping),
        (Method::Auto, _) => Way::Tcp,
        (Method::Node, Some(ping)) => Way::Node(ping),
        (Method::Node, None) => Way::Impossible("the node has no ping"),
        (Method::Libp2p, _) => Way::Impossible("libp2p pings are not in this version"),
    }
}

/// What the probes share.
struct Means {
    method: Method,
    rpc: RpcClient,
    mode: Cell<Option<Mode>>,
    able: Cell<bool>,
    connects: Semaphore,
}

/// The actor.
pub struct Prober {
    means: Rc<Means>,
}

impl Prober {
    /// A prober that asks the node behind `rpc`, in the modes in which nodes can ping.
    #[must_use]
    pub fn new(config: &Config, rpc: RpcClient) -> Self {
        let means = Means {
            method: config.method,
            rpc,
            mode: Cell::new(None),
            able: Cell::new(true),
            connects: Semaphore::new(MOST_CONNECTS),
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

/// Where the answers of one order go.
struct Answers {
    round: u64,
    to: Recipient<ProbeAnswer>,
}

impl Answers {
    fn send(&self, identity: Identity, outcome: Result<Duration, ProbeFailure>) {
        self.to.do_send(ProbeAnswer {
            round: self.round,
            identity,
            outcome,
        });
    }
}

/// Pings all targets at once.
async fn run(means: Rc<Means>, probe: Probe) {
    let answers = Answers {
        round: probe.round,
        to: probe.answer_to,
    };
    let (mut by_node, mut by_tcp) = (Vec::new(), Vec::new());
    let mut ping = "";
    for target in probe.targets {
        match way(means.method, means.mode.get(), means.able.get(), &target) {
            Way::Tcp => by_tcp.push(target),
            Way::Node(method) => {
                ping = method;
                by_node.push(target);
            }
            Way::Impossible(reason) => {
                answers.send(target.identity, Err(ProbeFailure::Other(reason.into())))
            }
        }
    }
    let batches = node::batches(by_node);
    let by_node = batches
        .into_iter()
        .map(|batch| ask_node(&means, ping, batch, probe.timeout, &answers));
    tokio::join!(
        join_all(by_node),
        connect_all(&means, by_tcp, probe.timeout, &answers)
    );
}

async fn connect_all(
    means: &Means,
    targets: Vec<Mailserver>,
    timeout: Duration,
    answers: &Answers,
) {
    let connects = targets.into_iter().map(|target| async move {
        let _slot = means.connects.acquire().await;
        let outcome = tcp::connect(target.address.endpoints(), timeout).await;
        answers.send(target.identity, outcome);
    });
    join_all(connects).await;
}

async fn ask_node(
    means: &Means,
    ping: &str,
    batch: Vec<Mailserver>,
    timeout: Duration,
    answers: &Answers,
) {
    let failure = match node::ask(&means.rpc, ping, &batch, timeout).await {
        Ok(mut outcomes) => {
            for (target, outcome) in batch.into_iter().zip(outcomes.drain(..)) {
                answers.send(target.identity, outcome);
            }
            return;
        }
        Err(failure) => failure,
    };
    if matches!(failure, node::Failure::Unable) {
        means.able.set(false);
        tracing::info!(ping, "the node has no ping");
        if means.method == Method::Auto {
            return connect_all(means, batch, timeout, answers).await;
        }
    }
    for target in batch {
        answers.send(
            target.identity,
            Err(ProbeFailure::Other(failure.to_string())),
        );
    }
}

#[cfg(test)]
mod tests {
    use actors::mailserver::Origin;

    use super::*;

    fn target(address: &str) -> Mailserver {
        let address: actors::address::Address = address.parse().unwrap();
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

    #[test]
    fn each_target_in_the_way_that_works_for_it() {
        let ip4 = target(
            "/ip4/127.0.0.1/tcp/1/p2p/16Uiu2HAmDBsnQgvt3guDrFJUjE1Daz6f3wfMA8x49F5NXD4NjE5Z",
        );
        let dns = target(
            "/dns4/localhost/tcp/1/p2p/16Uiu2HAmDBsnQgvt3guDrFJUjE1Daz6f3wfMA8x49F5NXD4NjE5Z",
        );
        let ip6 =
            target("/ip6/::1/tcp/1/p2p/16Uiu2HAmDBsnQgvt3guDrFJUjE1Daz6f3wfMA8x49F5NXD4NjE5Z");
        let multi = Way::Node("mailservers_multiAddressPing");
        assert_eq!(way(Method::Auto, Some(Mode::Waku2), true, &ip4), multi);
        assert_eq!(
            way(Method::Auto, Some(Mode::Waku1), true, &ip4),
            Way::Node("mailservers_ping")
        );
        for other in [&dns, &ip6] {
            assert_eq!(way(Method::Auto, Some(Mode::Waku2), true, other), Way::Tcp);
        }
        assert_eq!(way(Method::Auto, Some(Mode::Waku2), false, &ip4), Way::Tcp);
        for mode in [None, Some(Mode::Pin), Some(Mode::Observe)] {
            assert_eq!(way(Method::Auto, mode, true, &ip4), Way::Tcp);
            assert!(matches!(
                way(Method::Node, mode, true, &ip4),
                Way::Impossible(_)
            ));
        }
        assert_eq!(way(Method::Tcp, Some(Mode::Waku2), true, &ip4), Way::Tcp);
    }

    #[test]
    fn libp2p_is_refused_before_anything_starts() {
        let config = Config {
            method: Method::Libp2p,
            ..Config::default()
        };
        let invalid = config.validate().unwrap_err();
        assert_eq!(invalid.key, "ping.method");
        assert!(invalid.reason.contains("not in this version"));
        assert!(
            Config {
                timeout: Duration::ZERO,
                ..Config::default()
            }
            .validate()
            .is_err()
        );
        assert_eq!(Config::default().validate(), Ok(()));
    }
}
