//! All mailservers of a published fleet were gone, and come back: nobody knocks at the first one together.

use std::time::Duration;

use actors::{
    connector::{
        crowd::{Crowd, CrowdRule},
        cycle::Config,
    },
    model::{
        node::{Connection, Mode},
        verdict::Verdict,
    },
};

use crate::rig::*;

/// Of a large crowd; 0 was in use and all are gone for so long, while the node has other peers.
fn gone(crowd: Crowd, seconds: u64) -> Rig {
    let config = Config {
        jitter: Duration::from_millis(500),
        crowd: CrowdRule::Fixed(crowd),
        ..plain()
    };
    let mut rig = Rig::started_with(Mode::Waku2, config, None);
    rig.wants();
    rig.decide(Some(0));
    rig.answer(Ok(Connection::Connected));
    rig.lose(0);
    rig.decide(None);
    rig.verdict(Verdict::Offline);
    rig.pass(seconds);
    rig.wants();
    rig
}

fn dials(said: &[String]) -> Vec<&String> {
    said.iter().filter(|it| it.starts_with("connect")).collect()
}

/// Time goes by until somebody is to be chosen again; how long that took.
fn until_selection(rig: &mut Rig) -> Duration {
    let begun = rig.now;
    while !rig.wants().iter().any(|it| it.starts_with("select")) {
        rig.now = rig.cycle.poll_timeout(rig.now).expect("a limit");
        rig.cycle.handle_timeout(rig.now);
    }
    rig.now - begun
}

/// 1 is the first to be back: after which pause somebody is chosen.
fn first_back(rig: &mut Rig) -> Duration {
    rig.verdict(Verdict::Online);
    rig.decide(Some(1));
    assert_eq!(dials(&rig.wants()), NOTHING, "all the world would");
    rig.survey(&[1]);
    until_selection(rig)
}

#[test]
fn nobody_is_dialled_before_a_wide_pause_and_the_choice_is_made_after_it() {
    let mut rig = gone(Crowd::Large, 30);
    let pause = first_back(&mut rig);
    assert!(
        pause > Duration::from_millis(1_500) && pause <= Duration::from_millis(12_500),
        "{pause:?}"
    );
    rig.decide(Some(2));
    assert_eq!(dials(&rig.wants()), ["connect 2"]);
    rig.answer(Ok(Connection::Connected));
    assert_eq!(rig.wants(), available(2));
    assert!(
        rig.pause > Duration::from_secs(3),
        "requests are spread wider"
    );
}

#[test]
fn a_tick_in_the_pause_changes_nothing() {
    let mut rig = gone(Crowd::Large, 30);
    rig.verdict(Verdict::Online);
    rig.decide(Some(1));
    rig.survey(&[1]);
    rig.wants();
    let now = rig.now;
    rig.cycle.handle_tick(now);
    assert_eq!(rig.wants(), NOTHING);
}

#[test]
fn whoever_came_in_a_hurry_chooses_once_more_within_minutes_and_only_once() {
    let mut rig = gone(Crowd::Large, 30);
    first_back(&mut rig);
    rig.decide(Some(1));
    rig.answer(Ok(Connection::Connected));
    rig.wants();
    let after = until_selection(&mut rig);
    assert!(
        after >= Duration::from_secs(60) && after <= Duration::from_secs(360),
        "{after:?}"
    );
    rig.decide(Some(2));
    assert_eq!(rig.wants(), ["connect 2"]);
    rig.answer(Ok(Connection::Connected));
    assert_eq!(rig.wants()[0], changed(2));
    rig.pass(3600);
    assert_eq!(rig.wants(), NOTHING);
}

#[test]
fn it_stays_where_it_is_if_that_one_is_drawn_and_never_moves_during_a_request() {
    let mut rig = gone(Crowd::Large, 30);
    first_back(&mut rig);
    rig.decide(Some(1));
    rig.answer(Ok(Connection::Connected));
    rig.cycle.handle_requesting(true);
    rig.wants();
    rig.pass(600);
    rig.tick();
    assert_eq!(rig.wants(), NOTHING);
    rig.cycle.handle_requesting(false);
    rig.tick();
    assert_eq!(rig.wants(), ["select of 4 avoiding []"]);
    rig.decide(Some(1));
    assert_eq!(rig.wants(), NOTHING);
}

#[test]
fn where_others_are_few_or_the_outage_was_our_own_the_pause_stays_short() {
    let short = Duration::from_millis(1_500);
    // A network of our own.
    let mut small = gone(Crowd::Small, 30);
    small.verdict(Verdict::Online);
    small.decide(Some(1));
    let begun = small.now;
    small.pass(2);
    assert_eq!(dials(&small.wants()), ["connect 1"]);
    assert!(small.now - begun >= short);
    // The node had no peer at all.
    let mut alone = gone(Crowd::Large, 30);
    alone.cycle.handle_alone(true);
    alone.verdict(Verdict::Online);
    alone.decide(Some(1));
    alone.pass(2);
    assert_eq!(dials(&alone.wants()), ["connect 1"]);
    // The node had not noticed yet, and all are back at once.
    let mut brief = gone(Crowd::Large, 5);
    brief.verdict(Verdict::Online);
    brief.decide(Some(1));
    brief.survey(&[0, 1, 2, 3]);
    brief.decide(Some(1));
    brief.pass(2);
    assert_eq!(dials(&brief.wants()), ["connect 1"]);
}
