//! The port to the node: orders that an adapter executes and answers, and what it tells of the node.

use std::collections::{BTreeMap, BTreeSet};

use actix::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{
    gap::{Chat, Gap},
    mailserver::{Identity, Mailserver},
    moment::Moment,
    node::{
        CommunityAnswer, Connectedness, Connection, HistoryAnswer, NodeError, NodeState, StorePeer,
    },
    topic::MarkedTopic,
};

/// The state of the node changed. Told first to the registry, last to the connector.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct NodeChanged(pub NodeState);

/// The adapter of the node died with the call, or is being restarted: the call may be repeated.
impl From<MailboxError> for NodeError {
    fn from(closed: MailboxError) -> Self {
        Self::Transport(closed.to_string())
    }
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
    /// One to be kept connected beside it, where a node can be told both at once ([`Mode::Waku1`](crate::model::node::Mode::Waku1)). Elsewhere it is
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

/// Fetch all history that was missed, from the active mailserver or from the one that the node picks.
#[derive(Message, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[rtype(result = "Result<HistoryAnswer, NodeError>")]
pub struct RequestHistory {
    /// Markers of the node that are later than this are set back to it first, and set again to what they were if the
    /// node answers that it did not fetch. A node that cannot be told so fetches what it would have fetched.
    pub since: Option<Moment>,
}

/// Ask the node for its topics with their markers.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "Result<Vec<MarkedTopic>, NodeError>")]
pub struct ReadTopics;

/// Have the node fill gaps of one chat. At least one, and only while a mailserver is active: anything else crashes the
/// call (recorded on 2024-10).
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "Result<(), NodeError>")]
pub struct FillGaps {
    /// The chat.
    pub chat: String,
    /// The ids of the messages that stand for the gaps.
    pub messages: Vec<String>,
}

/// Ask the node for its active chats.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "Result<Vec<Chat>, NodeError>")]
pub struct ReadChats;

/// Have the node fetch what was sent in a chat before its history begins: one more day or so. Answered with where it
/// begins now, where the node says so.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "Result<Option<Moment>, NodeError>")]
pub struct ExtendChat(pub String);

/// Messages reached the node, live or as history (`messages.new`, or the answer of a history request). Sent at most once
/// for each signal or answer.
#[derive(Message, Clone, Debug, Default, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct MessagesArrived {
    /// How many, those that stand for gaps not counted. 1 for a signal that is too long to be counted.
    pub messages: u64,
    /// The gaps among them: at most [`MOST_GAPS`](crate::model::gap::MOST_GAPS).
    pub gaps: Vec<Gap>,
}

/// Fetch the description of a community.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "Result<CommunityAnswer, NodeError>")]
pub struct RequestCommunity(pub String);

/// The peers that the node lists now: all of them, mailservers or not.
#[derive(Message, Clone, Debug, PartialEq, Eq, Default)]
#[rtype(result = "()")]
pub struct PeerSnapshot {
    /// Identities of all peers.
    pub peers: BTreeSet<Identity>,
    /// Those of them that say that they keep history: at most [`MOST_STORES`](crate::model::node::MOST_STORES), none on waku v1.
    pub stores: Vec<StorePeer>,
    /// The node's own verdict, where the signal carries one (`wakuv2.peerstats`).
    pub online: Option<bool>,
}

/// The node says how well it is connected (`waku.connection.status.change`, nodes since mid-2026). Sent to those that
/// are sent [`PeerSnapshot`]s, by nodes that send none of their own accord.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct ConnectionChanged(pub Connectedness);

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
    /// See [`ReadTopics`].
    pub read_topics: Recipient<ReadTopics>,
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

/// So many methods are counted each for itself; this program calls fewer.
pub const MOST_METHODS: usize = 64;

/// What the others are counted under.
pub const OTHER_METHODS: &str = "other";

/// What became of the calls of one method, those under way not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CallOutcomes {
    /// Answered with a result.
    pub ok: u64,
    /// The node answered that it cannot, or will not.
    pub error: u64,
    /// Not answered in time.
    pub timeout: u64,
    /// The node could not be reached, or what came back was no answer.
    pub unreachable: u64,
}

impl CallOutcomes {
    /// Counts a call that ended.
    pub fn count<T>(&mut self, outcome: &Result<T, NodeError>) {
        let count = match outcome {
            Ok(_) => &mut self.ok,
            Err(NodeError::Timeout(_)) => &mut self.timeout,
            Err(NodeError::Transport(_)) => &mut self.unreachable,
            Err(_) => &mut self.error,
        };
        *count += 1;
    }
}

/// What went over the wire to the node since the start of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Traffic {
    /// Calls sent.
    pub rpc_calls: u64,
    /// Calls that failed, for whatever reason.
    pub rpc_failures: u64,
    /// Calls that were sent and neither ended nor were given up.
    pub rpc_under_way: usize,
    /// What became of the calls, by method or endpoint: at most [`MOST_METHODS`] of them, the rest under
    /// [`OTHER_METHODS`].
    #[schemars(
        description = "What became of the calls, by method or endpoint: at most 64 of them, the rest under `other`."
    )]
    pub rpc: BTreeMap<String, CallOutcomes>,
    /// Signals received, wanted or not.
    pub signals: u64,
    /// Signals nobody here needs, skipped unparsed.
    pub signals_skipped: u64,
    /// Frames that are not signals, or wanted ones that could not be read.
    pub signals_malformed: u64,
    /// Signals that wait to be delivered, one by one: at most 1,000. New messages and peer tables are merged instead.
    pub signals_waiting: usize,
    /// Whether signals arrive now (a socket is open; always so for `poll` and `push`).
    pub signals_open: bool,
}
