//! What it costs to ask mailservers what they hold: the processor, the wire, and the node, which is not asked at all.

mod cores;
#[path = "../figures/mod.rs"]
mod figures;
mod shelves;

use std::{
    process::ExitCode,
    time::{Duration, SystemTime},
};

use actix::{Actor, Addr};
use actors::{
    messages::store::{Extent, QueryStore, StoreAnswer},
    model::{
        mailserver::Mailserver,
        moment::{Moment, Period},
    },
};
use cores::Cores;
use figures::{Figure, Table};
use futures_util::future::join_all;
use mailserver_sidecar::{node::RpcClient, probe::Prober, settings::Settings};
use shelves::{MAILSERVERS, MESSAGES, Shelves, topics};

const PROCESSOR: Figure = Figure {
    name: "audit: processor",
    how: "an hour with 10,000 messages on 10 topics, 3 mailservers, all hashes of each",
    unit: "ms",
    bound: 1000.0,
};

const WIRE: Figure = Figure {
    name: "audit: traffic",
    how: "the same, both directions, all three together, dials included",
    unit: "KiB",
    bound: 2048.0,
};

const SWEEP: Figure = Figure {
    name: "sweep with nothing new: traffic",
    how: "10 topics, 1 mailserver, the dial included",
    unit: "kB",
    bound: 20.0,
};

const NODE: Figure = Figure {
    name: "calls to the node",
    how: "for all of these",
    unit: "calls",
    bound: 0.0,
};

/// Audits that are measured.
const ROUNDS: usize = 3;

/// More than is allowed, so that it shows.
const MOST_BYTES: u64 = 4 << 20;

fn main() -> ExitCode {
    let shelves = Shelves::start();
    // All threads from here on are the sidecar's.
    let cores = Cores::except_now();
    let (sweeps, audits) = actix::System::new().block_on(measure(&shelves, &cores));
    let mut table = Table::begin();
    let (processor, wire) = audits.into_iter().unzip();
    table.hold(&PROCESSOR, processor);
    table.hold(&WIRE, wire);
    table.hold(&SWEEP, sweeps);
    table.hold(&NODE, vec![shelves.calls() as f64]);
    table.end()
}

/// What the sweeps cost in kB; what the audits cost in ms and KiB.
async fn measure(shelves: &Shelves, cores: &Cores) -> (Vec<f64>, Vec<(f64, f64)>) {
    let mut settings = Settings::default();
    settings.node.rpc_url.clone_from(&shelves.rpc_url);
    let rpc = RpcClient::new(&settings.node).expect("the simulation's URL is one");
    let prober = Prober::new(&settings.ping, rpc).start();
    let mut sweeps = Vec::new();
    // Each over a connection of its own.
    for mailserver in &shelves.mailservers {
        let answer = ask(&prober, mailserver, Extent::Any, future()).await;
        assert!(answer.hashes.is_empty() && !answer.more, "{answer:?}");
        sweeps.push(answer.bytes as f64 / 1000.0);
    }
    let mut audits = Vec::new();
    for _ in 0..ROUNDS {
        let before = cores.used();
        let asking = shelves.mailservers.iter();
        let asking = asking.map(|it| ask(&prober, it, Extent::All, past()));
        let answers = join_all(asking).await;
        let used = cores.used() - before;
        assert_eq!(answers.len(), MAILSERVERS);
        assert!(answers.iter().all(|it| it.hashes.len() == MESSAGES));
        let bytes: u64 = answers.iter().map(|it| it.bytes).sum();
        audits.push((used.as_secs_f64() * 1000.0, bytes as f64 / 1024.0));
    }
    (sweeps, audits)
}

async fn ask(
    prober: &Addr<Prober>,
    mailserver: &Mailserver,
    extent: Extent,
    period: Period,
) -> StoreAnswer {
    let query = QueryStore {
        mailserver: mailserver.clone(),
        topics: topics(),
        period,
        extent,
        most_bytes: MOST_BYTES,
    };
    let answer = prober.send(query).await.expect("the prober runs");
    answer.expect("every mailserver answers")
}

const HOUR: Duration = Duration::from_secs(3600);

fn past() -> Period {
    let until = Moment::from(SystemTime::now());
    let from = until.before(HOUR);
    Period { from, until }
}

/// Nothing was sent then.
fn future() -> Period {
    let from = Moment::from(SystemTime::now()) + HOUR;
    let until = from + HOUR;
    Period { from, until }
}
