//! Nodes with a mailserver cycle of their own (2022-03 – 2026): the pin is the lever.

use std::time::Duration;

use actors::{
    messages::node::NodeSwitched,
    model::{
        mailserver::Mailserver,
        node::{Connection, NodeError},
    },
};
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::node::{
    link::{Attempt, Link},
    observe,
    pin_memory::PinRecord,
};

/// How long the node may take to say that it follows a pin; recorded on 2024-10: 2–5 ms.
const CONFIRMATION: Duration = Duration::from_secs(5);

/// How long it may still change its mind after it chose another one instead.
const SECOND_THOUGHT: Duration = Duration::from_millis(500);

/// Dials it, as the proof that it lives (the node itself would follow a pin to a dead one and say
/// `mailserver.available`), pins it, and waits until the node follows: it ignores a pin that it does not
/// know (both recorded on 2024-10).
pub(crate) async fn connect(
    link: &Link,
    attempt: Attempt,
    mailserver: &Mailserver,
) -> Result<Connection, NodeError> {
    observe::introduce(link, mailserver).await?;
    let lock = link.lock_orders_for(attempt).await?;
    let record = prepare(link, mailserver);
    *link.chosen.borrow_mut() = Some(mailserver.clone());
    let mut switches = link.inbox.switches();
    let pins = json!([{ mailserver.fleet.as_str(): mailserver.id.as_str() }]);
    link.rpc
        .call::<IgnoredAny>("wakuext_setPinnedMailservers", pins)
        .await?;
    remember(link, mailserver, &record.taken());
    drop(lock);
    if !link.hears() {
        return Ok(Connection::Connected);
    }
    match tokio::time::timeout(CONFIRMATION, confirm(&mut switches, mailserver)).await {
        Ok(outcome) => outcome.map(|()| Connection::Connected),
        Err(_) => Err(NodeError::PinIgnored(format!(
            "it did not switch within {CONFIRMATION:?}"
        ))),
    }
}

/// Remembered before the node is told: if the sidecar ends meanwhile, it is known whose pin it was.
fn prepare(link: &Link, mailserver: &Mailserver) -> PinRecord {
    let user_pin = link.user_pin.borrow().clone();
    let replaced = user_pin
        .filter(|(fleet, _)| *fleet == mailserver.fleet)
        .map(|(_, pin)| pin);
    let before = link.pins.load(&mailserver.fleet);
    let record = PinRecord::attempt(&mailserver.id, replaced, before);
    remember(link, mailserver, &record);
    record
}

fn remember(link: &Link, mailserver: &Mailserver, record: &PinRecord) {
    if link.pins.load(&mailserver.fleet).as_ref() == Some(record) {
        return;
    }
    if let Err(reason) = link.pins.store(&mailserver.fleet, record) {
        tracing::warn!(fleet = mailserver.fleet, reason, "pin not remembered");
    }
}

/// Whether the node names another mailserver than this one; none is no other one.
pub(crate) fn differs(switched: &NodeSwitched, told: &Mailserver) -> bool {
    name_of(switched).is_some() && !names(switched, told)
}

/// Waits for the switch to the pinned one. A pin makes the node leave its mailserver first, so that a
/// switch to none and then to another one is its answer to a pin that it ignores.
async fn confirm(
    switches: &mut Receiver<NodeSwitched>,
    pinned: &Mailserver,
) -> Result<(), NodeError> {
    let mut left = false;
    loop {
        let switched = match switches.recv().await {
            Ok(switched) => switched,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return std::future::pending().await,
        };
        if names(&switched, pinned) {
            return Ok(());
        }
        match name_of(&switched) {
            None => left = true,
            Some(other) if left => {
                return tokio::time::timeout(
                    SECOND_THOUGHT,
                    Box::pin(confirm_later(switches, pinned)),
                )
                .await
                .map_err(|_| NodeError::PinIgnored(format!("it chose {other}")));
            }
            Some(_) => {}
        }
    }
}

async fn confirm_later(switches: &mut Receiver<NodeSwitched>, pinned: &Mailserver) {
    loop {
        match switches.recv().await {
            Ok(switched) if names(&switched, pinned) => return,
            Err(RecvError::Closed) => return std::future::pending().await,
            _ => {}
        }
    }
}

fn names(switched: &NodeSwitched, mailserver: &Mailserver) -> bool {
    switched.id.as_ref() == Some(&mailserver.id)
        || switched.identity.as_ref() == Some(&mailserver.identity)
}

fn name_of(switched: &NodeSwitched) -> Option<String> {
    switched
        .id
        .clone()
        .or_else(|| switched.identity.as_ref().map(ToString::to_string))
}
