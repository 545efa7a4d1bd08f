//! What a history request asks a mailserver for: some topics, from one moment to another.

use std::{collections::BTreeMap, time::Duration};

use actors::model::{moment::Moment, topic::Topic};
use serde::{Deserialize, Serialize};

use super::message::Message;

/// A part of a request: content topics of one pubsub topic, and one period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Batch {
    pub(crate) pubsub: String,
    pub(crate) contents: Vec<String>,
    /// Sent then or later.
    pub(crate) from: Moment,
    /// Sent earlier.
    pub(crate) to: Moment,
}

impl Batch {
    /// A single topic.
    pub(crate) fn of(topic: &Topic, from: Moment, to: Moment) -> Self {
        Self {
            pubsub: topic.pubsub.clone(),
            contents: vec![topic.content.clone()],
            from,
            to,
        }
    }

    /// Whether the message is asked for.
    pub(crate) fn asks_for(&self, message: &Message) -> bool {
        let Topic { pubsub, content } = &message.topic;
        let in_time = (self.from..self.to).contains(&message.sent);
        in_time && self.pubsub == *pubsub && self.contents.contains(content)
    }

    /// The topics.
    pub(crate) fn topics(&self) -> impl Iterator<Item = Topic> {
        self.contents.iter().map(|content| Topic {
            pubsub: self.pubsub.clone(),
            content: content.clone(),
        })
    }
}

/// What bounds a request for all that was missed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// What was sent so long before a marker is asked for again.
    pub(crate) overlap: Duration,
    /// Nothing is asked for that was sent earlier.
    pub(crate) floor: Moment,
    pub(crate) to: Moment,
}

/// The parts of a request for all that was missed, those from the earliest marker first: topics with the same marker are asked
/// for together.
pub(crate) fn missed(topics: Vec<(Topic, Option<Moment>)>, bounds: Bounds) -> Vec<Batch> {
    let mut groups = BTreeMap::<_, Vec<String>>::new();
    for (topic, marker) in topics {
        let marker = marker.filter(|marker| *marker >= bounds.floor);
        let from = marker.map_or(bounds.floor, |marker| marker.before(bounds.overlap));
        let group = groups.entry((from, topic.pubsub)).or_default();
        group.push(topic.content);
    }
    let batch = |((from, pubsub), contents)| Batch {
        pubsub,
        contents,
        from,
        to: bounds.to,
    };
    groups.into_iter().map(batch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(content: &str) -> Topic {
        let (pubsub, content) = ("/waku/2/rs/16/32".into(), content.into());
        Topic { pubsub, content }
    }

    #[test]
    fn a_request_begins_at_the_marker_less_the_overlap_but_not_before_the_floor() {
        let bounds = Bounds {
            overlap: Duration::from_secs(60),
            floor: Moment::from_millis(1_000_000),
            to: Moment::from_millis(2_000_000),
        };
        let at = |ms| Some(Moment::from_millis(ms));
        let topics = [
            ("new", None),
            ("old", at(999_999)),
            ("a", at(1_500_000)),
            ("b", at(1_500_000)),
        ];
        let topics = topics.map(|(name, marker)| (topic(name), marker)).to_vec();
        let batches = missed(topics, bounds);
        let begins = batches
            .iter()
            .map(|it| (it.contents.join(" "), it.from.as_millis()));
        let expected = [("new old".into(), 1_000_000), ("a b".into(), 1_440_000)];
        assert_eq!(begins.collect::<Vec<_>>(), expected);
    }
}
