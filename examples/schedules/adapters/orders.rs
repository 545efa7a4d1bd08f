//! Orders to the node about its mailservers, in each mode.

use std::{rc::Rc, time::Duration};

use actors::{
    messages::node::Connect,
    model::{
        mailserver::Mailserver,
        node::{Connection, Mode, NodeError},
    },
};
use tokio::sync::broadcast::error::RecvError;

use super::link::Link;
use crate::node::{NotConnected, Process};

/// How long the node may take to say that it follows a pin.
const CONFIRMATION: Duration = Duration::from_secs(5);

/// Makes it the mailserver in use.
pub(super) async fn connect(
    link: &Link,
    attempt: u64,
    order: Connect,
) -> Result<Connection, NodeError> {
    let used = number(link, &order.mailserver)?;
    match link.node.mode {
        Mode::Waku1 => {
            let standby = order.standby.as_ref().map(|it| number(link, it));
            use_first(link, used, standby.transpose()?).await
        }
        Mode::Waku2 => {
            dial(link, used).await?;
            link.stands(attempt)?;
            let set = move |process: Rc<Process>| async move {
                process.used.set(Some(used));
                Ok(())
            };
            link.call(set).await?;
            link.chosen.set(Some(used));
            Ok(Connection::Connected)
        }
        Mode::Pin => {
            dial(link, used).await?;
            link.stands(attempt)?;
            pin(link, used).await
        }
        Mode::Observe => Err(NodeError::NotPossible),
    }
}

/// Makes the node know it as a peer.
pub(super) async fn introduce(
    link: &Link,
    mailserver: &Mailserver,
) -> Result<Connection, NodeError> {
    let store = number(link, mailserver)?;
    if link.node.mode != Mode::Waku1 {
        return dial(link, store).await.map(|()| Connection::Connected);
    }
    if link.lists(store) {
        return Ok(Connection::Connected);
    }
    let want = move |process: Rc<Process>| async move {
        process.want(store);
        Ok(())
    };
    link.call(want).await.map(|()| Connection::Pending)
}

/// Drops it as a peer.
pub(super) async fn drop_peer(link: &Link, mailserver: &Mailserver) -> Result<(), NodeError> {
    let store = number(link, mailserver)?;
    match link.node.mode {
        Mode::Waku1 => {
            let leave = move |process: Rc<Process>| async move {
                process.leave(store);
                Ok(())
            };
            link.call(leave).await?;
            link.note_listed(store, false);
            Ok(())
        }
        // Nothing happens on nodes of 2022 (recorded); the next pin is the drop of those of 2024.
        Mode::Waku2 | Mode::Pin => Ok(()),
        Mode::Observe => Err(NodeError::NotPossible),
    }
}

fn number(link: &Link, mailserver: &Mailserver) -> Result<usize, NodeError> {
    let found = link.node.world.find(&mailserver.identity);
    found.ok_or_else(|| NodeError::Node {
        code: -32_000,
        message: "no such mailserver".into(),
    })
}

/// waku1: answered at once, for dead ones too.
async fn use_first(
    link: &Link,
    used: usize,
    standby: Option<usize>,
) -> Result<Connection, NodeError> {
    let update = move |process: Rc<Process>| async move {
        process.used.set(Some(used));
        process.want(used);
        standby.into_iter().for_each(|it| process.want(it));
        Ok(())
    };
    link.call(update).await?;
    link.chosen.set(Some(used));
    Ok(match link.lists(used) {
        true => Connection::Connected,
        false => Connection::Pending,
    })
}

async fn dial(link: &Link, store: usize) -> Result<(), NodeError> {
    if link.lists(store) {
        return Ok(());
    }
    if !link.dials {
        return Err(NodeError::UnknownMethod("wakuext_dialPeer".into()));
    }
    let dial = move |process: Rc<Process>| async move {
        process.dial(store).await.map_err(|failure| match failure {
            NotConnected::Backoff => NodeError::DialBackoff,
            NotConnected::Failed => NodeError::Node {
                code: -32_000,
                message: "failed to dial".into(),
            },
        })
    };
    link.call(dial).await?;
    link.note_listed(store, true);
    Ok(())
}

/// Pins it, and waits until the node says that it follows.
async fn pin(link: &Link, store: usize) -> Result<Connection, NodeError> {
    link.chosen.set(Some(store));
    let mut switches = link.switches.subscribe();
    let pin = move |process: Rc<Process>| async move {
        process.pin(store);
        Ok(())
    };
    link.call(pin).await?;
    let identity = link.node.world.mailserver(store).identity;
    let confirmed = async {
        loop {
            match switches.recv().await {
                Ok(switched) if switched.identity.as_ref() == Some(&identity) => return,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    match tokio::time::timeout(CONFIRMATION, confirmed).await {
        Ok(()) => Ok(Connection::Connected),
        Err(_) => Err(NodeError::PinIgnored("it did not switch".into())),
    }
}
