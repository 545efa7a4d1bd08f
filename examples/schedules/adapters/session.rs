//! The life of a session with the node, as `src/node/session.rs` leads it.

use std::{rc::Rc, time::Duration};

use actors::{
    messages::node::{ConnectionChanged, MessagesArrived},
    model::node::{NodeError, NodeState},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};

use super::{link::Link, tell};
use crate::node::{Process, Signal};

/// The pauses between two tries to reach a node.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// How often the settings are read again.
const READING: Duration = Duration::from_secs(60);

/// How long the peers may stay unheard of.
const SILENCE: Duration = Duration::from_secs(15);

/// Waits for the node, follows it until it goes away, and starts over.
pub(super) async fn run(link: Rc<Link>) {
    link.attached.notified().await;
    loop {
        wait(&link).await;
        link.closed.set(false);
        let signals = link.node.subscribe();
        let profile = link.profile();
        link.announce(NodeState::Ready { profile }).await;
        let dispatching = signals.map(|it| tokio::task::spawn_local(dispatch(link.clone(), it)));
        let error = follow(&link).await;
        if let Some(dispatching) = dispatching {
            dispatching.abort();
        }
        link.announce(away(&error)).await;
    }
}

async fn wait(link: &Link) {
    let mut pause = PAUSES.0;
    while let Err(error) = read(link).await {
        let away = away(&error);
        let known = link.state.borrow().clone();
        let told =
            known.is_some_and(|it| std::mem::discriminant(&it) == std::mem::discriminant(&away));
        if !told {
            link.announce(away).await;
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Whether the node answers.
async fn read(link: &Link) -> Result<(), NodeError> {
    link.call(|_: Rc<Process>| async { Ok(()) }).await
}

fn away(error: &NodeError) -> NodeState {
    match error {
        NodeError::NotLoggedIn => NodeState::LoggedOut,
        error => NodeState::Unreachable {
            reason: error.to_string(),
        },
    }
}

/// Follows the node until it goes away; why it is thought to have.
async fn follow(link: &Link) -> NodeError {
    let mut reading = Instant::now() + READING;
    let mut looking = Instant::now() + SILENCE;
    let mut heard = link.snapshots.get();
    loop {
        let outcome = tokio::select! {
            biased;
            () = link.alarm.notified() => match link.closed.get() {
                true => Err(NodeError::Transport("the signals ended".into())),
                false => read(link).await,
            },
            () = sleep_until(reading) => {
                reading = Instant::now() + READING;
                read(link).await
            }
            () = sleep_until(looking) => {
                let silent = std::mem::replace(&mut heard, link.snapshots.get()) == link.snapshots.get();
                looking = Instant::now() + SILENCE;
                if silent { link.refresh().await } else { Ok(()) }
            }
        };
        if let Err(error) = outcome
            && error.is_absence()
        {
            return error;
        }
    }
}

/// Hands signals on, at the speed at which they are taken.
async fn dispatch(link: Rc<Link>, mut signals: mpsc::UnboundedReceiver<Signal>) {
    while let Some(signal) = signals.recv().await {
        let Some(listeners) = link.listeners() else {
            continue;
        };
        match signal {
            Signal::Peers(peers) => {
                link.snapshots.set(link.snapshots.get() + 1);
                link.deliver(peers).await;
            }
            Signal::Connection(said) => {
                if !said.is_online() {
                    link.forget_listed();
                }
                for listener in &listeners.connection {
                    tell(listener, ConnectionChanged(said)).await;
                }
            }
            Signal::History(signal) => {
                for listener in &listeners.history_signals {
                    tell(listener, signal.clone()).await;
                }
            }
            Signal::Switched(switched) => {
                // Whether anybody waits for it is not known.
                let _ = link.switches.send(switched.clone());
                tell(&listeners.switched, switched).await;
            }
            Signal::Messages(messages) => {
                let gaps = Vec::new();
                for listener in &listeners.messages {
                    let gaps = gaps.clone();
                    tell(listener, MessagesArrived { messages, gaps }).await;
                }
            }
        }
    }
    link.closed.set(true);
    link.alarm.notify_one();
}
