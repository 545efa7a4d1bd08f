//! What others hold: a window is fetched from as many as it takes.

use actors::{
    messages::journal::Finding,
    model::{node::Generation, window::Reason},
    testing::mailserver,
};

use crate::rig::*;

/// A window was fetched from mailserver 0: number 2.
fn fetched() -> Rig {
    let mut rig = Rig::new().at_rest();
    rig.gone();
    rig.pass(10);
    rig.available(0);
    rig.request(0, None);
    rig.complete();
    assert_eq!(rig.wants(), ["gone", "opened 2", "available", "audit 2"]);
    rig
}

#[test]
fn a_window_of_which_another_holds_more_is_fetched_from_that() {
    let mut rig = fetched();
    rig.short(2, 3, &[1]);
    assert_eq!(rig.wants(), ["3 missing", "prefer 1, 0 is short"]);
    rig.available(1);
    assert_eq!(
        rig.wants(),
        ["available back to 541"],
        "for a reason of ours"
    );
    rig.request(1, Some(541));
    rig.complete();
    assert_eq!(rig.wants(), ["audit 2"]);
    rig.audited(2, Finding::Complete);
    assert_eq!(rig.wants(), ["covered 2"]);
    assert_eq!(rig.book.report(rig.now).counts.found_missing, 3);
}

#[test]
fn what_was_missing_is_told_after_it_was_fetched() {
    let mut rig = fetched();
    rig.audited(2, Finding::Complete);
    assert_eq!(rig.shortage(), None);
    let ids = |all: &[usize]| all.iter().map(|it| mailserver(*it).id).collect::<Vec<_>>();
    let mut rig = fetched();
    rig.short(2, 3, &[1, 2]);
    rig.refetch(1);
    rig.refetch(2);
    rig.short(2, 2, &[2]);
    rig.refetch(2);
    rig.audited(2, Finding::Complete);
    let healed = (3, ids(&[0]), ids(&[1, 2]));
    assert_eq!(
        rig.shortage(),
        Some(healed),
        "two of them were asked for twice"
    );
    // More came to be held by others later.
    rig.pass(390);
    rig.short(2, 1, &[4]);
    rig.refetch(4);
    rig.audited(2, Finding::Complete);
    assert_eq!(rig.shortage(), Some((4, ids(&[0]), ids(&[1, 2, 4]))));
}

#[test]
fn the_report_tells_of_the_oldest_window_first() {
    let mut rig = fetched();
    rig.open_window(300, 400, Reason::Asked);
    rig.open_window(100, 200, Reason::Asked);
    let begins: Vec<_> = rig.open().iter().map(|it| it.from).collect();
    assert_eq!(begins, [at(100), at(300), at(601)], "numbers 4, 3 and 2");
    let covered_until = rig.book.report(rig.now).covered_until;
    assert_eq!(covered_until, Some(at(100)));
}

#[test]
fn where_nobody_holds_all_it_is_fetched_from_each_in_turn() {
    let mut rig = fetched();
    rig.short(2, 5, &[1, 2]);
    rig.wants();
    rig.available(1);
    rig.request(1, Some(541));
    rig.complete();
    let wants = rig.wants();
    assert!(wants.contains(&"prefer 2, 1 is short".into()), "{wants:?}");
    assert!(!wants.contains(&"audit 2".into()), "not yet: {wants:?}");
    rig.available(2);
    rig.request(2, Some(541));
    rig.complete();
    assert!(rig.wants().contains(&"audit 2".into()));
}

/// A node with a cycle of its own asks whomever it is given, but does not go back by itself.
#[test]
fn what_the_node_asks_by_itself_does_not_hold_up_what_is_wanted() {
    let mut rig = fetched();
    rig.short(2, 3, &[1]);
    rig.available(1);
    rig.wants();
    rig.request(1, None);
    rig.complete();
    assert_eq!(rig.wants(), ["owe back to 541"], "at once");
    rig.request(1, Some(541));
    rig.fail("stream reset");
    rig.pass(10);
    assert!(
        !rig.wants().contains(&"owe back to 541".into()),
        "not again and again"
    );
}

