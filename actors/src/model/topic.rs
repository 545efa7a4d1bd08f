//! Topics: what a node listens to, and the hashes of the messages that were sent there.

use serde::{Deserialize, Serialize};

use crate::model::moment::Moment;

/// The most content topics of one store query (13/WAKU2-STORE version 3): nwaku checks it only once a cursor is set, so
/// that eleven pass on the first page and fail on the second.
pub const MOST_CONTENT_TOPICS: usize = 10;

/// A content topic on its pubsub topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic {
    /// The pubsub topic, such as `/waku/2/rs/16/32`.
    pub pubsub: String,
    /// The content topic, such as `/waku/1/0x77739787/rfc26`.
    pub content: String,
}

/// A topic of the node with its marker (`mailservers_getMailserverTopics`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedTopic {
    /// Which.
    pub topic: Topic,
    /// The node asks for what was sent after that (`last-request`).
    pub last_request: Moment,
}

/// The deterministic hash of a message (14/WAKU2-MESSAGE).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageHash(pub [u8; 32]);
