//! Questions of the node to a mailserver, over its real connection to it.

use std::{net::SocketAddr, rc::Rc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{batch::Batch, dialling, link::Ask, message::Message, node::Node};

/// Nodes of 2024 give up a question after this (recorded: 22 s to the next mailserver, 2 of them a pause).
const MODERN_LIMIT: Duration = Duration::from_secs(20);

/// What a mailserver holds of a batch.
pub(crate) async fn history(
    node: &Rc<Node>,
    mailserver: &str,
    batch: Batch,
) -> Result<Vec<(u64, Message)>, String> {
    let asks = connection(node, mailserver).await?;
    let (answer, answered) = oneshot::channel();
    // If the connection is just being lost, the answer's sender is dropped and says so.
    let _ = asks.send(Ask::History { batch, answer });
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
pub(crate) async fn connection(
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
