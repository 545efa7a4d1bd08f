//! What may have been missed: offline, asleep, a poor mesh.

use std::time::Duration;

use actors::model::{node::Connectedness, verdict::Verdict};

use crate::rig::*;

#[test]
fn offline_nothing_is_asked_and_after_it_history_is_fetched() {
    let mut rig = Rig::reached();
    rig.verdict(Verdict::Suspect);
    assert_eq!(rig.wants(), NOTHING);
    rig.verdict(Verdict::Offline);
    assert_eq!(rig.wants(), ["unavailable"]);
    rig.tick();
    rig.pass(600);
    rig.tick();
    assert_eq!(rig.wants(), NOTHING);
    assert_eq!(rig.hindrance().as_deref(), Some("we are offline"));
    rig.verdict(Verdict::Online);
    assert_eq!(rig.wants(), ["ping 4"]);
    rig.answers(Some(1));
    assert_eq!(rig.wants(), ["available 1", "fetch"]);
    assert!(rig.pause <= Duration::from_millis(1500));
}

#[test]
fn asleep_is_as_offline() {
    let mut rig = Rig::reached();
    rig.verdict(Verdict::Asleep);
    assert_eq!(rig.wants(), ["unavailable"]);
    rig.verdict(Verdict::Online);
    assert_eq!(rig.wants(), ["ping 4"]);
    rig.answers(Some(1));
    assert_eq!(rig.wants(), ["available 1", "fetch"]);
    assert!(rig.pause.is_zero(), "nobody else sleeps with us");
}

#[test]
fn a_round_from_before_the_sleep_tells_nothing() {
    let mut rig = Rig::looking(false);
    let before = rig.order.clone();
    rig.verdict(Verdict::Asleep);
    rig.verdict(Verdict::Online);
    rig.wants();
    let after = std::mem::replace(&mut rig.order, before);
    rig.answers(Some(0));
    assert_eq!(rig.wants(), NOTHING);
    rig.order = after;
    rig.answers(Some(0));
    assert_eq!(rig.wants(), ["available 0", "fetch"]);
}

#[test]
fn a_node_that_says_that_it_is_offline_is_brought_back_though_we_are_online() {
    let mut rig = Rig::reached();
    rig.say(Connectedness::Disconnected);
    assert_eq!(rig.wants(), ["unavailable", "ping 4"]);
    rig.answers(Some(2));
    assert_eq!(rig.wants(), ["dial 2"]);
}

#[test]
fn a_node_that_is_back_before_the_round_is_over_is_not_dialled_and_fetches() {
    let mut rig = Rig::reached();
    rig.say(Connectedness::Disconnected);
    rig.wants();
    rig.say(Connectedness::Connected);
    assert_eq!(rig.wants(), NOTHING);
    rig.answers(Some(2));
    assert_eq!(rig.wants(), ["available 2", "fetch"]);
}

#[test]
fn while_the_mesh_is_poor_history_is_fetched_now_and_then_and_once_when_that_is_over() {
    let mut rig = Rig::reached();
    rig.say(Connectedness::PartiallyConnected);
    rig.pass(59);
    assert_eq!(rig.wants(), NOTHING);
    rig.pass(121);
    assert_eq!(rig.wants(), ["fetch"; 3]);
    rig.say(Connectedness::Connected);
    assert_eq!(rig.wants(), ["fetch"]);
    rig.pass(600);
    assert_eq!(rig.wants(), NOTHING);
}

#[test]
fn a_short_spell_of_a_poor_mesh_is_made_up_for_too() {
    let mut rig = Rig::reached();
    rig.say(Connectedness::PartiallyConnected);
    rig.say(Connectedness::Connected);
    assert_eq!(rig.wants(), ["fetch"]);
}

#[test]
fn connected_as_the_first_word_may_be_the_end_of_anything() {
    let mut rig = Rig::with(Default::default());
    rig.node(Some(&observed()));
    rig.wants();
    rig.answers(Some(0));
    assert_eq!(rig.wants(), ["available 0", "fetch"]);
    rig.say(Connectedness::Connected);
    assert_eq!(rig.wants(), ["fetch"]);
    rig.say(Connectedness::Connected);
    assert_eq!(rig.wants(), NOTHING);
}

#[test]
fn when_all_the_world_returns_requests_are_spread_the_wider_the_fewer_are_back() {
    let mut longest = Duration::ZERO;
    for (answered, most) in [(4, 20), (1, 60)] {
        for _ in 0..3 {
            let mut rig = Rig::looking_with(crowded(), false);
            rig.answers(Some(0));
            rig.wants();
            rig.verdict(Verdict::Offline);
            rig.pass(120);
            rig.verdict(Verdict::Online);
            rig.wants();
            rig.answers(Some(0));
            assert_eq!(rig.wants(), NOTHING, "first it is counted who is back");
            rig.surveyed(answered);
            assert_eq!(rig.wants(), ["available 0", "fetch"]);
            assert!(rig.pause <= Duration::from_secs(most));
            longest = longest.max(rig.pause);
        }
    }
    assert!(longest > Duration::from_secs(5), "{longest:?}");
}

#[test]
fn after_a_short_outage_that_all_are_back_from_nobody_waits_long() {
    let mut rig = Rig::looking_with(crowded(), false);
    rig.answers(Some(0));
    rig.verdict(Verdict::Offline);
    rig.pass(5);
    rig.verdict(Verdict::Online);
    rig.wants();
    rig.answers(Some(0));
    rig.surveyed(4);
    assert_eq!(rig.wants(), ["available 0", "fetch"]);
    assert!(rig.pause <= Duration::from_millis(1500));
}
