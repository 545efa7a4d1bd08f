//! Losses: whose fault it is, who takes over, and what waits for chance.

use std::time::Duration;

use actors::{
    connector::cycle::{Config, Readiness},
    messages::peers::PeerState,
    model::{
        node::{Connection, Mode},
        record::Cause,
        verdict::Verdict,
    },
};

use crate::rig::*;

/// Mailserver 0 is connected, and 1 is drawn as its standby.
pub(crate) fn with_standby(mode: Mode, listed: bool, config: Config) -> Rig {
    let mut rig = Rig::started_with(mode, config, None);
    rig.wants();
    rig.decide(Some(0));
    rig.answer(Ok(Connection::Connected));
    if listed {
        rig.peer(1, PeerState::Connected);
    }
    rig.wants();
    rig.pass(1);
    assert_eq!(rig.wants(), ["draw of 3 avoiding []"]);
    rig.draw(Some(1));
    rig.wants();
    rig
}

pub(crate) fn warm() -> Config {
    Config {
        standby: Readiness::Warm,
        ..plain()
    }
}

pub(crate) fn lost(index: usize) -> Vec<String> {
    vec![
        format!("drop {index}"),
        "changed none".into(),
        "request from nobody".into(),
    ]
}

// === the standby ===

#[test]
fn a_standby_that_is_a_peer_is_used_at_once_and_a_round_runs_beside_it() {
    let config = Config {
        jitter: Duration::from_secs(5),
        ..warm()
    };
    let mut rig = with_standby(Mode::Waku2, true, config);
    rig.lose(0);
    let mut expected = lost(0);
    expected.extend([changed(1), "connect 1".into()]);
    assert_eq!(rig.wants(), expected, "no pause where nobody is dialled");
    rig.answer(Ok(Connection::Connected));
    assert_eq!(rig.wants(), available(1));
    assert!(rig.pause <= Duration::from_secs(15) && !rig.pause.is_zero());
    rig.pass(5);
    assert!(rig.wants().contains(&"select of 4 avoiding [0]".into()));
    rig.decide(Some(1));
    assert_eq!(rig.wants(), NOTHING);
}

#[test]
fn a_standby_that_has_to_be_dialled_waits_for_chance_and_the_round_runs_meanwhile() {
    let config = Config {
        jitter: Duration::from_millis(500),
        ..warm()
    };
    let mut rig = with_standby(Mode::Waku2, false, config);
    rig.lose(0);
    assert_eq!(rig.wants(), lost(0));
    let at = rig.cycle.poll_timeout(rig.now).unwrap();
    assert!(at <= rig.now + Duration::from_millis(500));
    rig.pass(1);
    let wants = rig.wants();
    assert!(wants.contains(&"connect 1".into()), "{wants:?}");
    assert!(wants.contains(&"select of 4 avoiding [0]".into()));
}

#[test]
fn a_standby_that_is_silent_while_others_answer_is_replaced() {
    for listed in [true, false] {
        let mut rig = with_standby(Mode::Waku2, listed, warm());
        rig.lose(0);
        rig.wants();
        if listed {
            rig.answer(Ok(Connection::Connected));
            assert_eq!(rig.wants(), available(1));
        }
        rig.decide_silent(Some(2), &[1]);
        let wants = rig.wants();
        assert_eq!(wants.last().unwrap(), "connect 2", "{wants:?}");
        rig.answer(Ok(Connection::Connected));
        assert_eq!(rig.wants(), available(2));
        assert!(rig.cycle.cooling_ms(rig.now).contains_key(&identity(1)));
    }
}

#[test]
fn a_standby_that_has_not_answered_yet_is_given_the_whole_round() {
    let mut rig = with_standby(Mode::Waku2, true, warm());
    rig.lose(0);
    rig.answer(Ok(Connection::Connected));
    rig.wants();
    rig.decide(Some(2));
    assert_eq!(rig.wants(), NOTHING, "early, and nothing is known of 1");
    rig.survey(&[1, 2]);
    assert_eq!(rig.wants(), NOTHING);
    rig.lose(1);
    rig.wants();
    rig.decide(Some(2));
    rig.answer(Ok(Connection::Connected));
    rig.wants();
}

