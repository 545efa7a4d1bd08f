//! Single stories: which window is opened by what, and what closes it.

use std::time::Duration;

use actors::{
    Instant,
    journal::{Config, book::Book},
    model::{
        node::{Connectedness, Generation, NodeState},
        verdict::Verdict,
        window::Reason,
    },
};

use crate::rig::*;

#[test]
fn the_first_start_claims_nothing_of_the_time_before() {
    let mut rig = Rig::new();
    assert_eq!(rig.windows(), ["1: 0–… sidecar not running: open"]);
    let report = rig.book.report(rig.now);
    assert_eq!((report.since, report.covered_until), (Some(at(0)), None));
    rig.pass(5);
    rig.available(0);
    assert_eq!(
        rig.wants(),
        ["available"],
        "the node goes on from where it was"
    );
    rig.request(0, None);
    assert_eq!(rig.windows(), ["1: 0–5 sidecar not running: open"]);
}

#[test]
fn a_request_that_does_not_go_back_far_enough_closes_nothing() {
    let mut rig = Rig::new().at_rest();
    rig.book.handle_marker(rig.now);
    rig.open_window(300, 400, Reason::Swept);
    assert_eq!(rig.wants(), ["owe back to 240", "opened 2"]);
    rig.request(0, Some(250));
    rig.complete();
    assert_eq!(rig.windows(), ["2: 300–400 sweep: open"]);
    rig.pass(21);
    assert_eq!(rig.wants(), ["owe back to 240"]);
}

#[test]
fn a_mailserver_that_is_lost_opens_a_window_and_one_request_covers_it() {
    let mut rig = Rig::new().at_rest();
    rig.gone();
    assert_eq!(rig.wants(), ["gone", "opened 2"]);
    rig.pass(3);
    rig.available(1);
    // The last request was ten minutes ago: the node goes on from there.
    assert_eq!(rig.wants(), ["available"]);
    rig.request(1, None);
    rig.pass(1);
    rig.complete();
    assert_eq!(rig.wants(), ["audit 2"]);
    assert_eq!(rig.windows(), ["2: 601–604 mailserver changed: fetched"]);
    rig.audited(2, actors::messages::journal::Finding::Complete);
    assert_eq!(rig.wants(), ["covered 2"]);
    rig.pass(3600);
    assert_eq!(rig.wants(), NOTHING, "it is not asked for again");
}

#[test]
fn without_audits_a_completed_request_is_enough() {
    let mut rig = Rig::without_audits().at_rest();
    rig.gone();
    rig.available(1);
    rig.request(1, None);
    rig.wants();
    rig.complete();
    assert_eq!(rig.wants(), ["covered 2"]);
}

#[test]
fn a_request_that_began_before_the_end_covers_what_was_before_it() {
    let mut rig = Rig::without_audits().at_rest();
    rig.book
        .handle_connectedness(Connectedness::PartiallyConnected, rig.now);
    rig.pass(30);
    rig.request(0, None);
    rig.pass(10);
    rig.complete();
    assert_eq!(rig.windows(), ["2: 631–… node badly connected: open"]);
    assert_eq!(rig.closed()[0], "3: 601–631 node badly connected: covered");
    rig.wants();
    rig.pass(20);
    rig.book
        .handle_connectedness(Connectedness::Connected, rig.now);
    rig.pass(30);
    assert_eq!(rig.wants(), ["owe back to 571"]);
}

#[test]
fn what_fails_is_written_down_and_stays_open() {
    let mut rig = Rig::new().at_rest();
    rig.gone();
    rig.available(1);
    for reason in ["null", "no answer within 60s"] {
        rig.request(1, None);
        rig.fail(reason);
    }
    let window = &rig.open()[0];
    let failures: Vec<_> = window
        .attempts
        .iter()
        .map(|it| it.failure.as_deref())
        .collect();
    assert_eq!(failures, [Some("null"), Some("no answer within 60s")]);
    assert!(window.state.is_open() && window.reasons.contains(&Reason::RequestFailed));
    assert_eq!(rig.book.report(rig.now).next_try_ms, Some(4000));
}

