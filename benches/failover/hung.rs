//! The active mailserver hangs while nothing is asked of it: its system accepts connections, nobody answers.
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
const PHASES_MS: u64 = 2000;

const FIGURES: [(Mode, Figure); 3] = [
    (Mode::Waku1, figure("hung, idle: waku1")),
    (Mode::Waku2, figure("hung, idle: waku2")),
    (Mode::Pin, figure("hung, idle: pin")),
];

const fn figure(name: &'static str) -> Figure {
    Figure {
        name,
        how: "hang, at any time between two probes -> mailserverAvailable; worst of 9",
        unit: "s",
        bound: 3.0,
    }
}

pub(crate) fn measure(table: &mut Table) {
    for (mode, figure) in &FIGURES {
        table.judge_worst(figure, || {
            in_worlds(&[*mode], HANGS, HANGS as usize, to_another)
        });
    }
}

/// The seconds from a fault to another mailserver.
async fn to_another(world: World) -> f64 {
    let mut pair = Pair::start(world.node(LATENCY), &[], clock::system()).await;
    let active = pair.available().await;
    pair.served().await;
    let phase = StdRng::seed_from_u64(world.seed).random_range(0..PHASES_MS);
    tokio::time::sleep(IDLE + Duration::from_millis(phase)).await;

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
