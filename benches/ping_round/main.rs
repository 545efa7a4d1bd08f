//! How long a ping round takes, whom it waits for, and how true the times are that it measures.
//!
//! A connect on one host takes no time. Through the node, and by libp2p, the simulation makes each answer last as long
//! as the mailserver's latency; by TCP a round is compared with the slowest connect as it was measured.

mod course;
mod far;
#[path = "../figures/mod.rs"]
mod figures;

use std::{
    collections::BTreeSet,
    process::ExitCode,
    time::{Duration, Instant},
};

use actix::{Actor, Addr};
use actors::{
    messages::{node::NodeChanged, ping::PingRound},
    model::{
        mailserver::Mailserver,
        node::{Mode, NodeState, Profile},
        probe::PingReport,
    },
    pinger::Pinger,
};
use far::Far;
use figures::{Figure, Table};
use mailserver_sidecar::{
    node::RpcClient,
    probe::{self, Method, Prober},
    settings::Settings,
    sim::Fault,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

const BY_NODE: Figure = Figure {
    name: "ping round - 1.1 x slowest: node",
    how: "8 mailservers at 5..40 ms, all answer, pinged by the simulated node, 21 rounds",
    unit: "ms",
    bound: 5.0,
};

const BY_TCP: Figure = Figure {
    name: "ping round - 1.1 x slowest: tcp",
    how: "8 mailservers, all answer, connects of our own over loopback, 101 rounds",
    unit: "ms",
    bound: 5.0,
};

/// Rounds in which every fourth is silent: the method, how many there are, what is shown.
const PARTLY_SILENT: [(Method, u32, Figure); 4] = [
    (
        Method::Libp2p,
        20,
        partly_silent("libp2p round, 5 of 20 silent", 510.0),
    ),
    (
        Method::Libp2p,
        200,
        partly_silent("libp2p round, 50 of 200 silent", 560.0),
    ),
    (
        Method::Tcp,
        20,
        partly_silent("tcp round, 5 of 20 silent", 510.0),
    ),
    (
        Method::Tcp,
        200,
        partly_silent("tcp round, 50 of 200 silent", 560.0),
    ),
];

const fn partly_silent(name: &'static str, bound: f64) -> Figure {
    Figure {
        name,
        how: "limit 500 ms, the others in less than 100 ms, 7 rounds",
        unit: "ms",
        bound,
    }
}

/// Early decisions in such rounds.
const EARLY: [(u32, Figure); 2] = [
    (20, early("early decision, 20 targets")),
    (200, early("early decision, 200 targets")),
];

const fn early(name: &'static str) -> Figure {
    Figure {
        name,
        how: "over the answer of the slowest in the pool, same round, by libp2p, 7 layouts",
        unit: "ratio",
        bound: 1.2,
    }
}

const TRUE: Figure = Figure {
    name: "measured median, 50 ms set",
    how: "by libp2p over 20 targets: how far from 50 ms, 7 rounds",
    unit: "%",
    bound: 5.0,
};

/// What a mailserver has to answer in.
const LIMIT: Duration = Duration::from_millis(500);

/// Rounds for each figure that is not told otherwise.
const ROUNDS: u64 = 7;

fn main() -> ExitCode {
    let mut table = Table::begin();
    table.judge(&BY_NODE, || above_slowest(Method::Node, 21));
    table.judge(&BY_TCP, || above_slowest(Method::Tcp, 101));
    for (method, count, figure) in &PARTLY_SILENT {
        table.judge(figure, || lengths(*method, *count));
    }
    for (count, figure) in &EARLY {
        table.judge(figure, || earliness(*count));
    }
    table.judge(&TRUE, deviations);
    table.end()
}

/// The milliseconds by which each of so many rounds took longer than 1.1 times its slowest answer.
fn above_slowest(method: Method, rounds: usize) -> Vec<f64> {
    let far = Far::start((1..=8).map(|n| 5 * n).map(ms).collect(), Fault::None);
    actix::System::new().block_on(async {
        let pinger = pinger(&far, method).await;
        // The first round warms up, and does not count.
        round(&pinger, &far.targets).await;
        let mut excess = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            let (report, took) = round(&pinger, &far.targets).await;
            let slowest = *times(report).last().expect("there are mailservers");
            excess.push((took.as_secs_f64() - 1.1 * slowest) * 1000.0);
        }
        excess
    })
}

