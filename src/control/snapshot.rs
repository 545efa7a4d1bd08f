//! The state of all parts, asked at the same time.

use std::{collections::BTreeMap, time::SystemTime};

use actors::{
    messages::{
        audit,
        candidates::{Candidates, CandidatesChanged},
        connection, gaps, history,
        journal::{self, GetReport},
        login,
        node::{GetTraffic, Traffic},
        online::{GetVerdict, Online},
        peers::{PeerTable, Peers},
        round_trips::{GetRoundTrips, RoundTrips},
        selection::{Decision, LastDecision},
        supervision::{GetHealth, Health},
        watch::{GetWatch, Watched},
    },
    model::{
        moment::Moment,
        node::{Mode, NodeState, Profile},
    },
};

use super::ports::{ANSWER_LIMIT, Ports, ask};

/// What each part told; `None` where it did not answer in time.
pub(super) struct Snapshot {
    pub(super) connector: Option<connection::Status>,
    pub(super) registry: Option<CandidatesChanged>,
    pub(super) peers: Option<PeerTable>,
    pub(super) decision: Option<Option<Decision>>,
    pub(super) round_trips: Option<RoundTrips>,
    pub(super) online: Option<Online>,
    pub(super) watch: Option<Watched>,
    pub(super) history: Option<history::Status>,
    pub(super) journal: Option<journal::Report>,
    pub(super) audit: Option<audit::Status>,
    pub(super) gaps: Option<gaps::Status>,
    pub(super) login: Option<login::Status>,
    pub(super) health: Option<BTreeMap<&'static str, Health>>,
    pub(super) traffic: Option<Traffic>,
    /// When it was taken.
    pub(super) at: Moment,
}

impl Snapshot {
    pub(super) async fn take(ports: &Ports) -> Self {
        let (
            connector,
            registry,
            peers,
            decision,
            round_trips,
            online,
            watch,
            login,
            health,
            traffic,
            past,
        ) = tokio::join!(
            ask(&ports.connector, connection::GetStatus, ANSWER_LIMIT),
            ask(&ports.candidates, Candidates, ANSWER_LIMIT),
            ask(&ports.peers, Peers, ANSWER_LIMIT),
            ask(&ports.last_decision, LastDecision, ANSWER_LIMIT),
            ask(&ports.round_trips, GetRoundTrips, ANSWER_LIMIT),
            ask(&ports.online, GetVerdict, ANSWER_LIMIT),
            ask(&ports.watch, GetWatch, ANSWER_LIMIT),
            ask_login(ports),
            ask(&ports.health, GetHealth, ANSWER_LIMIT),
            ask(&ports.traffic, GetTraffic, ANSWER_LIMIT),
            Past::ask(ports),
        );
        Self {
            connector,
            registry: registry.map(|listed| listed.list),
            peers,
            decision,
            round_trips,
            online,
            watch,
            history: past.history,
            journal: past.journal,
            audit: past.audit,
            gaps: past.gaps,
            login,
            health,
            traffic,
            at: SystemTime::now().into(),
        }
    }

    /// Who did not answer.
    pub(super) fn unanswered(&self) -> Vec<&'static str> {
        [
            ("connector", self.connector.is_none()),
            ("fleet_registry", self.registry.is_none()),
            ("peer_tracker", self.peers.is_none()),
            ("selector", self.decision.is_none()),
            ("round_trips", self.round_trips.is_none()),
            ("online", self.online.is_none()),
            ("watch", self.watch.is_none()),
            ("history_requester", self.history.is_none()),
            ("journal", self.journal.is_none()),
            ("auditor", self.audit.is_none()),
            ("gap_filler", self.gaps.is_none()),
            ("login", self.login.is_none()),
            ("supervisor", self.health.is_none()),
            ("node", self.traffic.is_none()),
        ]
        .into_iter()
        .filter_map(|(name, missing)| missing.then_some(name))
        .collect()
    }

    /// What the node told about itself, while it can be driven.
    pub(super) fn profile(&self) -> Option<&Profile> {
        match &self.connector.as_ref()?.node {
            NodeState::Ready { profile } => Some(profile),
            NodeState::Unreachable { .. } | NodeState::LoggedOut => None,
        }
    }

    pub(super) fn mode(&self) -> Option<Mode> {
        self.profile().map(|profile| profile.mode)
    }

    pub(super) fn fleet(&self) -> Option<&str> {
        let registered = self
            .registry
            .as_ref()
            .and_then(|registry| registry.fleet.as_deref());
        registered.or_else(|| self.profile()?.fleet.as_deref())
    }
}

/// What those told who see to what was missed.
struct Past {
    history: Option<history::Status>,
    journal: Option<journal::Report>,
    audit: Option<audit::Status>,
    gaps: Option<gaps::Status>,
}

impl Past {
    async fn ask(ports: &Ports) -> Self {
        let (history, journal, audit, gaps) = tokio::join!(
            ask(&ports.history, history::GetStatus, ANSWER_LIMIT),
            ask(&ports.report, GetReport, ANSWER_LIMIT),
            ask(&ports.audit, audit::GetStatus, ANSWER_LIMIT),
            ask(&ports.gaps, gaps::GetStatus, ANSWER_LIMIT),
        );
        Self {
            history,
            journal,
            audit,
            gaps,
        }
    }
}

/// One that is not configured is off.
async fn ask_login(ports: &Ports) -> Option<login::Status> {
    match &ports.login {
        Some(port) => ask(port, login::GetStatus, ANSWER_LIMIT).await,
        None => Some(login::Status::default()),
    }
}
