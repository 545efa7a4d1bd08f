//! Dispatches signals to the actors, at the speed at which they take them.

use std::rc::Rc;

use actors::{messages::node::NodeSwitched, model::node::Mode};

use crate::node::{
    config::ConfiguredMode,
    inbox::{Delivery, SessionEvent},
    link::{Link, tell},
    pin,
};

/// Delivers for as long as it is polled. What arrives while there is no session concerns nobody.
pub(crate) async fn dispatch(link: Rc<Link>) {
    loop {
        let delivery = link.inbox.next().await;
        let (Ok(_), Some(listeners)) = (link.driving(), link.listeners()) else {
            continue;
        };
        match delivery {
            Delivery::Peers(snapshot) => link.deliver(snapshot).await,
            Delivery::Connection(said) => link.tell_connectedness(said).await,
            Delivery::History(signal) => {
                for listener in &listeners.history_signals {
                    tell(listener, signal.clone()).await;
                }
            }
            Delivery::Messages(arrived) => link.tell_messages(arrived).await,
            Delivery::Switched(switched) => {
                if shows_own_cycle(&link, &switched) {
                    link.inbox.notify_session(SessionEvent::OwnCycle);
                }
                if left_our_choice(&link, &switched) {
                    link.inbox.notify_session(SessionEvent::Switched);
                }
                tell(&listeners.switched, switched).await;
            }
        }
    }
}

/// Whether a node that is driven by its pin uses another mailserver than it was told to.
fn left_our_choice(link: &Link, switched: &NodeSwitched) -> bool {
    let pinned = link
        .driving()
        .is_ok_and(|driving| driving.mode == Mode::Pin);
    let chosen = link.chosen.borrow();
    pinned
        && chosen
            .as_ref()
            .is_some_and(|chosen| pin::differs(switched, chosen))
}

/// Whether a node that is driven as a classic one chose a mailserver by itself. A classic node sends no
/// such signal when it is driven from outside (recorded on v0.94).
fn shows_own_cycle(link: &Link, switched: &NodeSwitched) -> bool {
    let classic = link
        .driving()
        .is_ok_and(|driving| matches!(driving.mode, Mode::Waku1 | Mode::Waku2));
    let named = switched.identity.is_some() || switched.id.is_some();
    let chosen = link.chosen.borrow();
    let chosen = chosen.as_ref().map(|it| &it.identity);
    let ours = chosen.is_some() && switched.identity.as_ref() == chosen;
    classic && named && !ours && link.config.mode == ConfiguredMode::Auto
}
