//! The status report: the whole state of the service on one page.

use std::{collections::BTreeMap, time::Duration};

use actors::{
    connector::{self, Counts},
    history_requester,
    mailserver::{Mailserver, Origin},
    node::{Mode, NodeState, Traffic},
    peer_tracker::PeerState,
    selector::Decision,
    supervisor::Health,
};
use serde::Serialize;

use super::snapshot::Snapshot;

/// `GET /api/v1/status`. A part is null if nobody told it; then it is named in `unanswered`.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    version: &'static str,
    uptime_ms: u64,
    mode: Option<Mode>,
    fleet: Option<&'a str>,
    node: Option<Node<'a>>,
    online: Option<bool>,
    active: Option<Active<'a>>,
    pin: Option<Pin<'a>>,
    candidates: Option<Vec<Candidate<'a>>>,
    counts: Option<Counts>,
    last_decision: Option<&'a Decision>,
    history: Option<&'a history_requester::Status>,
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
    use_mailservers: Option<bool>,
}

#[derive(Serialize)]
struct Active<'a> {
    id: &'a str,
    name: &'a str,
    address: &'a str,
    state: &'static str,
    since_ms: u64,
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
    rtt_ms: Option<f64>,
    cool_off_ms: Option<u64>,
}

impl<'a> Report<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, uptime: Duration) -> Self {
        let connector = snapshot.connector.as_ref();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            uptime_ms: milliseconds(uptime),
            mode: snapshot.mode(),
            fleet: snapshot.fleet(),
            node: connector.map(|status| Node::new(&status.node)),
            online: snapshot.peers.as_ref().and_then(|table| table.online),
            active: connector
                .and_then(|status| status.active.as_ref())
                .map(Active::new),
            pin: connector
                .and_then(|status| status.pin.as_ref())
                .map(Pin::new),
            candidates: candidates(snapshot),
            counts: connector.map(|status| status.counts),
            last_decision: snapshot.decision.as_ref().and_then(Option::as_ref),
            history: snapshot.history.as_ref(),
            actors: snapshot.health.as_ref(),
            traffic: snapshot.traffic.as_ref(),
            unanswered: snapshot.unanswered(),
        }
    }
}

impl<'a> Node<'a> {
    fn new(state: &'a NodeState) -> Self {
        let (state, reason, use_mailservers) = match state {
            NodeState::Unreachable { reason } => ("unreachable", Some(reason.as_str()), None),
            NodeState::LoggedOut => ("logged_out", None, None),
            NodeState::Ready { profile } => ("ready", None, Some(profile.use_mailservers)),
        };
        Self {
            state,
            reason,
            use_mailservers,
        }
    }
}

impl<'a> Active<'a> {
    fn new(active: &'a connector::Active) -> Self {
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

impl<'a> Pin<'a> {
    fn new(pin: &'a connector::PinStatus) -> Self {
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

fn candidate<'a>(mailserver: &'a Mailserver, snapshot: &Snapshot) -> Candidate<'a> {
    let identity = &mailserver.identity;
    let decision = snapshot.decision.as_ref().and_then(Option::as_ref);
    let considered = decision.and_then(|decision| {
        decision
            .considered
            .iter()
            .find(|one| one.identity == *identity)
    });
    let cooling = snapshot.connector.as_ref().map(|status| &status.cooling_ms);
    Candidate {
        id: &mailserver.id,
        name: &mailserver.name,
        address: mailserver.address.dial(),
        origin: mailserver.origin,
        state: snapshot
            .peers
            .as_ref()
            .map(|table| table.states.get(identity).copied().unwrap_or_default()),
        rtt_ms: considered
            .and_then(|one| one.rtt)
            .map(|rtt| rtt.as_secs_f64() * 1000.0),
        cool_off_ms: cooling.and_then(|cooling| cooling.get(identity)).copied(),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