#[test]
fn a_standby_whose_dial_fails_gives_way_to_whom_the_round_found() {
    let mut rig = with_standby(Mode::Waku2, false, warm());
    rig.lose(0);
    rig.decide(Some(3));
    rig.wants();
    rig.answer(Err(dial_failed()));
    let wants = rig.wants();
    assert_eq!(
        wants,
        ["changed none".into(), changed(3), "connect 3".into()]
    );
}

#[test]
fn a_hot_standby_is_kept_connected_by_the_node() {
    let config = Config {
        standby: Readiness::Hot,
        ..plain()
    };
    let mut rig = Rig::started_with(Mode::Waku1, config, None);
    rig.wants();
    rig.decide(Some(0));
    rig.answer(Ok(Connection::Connected));
    rig.wants();
    rig.pass(1);
    rig.wants();
    rig.draw(Some(2));
    assert_eq!(rig.wants(), ["introduce 2"]);
    rig.introduced(Ok(Connection::Pending));
    rig.peer(2, PeerState::Connected);
    rig.lose(0);
    let wants = rig.wants();
    assert!(wants.contains(&"connect 2".into()), "{wants:?}");
}

#[test]
fn a_standby_that_falls_silent_or_leaves_is_drawn_anew_and_nothing_else_happens() {
    let mut rig = with_standby(Mode::Waku2, true, warm());
    rig.cycle
        .handle_silence(&identity(1), Cause::Probe, "hung", rig.now);
    assert_eq!(rig.cycle.standby(), None);
    rig.pass(1);
    rig.tick();
    assert_eq!(rig.wants(), ["draw of 3 avoiding []"]);
    rig.draw(Some(2));
    rig.peer(2, PeerState::Connected);
    rig.lose(2);
    rig.pass(2);
    assert_eq!(rig.wants(), ["draw of 3 avoiding []"]);
}

#[test]
fn without_a_standby_the_pause_runs_while_the_round_does() {
    let config = Config {
        jitter: Duration::from_millis(500),
        ..plain()
    };
    let mut rig = Rig::started_with(Mode::Waku2, config, None);
    rig.wants();
    rig.decide(Some(0));
    rig.answer(Ok(Connection::Connected));
    rig.wants();
    rig.lose(0);
    rig.pass(1);
    rig.wants();
    rig.decide(Some(1));
    assert_eq!(rig.wants(), [changed(1), "connect 1".into()], "it is over");
}

// === the watch ===

#[test]
fn one_that_falls_silent_is_left_once_another_one_answers() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.cycle
        .handle_silence(&identity(0), Cause::Probe, "no reply", rig.now);
    let asks = ["refresh", "select of 4 avoiding [0]"];
    assert_eq!(rig.wants(), asks);
    rig.decide(Some(3));
    let mut expected = lost(0);
    expected.extend([changed(3), "connect 3".into()]);
    assert_eq!(rig.wants(), expected);
}

#[test]
fn one_that_falls_silent_and_then_leaves_the_list_gives_way_to_the_standby_at_once() {
    let mut rig = with_standby(Mode::Waku2, true, warm());
    rig.cycle
        .handle_silence(&identity(0), Cause::Lost, "refused", rig.now);
    rig.wants();
    rig.lose(0);
    let mut expected = lost(0);
    expected.extend([changed(1), "connect 1".into()]);
    assert_eq!(rig.wants()[..5], expected);
}

#[test]
fn who_noticed_it_in_his_own_time_waits_for_nobody() {
    let config = Config {
        jitter: Duration::from_secs(5),
        ..plain()
    };
    for (cause, waits) in [(Cause::Probe, false), (Cause::Lost, true)] {
        let mut rig = Rig::started_with(Mode::Waku2, config.clone(), None);
        rig.wants();
        rig.decide(Some(0));
        rig.answer(Ok(Connection::Connected));
        rig.cycle.handle_silence(&identity(0), cause, "no", rig.now);
        rig.decide(Some(1));
        let dialled = rig.wants().contains(&"connect 1".into());
        assert_ne!(dialled, waits, "{cause:?}");
    }
}

