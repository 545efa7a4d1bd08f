//! The only place where actors meet adapters and each other.
//!
//! Every actor has its address before it exists ([`Slot`]), so that any of them can be given to any
//! other (`addresses`). To add one: a field in `Slots` and in `Addresses`, and a line of `supervise`.

mod addresses;

use std::{rc::Rc, time::SystemTime};

use actix::Recipient;
use actors::{
    auditor::Auditor,
    backfill::Backfill,
    connector::Connector,
    events::{self, Events},
    fleet_registry::FleetRegistry,
    gap_filler::GapFiller,
    history_requester::HistoryRequester,
    journal::Journal,
    login::Login,
    messages::{
        candidates::{Configured, FleetsLoaded},
        online::{Clocks, NetworkChanged},
    },
    online::OnlineWatch,
    peer_tracker::PeerTracker,
    pinger::Pinger,
    round_trips::RoundTripLog,
    selector::Selector,
    supervisor::{BudgetSpent, Overseer, Slot, Supervisor, supervise},
    watch::Watcher,
};
use tokio::sync::mpsc;

use self::addresses::{Addresses, port};
use crate::{
    control,
    journal_store::JournalStore,
    memory::MemoryStore,
    node::{Attach, Driver, RpcClient},
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
    /// The registry, for a configuration that was read again.
    pub configured: Recipient<Configured>,
    /// Those who go by the clocks of the system.
    pub clocks: Vec<Recipient<Clocks>>,
    /// The online watch, for the system's word on the network.
    pub network: Recipient<NetworkChanged>,
    /// Told when an actor failed too often: the process should end.
    pub spent: mpsc::UnboundedReceiver<BudgetSpent>,
}

/// A place for each actor.
#[derive(Default)]
struct Slots {
    auditor: Slot<Auditor>,
    backfill: Slot<Backfill>,
    connector: Slot<Connector>,
    driver: Slot<Driver>,
    events: Slot<Events>,
    gap_filler: Slot<GapFiller>,
    history: Slot<HistoryRequester>,
    journal: Slot<Journal>,
    login: Slot<Login>,
    state_store: Slot<StateStore>,
    online: Slot<OnlineWatch>,
    pinger: Slot<Pinger>,
    prober: Slot<Prober>,
    registry: Slot<FleetRegistry>,
    round_trips: Slot<RoundTripLog>,
    selector: Slot<Selector>,
    supervisor: Slot<Supervisor>,
    tracker: Slot<PeerTracker>,
    watcher: Slot<Watcher>,
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
        configured: port(&to.registry),
        clocks: to.clocks(settings),
        network: port(&to.online),
        spent,
    }
}

impl Slots {
    fn addresses(&self) -> Addresses {
        Addresses {
            auditor: self.auditor.address(),
            backfill: self.backfill.address(),
            connector: self.connector.address(),
            driver: self.driver.address(),
            events: self.events.address(),
            gap_filler: self.gap_filler.address(),
            history: self.history.address(),
            journal: self.journal.address(),
            login: self.login.address(),
            state_store: self.state_store.address(),
            online: self.online.address(),
            pinger: self.pinger.address(),
            prober: self.prober.address(),
            registry: self.registry.address(),
            round_trips: self.round_trips.address(),
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
        let (journal_store, kept) = JournalStore::open(&state);
        let communities = kept.communities.clone();
        let kept = kept.into_journal();
        let swept = kept.marks.swept.or(kept.marks.since);
        let state_store = StateStore::new(state.clone(), memory).with_journal(journal_store);
        supervise("state_store", self.state_store, state_store, overseer);
        supervise("peer_tracker", self.tracker, to.tracker(), overseer);
        let pinger = Pinger::new(port(&to.prober));
        supervise("pinger", self.pinger, pinger, overseer);
        let round_trips = RoundTripLog::default();
        supervise("round_trips", self.round_trips, round_trips, overseer);
        let selector = to.selector(settings, seed);
        supervise("selector", self.selector, selector, overseer);
        let connector = Connector::new(settings.connector(), remembered, seed, to.connector());
        supervise("connector", self.connector, connector, overseer);
        let history = HistoryRequester::new(
            settings.history_requester(),
            communities,
            to.history(settings),
        );
        supervise("history_requester", self.history, history, overseer);
        let wall = SystemTime::now().into();
        let journal = Journal::new(settings.journal(), kept, wall, to.journal(settings));
        supervise("journal", self.journal, journal, overseer);
        let auditor = Auditor::new(settings.auditor(), swept, seed, to.auditor());
        supervise("auditor", self.auditor, auditor, overseer);
        let gap_filler = GapFiller::new(to.gap_filler());
        supervise("gap_filler", self.gap_filler, gap_filler, overseer);
        if settings.history.backfill {
            let backfill = Backfill::new(to.backfill());
            supervise("backfill", self.backfill, backfill, overseer);
        }
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
