//! Nodes with a cycle of their own ask by themselves: they are not asked then, once it is sure that they asked for
//! everything.

use actors::{messages::node::HistorySignal, model::node::NodeError};

use crate::rig::*;

const ASKED: [&str; 2] = ["completed by 0", "served by 0"];

/// The clock shows second 1000.
fn at_1000() -> Rig {
    let mut rig = Rig::new();
    rig.clock(1_000);
    rig
}

/// Its signals say that a request was made and completed.
fn requested() -> Rig {
    let mut rig = at_1000();
    rig.node_may_ask(0);
    rig.signal(HistorySignal::Started);
    rig.signal(HistorySignal::Completed);
    assert_eq!(rig.wants(), ["requested from 0", "read markers"]);
    rig
}

#[test]
fn a_node_that_asks_by_itself_is_not_asked() {
    let mut rig = at_1000();
    rig.node_may_ask(0);
    rig.pass(50);
    rig.signal(HistorySignal::Started);
    assert_eq!(rig.wants(), ["requested from 0"]);
    rig.pass(5_000);
    rig.signal(HistorySignal::Completed);
    assert_eq!(rig.wants(), ["read markers"]);
    rig.markers(&[1_000, 1_001]);
    assert_eq!(rig.wants(), ["completed by 0", "served by 0"]);
}

#[test]
fn a_signal_that_overtakes_the_news_of_the_change_belongs_to_it() {
    let mut rig = at_1000();
    rig.signal(HistorySignal::Started);
    rig.pass(20);
    rig.node_may_ask(0);
    assert_eq!(rig.wants(), ["requested from 0"]);
    rig.signal(HistorySignal::Completed);
    rig.markers(&[1_000]);
    assert_eq!(rig.wants(), ["completed by 0", "served by 0"]);

    rig.queue.handle_gone(rig.now);
    rig.signal(HistorySignal::Started);
    rig.signal(HistorySignal::Completed);
    rig.node_may_ask(1);
    assert_eq!(rig.wants(), ["requested from 1", "read markers"]);
    rig.markers(&[1_000]);
    assert_eq!(rig.wants(), ["completed by 1", "served by 1"]);
}

#[test]
fn a_request_from_before_the_loss_says_nothing_about_the_next_mailserver() {
    let mut rig = at_1000();
    rig.node_may_ask(0);
    rig.signal(HistorySignal::Started);
    rig.signal(HistorySignal::Completed);
    rig.wants();
    rig.queue.handle_gone(rig.now);
    rig.pass(500);
    rig.node_may_ask(1);
    assert_eq!(rig.wants(), NOTHING);
    rig.pass(1_000);
    assert_eq!(rig.wants(), ["requested from 1", "ask"]);
}

/// Another mailserver takes the place of one that works: there is no word that it is gone.
#[test]
fn what_was_asked_of_the_one_before_says_nothing_about_the_next() {
    // By us.
    let mut rig = at_1000();
    rig.available(0);
    rig.signal(HistorySignal::Started);
    rig.signal(HistorySignal::Completed);
    rig.answer(&DONE);
    rig.wants();
    rig.pass(7);
    rig.node_may_ask(1);
    assert_eq!(rig.wants(), NOTHING);

    // By the node, which was answered or not.
    for completed in [true, false] {
        let mut rig = at_1000();
        rig.node_may_ask(0);
        rig.signal(HistorySignal::Started);
        if completed {
            rig.signal(HistorySignal::Completed);
        }
        rig.wants();
        rig.node_may_ask(1);
        assert_eq!(rig.wants(), NOTHING, "{completed}");
        rig.pass(1_000);
        assert_eq!(rig.wants(), ["requested from 1", "ask"]);
    }
}

#[test]
fn a_node_that_never_starts_is_asked_after_a_second() {
    let mut rig = at_1000();
    rig.node_may_ask(0);
    rig.pass(999);
    assert_eq!(rig.wants(), NOTHING);
    rig.pass(1);
    assert_eq!(rig.wants(), ["requested from 0", "ask"]);
}

#[test]
fn a_request_of_the_node_that_fails_or_never_ends_is_repeated_by_us() {
    for fails in [true, false] {
        let mut rig = at_1000();
        rig.node_may_ask(0);
        rig.signal(HistorySignal::Started);
        rig.wants();
        match fails {
            true => rig.signal(HistorySignal::Failed {
                reason: "no answer".into(),
            }),
            false => rig.pass(90_000),
        }
        assert_eq!(rig.wants(), ["failed by 0"]);
        rig.pass(2_000);
        assert_eq!(rig.wants(), ["ask"]);
    }
}

#[test]
fn signals_that_are_about_some_topics_only_prove_nothing() {
    // A gap is filled, or a chat joined: at most the markers of its own topics move.
    for markers in [&[900, 901][..], &[900, 1_001], &[], &[0, 1]] {
        let mut rig = requested();
        for _ in 0..4 {
            rig.markers(markers);
            assert_eq!(rig.wants(), NOTHING, "they may move in a moment");
            rig.pass(250);
            assert_eq!(rig.wants(), ["read markers"]);
        }
        rig.markers(markers);
        assert_eq!(rig.wants(), ["ask"], "{markers:?}");
        rig.answer(&DONE);
        assert_eq!(rig.wants(), ASKED);
    }
}

#[test]
fn markers_may_follow_and_some_topics_have_none() {
    let mut rig = requested();
    rig.markers(&[900, 901, 0, 1]);
    assert_eq!(rig.wants(), NOTHING);
    rig.pass(250);
    rig.markers(&[998, 1_001, 0, 1]);
    assert_eq!(rig.wants(), ASKED);
}

#[test]
fn the_end_of_another_request_is_not_the_last_word() {
    let mut rig = requested();
    rig.markers(&[900]);
    rig.pass(200);
    rig.signal(HistorySignal::Completed);
    assert_eq!(rig.wants(), ["read markers"]);
    rig.signal(HistorySignal::Completed);
    rig.markers(&[1_000]);
    assert_eq!(rig.wants(), ASKED);
}

#[test]
fn a_node_that_does_not_tell_its_markers_is_asked() {
    let mut rig = requested();
    let error = Err(NodeError::NotPossible);
    rig.queue.handle_markers(rig.number, &error, rig.now);
    assert_eq!(rig.wants(), ["ask"]);
    // Nor one that hangs, or while nobody knows the time.
    let mut rig = requested();
    rig.pass(10_000);
    assert_eq!(rig.wants(), ["ask"]);
    let mut rig = Rig::new();
    rig.node_may_ask(0);
    rig.signal(HistorySignal::Started);
    rig.signal(HistorySignal::Completed);
    rig.markers(&[1_000]);
    assert_eq!(rig.wants(), ["ask"]);
}

#[test]
fn what_is_owed_while_the_markers_are_read_is_asked_for_after_it() {
    let mut rig = requested();
    rig.request();
    assert_eq!(rig.wants(), NOTHING);
    let number = rig.number;
    rig.markers(&[1_000]);
    let again = ["completed by 0", "served by 0", "requested from 0", "ask"];
    assert_eq!(rig.wants(), again);
    rig.queue.handle_markers(number, &Ok(vec![]), rig.now);
    assert_eq!(rig.wants(), NOTHING, "too late");
}
