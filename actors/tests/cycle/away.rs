//! We were offline, asleep, or behind a firewall: what is owed then, and who is not to blame.

use actors::{
    connector::{
        cycle::{Config, Readiness},
        pin::Policy,
    },
    messages::peers::PeerState,
    model::{
        node::{Connection, Mode, NodeError},
        record::Cause,
        verdict::Verdict,
    },
};

use crate::rig::*;

fn warm() -> Config {
    Config {
        standby: Readiness::Warm,
        ..plain()
    }
}

#[test]
fn a_firewall_that_comes_later_does_not_mean_no_mailserver() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.survey(&[0, 1]);
    for index in 0..4 {
        rig.peer(index, PeerState::Connected);
    }
    rig.wants();
    for _ in 0..4 {
        rig.cycle
            .handle_silence(&identity(0), Cause::Probe, "no reply", rig.now);
        rig.decide(None);
        rig.survey(&[]);
        rig.pass(3);
    }
    let active = rig.cycle.active_status(rig.now).unwrap();
    assert_eq!(
        (index(&active.mailserver.identity), active.state),
        (0, "connected")
    );
    assert!(!rig.wants().contains(&"drop 0".into()), "the node has it");
    rig.lose(0);
    rig.listen();
    assert!(
        rig.order.as_ref().unwrap().blind,
        "our silence says nothing"
    );
}

#[test]
fn after_a_sleep_history_is_requested_though_probes_tell_nothing() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.survey(&[]);
    rig.wants();
    rig.verdict(Verdict::Asleep);
    rig.verdict(Verdict::Online);
    rig.decide_silent(None, &[0, 1, 2, 3]);
    rig.survey(&[]);
    let asked = |it: &String| it == "request from 0";
    assert_eq!(rig.wants().iter().filter(|it| asked(it)).count(), 1);
}

#[test]
fn an_outage_that_the_watch_noticed_rotates_nothing() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.cycle
        .handle_silence(&identity(0), Cause::Probe, "no reply", rig.now);
    rig.verdict(Verdict::Offline);
    rig.decide(None);
    rig.wants();
    rig.verdict(Verdict::Online);
    rig.listen();
    rig.decide_answered(1, &[0]);
    let wants = rig.wants();
    assert_eq!(wants, ["select of 4 avoiding [0]", "request from 0"]);
}

#[test]
fn one_that_the_node_has_dropped_meanwhile_is_dialled_again_before_it_is_asked() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.cycle
        .handle_silence(&identity(0), Cause::Probe, "no reply", rig.now);
    rig.verdict(Verdict::Offline);
    rig.alone(0);
    rig.wants();
    rig.verdict(Verdict::Online);
    rig.listen();
    rig.decide_answered(1, &[0]);
    assert_eq!(rig.wants(), ["select of 4 avoiding [0]", "connect 0"]);
    rig.answer(Ok(Connection::Connected));
    assert_eq!(rig.wants(), available(0));
}

#[test]
fn an_early_decision_does_not_leave_the_held_one_after_an_outage() {
    for answers in [true, false] {
        let mut rig = Rig::offline();
        rig.verdict(Verdict::Online);
        rig.wants();
        rig.decide_early(1);
        assert_eq!(rig.wants(), NOTHING, "it may answer yet");
        rig.survey(if answers { &[0, 1] } else { &[1] });
        let connects = if answers { "connect 0" } else { "connect 1" };
        assert_eq!(rig.wants().last().unwrap(), connects);
    }
}

#[test]
fn stalls_of_the_only_one_do_not_make_a_storm_of_requests() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.candidates(1, None);
    rig.wants();
    for _ in 0..20 {
        rig.cycle
            .handle_silence(&identity(0), Cause::Probe, "no reply", rig.now);
        rig.decide(Some(0));
        rig.pass(3);
    }
    let wants = rig.wants();
    assert!(!wants.contains(&"request from 0".into()), "{wants:?}");
}

#[test]
fn a_round_beside_that_ended_unheard_is_not_waited_for() {
    let mut rig = Rig::started_with(Mode::Waku2, warm(), None);
    rig.decide(Some(0));
    rig.answer(Ok(Connection::Connected));
    rig.pass(1);
    rig.listen();
    rig.draw(Some(1));
    rig.lose(0);
    rig.listen();
    rig.answer(Err(NodeError::Transport("reset".into())));
    rig.decide(Some(2));
    rig.survey(&[1, 2, 3]);
    rig.wants();
    rig.tick();
    let wants = rig.wants();
    let acts = |it: &String| it.starts_with("select") || it.starts_with("connect");
    assert!(wants.iter().any(acts), "{wants:?}");
}

#[test]
fn a_pin_that_refuses_is_no_standby() {
    let mut rig = Rig::started_with(Mode::Waku2, warm(), Some(3));
    rig.answer(Ok(Connection::Connected));
    rig.cycle
        .handle_silence(&identity(3), Cause::Probe, "no reply", rig.now);
    rig.decide(Some(0));
    rig.answer(Ok(Connection::Connected));
    rig.pass(1);
    rig.listen();
    let drawn = &rig.draw.as_ref().unwrap().candidates;
    assert!(drawn.iter().all(|it| it.mailserver.identity != identity(3)));
}

#[test]
fn a_strict_pin_that_is_dead_is_watched_again_at_the_tick_and_not_before() {
    let mut rig = Rig::pinned(Policy::Strict, Mode::Waku2);
    rig.answer(Ok(Connection::Connected));
    rig.wants();
    let before = rig.watches;
    rig.cycle
        .handle_silence(&identity(3), Cause::Lost, "refused", rig.now);
    rig.pass(9);
    rig.listen();
    assert_eq!(rig.watches, before);
    rig.tick();
    rig.listen();
    assert_eq!(rig.watches, before + 1);
}