#[test]
fn an_outage_begins_where_it_was_first_suspected() {
    let mut rig = Rig::new().at_rest();
    rig.book.handle_verdict(Verdict::Suspect, rig.now);
    rig.pass(7);
    assert_eq!(rig.windows(), NOTHING, "a suspicion alone is none");
    rig.book.handle_verdict(Verdict::Offline, rig.now);
    rig.pass(40);
    rig.book.handle_verdict(Verdict::Online, rig.now);
    assert_eq!(rig.windows(), ["2: 601–648 node offline: open"]);
    // The connector may have no reason to act: the mailserver is the same.
    rig.wants();
    rig.pass(2);
    assert_eq!(rig.wants(), ["owe"]);
}

/// It goes on from a minute before its marker: that is the overlap.
#[test]
fn what_the_node_asks_for_by_itself_is_not_asked_for_again() {
    let mut rig = Rig::new().at_rest();
    rig.book.handle_marker(rig.now);
    rig.pass(5);
    rig.gone();
    rig.pass(3);
    rig.available(1);
    assert_eq!(rig.wants(), ["gone", "opened 2", "available"]);
    rig.request(1, None);
    rig.pass(1);
    rig.complete();
    assert_eq!(rig.wants(), ["audit 2"]);
    assert_eq!(rig.windows(), ["2: 606–609 mailserver changed: fetched"]);
}

#[test]
fn a_sleep_begins_with_the_last_reading_of_the_clocks_before_it() {
    let mut rig = Rig::new().at_rest();
    rig.sleep(3600);
    rig.book.handle_verdict(Verdict::Asleep, rig.now);
    rig.pass(1);
    rig.book.handle_verdict(Verdict::Online, rig.now);
    let from = rig.open()[0].from;
    let slept = at(601);
    assert!(
        from <= slept && slept.since(from) <= Duration::from_secs(2),
        "{from}"
    );
    assert_eq!(rig.second(), 4202);
}

#[test]
fn windows_that_lie_near_each_other_are_one() {
    let mut rig = Rig::new().at_rest();
    rig.open_window(100, 120, Reason::Swept);
    rig.open_window(170, 200, Reason::Asked);
    rig.open_window(400, 410, Reason::Asked);
    let two = [
        "2: 100–200 sweep, asked for: open",
        "3: 400–410 asked for: open",
    ];
    assert_eq!(rig.windows(), two);
    // Both are asked for by one request.
    let wants = rig.wants();
    let owed: Vec<_> = wants.iter().filter(|it| it.starts_with("owe")).collect();
    assert_eq!(owed, ["owe"], "the node's marker is older");
    rig.request(0, None);
    rig.complete();
    assert_eq!(rig.wants(), ["audit 2", "audit 3"]);
}

#[test]
fn what_is_missed_again_and_again_is_not_asked_for_all_the_time() {
    let mut rig = Rig::without_audits().at_rest();
    let mut owed = 0;
    for _ in 0..30 {
        rig.book
            .handle_connectedness(Connectedness::PartiallyConnected, rig.now);
        rig.pass(1);
        rig.book
            .handle_connectedness(Connectedness::Connected, rig.now);
        rig.pass(3);
        if rig.wants().iter().any(|it| it.starts_with("owe")) {
            owed += 1;
            rig.request(0, Some(0));
            rig.complete();
        }
    }
    assert!((4..=7).contains(&owed), "{owed} requests in two minutes");
}

#[test]
fn a_node_that_cannot_be_made_to_go_back_is_not_asked_for_ever() {
    let mut rig = Rig::without_audits().at_rest();
    rig.node(Generation::PerQuery);
    rig.open_window(300, 400, Reason::Swept);
    assert_eq!(rig.wants(), ["owe back to 240", "opened 2"]);
    rig.request(0, Some(240));
    rig.complete_without_going_back();
    assert_eq!(rig.wants(), ["given-up 2"]);
    // What it had not asked for yet it fetches all the same.
    rig.pass(300);
    rig.gone();
    rig.pass(10);
    rig.available(0);
    rig.wants();
    rig.request(0, None);
    rig.complete();
    assert_eq!(rig.wants(), ["covered 3"]);
}

