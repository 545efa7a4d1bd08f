//! The node: away, back, switched off, and with a cycle of its own.

use actors::{
    messages::{candidates::CandidatesChanged, peers::PeerState},
    model::node::{Connection, Mode, NodeError, NodeState, Profile},
    testing::{mailserver, profile},
};

use crate::rig::*;

#[test]
fn while_the_node_is_away_nothing_is_sent_and_it_goes_on_where_it_was() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.node_gone();
    assert_eq!(rig.wants(), ["changed none", "request from nobody"]);
    for _ in 0..5 {
        rig.tick();
    }
    assert_eq!(rig.wants(), NOTHING);
    rig.node(Mode::Waku2);
    assert_eq!(rig.wants(), [changed(0), "connect 0".into()]);
}

#[test]
fn a_node_that_lost_its_peers_while_away_gets_a_new_selection() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.node_gone();
    rig.wants();
    rig.lose(0);
    rig.node(Mode::Waku2);
    assert_eq!(rig.wants(), ["select of 4 avoiding []"]);
}

#[test]
fn a_call_that_the_node_did_not_answer_blames_no_mailserver_and_is_not_hurried() {
    let mut rig = Rig::started(Mode::Waku2);
    rig.wants();
    rig.decide(Some(1));
    rig.wants();
    rig.answer(Err(NodeError::Transport("refused".into())));
    assert_eq!(rig.wants(), ["changed none"]);
    rig.tick();
    assert_eq!(rig.wants(), ["select of 4 avoiding []"]);
}

#[test]
fn mailservers_switched_off_in_the_node_nothing_is_done() {
    let mut rig = Rig::connected(Mode::Waku2);
    let profile = Profile {
        use_mailservers: false,
        ..profile(Mode::Waku2)
    };
    rig.cycle.handle_node(NodeState::Ready { profile }, rig.now);
    assert_eq!(rig.wants(), ["changed none", "request from nobody"]);
    rig.lose(0);
    rig.tick();
    assert_eq!(rig.wants(), NOTHING);
}

#[test]
fn another_fleet_is_another_list() {
    let mut rig = Rig::connected(Mode::Waku2);
    let changed = CandidatesChanged {
        fleet: Some("other".into()),
        candidates: vec![mailserver(9)],
        pinned: None,
    };
    rig.cycle.handle_candidates(changed, rig.now);
    assert_eq!(
        rig.wants(),
        [
            "changed none",
            "request from nobody",
            "select of 1 avoiding []"
        ]
    );
}

// === nodes with a cycle of their own ===

#[test]
fn a_choice_of_the_node_itself_is_followed_if_it_is_connected() {
    let mut rig = Rig::connected(Mode::Pin);
    rig.peer(2, PeerState::Connected);
    rig.switched(2);
    assert_eq!(rig.wants(), [vec![changed(2)], available(2)].concat());
}

#[test]
fn a_node_that_switches_to_a_dead_one_is_led_back() {
    let mut rig = Rig::connected(Mode::Pin);
    rig.switched(2);
    assert_eq!(rig.wants(), NOTHING, "the user may have set a pin");
    rig.tick();
    assert_eq!(rig.wants(), ["connect 0"]);
    rig.answer(Ok(Connection::Connected));
    assert_eq!(rig.wants(), available(0));
}

#[test]
fn a_pin_that_the_user_set_in_the_node_is_obeyed_and_not_taken_back() {
    let mut rig = Rig::connected(Mode::Pin);
    rig.switched(2);
    rig.candidates(CANDIDATES, Some(2));
    assert_eq!(rig.wants(), ["introduce 2"]);
    rig.introduced(Ok(Connection::Connected));
    assert_eq!(rig.wants(), ["connect 2"]);
    rig.answer(Ok(Connection::Connected));
    assert_eq!(rig.wants(), [vec![changed(2)], available(2)].concat());
    rig.tick();
    assert_eq!(rig.wants(), NOTHING);
}

#[test]
fn an_observed_node_is_followed_and_never_driven() {
    let mut rig = Rig::with(plain());
    rig.candidates(CANDIDATES, None);
    rig.peer(1, PeerState::Connected);
    rig.node(Mode::Observe);
    assert_eq!(rig.wants(), [vec![changed(1)], available(1)].concat());
    rig.peer(2, PeerState::Connected);
    rig.switched(2);
    assert_eq!(rig.wants(), [vec![changed(2)], available(2)].concat());
    rig.lose(2);
    let then = ["changed none", "request from nobody"].map(String::from);
    assert_eq!(
        rig.wants(),
        [then.to_vec(), vec![changed(1)], available(1)].concat()
    );
}

#[test]
fn an_observed_node_without_peers_is_brought_online_by_a_dial() {
    let mut rig = Rig::started(Mode::Observe);
    assert_eq!(rig.wants(), ["select of 4 avoiding []"]);
    rig.decide(Some(1));
    assert_eq!(rig.wants(), ["introduce 1"]);
    rig.introduced(Ok(Connection::Connected));
    assert_eq!(rig.wants(), [vec![changed(1)], available(1)].concat());
}

#[test]
fn after_a_panic_the_loop_starts_over_and_says_so() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.cycle.reset();
    assert_eq!(rig.wants(), ["changed none", "request from nobody"]);
    rig.tick();
    assert_eq!(rig.wants(), ["select of 4 avoiding []"]);
}
