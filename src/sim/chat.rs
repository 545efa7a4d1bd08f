//! The chats of the node, one on each topic: how far each reaches.

use std::collections::BTreeMap;

use actors::model::{moment::Moment, topic::Topic};
use serde_json::{Value, json};

use super::gap::Gap;

/// What the node knows of one chat.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chat {
    /// Its history was asked for from then on.
    pub(crate) synced_from: Option<Moment>,
    /// Its history was asked for up to then.
    synced_to: Option<Moment>,
    /// Its newest message was sent then.
    newest: Option<Moment>,
}

/// The chats of all topics.
#[derive(Debug, Default)]
pub(crate) struct Chats(BTreeMap<Topic, Chat>);

/// The id of the chat on the topic of that number.
pub(crate) fn id(index: usize) -> String {
    match index {
        0 => "simulation".into(),
        _ => format!("simulation-{index}"),
    }
}

impl Chats {
    /// The chat on a topic.
    pub(crate) fn of(&self, topic: &Topic) -> Chat {
        self.0.get(topic).copied().unwrap_or_default()
    }

    /// A message of the chat arrived.
    pub(crate) fn received(&mut self, topic: &Topic, sent: Moment) {
        let chat = self.0.entry(topic.clone()).or_default();
        chat.newest = chat.newest.max(Some(sent));
    }

    /// A period was fetched; the gap between it and what was fetched before, if there is one.
    pub(crate) fn fetched(&mut self, topic: &Topic, from: Moment, to: Moment) -> Option<Gap> {
        let chat = self.0.entry(topic.clone()).or_default();
        let before = chat.synced_to.replace(to);
        let earliest = chat.synced_from.map_or(from, |earliest| earliest.min(from));
        chat.synced_from = Some(earliest);
        let before = before.filter(|before| *before < from)?;
        Some(Gap::new(topic, before, from))
    }

    /// The chat reaches further back.
    pub(crate) fn extended(&mut self, topic: &Topic, from: Moment) {
        let chat = self.0.entry(topic.clone()).or_default();
        chat.synced_from = Some(from);
    }
}

/// A chat as answers and signals carry it.
pub(crate) fn shown(index: usize, chat: Chat) -> Value {
    let id = id(index);
    let seconds = |at: Option<Moment>| at.map_or(0, |at| at.as_seconds());
    json!({
        "id": id,
        "name": id,
        "active": true,
        "chatType": 2,
        "lastClockValue": chat.newest.map_or(0, Moment::as_millis),
        "syncedTo": seconds(chat.synced_to),
        "syncedFrom": seconds(chat.synced_from),
    })
}
