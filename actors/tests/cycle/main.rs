//! Life stories of the loop, in virtual time: what it is told, and what it wants done.

mod arrows;
mod away;
mod enodes;
mod failover;
mod failover_times;
mod node;
mod offline;
mod pin;
mod prefer;
mod rig;
mod world_return;

use actors::{
    connector::cycle::Config,
    messages::peers::PeerState,
    model::node::{Connection, Mode, NodeError},
};

use rig::*;

#[test]
fn a_mailserver_is_chosen_connected_and_asked() {
    let mut rig = Rig::started(Mode::Waku2);
    assert_eq!(rig.wants(), ["select of 4 avoiding []"]);
    rig.decide(Some(2));
    assert_eq!(rig.wants(), [changed(2), "connect 2".into()]);
    rig.answer(Ok(Connection::Connected));
    assert_eq!(rig.wants(), available(2));
}

#[test]
fn while_it_is_connected_a_tick_sends_nothing() {
    let mut rig = Rig::connected(Mode::Waku2);
    for _ in 0..100 {
        rig.tick();
    }
    assert_eq!(rig.wants(), NOTHING);
}

#[test]
fn a_lost_one_is_dropped_and_another_chosen_at_once() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.lose(0);
    assert_eq!(
        rig.wants(),
        [
            "drop 0",
            "changed none",
            "request from nobody",
            "select of 4 avoiding [0]"
        ]
    );
}

#[test]
fn without_reaction_the_tick_does_it() {
    let config = Config {
        reactive: false,
        ..plain()
    };
    let mut rig = Rig::started_with(Mode::Waku2, config, None);
    rig.wants();
    rig.decide(Some(0));
    rig.answer(Ok(Connection::Connected));
    rig.wants();
    rig.lose(0);
    assert_eq!(rig.wants(), NOTHING);
    rig.tick();
    assert_eq!(rig.wants().len(), 4);
}

#[test]
fn while_nobody_replies_it_looks_again_ever_more_rarely_and_does_nothing_else() {
    let mut rig = Rig::started(Mode::Waku2);
    let mut looks = Vec::new();
    for second in 0..600 {
        let wants = rig.wants();
        assert!(wants.iter().all(|it| it == "select of 4 avoiding []"));
        if !wants.is_empty() {
            looks.push(second);
            rig.decide(None);
        }
        rig.pass(1);
    }
    assert_eq!(looks[..3], [0, 1, 2]);
    let last = looks[looks.len() - 1] - looks[looks.len() - 2];
    assert!((9..=11).contains(&last), "{looks:?}");
}

#[test]
fn if_every_dial_fails_the_loop_waits_for_the_tick_and_nobody_gets_a_bad_mark() {
    let mut rig = Rig::started(Mode::Waku2);
    rig.wants();
    for chosen in 0..3 {
        rig.decide(Some(chosen));
        rig.wants();
        rig.answer(Err(dial_failed()));
    }
    assert_eq!(rig.wants(), ["changed none"]);
    assert!(rig.cycle.cooling_ms(rig.now).is_empty());
    assert_eq!(rig.cycle.active(), None);
}

#[test]
fn while_all_dials_fail_the_tries_are_no_news_and_the_first_success_is() {
    let mut rig = Rig::started(Mode::Waku2);
    let mut changes = 0;
    for _ in 0..60 {
        let wants = rig.wants();
        changes += wants.iter().filter(|it| it.starts_with("changed")).count();
        let connect = wants.iter().any(|it| it.starts_with("connect"));
        let select = wants.iter().any(|it| it.starts_with("select"));
        match (connect, select) {
            (true, _) => rig.answer(Err(dial_failed())),
            (_, true) => rig.decide(Some(1)),
            _ => rig.tick(),
        }
    }
    assert_eq!(changes, 6, "three tries, announced and taken back");
    rig.answer(Err(dial_failed()));
    rig.decide(None);
    rig.tick();
    rig.wants();
    rig.decide(Some(1));
    assert_eq!(rig.wants(), ["connect 1"]);
    rig.answer(Ok(Connection::Connected));
    assert_eq!(rig.wants(), [vec![changed(1)], available(1)].concat());
}

#[test]
fn a_failed_dial_leaves_no_dead_active_and_is_not_chosen_next() {
    let mut rig = Rig::started(Mode::Waku2);
    rig.wants();
    rig.decide(Some(1));
    rig.wants();
    rig.answer(Err(dial_failed()));
    assert_eq!(rig.wants(), ["changed none", "select of 4 avoiding [1]"]);
    assert_eq!(rig.cycle.active(), None);
    rig.decide(Some(2));
    rig.wants();
    rig.answer(Ok(Connection::Connected));
    rig.wants();
    assert_eq!(
        rig.cycle
            .cooling_ms(rig.now)
            .keys()
            .map(index)
            .collect::<Vec<_>>(),
        [1]
    );
}

