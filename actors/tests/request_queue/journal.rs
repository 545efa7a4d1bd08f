//! Stories of the queue and the journal: what is owed, how far back, and what became of each request.

use actors::messages::{history::Source, node::HistorySignal};

use crate::rig::*;

fn told(rig: &mut Rig) -> Vec<String> {
    rig.wants();
    std::mem::take(&mut rig.told)
}

#[test]
fn the_journal_is_told_of_each_request_once() {
    let mut rig = Rig::asking();
    assert_eq!(told(&mut rig), ["1 began, of 0"]);
    rig.answer(&NULL);
    assert_eq!(told(&mut rig), ["1: the node did nothing (null)"]);
    rig.pause();
    assert_eq!(told(&mut rig), ["2 began, of 0"]);
    rig.answer(&hung());
    assert_eq!(told(&mut rig), ["2: no answer within 60s"]);
    rig.pause();
    assert_eq!(told(&mut rig), ["3 began, of 0"]);
    rig.answer(&DONE);
    assert_eq!(told(&mut rig), ["3: completed"]);
}

#[test]
fn a_mailserver_that_is_lost_or_left_half_way_ends_its_request() {
    let mut rig = Rig::asking();
    told(&mut rig);
    rig.queue.handle_gone(rig.now);
    assert_eq!(told(&mut rig), ["1: the mailserver was lost"]);
    rig.available(1);
    rig.available(2);
    let left = [
        "2 began, of 1",
        "2: another mailserver is used",
        "3 began, of 2",
    ];
    assert_eq!(told(&mut rig), left);
}

#[test]
fn a_panic_ends_the_request_that_was_under_way() {
    let mut rig = Rig::asking();
    told(&mut rig);
    rig.queue.reset();
    assert_eq!(told(&mut rig), ["1: the requester was restarted"]);
    rig.queue.handle_timeout(rig.now);
    assert_eq!(told(&mut rig), ["2 began, of 0"]);
}

#[test]
fn what_a_node_asks_by_itself_is_told_as_ours_is() {
    let mut rig = Rig::new();
    rig.clock(1_000);
    rig.node_may_ask(0);
    rig.signal(HistorySignal::Started);
    rig.signal(HistorySignal::Completed);
    rig.markers(&[1_000]);
    assert_eq!(told(&mut rig), ["1 began, of 0", "1: completed"]);
    // Nobody expected this one: it may be about a single chat.
    rig.signal(HistorySignal::Started);
    rig.signal(HistorySignal::Completed);
    assert_eq!(told(&mut rig), NOTHING);
}

#[test]
fn the_node_goes_back_as_far_as_is_owed() {
    let mut rig = Rig::new();
    let source = Source::Active {
        mailserver: actors::testing::mailserver(0),
        node_asks_itself: false,
    };
    rig.available_since(source, Some(7_000));
    assert_eq!(rig.wants(), ["requested from 0", "ask back to 7000"]);
    rig.answer(&NULL);
    rig.owe(Some(9_000), false);
    rig.owe(Some(5_000), false);
    rig.pause();
    assert_eq!(rig.wants(), ["failed by 0", "ask back to 5000"]);
}

#[test]
fn what_comes_to_be_owed_while_a_request_is_under_way_is_asked_for_after_it() {
    let mut rig = Rig::asking();
    rig.owe(Some(5_000), false);
    rig.owe(None, false);
    assert_eq!(rig.wants(), NOTHING, "one request at a time");
    rig.answer(&DONE);
    let after = [
        "completed by 0",
        "served by 0",
        "requested from 0",
        "ask back to 5000",
    ];
    assert_eq!(rig.wants(), after);
}

#[test]
fn what_is_owed_besides_waits_for_the_pause_after_a_failure() {
    let mut rig = Rig::asking();
    rig.answer(&NULL);
    rig.wants();
    rig.owe(None, false);
    assert_eq!(rig.wants(), NOTHING);
    assert_eq!(rig.pause(), 2);
    assert_eq!(rig.wants(), ["ask"]);
}

// === signals that speak against the answer ===

#[test]
fn an_answer_counts_once_the_signals_say_the_same() {
    let mut rig = Rig::asking();
    rig.signal(HistorySignal::Started);
    rig.answer(&DONE);
    assert_eq!(rig.wants(), NOTHING, "the signal has a way of its own");
    rig.pass(10);
    rig.signal(HistorySignal::Completed);
    assert_eq!(rig.wants(), ["completed by 0", "served by 0"]);
}

#[test]
fn a_request_of_which_the_end_was_never_told_is_repeated() {
    let mut rig = Rig::asking();
    rig.signal(HistorySignal::Started);
    rig.answer(&DONE);
    rig.pass(2_000);
    assert_eq!(rig.wants(), ["failed by 0"]);
    rig.pass(2_000);
    assert_eq!(rig.wants(), ["ask"]);
}

#[test]
fn an_answer_that_the_node_called_a_failure_before_does_not_count() {
    for late in [false, true] {
        let mut rig = Rig::asking();
        let failed = HistorySignal::Failed {
            reason: "503".into(),
        };
        rig.signal(HistorySignal::Started);
        if late {
            rig.answer(&DONE);
            rig.signal(failed);
        } else {
            rig.signal(failed);
            rig.answer(&DONE);
        }
        assert_eq!(rig.wants(), ["failed by 0"]);
    }
}

#[test]
fn a_failure_that_the_node_made_good_itself_is_none() {
    let mut rig = Rig::asking();
    rig.signal(HistorySignal::Started);
    rig.signal(HistorySignal::Failed {
        reason: "the first try".into(),
    });
    rig.signal(HistorySignal::Started);
    rig.signal(HistorySignal::Completed);
    rig.answer(&DONE);
    assert_eq!(rig.wants(), ["completed by 0", "served by 0"]);
}
