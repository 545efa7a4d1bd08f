//! Whom the API asks, and for how long it waits.

use std::time::Duration;

use actix::{Message, Recipient};
use actors::messages::{
    audit,
    candidates::{AddCustom, Candidates, Pin, RemoveCustom, Unpin},
    connection,
    events::Subscribe,
    gaps,
    history::{self, QueueCommunity, RequestNow},
    journal::{AskFor, GetReport},
    login,
    node::{GetTraffic, PushSignals},
    online::GetVerdict,
    peers::Peers,
    round_trips::GetRoundTrips,
    selection::LastDecision,
    supervision::GetHealth,
    watch::GetWatch,
};
use tokio::time::Instant;

use super::gate::Gate;
use crate::sim::playground::{Look, Treat, TreatNode};

/// How long an actor may take to tell its state, before that part of an answer is left out.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// How long a change may take: it can involve a write to disk.
pub(super) const CHANGE_LIMIT: Duration = Duration::from_secs(10);

/// Whom the API asks.
#[derive(Clone)]
pub struct Ports {
    /// The connector, for its state.
    pub connector: Recipient<connection::GetStatus>,
    /// The registry, for the list.
    pub candidates: Recipient<Candidates>,
    /// The registry, to add a mailserver.
    pub add_custom: Recipient<AddCustom>,
    /// The registry, to remove one.
    pub remove_custom: Recipient<RemoveCustom>,
    /// The registry, to pin one.
    pub pin: Recipient<Pin>,
    /// The registry, to unpin it.
    pub unpin: Recipient<Unpin>,
    /// The peer tracker.
    pub peers: Recipient<Peers>,
    /// The selector.
    pub last_decision: Recipient<LastDecision>,
    /// Who keeps how fast mailservers answered.
    pub round_trips: Recipient<GetRoundTrips>,
    /// The online watch, for the verdict.
    pub online: Recipient<GetVerdict>,
    /// The watch, for its state.
    pub watch: Recipient<GetWatch>,
    /// The history requester, for its state.
    pub history: Recipient<history::GetStatus>,
    /// The journal, to have history fetched now.
    pub request_history: Recipient<RequestNow>,
    /// The journal, to have a period fetched again.
    pub ask_for: Recipient<AskFor>,
    /// The journal, for up to when history is complete.
    pub report: Recipient<GetReport>,
    /// The auditor, for its state.
    pub audit: Recipient<audit::GetStatus>,
    /// The gap filler, for its state.
    pub gaps: Recipient<gaps::GetStatus>,
    /// The history requester, for a community.
    pub queue_community: Recipient<QueueCommunity>,
    /// The login, for its state, where it is configured.
    pub login: Option<Recipient<login::GetStatus>>,
    /// The supervisor.
    pub health: Recipient<GetHealth>,
    /// The node adapter, for its counters.
    pub traffic: Recipient<GetTraffic>,
    /// The node adapter, for signals that the application forwards.
    pub push_signals: Recipient<PushSignals>,
    /// The events.
    pub subscribe: Recipient<Subscribe>,
    /// The simulation beside it, in a playground.
    pub playground: Option<PlaygroundPorts>,
}

/// Whom a playground asks beside.
#[derive(Clone)]
pub struct PlaygroundPorts {
    /// For what there is.
    pub look: Recipient<Look>,
    /// To break a mailserver, or mend it.
    pub treat: Recipient<Treat>,
    /// To break the node, or mend it.
    pub treat_node: Recipient<TreatNode>,
}

/// What the API is told about the rest of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Whether signals may be posted (`node.signals = "push"`).
    pub accept_signals: bool,
    /// Whether the node is a simulated one that may be broken: [`Ports::playground`] is there.
    pub playground: bool,
    /// Who may ask.
    pub gate: Gate,
}

/// When the API came up.
pub(super) struct Started(pub(super) Instant);

/// Asks an actor; `None` if it does not answer in time.
pub(super) async fn ask<M>(port: &Recipient<M>, message: M, limit: Duration) -> Option<M::Result>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    tokio::time::timeout(limit, port.send(message))
        .await
        .ok()?
        .ok()
}
