//! The machine sleeps for an hour, simulated by clocks that jump: a verdict, a round, one request that covers it.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use actors::messages::{
    events::Event,
    online::{CLOCK_INTERVAL, Clocks},
};
use mailserver_sidecar::{
    clock,
    sim::{self, Simulation},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    figures::{Figure, Table},
    pair::{LIMIT, Pair},
    world::{MODES, World, in_worlds},
};

/// Sleeps in each mode.
const SLEEPS: u64 = 5;

/// How long each takes.
const HOUR: Duration = Duration::from_secs(3600);

/// How long each mailserver takes to answer.
const LATENCY: Duration = Duration::from_millis(30);

/// A second request would come within this time.
const AFTERWARDS: Duration = Duration::from_secs(4);

const KEPT: Figure = Figure {
    name: "slept, peers kept",
    how: "clock jump of 1 h -> history:completed, less the request; all modes, worst of 15",
    unit: "s",
    bound: CLOCK_INTERVAL.as_secs() as f64 + 1.0,
};

const LOST: Figure = Figure {
    name: "slept, peers lost",
    how: "first look at the clocks -> history:completed, less the request; worst of 15",
    unit: "s",
    bound: 1.0,
};

const REQUESTS: Figure = Figure {
    name: "requests after a sleep",
    how: "history:requested from the sleep until 4 s after it, all of the above",
    unit: "",
    bound: 1.0,
};

pub(crate) fn measure(table: &mut Table) {
    let mut requests = Vec::new();
    for (figure, peers_lost) in [(&KEPT, false), (&LOST, true)] {
        table.judge_worst(figure, || {
            let life = async |world| sleep(world, peers_lost).await;
            let ends = in_worlds(&MODES, SLEEPS, MODES.len() * SLEEPS as usize, life);
            requests.extend(ends.iter().map(|it| it.requests));
            ends.iter().map(|it| it.seconds).collect()
        });
    }
    table.hold(&REQUESTS, requests);
}

/// How one sleep ended.
struct End {
    seconds: f64,
    requests: f64,
}

/// Clocks of a machine that can be sent to sleep.
#[derive(Default)]
struct Machine {
    slept: Cell<Duration>,
    /// It sleeps just before the next look at them.
    tired: Cell<bool>,
    awoke: Cell<Option<Instant>>,
    /// What happens meanwhile.
    dream: Cell<Option<Box<dyn FnOnce()>>>,
}

impl Machine {
    fn clocks(self: &Rc<Self>) -> clock::Source {
        let (machine, system) = (self.clone(), clock::system());
        Rc::new(move || {
            if machine.tired.take() {
                machine.sleep();
            }
            let Clocks { boot, wall } = system();
            let slept = machine.slept.get();
            Clocks {
                boot: boot + slept,
                wall: wall + slept,
            }
        })
    }

    /// When it awoke.
    fn sleep(&self) -> Instant {
        let awoke = Instant::now();
        self.slept.set(self.slept.get() + HOUR);
        self.awoke.set(Some(awoke));
        if let Some(dream) = self.dream.take() {
            dream();
        }
        awoke
    }
}

async fn sleep(world: World, peers_lost: bool) -> End {
    let machine = Rc::new(Machine::default());
    let node = sim::Settings {
        // A node whose dials are an hour old may dial again at once (waku1: after 35 s).
        speed: if peers_lost { 20.0 } else { 1.0 },
        ..world.node(LATENCY)
    };
    let mut pair = Pair::start(node, &[], machine.clocks()).await;
    pair.available().await;
    pair.served().await;
    let idle = StdRng::seed_from_u64(world.seed).random_range(2000..4000);
    tokio::time::sleep(Duration::from_millis(idle)).await;
    let selections = pair.status().await.counts.selections;
    let mut said = pair.said();
    assert!(!said.iter().any(is_request), "{}", names(&said));

    let awoke = match peers_lost {
        true => lose_peers(&pair, &machine).await,
        false => machine.sleep(),
    };
    let request = loop {
        said.push(pair.next().await);
        if let Some(Event::HistoryCompleted { took_ms, .. }) = said.last() {
            break Duration::from_millis(*took_ms);
        }
    };
    let seconds = awoke.elapsed().saturating_sub(request).as_secs_f64();
    assert!(pair.simulation.missing().is_empty(), "{}", names(&said));
    tokio::time::sleep(AFTERWARDS).await;
    said.extend(pair.said());
    let asleep = |it: &&Event| {
        matches!(
            it,
            Event::Asleep {
                slept_ms: 3_599_000..
            }
        )
    };
    assert_eq!(said.iter().filter(asleep).count(), 1, "{}", names(&said));
    let rounds = pair.status().await.counts.selections - selections;
    assert!(rounds > 0, "a round is run");
    pair.stop().await;
    End {
        seconds,
        requests: said.iter().filter(|it| is_request(it)).count() as f64,
    }
}

/// Sleeps at the next look at the clocks; the node has lost all peers then, and with them what is sent meanwhile.
async fn lose_peers(pair: &Pair, machine: &Rc<Machine>) -> Instant {
    let simulation = pair.simulation.clone();
    machine.dream.set(Some(Box::new(move || {
        simulation.node_offline(true);
        (0..3).for_each(|n| simulation.publish(&format!("sent in the night {n}")));
        simulation.node_offline(false);
    })));
    machine.tired.set(true);
    let asleep = |_: &Simulation| machine.awoke.get().is_some();
    assert!(pair.simulation.wait_for(LIMIT, asleep).await, "it slept");
    machine.awoke.get().expect("it slept")
}

fn is_request(event: &Event) -> bool {
    matches!(event, Event::HistoryRequested { .. })
}

fn names(said: &[Event]) -> String {
    let names: Vec<&str> = said.iter().map(Event::name).collect();
    names.join(", ")
}
