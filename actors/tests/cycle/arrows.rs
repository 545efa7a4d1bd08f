//! Each arrow between the states of the loop, as the documentation of `cycle` lists them.

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

/// Brings a loop into a state, does something, and tells both states.
fn arrow(mut rig: Rig, input: impl FnOnce(&mut Rig)) -> (&'static str, &'static str) {
    rig.wants();
    let from = rig.cycle.phase();
    input(&mut rig);
    (from, rig.cycle.phase())
}

/// Nothing is active: no candidates are known.
fn idle() -> Rig {
    let mut rig = Rig::with(plain());
    rig.node(Mode::Waku2);
    rig
}

fn selecting() -> Rig {
    Rig::started(Mode::Waku2)
}

fn with_pauses() -> Config {
    Config {
        jitter: Duration::from_millis(500),
        ..plain()
    }
}

/// We came back from offline, and 0 is to be dialled after a pause.
fn waiting() -> Rig {
    let mut rig = Rig::started_with(Mode::Waku2, with_pauses(), None);
    rig.wants();
    rig.decide(None);
    rig.verdict(Verdict::Offline);
    rig.verdict(Verdict::Online);
    rig.wants();
    rig.decide(Some(0));
    rig
}

fn connecting() -> Rig {
    let mut rig = selecting();
    rig.wants();
    rig.decide(Some(0));
    rig
}

fn connected() -> Rig {
    Rig::connected(Mode::Waku2)
}

fn silent(rig: &mut Rig) {
    let now = rig.now;
    rig.cycle
        .handle_silence(&identity(0), Cause::Probe, "silent", now);
}

/// 0 is silent, and it is being found out whose fault that is.
fn held() -> Rig {
    let mut rig = connected();
    rig.peer(0, PeerState::Connected);
    silent(&mut rig);
    rig
}

/// The node lists nobody.
fn held_alone() -> Rig {
    let mut rig = connected();
    rig.alone(0);
    rig
}

fn pinned(rig: &mut Rig) {
    rig.candidates(CANDIDATES, Some(1));
}

#[test]
fn from_idle() {
    let to_selecting = arrow(idle(), |it| it.candidates(CANDIDATES, None));
    let to_waiting = arrow(idle(), pinned);
    assert_eq!(to_selecting, ("idle", "selecting"));
    // There is nothing to wait for.
    assert_eq!(to_waiting, ("idle", "connecting"));
    let mut observed = Rig::with(plain());
    observed.candidates(CANDIDATES, None);
    observed.node(Mode::Observe);
    observed.wants();
    observed.decide(None);
    let listed = |it: &mut Rig| it.peer(0, PeerState::Connected);
    assert_eq!(arrow(observed, listed), ("idle", "connected"));
}

#[test]
fn from_selecting() {
    let chosen = arrow(selecting(), |it| it.decide(Some(0)));
    let nobody = arrow(selecting(), |it| it.decide(None));
    let offline = arrow(selecting(), |it| it.verdict(Verdict::Offline));
    assert_eq!(chosen, ("selecting", "connecting"));
    assert_eq!(nobody, ("selecting", "idle"));
    assert_eq!(offline, ("selecting", "idle"));
}

#[test]
fn from_waiting() {
    let over = arrow(waiting(), |it| it.pass(2));
    let offline = arrow(waiting(), |it| it.verdict(Verdict::Offline));
    assert_eq!(over, ("waiting", "connecting"));
    assert_eq!(offline, ("waiting", "idle"));
}

#[test]
fn from_connecting() {
    let made = arrow(connecting(), |it| it.answer(Ok(Connection::Connected)));
    // Then another one is looked for at once.
    let failed = arrow(connecting(), |it| it.answer(Err(dial_failed())));
    let too_late = arrow(connecting(), |it| it.pass(10));
    assert_eq!(made, ("connecting", "connected"));
    assert_eq!(failed, ("connecting", "selecting"));
    assert_eq!(too_late, ("connecting", "selecting"));
}

#[test]
fn the_one_before_is_gone_on_with_if_a_pin_that_seemed_to_work_does_not() {
    let mut rig = Rig::fallen_back();
    rig.pass(60);
    rig.wants();
    assert_eq!(rig.cycle.phase(), "connected");
    rig.introduced(Ok(Connection::Connected));
    rig.wants();
    let but_fails = arrow(rig, |it| it.answer(Err(dial_failed())));
    assert_eq!(but_fails, ("connecting", "connected"));
}

#[test]
fn offline_leaves_the_one_that_was_to_be_reconnected_what_it_was() {
    let mut rig = Rig::started_with(Mode::Waku2, with_pauses(), None);
    rig.wants();
    rig.decide(Some(0));
    rig.answer(Ok(Connection::Connected));
    rig.wants();
    rig.alone(0);
    rig.decide(Some(0));
    let offline = arrow(rig, |it| it.verdict(Verdict::Offline));
    assert_eq!(offline, ("waiting", "held"));
}

#[test]
fn from_connected() {
    let lost = arrow(connected(), |it| it.lose(0));
    let held = arrow(connected(), silent);
    let alone = arrow(connected(), |it| it.alone(0));
    // Another one is looked for at once.
    assert_eq!(lost, ("connected", "selecting"));
    assert_eq!(held, ("connected", "held"));
    assert_eq!(alone, ("connected", "held"));
}

#[test]
fn what_is_used_without_proof_and_is_silent_is_left_for_another_one() {
    let mut rig = Rig::started_with(
        Mode::Waku2,
        Config {
            standby: Readiness::Warm,
            ..plain()
        },
        None,
    );
    rig.wants();
    rig.decide(Some(0));
    rig.answer(Ok(Connection::Connected));
    rig.pass(1);
    rig.wants();
    rig.draw(Some(1));
    rig.lose(0);
    // The standby is being connected, with a round beside it.
    let silent = arrow(rig, |it| it.decide_silent(Some(2), &[1]));
    assert_eq!(silent, ("connecting", "connecting"));
}

#[test]
fn from_held() {
    let other = arrow(held(), |it| it.decide_silent(Some(1), &[0]));
    let itself = arrow(held(), |it| it.decide(Some(0)));
    let itself_lost = arrow(held_alone(), |it| it.decide(Some(0)));
    let nobody = arrow(held_alone(), |it| it.decide(None));
    assert_eq!(other, ("held", "connecting"));
    assert_eq!(itself, ("held", "connected"));
    assert_eq!(itself_lost, ("held", "connecting"));
    assert_eq!(nobody, ("held", "held"));
    // It lists others meanwhile, so that we are online: then nobody is to be waited for.
    let not_alone = |it: &mut Rig| {
        it.peer(2, PeerState::Connected);
        it.decide(None);
    };
    assert_eq!(arrow(held_alone(), not_alone), ("held", "idle"));
}

#[test]
fn while_the_node_is_away() {
    let suspended = || {
        let mut rig = connected();
        rig.node_gone();
        rig
    };
    let away = arrow(connected(), Rig::node_gone);
    let away_idle = arrow(selecting(), Rig::node_gone);
    let back = arrow(suspended(), |it| it.node(Mode::Waku2));
    let back_without = arrow(suspended(), |it| {
        it.lose(0);
        it.node(Mode::Waku2);
    });
    assert_eq!(away, ("connected", "suspended"));
    assert_eq!(away_idle, ("selecting", "idle"));
    assert_eq!(back, ("suspended", "connecting"));
    assert_eq!(back_without, ("suspended", "selecting"));
}
