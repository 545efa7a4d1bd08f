//! Stories of the observation: a node that picks a mailserver for each query has its history fetched whenever something
//! may have been missed, and nothing pretends that a mailserver is active.

mod generated;
mod offline;
mod rig;

use actors::model::{
    node::{Connectedness, Connection, NodeError, Profile},
    verdict::Verdict,
};

use rig::*;

// === at the start ===

#[test]
fn history_is_fetched_once_somebody_answers_and_the_node_is_online() {
    let mut rig = Rig::looking(false);
    rig.answers(Some(2));
    assert_eq!(rig.wants(), ["available 2", "fetch"]);
    assert_eq!(rig.watched.as_deref(), Some("2"));
    assert!(rig.pause.is_zero());
    rig.tick();
    rig.pass(600);
    assert_eq!(rig.wants(), NOTHING, "while all is well nothing is sent");
}

#[test]
fn nothing_is_done_for_a_node_that_is_away_or_of_another_generation() {
    let mut rig = Rig::with(Default::default());
    rig.tick();
    rig.say(Connectedness::Connected);
    rig.verdict(Verdict::Offline);
    rig.verdict(Verdict::Online);
    rig.candidates(3);
    assert_eq!(rig.wants(), NOTHING);
    assert_eq!(rig.observation.reach(rig.now), None);
}

#[test]
fn a_node_whose_mailservers_are_switched_off_is_left_alone_until_they_are_on_again() {
    let mut rig = Rig::reached();
    let off = Profile {
        use_mailservers: false,
        ..observed()
    };
    rig.node(Some(&off));
    assert_eq!(rig.wants(), ["unavailable"]);
    rig.tick();
    rig.say(Connectedness::PartiallyConnected);
    rig.say(Connectedness::Connected);
    assert_eq!(rig.wants(), NOTHING);
    assert!(rig.hindrance().unwrap().contains("switched off"));
    rig.node(Some(&observed()));
    assert_eq!(rig.wants(), ["ping 4"]);
    rig.answers(Some(0));
    assert_eq!(rig.wants(), ["available 0", "fetch"]);
}

#[test]
fn a_node_that_was_restarted_is_a_new_one() {
    let mut rig = Rig::reached();
    rig.node(None);
    assert_eq!(rig.wants(), ["unavailable"]);
    assert_eq!(rig.watched, None);
    // What the one before said holds no more.
    rig.observation.handle_alone(true, rig.now);
    rig.node(Some(&observed()));
    rig.wants();
    rig.answers(Some(0));
    assert_eq!(rig.wants(), ["dial 0"]);
}

// === the mailserver that shows it ===

#[test]
fn another_one_that_answers_takes_the_place_of_a_silent_one_and_that_is_no_news() {
    let mut rig = Rig::reached();
    rig.silence(0);
    assert_eq!(rig.wants(), ["ping 4"]);
    rig.answers(Some(1));
    assert_eq!(rig.wants(), NOTHING);
    assert_eq!(rig.watched.as_deref(), Some("1"));
}

#[test]
fn if_nobody_answers_history_cannot_be_fetched_until_somebody_does() {
    let mut rig = Rig::reached();
    rig.surveyed(4);
    rig.silence(0);
    rig.wants();
    rig.answers(None);
    assert_eq!(rig.wants(), ["unavailable"]);
    assert_eq!(rig.watched, None);
    assert_eq!(
        rig.hindrance().as_deref(),
        Some("no mailserver answers our probes")
    );
    rig.pass(2);
    assert_eq!(rig.wants(), ["ping 4"], "looked for again soon");
    rig.answers(Some(3));
    assert_eq!(rig.wants(), ["available 3", "fetch"]);
    assert_eq!(rig.hindrance(), None);
}

