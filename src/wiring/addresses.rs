//! Who is told what by whom: each actor's ports, made of the addresses of the others.

use actix::{Actor, Addr, Context, Handler, Message, Recipient};
use actors::{
    auditor::{self, Auditor},
    backfill::{self, Backfill},
    connector::{self, Connector},
    events::Events,
    fleet_registry::FleetRegistry,
    gap_filler::{self, GapFiller},
    history_requester::{self, HistoryRequester},
    journal::{self, Journal},
    login::Login,
    messages::{candidates::Save, node::NodePort, online::Clocks},
    online::{self, OnlineWatch},
    peer_tracker::PeerTracker,
    pinger::Pinger,
    round_trips::RoundTripLog,
    selector::{self, Selector},
    supervisor::Supervisor,
    watch::{self, Watcher},
};

use crate::{
    control,
    node::{Driver, Listeners},
    probe::Prober,
    settings::Settings,
    state::StateDir,
    state_store::StateStore,
};

/// The address of each actor.
pub(super) struct Addresses {
    pub(super) auditor: Addr<Auditor>,
    pub(super) backfill: Addr<Backfill>,
    pub(super) connector: Addr<Connector>,
    pub(super) driver: Addr<Driver>,
    pub(super) events: Addr<Events>,
    pub(super) gap_filler: Addr<GapFiller>,
    pub(super) history: Addr<HistoryRequester>,
    pub(super) journal: Addr<Journal>,
    pub(super) login: Addr<Login>,
    pub(super) state_store: Addr<StateStore>,
    pub(super) online: Addr<OnlineWatch>,
    pub(super) pinger: Addr<Pinger>,
    pub(super) prober: Addr<Prober>,
    pub(super) registry: Addr<FleetRegistry>,
    pub(super) round_trips: Addr<RoundTripLog>,
    pub(super) selector: Addr<Selector>,
    pub(super) supervisor: Addr<Supervisor>,
    pub(super) tracker: Addr<PeerTracker>,
    pub(super) watcher: Addr<Watcher>,
}

impl Addresses {
    fn node(&self) -> NodePort {
        Driver::port(&self.driver)
    }

    pub(super) fn registry(&self, settings: &Settings, state: &StateDir) -> FleetRegistry {
        let config = settings.registry();
        let save: Recipient<Save> = port(&self.state_store);
        let listeners = vec![
            port(&self.tracker),
            port(&self.online),
            port(&self.auditor),
            port(&self.connector),
        ];
        FleetRegistry::new(config, state.load_registry(), save, listeners)
    }

    pub(super) fn tracker(&self) -> PeerTracker {
        PeerTracker::new(
            port(&self.connector),
            port(&self.connector),
            port(&self.driver),
            port(&self.events),
        )
    }

    pub(super) fn selector(&self, settings: &Settings, seed: Option<u64>) -> Selector {
        let ports = selector::Ports {
            pinger: port(&self.pinger),
            decided: port(&self.connector),
            surveyed: vec![
                port(&self.online),
                port(&self.watcher),
                port(&self.round_trips),
                port(&self.connector),
            ],
            events: port(&self.events),
        };
        Selector::new(settings.selector(), settings.ping.timeout, seed, ports)
    }

    pub(super) fn watcher(&self) -> watch::Ports {
        watch::Ports {
            probe: port(&self.prober),
            lost: port(&self.connector),
            missed: port(&self.online),
            measured: vec![
                port(&self.online),
                port(&self.round_trips),
                port(&self.connector),
            ],
        }
    }

    pub(super) fn online(&self) -> online::Ports {
        online::Ports {
            probe: port(&self.prober),
            listeners: vec![
                port(&self.watcher),
                port(&self.journal),
                port(&self.auditor),
                port(&self.connector),
            ],
            events: port(&self.events),
        }
    }

    pub(super) fn connector(&self) -> connector::Ports {
        connector::Ports {
            node: self.node(),
            select: port(&self.selector),
            mark: port(&self.tracker),
            repeat: port(&self.tracker),
            available: port(&self.journal),
            unavailable: port(&self.journal),
            watch: port(&self.watcher),
            remember: port(&self.state_store),
            events: port(&self.events),
        }
    }

    pub(super) fn history(&self, settings: &Settings) -> history_requester::Ports {
        let mut under_way = vec![port(&self.connector), port(&self.gap_filler)];
        under_way.extend(self.if_backfilled(settings));
        history_requester::Ports {
            node: self.node(),
            failing: port(&self.connector),
            served: port(&self.connector),
            under_way,
            began: port(&self.journal),
            ended: port(&self.journal),
            keep: port(&self.state_store),
            events: port(&self.events),
        }
    }

