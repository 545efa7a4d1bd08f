//! One stub in the place of all actors.

use std::{cell::RefCell, collections::BTreeMap, future::pending, rc::Rc, time::Duration};

use actix::{Actor, ActorContext as _, Context, Handler, Message, MessageResult, ResponseFuture};
use actors::{
    messages::{
        candidates::{RegistryError, Revision},
        connection,
        events::{Event, Numbered, Publish, Subscribe},
        history,
        journal::Report,
        login,
        node::{CallOutcomes, GetTraffic, PushSignals, Traffic},
        online::{GetVerdict, Online},
        peers::{PeerState, PeerTable, Peers},
        round_trips::{GetRoundTrips, RoundTrips, Sample},
        selection::{Decision, LastDecision},
        supervision::{GetHealth, Health},
        watch::{GetWatch, Watched},
    },
    model::{
        candidate::{Considered, Purpose, Standing, Tier},
        durations::Durations,
        mailserver::{Mailserver, MailserverRef, Origin},
        moment::Moment,
        node::{Connectedness, Mode, NodeState, Profile},
        record::{Cause, Record},
        verdict::Verdict,
    },
};
use mailserver_sidecar::control::PlaygroundPorts;
use tokio::sync::mpsc;

pub(crate) const STORE: &str =
    "/ip4/192.0.2.7/tcp/30303/p2p/16Uiu2HAmRUBhDKZTTx1LAZnkEHrVcxvQEUTNSrt15B3wUATo7TvM";

/// An event that names its mailserver.
pub(crate) fn peer(id: &str) -> Event {
    let mailserver = MailserverRef {
        id: id.to_owned(),
        name: id.to_owned(),
        address: STORE.to_owned(),
    };
    Event::PeerConnected { mailserver }
}

/// The end of all actors.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Die;

/// All actors in one.
#[derive(Default)]
pub(crate) struct Stub {
    /// Connector, registry, journal and node adapter never answer.
    pub(crate) deaf: bool,
    /// Signals are not pushed.
    pub(crate) polls: bool,
    /// The node picks a mailserver for each query.
    pub(crate) per_query: bool,
    /// The node, if it is not ready.
    pub(crate) node: Option<NodeState>,
    /// How often the registry was changed.
    pub(crate) revision: Revision,
    /// What the registry answers to every change.
    pub(crate) refuse: Option<RegistryError>,
    /// What reached it, in order.
    pub(crate) heard: Rc<RefCell<Vec<String>>>,
    /// What the journal tells.
    pub(crate) report: Report,
    /// What was published.
    pub(crate) events: Vec<Numbered>,
    /// The playground beside it, if there is one.
    pub(crate) playground: Option<PlaygroundPorts>,
    /// Who follows.
    pub(crate) sinks: Vec<mpsc::Sender<Numbered>>,
}

impl Actor for Stub {
    type Context = Context<Self>;
}

impl Stub {
    pub(crate) fn hear(&self, what: String) {
        self.heard.borrow_mut().push(what);
    }

    /// Answers, unless it is deaf.
    pub(crate) fn tell<T: 'static>(&self, answer: T) -> ResponseFuture<T> {
        if self.deaf {
            Box::pin(pending())
        } else {
            Box::pin(async { answer })
        }
    }
}

pub(crate) fn store(id: &str) -> Mailserver {
    let address: actors::model::address::Address = STORE.parse().unwrap();
    Mailserver {
        identity: address.identity().clone(),
        id: id.to_owned(),
        name: id.to_owned(),
        address,
        fleet: "status.prod".to_owned(),
        origin: Origin::Fleet,
    }
}

fn record() -> Record {
    Record {
        rtt_ms: Some(13.5),
        successes: 7,
        failures: BTreeMap::from([(Cause::Dial, 2)]),
        ..Record::default()
    }
}

impl Handler<Die> for Stub {
    type Result = ();

    fn handle(&mut self, Die: Die, context: &mut Self::Context) {
        context.stop();
    }
}

impl Handler<connection::GetStatus> for Stub {
    type Result = ResponseFuture<connection::Status>;

    fn handle(&mut self, _: connection::GetStatus, _: &mut Self::Context) -> Self::Result {
        let profile = Profile {
            mode: Mode::Waku2,
            generation: Mode::Waku2.generation(),
            fleet: Some("status.prod".to_owned()),
            saved: Vec::new(),
            pinned: None,
            use_mailservers: true,
        };
        let mailserver = store("store-1");
        let fallback_reason = Some("no reply in time".to_owned());
        let mut failovers = Durations::default();
        failovers.observe(Duration::from_millis(750));
        self.tell(connection::Status {
            node: self.node.clone().unwrap_or(NodeState::Ready { profile }),
            cooling_ms: BTreeMap::from([(mailserver.identity.clone(), 4000)]),
            memory: BTreeMap::from([(mailserver.identity.clone(), record())]),
            standby: Some(mailserver.clone()),
            pin: Some(connection::PinStatus {
                mailserver: mailserver.clone(),
                fallback_reason,
            }),
            reach: self.per_query.then(|| connection::Reach {
                mailserver: Some(mailserver.clone()),
                since_ms: Some(1500),
                connection: Some(Connectedness::PartiallyConnected),
                hindrance: Some("badly connected".to_owned()),
            }),
            active: (!self.per_query).then_some(connection::Active {
                mailserver,
                state: "connected",
                since_ms: 1500,
            }),
            counts: connection::Counts {
                connections: 3,
                ..connection::Counts::default()
            },
            failovers: BTreeMap::from([(Cause::Probe, failovers)]),
        })
    }
}

