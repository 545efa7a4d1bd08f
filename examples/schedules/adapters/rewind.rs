//! History requests, and the node's markers that are set back for them.

use std::rc::Rc;

use actors::model::{
    moment::Moment,
    node::{HistoryAnswer, Mode, NodeError},
    topic::MarkedTopic,
};
use futures_util::future::abortable;

use super::link::Link;
use crate::node::Process;

/// Asks for all missed history. A newer request takes the place of one that is still on the wire.
pub(super) async fn request(
    link: &Link,
    since: Option<Moment>,
) -> Result<HistoryAnswer, NodeError> {
    let (request, newest) = abortable(ask(link, since));
    if let Some(earlier) = link.history.replace(Some(newest)) {
        earlier.abort();
    }
    request.await.unwrap_or(Err(NodeError::Superseded))
}

async fn ask(link: &Link, since: Option<Moment>) -> Result<HistoryAnswer, NodeError> {
    let (before, rewound) = match since {
        Some(since) if link.has_markers => (set_back(link, since).await?, true),
        Some(_) => (vec![], false),
        None => (vec![], true),
    };
    let limit = link.history_timeout;
    let answer = link.node.call(limit, Process::request_all).await?;
    match answer {
        Some(messages) => Ok(HistoryAnswer::Done { messages, rewound }),
        None => {
            set(link, before).await?;
            Ok(HistoryAnswer::NothingDone)
        }
    }
}

/// Sets back the markers that are later; what they were.
async fn set_back(link: &Link, since: Moment) -> Result<Vec<(usize, Moment)>, NodeError> {
    let topics = markers(link).await?.into_iter().map(|it| it.last_request);
    let later = topics.enumerate().filter(|(_, marker)| *marker > since);
    let later: Vec<(usize, Moment)> = later.collect();
    set(link, later.iter().map(|(it, _)| (*it, since)).collect()).await?;
    Ok(later)
}

async fn set(link: &Link, markers: Vec<(usize, Moment)>) -> Result<(), NodeError> {
    if markers.is_empty() {
        return Ok(());
    }
    let set = move |process: Rc<Process>| async move {
        for (topic, marker) in markers {
            process.set_marker(topic, marker);
        }
        Ok(())
    };
    link.call(set).await
}

/// The topics that mailservers can be asked about: enodes cannot.
pub(super) async fn topics(link: &Link) -> Result<Vec<MarkedTopic>, NodeError> {
    match link.has_markers && link.node.mode != Mode::Waku1 {
        true => markers(link).await,
        false => Err(NodeError::NotPossible),
    }
}

/// The topics of the node, with their markers.
async fn markers(link: &Link) -> Result<Vec<MarkedTopic>, NodeError> {
    link.call(|process: Rc<Process>| async move { Ok(process.topics()) })
        .await
}
