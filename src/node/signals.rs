//! Signals: which ones are needed, told from their first bytes, and what they say.
//!
//! A signal is `{"type":"…","event":…}`. Go always writes the type first, so that most signals (wallets, tokens:
//! megabytes of them) are known as foreign before anything else is looked at.

use std::borrow::Cow;

use actors::{
    messages::node::{HistorySignal, MessagesArrived, NodeSwitched, PeerSnapshot},
    model::{address::Network, node::Connectedness},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::node::{
    arrivals::Tally,
    login_signal,
    peers::{EnodePeers, IdPeers, named_identity},
};

/// How many bytes of a signal may be needed to see its type.
pub const HEAD: usize = 512;

/// Up to this many bytes are read of a signal whose type is not its first member: a host application that
/// writes its own JSON may do that.
pub(crate) const LONGEST_UNORDERED: usize = 64 * 1024;

/// The longest needed signal, in bytes: a peer table of 10,000 peers. Longer ones are skipped and counted.
pub const LONGEST_SIGNAL: usize = 4 * 1024 * 1024;

/// The longest `messages.new` that is read, in bytes; recorded ones have a few thousand. Of a longer one it is only told
/// that it arrived.
pub const LONGEST_MESSAGES: usize = 1024 * 1024;

/// The signals that are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `discovery.summary`: the peers of waku1. Never sent by a node without discovery.
    DiscoverySummary,
    /// `wakuv2.peerstats`: the peers of waku2.
    PeerStats,
    /// `waku.connection.status.change`: nodes since mid-2026, in the place of the peers.
    ConnectionStatus,
    /// `history.request.started`.
    HistoryStarted,
    /// `history.request.completed`.
    HistoryCompleted,
    /// `history.request.failed`.
    HistoryFailed,
    /// `mailserver.changed`: only nodes with a cycle of their own.
    MailserverChanged,
    /// `messages.new`: messages reached the node, live or as history.
    MessagesNew,
    /// `node.login`: a login succeeded or failed.
    NodeLogin,
    /// `node.ready`.
    NodeReady,
    /// `node.stopped` or `node.crashed`.
    NodeStopped,
}

impl Kind {
    fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"discovery.summary" => Self::DiscoverySummary,
            b"wakuv2.peerstats" => Self::PeerStats,
            b"waku.connection.status.change" => Self::ConnectionStatus,
            b"history.request.started" => Self::HistoryStarted,
            b"history.request.completed" => Self::HistoryCompleted,
            b"history.request.failed" => Self::HistoryFailed,
            b"mailserver.changed" => Self::MailserverChanged,
            b"messages.new" => Self::MessagesNew,
            b"node.login" => Self::NodeLogin,
            b"node.ready" => Self::NodeReady,
            b"node.stopped" | b"node.crashed" => Self::NodeStopped,
            _ => return None,
        })
    }

    /// How long it may be to be read, in bytes.
    pub(crate) fn longest(self) -> usize {
        match self {
            Self::MessagesNew => LONGEST_MESSAGES,
            _ => LONGEST_SIGNAL,
        }
    }

    /// Whether one that is too long to be read still says something.
    pub(crate) fn tells_unread(self) -> bool {
        self == Self::MessagesNew
    }

    /// Of a table of peers, which ones: a newer table replaces it.
    pub(crate) fn peers_of(self) -> Option<Network> {
        match self {
            Self::DiscoverySummary => Some(Network::Waku1),
            Self::PeerStats => Some(Network::Waku2),
            _ => None,
        }
    }
}

/// What the first bytes of a signal tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peek {
    /// Not enough of them yet.
    NeedMore,
    /// It is needed.
    Wanted(Kind),
    /// Nobody here needs it.
    Foreign,
    /// An object whose first member is not the type.
    Unordered,
    /// Not a signal.
    Malformed,
}

/// Looks at the first bytes of a signal.
#[must_use]
pub fn peek(head: &[u8]) -> Peek {
    match peek_type(head) {
        Ok(name) => Kind::of(name).map_or(Peek::Foreign, Peek::Wanted),
        Err(Peek::NeedMore) if head.len() >= HEAD => Peek::Malformed,
        Err(peek) => peek,
    }
}

fn peek_type(head: &[u8]) -> Result<&[u8], Peek> {
    let rest = expect(head, b'{', Peek::Malformed)?;
    let rest = expect(rest, b'"', Peek::Malformed)?;
    let (key, rest) = text(rest)?;
    if key != b"type" {
        return Err(Peek::Unordered);
    }
    let rest = expect(rest, b':', Peek::Malformed)?;
    let rest = expect(rest, b'"', Peek::Malformed)?;
    Ok(text(rest)?.0)
}

