//! History and community requests: slow, sometimes endless, and the reason for all the rest.

use std::time::Duration;

use actors::model::node::{CommunityAnswer, Generation, HistoryAnswer, NodeError};
use futures_util::future::abortable;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};

use crate::node::link::Link;

/// How long a community request may take: 15 s for one that nobody has (v0.94), 62 s without a
/// mailserver (2024-10), which is not waited for.
const COMMUNITY_TIMEOUT: Duration = Duration::from_secs(30);

/// What matters of the answer; the rest is the apps' business.
#[derive(Deserialize)]
struct History {
    #[serde(default)]
    messages: Option<Vec<IgnoredAny>>,
}

/// Asks for all missed history. A newer request takes the place of one that is still on the wire: that
/// one was meant for a mailserver that has been given up since, and may never return.
pub(crate) async fn request(
    link: &Link,
    generation: Generation,
) -> Result<HistoryAnswer, NodeError> {
    let (request, newest) = abortable(ask(link, generation));
    if let Some(earlier) = link.history.replace(Some(newest)) {
        earlier.abort();
    }
    request.await.unwrap_or(Err(NodeError::Superseded))
}

async fn ask(link: &Link, generation: Generation) -> Result<HistoryAnswer, NodeError> {
    // A frozen mailserver holds a request up for 60 s, and some never return (both recorded on v0.94).
    let limit = link.history_timeout;
    // From 2023-06 to 2025-08 nodes want to be told not to back up first; before and after they know no parameter.
    let (first, second) = match generation {
        Generation::Classic | Generation::PerQuery => (json!([]), json!([false])),
        Generation::OwnCycle => (json!([false]), json!([])),
    };
    let method = "wakuext_requestAllHistoricMessages";
    let answer = match link
        .rpc
        .call_with_timeout::<Option<History>>(method, first, limit)
        .await
    {
        Err(NodeError::BadParameters(_)) => link.rpc.call_with_timeout(method, second, limit).await,
        answer => answer,
    };
    // Null without an error or a signal: no mailserver, no peer, or mailservers switched off (all versions); since
    // mid-2026 also a request of the node's own under way.
    let Some(history) = answer? else {
        // If it is the switch, that is known at once, and not at the next reading of the settings.
        link.alarm.notify_one();
        return Ok(HistoryAnswer::NothingDone);
    };
    Ok(HistoryAnswer::Done {
        messages: history.messages.map_or(0, |messages| messages.len()),
        rewound: true,
    })
}

/// Asks for a community.
pub(crate) async fn request_community(
    link: &Link,
    generation: Generation,
    id: &str,
) -> Result<CommunityAnswer, NodeError> {
    let classic = ("wakuext_requestCommunityInfoFromMailserver", json!([id]));
    let modern = json!([{"communityKey": id, "tryDatabase": false, "waitForResponse": true}]);
    let modern = ("wakuext_fetchCommunity", modern);
    let (first, second) = match generation {
        Generation::Classic => (classic, modern),
        Generation::OwnCycle | Generation::PerQuery => (modern, classic),
    };
    let call = |(method, params): (&'static str, Value)| {
        link.rpc
            .call_with_timeout::<Option<IgnoredAny>>(method, params, COMMUNITY_TIMEOUT)
    };
    let answer = match call(first).await {
        Err(NodeError::UnknownMethod(_)) => call(second).await,
        answer => answer,
    };
    Ok(if answer?.is_some() {
        CommunityAnswer::Found
    } else {
        CommunityAnswer::Unknown
    })
}
