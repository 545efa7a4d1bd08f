//! What is noticed at once, whoever does not say it: a mailserver that hangs, an outage, a sleep.

use std::time::Duration;

use actors::{messages::events::Event, model::node::Mode};
use mailserver_sidecar::sim::{self, Fault};

use crate::rig::{MODES, Rig, node};

/// A node that would notice a hung mailserver by itself only after the test is over.
fn slow_to_notice(mode: Mode) -> sim::Settings {
    sim::Settings {
        speed: 0.2,
        ..node(mode)
    }
}

#[actix::test]
async fn an_idle_mailserver_that_hangs_is_left_though_the_node_lists_it() {
    for mode in MODES {
        let mut rig = Rig::serve(slow_to_notice(mode), &["watch.interval=200ms"]).await;
        let active = rig.available().await;
        rig.nothing_missing().await;
        rig.standby().await;
        rig.sim.set_fault(active, Fault::Hung).unwrap();
        assert_ne!(rig.available().await, active, "{mode:?}");
        let offline = |it: &Event| matches!(it, Event::Offline { .. });
        assert!(!rig.told.iter().any(offline), "{mode:?}: {}", rig.story());
    }
}

#[actix::test]
async fn the_standby_takes_over() {
    for mode in MODES {
        let mut rig = Rig::serve(node(mode), &["selector.standby=hot"]).await;
        let active = rig.available().await;
        rig.nothing_missing().await;
        let standby = rig.standby().await;
        assert_ne!(standby, active, "{mode:?}");
        let id = rig.sim.mailservers()[standby].id.clone();
        let listed =
            |it: &Event| matches!(it, Event::PeerConnected { mailserver } if mailserver.id == id);
        if !rig.told.iter().any(listed) {
            rig.event("the standby is a peer", listed).await;
        }
        rig.sim.set_fault(active, Fault::Killed).unwrap();
        rig.sim.publish("while it was away");
        assert_eq!(rig.available().await, standby, "{mode:?}");
        rig.nothing_missing().await;
    }
}

#[actix::test]
async fn when_all_mailservers_are_gone_we_are_offline_and_nobody_gets_a_bad_mark() {
    for mode in MODES {
        let mut rig = Rig::serve(node(mode), &[]).await;
        rig.available().await;
        rig.nothing_missing().await;
        let count = rig.sim.mailservers().len();
        for index in 0..count {
            rig.sim.set_fault(index, Fault::Killed).unwrap();
        }
        let offline = |it: &Event| matches!(it, Event::Offline { .. });
        rig.event("we are offline", offline).await;
        rig.sim.set_fault(3, Fault::None).unwrap();
        rig.sim.publish("to the one that is back");
        assert_eq!(rig.available().await, 3, "{mode:?}");
        rig.nothing_missing().await;
        let memory = rig.status().await.memory;
        let blameless = memory.values().all(|it| it.failures.is_empty());
        assert!(blameless, "{mode:?}: {memory:#?}");
        let verdicts = |wanted: &str| rig.told.iter().filter(|it| it.name() == wanted).count();
        assert_eq!(
            (verdicts("offline"), verdicts("online")),
            (1, 1),
            "{}",
            rig.story()
        );
    }
}

#[actix::test]
async fn after_a_sleep_one_request_covers_what_was_missed() {
    for mode in [Mode::Waku1, Mode::Waku2] {
        let mut rig = Rig::serve(node(mode), &[]).await;
        let active = rig.available().await;
        rig.nothing_missing().await;
        let completed = |it: &Event| matches!(it, Event::HistoryCompleted { .. });
        rig.event("the first request is answered", completed).await;
        let told = rig.told.len();
        rig.ahead.set(Duration::from_secs(3600));
        let asleep = |it: &Event| matches!(it, Event::Asleep { .. });
        rig.event("we slept", asleep).await;
        rig.event("the request is answered", completed).await;
        let since: Vec<&str> = rig.told[told..].iter().map(Event::name).collect();
        let requests = since.iter().filter(|it| **it == "history:requested");
        assert_eq!(requests.count(), 1, "{mode:?}: {since:?}");
        let status = rig.status().await;
        let still = rig.sim.mailservers()[active].id.clone();
        assert_eq!(
            status.active.unwrap().mailserver.id,
            still,
            "nothing was rotated"
        );
    }
}

#[actix::test]
async fn a_node_that_stays_offline_is_brought_back_by_a_dial() {
    let mut rig = Rig::serve(node(Mode::Pin), &[]).await;
    rig.available().await;
    rig.nothing_missing().await;
    rig.sim.node_offline(true);
    let gone = |it: &Event| matches!(it, Event::PeerDisconnected { .. });
    rig.event("the node has lost it", gone).await;
    rig.sim.publish("while it had no network");
    rig.sim.node_offline(false);
    rig.available().await;
    rig.nothing_missing().await;
}
