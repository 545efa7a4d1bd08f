//! Stories of the queue beside a node that picks a mailserver for each query.

use actors::messages::{history::Source, node::HistorySignal};

use crate::rig::*;

/// History can be asked for, and was.
fn asking() -> Rig {
    let mut rig = Rig::new();
    rig.available_from(Source::Picked);
    assert_eq!(rig.wants(), ["requested from whom it picks", "ask"]);
    rig
}

#[test]
fn nobody_is_named_credited_or_reported() {
    let mut rig = asking();
    let mut said = Vec::new();
    for _ in 0..12 {
        rig.answer(&hung());
        rig.pause();
        said.extend(rig.wants());
    }
    let news: Vec<_> = said.iter().filter(|it| *it != "ask").collect();
    assert_eq!(news, ["failed by whom it picks"]);
    rig.answer(&DONE);
    assert_eq!(rig.wants(), ["completed by whom it picks"]);
}

#[test]
fn null_is_asked_again_soon_after_the_request_of_the_node_that_was_in_the_way() {
    let mut rig = asking();
    rig.signal(HistorySignal::Started);
    for _ in 0..5 {
        rig.answer(&NULL);
        rig.pause();
        rig.wants();
    }
    rig.answer(&NULL);
    rig.signal(HistorySignal::Completed);
    assert_eq!(rig.pause(), 1);
    assert_eq!(rig.wants(), ["ask"]);
    rig.answer(&NULL);
    assert_eq!(rig.pause(), 2, "the pauses grow anew");
}

#[test]
fn a_request_of_the_node_that_ends_while_nothing_is_owed_changes_nothing() {
    let mut rig = asking();
    rig.answer(&DONE);
    rig.wants();
    rig.signal(HistorySignal::Started);
    rig.signal(HistorySignal::Completed);
    assert_eq!(rig.queue.poll_timeout(), None);
    assert_eq!(rig.wants(), NOTHING);
}

#[test]
fn while_one_is_asked_the_end_of_another_means_nothing() {
    let mut rig = asking();
    rig.signal(HistorySignal::Completed);
    assert_eq!(rig.wants(), NOTHING);
    rig.answer(&DONE);
    assert_eq!(rig.wants(), ["completed by whom it picks"]);
}

#[test]
fn what_is_missed_later_is_asked_for_again_and_one_that_is_gone_keeps_the_debt() {
    let mut rig = asking();
    rig.answer(&NULL);
    rig.wants();
    rig.queue.handle_gone(rig.now);
    assert_eq!(rig.queue.poll_timeout(), None);
    rig.available_from(Source::Picked);
    assert_eq!(rig.wants(), ["requested from whom it picks", "ask"]);
}
