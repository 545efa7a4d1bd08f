//! History requests: slow, sometimes endless, and the reason for all the rest.

use std::time::Duration;

use actors::model::{
    moment::Moment,
    node::{Generation, HistoryAnswer, NodeError},
};
use futures_util::future::abortable;
use serde::Deserialize;
use serde_json::json;

use crate::node::{arrivals::Tally, link::Link, rewind::Rewinding};

/// How long a request of the node's own may hold up one for which markers are set back: it would write its own end over
/// them.
const PATIENCE: Duration = Duration::from_secs(5);

/// What matters of the answer; the rest is the apps' business.
#[derive(Deserialize)]
struct History {
    #[serde(default)]
    messages: Tally,
}

/// Asks for all missed history, from `since` on if that is earlier than where the node would begin. A newer request
/// takes the place of one that is still on the wire: that one was meant for a mailserver that has been given up since,
/// and may never return. Markers that were set back for it stay so: the newer one fetches more for it, and loses nothing.
pub(crate) async fn request(
    link: &Link,
    generation: Generation,
    since: Option<Moment>,
) -> Result<HistoryAnswer, NodeError> {
    let (request, newest) = abortable(fetch(link, generation, since));
    if let Some(earlier) = link.history.replace(Some(newest)) {
        earlier.abort();
        // The node may never say that it ended.
        link.inbox.running.clear();
    }
    match request.await {
        Ok(outcome) => {
            link.history.set(None);
            outcome
        }
        Err(_) => Err(NodeError::Superseded),
    }
}

async fn fetch(
    link: &Link,
    generation: Generation,
    since: Option<Moment>,
) -> Result<HistoryAnswer, NodeError> {
    let Some(since) = since else {
        return ask(link, generation, true).await;
    };
    let running = &link.inbox.running;
    if !running.until_none(PATIENCE, link.history_timeout).await {
        return Ok(HistoryAnswer::NothingDone);
    }
    let mut rewinding = Rewinding::default();
    let rewound = match rewinding.set_back(link, since).await {
        Err(error) if error.is_absence() => return Err(error),
        // It fetches what it would have fetched, and that is said.
        Err(error) => {
            tracing::debug!(%error, "markers not set back");
            false
        }
        Ok(rewound) => rewound,
    };
    let outcome = ask(link, generation, rewound).await;
    if says_that_it_did_not_fetch(&outcome)
        && let Err(error) = rewinding.undo(link).await
    {
        tracing::debug!(%error, "markers not set again to what they were");
    }
    outcome
}

/// Whether the node itself answered so. Without an answer it may still be fetching.
fn says_that_it_did_not_fetch(outcome: &Result<HistoryAnswer, NodeError>) -> bool {
    match outcome {
        Ok(answer) => *answer == HistoryAnswer::NothingDone,
        Err(error) => !error.is_absence(),
    }
}

async fn ask(
    link: &Link,
    generation: Generation,
    rewound: bool,
) -> Result<HistoryAnswer, NodeError> {
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
    if !answer.as_ref().is_err_and(NodeError::is_absence) {
        // It was answered; a failure may not be told by a signal.
        link.inbox.running.clear();
    }
    // Null without an error or a signal: no mailserver, no peer, or mailservers switched off (all versions); since
    // mid-2026 also a request of the node's own under way.
    let Some(History { messages }) = answer? else {
        // If it is the switch, that is known at once, and not at the next reading of the settings.
        link.alarm.notify_one();
        return Ok(HistoryAnswer::NothingDone);
    };
    let done = HistoryAnswer::Done {
        messages: messages.all,
        rewound,
    };
    // Gaps are in the answer alone (recorded on v0.94).
    if let Some(arrived) = messages.arrived() {
        link.tell_messages(arrived).await;
    }
    Ok(done)
}
