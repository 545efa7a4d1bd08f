//! What goes wrong, and that no message is missed.

use mailserver_sidecar::sim::Fault;

use crate::rig::{MODES, Rig, node};

async fn survives(fault: Fault) {
    for mode in MODES {
        let mut rig = Rig::serve(node(mode), &[]).await;
        let active = rig.available().await;
        rig.nothing_missing().await;
        rig.sim.set_fault(active, fault).unwrap();
        rig.sim.publish("while it was away");
        let next = rig.available().await;
        assert_ne!(next, active, "{mode:?}");
        rig.nothing_missing().await;
    }
}

#[actix::test]
async fn a_mailserver_that_is_killed() {
    survives(Fault::Killed).await;
}

#[actix::test]
async fn a_mailserver_that_hangs() {
    survives(Fault::Hung).await;
}

#[actix::test]
async fn a_mailserver_that_is_cut_off() {
    survives(Fault::Isolated).await;
}

#[actix::test]
async fn a_node_that_is_restarted() {
    for mode in MODES {
        let mut rig = Rig::serve(node(mode), &[]).await;
        rig.available().await;
        for round in 0..3 {
            rig.sim.stop_node().await;
            rig.sim.publish(&format!("while it was away, {round}"));
            rig.sim.start_node().unwrap();
            // It may be back before anybody notices: then nothing is told, but nothing is missed either.
            rig.nothing_missing().await;
        }
    }
}

#[actix::test]
async fn every_mailserver_killed_in_turn() {
    for mode in MODES {
        let mut rig = Rig::serve(node(mode), &[]).await;
        let mut active = rig.available().await;
        for round in 0..4 {
            rig.sim.set_fault(active, Fault::Killed).unwrap();
            rig.sim.publish(&format!("to those that are left, {round}"));
            active = rig.available().await;
            rig.nothing_missing().await;
        }
    }
}

/// A node without network is no reason to try one mailserver after the other.
#[actix::test]
async fn a_node_without_network() {
    for mode in MODES {
        let mut rig = Rig::serve(node(mode), &[]).await;
        rig.available().await;
        rig.sim.node_offline(true);
        rig.sim.publish("while it had no network");
        let none = |it: &actors::messages::events::Event| {
            let it = it.clone();
            matches!(it, actors::messages::events::Event::MailserverChanged { mailserver, .. } if mailserver.is_none())
        };
        rig.event("none is active", none).await;
        rig.sim.node_offline(false);
        rig.available().await;
        rig.nothing_missing().await;
        assert!(rig.changes() < 12, "{mode:?}: {:#?}", rig.told);
    }
}
