//! `ping`: one ping round over the candidates, without a running loop.

use std::{collections::BTreeSet, io::IsTerminal, time::Duration};

use actix::{Actor, Addr, Context, Handler, Recipient};
use actors::{
    fleet_registry::FleetRegistry,
    messages::{
        candidates::{Candidates, FleetsLoaded, Listed, Save, Saved},
        node::{HistorySignal, NodeChanged, NodeSwitched},
        ping::PingRound,
        selection::Select,
    },
    model::{
        candidate::{Candidate, Purpose, Tier},
        mailserver::{Mailserver, Origin},
        node::{Mode, NodeState, Profile},
        probe::PingReport,
    },
    pinger::Pinger,
    selector::choose,
};
use tokio::sync::watch;

use crate::{
    cli,
    exit::{Exit, Failure},
    node::{Attach, Driver, Listeners, RpcClient},
    probe::Prober,
    service::open_fleets,
    settings::Settings,
    state::StateDir,
    state_store::NoPins,
};

/// For how long the node is waited for.
const NODE_LIMIT: Duration = Duration::from_secs(5);

/// Pings all candidates once and prints the table.
///
/// # Errors
///
/// 64 for a fleet file that cannot be read, 69 if the node does not answer and is needed: for the
/// name of the fleet.
pub async fn run(settings: &Settings, json: bool) -> Result<(), Failure> {
    let round = Round::start(settings)?;
    let candidates = round.candidates(settings).await?;
    let progress = std::io::stderr().is_terminal() && !json;
    if progress {
        eprint!("pinging {} mailservers …", candidates.len());
    }
    let report = round.ping(&candidates, settings.ping.timeout).await;
    if progress {
        eprint!("\r\u{1b}[K");
    }
    let order = order(candidates);
    // Who would be drawn does not matter: nobody is used.
    let decision = choose(&order, &report, &settings.selector(), |_| 0);
    cli::print(&cli::ping::render(&decision, json)).map(drop)
}

/// The choice that the loop would have, as far as it can be known without its memory.
fn order(candidates: Vec<Mailserver>) -> Select {
    let candidate = |mailserver: Mailserver| Candidate {
        tier: match mailserver.origin {
            Origin::Peer => Tier::Unknown,
            _ => Tier::Healthy,
        },
        listed: false,
        mailserver,
    };
    Select {
        witnesses: BTreeSet::new(),
        round: 0,
        candidates: candidates.into_iter().map(candidate).collect(),
        purpose: Purpose::Active,
        quiet: true,
        blind: false,
    }
}

/// The few actors that a ping round needs.
struct Round {
    registry: Addr<FleetRegistry>,
    pinger: Addr<Pinger>,
    prober: Addr<Prober>,
    node: watch::Receiver<Option<NodeState>>,
}

impl Round {
    fn start(settings: &Settings) -> Result<Self, Failure> {
        let (_, loaded) = open_fleets(settings)?;
        let saved = StateDir::peek_registry(&settings.state.dir, |name| std::env::var_os(name));
        let saved = saved.unwrap_or_else(|error| {
            eprintln!("mailserver-sidecar: without the mailservers that were added: {error}");
            Saved::default()
        });
        let (told, node) = watch::channel(None);
        let listener = Listener(told).start();
        let save: Recipient<Save> = listener.clone().recipient();
        let config = settings.registry();
        let registry = FleetRegistry::new(config, saved, save, Vec::new()).start();
        registry.do_send(FleetsLoaded(loaded.fleets));
        let rpc = RpcClient::new(&settings.node)
            .map_err(|error| Exit::Usage.because(format!("node.rpc_url: {error}")))?;
        let prober = Prober::new(&settings.ping, rpc.clone()).start();
        let pinger = Pinger::new(prober.clone().recipient()).start();
        let limit = settings.history.timeout;
        let driver = Driver::new(settings.node.clone(), rpc, std::rc::Rc::new(NoPins), limit);
        driver.start().do_send(Attach(Listeners {
            node: vec![
                registry.clone().recipient(),
                prober.clone().recipient(),
                listener.clone().recipient(),
            ],
            peers: vec![registry.clone().recipient()],
            connection: Vec::new(),
            history_signals: vec![listener.clone().recipient()],
            switched: listener.recipient(),
            messages: Vec::new(),
        }));
        Ok(Self {
            registry,
            pinger,
            prober,
            node,
        })
    }

    /// The list, as the node and the configuration make it; of a configured fleet also without a node.
    async fn candidates(&self, settings: &Settings) -> Result<Vec<Mailserver>, Failure> {
        let mut node = self.node.clone();
        let ready = |state: &Option<NodeState>| matches!(state, Some(NodeState::Ready { .. }));
        let answered = tokio::time::timeout(NODE_LIMIT, node.wait_for(ready)).await;
        if !matches!(answered, Ok(Ok(_))) {
            let reason = match &*self.node.borrow() {
                Some(NodeState::Unreachable { reason }) => reason.clone(),
                Some(NodeState::LoggedOut) => "no account is logged in".to_owned(),
                _ => "no answer".to_owned(),
            };
            if settings.fleet.named().is_none() {
                return Err(Exit::Unreachable.because(format!(
                    "node at {}: {reason}; without it, set fleet.name",
                    settings.node.rpc_url
                )));
            }
            eprintln!("mailserver-sidecar: without the node ({reason})");
            self.pretend_node();
        }
        let list = self.registry.send(Candidates).await;
        let Listed { list, .. } = list.map_err(|error| Exit::Internal.because(error))?;
        Ok(list.candidates)
    }

    /// Without a node: all mailservers of the fleet, of either network, pinged by ourselves.
    fn pretend_node(&self) {
        let profile = Profile {
            mode: Mode::Observe,
            generation: Mode::Observe.generation(),
            fleet: None,
            saved: Vec::new(),
            pinned: None,
            use_mailservers: true,
        };
        let ready = NodeChanged(NodeState::Ready { profile });
        self.registry.do_send(ready.clone());
        self.prober.do_send(ready);
    }

    async fn ping(&self, candidates: &[Mailserver], timeout: Duration) -> PingReport {
        let targets = candidates.to_vec();
        let report = self
            .pinger
            .send(PingRound {
                witnesses: BTreeSet::new(),
                targets,
                timeout,
                heard: None,
            })
            .await;
        report.unwrap_or_default()
    }
}

/// Waits for the node to be ready; whatever else it tells does not matter here.
struct Listener(watch::Sender<Option<NodeState>>);

impl Actor for Listener {
    type Context = Context<Self>;
}

impl Handler<NodeChanged> for Listener {
    type Result = ();

    fn handle(&mut self, NodeChanged(state): NodeChanged, _: &mut Context<Self>) {
        self.0.send_replace(Some(state));
    }
}

impl Handler<HistorySignal> for Listener {
    type Result = ();

    fn handle(&mut self, _: HistorySignal, _: &mut Context<Self>) {}
}

impl Handler<NodeSwitched> for Listener {
    type Result = ();

    fn handle(&mut self, _: NodeSwitched, _: &mut Context<Self>) {}
}

impl Handler<Save> for Listener {
    type Result = Result<(), String>;

    fn handle(&mut self, _: Save, _: &mut Context<Self>) -> Self::Result {
        Err("a ping round changes nothing".into())
    }
}