/// How long each round took, in milliseconds, with every fourth of so many silent.
fn lengths(method: Method, count: u32) -> Vec<f64> {
    let far = Far::start(spread(count, 1), silent(method));
    actix::System::new().block_on(async {
        let pinger = pinger(&far, method).await;
        // The thread that probes is started.
        round(&pinger, &far.targets[..1]).await;
        let mut lengths = Vec::new();
        for _ in 0..ROUNDS {
            let (report, took) = round(&pinger, &far.targets).await;
            let silent = report.replies.iter().filter(|it| it.outcome.is_err());
            assert_eq!(silent.count(), far.targets.len() / 4, "{report:#?}");
            lengths.push(took.as_secs_f64() * 1000.0);
        }
        lengths
    })
}

/// How much later each decision came than it could have at the earliest; each among other latencies.
fn earliness(count: u32) -> Vec<f64> {
    (1..=ROUNDS).map(|seed| one_early(count, seed)).collect()
}

fn one_early(count: u32, seed: u64) -> f64 {
    let far = Far::start(spread(count, seed), silent(Method::Libp2p));
    actix::System::new().block_on(async {
        let pinger = pinger(&far, Method::Libp2p).await;
        // The thread that probes is started.
        round(&pinger, &far.targets[..1]).await;
        let to = pinger.recipient();
        let seen = course::race(to, &far.targets, LIMIT, seed).await;
        seen.decided.as_secs_f64() / seen.pool_answered.as_secs_f64()
    })
}

/// By how many per cent the median of each round was off.
fn deviations() -> Vec<f64> {
    let far = Far::start(vec![ms(50); 20], Fault::None);
    actix::System::new().block_on(async {
        let pinger = pinger(&far, Method::Libp2p).await;
        // The first round warms up, and does not count.
        round(&pinger, &far.targets).await;
        let mut deviations = Vec::new();
        for _ in 0..ROUNDS {
            let (report, _) = round(&pinger, &far.targets).await;
            let times = times(report);
            let median = times[times.len() / 2];
            deviations.push((median / 0.050 - 1.0).abs() * 100.0);
        }
        deviations
    })
}

/// Latencies from 10 to 100 ms, as chance has it.
fn spread(count: u32, seed: u64) -> Vec<Duration> {
    let mut random = StdRng::seed_from_u64(seed);
    (0..count)
        .map(|_| ms(random.random_range(10..=100)))
        .collect()
}

/// What makes a mailserver silent: its system answers a connect even if it hangs itself.
fn silent(method: Method) -> Fault {
    match method {
        Method::Tcp => Fault::Isolated,
        _ => Fault::Hung,
    }
}

async fn round(pinger: &Addr<Pinger>, targets: &[Mailserver]) -> (PingReport, Duration) {
    let order = PingRound {
        witnesses: BTreeSet::new(),
        targets: targets.to_vec(),
        timeout: LIMIT,
        heard: None,
    };
    let begun = Instant::now();
    let report = pinger.send(order).await.expect("the pinger runs");
    (report, begun.elapsed())
}

/// The times of all, in seconds, the shortest first.
fn times(report: PingReport) -> Vec<f64> {
    let answers = report.replies.into_iter();
    let times = answers.map(|it| it.outcome.expect("every mailserver answers"));
    let mut times: Vec<f64> = times.map(|it| it.as_secs_f64()).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// A pinger whose prober knows the node.
async fn pinger(far: &Far, method: Method) -> Addr<Pinger> {
    let mut settings = Settings::default();
    settings.node.rpc_url.clone_from(&far.rpc_url);
    let rpc = RpcClient::new(&settings.node).expect("the simulation's URL is one");
    let config = probe::Config {
        method,
        ..settings.ping
    };
    let prober = Prober::new(&config, rpc).start();
    let profile = Profile {
        mode: Mode::Waku2,
        generation: Mode::Waku2.generation(),
        fleet: None,
        saved: Vec::new(),
        pinned: None,
        use_mailservers: true,
    };
    let ready = NodeChanged(NodeState::Ready { profile });
    prober.send(ready).await.expect("the prober runs");
    Pinger::new(prober.recipient()).start()
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
