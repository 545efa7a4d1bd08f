//! What reaches a mailserver, and whether it keeps it.

use tokio::sync::mpsc::error::TrySendError;

use super::{mailserver::Mailserver, message::Message, wire::Reply};

impl Mailserver {
    /// Whether it is told what is sent.
    pub(crate) fn hears(&self) -> bool {
        self.is_live() && !self.keeping.deaf.get()
    }

    /// Whether it holds a message, or will in a moment.
    pub(crate) fn will_hold(&self, sequence: u64) -> bool {
        let coming = self.keeping.coming.borrow().contains(&sequence);
        coming || self.held().contains_key(&sequence)
    }

    /// Keeps a message.
    pub(crate) fn keep(&self, sequence: u64, message: Message) {
        self.messages.borrow_mut().insert(sequence, message);
    }

    /// Passes a message on to the nodes that are connected.
    pub(crate) fn relay(&self, sequence: u64, message: &Message) {
        self.live.borrow_mut().retain(|node| {
            let message = Reply::Message {
                query: None,
                sequence,
                message: message.clone(),
            };
            !matches!(node.try_send(message), Err(TrySendError::Closed(_)))
        });
    }

    /// Keeps the description of a community.
    pub(crate) fn publish_community(&self, id: &str, name: &str) {
        let mut communities = self.communities.borrow_mut();
        communities.insert(id.to_owned(), name.to_owned());
    }
}
