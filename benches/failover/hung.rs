//! The active mailserver hangs: its system accepts connections, nobody answers. While nothing is asked of it, and in
//! the moment in which it becomes available, before the watch has ever heard it.
//!
//! The node drops it too, but only after 12 s at least (the simulation runs at the recorded speed): within
//! the bound it is the watch that helps.

use std::time::{Duration, Instant};

use actors::model::node::Mode;
use mailserver_sidecar::{clock, sim::Fault};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    figures::{Figure, Table},
    pair::Pair,
    world::{World, in_worlds, index, set},
};

/// Mailservers that hang in each mode, all at the same time, each in a world of its own.
const HANGS: u64 = 9;

/// How long each mailserver takes to answer.
const LATENCY: Duration = Duration::from_millis(30);

/// For how long nothing happened before, at least.
const IDLE: Duration = Duration::from_secs(3);

/// The watch probes this often: the fault comes at any time between two probes.
const PHASES_MS: u64 = 1000;

const FIGURES: [(Mode, Figure, Figure); 3] = [
    (
        Mode::Waku1,
        idle("hung, idle: waku1"),
        at_once("hung at once: waku1"),
    ),
    (
        Mode::Waku2,
        idle("hung, idle: waku2"),
        at_once("hung at once: waku2"),
    ),
    (
        Mode::Pin,
        idle("hung, idle: pin"),
        at_once("hung at once: pin"),
    ),
];

const fn idle(name: &'static str) -> Figure {
    Figure {
        name,
        how: "hang, at any time between two probes -> mailserverAvailable; worst of 9",
        unit: "s",
        bound: 1.8,
    }
}

const fn at_once(name: &'static str) -> Figure {
    Figure {
        name,
        how: "hang in the moment of mailserverAvailable -> another one's; worst of 9",
        unit: "s",
        bound: 2.5,
    }
}

pub(crate) fn measure(table: &mut Table) {
    for (mode, idle, at_once) in &FIGURES {
        for (figure, idles) in [(idle, true), (at_once, false)] {
            let life = async |world| to_another(world, idles).await;
            table.judge_worst(figure, || in_worlds(&[*mode], HANGS, HANGS as usize, life));
        }
    }
}

/// The seconds from a fault to another mailserver. `idles`: nothing has happened for a while before.
async fn to_another(world: World, idles: bool) -> f64 {
    let mut pair = Pair::start(world.node(LATENCY), &[], clock::system()).await;
    let active = pair.available().await;
    if idles {
        pair.served().await;
        let phase = StdRng::seed_from_u64(world.seed).random_range(0..PHASES_MS);
        tokio::time::sleep(IDLE + Duration::from_millis(phase)).await;
    }

    let begun = Instant::now();
    set(
        &pair.simulation,
        index(&pair.simulation, &active),
        Fault::Hung,
    );
    let next = pair.available().await;
    let took = begun.elapsed();
    assert_ne!(next.id, active.id, "another one is used");
    pair.stop().await;
    took.as_secs_f64()
}
