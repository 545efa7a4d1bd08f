//! Descriptions of communities, asked of the mailserver in use.

use std::{rc::Rc, time::Duration};

use actors::model::node::Mode;
use serde_json::{Value, json};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

use super::{
    asking,
    link::Ask,
    node::Node,
    rpc::{self, Answer, Go, Refusal},
};

/// v0.94 waits this long before it says that a mailserver does not know a community (recorded).
const CLASSIC_WAIT: Duration = Duration::from_secs(15);

/// Nodes of 2024 wait this long for a mailserver to ask (recorded: 62 s).
const MODERN_WAIT: Duration = Duration::from_secs(62);

/// The shortest public key of a community, `0x` included.
const KEY_LENGTH: usize = 68;

/// `wakuext_communities []`: those that the node knows, null if it knows none.
pub(crate) fn list(node: &Node, params: &[Value]) -> Answer {
    rpc::check(params, &[])?;
    let state = node.state.borrow();
    let known = state.communities.iter();
    Ok(match state.communities.is_empty() {
        true => Value::Null,
        false => known.map(|(id, name)| description(id, name)).collect(),
    })
}

/// `wakuext_requestCommunityInfoFromMailserver [id]` of v0.94: an id that was asked once and not found
/// is answered with null from then on.
pub(crate) async fn request_classic(node: &Rc<Node>, params: &[Value]) -> Answer {
    rpc::check(params, &[Go::Text])?;
    let id = rpc::text(params, 0);
    if !id.starts_with("0x") {
        return Err(Refusal::failed("hex string without 0x prefix"));
    }
    if let Some(known) = known(node, id) {
        // From then on requests for history hang (recorded on v0.94 with waku v1).
        node.state.borrow_mut().history_faults.hung |= node.setup.mode == Mode::Waku1;
        return Ok(known);
    }
    if !node
        .state
        .borrow_mut()
        .asked_communities
        .insert(id.to_owned())
    {
        return Ok(Value::Null);
    }
    let Some(mailserver) = node.state.borrow().used.clone() else {
        return Ok(Value::Null);
    };
    let limit = node.scaled(CLASSIC_WAIT);
    if let Ok(Ok(Some(found))) = timeout(limit, ask(node, &mailserver, id)).await {
        return Ok(found);
    }
    sleep(limit).await;
    Ok(Value::Null)
}

/// `wakuext_requestCommunityInfoFromMailserver [id]` of 2024.
pub(crate) async fn request_modern(node: &Rc<Node>, params: &[Value]) -> Answer {
    rpc::check(params, &[Go::Text])?;
    fetch(node, rpc::text(params, 0), true, true).await
}

/// `wakuext_fetchCommunity [{communityKey, tryDatabase, waitForResponse}]` of 2024.
pub(crate) async fn fetch_modern(node: &Rc<Node>, params: &[Value]) -> Answer {
    rpc::check(params, &[Go::Struct("protocol.FetchCommunityRequest")])?;
    let request = &params[0];
    let id = request["communityKey"].as_str().unwrap_or_default();
    let flag = |name: &str| request[name].as_bool().unwrap_or(false);
    fetch(node, id, flag("tryDatabase"), flag("waitForResponse")).await
}

async fn fetch(node: &Rc<Node>, id: &str, try_database: bool, wait: bool) -> Answer {
    if id.len() < KEY_LENGTH {
        return Err(Refusal::failed(
            "invalid request: community key is too short",
        ));
    }
    if let Some(known) = known(node, id).filter(|_| try_database) {
        return Ok(known);
    }
    if !wait {
        let (asking, id) = (node.clone(), id.to_owned());
        node.session.spawn(async move {
            ask_any(&asking, &id).await;
        });
        return Ok(Value::Null);
    }
    if !node.uses_mailservers() || whom(node).is_empty() {
        sleep(node.scaled(MODERN_WAIT)).await;
        return Err(Refusal::failed("store node is not available"));
    }
    Ok(ask_any(node, id).await.unwrap_or(Value::Null))
}

/// The mailserver in use, or the stores that are tried for a query.
fn whom(node: &Node) -> Vec<String> {
    match node.setup.mode {
        Mode::Observe if node.state.borrow().peers.is_empty() => Vec::new(),
        Mode::Observe => node.stores_to_try(),
        _ => node.state.borrow().used.clone().into_iter().collect(),
    }
}

/// Asks the first of them that can be asked.
async fn ask_any(node: &Rc<Node>, id: &str) -> Option<Value> {
    for mailserver in whom(node) {
        match ask(node, &mailserver, id).await {
            Ok(answer) => return answer,
            Err(_) => node.store_failed(&mailserver),
        }
    }
    None
}

fn known(node: &Node, id: &str) -> Option<Value> {
    let state = node.state.borrow();
    state.communities.get(id).map(|name| description(id, name))
}

/// Asks the mailserver and, if it knows, tells. An error: it cannot be asked.
async fn ask(node: &Rc<Node>, mailserver: &str, id: &str) -> Result<Option<Value>, String> {
    let asks = asking::connection(node, mailserver).await?;
    let (answer, answered) = oneshot::channel();
    let _ = asks.send(Ask::Community {
        id: id.to_owned(),
        answer,
    });
    let Ok(Some(name)) = answered.await else {
        return Ok(None);
    };
    let found = description(id, &name);
    node.state
        .borrow_mut()
        .communities
        .insert(id.to_owned(), name);
    node.signals.emit("community.found", || found.clone());
    node.journal.note();
    Ok(Some(found))
}

fn description(id: &str, name: &str) -> Value {
    json!({"id": id, "name": name, "description": name, "verified": false, "joined": false, "chats": {}})
}
