//! The store of a mailserver, as others than its node ask it (13/WAKU2-STORE version 3, by hashes).
//!
//! Imitated is nwaku: pages of 20, or as many as are asked for up to 100; the oldest first, and those of one time by their
//! hashes; both ends of the period included; more than ten content topics are noticed only once a cursor is set; a
//! failure repeats no id. Other queries than those of topics and times are refused.

use actors::model::{
    moment::Moment,
    topic::{MOST_CONTENT_TOPICS, MessageHash, Topic},
};
use prost::Message;

/// The name of the protocol.
pub(super) const PROTOCOL: &str = "/vac/waku/store-query/3.0.0";

/// The longest question that is read.
pub(super) const LONGEST: usize = 64 << 10;

const PAGE: usize = 20;
const LARGEST_PAGE: usize = 100;

/// What is wrong with a mailserver's store, for whoever asks it over libp2p; its node does not notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoreFault {
    /// Nothing.
    #[default]
    None,
    /// It does not speak the protocol, though it lists it.
    Unsupported,
    /// It was asked too often (429).
    Busy,
    /// Its database does not answer (503).
    Unavailable,
    /// After each page it names the same cursor.
    RepeatsCursor,
    /// It ends the stream without an answer.
    Closes,
}

/// `StoreQueryRequest`.
#[derive(Message)]
struct Question {
    #[prost(string, tag = "1")]
    request_id: String,
    #[prost(bool, tag = "2")]
    include_data: bool,
    #[prost(string, tag = "10")]
    pubsub_topic: String,
    #[prost(string, repeated, tag = "11")]
    content_topics: Vec<String>,
    #[prost(sint64, optional, tag = "12")]
    time_start: Option<i64>,
    #[prost(sint64, optional, tag = "13")]
    time_end: Option<i64>,
    #[prost(bytes = "vec", repeated, tag = "20")]
    message_hashes: Vec<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "51")]
    pagination_cursor: Option<Vec<u8>>,
    #[prost(bool, tag = "52")]
    pagination_forward: bool,
    #[prost(uint64, optional, tag = "53")]
    pagination_limit: Option<u64>,
}

/// `StoreQueryResponse`.
#[derive(Message)]
struct Answer {
    #[prost(string, tag = "1")]
    request_id: String,
    #[prost(uint32, optional, tag = "10")]
    status_code: Option<u32>,
    #[prost(string, optional, tag = "11")]
    status_desc: Option<String>,
    #[prost(message, repeated, tag = "20")]
    messages: Vec<KeyValue>,
    #[prost(bytes = "vec", optional, tag = "51")]
    pagination_cursor: Option<Vec<u8>>,
}

/// `WakuMessageKeyValue`.
#[derive(Message)]
struct KeyValue {
    #[prost(bytes = "vec", tag = "1")]
    message_hash: Vec<u8>,
}

impl Answer {
    fn failure(status: u32, words: &str, request_id: &str) -> Self {
        Self {
            request_id: request_id.into(),
            status_code: Some(status),
            status_desc: Some(words.into()),
            ..Self::default()
        }
    }
}

/// The answer to a question, its length in front, out of what is kept; `None`: the stream just ends.
pub(crate) fn answer<'a>(
    question: &[u8],
    fault: StoreFault,
    kept: impl Iterator<Item = (MessageHash, Moment, &'a Topic)>,
) -> Option<Vec<u8>> {
    let answer = match fault {
        StoreFault::Unsupported | StoreFault::Closes => return None,
        StoreFault::Busy => Answer::failure(429, "TOO_MANY_REQUESTS", "N/A"),
        StoreFault::Unavailable => Answer::failure(503, "SERVICE_UNAVAILABLE", ""),
        StoreFault::None | StoreFault::RepeatsCursor => match Question::decode(question) {
            Ok(question) => page(question, fault == StoreFault::RepeatsCursor, kept),
            Err(error) => Answer::failure(400, &error.to_string(), ""),
        },
    };
    Some(answer.encode_length_delimited_to_vec())
}

fn page<'a>(
    question: Question,
    repeats: bool,
    kept: impl Iterator<Item = (MessageHash, Moment, &'a Topic)>,
) -> Answer {
    if let Err(why) = check(&question) {
        return Answer::failure(400, why, "");
    }
    let matching = kept.filter(|(_, sent, topic)| matches(&question, *sent, topic));
    let mut matching: Vec<_> = matching.map(|(hash, sent, _)| (sent, hash)).collect();
    matching.sort_unstable();
    let hashes: Vec<_> = matching.into_iter().map(|(_, hash)| hash).collect();
    let limit = question.pagination_limit.and_then(|it| it.try_into().ok());
    let limit = limit.unwrap_or(PAGE).min(LARGEST_PAGE);
    let Some(rest) = rest(&hashes, question.pagination_cursor.filter(|_| !repeats)) else {
        return Answer::failure(400, "cursor not found", "");
    };
    let page = &rest[..limit.min(rest.len())];
    let more = repeats || rest.len() > page.len();
    Answer {
        request_id: question.request_id,
        status_code: Some(200),
        status_desc: Some("OK".into()),
        pagination_cursor: page.last().filter(|_| more).map(|hash| hash.0.to_vec()),
        messages: page.iter().map(key).collect(),
    }
}

fn check(question: &Question) -> Result<(), &'static str> {
    let topics = question.content_topics.len();
    if question.request_id.is_empty() {
        return Err("no request id");
    }
    if !question.message_hashes.is_empty() || question.include_data || !question.pagination_forward
    {
        return Err("not simulated");
    }
    if question.pubsub_topic.is_empty() || topics == 0 {
        return Err("no topics");
    }
    if question.pagination_cursor.is_some() && topics > MOST_CONTENT_TOPICS {
        return Err("too many content topics");
    }
    Ok(())
}

fn matches(question: &Question, sent: Moment, topic: &Topic) -> bool {
    let nanoseconds = i64::try_from(sent.as_millis() * 1_000_000).unwrap_or(i64::MAX);
    question.pubsub_topic == topic.pubsub
        && question.content_topics.contains(&topic.content)
        && question.time_start.is_none_or(|it| nanoseconds >= it)
        && question.time_end.is_none_or(|it| nanoseconds <= it)
}

/// What follows the cursor.
fn rest(hashes: &[MessageHash], cursor: Option<Vec<u8>>) -> Option<&[MessageHash]> {
    let Some(cursor) = cursor else {
        return Some(hashes);
    };
    let last = hashes.iter().position(|hash| hash.0[..] == cursor[..])?;
    Some(&hashes[last + 1..])
}

fn key(hash: &MessageHash) -> KeyValue {
    KeyValue {
        message_hash: hash.0.to_vec(),
    }
}