impl Handler<GetTraffic> for Stub {
    type Result = ResponseFuture<Traffic>;

    fn handle(&mut self, _: GetTraffic, _: &mut Self::Context) -> Self::Result {
        let outcomes = CallOutcomes {
            ok: 15,
            timeout: 2,
            ..CallOutcomes::default()
        };
        self.tell(Traffic {
            rpc_calls: 17,
            rpc_under_way: 3,
            rpc: BTreeMap::from([("wakuext_peers".to_owned(), outcomes)]),
            ..Traffic::default()
        })
    }
}

impl Handler<Peers> for Stub {
    type Result = MessageResult<Peers>;

    fn handle(&mut self, _: Peers, _: &mut Self::Context) -> Self::Result {
        let states = BTreeMap::from([(store("store-1").identity, PeerState::Connected)]);
        MessageResult(PeerTable {
            states,
            online: Some(true),
            peers: 2,
        })
    }
}

impl Handler<LastDecision> for Stub {
    type Result = Option<Decision>;

    fn handle(&mut self, _: LastDecision, _: &mut Self::Context) -> Self::Result {
        let chosen = store("store-1");
        let considered = Considered {
            mailserver: chosen.reference(),
            identity: chosen.identity.clone(),
            rtt: Some(Duration::from_micros(12_500)),
            tier: Tier::Healthy,
            listed: true,
            verdict: Standing::Chosen,
        };
        Some(Decision {
            round: 1,
            purpose: Purpose::Active,
            chosen: Some(chosen.reference()),
            identity: Some(chosen.identity),
            considered: vec![considered],
            pool: 1,
            drawn: Some(0),
            early: true,
            took_ms: 13,
        })
    }
}

impl Handler<GetRoundTrips> for Stub {
    type Result = MessageResult<GetRoundTrips>;

    fn handle(&mut self, _: GetRoundTrips, _: &mut Self::Context) -> Self::Result {
        let mut answered = Durations::default();
        answered.observe(Duration::from_micros(12_500));
        let sample = |ago_ms, rtt_ms| Sample { ago_ms, rtt_ms };
        let samples = vec![sample(10_000, None), sample(0, Some(12.5))];
        MessageResult(RoundTrips {
            answered,
            recent: BTreeMap::from([(store("store-1").identity, samples)]),
        })
    }
}

impl Handler<GetVerdict> for Stub {
    type Result = MessageResult<GetVerdict>;

    fn handle(&mut self, _: GetVerdict, _: &mut Self::Context) -> Self::Result {
        MessageResult(Online {
            verdict: Verdict::Suspect.into(),
            since_ms: 250,
            reason: "the signals of the node stopped".to_owned(),
        })
    }
}

impl Handler<login::GetStatus> for Stub {
    type Result = MessageResult<login::GetStatus>;

    fn handle(&mut self, _: login::GetStatus, _: &mut Self::Context) -> Self::Result {
        MessageResult(login::Status {
            state: login::State::GivenUp,
            tries: 3,
            last_outcome: Some("given up".to_owned()),
        })
    }
}

impl Handler<GetWatch> for Stub {
    type Result = MessageResult<GetWatch>;

    fn handle(&mut self, _: GetWatch, _: &mut Self::Context) -> Self::Result {
        MessageResult(Watched {
            probes: 90,
            misses: 3,
            bytes_per_minute: 7500,
            interval_ms: Some(2000),
            patience_ms: None,
        })
    }
}

impl Handler<history::GetStatus> for Stub {
    type Result = MessageResult<history::GetStatus>;

    fn handle(&mut self, _: history::GetStatus, _: &mut Self::Context) -> Self::Result {
        MessageResult(history::Status {
            completed: 5,
            communities: vec![history::CommunityProgress {
                id: "0x02".into(),
                tries: 3,
                queued: Some(Moment::from_millis(1_000)),
                next_try: None,
                last: Some("unknown".into()),
            }],
            ..history::Status::default()
        })
    }
}

impl Handler<GetHealth> for Stub {
    type Result = MessageResult<GetHealth>;

    fn handle(&mut self, _: GetHealth, _: &mut Self::Context) -> Self::Result {
        let health = Health {
            running: true,
            restarts: 2,
            last_failure: Some("panic".to_owned()),
        };
        MessageResult(BTreeMap::from([("pinger", health)]))
    }
}

impl Handler<PushSignals> for Stub {
    type Result = ();

    fn handle(&mut self, PushSignals(signals): PushSignals, _: &mut Self::Context) {
        self.hear(format!("signals {}", signals.join(" ")));
    }
}

impl Handler<Publish> for Stub {
    type Result = ();

    fn handle(&mut self, Publish(event): Publish, _: &mut Self::Context) {
        let sequence = self.events.len() as u64 + 1;
        let at = std::time::UNIX_EPOCH + Duration::from_millis(1500);
        let numbered = Numbered {
            sequence,
            at,
            event,
        };
        self.sinks
            .retain(|sink| sink.try_send(numbered.clone()).is_ok());
        self.events.push(numbered);
    }
}

impl Handler<Subscribe> for Stub {
    type Result = ();

    fn handle(&mut self, Subscribe { after, sink }: Subscribe, _: &mut Self::Context) {
        let kept = after.map_or(self.events.len(), |after| usize::try_from(after).unwrap());
        for numbered in &self.events[kept..] {
            sink.try_send(numbered.clone()).unwrap();
        }
        self.sinks.push(sink);
    }
}
