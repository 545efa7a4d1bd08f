//! A message as mailservers keep it.

use actors::model::{
    moment::Moment,
    topic::{MessageHash, Topic},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A message. Beside it goes the sequence number under which it was sent, which identifies it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) text: String,
    /// When it was sent, by the clock of the simulation.
    pub(crate) sent: Moment,
    #[serde(with = "TopicLine")]
    pub(crate) topic: Topic,
}

impl Message {
    /// Its id as an app is told it.
    pub(crate) fn id(&self, sequence: u64) -> String {
        let MessageHash(hash) = self.hash(sequence);
        hexadecimal(&hash)
    }

    /// What identifies it to a store. Made of what real hashes are made of (14/WAKU2-MESSAGE); the sequence number goes
    /// with the payload, so that the same text can be sent twice.
    pub(crate) fn hash(&self, sequence: u64) -> MessageHash {
        let nanoseconds = self.sent.as_millis().saturating_mul(1_000_000);
        let mut hash = Sha256::new();
        hash.update(&self.topic.pubsub);
        hash.update(sequence.to_be_bytes());
        hash.update(&self.text);
        hash.update(&self.topic.content);
        hash.update(nanoseconds.to_be_bytes());
        MessageHash(hash.finalize().into())
    }
}

/// An id as an app is told it.
pub(crate) fn hexadecimal(id: &[u8]) -> String {
    let digits = id.iter().map(|byte| format!("{byte:02x}"));
    format!("0x{}", digits.collect::<String>())
}

/// How a topic goes over the wire.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Topic")]
struct TopicLine {
    pubsub: String,
    content: String,
}
