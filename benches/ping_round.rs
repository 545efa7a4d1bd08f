//! How much longer a ping round takes than the slowest mailserver, when all answer.
//!
//! A connect on one host takes no time: through the node the simulation makes each answer last as long as
//! the mailserver's latency; by TCP the round is compared with the slowest connect as it was measured.

mod figures;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use actix::{Actor, Addr};
use actors::{
    address::Address,
    mailserver::{Mailserver, Origin},
    node::{Mode, NodeChanged, NodeState, Profile},
    pinger::{PingRound, Pinger},
};
use figures::{Figure, Table};
use mailserver_sidecar::{
    node::RpcClient,
    probe::{self, Method, Prober},
    settings::Settings,
    sim::{self, MailserverInfo, Simulation},
};

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

fn main() -> ExitCode {
    let mut table = Table::begin();
    table.judge(&BY_NODE, || measure(Method::Node, 21));
    table.judge(&BY_TCP, || measure(Method::Tcp, 101));
    table.end()
}

/// The milliseconds by which each of so many rounds took longer than 1.1 times its slowest answer.
fn measure(method: Method, rounds: usize) -> Vec<f64> {
    actix::System::new().block_on(async {
        let settings = sim::Settings {
            latencies: (1..=8).map(|n| Duration::from_millis(5 * n)).collect(),
            ..sim::Settings::new(Mode::Waku2)
        };
        let simulation = Simulation::start(settings).expect("there are free ports");
        let targets: Vec<_> = simulation.mailservers().into_iter().map(target).collect();
        let pinger = pinger(&simulation, method).await;
        // The first round warms up, and does not count.
        round(&pinger, &targets).await;
        let mut excess = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            excess.push(round(&pinger, &targets).await);
        }
        excess
    })
}

async fn round(pinger: &Addr<Pinger>, targets: &[Mailserver]) -> f64 {
    let order = PingRound {
        targets: targets.to_vec(),
        timeout: Duration::from_millis(500),
        heard: None,
    };
    let begun = Instant::now();
    let report = pinger.send(order).await.expect("the pinger runs");
    let took = begun.elapsed();
    let answers = report.replies.into_iter();
    let slowest = answers
        .map(|reply| reply.outcome.expect("every mailserver answers"))
        .max();
    let slowest = slowest.expect("there are mailservers");
    (took.as_secs_f64() - 1.1 * slowest.as_secs_f64()) * 1000.0
}

/// A pinger whose prober knows the node.
async fn pinger(simulation: &Simulation, method: Method) -> Addr<Pinger> {
    let mut settings = Settings::default();
    settings.node.rpc_url = simulation.rpc_url();
    let rpc = RpcClient::new(&settings.node).expect("the simulation's URL is one");
    let config = probe::Config {
        method,
        ..settings.ping
    };
    let prober = Prober::new(&config, rpc).start();
    let profile = Profile {
        mode: Mode::Waku2,
        fleet: None,
        saved: Vec::new(),
        pinned: None,
        use_mailservers: true,
    };
    let ready = NodeChanged(NodeState::Ready { profile });
    prober.send(ready).await.expect("the prober runs");
    Pinger::new(prober.recipient()).start()
}

fn target(info: MailserverInfo) -> Mailserver {
    let address: Address = info.address.parse().expect("a multiaddr");
    Mailserver {
        identity: address.identity().clone(),
        id: info.id.clone(),
        name: info.id,
        address,
        fleet: info.fleet,
        origin: Origin::Fleet,
    }
}
