//! What fifty programs that follow the events cost: the memory of the service, and how much later another mailserver is
//! available.
//!
//! The subscribers have a thread of their own in this process. Where the delay is measured, the service is in it too, so
//! that they take a core from it as well; its memory is that of a process of its own, of this build, which Linux tells.

mod crowd;
#[path = "../figures/mod.rs"]
mod figures;
#[path = "../pair/mod.rs"]
mod pair;
mod subject;

use std::{process::ExitCode, time::Duration};

use actors::model::node::Mode;
use mailserver_sidecar::{clock, sim};

use crowd::Crowd;
use figures::{Figure, Table};
use pair::Pair;
use subject::Subject;

/// Processes with and without subscribers whose memory is looked at.
const PROCESSES: u64 = 5;

/// Mailservers that are lost before the subscribers come, and again while they follow.
const LOSSES: usize = 2;

/// How long after the last event the memory counts.
const SETTLING: Duration = Duration::from_secs(3);

/// Kills with and without subscribers: each pair has the same seed, so that the service draws the same pauses.
const KILLS: u64 = 9;

const MEMORY: Figure = Figure {
    name: "memory of 50 subscribers",
    how: "VmRSS after 4 failovers, 2 of them followed by 25 of each kind, less that without",
    unit: "MiB",
    bound: 2.0,
};

const FAILOVER: Figure = Figure {
    name: "failover with 50, ratio",
    how: "kill -> mailserverAvailable with 25 subscribers of each kind, to without",
    unit: "times",
    bound: 1.2,
};

fn main() -> ExitCode {
    let mut table = Table::begin();
    if cfg!(target_os = "linux") {
        table.judge(&MEMORY, || (1..=PROCESSES).map(cost).collect());
    } else {
        println!("{}: only Linux tells it", MEMORY.name);
    }
    table.judge(&FAILOVER, || (1..=KILLS).map(ratio).collect());
    table.end()
}

fn live<T>(life: impl Future<Output = T>) -> T {
    actix::System::new().block_on(life)
}

fn node(seed: u64) -> sim::Settings {
    sim::Settings {
        latencies: vec![Duration::from_millis(30)],
        connects_at_login: false,
        seed,
        ..sim::Settings::new(Mode::Waku2)
    }
}

/// The MiB that the subscribers cost.
fn cost(seed: u64) -> f64 {
    let alone = live(memory(seed, false));
    let followed = live(memory(seed, true));
    println!("  {alone} KiB, with subscribers {followed} KiB");
    (followed - alone) / 1024.0
}

/// The KiB of a service that has lost some mailservers, half of them before the subscribers came.
async fn memory(seed: u64, followed: bool) -> f64 {
    let mut subject = Subject::start(node(seed)).await;
    for _ in 0..LOSSES {
        subject.lose_one().await;
    }
    let crowd = match followed {
        true => Some(Crowd::begin(subject.address).await),
        false => None,
    };
    for _ in 0..LOSSES {
        subject.lose_one().await;
    }
    tokio::time::sleep(SETTLING).await;
    let resident = subject.resident_kib();
    if let Some(crowd) = crowd {
        assert!(crowd.end() > 20, "they are told what happens");
    }
    resident
}

/// How many times as long a failover takes with subscribers.
fn ratio(seed: u64) -> f64 {
    let alone = live(failover(seed, false));
    let followed = live(failover(seed, true));
    println!("  {alone:.3} s, with subscribers {followed:.3} s");
    followed / alone
}

/// The seconds from a kill to the next mailserver.
async fn failover(seed: u64, followed: bool) -> f64 {
    let mut pair = Pair::start(node(seed), &[], clock::system()).await;
    let address = pair.service.address.expect("the control API is on");
    let active = pair.available().await;
    pair.served().await;
    let crowd = match followed {
        true => Some(Crowd::begin(address).await),
        false => None,
    };
    tokio::time::sleep(Duration::from_secs(1)).await;

    let took = pair.kill(&active).await;
    if let Some(crowd) = crowd {
        assert!(crowd.end() > 5, "they are told what happens");
    }
    pair.stop().await;
    took.as_secs_f64()
}
