//! Gaps: a node puts a message of its own where it knows that others are missing (recorded on v0.94).

use std::collections::BTreeMap;

use actors::model::{moment::Moment, topic::Topic};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::message::hexadecimal;

/// A place in a chat where messages are missing, in whole seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) topic: Topic,
    from: u64,
    to: u64,
}

impl Gap {
    /// Between two moments: rounded, so that nothing between them is left out.
    pub(crate) fn new(topic: &Topic, from: Moment, to: Moment) -> Self {
        Self {
            topic: topic.clone(),
            from: from.as_seconds(),
            to: to.as_millis().div_ceil(1000),
        }
    }

    /// When it begins.
    pub(crate) fn from(&self) -> Moment {
        Moment::from_seconds(self.from)
    }

    /// When it ends.
    pub(crate) fn to(&self) -> Moment {
        Moment::from_seconds(self.to)
    }

    /// The id of the message that stands for it.
    fn id(&self) -> String {
        let text = format!("{}-{}-{}", self.topic.content, self.from, self.to);
        hexadecimal(&Sha256::digest(text))
    }

    /// The message that stands for it.
    pub(crate) fn shown(&self, chat: &str) -> Value {
        json!({
            "id": self.id(),
            "chatId": chat,
            "localChatId": chat,
            "text": "Gap message",
            "clock": self.from * 1000,
            "gapParameters": {"from": self.from, "to": self.to},
            "contentType": 10,
            "messageType": 6,
        })
    }
}

/// The gaps that the node knows of.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    open: BTreeMap<String, Gap>,
    /// Those that go into whatever is told next.
    untold: Vec<Gap>,
}

impl Gaps {
    /// A gap came to be.
    pub(crate) fn open(&mut self, gap: &Gap) {
        self.open.insert(gap.id(), gap.clone());
    }

    /// A gap came to be that is to be told with whatever is told next.
    pub(crate) fn open_untold(&mut self, gap: Gap) {
        self.open(&gap);
        self.untold.push(gap);
    }

    /// Those that are to be told now.
    pub(crate) fn take_untold(&mut self) -> Vec<Gap> {
        std::mem::take(&mut self.untold)
    }

    /// The gaps with these ids; unknown ids are ignored.
    pub(crate) fn find(&self, ids: &[String]) -> Vec<Gap> {
        let found = ids.iter().filter_map(|id| self.open.get(id));
        found.cloned().collect()
    }

    /// Gaps were filled.
    pub(crate) fn close(&mut self, ids: &[String]) {
        for id in ids {
            self.open.remove(id);
        }
    }
}
