//! The loop under random schedules: whatever happens in whatever order, what it publishes is
//! consistent, it never spins, it leaves a node that is away alone, and it recovers.

mod fleet;
mod world;

use std::{collections::BTreeSet, time::Duration};

use actors::{
    connector::{
        crowd::{Crowd, CrowdRule},
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
use fleet::{MAILSERVERS, dial_failed};
use proptest::prelude::*;
use world::{Input, World};

fn one() -> impl Strategy<Value = usize> {
    0..MAILSERVERS
}

fn mode() -> impl Strategy<Value = Mode> {
    prop::sample::select(vec![Mode::Waku1, Mode::Waku2, Mode::Pin, Mode::Observe])
}

fn answer() -> impl Strategy<Value = Result<Connection, NodeError>> {
    prop_oneof![
        4 => Just(Ok(Connection::Connected)),
        2 => Just(Ok(Connection::Pending)),
        2 => Just(Err(dial_failed())),
        1 => Just(Err(NodeError::DialBackoff)),
        1 => Just(Err(NodeError::Transport("refused".into()))),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    let state = prop_oneof![Just(PeerState::Connected), Just(PeerState::Disconnected)];
    let list = prop::collection::btree_set(one(), 0..=MAILSERVERS);
    prop_oneof![
        1 => (list, prop::option::of(one())).prop_map(|(list, pin)| Input::Candidates(list, pin)),
        1 => prop::option::weighted(0.7, mode()).prop_map(Input::Node),
        1 => Just(Input::SwitchedOff),
        5 => (one(), state).prop_map(|(index, state)| Input::Peer(index, state)),
        6 => prop::option::weighted(0.8, one()).prop_map(Input::Decide),
        8 => (prop_oneof![5 => Just(0), 1 => 1..4_usize], answer())
            .prop_map(|(ago, answer)| Input::Answer(ago, answer)),
        3 => prop::option::weighted(0.8, one()).prop_map(Input::Draw),
        3 => any::<bool>().prop_map(Input::Survey),
        2 => verdict().prop_map(Input::Verdict),
        2 => (one(), cause()).prop_map(|(index, cause)| Input::Silence(index, cause)),
        1 => one().prop_map(Input::Measured),
        2 => one().prop_map(Input::Failing),
        1 => one().prop_map(Input::Served),
        2 => one().prop_map(Input::Switched),
        4 => Just(Input::Tick),
        3 => (0..20_000_u64).prop_map(Input::Pass),
        1 => Just(Input::Panic),
    ]
}

fn verdict() -> impl Strategy<Value = Verdict> {
    use Verdict::{Asleep, Offline, Online, Suspect};
    prop::sample::select(vec![Online, Suspect, Offline, Asleep])
}

fn cause() -> impl Strategy<Value = Cause> {
    prop::sample::select(vec![Cause::Probe, Cause::Lost])
}

fn config() -> impl Strategy<Value = Config> {
    use Readiness::{Hot, Off, Warm};
    let policy = prop_oneof![Just(Policy::Strict), Just(Policy::Prefer)];
    let standby = prop::sample::select(vec![Off, Warm, Hot]);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let crowd = prop::sample::select(vec![Crowd::Small, Crowd::Large]);
    let all = (flags, policy, standby, crowd);
    all.prop_map(
        |((reactive, improve, hurried), pin_policy, standby, crowd)| {
            let jitter = match hurried {
                true => Duration::ZERO,
                false => Config::default().jitter,
            };
            Config {
                reactive,
                pin_policy,
                standby,
                improve,
                jitter,
                crowd: CrowdRule::Fixed(crowd),
                ..Config::default()
            }
        },
    )
}

proptest! {
    #[test]
    fn no_schedule_makes_it_inconsistent(
        config in config(),
        first in mode(),
        inputs in prop::collection::vec(input(), 1..80),
    ) {
        let mut world = World::new(config);
        world.candidates((0..MAILSERVERS).collect(), None);
        world.node(Some(first));
        for input in inputs {
            world.happen(input);
        }
    }

    #[test]
    fn it_recovers_from_every_schedule_within_three_ticks(
        config in config(),
        last in mode(),
        inputs in prop::collection::vec(input(), 0..60),
        alive in prop::collection::btree_set(one(), 1..=MAILSERVERS),
        pinned in prop::option::of(one()),
    ) {
        // A strict pin that is dead is waited for for ever.
        let strict = config.pin_policy == Policy::Strict;
        let pinned = pinned.filter(|it| !strict || alive.contains(it));
        let mut world = World::new(config);
        for input in inputs {
            world.happen(input);
        }
        world.candidates((0..MAILSERVERS).collect(), pinned);
        world.node(Some(last));
        world.disconnect(|it| !alive.contains(&it));
        let dead_pin = pinned.is_some_and(|it| !alive.contains(&it));
        // A dead pin is insisted on for 30 s before.
        for _ in 0..(if dead_pin { 6 } else { 3 }) {
            world.serve(|it| alive.contains(&it), |it| alive.contains(&it));
            world.happen(Input::Tick);
        }
        world.serve(|it| alive.contains(&it), |it| alive.contains(&it));
        let connected = world.connected();
        prop_assert!(connected.is_some_and(|it| alive.contains(&it)), "{connected:?}");
    }

    #[test]
    fn the_only_ones_that_work_are_found_though_others_answer_pings(
        config in config(),
        mode in mode(),
        inputs in prop::collection::vec(input(), 0..40),
        alive in one(),
        pinned in prop::option::of(one()),
    ) {
        let strict = config.pin_policy == Policy::Strict;
        let pinned = pinned.filter(|it| !strict || *it == alive);
        let mut world = World::new(config);
        for input in inputs {
            world.happen(input);
        }
        // Two others that answer pings and refuse every dial: fewer than a tick has attempts for.
        let others = [(alive + 1) % MAILSERVERS, (alive + 2) % MAILSERVERS];
        let list = BTreeSet::from([alive, others[0], others[1]]);
        let pinned = pinned.filter(|it| list.contains(it));
        world.candidates(list, pinned);
        world.node(Some(mode));
        world.disconnect(|it| it != alive);
        for _ in 0..8 {
            world.serve(|_| true, |it| it == alive);
            world.happen(Input::Tick);
        }
        world.serve(|_| true, |it| it == alive);
        prop_assert_eq!(world.connected(), Some(alive));
    }

    #[test]
    fn a_tick_brings_few_attempts_if_every_dial_fails(
        config in config(),
        mode in mode(),
        count in 1..=MAILSERVERS,
        pinned in prop::option::of(one()),
    ) {
        let mut world = World::new(config);
        let pinned = pinned.filter(|it| *it < count);
        world.candidates((0..count).collect(), pinned);
        world.node(Some(mode));
        for _ in 0..12 {
            let calls = world.calls.len();
            world.serve(|_| true, |_| false);
            let attempts = world.calls.len() - calls;
            prop_assert!((1..=4).contains(&(attempts + world.before)), "{attempts}");
            world.happen(Input::Tick);
        }
        prop_assert_eq!(world.connected(), None);
    }
}

#[test]
fn a_pin_that_is_the_only_one_to_work_is_found_however_late() {
    for (policy, count) in [
        (Policy::Strict, 1),
        (Policy::Prefer, 1),
        (Policy::Prefer, 3),
    ] {
        for others_reply in [true, false] {
            let mut world = World::new(Config {
                pin_policy: policy,
                ..Config::default()
            });
            world.candidates((0..count).collect(), Some(0));
            world.node(Some(Mode::Waku2));
            for _ in 0..30 {
                world.serve(|_| others_reply, |_| false);
                world.happen(Input::Tick);
            }
            world.serve(|it| it == 0 || others_reply, |it| it == 0);
            assert_eq!(world.connected(), Some(0), "{policy:?} of {count}");
        }
    }
}
