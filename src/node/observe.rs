//! Nodes without a lever: they are watched, brought online, and asked to fetch history.

use actors::model::{
    address::Network,
    mailserver::Mailserver,
    node::{Connection, NodeError},
};

use crate::node::{link::Link, waku1, waku2};

/// Makes the node know it as a peer, on whichever network it is. A node that lost every peer stays offline
/// after they are back; one dial brings it online (recorded on 2024-10: 120 s without, 10 ms with it).
pub(crate) async fn introduce(
    link: &Link,
    mailserver: &Mailserver,
) -> Result<Connection, NodeError> {
    match mailserver.address.network() {
        Network::Waku1 => waku1::introduce(link, mailserver).await,
        Network::Waku2 => waku2::introduce(link, mailserver).await,
    }
}