#[test]
fn if_nobody_answers_it_is_our_own_outage() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.cycle
        .handle_silence(&identity(0), Cause::Probe, "no reply", rig.now);
    rig.verdict(Verdict::Offline);
    assert_eq!(rig.wants().last().unwrap(), "request from nobody");
    rig.decide(None);
    assert_eq!(rig.wants(), NOTHING, "what that round finds is void");
    assert!(rig.cycle.records().is_empty());
    // The node lists it all the time: it is not believed.
    rig.verdict(Verdict::Online);
    rig.decide(Some(1));
    let wants = rig.wants();
    assert_eq!(wants.last().unwrap(), "connect 1", "{wants:?}");
}

#[test]
fn a_preferred_pin_that_falls_silent_is_not_dialled_over_and_over() {
    let mut rig = Rig::pinned(actors::connector::pin::Policy::Prefer, Mode::Waku2);
    rig.wants();
    rig.answer(Ok(Connection::Connected));
    rig.wants();
    rig.cycle
        .handle_silence(&identity(3), Cause::Probe, "no reply", rig.now);
    rig.decide(Some(0));
    rig.answer(Ok(Connection::Connected));
    rig.wants();
    rig.peer(3, PeerState::Connected);
    rig.pass(60);
    let draws = rig.wants();
    assert!((1..=4).contains(&draws.len()), "{draws:?}");
    assert!(
        draws.iter().all(|it| it.starts_with("draw of 1")),
        "{draws:?}"
    );
    rig.draw(Some(3));
    assert_eq!(rig.wants(), ["connect 3"], "it gave its own word");
}

#[test]
fn a_strict_pin_that_falls_silent_is_kept() {
    let mut rig = Rig::pinned(actors::connector::pin::Policy::Strict, Mode::Waku2);
    rig.answer(Ok(Connection::Connected));
    rig.wants();
    rig.cycle
        .handle_silence(&identity(3), Cause::Probe, "no reply", rig.now);
    assert_eq!(rig.wants(), NOTHING);
}

// === sleep ===

#[test]
fn awake_again_a_round_at_once_and_one_history_request() {
    for alive in [true, false] {
        let mut rig = Rig::connected(Mode::Waku2);
        rig.verdict(Verdict::Asleep);
        assert_eq!(rig.wants(), NOTHING);
        rig.verdict(Verdict::Online);
        assert_eq!(rig.wants(), ["select of 4 avoiding []"]);
        if alive {
            rig.decide(Some(0));
            assert_eq!(rig.wants(), ["request from 0"]);
        } else {
            rig.decide_silent(Some(1), &[0]);
            rig.answer(Ok(Connection::Connected));
            let wants = rig.wants();
            let asked = wants.iter().filter(|it| it.starts_with("request from 1"));
            assert_eq!(asked.count(), 1, "{wants:?}");
        }
        rig.survey(&[0, 1]);
        rig.tick();
        assert_eq!(rig.wants(), NOTHING);
    }
}

#[test]
fn a_doubt_that_came_to_nothing_changes_nothing() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.verdict(Verdict::Suspect);
    rig.verdict(Verdict::Online);
    assert_eq!(rig.wants(), NOTHING);
}

// === a better one ===

#[test]
fn a_mailserver_that_works_is_left_only_for_one_that_is_much_faster_for_long() {
    for (other_ms, requesting, switches) in
        [(60, false, true), (75, false, false), (60, true, false)]
    {
        let config = Config {
            improve: true,
            ..warm()
        };
        let mut rig = Rig::started_with(Mode::Waku2, config, None);
        rig.wants();
        rig.decide(Some(0));
        rig.answer(Ok(Connection::Connected));
        rig.wants();
        rig.cycle.handle_requesting(requesting);
        let mut switched = false;
        rig.pass(1);
        for _ in 0..6 {
            let wants = rig.wants();
            assert_eq!(wants, ["draw of 4 avoiding [0]"]);
            rig.draw(Some(1));
            switched |= rig.wants().contains(&"connect 1".into());
            if switched {
                break;
            }
            rig.survey_draw(&[(0, 100), (1, other_ms)]);
            rig.pass(60);
        }
        assert_eq!(switched, switches, "{other_ms} {requesting}");
    }
}