#[test]
fn a_request_of_somebody_from_whom_it_is_not_wanted_closes_nothing() {
    let mut rig = fetched();
    rig.short(2, 5, &[1]);
    rig.available(3);
    rig.request(3, Some(541));
    rig.complete();
    let windows = rig.windows();
    assert!(windows[0].ends_with("wanted from 1"), "{windows:?}");
}

#[test]
fn one_that_cannot_be_had_is_wanted_again_after_growing_pauses() {
    let mut rig = fetched();
    rig.short(2, 5, &[1, 2]);
    let mut turns = rig.wants();
    for _ in 0..60 {
        rig.pass(10);
        turns.extend(rig.wants());
    }
    let preferred: Vec<_> = turns.iter().filter(|it| it.starts_with("prefer")).collect();
    assert!((4..=7).contains(&preferred.len()), "{preferred:?}");
    assert_ne!(preferred[0], preferred[1], "each in turn");
    assert!(rig.windows()[0].contains("wanted from 1 2"));
}

/// Seen on a node of 2024-10: it says that it uses one that hangs, and is taken away from it a second later.
#[test]
fn one_that_is_lost_before_it_gave_anything_is_wanted_no_sooner_for_that() {
    let mut rig = fetched();
    rig.short(2, 5, &[1]);
    let mut turns = rig.wants();
    for _ in 0..10 {
        rig.available(1);
        rig.pass(1);
        rig.gone();
        rig.available(0);
        rig.request(0, Some(0));
        rig.complete();
        turns.extend(rig.wants());
    }
    let preferred = turns.iter().filter(|it| it.starts_with("prefer 1")).count();
    assert_eq!(preferred, 1, "{turns:?}");
}

#[test]
fn a_window_that_others_come_to_hold_more_of_later_is_opened_again() {
    let mut rig = fetched();
    rig.audited(2, Finding::Complete);
    assert_eq!(rig.wants(), ["covered 2"]);
    rig.pass(400);
    rig.short(2, 1, &[1]);
    assert!(rig.windows()[0].ends_with("mailserver short: wanted from 1"));
    rig.wants();
    rig.available(1);
    rig.request(1, Some(541));
    rig.complete();
    rig.audited(2, Finding::Complete);
    assert_eq!(rig.windows(), NOTHING);
}

#[test]
fn a_window_that_nobody_could_check_is_fetched_from_another() {
    let mut rig = fetched();
    let wanted = identity(1);
    rig.audited(2, Finding::Second { wanted });
    assert_eq!(rig.wants(), ["prefer 1"], "nobody is called short");
    rig.available(1);
    rig.request(1, Some(541));
    rig.complete();
    rig.audited(2, Finding::Unchecked);
    let closed = rig.closed();
    assert!(closed[0].ends_with("second opinion: covered"), "{closed:?}");
}

#[test]
fn an_auditor_that_says_nothing_is_not_waited_for_for_ever() {
    let mut rig = fetched();
    rig.pass(899);
    assert_eq!(rig.wants(), NOTHING);
    rig.pass(2);
    assert_eq!(rig.wants(), ["covered 2"]);
}

#[test]
fn a_panic_has_it_looked_at_again() {
    let mut rig = fetched();
    rig.book.reset(rig.now);
    assert_eq!(rig.wants(), ["audit 2"]);
}

#[test]
fn where_the_node_picks_it_asks_until_two_requests_bring_nothing() {
    let mut rig = Rig::new().at_rest();
    rig.node(Generation::PerQuery);
    rig.open_window(300, 400, Reason::Asked);
    let mut requests = 0;
    for brought in [4, 0, 1, 0, 0, 0] {
        rig.request(0, Some(240));
        rig.complete();
        requests += 1;
        rig.book.handle_messages(brought, rig.now);
        rig.pass(5);
        rig.audited(2, Finding::Repeat { missing: 2 });
        if rig.open().is_empty() {
            break;
        }
        rig.pass(30);
        assert!(rig.wants().contains(&"owe back to 240".into()));
    }
    assert_eq!(requests, 5);
}
