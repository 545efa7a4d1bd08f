//! The sidecar: the real actors, wired as `src/wiring.rs` wires them, between adapters in memory.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, task::Context as TaskContext};

use actix::{Actor, Addr, Context, Handler, Message, Recipient, Supervised};
use actors::{
    connector::{self, Connector},
    fleet_registry::{self, FleetRegistry},
    history_requester::{self, HistoryRequester},
    messages::{
        candidates::{Fleet, FleetsLoaded},
        events::{Event, Publish},
        journal::GetReport,
        online::{CLOCK_INTERVAL, Clocks},
    },
    model::mailserver::Mailserver,
    online::{self, OnlineWatch},
    peer_tracker::PeerTracker,
    pinger::Pinger,
    selector::{self, Selector},
    supervisor::{Overseer, Slot, Supervisor, supervise},
    watch::{self, Watcher},
};
use mailserver_sidecar::settings::Settings;
use tokio::{sync::mpsc, task::LocalSet};

use crate::{
    adapters::{
        disk::{Disk, Keeper},
        driver::{Attach, Driver},
        link::{Link, Listeners},
        prober::Prober,
    },
    node::Node,
    schedule::Setup,
    world::World,
};

/// Which sidecar the node has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Variant {
    /// None. A classic node has its own cycle switched on.
    NodeAlone,
    /// One that keeps a mailserver connected and asks for history after each change, and no more.
    PlainLoop,
}

impl Variant {
    pub(crate) const ALL: [Self; 2] = [Self::NodeAlone, Self::PlainLoop];

    /// Whether nothing may be lost.
    pub(crate) fn loses_nothing(self) -> bool {
        match self {
            Self::NodeAlone | Self::PlainLoop => false,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NodeAlone => "node alone",
            Self::PlainLoop => "plain loop",
        }
    }
}

/// Everything that a sidecar is put between.
pub(crate) struct Surroundings {
    pub(crate) world: Rc<World>,
    pub(crate) node: Rc<Node>,
    pub(crate) disk: Rc<Disk>,
    pub(crate) setup: Setup,
    pub(crate) settings: Rc<Settings>,
    /// Whom the journal is asked for its report, where there is one.
    pub(crate) journal: RefCell<Option<Recipient<GetReport>>>,
    /// What it told, the newest last.
    pub(crate) told: RefCell<Vec<Event>>,
}

/// A process of the sidecar: it ends when it is dropped, wherever it is.
pub(crate) struct Sidecar {
    set: LocalSet,
}

impl Sidecar {
    /// Starts one; `seed` is what its draws are made from.
    pub(crate) fn start(around: &Rc<Surroundings>, seed: u64) -> Self {
        let set = LocalSet::new();
        let around = around.clone();
        set.spawn_local(async move {
            let clocks = start(&around, seed);
            while clocks.connected() {
                let _ = clocks.send(around.world.clocks()).await;
                tokio::time::sleep(CLOCK_INTERVAL).await;
            }
        });
        Self { set }
    }

    /// Lets it go on.
    pub(crate) fn poll(&mut self, cx: &mut TaskContext<'_>) {
        let _ = std::pin::Pin::new(&mut self.set).poll(cx);
    }
}

/// Takes what is published.
struct Listener(Rc<Surroundings>);

impl Actor for Listener {
    type Context = Context<Self>;
}

impl Supervised for Listener {}

impl Handler<Publish> for Listener {
    type Result = ();

    fn handle(&mut self, Publish(event): Publish, _: &mut Context<Self>) {
        self.0.told.borrow_mut().push(event);
    }
}

/// A place for each actor.
#[derive(Default)]
struct Slots {
    connector: Slot<Connector>,
    driver: Slot<Driver>,
    events: Slot<Listener>,
    history: Slot<HistoryRequester>,
    keeper: Slot<Keeper>,
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
    events: Addr<Listener>,
    history: Addr<HistoryRequester>,
    keeper: Addr<Keeper>,
    online: Addr<OnlineWatch>,
    pinger: Addr<Pinger>,
    prober: Addr<Prober>,
    registry: Addr<FleetRegistry>,
    selector: Addr<Selector>,
    supervisor: Addr<Supervisor>,
    tracker: Addr<PeerTracker>,
    watcher: Addr<Watcher>,
}