fn expect(text: &[u8], byte: u8, otherwise: Peek) -> Result<&[u8], Peek> {
    match text.trim_ascii_start() {
        [] => Err(Peek::NeedMore),
        [first, rest @ ..] if *first == byte => Ok(rest),
        _ => Err(otherwise),
    }
}

/// Up to the next quotation mark. An escaped one cuts the name short, which makes it foreign: rightly so.
fn text(rest: &[u8]) -> Result<(&[u8], &[u8]), Peek> {
    let end = rest
        .iter()
        .position(|byte| *byte == b'"')
        .ok_or(Peek::NeedMore)?;
    Ok((&rest[..end], &rest[end + 1..]))
}

/// What a needed signal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The node's peers now.
    Peers(PeerSnapshot),
    /// How well the node is connected now.
    Connection(Connectedness),
    /// A history request went on.
    History(HistorySignal),
    /// The node uses another mailserver.
    Switched(NodeSwitched),
    /// Messages reached the node; `None` if it came with none, but with other news.
    Messages(Option<MessagesArrived>),
    /// An account logged in.
    LoggedIn,
    /// A login failed: nobody is logged in by it.
    LoginFailed {
        /// The node's text.
        reason: String,
    },
    /// The node has started for an account: its login goes on.
    NodeReady,
    /// The node stopped.
    Stopped,
}

/// A signal that should have been readable and was not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("signal not readable: {0}")]
pub struct Unreadable(String);

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(default, borrow)]
    event: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct PeerStats {
    #[serde(rename = "isOnline", default)]
    online: Option<bool>,
    /// Null is an empty table; a signal without any says nothing about peers.
    peers: IdPeers,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct New {
    messages: Tally,
}

#[derive(Deserialize)]
struct ConnectionStatus {
    status: Connectedness,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure {
    #[serde(rename = "errorMessage")]
    reason: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Changed {
    address: Option<String>,
    id: Option<String>,
}

/// Reads a signal; `None` if nobody needs it.
///
/// # Errors
/// It is not a signal, or a needed one of another shape than any recorded.
pub fn read(signal: &[u8]) -> Result<Option<Signal>, Unreadable> {
    if peek(signal) == Peek::Foreign {
        return Ok(None);
    }
    let Envelope { kind, event } = serde_json::from_slice(signal)?;
    let Some(kind) = Kind::of(kind.as_bytes()) else {
        return Ok(None);
    };
    let event = event.map_or("null", RawValue::get);
    Ok(Some(match kind {
        Kind::DiscoverySummary => {
            let peers: EnodePeers = serde_json::from_str(event)?;
            Signal::Peers(peers.into())
        }
        Kind::PeerStats => {
            let stats: PeerStats = serde_json::from_str(event)?;
            Signal::Peers(PeerSnapshot {
                online: stats.online,
                ..stats.peers.into()
            })
        }
        Kind::ConnectionStatus => {
            Signal::Connection(serde_json::from_str::<ConnectionStatus>(event)?.status)
        }
        Kind::HistoryStarted => Signal::History(HistorySignal::Started),
        Kind::HistoryCompleted => Signal::History(HistorySignal::Completed),
        Kind::HistoryFailed => {
            let reason = nullable::<Failure>(event)?
                .reason
                .chars()
                .take(500)
                .collect();
            Signal::History(HistorySignal::Failed { reason })
        }
        Kind::MailserverChanged => Signal::Switched(switched(nullable(event)?)),
        Kind::MessagesNew => Signal::Messages(nullable::<New>(event)?.messages.arrived()),
        Kind::NodeLogin => match login_signal::read(event) {
            Ok(()) => Signal::LoggedIn,
            Err(reason) => Signal::LoginFailed { reason },
        },
        Kind::NodeReady => Signal::NodeReady,
        Kind::NodeStopped => Signal::Stopped,
    }))
}

/// The kind of a signal whose type does not come first; `None` if it is not needed or not a signal.
pub(crate) fn kind_of(signal: &[u8]) -> Option<Kind> {
    let Envelope { kind, .. } = serde_json::from_slice(signal).ok()?;
    Kind::of(kind.as_bytes())
}

fn nullable<'a, T: Deserialize<'a> + Default>(event: &'a str) -> Result<T, serde_json::Error> {
    serde_json::from_str::<Option<T>>(event).map(Option::unwrap_or_default)
}

/// 2022: `{"address"}`, an enode or a peer id, empty for none. 2024: `{"address","id"}`, a multiaddr, null
/// for none.
fn switched(changed: Changed) -> NodeSwitched {
    NodeSwitched {
        identity: changed.address.as_deref().and_then(named_identity),
        id: changed.id.filter(|id| !id.is_empty()),
    }
}

#[cfg(test)]
#[path = "signals_tests.rs"]
mod tests;