#[test]
fn what_is_older_than_mailservers_remember_is_given_up_with_a_word() {
    let mut rig = Rig::without_audits().at_rest();
    let day = 24 * 3600;
    rig.sleep(3 * day);
    rig.book.handle_verdict(Verdict::Asleep, rig.now);
    rig.available(0);
    rig.request(0, None);
    rig.complete();
    let closed = rig.closed();
    let floor = rig.second() - 2 * day;
    assert!(closed[0].ends_with("covered"), "{closed:?}");
    assert!(closed[1].contains(&format!("–{floor} ")), "{closed:?}");
    assert!(closed[1].ends_with("given up"), "{closed:?}");
}

#[test]
fn a_sidecar_that_comes_back_goes_on_where_it_was() {
    let mut rig = Rig::new().at_rest();
    rig.gone();
    rig.pass(20);
    rig.wants();
    let kept = rig.keeper.kept();
    let alive = kept.marks.alive.expect("kept every 15 s");
    assert!(at(rig.second()).since(alive) <= Duration::from_secs(15));
    let wall = at(rig.second() + 500);
    let book = Book::restore(Config::default(), kept, wall, Instant::now());
    let open = book.report(Instant::now()).open;
    assert_eq!(open.len(), 1, "the window goes on: {open:?}");
    assert!(open[0].until.is_none() && open[0].from == at(601));
    assert!(open[0].reasons.contains(&Reason::SidecarAway));
}

#[test]
fn what_a_person_wants_is_asked_for_at_once_and_joins_what_is_under_way() {
    let mut rig = Rig::without_audits().at_rest();
    rig.book.handle_request(rig.now);
    assert_eq!(rig.wants(), ["owe", "opened 2"]);
    rig.request(0, None);
    rig.book.handle_request(rig.now);
    assert_eq!(rig.wants(), NOTHING);
    rig.complete();
    assert_eq!(rig.wants(), ["covered 2"]);
}

#[test]
fn a_node_that_comes_back_is_waited_for() {
    let mut rig = Rig::new().at_rest();
    rig.book.handle_node(&NodeState::LoggedOut, rig.now);
    rig.gone();
    rig.pass(100);
    rig.node(Generation::Classic);
    rig.pass(5);
    assert_eq!(
        rig.windows(),
        ["2: 601–… node down or logged out, mailserver changed: open"]
    );
    assert!(
        rig.wants().iter().all(|it| !it.starts_with("owe")),
        "nobody can be asked"
    );
}

#[test]
fn a_node_that_is_back_may_have_asked_by_itself_unseen() {
    let mut rig = Rig::new().at_rest();
    let reason = "killed".into();
    let away = NodeState::Unreachable { reason };
    rig.book.handle_node(&away, rig.now);
    rig.gone();
    rig.pass(30);
    rig.node(Generation::Classic);
    rig.wants();
    rig.available(1);
    assert_eq!(rig.wants(), ["available back to 541"]);
}

#[test]
fn a_poor_mesh_ends_with_the_connection() {
    let mut rig = Rig::new().at_rest();
    rig.book
        .handle_connectedness(Connectedness::PartiallyConnected, rig.now);
    rig.pass(30);
    rig.book
        .handle_connectedness(Connectedness::Disconnected, rig.now);
    rig.gone();
    rig.pass(30);
    // That it is connected well now was lost.
    rig.available(0);
    let open = rig.open();
    let ends: Vec<_> = open.iter().map(|it| (it.from, it.until)).collect();
    assert_eq!(ends, [(at(601), Some(at(661)))]);
}

#[test]
fn a_node_that_picks_moves_its_markers_while_it_is_well() {
    let mut rig = Rig::new().at_rest();
    rig.node(Generation::PerQuery);
    rig.book
        .handle_connectedness(Connectedness::Connected, rig.now);
    rig.pass(300);
    rig.gone();
    rig.pass(300);
    rig.wants();
    rig.available(0);
    assert_eq!(
        rig.wants(),
        ["available back to 841"],
        "it noticed nothing, and went on"
    );
    rig.request(0, Some(841));
    rig.complete();
    rig.pass(300);
    rig.book
        .handle_connectedness(Connectedness::Disconnected, rig.now);
    rig.gone();
    rig.pass(300);
    rig.book
        .handle_connectedness(Connectedness::Connected, rig.now);
    rig.wants();
    rig.available(0);
    assert_eq!(rig.wants(), ["available"], "it knows what it missed");
}