#[test]
fn behind_a_firewall_the_node_is_believed_and_nobody_is_called_available() {
    let mut rig = Rig::looking(false);
    rig.answers(None);
    rig.surveyed(0);
    assert_eq!(rig.wants(), ["fetch"]);
    rig.tick();
    assert_eq!(rig.wants(), ["ping 4"]);
    rig.answers(None);
    rig.surveyed(0);
    assert_eq!(rig.wants(), NOTHING, "once is enough");
    rig.tick();
    rig.wants();
    rig.answers(Some(1));
    assert_eq!(rig.wants(), ["available 1"], "it was fetched already");
}

#[test]
fn a_round_whose_decision_never_comes_is_made_again() {
    let mut rig = Rig::looking(false);
    rig.pass(60);
    assert_eq!(rig.wants().first().map(String::as_str), Some("ping 4"));
}

#[test]
fn one_that_is_no_candidate_any_more_shows_nothing() {
    let mut rig = Rig::looking(false);
    rig.answers(Some(3));
    rig.wants();
    rig.candidates(3);
    assert_eq!(rig.wants(), ["ping 3"]);
    rig.answers(Some(0));
    assert_eq!(rig.watched.as_deref(), Some("3"));
    rig.wants();
    assert_eq!(rig.watched.as_deref(), Some("0"));
}

#[test]
fn a_node_that_says_something_is_asked_who_its_peers_are_now() {
    let mut rig = Rig::reached();
    let before = rig.refreshed;
    rig.say(Connectedness::Disconnected);
    rig.wants();
    assert_eq!(rig.refreshed, before + 1);
    rig.observation.handle_alone(true, rig.now);
    rig.tick();
    rig.wants();
    assert_eq!(rig.refreshed, before + 1);
}

// === a node without peers ===

#[test]
fn a_node_without_peers_is_told_to_dial_one_that_answers_and_then_fetches() {
    let mut rig = Rig::looking(true);
    rig.answers(Some(1));
    assert_eq!(rig.wants(), ["dial 1"]);
    rig.dialled(Ok(Connection::Connected));
    assert_eq!(rig.wants(), ["available 1", "fetch"]);
}

#[test]
fn where_no_dial_is_offered_it_says_so_and_fetches_as_soon_as_the_node_has_a_peer() {
    let mut rig = Rig::looking(true);
    rig.answers(Some(1));
    rig.wants();
    rig.dialled(Err(NodeError::UnknownMethod("wakuext_dialPeer".into())));
    assert_eq!(rig.wants(), NOTHING);
    assert!(rig.hindrance().unwrap().contains("offers no dial"));
    rig.tick();
    rig.wants();
    rig.answers(Some(1));
    assert_eq!(rig.wants(), NOTHING, "it is not asked to dial again");
    rig.say(Connectedness::PartiallyConnected);
    assert_eq!(rig.wants(), ["ping 4"]);
    rig.answers(Some(1));
    assert_eq!(rig.wants(), ["available 1", "fetch"]);
}

#[test]
fn one_that_cannot_be_dialled_is_not_tried_again_before_another() {
    let mut rig = Rig::looking(true);
    rig.answers(Some(1));
    rig.wants();
    let refused = NodeError::Node {
        code: -32000,
        message: "connection refused".into(),
    };
    rig.dialled(Err(refused));
    assert!(rig.hindrance().unwrap().contains("connection refused"));
    rig.pass(2);
    assert_eq!(rig.wants(), ["ping 4"]);
    let order = rig.order.as_ref().unwrap();
    let cooling = order.candidates.iter();
    let cooling = cooling.filter(|it| it.tier == actors::model::candidate::Tier::Cooling);
    assert_eq!(cooling.count(), 1);
}

#[test]
fn an_answer_that_comes_after_the_node_went_away_means_nothing() {
    let mut rig = Rig::looking(true);
    rig.answers(Some(1));
    rig.wants();
    rig.node(None);
    rig.dialled(Ok(Connection::Connected));
    assert_eq!(rig.wants(), NOTHING);
}
