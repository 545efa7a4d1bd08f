//! The status report: the whole state of the service on one page.

use std::{collections::BTreeMap, time::Duration};

use actors::{
    messages::{
        self, audit,
        connection::{self, Counts},
        gaps, history, login,
        node::Traffic,
        peers::{PeerState, PeerTable},
        selection::Decision,
        supervision::Health,
        watch::Watched,
    },
    model::{
        candidate::Tier,
        mailserver::{Mailserver, MailserverRef, Origin},
        node::{Connectedness, Generation, Mode, NodeState},
        record::{Cause, Record},
    },
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{snapshot::Snapshot, standing::Standing};

/// The state of the service. A part is null if nobody told it; then it is named in `unanswered`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Status")]
pub(super) struct Report<'a> {
    /// The version of the sidecar.
    version: &'static str,
    /// How long the control API has been open.
    uptime_ms: u64,
    /// How the node is driven, while it can be.
    mode: Option<Mode>,
    /// The fleet whose mailservers are used, once it is known.
    fleet: Option<&'a str>,
    /// The node as it was last reported.
    node: Option<Node<'a>>,
    /// Whether we are online.
    online: Option<Online<'a>>,
    /// The mailserver in use, if there is one; none ever where the node picks one for each query.
    active: Option<Active<'a>>,
    /// Only of a node that picks a mailserver for each query: whether history can be fetched.
    reach: Option<Reach<'a>>,
    /// The mailserver that is used next, if one was drawn.
    standby: Option<Standby<'a>>,
    /// The mailserver that the user wants, and what keeps it from being used.
    pin: Option<Pin<'a>>,
    /// The mailservers that may be chosen.
    candidates: Option<Vec<Candidate<'a>>>,
    /// What the loop did since the start of the process.
    counts: Option<Counts>,
    /// The last choice with its reasons; null before the first.
    last_decision: Option<&'a Decision>,
    /// The watch over the mailservers in use.
    watch: Option<&'a Watched>,
    /// The requests for history and communities.
    history: Option<&'a history::Status>,
    /// How far history is complete.
    journal: Option<Standing<'a>>,
    /// Whether others hold more than was fetched.
    audit: Option<&'a audit::Status>,
    /// The gaps in chats.
    gaps: Option<&'a gaps::Status>,
    /// The login of a node that came back logged out.
    login: Option<&'a login::Status>,
    /// The health of each actor, by its name.
    actors: Option<&'a BTreeMap<&'static str, Health>>,
    /// What went over the wire to the node.
    traffic: Option<&'a Traffic>,
    /// The actors that did not answer in time.
    unanswered: Vec<&'static str>,
}

/// The node.
#[derive(Serialize, JsonSchema)]
struct Node<'a> {
    /// Whether it can be driven.
    #[schemars(extend("enum" = ["unreachable", "logged_out", "ready"]))]
    state: &'static str,
    /// Why it is unreachable, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// Which mailserver it asks for history, if it is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<Generation>,
    /// The user's "use mailservers" switch, if it is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    use_mailservers: Option<bool>,
}

/// The verdict, and beside it the node's own word.
#[derive(Serialize, JsonSchema)]
struct Online<'a> {
    #[serde(flatten)]
    verdict: &'a messages::online::Online,
    /// What the node says, where it says anything.
    node: Option<bool>,
}

/// The mailserver in use.
#[derive(Serialize, JsonSchema)]
struct Active<'a> {
    /// The id in its list.
    id: &'a str,
    /// For people.
    name: &'a str,
    /// The address as the node is given it.
    address: &'a str,
    /// While we are offline, or are finding out, it may be disconnected.
    #[schemars(extend("enum" = ["connecting", "connected", "disconnected"]))]
    state: &'static str,
    /// For how long it has been in that state.
    since_ms: u64,
}

/// Whether history can be fetched, where no mailserver is active.
#[derive(Serialize, JsonSchema)]
struct Reach<'a> {
    /// A mailserver that answers our own probes, while the node is online.
    mailserver: Option<MailserverRef>,
    /// For how long one has answered.
    since_ms: Option<u64>,
    /// What the node says of its own connection, if it said anything since its login.
    connection: Option<Connectedness>,
    /// What keeps history from being fetched, for people.
    hindrance: Option<&'a str>,
}

/// The mailserver that is used next.
#[derive(Serialize, JsonSchema)]
struct Standby<'a> {
    /// The id in its list.
    id: &'a str,
    /// For people.
    name: &'a str,
    /// The address as the node is given it.
    address: &'a str,
    /// The node has it as a peer.
    listed: Option<bool>,
}

/// The mailserver that the user wants.
#[derive(Serialize, JsonSchema)]
struct Pin<'a> {
    /// The id in its list.
    id: &'a str,
    /// For people.
    name: &'a str,
    /// The address as the node is given it.
    address: &'a str,
    /// Why another one is used, or none; null while it is used.
    fallback_reason: Option<&'a str>,
}

/// A mailserver that may be chosen.
#[derive(Serialize, JsonSchema)]
struct Candidate<'a> {
    /// The id in its list.
    id: &'a str,
    /// For people.
    name: &'a str,
    /// The address as the node is given it.
    address: &'a str,
    /// Where it was learned.
    origin: Origin,
    /// Whether the node lists it as a peer.
    state: Option<PeerState>,
    /// How much it is trusted, in the last decision.
    tier: Option<Tier>,
    /// The round-trip time of the last decision; the smoothed one if that has none.
    rtt_ms: Option<f64>,
    /// The smoothed round-trip time; null before the first measurement.
    smoothed_rtt_ms: Option<f64>,
    /// History requests that it answered, since the first day.
    successes: Option<u64>,
    /// Its failures since the first day, by cause.
    failures: Option<&'a BTreeMap<Cause, u64>>,
    /// The rest of its cool-off; null if it has none.
    cool_off_ms: Option<u64>,
}

