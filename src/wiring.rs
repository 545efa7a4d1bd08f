//! The only place where actors meet adapters and each other.
//!
//! Every actor has its address before it exists ([`Slot`]), so that any of them can be given to any
//! other. To add one: a field in `Slots` and in `Addresses`, and a line of `supervise`.

use std::rc::Rc;

use actix::{Actor, Addr, Context, Handler, Message, Recipient};
use actors::{
    connector::{self, Connector},
    events::{self, Events},
    fleet_registry::{self, FleetRegistry},
    history_requester::{self, HistoryRequester},
    login::Login,
    messages::{
        candidates::{FleetsLoaded, Save},
        node::NodePort,
        online::{Clocks, NetworkChanged},
    },
    online::{self, OnlineWatch},
    peer_tracker::PeerTracker,
    pinger::Pinger,
    selector::{self, Selector},
    supervisor::{BudgetSpent, Overseer, Slot, Supervisor, supervise},
    watch::{self, Watcher},
};
use tokio::sync::mpsc;

use crate::{
    control,
    memory::MemoryStore,
    node::{Attach, Driver, Listeners, RpcClient},
    probe::Prober,
    settings::Settings,
    state::StateDir,
    state_store::{PinStore, StateStore},
};

/// The running actors, as the rest of the process sees them.
pub struct Service {
    /// For the control API.
    pub control: control::Ports,
    /// The registry, for a fleet file that changed.
    pub fleets: Recipient<FleetsLoaded>,
    /// The online watch, for the clocks of the system.
    pub clocks: Recipient<Clocks>,
    /// The online watch, for the system's word on the network.
    pub network: Recipient<NetworkChanged>,
    /// Told when an actor failed too often: the process should end.
    pub spent: mpsc::UnboundedReceiver<BudgetSpent>,
}

/// A place for each actor.
#[derive(Default)]
struct Slots {
    connector: Slot<Connector>,
    driver: Slot<Driver>,
    events: Slot<Events>,
    history: Slot<HistoryRequester>,
    login: Slot<Login>,
    state_store: Slot<StateStore>,
    online: Slot<OnlineWatch>,
    pinger: Slot<Pinger>,
    prober: Slot<Prober>,
    registry: Slot<FleetRegistry>,
    selector: Slot<Selector>,
    supervisor: Slot<Supervisor>,
    tracker: Slot<PeerTracker>,
    watcher: Slot<Watcher>,
}

/// The address of each actor.
struct Addresses {
    connector: Addr<Connector>,
    driver: Addr<Driver>,
    events: Addr<Events>,
    history: Addr<HistoryRequester>,
    login: Addr<Login>,
    state_store: Addr<StateStore>,
    online: Addr<OnlineWatch>,
    pinger: Addr<Pinger>,
    prober: Addr<Prober>,
    registry: Addr<FleetRegistry>,
    selector: Addr<Selector>,
    supervisor: Addr<Supervisor>,
    tracker: Addr<PeerTracker>,
    watcher: Addr<Watcher>,
}

/// Starts everything; from then on messages flow. `seed` makes all draws repeatable.
#[must_use]
pub fn start(settings: &Settings, rpc: &RpcClient, state: StateDir, seed: Option<u64>) -> Service {
    let slots = Slots::default();
    let to = slots.addresses();
    let (spent_to, spent) = mpsc::unbounded_channel();
    let overseer = Overseer {
        config: settings.supervisor(),
        reports: port(&to.supervisor),
        spent: spent_to,
    };
    slots.supervise(&overseer, settings, rpc, Rc::new(state), seed, &to);
    to.driver.do_send(Attach(to.listeners(settings)));
    Service {
        control: to.control(settings),
        fleets: port(&to.registry),
        clocks: port(&to.online),
        network: port(&to.online),
        spent,
    }
}

impl Slots {
    fn addresses(&self) -> Addresses {
        Addresses {
            connector: self.connector.address(),
            driver: self.driver.address(),
            events: self.events.address(),
            history: self.history.address(),
            login: self.login.address(),
            state_store: self.state_store.address(),
            online: self.online.address(),
            pinger: self.pinger.address(),
            prober: self.prober.address(),
            registry: self.registry.address(),
            selector: self.selector.address(),
            supervisor: self.supervisor.address(),
            tracker: self.tracker.address(),
            watcher: self.watcher.address(),
        }
    }

