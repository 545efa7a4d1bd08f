//! The real actors, wired as `src/wiring.rs` wires them.

use std::{collections::BTreeMap, rc::Rc};

use actix::{Actor, Addr, Context, Handler, Message, Recipient};
use actors::{
    auditor::{self, Auditor},
    connector::{self, Connector},
    fleet_registry::{self, FleetRegistry},
    gap_filler::{self, GapFiller},
    history_requester::{self, HistoryRequester},
    journal::{self, Journal},
    messages::{
        candidates::{Fleet, FleetsLoaded, Saved},
        online::Clocks,
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
use tokio::sync::mpsc;

use crate::{
    adapters::{
        disk::Keeper,
        driver::{Attach, Driver},
        link::{Link, Listeners},
        prober::Prober,
    },
    listener::Listener,
    sidecar::{Surroundings, Variant},
};

/// A place for each actor.
#[derive(Default)]
struct Slots {
    auditor: Slot<Auditor>,
    connector: Slot<Connector>,
    driver: Slot<Driver>,
    events: Slot<Listener>,
    gap_filler: Slot<GapFiller>,
    history: Slot<HistoryRequester>,
    journal: Slot<Journal>,
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
    /// Without it nobody is told of journal and auditor.
    whole: bool,
    auditor: Addr<Auditor>,
    connector: Addr<Connector>,
    driver: Addr<Driver>,
    events: Addr<Listener>,
    gap_filler: Addr<GapFiller>,
    history: Addr<HistoryRequester>,
    journal: Addr<Journal>,
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
pub(crate) fn start(around: &Rc<Surroundings>, seed: u64) -> Vec<Recipient<Clocks>> {
    let slots = Slots::default();
    let to = slots.addresses(around.variant == Variant::Whole);
    *around.journal.borrow_mut() = to.whole.then(|| port(&to.journal));
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
    to.clocks()
}

impl Slots {
    fn addresses(&self, whole: bool) -> Addresses {
        Addresses {
            whole,
            auditor: self.auditor.address(),
            connector: self.connector.address(),
            driver: self.driver.address(),
            events: self.events.address(),
            gap_filler: self.gap_filler.address(),
            history: self.history.address(),
            journal: self.journal.address(),
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
        let history = HistoryRequester::new(settings.history_requester(), Vec::new(), to.history());
        supervise("history_requester", self.history, history, overseer);
        if to.whole {
            let kept = around.disk.journal.borrow().clone();
            let swept = kept.marks.swept.or(kept.marks.since);
            let wall = around.world.now();
            let journal = Journal::new(settings.journal(), kept, wall, to.journal());
            supervise("journal", self.journal, journal, overseer);
            let auditor = Auditor::new(settings.auditor(), swept, seed, to.auditor());
            supervise("auditor", self.auditor, auditor, overseer);
            let gap_filler = GapFiller::new(to.gap_filler());
            supervise("gap_filler", self.gap_filler, gap_filler, overseer);
        }
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
    Driver::new(Link::new(around.node.clone(), &around.setup, limits))
}

impl Addresses {
    fn registry(&self, saved: Saved) -> FleetRegistry {
        let config = fleet_registry::Config {
            fleet: None,
            pinned: String::new(),
            mailservers: vec![],
            discover: fleet_registry::Discover::Auto,
        };
        let mut listeners = vec![port(&self.tracker), port(&self.online)];
        listeners.extend(self.if_whole(|| port(&self.auditor)));
        listeners.push(port(&self.connector));
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
        let mut listeners = vec![port(&self.watcher)];
        listeners.extend(self.if_whole(|| port(&self.journal)));
        listeners.extend(self.if_whole(|| port(&self.auditor)));
        listeners.push(port(&self.connector));
        online::Ports {
            probe: port(&self.prober),
            listeners,
            events: port(&self.events),
        }
    }

    fn connector(&self) -> connector::Ports {
        connector::Ports {
            node: Driver::port(&self.driver),
            select: port(&self.selector),
            mark: port(&self.tracker),
            repeat: port(&self.tracker),
            available: match self.whole {
                true => port(&self.journal),
                false => port(&self.history),
            },
            unavailable: match self.whole {
                true => port(&self.journal),
                false => port(&self.history),
            },
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
            under_way: vec![port(&self.connector), port(&self.gap_filler)],
            began: match self.whole {
                true => port(&self.journal),
                false => port(&self.events),
            },
            ended: match self.whole {
                true => port(&self.journal),
                false => port(&self.events),
            },
            // No community is asked for here.
            keep: port(&self.keeper),
            events: port(&self.events),
        }
    }

    fn journal(&self) -> journal::Ports {
        journal::Ports {
            available: vec![
                port(&self.history),
                port(&self.auditor),
                port(&self.gap_filler),
            ],
            gone: vec![
                port(&self.history),
                port(&self.auditor),
                port(&self.gap_filler),
            ],
            owe: port(&self.history),
            prefer: port(&self.connector),
            audit: port(&self.auditor),
            open: vec![port(&self.auditor)],
            keep: port(&self.keeper),
            events: port(&self.events),
        }
    }

    fn auditor(&self) -> auditor::Ports {
        auditor::Ports {
            read_topics: port(&self.driver),
            query_store: port(&self.prober),
            audited: port(&self.journal),
            open_window: port(&self.journal),
            swept: port(&self.journal),
            prefer: port(&self.connector),
            events: port(&self.events),
        }
    }

    fn gap_filler(&self) -> gap_filler::Ports {
        gap_filler::Ports {
            fill: port(&self.driver),
            events: port(&self.events),
        }
    }

    fn clocks(&self) -> Vec<Recipient<Clocks>> {
        let mut listeners = vec![];
        if self.whole {
            listeners.extend([
                port(&self.journal),
                port(&self.auditor),
                port(&self.gap_filler),
            ]);
        }
        listeners.push(port(&self.online));
        listeners
    }

    /// Somebody who is told only where there are journal and auditor.
    fn if_whole<M: Message + Send>(
        &self,
        who: impl FnOnce() -> Recipient<M>,
    ) -> Option<Recipient<M>>
    where
        M::Result: Send,
    {
        self.whole.then(who)
    }

    fn listeners(&self) -> Listeners {
        let mut node = vec![port(&self.registry), port(&self.prober), port(&self.online)];
        node.extend(self.if_whole(|| port(&self.journal)));
        node.extend(self.if_whole(|| port(&self.auditor)));
        node.extend(self.if_whole(|| port(&self.gap_filler)));
        node.push(port(&self.connector));
        let mut peers = vec![
            port(&self.online),
            port(&self.tracker),
            port(&self.registry),
        ];
        peers.extend(self.if_whole(|| port(&self.journal)));
        peers.push(port(&self.connector));
        let mut connection = vec![port(&self.online), port(&self.tracker)];
        connection.extend(self.if_whole(|| port(&self.journal)));
        connection.push(port(&self.connector));
        let mut history_signals = vec![port(&self.history)];
        history_signals.extend(self.if_whole(|| port(&self.journal)));
        let mut messages = vec![];
        messages.extend(self.if_whole(|| port(&self.journal)));
        messages.extend(self.if_whole(|| port(&self.auditor)));
        messages.extend(self.if_whole(|| port(&self.gap_filler)));
        Listeners {
            node,
            peers,
            connection,
            history_signals,
            switched: port(&self.connector),
            messages,
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
