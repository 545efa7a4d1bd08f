//! The node: how it is driven, what it says of itself, how a call to it fails.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{address::Address, mailserver::Identity};

/// How a node is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// status-go up to v0.95, waku v1.
    Waku1,
    /// status-go v0.88.4 – v0.95, waku v2.
    Waku2,
    /// Nodes with a mailserver cycle of their own: the pin is the lever.
    Pin,
    /// No lever: watch, report, bring the node online, request.
    Observe,
}

/// Which mailserver a node asks for history, by its generation: told by what it answers, not by its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Generation {
    /// Up to v0.95 (2022): the one that it was told to use.
    Classic,
    /// 2022-03 – mid-2026: the one that its own cycle has made the active one.
    OwnCycle,
    /// Since mid-2026 (status-go pull request 7532): it picks one for each query. There is no active one.
    PerQuery,
}

/// How well a node says that it is connected (`waku.connection.status.change`, since mid-2026). It says so at changes
/// only, the first time shortly after its messenger was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Connectedness {
    /// It has no peer.
    Disconnected,
    /// It has peers, but they do not pass messages on reliably: some may be missed.
    PartiallyConnected,
    /// It has peers. Light clients say so at any connectivity.
    Connected,
}

/// What a logged-in node told about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// How it is driven.
    pub mode: Mode,
    /// Which mailserver it asks.
    pub generation: Generation,
    /// The fleet of its setting, else of its cluster configuration; `None` where neither is known.
    pub fleet: Option<String>,
    /// The custom mailservers saved in it, of all fleets.
    pub saved: Vec<SavedMailserver>,
    /// The user's pin for that fleet: an id, an enode, a peer id or a multiaddr.
    /// In [`Mode::Pin`] never the pin that the sidecar itself set.
    pub pinned: Option<String>,
    /// The user's "use mailservers" switch.
    pub use_mailservers: bool,
}

/// A custom mailserver as it is saved in the node, in the configuration or in the state directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedMailserver {
    /// A unique id.
    pub id: String,
    /// For people; the id if empty.
    #[serde(default)]
    pub name: String,
    /// An enode, a multiaddr or an ENR.
    pub address: String,
    /// The fleet for which it is used.
    pub fleet: String,
}

/// Whether the node can be driven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum NodeState {
    /// No answer, or none that makes sense.
    Unreachable {
        /// Why, for people.
        reason: String,
    },
    /// It runs, but no account is logged in.
    LoggedOut,
    /// Logged in and understood.
    Ready {
        /// What it told.
        profile: Profile,
    },
}

/// What a call to the node came to, when it failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeError {
    /// The node could not be reached, or what came back is not JSON-RPC.
    #[error("transport: {0}")]
    Transport(String),
    /// No answer within the limit.
    #[error("no answer within {0:?}")]
    Timeout(std::time::Duration),
    /// No account is logged in.
    #[error("not logged in")]
    NotLoggedIn,
    /// The node does not have the method (`-32601`).
    #[error("unknown method: {0}")]
    UnknownMethod(String),
    /// The node has the method but wants other parameters (`-32602`).
    #[error("bad parameters: {0}")]
    BadParameters(String),
    /// The node tried and failed (`-32000` and the rest).
    #[error("node error {code}: {message}")]
    Node {
        /// The JSON-RPC error code.
        code: i64,
        /// The text of the node.
        message: String,
    },
    /// The node refused without trying, because an earlier dial failed (libp2p's `dial backoff`).
    /// It says nothing about the mailserver.
    #[error("dial backoff")]
    DialBackoff,
    /// The node accepted a pin and then did something else (recorded on status-go 2024-10).
    #[error("the node ignored the pin: {0}")]
    PinIgnored(String),
    /// A newer request of the same kind took its place.
    #[error("superseded by a newer request")]
    Superseded,
    /// The mode has no lever for this.
    #[error("not possible in this mode")]
    NotPossible,
}

/// Whose fault a failed call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The node is away or not usable: nothing else will work either.
    Node,
    /// The mailserver did not do its part.
    Mailserver,
    /// Neither can be blamed, but trying the same again at once is useless.
    Nobody,
}

impl Mode {
    /// The generation of the nodes that are driven like that, where nothing else is known of them.
    #[must_use]
    pub fn generation(self) -> Generation {
        match self {
            Self::Waku1 | Self::Waku2 => Generation::Classic,
            Self::Pin | Self::Observe => Generation::OwnCycle,
        }
    }
}

impl Connectedness {
    /// Whether it has peers.
    #[must_use]
    pub fn is_online(self) -> bool {
        self != Self::Disconnected
    }
}

impl NodeError {
    /// Whose fault it is, if the call was about a mailserver.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Node { .. } | Self::Timeout(_) => Blame::Mailserver,
            Self::DialBackoff | Self::PinIgnored(_) | Self::Superseded => Blame::Nobody,
            Self::Transport(_)
            | Self::NotLoggedIn
            | Self::UnknownMethod(_)
            | Self::BadParameters(_)
            | Self::NotPossible => Blame::Node,
        }
    }

    /// Whether it may mean that nobody is there to be asked anything: the node is away or hangs, or no
    /// account is logged in. Any other error is the answer of a node that can be used.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::Transport(_) | Self::Timeout(_) | Self::NotLoggedIn
        )
    }
}

/// How far a connect call got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// The node is connected to it.
    Connected,
    /// The node was told; it is connected when its list of peers has it.
    Pending,
}

/// What a history request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryAnswer {
    /// The node asked its mailserver and was answered.
    Done {
        /// Messages in the answer itself (gap messages are there); most arrive as `messages.new`.
        messages: usize,
        /// The node was made to go back as far as it was wanted to; true if nothing was wanted.
        rewound: bool,
    },
    /// `null` without error: nothing was asked (no mailserver, no peer, mailservers switched off).
    NothingDone,
}

/// What a community request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CommunityAnswer {
    /// The node has it now.
    Found,
    /// `null`: the mailserver does not have it, or the node asked for it before (v0.94 waku2 answers
    /// null from then on).
    Unknown,
}

/// A peer of the node that says that it speaks a store protocol. It may not keep any history, or none of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorePeer {
    /// Who.
    pub identity: Identity,
    /// The best of the addresses that the node lists, else the [bare one](Address::of_peer).
    pub address: Address,
}

/// The most [`StorePeer`]s of one snapshot: the first ones, in the order of the node's list.
pub const MOST_STORES: usize = 64;
