//! The node goes away and comes back: nobody has to look after it.

use crate::{
    foreign_node::{FLEET, ForeignNode, Generation, Mailserver},
    sidecar::{Event, Sidecar},
};

fn none(event: &Event) -> bool {
    event.told() == "mailserver:changed null"
}

/// All that is told before anything is known of the node: from the start of the sidecar on messages may be missed.
const FIRST_WINDOW: usize = 1;

#[actix::test]
async fn a_closed_port() {
    for generation in Generation::ALL {
        let mut node = ForeignNode::start(generation, 3);
        let sidecar = Sidecar::serve(&node, &[]).await;
        sidecar.settled(0).await;
        node.until_subscribed().await;
        for _ in 0..2 {
            let before = sidecar.now();
            node.stop().await;
            sidecar.event(before, "the outage is noticed", none).await;
            let status = sidecar.status().await;
            assert_eq!(status["node"]["state"], "unreachable", "{status}");
            let before = sidecar.now();
            node.restart();
            sidecar.settled(before).await;
            node.until_subscribed().await;
        }
        let outages = sidecar.log().matches("node not ready").count();
        assert!(outages <= 3, "one line per change: {outages}");
    }
}

#[actix::test]
async fn a_node_that_comes_later() {
    for generation in Generation::ALL {
        let mut node = ForeignNode::start(generation, 3);
        node.stop().await;
        let sidecar = Sidecar::serve(&node, &[]).await;
        sidecar.ticks(4).await;
        assert_eq!(sidecar.now(), FIRST_WINDOW, "{:?}", sidecar.events());
        node.restart();
        sidecar.settled(0).await;
    }
}

/// A proxy answers with a web page in the place of the node.
#[actix::test]
async fn a_page_instead_of_json() {
    for generation in Generation::ALL {
        let node = ForeignNode::start(generation, 3);
        node.state().html = true;
        let sidecar = Sidecar::serve(&node, &[]).await;
        sidecar.ticks(4).await;
        assert_eq!(sidecar.now(), FIRST_WINDOW, "{:?}", sidecar.events());
        let status = sidecar.status().await;
        assert_eq!(status["node"]["state"], "unreachable", "{status}");
        node.state().html = false;
        let first = sidecar.settled(0).await;
        // Again while connected; it is noticed when something has to be done.
        let before = sidecar.now();
        node.state().html = true;
        node.lose(node.index_of(&first));
        sidecar.event(before, "the outage is noticed", none).await;
        node.state().html = false;
        sidecar.settled(before).await;
    }
}

#[actix::test]
async fn nobody_is_logged_in() {
    for generation in Generation::ALL {
        let node = ForeignNode::start(generation, 3);
        node.state().logged_in = false;
        let sidecar = Sidecar::serve(&node, &[]).await;
        sidecar.ticks(4).await;
        let status = sidecar.status().await;
        assert_eq!(status["node"]["state"], "logged_out", "{status}");
        assert_eq!(sidecar.now(), FIRST_WINDOW);
        node.state().logged_in = true;
        sidecar.settled(0).await;
    }
}

#[actix::test]
async fn another_account_with_another_fleet() {
    for generation in Generation::ALL {
        let node = ForeignNode::start(generation, 2);
        let other = Mailserver::start(generation, 2, "other.fleet");
        node.state().mailservers.push(other);
        let sidecar = Sidecar::serve(&node, &[]).await;
        sidecar.settled(0).await;
        node.until_subscribed().await;
        let before = sidecar.now();
        {
            let mut state = node.state();
            assert_eq!(state.fleet, FLEET);
            state.account = "0x02".into();
            state.fleet = "other.fleet".into();
            state.peers.clear();
        }
        node.say_login();
        assert_eq!(
            sidecar.settled(before).await,
            "rig-store-2",
            "{generation:?}"
        );
        assert_eq!(sidecar.status().await["fleet"], "other.fleet");
        assert_eq!(
            sidecar.changes().last().unwrap(),
            "mailserver:changed rig-store-2"
        );
    }
}

/// It is back, with the same peers, before a call fails: only the signal socket tells. A classic node has
/// forgotten which mailserver it was to use.
#[actix::test]
async fn a_restart_that_is_over_at_once() {
    for generation in [Generation::Waku1, Generation::Waku2] {
        let mut node = ForeignNode::start(generation, 3);
        let sidecar = Sidecar::serve(&node, &[]).await;
        sidecar.settled(0).await;
        node.until_subscribed().await;
        let peers = node.state().peers.clone();
        let (before, calls) = (sidecar.now(), node.driving_calls().len());
        node.stop().await;
        node.state().peers = peers;
        node.restart();
        node.until_subscribed().await;
        node.say_login();
        sidecar.settled(before).await;
        let told = node.driving_calls()[calls..].to_vec();
        let uses = |method: &str| {
            method == "wakuext_setMailserver" || method == "wakuext_updateMailservers"
        };
        assert!(told.iter().any(|it| uses(&it.method)), "{told:?}");
    }
}
