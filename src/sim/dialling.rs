//! `wakuext_dialPeer`, and the words in which a dial fails.

use std::{net::SocketAddr, rc::Rc};

use actors::model::node::Mode;
use serde_json::Value;

use super::{
    address,
    link::DialFailure,
    node::Node,
    peers::NotConnected,
    rpc::{self, Answer, Go, Refusal},
};

/// `wakuext_dialPeer [multiaddr]`: null when connected, also when it was before, whatever the address.
pub(crate) async fn dial_peer(node: &Rc<Node>, params: &[Value]) -> Answer {
    rpc::check(params, &[Go::Text])?;
    if node.setup.mode == Mode::Waku1 {
        return Err(Refusal::failed("not available in WakuV1"));
    }
    let target = address::multiaddr(rpc::text(params, 0)).map_err(Refusal::failed)?;
    let peer = target.peer;
    if node.is_connected(&peer) {
        return Ok(Value::Null);
    }
    let Some(address) = target.address else {
        let reason = format!("failed to dial {peer}: no good addresses");
        return Err(Refusal::failed(prefixed(node, &reason)));
    };
    match node.dial(&peer, address).await {
        Ok(()) => Ok(Value::Null),
        Err(failure) => Err(Refusal::failed(text(node, &peer, address, &failure))),
    }
}

/// The text of a failed dial (recorded on v0.94 and 2024-10).
pub(crate) fn text(node: &Node, peer: &str, address: SocketAddr, failure: &NotConnected) -> String {
    let modern = node.is_modern();
    let security = "failed to negotiate security protocol";
    let deadline = "context deadline exceeded";
    let detail = match failure {
        NotConnected::Backoff => "dial backoff".into(),
        NotConnected::Failed(failure) => match failure {
            DialFailure::ConnectTimeout | DialFailure::Silent if !modern => return deadline.into(),
            DialFailure::ConnectTimeout => format!("dial tcp4 {address}: i/o timeout"),
            DialFailure::Silent => format!("{security}: {deadline}"),
            DialFailure::Unreachable => {
                format!("dial tcp4 {address}: connect: network is unreachable")
            }
            DialFailure::Refused => format!("dial tcp4 {address}: connect: connection refused"),
            DialFailure::Closed => format!("{security}: EOF"),
            DialFailure::Mismatch { found } => {
                format!(
                    "{security}: peer id mismatch: expected {peer}, but remote key matches {found}"
                )
            }
        },
    };
    let all = if modern { " all dials failed" } else { "" };
    let place = format!("/ip4/{}/tcp/{}", address.ip(), address.port());
    let reason = format!("failed to dial {peer}:{all}\n  * [{place}] {detail}");
    prefixed(node, &reason)
}

fn prefixed(node: &Node, reason: &str) -> String {
    if node.is_modern() {
        format!("failed to dial: {reason}")
    } else {
        reason.into()
    }
}
