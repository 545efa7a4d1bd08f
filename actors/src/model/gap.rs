//! Gaps: places in a chat of which the node knows that messages are missing.

use crate::model::moment::Period;

/// A gap as the node tells of it: a message of content type 10 that stands for those that are missing (recorded on
/// v0.94).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The chat in which it is.
    pub chat: String,
    /// The id of the message that stands for it.
    pub message: String,
    /// What is missing, where the node says so (`gapParameters`, in seconds since 1970).
    pub period: Option<Period>,
}

/// The most gaps that are taken from one signal or answer; further ones are told again with the next history.
pub const MOST_GAPS: usize = 256;

/// A chat, as far as its history is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// Its id.
    pub id: String,
    /// Its history is there from then on (`syncedFrom`); `None` if the node keeps no such marker for it.
    pub synced_from: Option<crate::model::moment::Moment>,
    /// Its newest message (`lastClockValue`, in milliseconds since 1970); 0 if it has none.
    pub last_message_ms: u64,
}
