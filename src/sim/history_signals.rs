//! The signals that tell of the node's history requests.

use std::collections::BTreeSet;

use rand::Rng;
use serde_json::{Value, json};

use super::{batch::Batch, node::Node};

/// At the begin of a request.
pub(crate) fn started(node: &Node, id: &str, batches: &[Batch]) {
    let event = json!({"requestId": id, "batchIndex": 0, "numBatches": counted(node, batches)});
    let event = || named(node.is_modern(), event);
    node.signals.emit("history.request.started", event);
}

/// Classic nodes: so many batches of a request were answered.
pub(crate) fn processed(node: &Node, id: &str, count: usize, batches: &[Batch]) {
    let lost = node.state.borrow().history_faults.lose_signals;
    if !node.is_modern() && !lost {
        let event = json!({"requestId": id, "batchIndex": count, "numBatches": batches.len()});
        (node.signals).emit("history.request.batch.processed", || event);
    }
}

/// A request was answered.
pub(crate) fn completed(node: &Node, id: &str) {
    if !node.state.borrow().history_faults.lose_signals {
        let event = json!({"requestId": id, "batchIndex": 0});
        let event = || named(node.is_modern(), event);
        node.signals.emit("history.request.completed", event);
    }
    node.journal.note();
}

/// A request failed.
pub(crate) fn failed(node: &Node, id: &str, mailserver: &str, reason: &str) {
    if node.state.borrow().history_faults.lose_signals {
        return;
    }
    let mut event = json!({"requestId": id, "batchIndex": 0, "errorMessage": reason});
    if node.is_modern() {
        event["requestId"] = format!("{:064x}", random(node)).into();
        event["peerId"] = mailserver.into();
    }
    node.signals.emit("history.request.failed", || event);
}

/// What a request is called: nodes of 2024 leave it out.
pub(crate) fn request_id(node: &Node) -> String {
    match node.is_modern() {
        true => String::new(),
        false => version_4(random(node), random(node)),
    }
}

/// Nodes of 2024 count pubsub topics.
fn counted(node: &Node, batches: &[Batch]) -> usize {
    if !node.is_modern() {
        return batches.len();
    }
    let pubsubs: BTreeSet<_> = batches.iter().map(|batch| &batch.pubsub).collect();
    pubsubs.len()
}

/// Nodes of 2024 add an empty peer id.
fn named(modern: bool, mut event: Value) -> Value {
    if modern {
        event["peerId"] = "".into();
    }
    event
}

fn random(node: &Node) -> u64 {
    node.random.borrow_mut().next_u64()
}

/// A UUID of version 4.
fn version_4(high: u64, low: u64) -> String {
    let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0x0fff);
    let (d, e) = (low >> 52, low & 0xffff_ffff_ffff);
    format!("{a:08x}-{b:04x}-4{c:03x}-8{d:03x}-{e:012x}")
}