    fn supervise(
        self,
        overseer: &Overseer,
        settings: &Settings,
        rpc: &RpcClient,
        state: Rc<StateDir>,
        seed: Option<u64>,
        to: &Addresses,
    ) {
        let events = Events::new(events::Config::default());
        supervise("events", self.events, events, overseer);
        let supervisor = Supervisor::new(overseer.config, port(&to.connector), port(&to.events));
        supervise("supervisor", self.supervisor, supervisor, overseer);
        let registry = to.registry(settings, &state);
        supervise("fleet_registry", self.registry, registry, overseer);
        let (memory, remembered) = MemoryStore::open(&state);
        let state_store = StateStore::new(state.clone(), memory);
        supervise("state_store", self.state_store, state_store, overseer);
        supervise("peer_tracker", self.tracker, to.tracker(), overseer);
        let pinger = Pinger::new(port(&to.prober));
        supervise("pinger", self.pinger, pinger, overseer);
        let selector = to.selector(settings, seed);
        supervise("selector", self.selector, selector, overseer);
        let connector = Connector::new(settings.connector(), remembered, seed, to.connector());
        supervise("connector", self.connector, connector, overseer);
        let history = HistoryRequester::new(settings.history, to.history());
        supervise("history_requester", self.history, history, overseer);
        let watcher = Watcher::new(settings.watch(), to.watcher());
        supervise("watch", self.watcher, watcher, overseer);
        let online = OnlineWatch::new(settings.online(), seed, to.online());
        supervise("online", self.online, online, overseer);
        let prober = Prober::new(&settings.ping, rpc.clone());
        supervise("prober", self.prober, prober, overseer);
        let pins = Rc::new(PinStore::new(state));
        let driver = Driver::new(
            settings.node.clone(),
            rpc.clone(),
            pins,
            settings.history.timeout,
        );
        let driver = match settings.login() {
            None => driver,
            Some((config, adapter)) => {
                let login = Login::new(config, seed, Driver::login_port(&to.driver));
                supervise("login", self.login, login, overseer);
                driver.with_login(adapter)
            }
        };
        supervise("driver", self.driver, driver, overseer);
    }
}

impl Addresses {
    fn node(&self) -> NodePort {
        Driver::port(&self.driver)
    }

    fn registry(&self, settings: &Settings, state: &StateDir) -> FleetRegistry {
        let config = registry_config(settings);
        let save: Recipient<Save> = port(&self.state_store);
        let listeners = vec![
            port(&self.tracker),
            port(&self.online),
            port(&self.connector),
        ];
        FleetRegistry::new(config, state.load_registry(), save, listeners)
    }

    fn tracker(&self) -> PeerTracker {
        PeerTracker::new(
            port(&self.connector),
            port(&self.connector),
            port(&self.driver),
            port(&self.events),
        )
    }

    fn selector(&self, settings: &Settings, seed: Option<u64>) -> Selector {
        let ports = selector::Ports {
            pinger: port(&self.pinger),
            decided: port(&self.connector),
            surveyed: vec![
                port(&self.online),
                port(&self.watcher),
                port(&self.connector),
            ],
            events: port(&self.events),
        };
        Selector::new(settings.selector(), settings.ping.timeout, seed, ports)
    }

    fn watcher(&self) -> watch::Ports {
        watch::Ports {
            probe: port(&self.prober),
            lost: port(&self.connector),
            missed: port(&self.online),
            measured: vec![port(&self.online), port(&self.connector)],
        }
    }

    fn online(&self) -> online::Ports {
        online::Ports {
            probe: port(&self.prober),
            listeners: vec![port(&self.watcher), port(&self.connector)],
            events: port(&self.events),
        }
    }

    fn connector(&self) -> connector::Ports {
        connector::Ports {
            node: self.node(),
            select: port(&self.selector),
            mark: port(&self.tracker),
            repeat: port(&self.tracker),
            available: port(&self.history),
            unavailable: port(&self.history),
            watch: port(&self.watcher),
            remember: port(&self.state_store),
            events: port(&self.events),
        }
    }

    fn history(&self) -> history_requester::Ports {
        history_requester::Ports {
            node: self.node(),
            failing: port(&self.connector),
            served: port(&self.connector),
            under_way: port(&self.connector),
            events: port(&self.events),
        }
    }

    /// Whom the adapter of the node tells what.
    fn listeners(&self, settings: &Settings) -> Listeners {
        let mut node = vec![port(&self.registry), port(&self.prober), port(&self.online)];
        node.extend(settings.login().map(|_| port(&self.login)));
        node.push(port(&self.connector));
        Listeners {
            node,
            peers: vec![
                port(&self.online),
                port(&self.tracker),
                port(&self.registry),
                port(&self.connector),
            ],
            connection: vec![
                port(&self.online),
                port(&self.tracker),
                port(&self.connector),
            ],
            history_signals: port(&self.history),
            switched: port(&self.connector),
            messages: Vec::new(),
        }
    }

    /// Whom the control API asks.
    fn control(&self, settings: &Settings) -> control::Ports {
        control::Ports {
            connector: port(&self.connector),
            candidates: port(&self.registry),
            add_custom: port(&self.registry),
            remove_custom: port(&self.registry),
            pin: port(&self.registry),
            unpin: port(&self.registry),
            peers: port(&self.tracker),
            last_decision: port(&self.selector),
            online: port(&self.online),
            watch: port(&self.watcher),
            history: port(&self.history),
            request_history: port(&self.history),
            queue_community: port(&self.history),
            login: settings.login().map(|_| port(&self.login)),
            health: port(&self.supervisor),
            traffic: port(&self.driver),
            push_signals: port(&self.driver),
            subscribe: port(&self.events),
        }
    }
}

/// What the configuration says of the list of mailservers.
pub(crate) fn registry_config(settings: &Settings) -> fleet_registry::Config {
    fleet_registry::Config {
        fleet: settings.fleet.named().map(str::to_owned),
        pinned: settings.cycle.pinned.clone(),
        mailservers: settings.mailservers.clone(),
        discover: settings.fleet.discover,
    }
}

/// One kind of message to one actor.
fn port<A, M>(address: &Addr<A>) -> Recipient<M>
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    address.clone().recipient()
}
