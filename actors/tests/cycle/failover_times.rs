//! What is counted of how long failovers take.

use std::time::Duration;

use actors::model::{
    node::{Connection, Mode},
    record::Cause,
    verdict::Verdict,
};

use crate::rig::*;

/// The failovers so far: what for, how many, how long in all.
fn counted(rig: &Rig) -> Vec<(Cause, u64, Duration)> {
    let failovers = rig.cycle.failovers().iter();
    failovers
        .map(|(cause, it)| (*cause, it.count(), it.sum()))
        .collect()
}

fn connect(rig: &mut Rig, chosen: usize) {
    rig.wants();
    rig.decide(Some(chosen));
    rig.wants();
    rig.answer(Ok(Connection::Connected));
    rig.wants();
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_failover_lasts_from_the_loss_to_the_next_connection() {
    let mut rig = Rig::connected(Mode::Waku2);
    assert_eq!(counted(&rig), [], "the first connection replaces nobody");
    rig.lose(0);
    rig.wants();
    rig.now += SECOND;
    rig.decide(Some(1));
    rig.wants();
    rig.now += SECOND;
    rig.answer(Err(dial_failed()));
    rig.wants();
    rig.now += SECOND;
    rig.decide(Some(2));
    rig.wants();
    rig.answer(Ok(Connection::Connected));
    assert_eq!(counted(&rig), [(Cause::Lost, 1, 3 * SECOND)]);
}

#[test]
fn the_time_in_which_it_is_found_out_whose_fault_it_is_counts() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.alone(0);
    rig.now += SECOND;
    connect(&mut rig, 1);
    assert_eq!(counted(&rig), [(Cause::Lost, 1, SECOND)]);
}

#[test]
fn the_time_in_which_we_are_offline_does_not_count() {
    let mut rig = Rig::offline();
    rig.now += 600 * SECOND;
    rig.verdict(Verdict::Online);
    connect(&mut rig, 1);
    assert_eq!(counted(&rig), [(Cause::Lost, 1, Duration::ZERO)]);
}

#[test]
fn a_failover_during_which_we_are_offline_or_the_node_is_away_does_not_count() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.lose(0);
    rig.verdict(Verdict::Offline);
    rig.now += 600 * SECOND;
    rig.verdict(Verdict::Online);
    connect(&mut rig, 1);
    rig.lose(1);
    rig.node_gone();
    rig.now += 600 * SECOND;
    rig.node(Mode::Waku2);
    connect(&mut rig, 2);
    assert!(rig.cycle.active().is_some());
    assert_eq!(counted(&rig), []);
}
