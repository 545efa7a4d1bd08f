//! Classic waku v1 nodes (status-go up to v0.95): mailservers are trusted devp2p peers.

use actors::model::{
    mailserver::Mailserver,
    node::{Connection, NodeError},
};
use serde::de::IgnoredAny;
use serde_json::json;

use crate::node::link::{Attempt, Link};

/// Makes it the mailserver in use, and the standby one that is kept connected: of the list that a node is given, it
/// asks the first one for history. The node answers at once, for dead ones too (recorded on v0.94), so that only
/// the peer list proves a connection; and it sends no summary if it was connected before.
pub(crate) async fn connect(
    link: &Link,
    attempt: Attempt,
    mailserver: &Mailserver,
    standby: Option<&Mailserver>,
) -> Result<Connection, NodeError> {
    let standby = standby.filter(|it| it.identity != mailserver.identity);
    let used = std::iter::once(mailserver);
    let enodes: Vec<_> = used.chain(standby).map(|it| it.address.dial()).collect();
    let _lock = link.lock_orders_for(attempt).await?;
    link.rpc
        .call::<IgnoredAny>("wakuext_updateMailservers", json!([enodes]))
        .await?;
    *link.chosen.borrow_mut() = Some(mailserver.clone());
    Ok(if link.lists(&mailserver.identity) {
        Connection::Connected
    } else {
        Connection::Pending
    })
}

/// Makes it a peer beside the mailserver in use, which stays the first of the list. The answer is null for dead
/// ones too.
pub(crate) async fn introduce(
    link: &Link,
    mailserver: &Mailserver,
) -> Result<Connection, NodeError> {
    if link.lists(&mailserver.identity) {
        return Ok(Connection::Connected);
    }
    let enode = mailserver.address.dial();
    // Whom the call before this one has set.
    let _lock = link.lock_orders().await;
    let used = link.chosen.borrow().clone();
    let (method, params) = match &used {
        Some(used) => {
            let enodes = json!([[used.address.dial(), enode]]);
            ("wakuext_updateMailservers", enodes)
        }
        None => ("admin_addPeer", json!([enode])),
    };
    link.rpc.call::<IgnoredAny>(method, params).await?;
    Ok(Connection::Pending)
}

/// Removes it as a peer. Added again, it is connected to only 35 s after its last dial (v0.94).
pub(crate) async fn drop_peer(link: &Link, mailserver: &Mailserver) -> Result<(), NodeError> {
    link.rpc
        .call::<IgnoredAny>("admin_removePeer", json!([mailserver.address.dial()]))
        .await?;
    link.note_dropped(&mailserver.identity);
    Ok(())
}
