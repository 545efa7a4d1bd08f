//! Chats: where their history begins, and how more of it is fetched.

use actors::model::{gap::Chat, moment::Moment, node::NodeError};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

use crate::node::link::Link;

/// The most chats that are told; people have a few hundred.
const MOST_CHATS: usize = 10_000;

/// A chat, as far as it is needed.
#[derive(Deserialize)]
struct Row {
    id: String,
    /// Absent where only active ones are listed.
    #[serde(default)]
    active: Option<bool>,
    /// In seconds since 1970; 0 or absent if the node keeps no marker for it.
    #[serde(rename = "syncedFrom", default)]
    synced_from: Option<u64>,
    #[serde(rename = "lastClockValue", default)]
    last_clock: Option<u64>,
}

/// Reads the active chats.
///
/// # Errors
/// As for [`RpcClient::call`](crate::node::RpcClient::call).
pub(crate) async fn read(link: &Link) -> Result<Vec<Chat>, NodeError> {
    let rows = |method| link.rpc.call::<Option<Vec<Row>>>(method, json!([]));
    let rows = match rows("wakuext_activeChats").await {
        Err(NodeError::UnknownMethod(_)) => rows("wakuext_chats").await,
        rows => rows,
    };
    let active = rows?.unwrap_or_default().into_iter();
    let active = active.filter(|row| row.active != Some(false));
    Ok(active.take(MOST_CHATS).map(chat).collect())
}

fn chat(row: Row) -> Chat {
    Chat {
        id: row.id,
        synced_from: moment(row.synced_from),
        last_message_ms: row.last_clock.unwrap_or_default(),
    }
}

/// A marker in seconds since 1970; 0 is none.
fn moment(seconds: Option<u64>) -> Option<Moment> {
    let seconds = seconds.filter(|seconds| *seconds > 0)?;
    Some(Moment::from_seconds(seconds))
}

/// Has the node fetch what was sent in a chat before its history begins, and tells where it begins then. A node that may
/// not ask mailservers does nothing and names no moment.
///
/// # Errors
/// As for [`RpcClient::call`](crate::node::RpcClient::call). A node without an active mailserver says so.
pub(crate) async fn extend(link: &Link, chat: &str) -> Result<Option<Moment>, NodeError> {
    let method = "wakuext_syncChatFromSyncedFrom";
    let answer: Result<Option<u64>, _> = link
        .rpc
        .call_with_timeout(method, json!([chat]), link.history_timeout)
        .await;
    // It was answered; a failure may not be told by a signal.
    link.inbox.running.clear();
    Ok(moment(answer?))
}

/// Has the node fill gaps.
///
/// # Errors
/// As for [`RpcClient::call`](crate::node::RpcClient::call), and [`NodeError::NotPossible`] without any gap: the call
/// would crash in the node (recorded on 2024-10).
pub(crate) async fn fill_gaps(
    link: &Link,
    chat: &str,
    messages: &[String],
) -> Result<(), NodeError> {
    if messages.is_empty() {
        return Err(NodeError::NotPossible);
    }
    let params = json!([chat, messages]);
    let answer = link
        .rpc
        .call_with_timeout::<IgnoredAny>("wakuext_fillGaps", params, link.history_timeout)
        .await;
    link.inbox.running.clear();
    answer.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_that_was_never_set_is_none() {
        let read = |row: &str| chat(serde_json::from_str(row).unwrap());
        let Chat {
            synced_from,
            last_message_ms,
            ..
        } = read(r#"{"id":"c","syncedFrom":1792663459,"lastClockValue":1795341875509}"#);
        assert_eq!(synced_from, Some(Moment::from_millis(1_792_663_459_000)));
        assert_eq!(last_message_ms, 1_795_341_875_509);
        for row in [
            r#"{"id":"c","syncedFrom":0,"lastClockValue":0}"#,
            r#"{"id":"c","syncedFrom":null,"lastClockValue":null}"#,
            r#"{"id":"c"}"#,
        ] {
            let Chat {
                synced_from,
                last_message_ms,
                ..
            } = read(row);
            assert_eq!((synced_from, last_message_ms), (None, 0), "{row}");
        }
    }
}
