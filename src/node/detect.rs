//! Which mode a node wants, found out with as few calls as possible.
//!
//! Methods are called with wrong parameters on purpose: a node that has the method says so (`-32602`) and
//! does nothing (recorded on v0.94 and 2024-10).

use actors::model::{
    address::Network,
    node::{Generation, Mode, NodeError},
};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::node::{
    config::ConfiguredMode,
    profile::{self, Cluster},
    rpc::RpcClient,
};

/// What is known of a node; `None` where nobody asked yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Which waku it runs.
    pub network: Option<Network>,
    /// Its own mailserver cycle is switched on: driven from outside as well, the two would fight
    /// (recorded on v0.94 with `EnableMailserverCycle`).
    pub own_cycle: bool,
    /// It has `wakuext_setMailserver`.
    pub set_mailserver: Option<bool>,
    /// It has `wakuext_updateMailservers`.
    pub update_mailservers: Option<bool>,
    /// It has `wakuext_setPinnedMailservers`.
    pub set_pinned: Option<bool>,
    /// It has `wakuext_disconnectActiveMailserver`: only nodes that have an active one do.
    pub disconnect_active: Option<bool>,
}

/// What to ask a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Which waku it runs.
    Network,
    /// Whether it has `wakuext_setMailserver`.
    SetMailserver,
    /// Whether it has `wakuext_updateMailservers`.
    UpdateMailservers,
    /// Whether it has `wakuext_setPinnedMailservers`.
    SetPinned,
    /// Whether it has `wakuext_disconnectActiveMailserver`.
    DisconnectActive,
}

/// The next step towards a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The answer to this question has to be known first.
    Ask(Question),
    /// Enough is known: the node is driven in this mode, and is of this generation.
    Settled(Mode, Generation),
}

/// The mode that follows from the facts, or the one fact that is missing.
#[must_use]
pub fn decide(facts: &Facts) -> Step {
    let (lever, question, mode) = match facts.network {
        None => return Step::Ask(Question::Network),
        Some(Network::Waku1) => (
            facts.update_mailservers,
            Question::UpdateMailservers,
            Mode::Waku1,
        ),
        Some(Network::Waku2) => (facts.set_mailserver, Question::SetMailserver, Mode::Waku2),
    };
    match (facts.own_cycle, lever, facts.set_pinned) {
        // The pin of a waku1 node is not one of the modes: nothing is known about how it behaves.
        (true, ..) if mode == Mode::Waku1 => Step::Settled(Mode::Observe, Generation::OwnCycle),
        (false, None, _) => Step::Ask(question),
        (false, Some(true), _) => Step::Settled(mode, Generation::Classic),
        (_, _, None) => Step::Ask(Question::SetPinned),
        (_, _, Some(true)) => Step::Settled(Mode::Pin, Generation::OwnCycle),
        (true, _, Some(false)) => Step::Settled(Mode::Observe, Generation::OwnCycle),
        (false, _, Some(false)) => match facts.disconnect_active {
            None => Step::Ask(Question::DisconnectActive),
            Some(true) => Step::Settled(Mode::Observe, Generation::OwnCycle),
            Some(false) => Step::Settled(Mode::Observe, Generation::PerQuery),
        },
    }
}

/// How a node is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Driving {
    /// The mode.
    pub mode: Mode,
    /// Which mailserver it asks for history.
    pub generation: Generation,
    /// Which peers it has: that is where they are asked for.
    pub network: Network,
}

/// Finds out how to drive a node of which `cluster` is known.
///
/// # Errors
/// The node went away.
pub(crate) async fn detect(
    rpc: &RpcClient,
    cluster: &Cluster,
    own_cycle: bool,
) -> Result<Driving, NodeError> {
    let network = cluster.waku2.map(|waku2| {
        if waku2 {
            Network::Waku2
        } else {
            Network::Waku1
        }
    });
    let mut facts = Facts {
        network,
        own_cycle: own_cycle || cluster.own_cycle,
        ..Facts::default()
    };
    loop {
        match decide(&facts) {
            Step::Settled(mode, generation) => {
                return Ok(Driving {
                    mode,
                    generation,
                    network: facts.network.unwrap_or(Network::Waku2),
                });
            }
            Step::Ask(Question::Network) => facts.network = Some(ask_network(rpc).await?),
            Step::Ask(Question::SetMailserver) => {
                facts.set_mailserver = Some(has(rpc, "wakuext_setMailserver").await?);
            }
            Step::Ask(Question::UpdateMailservers) => {
                facts.update_mailservers = Some(has(rpc, "wakuext_updateMailservers").await?);
            }
            Step::Ask(Question::SetPinned) => {
                facts.set_pinned = Some(has(rpc, "wakuext_setPinnedMailservers").await?);
            }
            Step::Ask(Question::DisconnectActive) => {
                facts.disconnect_active = Some(has_active(rpc).await?);
            }
        }
    }
}

