//! History requests of the simulated node, over its real connections to the mailservers.
//!
//! A request asks for what was sent since the last successful one, from the mailserver in use. If that
//! one lacks a message that another has, the node never asks for it again: so do real nodes, and so gaps
//! come to be.

use std::{net::SocketAddr, rc::Rc, time::Duration};

use actors::model::node::Mode;
use rand::Rng;
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

use super::{
    address, dialling,
    link::Ask,
    message::Message,
    node::{Node, chat},
    rpc::{Answer, Refusal},
};

/// Nodes of 2024 give up a request after this (recorded: 22 s to the next mailserver, 2 of them a pause).
const MODERN_LIMIT: Duration = Duration::from_secs(20);

/// In 2024 `messages.new` follows `history.request.completed` after this (recorded).
const MODERN_DELAY: Duration = Duration::from_secs(1);

/// `wakuext_requestAllHistoricMessages`. The request goes on when its caller is gone.
pub(crate) async fn request_all(node: &Rc<Node>) -> Answer {
    let Some(mailserver) = target(node)? else {
        return Ok(Value::Null);
    };
    let (answer, answered) = oneshot::channel();
    let requesting = node.clone();
    node.tasks.spawn(async move {
        let _ = answer.send(run(&requesting, &mailserver).await);
    });
    match answered.await {
        Ok(Ok(())) => Ok(summary(node)),
        Ok(Err(reason)) => {
            node.request_failed();
            Err(Refusal::failed(reason))
        }
        Err(_) => Err(Refusal::failed("the node stopped")),
    }
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

/// One request with its signals.
pub(crate) async fn run(node: &Rc<Node>, mailserver: &str) -> Result<(), String> {
    let id = match node.is_modern() {
        true => String::new(),
        false => request_id(node),
    };
    started(node, &id);
    let until = node.now.get();
    match fetch(node, mailserver).await {
        Ok(messages) => {
            node.state.borrow_mut().synced = until;
            completed(node, &id, messages);
            Ok(())
        }
        Err(reason) => {
            failed(node, id, mailserver, &reason);
            Err(reason)
        }
    }
}

/// The signal at the begin of a request.
pub(crate) fn started(node: &Node, id: &str) {
    let event = json!({"requestId": id, "batchIndex": 0, "numBatches": 1});
    let event = || named(node.is_modern(), event);
    node.signals.emit("history.request.started", event);
}

/// What a request brought, and the signals at its end.
pub(crate) fn completed(node: &Rc<Node>, id: &str, messages: Vec<(u64, Message)>) {
    let new = messages.into_iter();
    let new = new.filter(|(sequence, message)| node.receive(*sequence, message.clone()));
    let new: Vec<_> = new.collect();
    let completed = json!({"requestId": id, "batchIndex": 0});
    if node.is_modern() {
        let completed = || named(true, completed);
        node.signals.emit("history.request.completed", completed);
        announce_later(node, new);
    } else {
        node.announce_messages(&new);
        let batch = json!({"requestId": id, "batchIndex": 1, "numBatches": 1});
        (node.signals).emit("history.request.batch.processed", || batch);
        (node.signals).emit("history.request.completed", || completed);
    }
    node.journal.note();
}

fn failed(node: &Node, id: String, mailserver: &str, reason: &str) {
    let mut event = json!({"requestId": id, "batchIndex": 0, "errorMessage": reason});
    if node.is_modern() {
        event["requestId"] = format!("{:064x}", random(node)).into();
        event["peerId"] = mailserver.into();
    }
    node.signals.emit("history.request.failed", || event);
}

/// Nodes of 2024 add an empty peer id.
fn named(modern: bool, mut event: Value) -> Value {
    if modern {
        event["peerId"] = "".into();
    }
    event
}

/// Everything that a mailserver has since the last request.
pub(crate) async fn fetch(
    node: &Rc<Node>,
    mailserver: &str,
) -> Result<Vec<(u64, Message)>, String> {
    let asks = asks(node, mailserver).await?;
    let after = node.state.borrow().synced;
    let (answer, answered) = oneshot::channel();
    // If the connection is just being lost, the answer's sender is dropped and says so.
    let _ = asks.send(Ask::History { after, answer });
    let reset = || "stream reset".to_owned();
    if node.is_modern() {
        match timeout(node.scaled(MODERN_LIMIT), answered).await {
            Ok(answered) => answered.map_err(|_| reset())?,
            Err(_) => Err("context deadline exceeded".into()),
        }
    } else {
        // Without a limit of its own: it can hang for ever (recorded on v0.94).
        answered.await.map_err(|_| reset())?
    }
}

/// The connection to a peer, made now if there is none.
pub(crate) async fn asks(
    node: &Rc<Node>,
    peer: &str,
) -> Result<mpsc::UnboundedSender<Ask>, String> {
    if !node.is_connected(peer) {
        if node.is_modern() && node.state.borrow().peers.is_empty() {
            // An offline node of 2024 does not dial by itself (recorded).
            return Err("no peers".into());
        }
        let Some(address) = known_address(node, peer) else {
            return Err(format!("failed to dial {peer}: no addresses"));
        };
        let dialled = node.dial(peer, address).await;
        dialled.map_err(|failure| dialling::text(node, peer, address, &failure))?;
    }
    let state = node.state.borrow();
    let peer = state.peers.get(peer).map(|peer| peer.asks.clone());
    peer.ok_or_else(|| "stream reset".to_owned())
}

fn known_address(node: &Node, peer: &str) -> Option<SocketAddr> {
    let known = node
        .state
        .borrow()
        .known
        .get(peer)
        .map(|known| known.address);
    known.or_else(|| node.mailserver(peer).map(|mailserver| mailserver.address()))
}

fn announce_later(node: &Rc<Node>, messages: Vec<(u64, Message)>) {
    if !messages.is_empty() {
        let telling = node.clone();
        node.tasks.spawn(async move {
            sleep(telling.scaled(MODERN_DELAY)).await;
            telling.announce_messages(&messages);
        });
    }
}

/// The answer of a request that was made. The messages are in `messages.new`, not here.
pub(crate) fn summary(node: &Node) -> Value {
    let mut answer = json!({"notifications": null});
    if !node.state.borrow().received.is_empty() {
        answer["chats"] = json!([chat(node.now.get())]);
    }
    if node.is_modern() {
        answer["discordOldestMessageTimestamp"] = 0.into();
    }
    answer
}

fn random(node: &Node) -> u64 {
    node.random.borrow_mut().next_u64()
}

fn request_id(node: &Node) -> String {
    let (high, low) = (random(node), random(node));
    let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0x0fff);
    let (d, e) = (low >> 52, low & 0xffff_ffff_ffff);
    format!("{a:08x}-{b:04x}-4{c:03x}-8{d:03x}-{e:012x}")
}
