//! Offline, and back: nothing is rotated, dropped or punished, and the same one is used again if it answers.

use crate::failover::*;
use crate::rig::*;
use actors::{
    messages::peers::PeerState,
    model::{
        node::{Connection, Mode},
        verdict::Verdict,
    },
};

#[test]
fn while_the_node_is_offline_nothing_is_rotated_dropped_or_punished() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.alone(0);
    let asks = ["request from nobody", "refresh", "select of 4 avoiding [0]"];
    assert_eq!(rig.wants(), asks);
    rig.decide(None);
    rig.verdict(Verdict::Offline);
    for _ in 0..30 {
        rig.tick();
        assert_eq!(rig.wants(), ["select of 4 avoiding []"]);
        rig.decide(None);
    }
    let active = rig.cycle.active_status(rig.now).unwrap();
    assert_eq!(active.mailserver.identity, identity(0));
    assert_eq!(active.state, "disconnected");
    assert!(rig.cycle.cooling_ms(rig.now).is_empty());
    assert!(rig.cycle.records().is_empty(), "no bad mark for any");
}

#[test]
fn a_node_that_loses_its_only_peer_gets_another_one_though_that_one_answers() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.alone(0);
    assert_eq!(
        rig.wants(),
        ["request from nobody", "refresh", "select of 4 avoiding [0]"]
    );
    rig.decide(Some(2));
    let mut expected = lost(0);
    expected.extend([changed(2), "connect 2".into()]);
    assert_eq!(rig.wants(), expected);
}

#[test]
fn back_online_the_same_one_is_dialled_if_it_answers() {
    let mut rig = Rig::offline();
    rig.pass(30);
    rig.wants();
    rig.verdict(Verdict::Online);
    assert_eq!(rig.wants(), ["select of 4 avoiding []"]);
    rig.decide(Some(0));
    assert_eq!(rig.wants(), ["connect 0"], "it was never anything else");
    rig.answer(Ok(Connection::Connected));
    assert_eq!(rig.wants(), available(0));
}

#[test]
fn back_online_another_one_takes_over_if_it_is_first() {
    let mut rig = Rig::offline();
    rig.verdict(Verdict::Online);
    rig.wants();
    rig.decide_silent(Some(2), &[0, 1, 3]);
    let mut expected = lost(0);
    expected.extend([changed(2), "connect 2".into()]);
    assert_eq!(rig.wants(), expected);
    rig.answer(Ok(Connection::Connected));
    assert_eq!(rig.wants(), available(2));
    assert!(rig.cycle.records().is_empty(), "no bad mark for our outage");
}

#[test]
fn a_node_that_is_offline_while_candidates_answer_is_brought_back_by_a_dial() {
    let mut rig = Rig::connected(Mode::Pin);
    rig.alone(0);
    rig.wants();
    rig.decide(Some(0));
    assert_eq!(rig.wants(), ["connect 0"]);
    rig.answer(Err(dial_failed()));
    let wants = rig.wants();
    assert!(wants.contains(&"changed none".into()), "{wants:?}");
    assert_eq!(wants.last().unwrap(), "select of 4 avoiding [0]");
}

#[test]
fn the_held_one_that_is_listed_again_is_used_without_a_round() {
    let mut rig = Rig::offline();
    rig.wants();
    rig.peer(0, PeerState::Connected);
    assert_eq!(rig.wants(), ["connect 0"]);
    rig.answer(Ok(Connection::Connected));
    assert_eq!(rig.wants(), available(0));
}

#[test]
fn a_dial_that_was_planned_is_withdrawn_when_we_are_offline() {
    let mut rig = Rig::returned(1);
    assert_eq!(rig.wants(), NOTHING, "it waits for its turn");
    rig.verdict(Verdict::Offline);
    for _ in 0..6 {
        rig.pass(10);
        let wants = rig.wants();
        let dials = |it: &String| it.starts_with("connect") || it.starts_with("changed");
        assert!(!wants.iter().any(dials), "{wants:?}");
        if wants.iter().any(|it| it.starts_with("select")) {
            rig.decide(None);
        }
        rig.tick();
    }
}

#[test]
fn after_an_outage_the_pause_is_longer() {
    let mut pauses = Vec::new();
    for seed in 0..64 {
        let rig = Rig::returned(seed);
        let at = rig.cycle.poll_timeout(rig.now).unwrap();
        pauses.push(at.saturating_duration_since(rig.now).as_millis());
    }
    assert!(pauses.iter().all(|it| *it <= 1500));
    assert!(
        pauses.iter().filter(|it| **it > 500).count() > 32,
        "{pauses:?}"
    );
}
