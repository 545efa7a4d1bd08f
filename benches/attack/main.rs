//! What an attack on the control API costs: how long a service manager waits for `/health/live`, and how much later
//! another mailserver is available.
//!
//! The attackers have a thread of their own in this process, so that they take a core from the service as well.

mod crowd;
#[path = "../figures/mod.rs"]
mod figures;
#[path = "../pair/mod.rs"]
mod pair;

use std::{
    net::SocketAddr,
    process::ExitCode,
    time::{Duration, Instant},
};

use actors::model::node::Mode;
use mailserver_sidecar::{clock, sim};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crowd::{Attack, Crowd};
use figures::{Figure, Table};
use pair::Pair;

/// Kills with and without an attack: each pair has the same seed, so that the service draws the same pauses.
const KILLS: u64 = 5;

/// For how long the longest wait is looked for.
const LOOK: Duration = Duration::from_secs(10);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// What an attack needs until all of its clients are there.
const FULL: Duration = Duration::from_secs(1);

const HALF_HEADS: Crowd = Crowd {
    half_heads: 2_000,
    subscribers: 0,
    askers: 0,
};

const ALL: Crowd = Crowd {
    half_heads: 500,
    subscribers: 200,
    askers: 8,
};

const WAIT: Figure = Figure {
    name: "/health/live, 2,000 half heads",
    how: "the longest wait within 10 s, of clients that send half a head and come again",
    unit: "s",
    bound: 1.0,
};

const FAILOVER: Figure = Figure {
    name: "failover under attack, ratio",
    how: "kill -> mailserverAvailable with half heads, subscribers and askers, to without",
    unit: "times",
    bound: 1.25,
};

fn main() -> ExitCode {
    let mut table = Table::begin();
    table.judge_worst(&WAIT, || vec![live(longest_wait())]);
    table.judge(&FAILOVER, || (1..=KILLS).map(ratio).collect());
    table.end()
}

fn live<T>(life: impl Future<Output = T>) -> T {
    actix::System::new().block_on(life)
}

async fn start(seed: u64) -> (Pair, SocketAddr) {
    let node = sim::Settings {
        latencies: vec![Duration::from_millis(30)],
        connects_at_login: false,
        seed,
        ..sim::Settings::new(Mode::Waku2)
    };
    let pair = Pair::start(node, &[], clock::system()).await;
    let address = pair.service.address.expect("the control API is on");
    (pair, address)
}

/// The seconds that the slowest answer takes.
async fn longest_wait() -> f64 {
    let (pair, address) = start(1).await;
    let attack = Attack::begin(address, HALF_HEADS);
    tokio::time::sleep(FULL).await;
    let (begun, mut longest) = (Instant::now(), Duration::ZERO);
    while begun.elapsed() < LOOK {
        let asked = Instant::now();
        ask(address).await;
        longest = longest.max(asked.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    let connections = attack.end();
    println!("  {connections} connections were made");
    assert!(connections > 10_000, "they come again");
    pair.stop().await;
    longest.as_secs_f64()
}

async fn ask(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).await.expect("accepted");
    let request = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request).await.expect("taken");
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer).await;
    read.expect("answered");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// How many times as long a failover takes under attack.
fn ratio(seed: u64) -> f64 {
    let calm = live(failover(seed, None));
    let attacked = live(failover(seed, Some(ALL)));
    println!("  {calm:.3} s, under attack {attacked:.3} s");
    attacked / calm
}

/// The seconds from a kill to the next mailserver.
async fn failover(seed: u64, crowd: Option<Crowd>) -> f64 {
    let (mut pair, address) = start(seed).await;
    let active = pair.available().await;
    pair.served().await;
    let attack = crowd.map(|crowd| Attack::begin(address, crowd));
    tokio::time::sleep(FULL).await;

    let took = pair.kill(&active).await;
    if let Some(attack) = attack {
        assert!(attack.end() > 1_000, "there was an attack");
    }
    pair.stop().await;
    took.as_secs_f64()
}
