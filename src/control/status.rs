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
use serde::Serialize;

use super::{snapshot::Snapshot, standing::Standing};

/// `GET /api/v1/status`. A part is null if nobody told it; then it is named in `unanswered`.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    version: &'static str,
    uptime_ms: u64,
    mode: Option<Mode>,
    fleet: Option<&'a str>,
    node: Option<Node<'a>>,
    online: Option<Online<'a>>,
    active: Option<Active<'a>>,
    /// Only of a node that picks a mailserver for each query.
    reach: Option<Reach<'a>>,
    standby: Option<Standby<'a>>,
    pin: Option<Pin<'a>>,
    candidates: Option<Vec<Candidate<'a>>>,
    counts: Option<Counts>,
    last_decision: Option<&'a Decision>,
    watch: Option<&'a Watched>,
    history: Option<&'a history::Status>,
    journal: Option<Standing<'a>>,
    audit: Option<&'a audit::Status>,
    gaps: Option<&'a gaps::Status>,
    login: Option<&'a login::Status>,
    actors: Option<&'a BTreeMap<&'static str, Health>>,
    traffic: Option<&'a Traffic>,
    unanswered: Vec<&'static str>,
}

#[derive(Serialize)]
struct Node<'a> {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<Generation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    use_mailservers: Option<bool>,
}

/// The verdict, and beside it the node's own word.
#[derive(Serialize)]
struct Online<'a> {
    #[serde(flatten)]
    verdict: &'a messages::online::Online,
    node: Option<bool>,
}

#[derive(Serialize)]
struct Active<'a> {
    id: &'a str,
    name: &'a str,
    address: &'a str,
    state: &'static str,
    since_ms: u64,
}

/// Whether history can be fetched, where no mailserver is active.
#[derive(Serialize)]
struct Reach<'a> {
    mailserver: Option<MailserverRef>,
    since_ms: Option<u64>,
    connection: Option<Connectedness>,
    hindrance: Option<&'a str>,
}

#[derive(Serialize)]
struct Standby<'a> {
    id: &'a str,
    name: &'a str,
    address: &'a str,
    /// The node has it as a peer.
    listed: Option<bool>,
}

#[derive(Serialize)]
struct Pin<'a> {
    id: &'a str,
    name: &'a str,
    address: &'a str,
    fallback_reason: Option<&'a str>,
}

#[derive(Serialize)]
struct Candidate<'a> {
    id: &'a str,
    name: &'a str,
    address: &'a str,
    origin: Origin,
    state: Option<PeerState>,
    /// Of the last decision.
    tier: Option<Tier>,
    /// Of the last decision; the smoothed one if that has none.
    rtt_ms: Option<f64>,
    smoothed_rtt_ms: Option<f64>,
    /// History requests that it answered, since the first day.
    successes: Option<u64>,
    /// Since the first day.
    failures: Option<&'a BTreeMap<Cause, u64>>,
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
