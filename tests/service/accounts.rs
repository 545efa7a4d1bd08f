//! What the user of the node does.

use actors::{messages::events::Event, model::node::Mode};
use mailserver_sidecar::sim::Settings;

use crate::rig::{MODES, Rig, node};

#[actix::test]
async fn logging_out_and_in_with_another_fleet() {
    for mode in MODES {
        let settings = Settings {
            more_fleets: vec![("other.test".into(), 2)],
            ..node(mode)
        };
        let mut rig = Rig::serve(settings, &[]).await;
        rig.available().await;
        rig.sim.log_out();
        let none = |it: &Event| matches!(it, Event::MailserverChanged { mailserver, .. } if mailserver.is_none());
        rig.event("none is active", none).await;
        rig.sim.log_in("other.test");
        // A selection that the logout interrupted may still end with one of the old fleet.
        loop {
            let active = rig.available().await;
            if rig.sim.mailservers()[active].fleet == "other.test" {
                break;
            }
        }
    }
}

/// A classic node whose own cycle is switched on is not fought with.
#[actix::test]
async fn a_classic_node_with_a_cycle_of_its_own() {
    let settings = Settings {
        own_cycle: true,
        ..node(Mode::Waku2)
    };
    let mut rig = Rig::serve(settings, &[]).await;
    rig.available().await;
    let calls = rig.sim.journal();
    let sets = calls
        .iter()
        .filter(|it| it.method == "wakuext_setMailserver");
    assert_eq!(sets.count(), 0, "{calls:#?}");
}

#[actix::test]
async fn a_pin_in_the_node_is_obeyed() {
    for mode in MODES {
        let settings = Settings {
            logged_in: false,
            ..node(mode)
        };
        let mut rig = Rig::serve(settings, &[]).await;
        let wanted = rig.sim.mailservers()[3].clone();
        let pin = match mode {
            Mode::Pin | Mode::Observe => wanted.id,
            Mode::Waku1 | Mode::Waku2 => wanted.address,
        };
        let fleet = wanted.fleet;
        rig.sim.log_in(&fleet);
        rig.sim.user_pin(Some(&pin));
        assert_eq!(rig.available().await, 3, "{mode:?}");
    }
}
