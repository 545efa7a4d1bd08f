//! What the service costs while nothing happens but the watch, how soon it asks the node, and how large it is.
//!
//! With its defaults it probes the active mailserver every second: over a libp2p connection that is kept, on a thread of
//! its own, or by a connect (waku1). That a connection was kept is checked.
//!
//! The subject is a release binary, named on the command line by `benches/idle.sh`: a plain `cargo bench`
//! builds another one, and is not to take a minute longer.

#[path = "../figures/mod.rs"]
mod figures;
mod process;
mod subject;

use std::{path::Path, process::ExitCode, thread, time::Duration};

use figures::{Figure, Table};
use process::Usage;
use subject::{Node, Sidecar, first_call};

const SIZE: Figure = Figure {
    name: "release binary",
    how: "size of the file",
    unit: "MB",
    bound: 13.0,
};

const START: Figure = Figure {
    name: "start to first RPC",
    how: "from spawn to the first bytes of a call at a listener, 21 starts",
    unit: "ms",
    bound: 50.0,
};

/// How long after its mailserver is available the service counts as idle.
const SETTLING: Duration = Duration::from_secs(5);

/// How long idleness is measured, and how often memory and threads are looked at meanwhile.
const SECONDS: u32 = 60;

/// The generations of nodes beside which the service idles, all at the same time.
const MODES: [&str; 3] = ["waku1", "waku2", "pin"];

fn main() -> ExitCode {
    let Some(binary) = std::env::args_os().skip(1).find(|it| it != "--bench") else {
        println!("\nidle, start, size: benches/idle.sh measures the release binary");
        return ExitCode::SUCCESS;
    };
    let binary = Path::new(&binary);
    let mut table = Table::begin();
    table.hold(&SIZE, vec![megabytes(binary)]);
    table.judge(&START, || (0..21).map(|_| first_call(binary)).collect());
    let minutes = idle(binary);
    for figure in &IDLE {
        table.hold(&figure.figure, minutes.iter().map(figure.of).collect());
    }
    table.end()
}

fn megabytes(binary: &Path) -> f64 {
    let file = binary.metadata().expect("the binary is readable");
    file.len() as f64 / 1e6
}

/// A figure of an idle minute.
struct IdleFigure {
    figure: Figure,
    of: fn(&Minute) -> f64,
}

const IDLE: [IdleFigure; 4] = [
    IdleFigure {
        figure: Figure {
            name: "idle: resident memory",
            how: "most of 60 looks in 60 s (VmRSS); beside a node of waku1, of waku2, of pin",
            unit: "MiB",
            bound: 14.0,
        },
        of: |minute| minute.most_memory,
    },
    IdleFigure {
        figure: Figure {
            name: "idle: context switches",
            // The watch's second: a timer, an order to the other thread, a reply, its answer; with the clocks, and the
            // half-second clock of the control API's server. A timer of 100 ms somewhere would show.
            how: "all threads, voluntary and not, over 60 s; the same three",
            unit: "1/s",
            bound: 18.0,
        },
        of: |minute| minute.switches,
    },
    IdleFigure {
        figure: Figure {
            name: "idle: share of a core",
            how: "time on a core of all threads (schedstat) over 60 s; the same three",
            unit: "%",
            bound: 0.3,
        },
        of: |minute| minute.core_percent,
    },
    IdleFigure {
        figure: Figure {
            name: "idle: threads",
            how: "most of 60 looks; the same three",
            unit: "",
            bound: 6.0,
        },
        of: |minute| minute.most_threads,
    },
];

/// What a process used in a minute.
struct Minute {
    most_memory: f64,
    switches: f64,
    core_percent: f64,
    most_threads: f64,
}

/// Lets a sidecar idle beside a node of each mode.
fn idle(binary: &Path) -> Vec<Minute> {
    let nodes: Vec<Node> = MODES.iter().map(|mode| Node::start(binary, mode)).collect();
    let sidecars: Vec<Sidecar> = nodes.iter().map(|it| Sidecar::start(binary, it)).collect();
    sidecars.iter().for_each(Sidecar::until_available);
    thread::sleep(SETTLING);
    let mut looks = vec![look(&sidecars)];
    for _ in 0..SECONDS {
        thread::sleep(Duration::from_secs(1));
        looks.push(look(&sidecars));
    }
    check_connections(&looks);
    (0..sidecars.len())
        .map(|index| minute(&looks.iter().map(|look| look[index]).collect::<Vec<_>>()))
        .collect()
}

/// Beside that for signals a sidecar has one to the mailserver that it watches, unless that can only be knocked at.
fn check_connections(looks: &[Vec<Usage>]) {
    for (index, mode) in MODES.iter().enumerate() {
        let least = looks.iter().map(|look| look[index].connections).min();
        let wanted = if *mode == "waku1" { 1 } else { 2 };
        assert!(least >= Some(wanted), "{mode}: {least:?} connections");
    }
}

fn look(sidecars: &[Sidecar]) -> Vec<Usage> {
    sidecars.iter().map(|it| Usage::of(it.pid())).collect()
}

fn minute(looks: &[Usage]) -> Minute {
    let most = |of: fn(&Usage) -> u64| looks.iter().map(of).max().unwrap_or_default() as f64;
    let (first, last) = (looks[0], looks[looks.len() - 1]);
    let seconds = (last.at - first.at).as_secs_f64();
    let core = (last.on_core - first.on_core).as_secs_f64();
    Minute {
        most_memory: most(|look| look.resident_kib) / 1024.0,
        switches: (last.switches - first.switches) as f64 / seconds,
        core_percent: 100.0 * core / seconds,
        most_threads: most(|look| look.threads),
    }
}
