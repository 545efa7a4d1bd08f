//! What mailservers hold: the auditor has an adapter ask them by the store protocol, hashes only.

use actix::prelude::*;

use crate::model::{
    mailserver::Mailserver,
    moment::Period,
    probe::ProbeFailure,
    topic::{MessageHash, Topic},
};

/// Ask a mailserver which messages it holds (`/vac/waku/store-query/3.0.0`), all pages of it. Answered by an adapter.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "Result<StoreAnswer, FailedQuery>")]
pub struct QueryStore {
    /// Whom.
    pub mailserver: Mailserver,
    /// On which topics: at least one, at most [`MOST_CONTENT_TOPICS`](crate::model::topic::MOST_CONTENT_TOPICS), all on
    /// one pubsub topic.
    pub topics: Vec<Topic>,
    /// Sent when: at most 24 hours.
    pub period: Period,
    /// How much is wanted.
    pub extent: Extent,
    /// The most payload bytes, both directions: what is over is not asked for.
    pub most_bytes: u64,
}

/// How much of an answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All hashes.
    All,
    /// Whether there is anything at all: one hash.
    Any,
}

/// What a mailserver holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreAnswer {
    /// The hashes of the messages, in no particular order.
    pub hashes: Vec<MessageHash>,
    /// Payload bytes on the wire, both directions, the dial included.
    pub bytes: u64,
    /// Pages that were asked for.
    pub pages: u32,
    /// It holds more than was asked for: the bytes were used up, or one hash was enough.
    pub more: bool,
}

/// A query without an answer, and what it had cost by then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct FailedQuery {
    /// Why.
    pub why: StoreFailure,
    /// Payload bytes on the wire until it failed, both directions, the dial included; `None` if nobody counted.
    pub bytes: Option<u64>,
    /// Pages that were asked for, the one that failed too.
    pub pages: u32,
}

impl FailedQuery {
    /// One whose cost nobody knows.
    #[must_use]
    pub fn uncounted(why: StoreFailure) -> Self {
        Self {
            why,
            bytes: None,
            pages: 1,
        }
    }
}

/// One that failed before anything was sent.
impl From<StoreFailure> for FailedQuery {
    fn from(why: StoreFailure) -> Self {
        Self {
            why,
            bytes: Some(0),
            pages: 0,
        }
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreFailure {
    /// It does not speak this protocol.
    #[error("it does not speak store version 3")]
    Unsupported,
    /// It is asked too often, or too busy (429, 503): not now.
    #[error("{0}")]
    Busy(String),
    /// It refused the query.
    #[error("{0}")]
    Refused(String),
    /// It could not be reached.
    #[error("{0}")]
    Unreachable(#[from] ProbeFailure),
    /// It broke the protocol, or broke off.
    #[error("broken answer: {0}")]
    Broken(String),
}
