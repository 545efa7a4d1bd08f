//! History: the connector and the history requester tell each other when it can be asked for and whether it
//! came; users have it asked for.

use std::time::Duration;

use actix::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{
    mailserver::{Identity, Mailserver},
    moment::Moment,
};

/// The active mailserver does not answer history requests. Sent by the history requester.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct MailserverFailing {
    /// Which.
    pub identity: Identity,
    /// What happened, for people.
    pub reason: String,
}

/// A mailserver answered a history request. Sent by the history requester.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct MailserverServed(pub Identity);

/// A history request is under way, or none any more. Sent by the history requester.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct HistoryUnderWay(pub bool);

/// Whom the node asks when it is told to fetch history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The active mailserver.
    Active {
        /// Which.
        mailserver: Mailserver,
        /// The node asks by itself after a change: ask only if it did not.
        node_asks_itself: bool,
    },
    /// Whichever it picks for each query: nobody knows which.
    Picked,
}

impl Source {
    /// The mailserver that answers or fails, where that is known.
    #[must_use]
    pub fn mailserver(&self) -> Option<&Mailserver> {
        match self {
            Self::Active { mailserver, .. } => Some(mailserver),
            Self::Picked => None,
        }
    }
}

/// History can be asked for, and is owed. Sent by the connector: a mailserver was connected, or, to a node that picks
/// one for each query, something may have been missed.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct MailserverAvailable {
    /// Whom the node asks.
    pub source: Source,
    /// How long we wait before we ask: many others are about to ask the same mailserver.
    pub pause: Duration,
    /// How far back the node has to be made to go first. The connector does not know; the journal, through which this
    /// goes to the history requester, does.
    pub since: Option<Moment>,
}

/// No mailserver can be asked any more. Sent by the connector.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct MailserverGone;

/// Request missed history now, whatever was answered before.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct RequestNow;

/// Queue a community info request; answered once it is in the queue.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "Result<(), QueueError>")]
pub struct QueueCommunity(pub String);

/// Why a community was not queued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The id is not a compressed public key in hex (`0x02…` or `0x03…`, 66 digits).
    #[error("community id {0:?} is not 0x and 66 hex digits beginning with 02 or 03")]
    BadId(String),
    /// Too many are waiting.
    #[error("{0} community requests wait already")]
    Full(usize),
}

/// A community that waits, as it is kept across restarts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptCommunity {
    /// Its id.
    pub id: String,
    /// When it was queued.
    pub queued: Moment,
    /// How often it was asked for in vain.
    pub tries: u32,
}

/// These communities wait, and no others: keep them across restarts. Sent by the history requester at each change;
/// answered by an adapter.
#[derive(Message, Clone, Debug, Default, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct KeepCommunities(pub Vec<KeptCommunity>);

/// The state, for the status page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "RequestStatus")]
pub struct Status {
    /// History is owed: a connection was made or a request accepted, and no answer came yet.
    pub owed: bool,
    /// Requests that were answered.
    pub completed: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Communities still waiting.
    pub communities: Vec<CommunityProgress>,
    /// Why the last try failed, for people; `None` after a success.
    pub last_failure: Option<String>,
}

/// How it goes with a community that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CommunityProgress {
    /// Its id.
    pub id: String,
    /// How often it was asked for in vain.
    pub tries: u32,
    /// When it was queued; `None` before the wall clock was read.
    #[serde(rename = "queued_ms")]
    pub queued: Option<Moment>,
    /// When it may be asked for again, if there is a mailserver then and no history is owed.
    #[serde(rename = "next_try_ms")]
    pub next_try: Option<Moment>,
    /// What the last try came to: `unknown` if the node answered nothing, which it also does for one that it asked for
    /// before; else the error. `None` before the first.
    pub last: Option<String>,
}

/// Ask for it.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Status")]
pub struct GetStatus;