    /// Those who have something asked of the node, the history requester first.
    fn askers<M>(&self, settings: &Settings) -> Vec<Recipient<M>>
    where
        HistoryRequester: Handler<M>,
        Auditor: Handler<M>,
        GapFiller: Handler<M>,
        Backfill: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let mut askers = vec![
            port(&self.history),
            port(&self.auditor),
            port(&self.gap_filler),
        ];
        askers.extend(self.if_backfilled(settings));
        askers
    }

    /// The backfill, if people want it: nobody takes what is sent to one that does not run.
    fn if_backfilled<M>(&self, settings: &Settings) -> Option<Recipient<M>>
    where
        Backfill: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        settings.history.backfill.then(|| port(&self.backfill))
    }

    pub(super) fn journal(&self, settings: &Settings) -> journal::Ports {
        let mut open = vec![port(&self.auditor)];
        open.extend(self.if_backfilled(settings));
        journal::Ports {
            available: self.askers(settings),
            gone: self.askers(settings),
            owe: port(&self.history),
            prefer: port(&self.connector),
            audit: port(&self.auditor),
            open,
            keep: port(&self.state_store),
            events: port(&self.events),
        }
    }

    pub(super) fn backfill(&self) -> backfill::Ports {
        backfill::Ports {
            read_chats: port(&self.driver),
            extend: port(&self.driver),
        }
    }

    pub(super) fn auditor(&self) -> auditor::Ports {
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

    pub(super) fn gap_filler(&self) -> gap_filler::Ports {
        gap_filler::Ports {
            fill: port(&self.driver),
            events: port(&self.events),
        }
    }

    /// Who goes by the clocks. The journal knows when they jumped before the online watch calls it a sleep.
    pub(super) fn clocks(&self, settings: &Settings) -> Vec<Recipient<Clocks>> {
        let mut clocks = vec![
            port(&self.journal),
            port(&self.auditor),
            port(&self.gap_filler),
            port(&self.history),
        ];
        clocks.extend(self.if_backfilled(settings));
        clocks.push(port(&self.online));
        clocks
    }

    /// Whom the adapter of the node tells what.
    pub(super) fn listeners(&self, settings: &Settings) -> Listeners {
        let mut node = vec![port(&self.registry), port(&self.prober), port(&self.online)];
        node.extend(settings.login().map(|_| port(&self.login)));
        node.extend([
            port(&self.journal),
            port(&self.auditor),
            port(&self.gap_filler),
        ]);
        node.extend(self.if_backfilled(settings));
        node.push(port(&self.connector));
        Listeners {
            node,
            peers: vec![
                port(&self.online),
                port(&self.tracker),
                port(&self.registry),
                port(&self.journal),
                port(&self.connector),
            ],
            connection: vec![
                port(&self.online),
                port(&self.tracker),
                port(&self.journal),
                port(&self.connector),
            ],
            history_signals: vec![port(&self.history), port(&self.journal)],
            switched: port(&self.connector),
            messages: vec![
                port(&self.journal),
                port(&self.auditor),
                port(&self.gap_filler),
            ],
        }
    }

    /// Whom the control API asks.
    pub(super) fn control(&self, settings: &Settings) -> control::Ports {
        control::Ports {
            connector: port(&self.connector),
            candidates: port(&self.registry),
            add_custom: port(&self.registry),
            remove_custom: port(&self.registry),
            pin: port(&self.registry),
            unpin: port(&self.registry),
            peers: port(&self.tracker),
            last_decision: port(&self.selector),
            round_trips: port(&self.round_trips),
            online: port(&self.online),
            watch: port(&self.watcher),
            history: port(&self.history),
            request_history: port(&self.journal),
            report: port(&self.journal),
            ask_for: port(&self.journal),
            audit: port(&self.auditor),
            gaps: port(&self.gap_filler),
            queue_community: port(&self.history),
            login: settings.login().map(|_| port(&self.login)),
            health: port(&self.supervisor),
            traffic: port(&self.driver),
            push_signals: port(&self.driver),
            subscribe: port(&self.events),
            playground: None,
        }
    }
}

/// One kind of message to one actor.
pub(super) fn port<A, M>(address: &Addr<A>) -> Recipient<M>
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    address.clone().recipient()
}
