//! How soon another mailserver is available after the node said that the active one is gone.

mod figures;
mod pair;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use actors::{mailserver::MailserverRef, node::Mode};
use figures::{Figure, Table};
use mailserver_sidecar::sim::{self, Fault, Simulation};
use pair::{LIMIT, Pair};

const ABOVE_NEED: Figure = Figure {
    name: "failover above needed ping + dial",
    how: "waku2, 8 mailservers at 5..40 ms, 15 losses: signal -> mailserverAvailable",
    unit: "ms",
    bound: 25.0,
};

/// Each in a world of its own, with another seed.
const LOSSES: u64 = 15;

/// How long each mailserver takes to answer.
const LATENCIES_MS: [u64; 8] = [20, 5, 35, 10, 40, 15, 30, 25];

fn main() -> ExitCode {
    let mut table = Table::begin();
    table.judge(&ABOVE_NEED, || (1..=LOSSES).map(in_own_world).collect());
    table.end()
}

fn in_own_world(seed: u64) -> f64 {
    actix::System::new().block_on(failover(seed))
}

/// The milliseconds by which a failover took longer than the pings and the dial that it needed.
async fn failover(seed: u64) -> f64 {
    let mut pair = Pair::start(sim::Settings {
        mailservers: LATENCIES_MS.len(),
        latencies: LATENCIES_MS.map(Duration::from_millis).to_vec(),
        seed,
        ..sim::Settings::new(Mode::Waku2)
    })
    .await;
    let active = pair.available().await;
    pair.served().await;

    let simulation = &pair.simulation;
    simulation.clear_journal();
    let fault = simulation.set_fault(index(simulation, &active.id), Fault::Killed);
    fault.expect("a mailserver can be killed");
    let gone = |simulation: &Simulation| !simulation.peers().contains(&active.id);
    assert!(simulation.wait_for(LIMIT, gone).await, "the node notices");
    let signalled = Instant::now();
    let next = pair.available().await;
    let took = signalled.elapsed();

    assert_ne!(next.id, active.id, "another one is used");
    let need = need(&pair.simulation, &active, &next);
    pair.stop().await;
    (took.as_secs_f64() - need.as_secs_f64()) * 1000.0
}

/// The slowest answer that the ping round had to wait for, and the dial if there was one.
fn need(simulation: &Simulation, gone: &MailserverRef, next: &MailserverRef) -> Duration {
    let calls = simulation.journal();
    let ping = calls
        .iter()
        .find(|call| call.method == "mailservers_multiAddressPing");
    let pinged = ping.expect("candidates are pinged").params[0]["addresses"].to_string();
    let mailservers = simulation.mailservers();
    let asked = mailservers
        .iter()
        .filter(|it| it.id != gone.id && pinged.contains(&it.address));
    let slowest = asked.map(|it| latency(index(simulation, &it.id))).max();
    let dialled = calls
        .iter()
        .any(|call| call.method == "wakuext_dialPeer" && call.params[0] == next.address.as_str());
    let dial = if dialled {
        latency(index(simulation, &next.id))
    } else {
        Duration::ZERO
    };
    slowest.expect("there are others") + dial
}

fn latency(index: usize) -> Duration {
    Duration::from_millis(LATENCIES_MS[index])
}

fn index(simulation: &Simulation, id: &str) -> usize {
    let mut mailservers = simulation.mailservers().into_iter();
    mailservers
        .position(|it| it.id == id)
        .expect("it is one of the simulation's")
}