#[test]
fn dial_backoff_says_nothing_about_the_mailserver() {
    let mut rig = Rig::started(Mode::Waku2);
    rig.wants();
    rig.decide(Some(1));
    rig.wants();
    rig.answer(Err(NodeError::DialBackoff));
    assert_eq!(rig.wants(), ["changed none", "select of 4 avoiding [1]"]);
    rig.decide(Some(2));
    rig.answer(Ok(Connection::Connected));
    assert!(rig.cycle.cooling_ms(rig.now).is_empty(), "no bad mark");
}

#[test]
fn a_choice_that_left_the_list_meanwhile_is_not_connected() {
    let mut rig = Rig::started(Mode::Waku2);
    rig.wants();
    rig.candidates(2, None);
    rig.decide(Some(3));
    assert_eq!(rig.wants(), ["select of 2 avoiding []"]);
}

#[test]
fn connecting_ends_when_a_signal_lists_the_peer() {
    let mut rig = Rig::started(Mode::Waku1);
    rig.wants();
    rig.decide(Some(1));
    rig.answer(Ok(Connection::Pending));
    assert_eq!(
        rig.wants(),
        [changed(1), "connect 1".into(), "refresh".into()]
    );
    rig.peer(1, PeerState::Connected);
    assert_eq!(rig.wants(), available(1));
}

#[test]
fn connecting_asks_for_the_peers_itself_since_a_summary_may_never_come() {
    let mut rig = Rig::started(Mode::Waku1);
    rig.wants();
    rig.decide(Some(1));
    rig.answer(Ok(Connection::Pending));
    rig.wants();
    rig.pass(1);
    assert_eq!(rig.wants(), ["refresh"; 4], "after 100, 200, 400, 800 ms");
    rig.pass(3);
    assert_eq!(rig.wants(), ["refresh"; 3]);
}

#[test]
fn connecting_has_an_end() {
    let mut rig = Rig::started(Mode::Waku1);
    rig.wants();
    rig.decide(Some(1));
    rig.answer(Ok(Connection::Pending));
    rig.wants();
    rig.pass(9);
    assert!(rig.wants().iter().all(|it| it == "refresh"));
    rig.pass(1);
    let mut then = rig.wants();
    then.retain(|it| it != "refresh");
    assert_eq!(then, ["drop 1", "changed none", "select of 4 avoiding [1]"]);
}

#[test]
fn one_that_is_a_peer_already_is_available_without_waiting() {
    let mut rig = Rig::started(Mode::Waku1);
    rig.wants();
    rig.peer(1, PeerState::Connected);
    rig.decide(Some(1));
    rig.answer(Ok(Connection::Pending));
    assert_eq!(rig.wants()[2..], available(1));
}

#[test]
fn answers_of_an_earlier_attempt_are_ignored() {
    let mut rig = Rig::started(Mode::Waku2);
    rig.wants();
    rig.decide(Some(1));
    rig.wants();
    let earlier = rig.attempt;
    rig.answer(Err(dial_failed()));
    rig.wants();
    rig.decide(Some(2));
    rig.wants();
    rig.cycle
        .handle_answer(earlier, Ok(Connection::Connected), rig.now);
    assert_eq!(rig.wants(), NOTHING);
}

#[test]
fn a_selection_without_answer_is_given_up() {
    let mut rig = Rig::started(Mode::Waku2);
    rig.wants();
    rig.pass(6);
    assert_eq!(rig.wants(), ["select of 4 avoiding []"]);
}

#[test]
fn one_that_does_not_serve_history_is_left_although_it_is_connected() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.cycle
        .handle_failing(&identity(0), "history: hung", rig.now);
    assert_eq!(rig.wants()[3], "select of 4 avoiding [0]");
    rig.decide(Some(1));
    rig.answer(Ok(Connection::Connected));
    rig.wants();
    let cooling = rig.cycle.cooling_ms(rig.now)[&identity(0)];
    assert!((8_000..=12_000).contains(&cooling), "{cooling}");
    rig.cycle.handle_served(&identity(0), rig.now);
    assert!(rig.cycle.cooling_ms(rig.now).is_empty());
}

#[test]
fn a_complaint_about_one_that_is_not_active_changes_nothing() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.cycle
        .handle_failing(&identity(1), "history: hung", rig.now);
    assert_eq!(rig.wants(), NOTHING);
}
