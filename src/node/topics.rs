//! The topics that a node listens to, with their markers.
//!
//! A row names its content topic by four bytes, and does not say what is sent there: the topic of a community's
//! descriptions looks like that of a chat.

use actors::model::{
    address::Network,
    moment::Moment,
    node::NodeError,
    topic::{MarkedTopic, Topic},
};
use serde::Deserialize;
use serde_json::json;

use crate::node::{detect::Driving, link::Link, profile};

/// The pubsub topic of nodes without shards (13/WAKU2-STORE; status-go up to 2023).
const UNSHARDED: &str = "/waku/2/default-waku/proto";

/// The pubsub topic of nodes with shards, for all that is not sent in a community with a shard of its own (status-go
/// `protocol/common/shard`, 2024-10: cluster 16, shard 32).
const DEFAULT_SHARD: &str = "/waku/2/rs/16/32";

/// The most topics that are told; people have a few hundred.
const MOST_TOPICS: usize = 10_000;

/// A row, as far as it is needed.
#[derive(Deserialize)]
struct Row {
    /// Absent before there were shards (v0.94), empty for the default one (recorded on 2024-10).
    #[serde(rename = "pubsubTopic", default)]
    pubsub: Option<String>,
    #[serde(default)]
    topic: String,
    /// In seconds since 1970; 0 and 1 are the beginning.
    #[serde(rename = "last-request", default)]
    last_request: i64,
}

/// Reads the topics that a mailserver can be asked about.
///
/// # Errors
/// As for [`RpcClient::call`](crate::node::RpcClient::call), and [`NodeError::NotPossible`] on waku v1, where there is no
/// store protocol.
pub(crate) async fn read(link: &Link, driving: Driving) -> Result<Vec<MarkedTopic>, NodeError> {
    if driving.network == Network::Waku1 {
        return Err(NodeError::NotPossible);
    }
    let method = "mailservers_getMailserverTopics";
    let rows: Option<Vec<Row>> = link.rpc.call(method, json!([])).await?;
    let rows = rows.unwrap_or_default();
    let names_none = |row: &Row| row.pubsub.as_deref() == Some("");
    let sharded = match rows.iter().any(names_none) {
        // Nodes of 2023 have the member but may not use shards; later ones have no such switch.
        true => profile::cluster(&link.rpc).await?.sharded.unwrap_or(true),
        false => true,
    };
    let default = if sharded { DEFAULT_SHARD } else { UNSHARDED };
    let topics = rows.into_iter().filter_map(|row| marked(row, default));
    Ok(topics.take(MOST_TOPICS).collect())
}

fn marked(row: Row, default: &str) -> Option<MarkedTopic> {
    let pubsub = match row.pubsub {
        None => UNSHARDED.to_owned(),
        Some(empty) if empty.is_empty() => default.to_owned(),
        Some(named) => named,
    };
    Some(MarkedTopic {
        topic: Topic {
            pubsub,
            content: content_topic(&row.topic)?,
        },
        last_request: Moment::from_seconds(row.last_request.max(0).unsigned_abs()),
    })
}

/// Four bytes are a topic of waku v1, carried over (26/WAKU2-PAYLOAD); a whole content topic is taken as it is.
fn content_topic(topic: &str) -> Option<String> {
    if topic.starts_with('/') {
        return Some(topic.to_owned());
    }
    let digits = topic.strip_prefix("0x")?;
    let is_hex = digits.len() == 8 && digits.bytes().all(|it| it.is_ascii_hexdigit());
    is_hex.then(|| format!("/waku/1/0x{}/rfc26", digits.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(row: &str) -> Option<(String, String, u64)> {
        let row = serde_json::from_str(row).unwrap();
        let MarkedTopic {
            topic,
            last_request,
        } = marked(row, DEFAULT_SHARD)?;
        Some((topic.pubsub, topic.content, last_request.as_millis()))
    }

    #[test]
    fn rows_of_every_generation() {
        let told = |pubsub: &str, content: &str, seconds: u64| {
            Some((pubsub.to_owned(), content.to_owned(), seconds * 1000))
        };
        // v0.94
        assert_eq!(
            read(r#"{"topic":"0x77739787","chat-ids":null,"last-request":5}"#),
            told(UNSHARDED, "/waku/1/0x77739787/rfc26", 5)
        );
        // 2024-10, recorded
        let row = r#"{"pubsubTopic":"","topic":"0x2617f162","discovery?":false,"negotiated?":false,"chat-ids":null,"last-request":1795341849}"#;
        assert_eq!(
            read(row),
            told(DEFAULT_SHARD, "/waku/1/0x2617f162/rfc26", 1_795_341_849)
        );
        // In a community with a shard of its own.
        assert_eq!(
            read(r#"{"pubsubTopic":"/waku/2/rs/16/64","topic":"0x2617F162"}"#),
            told("/waku/2/rs/16/64", "/waku/1/0x2617f162/rfc26", 0)
        );
        assert_eq!(
            read(r#"{"pubsubTopic":"","topic":"/status/1/chat/proto"}"#),
            told(DEFAULT_SHARD, "/status/1/chat/proto", 0)
        );
    }

    #[test]
    fn what_is_no_topic_is_left_out() {
        for topic in ["", "0x", "77739787", "0x777397871", "0x7773978g", "chat"] {
            let row = format!(r#"{{"topic":"{topic}","last-request":1}}"#);
            assert_eq!(read(&row), None, "{topic}");
        }
    }
}