/// Whether a node has an active mailserver, asked with a parameter too many: without any it would lose it.
async fn has_active(rpc: &RpcClient) -> Result<bool, NodeError> {
    let method = "wakuext_disconnectActiveMailserver";
    exists(rpc.call::<IgnoredAny>(method, json!([false])).await)
}

/// Whether more is served than the settings: a node that is starting opens those first. Then everything else crashes for a
/// moment (seen on v0.94), or it has no other method at all, as a node without any lever would.
async fn has_started(rpc: &RpcClient, generation: Generation) -> Result<bool, NodeError> {
    let peers = rpc.call::<IgnoredAny>("wakuext_peers", json!([])).await;
    if exists(peers)? || generation != Generation::PerQuery {
        return Ok(true);
    }
    // With parameters that it never had: it is only to say that it has the method.
    let excess = json!([false, false]);
    exists(
        rpc.call::<IgnoredAny>("wakuext_requestAllHistoricMessages", excess)
            .await,
    )
}

/// Whether a node has a method, asked without its parameters.
async fn has(rpc: &RpcClient, method: &str) -> Result<bool, NodeError> {
    exists(rpc.call::<IgnoredAny>(method, json!([])).await)
}

fn exists<T>(answer: Result<T, NodeError>) -> Result<bool, NodeError> {
    match answer {
        Err(NodeError::UnknownMethod(_)) => Ok(false),
        Err(error) if error.is_absence() => Err(error),
        _ => Ok(true),
    }
}

/// Asks for a dial that cannot begin: a waku2 node misses the peer id, a waku1 node says that it is one. Nodes that
/// offer no dial are older than waku v2, and then they have `wakuext_updateMailservers`, or of mid-2026 and later.
async fn ask_network(rpc: &RpcClient) -> Result<Network, NodeError> {
    let answer = rpc
        .call::<Value>("wakuext_dialPeer", json!(["/ip4/127.0.0.1/tcp/1"]))
        .await;
    if matches!(&answer, Err(NodeError::Node { message, .. }) if message.contains("WakuV1")) {
        return Ok(Network::Waku1);
    }
    Ok(
        match exists(answer)? || !has(rpc, "wakuext_updateMailservers").await? {
            true => Network::Waku2,
            false => Network::Waku1,
        },
    )
}

/// How a node is driven by configuration, and what speaks against it.
pub(crate) fn obey(
    configured: ConfiguredMode,
    cluster: &Cluster,
) -> Option<(Driving, Option<&'static str>)> {
    let mode = match configured {
        ConfiguredMode::Auto => return None,
        ConfiguredMode::Waku1 => Mode::Waku1,
        ConfiguredMode::Waku2 => Mode::Waku2,
        ConfiguredMode::Pin => Mode::Pin,
        ConfiguredMode::Observe => Mode::Observe,
    };
    let network = match (mode, cluster.waku2) {
        (Mode::Waku1, _) | (Mode::Observe, Some(false)) => Network::Waku1,
        _ => Network::Waku2,
    };
    let doubt = match (mode, cluster.waku2, cluster.own_cycle) {
        (Mode::Waku1, Some(true), _) => Some("the node runs waku v2"),
        (Mode::Waku2 | Mode::Pin, Some(false), _) => Some("the node runs waku v1"),
        (Mode::Waku1 | Mode::Waku2, _, true) => {
            Some("the node's own mailserver cycle is switched on")
        }
        _ => None,
    };
    let driving = Driving {
        mode,
        generation: mode.generation(),
        network,
    };
    Some((driving, doubt))
}

/// Reads the node's configuration and finds out how to drive it.
///
/// # Errors
/// The node went away, or has not started yet.
pub(crate) async fn settle(
    rpc: &RpcClient,
    configured: ConfiguredMode,
    own_cycle: bool,
) -> Result<(Driving, Cluster, Option<&'static str>), NodeError> {
    let cluster = profile::cluster(rpc).await?;
    let (driving, doubt) = match obey(configured, &cluster) {
        // One that is only watched is still what it is.
        Some((watched, doubt)) if watched.mode == Mode::Observe => {
            let known = Cluster {
                waku2: Some(watched.network == Network::Waku2),
                ..cluster.clone()
            };
            let found = detect(rpc, &known, own_cycle).await?;
            let generation = found.generation;
            (
                Driving {
                    generation,
                    ..watched
                },
                doubt,
            )
        }
        Some(obeyed) => obeyed,
        None => (detect(rpc, &cluster, own_cycle).await?, None),
    };
    match has_started(rpc, driving.generation).await? {
        true => Ok((driving, cluster, doubt)),
        false => Err(NodeError::NotLoggedIn),
    }
}

#[cfg(test)]
#[path = "detect_tests.rs"]
mod tests;