/// What is remembered of a mailserver that never answered and never failed.
static NOTHING: Record = Record {
    rtt_ms: None,
    successes: 0,
    failures: BTreeMap::new(),
    level: 0,
    avoided_until_ms: 0,
    changed_ms: 0,
};

impl<'a> Report<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, uptime: Duration) -> Self {
        let connector = snapshot.connector.as_ref();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            uptime_ms: milliseconds(uptime),
            mode: snapshot.mode(),
            fleet: snapshot.fleet(),
            node: connector.map(|status| Node::new(&status.node)),
            online: Online::new(snapshot),
            active: connector
                .and_then(|status| status.active.as_ref())
                .map(Active::new),
            reach: connector
                .and_then(|status| status.reach.as_ref())
                .map(Reach::new),
            standby: connector
                .and_then(|status| status.standby.as_ref())
                .map(|standby| Standby::new(standby, snapshot.peers.as_ref())),
            pin: connector
                .and_then(|status| status.pin.as_ref())
                .map(Pin::new),
            candidates: candidates(snapshot),
            counts: connector.map(|status| status.counts),
            last_decision: last_decision(snapshot),
            watch: snapshot.watch.as_ref(),
            history: snapshot.history.as_ref(),
            journal: snapshot
                .journal
                .as_ref()
                .map(|report| Standing::new(report, snapshot.at)),
            audit: snapshot.audit.as_ref(),
            gaps: snapshot.gaps.as_ref(),
            login: snapshot.login.as_ref(),
            actors: snapshot.health.as_ref(),
            traffic: snapshot.traffic.as_ref(),
            unanswered: snapshot.unanswered(),
        }
    }
}

impl<'a> Node<'a> {
    fn new(state: &'a NodeState) -> Self {
        let (state, reason, profile) = match state {
            NodeState::Unreachable { reason } => ("unreachable", Some(reason.as_str()), None),
            NodeState::LoggedOut => ("logged_out", None, None),
            NodeState::Ready { profile } => ("ready", None, Some(profile)),
        };
        Self {
            state,
            reason,
            generation: profile.map(|it| it.generation),
            use_mailservers: profile.map(|it| it.use_mailservers),
        }
    }
}

impl<'a> Online<'a> {
    fn new(snapshot: &'a Snapshot) -> Option<Self> {
        let node = snapshot.peers.as_ref().and_then(|table| table.online);
        let verdict = snapshot.online.as_ref()?;
        Some(Self { verdict, node })
    }
}

impl<'a> Active<'a> {
    fn new(active: &'a connection::Active) -> Self {
        let Mailserver {
            id, name, address, ..
        } = &active.mailserver;
        let (state, since_ms) = (active.state, active.since_ms);
        Self {
            id,
            name,
            address: address.dial(),
            state,
            since_ms,
        }
    }
}

impl<'a> Reach<'a> {
    fn new(reach: &'a connection::Reach) -> Self {
        Self {
            mailserver: reach.mailserver.as_ref().map(Mailserver::reference),
            since_ms: reach.since_ms,
            connection: reach.connection,
            hindrance: reach.hindrance.as_deref(),
        }
    }
}

impl<'a> Standby<'a> {
    fn new(standby: &'a Mailserver, peers: Option<&PeerTable>) -> Self {
        let Mailserver {
            id, name, address, ..
        } = standby;
        let state = |table: &PeerTable| table.states.get(&standby.identity).copied();
        Self {
            id,
            name,
            address: address.dial(),
            listed: peers.map(|table| state(table) == Some(PeerState::Connected)),
        }
    }
}

impl<'a> Pin<'a> {
    fn new(pin: &'a connection::PinStatus) -> Self {
        let Mailserver {
            id, name, address, ..
        } = &pin.mailserver;
        let fallback_reason = pin.fallback_reason.as_deref();
        Self {
            id,
            name,
            address: address.dial(),
            fallback_reason,
        }
    }
}

fn candidates(snapshot: &Snapshot) -> Option<Vec<Candidate<'_>>> {
    let all = &snapshot.registry.as_ref()?.candidates;
    Some(
        all.iter()
            .map(|mailserver| candidate(mailserver, snapshot))
            .collect(),
    )
}

fn candidate<'a>(mailserver: &'a Mailserver, snapshot: &'a Snapshot) -> Candidate<'a> {
    let identity = &mailserver.identity;
    let considered = last_decision(snapshot).and_then(|decision| {
        let mut all = decision.considered.iter();
        all.find(|one| one.identity == *identity)
    });
    let connector = snapshot.connector.as_ref();
    let record = connector.map(|status| status.memory.get(identity).unwrap_or(&NOTHING));
    let measured = considered.and_then(|one| one.rtt);
    let smoothed = record.and_then(|record| record.rtt_ms);
    let peers = snapshot.peers.as_ref();
    Candidate {
        id: &mailserver.id,
        name: &mailserver.name,
        address: mailserver.address.dial(),
        origin: mailserver.origin,
        state: peers.map(|table| table.states.get(identity).copied().unwrap_or_default()),
        tier: considered.map(|one| one.tier),
        rtt_ms: measured.map(|rtt| rtt.as_secs_f64() * 1000.0).or(smoothed),
        smoothed_rtt_ms: smoothed,
        successes: record.map(|record| record.successes),
        failures: record.map(|record| &record.failures),
        cool_off_ms: connector.and_then(|status| status.cooling_ms.get(identity).copied()),
    }
}

fn last_decision(snapshot: &Snapshot) -> Option<&Decision> {
    snapshot.decision.as_ref()?.as_ref()
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
