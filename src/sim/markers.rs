//! The markers of the node's topics: up to when history was asked for.
//!
//! Rows as `mailservers_getMailserverTopics` lists them (recorded on 2024-10; v0.94 has no pubsub topic in them).

use actors::model::{moment::Moment, topic::Topic};
use serde_json::{Value, json};

/// The pubsub topics that rows leave out: of nodes with shards, and of those without.
const USUAL: [&str; 2] = ["/waku/2/rs/16/32", "/waku/2/default-waku/proto"];

/// What identifies a row.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    pubsub: String,
    topic: String,
}

impl Key {
    fn of(topic: &Topic) -> Self {
        // `/waku/1/0x77739787/rfc26` is listed as `0x77739787`.
        let short = topic.content.split('/').find(|part| part.starts_with("0x"));
        let usual = USUAL.contains(&topic.pubsub.as_str());
        Self {
            pubsub: if usual {
                String::new()
            } else {
                topic.pubsub.clone()
            },
            topic: short.unwrap_or(&topic.content).to_owned(),
        }
    }
}

#[derive(Clone, Debug)]
struct Row {
    key: Key,
    discovery: bool,
    negotiated: bool,
    chat_ids: Value,
    last_request: Moment,
}

/// The table. A topic has no row before it was asked for.
#[derive(Debug, Default)]
pub(crate) struct Markers(Vec<Row>);

impl Markers {
    /// Up to when the topic was asked for.
    pub(crate) fn of(&self, topic: &Topic) -> Option<Moment> {
        let key = Key::of(topic);
        let row = self.0.iter().find(|row| row.key == key);
        row.map(|row| row.last_request)
    }

    /// The topic was asked for until then.
    pub(crate) fn set(&mut self, topic: &Topic, until: Moment) {
        let key = Key::of(topic);
        match self.0.iter_mut().find(|row| row.key == key) {
            Some(row) => row.last_request = until,
            None => self.0.push(Row {
                key,
                discovery: false,
                negotiated: false,
                chat_ids: Value::Null,
                last_request: until,
            }),
        }
    }

    /// Puts a row that was checked in the place of the one for the same topic.
    pub(crate) fn replace(&mut self, row: &Value) {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let flag = |name: &str| row[name].as_bool().unwrap_or(false);
        let seconds = row["last-request"].as_u64().unwrap_or(0);
        let key = Key {
            pubsub: text("pubsubTopic"),
            topic: text("topic"),
        };
        self.0.retain(|other| other.key != key);
        self.0.push(Row {
            key,
            discovery: flag("discovery?"),
            negotiated: flag("negotiated?"),
            chat_ids: row["chat-ids"].clone(),
            last_request: Moment::from_seconds(seconds),
        });
    }

    /// All rows, null if there are none. Markers are shown in whole seconds, rounded down.
    pub(crate) fn list(&self, with_pubsub: bool) -> Value {
        let shown = |row: &Row| {
            let mut shown = json!({
                "topic": row.key.topic,
                "discovery?": row.discovery,
                "negotiated?": row.negotiated,
                "chat-ids": row.chat_ids,
                "last-request": row.last_request.as_seconds(),
            });
            if with_pubsub {
                shown["pubsubTopic"] = row.key.pubsub.as_str().into();
            }
            shown
        };
        match self.0.is_empty() {
            true => Value::Null,
            false => self.0.iter().map(shown).collect(),
        }
    }
}
