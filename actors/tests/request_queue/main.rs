//! Stories of the queue: what is owed to the node is asked for until it is answered.

mod communities;
mod journal;
mod node_requests;
mod picked;
mod rig;

use rig::*;

// === repeated until answered ===

#[test]
fn null_means_that_nothing_was_done_and_is_asked_again_with_growing_pauses() {
    let mut rig = Rig::asking();
    let mut pauses = Vec::new();
    for _ in 0..9 {
        rig.answer(&NULL);
        pauses.push(rig.pause());
        assert_eq!(rig.wants().last().unwrap(), "ask");
    }
    assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 120, 120, 120]);
    rig.answer(&DONE);
    assert_eq!(rig.wants(), ["completed by 0", "served by 0"]);
    assert_eq!(rig.queue.poll_timeout(), None);
}

#[test]
fn a_failure_is_news_once_and_so_is_the_success_that_ends_it() {
    let mut rig = Rig::asking();
    let mut events = Vec::new();
    for _ in 0..5 {
        rig.answer(&away());
        rig.pause();
        events.extend(rig.wants().into_iter().filter(|it| it != "ask"));
    }
    assert_eq!(events, ["failed by 0"]);
    rig.answer(&DONE);
    assert_eq!(rig.wants(), ["completed by 0", "served by 0"]);
    rig.request();
    rig.wants();
    rig.answer(&away());
    assert_eq!(rig.wants(), ["failed by 0"], "a new failure is new");
}

#[test]
fn a_request_that_never_returns_is_given_up_and_asked_again() {
    let mut rig = Rig::asking();
    let first = rig.number;
    assert_eq!(rig.pause(), 90);
    assert_eq!(rig.wants(), ["failed by 0"]);
    rig.pass(2_000);
    assert_eq!(rig.wants(), ["ask"]);
    rig.queue.handle_answer(first, &DONE, rig.now);
    assert_eq!(rig.wants(), NOTHING, "an answer of an earlier request");
    assert!(rig.queue.status().owed);
}

#[test]
fn a_node_that_is_away_does_not_get_its_mailserver_reported() {
    let mut rig = Rig::asking();
    for _ in 0..5 {
        rig.answer(&away());
        rig.pause();
        assert!(!rig.wants().iter().any(|it| it.starts_with("report")));
    }
}

#[test]
fn after_two_failures_the_mailserver_is_reported_and_again_while_nobody_acts() {
    let mut rig = Rig::asking();
    let mut wants = Vec::new();
    for _ in 0..4 {
        rig.answer(&hung());
        rig.pause();
        wants.push(rig.wants());
    }
    assert_eq!(wants[0], ["failed by 0", "ask"]);
    // The report may have met a connector that was being restarted. Pauses keep it from being spam.
    assert_eq!(wants[1..], vec![["report 0", "ask"]; 3]);
}

#[test]
fn if_no_mailserver_answers_they_are_not_gone_round_faster_and_faster() {
    let mut rig = Rig::new();
    let mut stays = Vec::new();
    for index in 0..9 {
        let since = rig.now;
        rig.available(index);
        assert!(rig.wants().contains(&"ask".into()), "asked at once");
        loop {
            rig.answer(&NULL);
            if rig.wants().contains(&format!("report {index}")) {
                break;
            }
            rig.pause();
            rig.wants();
        }
        stays.push((rig.now - since).as_secs());
        rig.queue.handle_gone(rig.now);
    }
    assert_eq!(stays, [2, 6, 14, 30, 62, 126, 246, 246, 246]);
    rig.available(9);
    rig.wants();
    rig.answer(&DONE);
    rig.request();
    rig.wants();
    rig.answer(&NULL);
    rig.pause();
    rig.wants();
    rig.answer(&NULL);
    assert_eq!(
        rig.wants(),
        ["report 9"],
        "one answer, and all is as before"
    );
}

#[test]
fn what_is_owed_stays_owed_while_nobody_is_there() {
    let mut rig = Rig::asking();
    rig.answer(&NULL);
    rig.queue.handle_gone(rig.now);
    rig.wants();
    rig.pass(600_000);
    assert_eq!(rig.wants(), NOTHING);
    assert!(rig.queue.status().owed);
    rig.available(1);
    assert_eq!(rig.wants(), ["requested from 1", "ask"]);
    rig.answer(&DONE);
    assert_eq!(rig.wants(), ["completed by 1", "served by 1"]);
    assert!(!rig.queue.status().owed);
}

#[test]
fn an_answer_for_a_mailserver_that_is_gone_does_not_pay_the_debt() {
    let mut rig = Rig::asking();
    let earlier = rig.number;
    rig.queue.handle_gone(rig.now);
    rig.queue.handle_answer(earlier, &DONE, rig.now);
    assert!(rig.queue.status().owed);
    rig.available(1);
    rig.wants();
    rig.queue.handle_answer(earlier, &DONE, rig.now);
    assert!(rig.queue.status().owed);
    assert_eq!(rig.wants(), NOTHING);
}

// === a request from outside ===

#[test]
fn a_request_while_nobody_is_there_is_kept() {
    let mut rig = Rig::new();
    rig.request();
    assert_eq!(rig.wants(), NOTHING);
    assert!(rig.queue.status().owed);
    rig.available(0);
    assert_eq!(rig.wants(), ["requested from 0", "ask"]);
}

#[test]
fn a_request_ends_a_pause() {
    let mut rig = Rig::served();
    rig.request();
    assert_eq!(rig.wants(), ["requested from 0", "ask"]);
    rig.answer(&NULL);
    assert_eq!(rig.wants(), ["failed by 0"]);
    rig.request();
    assert_eq!(rig.wants(), ["ask"]);
    rig.answer(&DONE);
    assert_eq!(rig.wants(), ["completed by 0", "served by 0"]);
}
