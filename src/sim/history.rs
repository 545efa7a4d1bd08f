//! History requests of the simulated node.
//!
//! A request asks for what was sent since the last successful one, from the mailserver in use. If that
//! one lacks a message that another has, the node never asks for it again, unless its markers are set back: so do real
//! nodes, and so gaps come to be.

use std::{future::pending, rc::Rc};

use actors::model::node::Mode;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{
    address, asking,
    gap::Gap,
    history_signals as signals,
    ledger::HistoryRequest,
    node::Node,
    plan::Plan,
    rpc::{Answer, Refusal},
};

/// What a store says that breaks off (recorded on status-go 2024-10).
const BROKEN_OFF: &str = "503 - SERVICE_UNAVAILABLE";

/// What a node since mid-2026 says when every try failed.
pub(crate) const NO_STORE: &str = "no store node could serve the query";

/// `wakuext_requestAllHistoricMessages`. The request goes on when its caller is gone.
pub(crate) async fn request_all(node: &Rc<Node>) -> Answer {
    if node.state.borrow_mut().history_faults.take_null() {
        return Ok(Value::Null);
    }
    let Some(mailserver) = target(node)? else {
        return Ok(Value::Null);
    };
    let requesting = node.clone();
    let run = async move { run_missed(&requesting, &mailserver).await };
    match detached(node, run).await? {
        Ok(gaps) => Ok(summary(node, gaps)),
        Err(reason) => {
            node.request_failed();
            Err(Refusal::failed(reason))
        }
    }
}

/// Does something that goes on when its caller is gone.
pub(crate) async fn detached<T: 'static>(
    node: &Node,
    work: impl Future<Output = T> + 'static,
) -> Result<T, Refusal> {
    let (answer, answered) = oneshot::channel();
    node.tasks.spawn(async move {
        let _ = answer.send(work.await);
    });
    let stopped = |_| Refusal::failed("the node stopped");
    answered.await.map_err(stopped)
}

/// Whom a request goes to; `None`: nothing is done, and no error says so (recorded on v0.94 and 2024-10).
fn target(node: &Node) -> Result<Option<String>, Refusal> {
    if !node.uses_mailservers() {
        return Ok(None);
    }
    let state = node.state.borrow();
    let Some(used) = state.used.clone().filter(|_| !state.peers.is_empty()) else {
        return Ok(None);
    };
    match node.setup.mode {
        Mode::Waku1 if !state.peers.contains_key(&used) => Ok(None),
        // What was set is looked at only now (recorded on v0.94).
        Mode::Waku2 => match address::peer_id(&used) {
            Ok(()) => Ok(Some(used)),
            Err(reason) => Err(Refusal::failed(format!(
                "failed to parse peer ID: {reason}"
            ))),
        },
        _ => Ok(Some(used)),
    }
}

/// Asks a mailserver for all that was missed. The gaps that are left.
pub(crate) async fn run_missed(node: &Rc<Node>, mailserver: &str) -> Result<Vec<Gap>, String> {
    let plan = node.plan_missed();
    let run = run(node, mailserver, &plan).await;
    let lies = node.state.borrow().history_faults.false_completion;
    match run {
        Err(reason) if !lies => Err(reason),
        _ => Ok(node.fetched(&plan)),
    }
}

/// One request with its signals.
pub(crate) async fn run(node: &Rc<Node>, mailserver: &str, plan: &Plan) -> Result<(), String> {
    let id = signals::request_id(node);
    signals::started(node, &id, &plan.batches);
    let run = fetch(node, mailserver, plan, &id).await;
    match &run {
        Ok(()) => signals::completed(node, &id),
        Err(reason) => signals::failed(node, &id, mailserver, reason),
    }
    run
}

/// All batches, one after the other. What those before a failure brought is kept.
pub(crate) async fn fetch(
    node: &Rc<Node>,
    mailserver: &str,
    plan: &Plan,
    id: &str,
) -> Result<(), String> {
    let entry = node.ledger.begin(entry(node, mailserver, plan));
    if node.state.borrow().history_faults.hung {
        let () = pending().await;
    }
    for (index, batch) in plan.batches.iter().enumerate() {
        break_off(node, index)?;
        let messages = asking::history(node, mailserver, batch.clone()).await?;
        let delivered = messages.len();
        let new = messages.into_iter();
        let new = new.filter(|(sequence, message)| node.receive(*sequence, message.clone()));
        let new: Vec<_> = new.collect();
        node.ledger.delivered(&entry, delivered, new.len());
        match node.is_modern() {
            true => node.announce_later(new),
            false => node.announce(&new, &[]),
        }
        signals::processed(node, id, index + 1, &plan.batches);
    }
    break_off(node, plan.batches.len())?;
    entry.borrow_mut().completed = true;
    Ok(())
}

/// Fails where requests are to fail.
fn break_off(node: &Node, batches: usize) -> Result<(), String> {
    let fail_after = node.state.borrow().history_faults.fail_after;
    match fail_after == Some(batches) {
        true => Err(BROKEN_OFF.to_owned()),
        false => Ok(()),
    }
}

fn entry(node: &Node, mailserver: &str, plan: &Plan) -> HistoryRequest {
    let batches = plan.batches.iter();
    let from = batches.flat_map(|batch| batch.topics().map(|topic| (topic, batch.from)));
    let found = node.mailserver(mailserver);
    HistoryRequest {
        purpose: plan.purpose,
        at: node.clock.ask(),
        mailserver: found.map_or(mailserver, |it| &it.id).to_owned(),
        from: from.collect(),
        to: plan.to,
        delivered: 0,
        new: 0,
        completed: false,
    }
}

/// The answer of a request that was made. The messages are in `messages.new`, not here; only gaps are.
pub(crate) fn summary(node: &Node, mut gaps: Vec<Gap>) -> Value {
    let mut answer = json!({"notifications": null});
    if !node.state.borrow().received.is_empty() {
        answer["chats"] = node.shown_chats();
    }
    gaps.extend(node.state.borrow_mut().gaps.take_untold());
    if !gaps.is_empty() {
        let shown = gaps.iter().map(|gap| node.shown_gap(gap));
        answer["messages"] = shown.collect();
    }
    if node.is_modern() {
        answer["discordOldestMessageTimestamp"] = 0.into();
    }
    answer
}
