//! Classic waku v2 nodes (status-go v0.88.4 – v0.95): mailservers are libp2p peers.

use actors::model::{
    mailserver::Mailserver,
    node::{Connection, NodeError},
};
use serde::de::IgnoredAny;
use serde_json::json;

use crate::node::link::{Attempt, Link};

/// Dials it unless it is connected, then makes it the mailserver. The second call accepts anything
/// (recorded on v0.94: garbage shows only in the next history request), so the dial is the proof.
pub(crate) async fn connect(
    link: &Link,
    attempt: Attempt,
    mailserver: &Mailserver,
) -> Result<Connection, NodeError> {
    introduce(link, mailserver).await?;
    let _lock = link.lock_orders_for(attempt).await?;
    let id = json!([mailserver.identity.as_str()]);
    link.rpc
        .call::<IgnoredAny>("wakuext_setMailserver", id)
        .await?;
    *link.chosen.borrow_mut() = Some(mailserver.clone());
    Ok(Connection::Connected)
}

/// Dials it unless it is connected. Blocks: 2 ms for a refusal, 5 s for a black hole (v0.94 and 2024-10);
/// soon after a failure the node refuses to try again, which is [`NodeError::DialBackoff`].
pub(crate) async fn introduce(
    link: &Link,
    mailserver: &Mailserver,
) -> Result<Connection, NodeError> {
    if !link.lists(&mailserver.identity) {
        link.rpc
            .call::<IgnoredAny>("wakuext_dialPeer", json!([mailserver.address.dial()]))
            .await?;
        link.note_dialled(&mailserver.identity);
    }
    Ok(Connection::Connected)
}

/// Asks the node to drop it: on v0.94 a silent no-op, and the node redials every peer that it ever knew.
pub(crate) async fn drop_peer(link: &Link, mailserver: &Mailserver) -> Result<(), NodeError> {
    let id = json!([mailserver.identity.as_str()]);
    link.rpc.call::<IgnoredAny>("wakuext_dropPeer", id).await?;
    link.note_dropped(&mailserver.identity);
    Ok(())
}
