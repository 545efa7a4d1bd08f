//! Methods about single chats: which there are, what fills their gaps, what extends them backwards.

use std::{rc::Rc, time::Duration};

use actors::model::{moment::Moment, node::Mode, topic::Topic};
use serde_json::Value;
use tokio::time::sleep;

use super::{
    batch::Batch,
    chat, history, history_signals as signals,
    ledger::Purpose,
    node::Node,
    plan::Plan,
    rpc::{self, Answer, Go, Refusal},
};

/// A chat is tried a second time after this (recorded on status-go 2024-10).
const AGAIN: Duration = Duration::from_secs(2);

/// `wakuext_activeChats []`.
pub(crate) fn active(node: &Node, params: &[Value]) -> Answer {
    rpc::check(params, &[])?;
    Ok(node.shown_chats())
}

/// `wakuext_fillGaps [chat, [id, …]]`: ids that are unknown ask for nothing, and succeed.
pub(crate) async fn fill_gaps(node: &Rc<Node>, params: &[Value]) -> Answer {
    rpc::check(params, &[Go::Text, Go::Texts])?;
    let Some(topic) = topic_of(node, rpc::text(params, 0)) else {
        return Err(Refusal::failed("chat not existing"));
    };
    if !has_whom_to_ask(node) {
        return Err(nobody(node));
    }
    let ids = rpc::texts(params.get(1));
    let gaps = node.state.borrow().gaps.find(&ids);
    let from = gaps.iter().map(|gap| gap.from()).min();
    let to = gaps.iter().map(|gap| gap.to()).max().unwrap_or_default();
    let plan = plan(Purpose::Gaps, &topic, from.unwrap_or_default(), to);
    let asking = node.clone();
    let filled = async move { ask(&asking, &plan).await };
    history::detached(node, filled)
        .await?
        .map_err(Refusal::failed)?;
    if ids.is_empty() {
        // It falls over what it has to delete (recorded on 2024-10).
        return Err(crashed(node));
    }
    node.state.borrow_mut().gaps.close(&ids);
    Ok(Value::Null)
}

/// `wakuext_syncChatFromSyncedFrom [chat]`: fetches one more sync period; answered with where the chat begins now.
pub(crate) async fn extend(node: &Rc<Node>, params: &[Value]) -> Answer {
    rpc::check(params, &[Go::Text])?;
    let Some(topic) = topic_of(node, rpc::text(params, 0)) else {
        return match node.is_modern() {
            true => Err(Refusal::failed("can't find chat")),
            false => Ok(0.into()),
        };
    };
    if !has_whom_to_ask(node) {
        return Err(Refusal::failed(match node.is_modern() {
            true => "mailserver not available",
            false => NONE_SELECTED,
        }));
    }
    let begin = node.state.borrow().chats.of(&topic).synced_from;
    let to = begin.unwrap_or_else(|| node.clock.ask());
    let from = to.before(Duration::from_secs(node.sync_period()));
    let plan = plan(Purpose::Earlier, &topic, from, to);
    let asking = node.clone();
    let extended = async move { ask_patiently(&asking, &plan).await };
    let extended = history::detached(node, extended).await?;
    extended.map_err(Refusal::failed)?;
    node.state.borrow_mut().chats.extended(&topic, from);
    Ok(from.as_seconds().into())
}

/// What v0.94 says without a mailserver (read in status-go's source, not recorded).
const NONE_SELECTED: &str = "no mailserver selected";

fn topic_of(node: &Node, id: &str) -> Option<Topic> {
    let mut topics = node.setup.topics.iter().enumerate();
    let found = topics.find(|(index, _)| chat::id(*index) == id)?;
    Some(found.1.clone())
}

fn plan(purpose: Purpose, topic: &Topic, from: Moment, to: Moment) -> Plan {
    Plan {
        purpose,
        to,
        batches: vec![Batch::of(topic, from, to)],
    }
}

fn has_whom_to_ask(node: &Node) -> bool {
    match node.setup.mode {
        Mode::Observe => !node.state.borrow().peers.is_empty(),
        _ => node.state.borrow().used.is_some(),
    }
}

fn nobody(node: &Node) -> Refusal {
    match node.setup.mode {
        Mode::Waku1 | Mode::Waku2 => Refusal::failed(NONE_SELECTED),
        Mode::Pin => crashed(node),
        Mode::Observe => Refusal::failed(history::NO_STORE),
    }
}

/// Nodes of 2024 have another code for it (recorded).
fn crashed(node: &Node) -> Refusal {
    let code = if node.is_modern() { -32603 } else { -32000 };
    let message = "method handler crashed".into();
    Refusal { code, message }
}

/// Asks the mailserver in use, or those that are picked for a query.
async fn ask(node: &Rc<Node>, plan: &Plan) -> Result<(), String> {
    if node.setup.mode == Mode::Observe {
        signals::started(node, "", &plan.batches);
        if !node.query(plan).await {
            return Err(history::NO_STORE.into());
        }
        signals::completed(node, "");
        return Ok(());
    }
    let used = node.state.borrow().used.clone();
    let used = used.ok_or_else(|| NONE_SELECTED.to_owned())?;
    history::run(node, &used, plan).await
}

/// Nodes of 2024 try twice (recorded).
async fn ask_patiently(node: &Rc<Node>, plan: &Plan) -> Result<(), String> {
    let first = ask(node, plan).await;
    if first.is_ok() || node.setup.mode != Mode::Pin {
        return first;
    }
    sleep(node.scaled(AGAIN)).await;
    let second = ask(node, plan).await;
    second.map_err(|_| "too many failed requests".into())
}
