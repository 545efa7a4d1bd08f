//! The pin: insisted on, given up for a while, and come back to.

use actors::{
    connector::pin::Policy,
    messages::peers::PeerState,
    model::node::{Connection, Mode},
};

use crate::rig::*;

#[test]
fn a_pin_is_connected_without_a_selection() {
    let mut rig = Rig::pinned(Policy::Prefer, Mode::Waku2);
    assert_eq!(rig.wants(), [changed(3), "connect 3".into()]);
}

#[test]
fn a_dead_pin_is_news_once_then_another_is_used_after_the_patience() {
    let mut rig = Rig::pinned(Policy::Prefer, Mode::Waku2);
    rig.wants();
    rig.answer(Err(dial_failed()));
    assert_eq!(rig.wants(), ["changed none"]);
    for _ in 0..2 {
        rig.tick();
        assert_eq!(rig.wants(), ["connect 3"]);
        rig.answer(Err(dial_failed()));
    }
    rig.pass(10);
    assert_eq!(rig.wants(), ["select of 3 avoiding []"]);
}

#[test]
fn a_dead_pin_does_not_make_the_loop_flap() {
    let mut rig = Rig::pinned(Policy::Prefer, Mode::Waku2);
    let mut changes = Vec::new();
    for _ in 0..360 {
        let wants = rig.wants();
        let select = wants.iter().any(|it| it.starts_with("select"));
        let connect = wants.iter().find_map(|it| it.strip_prefix("connect "));
        let introduce = wants.iter().any(|it| it.starts_with("introduce"));
        match connect {
            Some("3") => rig.answer(Err(dial_failed())),
            Some(_) => rig.answer(Ok(Connection::Connected)),
            None if select => rig.decide(Some(0)),
            None if introduce => rig.introduced(Err(dial_failed())),
            None => rig.tick(),
        }
        changes.extend(wants.into_iter().filter(|it| it.starts_with("changed")));
    }
    assert_eq!(changes, [changed(3), "changed none".into(), changed(0)]);
}

#[test]
fn the_pin_comes_back_quietly_once_it_works() {
    let mut rig = Rig::fallen_back();
    rig.pass(2);
    assert_eq!(rig.wants(), ["introduce 3"]);
    rig.introduced(Ok(Connection::Connected));
    assert_eq!(rig.wants(), ["connect 3"]);
    assert_eq!(rig.cycle.active().map(|it| index(&it.identity)), Some(0));
    rig.answer(Ok(Connection::Connected));
    assert_eq!(rig.wants(), [vec![changed(3)], available(3)].concat());
}

#[test]
fn on_waku1_the_pin_comes_back_when_a_signal_lists_it() {
    let mut rig = Rig::pinned(Policy::Prefer, Mode::Waku1);
    rig.wants();
    rig.answer(Ok(Connection::Pending));
    rig.pass(45);
    rig.wants();
    rig.decide(Some(0));
    rig.answer(Ok(Connection::Pending));
    rig.peer(0, PeerState::Connected);
    rig.wants();
    rig.tick();
    rig.introduced(Ok(Connection::Pending));
    rig.wants();
    rig.pass(60);
    rig.wants();
    rig.peer(3, PeerState::Connected);
    assert_eq!(rig.wants(), ["connect 3"]);
    rig.answer(Ok(Connection::Pending));
    assert_eq!(rig.wants(), [vec![changed(3)], available(3)].concat());
}

#[test]
fn a_strict_pin_waits_for_ever_and_says_so() {
    let mut rig = Rig::pinned(Policy::Strict, Mode::Waku2);
    rig.wants();
    rig.answer(Err(dial_failed()));
    rig.wants();
    for _ in 0..20 {
        rig.tick();
        assert_eq!(rig.wants(), ["connect 3"]);
        rig.answer(Err(dial_failed()));
    }
    let status = rig.cycle.pin_status(rig.now).unwrap();
    assert!(status.fallback_reason.unwrap().contains("strict"));
}

#[test]
fn a_pin_set_while_another_is_connected_is_proven_first() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.candidates(CANDIDATES, Some(3));
    assert_eq!(rig.wants(), ["introduce 3"]);
    rig.introduced(Err(dial_failed()));
    assert_eq!(rig.wants(), NOTHING);
    assert_eq!(rig.cycle.active().map(|it| index(&it.identity)), Some(0));
}

#[test]
fn a_lost_pin_is_not_dropped_but_tried_again() {
    let mut rig = Rig::pinned(Policy::Prefer, Mode::Waku1);
    rig.wants();
    rig.answer(Ok(Connection::Connected));
    rig.wants();
    rig.lose(3);
    assert_eq!(
        rig.wants(),
        ["changed none", "request from nobody", "connect 3"]
    );
}
