//! The active mailserver is killed while nothing is asked of it: how soon another one is available.
//!
//! The clock starts with the kill: what the node needs to notice it and to send its signal counts too.

use std::time::{Duration, Instant};

use actors::model::node::Mode;
use mailserver_sidecar::{
    clock,
    sim::{self, Fault, Simulation},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    figures::{Figure, Table},
    pair::{LIMIT, Pair},
    world::{MODES, World, call, dial, in_worlds, index, ms, set, standby},
};

/// Losses in each mode, each in a world of its own.
const LOSSES: u64 = 9;

/// How long each mailserver takes to answer.
const LATENCY: Duration = Duration::from_millis(30);

/// The standby is a peer of the node already.
const LISTED: [(Mode, Figure); 3] = [
    (Mode::Waku1, listed("killed, standby a peer: waku1")),
    (Mode::Waku2, listed("killed, standby a peer: waku2")),
    (Mode::Pin, listed("killed, standby a peer: pin")),
];

const fn listed(name: &'static str) -> Figure {
    Figure {
        name,
        how: "kill -> mailserverAvailable, less one RPC; the worst of 9 must hold",
        unit: "ms",
        bound: 30.0,
    }
}

/// The next one has to be dialled.
const DIALLED: [(Dialled, Figure); 4] = [
    (
        Dialled {
            standby: "warm",
            company: true,
        },
        Figure {
            name: "killed, standby no peer",
            how: "kill -> mailserverAvailable, less one dial; all modes, the worst of 27 must hold",
            unit: "ms",
            bound: 600.0,
        },
    ),
    (
        Dialled {
            standby: "warm",
            company: false,
        },
        Figure {
            name: "the same, the only peer killed",
            how: "the node lists nobody: it may be offline, so all are pinged first",
            unit: "ms",
            bound: 600.0,
        },
    ),
    (
        Dialled {
            standby: "off",
            company: true,
        },
        Figure {
            name: "killed, no standby",
            how: "one of the others is silent; less one dial; all modes, worst of 27",
            unit: "ms",
            bound: 800.0,
        },
    ),
    (
        Dialled {
            standby: "off",
            company: false,
        },
        Figure {
            name: "the same, the only peer killed",
            how: "the node lists nobody",
            unit: "ms",
            bound: 800.0,
        },
    ),
];

pub(crate) fn measure(table: &mut Table) {
    for (mode, figure) in &LISTED {
        // One after the other: these are milliseconds.
        table.judge_worst(figure, || in_worlds(&[*mode], LOSSES, 1, to_a_peer));
    }
    for (case, figure) in &DIALLED {
        let life = async |world| to_a_stranger(world, *case).await;
        table.judge_worst(figure, || in_worlds(&MODES, LOSSES, MODES.len(), life));
    }
}

/// The milliseconds from a kill to the standby, which is a peer already, less a call.
async fn to_a_peer(world: World) -> f64 {
    // A node with a cycle of its own has its fleet as peers; the others have whom they are told to have.
    let readiness = match world.mode {
        Mode::Pin => "selector.standby=warm",
        _ => "selector.standby=hot",
    };
    let mut pair = Pair::start(world.node(LATENCY), &[readiness], clock::system()).await;
    let active = pair.available().await;
    pair.served().await;
    let next = standby(&pair).await;
    let listed = |it: &Simulation| it.peers().contains(&next);
    assert!(pair.simulation.wait_for(LIMIT, listed).await, "a peer");
    let call = call(&pair).await;
    a_while(world.seed).await;

    let begun = Instant::now();
    set(
        &pair.simulation,
        index(&pair.simulation, &active),
        Fault::Killed,
    );
    let used = pair.available().await;
    let took = begun.elapsed();
    assert_eq!(used.id, next, "the standby is used");
    pair.stop().await;
    ms(took) - ms(call)
}

/// What it is like when the next one has to be dialled.
#[derive(Clone, Copy)]
struct Dialled {
    standby: &'static str,
    /// The node has another peer.
    company: bool,
}

/// The milliseconds from a kill to the next mailserver, less a dial.
async fn to_a_stranger(world: World, case: Dialled) -> f64 {
    let node = sim::Settings {
        connects_at_login: false,
        ..world.node(LATENCY)
    };
    let readiness = format!("selector.standby={}", case.standby);
    let mut pair = Pair::start(node, &[&readiness], clock::system()).await;
    // One is silent from the beginning: nobody is to wait for it. An enode can only be asked to agree to a
    // connection, which the system of a hung one does.
    let silent = match world.mode {
        Mode::Waku1 => Fault::Isolated,
        _ => Fault::Hung,
    };
    set(&pair.simulation, 7, silent);
    let active = pair.available().await;
    pair.served().await;
    if case.standby != "off" {
        standby(&pair).await;
    }
    let before = match case.company {
        true => Some(dial(&pair, world.mode).await),
        false => None,
    };
    a_while(world.seed).await;

    let begun = Instant::now();
    set(
        &pair.simulation,
        index(&pair.simulation, &active),
        Fault::Killed,
    );
    let next = pair.available().await;
    let took = begun.elapsed();
    assert_ne!(next.id, active.id, "another one is used");
    let dial = match before {
        Some(dial) => dial,
        None => dial(&pair, world.mode).await,
    };
    pair.stop().await;
    ms(took) - ms(dial)
}

/// Idle for up to half a second.
async fn a_while(seed: u64) {
    let pause = StdRng::seed_from_u64(seed).random_range(0..500);
    tokio::time::sleep(Duration::from_millis(pause)).await;
}