/// Starts all actors; who is to be told the clocks.
fn start(around: &Rc<Surroundings>, seed: u64) -> Recipient<Clocks> {
    let slots = Slots::default();
    let to = slots.addresses();
    let overseer = Overseer {
        config: around.settings.supervisor(),
        reports: port(&to.supervisor),
        // The end of a budget shows by the restarts that are told before.
        spent: mpsc::unbounded_channel().0,
    };
    slots.supervise(&overseer, around, seed, &to);
    to.driver.do_send(Attach(to.listeners()));
    let stores = around.setup.stores.iter();
    let mailservers: Vec<Mailserver> = stores.map(|it| it.mailserver.clone()).collect();
    let fleets = BTreeMap::from([("test".to_owned(), Fleet { mailservers })]);
    to.registry.do_send(FleetsLoaded(fleets));
    port(&to.online)
}

impl Slots {
    fn addresses(&self) -> Addresses {
        Addresses {
            connector: self.connector.address(),
            driver: self.driver.address(),
            events: self.events.address(),
            history: self.history.address(),
            keeper: self.keeper.address(),
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

    fn supervise(self, overseer: &Overseer, around: &Rc<Surroundings>, seed: u64, to: &Addresses) {
        let settings = &around.settings;
        let seed = Some(seed);
        supervise("events", self.events, Listener(around.clone()), overseer);
        let supervisor = Supervisor::new(overseer.config, port(&to.connector), port(&to.events));
        supervise("supervisor", self.supervisor, supervisor, overseer);
        let registry = to.registry(around.disk.registry.borrow().clone());
        supervise("fleet_registry", self.registry, registry, overseer);
        let keeper = Keeper(around.disk.clone());
        supervise("state_store", self.keeper, keeper, overseer);
        supervise("peer_tracker", self.tracker, to.tracker(), overseer);
        let pinger = Pinger::new(port(&to.prober));
        supervise("pinger", self.pinger, pinger, overseer);
        let selector = to.selector(settings, seed);
        supervise("selector", self.selector, selector, overseer);
        let records = around.disk.records();
        let config = connector::Config {
            // Nobody else is there.
            crowd: connector::crowd::CrowdRule::default(),
            ..settings.connector()
        };
        let connector = Connector::new(config, records, seed, to.connector());
        supervise("connector", self.connector, connector, overseer);
        let history = HistoryRequester::new(settings.history, to.history());
        supervise("history_requester", self.history, history, overseer);
        let watcher = Watcher::new(settings.watch(), to.watcher());
        supervise("watch", self.watcher, watcher, overseer);
        let online = OnlineWatch::new(settings.online(), seed, to.online());
        supervise("online", self.online, online, overseer);
        let prober = Prober::new(around.world.clone());
        supervise("prober", self.prober, prober, overseer);
        supervise("driver", self.driver, driver(around), overseer);
    }
}

fn driver(around: &Surroundings) -> Driver {
    let limits = (
        around.settings.node.rpc_timeout,
        around.settings.history.timeout,
    );
    // Some of the newest nodes can still be told to dial.
    let dials = around.setup.generation() != actors::model::node::Generation::PerQuery
        || around.setup.seed.is_multiple_of(2);
    let link = Link::new(
        around.node.clone(),
        around.setup.generation(),
        dials,
        limits,
    );
    Driver::new(link)
}

impl Addresses {
    fn registry(&self, saved: actors::messages::candidates::Saved) -> FleetRegistry {
        let config = fleet_registry::Config {
            fleet: None,
            pinned: String::new(),
            mailservers: vec![],
            discover: fleet_registry::Discover::Auto,
        };
        let listeners = vec![
            port(&self.tracker),
            port(&self.online),
            port(&self.connector),
        ];
        FleetRegistry::new(config, saved, port(&self.keeper), listeners)
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
            node: Driver::port(&self.driver),
            select: port(&self.selector),
            mark: port(&self.tracker),
            repeat: port(&self.tracker),
            available: port(&self.history),
            unavailable: port(&self.history),
            watch: port(&self.watcher),
            remember: port(&self.keeper),
            events: port(&self.events),
        }
    }

    fn history(&self) -> history_requester::Ports {
        history_requester::Ports {
            node: Driver::port(&self.driver),
            failing: port(&self.connector),
            served: port(&self.connector),
            under_way: port(&self.connector),
            events: port(&self.events),
        }
    }

    fn listeners(&self) -> Listeners {
        Listeners {
            node: vec![
                port(&self.registry),
                port(&self.prober),
                port(&self.online),
                port(&self.connector),
            ],
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
            messages: vec![],
        }
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
