//! The port to the node: what the actors ask of it, and what it tells them.
//!
//! An adapter answers these messages; the actors do not know by which protocol, in which mode.

use std::collections::BTreeSet;

use actix::prelude::*;
use serde::{Deserialize, Serialize};

use crate::model::{
    address::Address,
    mailserver::{Identity, Mailserver},
};

/// How a node is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// What a logged-in node told about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// How it is driven.
    pub mode: Mode,
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

/// The state of the node changed. Told first to the registry, last to the connector.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct NodeChanged(pub NodeState);

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

/// The adapter of the node died with the call, or is being restarted: the call may be repeated.
impl From<MailboxError> for NodeError {
    fn from(closed: MailboxError) -> Self {
        Self::Transport(closed.to_string())
    }
}

/// How far a connect call got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// The node is connected to it.
    Connected,
    /// The node was told; it is connected when a [`PeerSnapshot`] lists it.
    Pending,
}

/// Make the node use a mailserver: dial it if need be, then set it.
///
/// One that is overtaken by a newer one while it dials sets nothing any more: it ends with
/// [`NodeError::Superseded`].
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "Result<Connection, NodeError>")]
pub struct Connect {
    /// The one to be used.
    pub mailserver: Mailserver,
    /// One to be kept connected beside it, where a node can be told both at once ([`Mode::Waku1`]). Elsewhere it is
    /// [introduced](Introduce).
    pub standby: Option<Mailserver>,
}

/// Make the node know a mailserver as a peer, without using it: the proof that it lives, and the way to keep a
/// standby connected. Nothing is sent if the node lists it.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "Result<Connection, NodeError>")]
pub struct Introduce(pub Mailserver);

/// Drop a mailserver as a peer. Never to be counted on: a silent no-op on waku2, v0.94.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "Result<(), NodeError>")]
pub struct DropPeer(pub Mailserver);

/// Ask the node for its peers; the answer goes to the peer tracker as a [`PeerSnapshot`].
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct RefreshPeers;

/// Fetch all history that was missed, from the active mailserver.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "Result<HistoryAnswer, NodeError>")]
pub struct RequestHistory;

/// What a history request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryAnswer {
    /// The node asked its mailserver and was answered.
    Done {
        /// Messages in the answer itself (gap messages are there); most arrive as `messages.new`.
        messages: usize,
    },
    /// `null` without error: nothing was asked (no mailserver, no peer, mailservers switched off).
    NothingDone,
}

/// Fetch the description of a community.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "Result<CommunityAnswer, NodeError>")]
pub struct RequestCommunity(pub String);

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

/// The peers that the node lists now: all of them, mailservers or not.
#[derive(Message, Clone, Debug, PartialEq, Eq, Default)]
#[rtype(result = "()")]
pub struct PeerSnapshot {
    /// Identities of all peers.
    pub peers: BTreeSet<Identity>,
    /// Those of them that say that they keep history: at most [`MOST_STORES`], none on waku v1.
    pub stores: Vec<StorePeer>,
    /// The node's own verdict, where the signal carries one (`wakuv2.peerstats`).
    pub online: Option<bool>,
}

/// A history request of the node itself went on (`history.request.*`).
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub enum HistorySignal {
    /// It began. In 2024 it carries no id.
    Started,
    /// It was answered.
    Completed,
    /// The mailserver failed it.
    Failed {
        /// The node's text.
        reason: String,
    },
}

/// The node says that it uses another mailserver now (`mailserver.changed`, nodes with a cycle of
/// their own). `None`: none.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct NodeSwitched {
    /// Its identity, where the address of the signal gives one.
    pub identity: Option<Identity>,
    /// Its id (2024), empty or absent before.
    pub id: Option<String>,
}

/// The messages of this port, as an actor is given them.
#[derive(Clone)]
pub struct NodePort {
    /// See [`Connect`].
    pub connect: Recipient<Connect>,
    /// See [`Introduce`].
    pub introduce: Recipient<Introduce>,
    /// See [`DropPeer`].
    pub drop_peer: Recipient<DropPeer>,
    /// See [`RefreshPeers`].
    pub refresh_peers: Recipient<RefreshPeers>,
    /// See [`RequestHistory`].
    pub request_history: Recipient<RequestHistory>,
    /// See [`RequestCommunity`].
    pub request_community: Recipient<RequestCommunity>,
}

/// Signals that the host application forwards (`node.signals = "push"`): each the JSON text of one.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct PushSignals(pub Vec<String>);

/// Ask the adapter what went over the wire.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Traffic")]
pub struct GetTraffic;

/// What went over the wire to the node since the start of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Calls sent.
    pub rpc_calls: u64,
    /// Calls that failed, for whatever reason.
    pub rpc_failures: u64,
    /// Signals received, wanted or not.
    pub signals: u64,
    /// Signals nobody here needs, skipped unparsed.
    pub signals_skipped: u64,
    /// Frames that are not signals, or wanted ones that could not be read.
    pub signals_malformed: u64,
    /// Whether signals arrive now (a socket is open; always so for `poll` and `push`).
    pub signals_open: bool,
}
