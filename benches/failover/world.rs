//! Worlds: a service beside a simulated node, each on a thread of its own, each with another seed.

use std::{
    thread,
    time::{Duration, Instant},
};

use actors::model::{mailserver::MailserverRef, node::Mode};
use mailserver_sidecar::sim::{self, Fault, MailserverInfo, Simulation};
use serde::de::IgnoredAny;
use serde_json::json;

use crate::pair::{LIMIT, Pair};

/// The modes in which a node is driven.
pub(crate) const MODES: [Mode; 3] = [Mode::Waku1, Mode::Waku2, Mode::Pin];

/// A fleet that the service does not use.
const STRANGERS: &str = "strangers.test";

/// What a world is made of.
#[derive(Clone, Copy)]
pub(crate) struct World {
    pub(crate) mode: Mode,
    pub(crate) seed: u64,
}

impl World {
    /// A node with eight mailservers that take so long to answer, and a ninth that is none of its fleet.
    pub(crate) fn node(self, latency: Duration) -> sim::Settings {
        sim::Settings {
            latencies: vec![latency],
            more_fleets: vec![(STRANGERS.into(), 1)],
            seed: self.seed,
            ..sim::Settings::new(self.mode)
        }
    }
}

/// Lives through worlds of these modes, so many of each, and so many of all at a time; what each has to say.
pub(crate) fn in_worlds<T, F>(modes: &[Mode], of_each: u64, at_a_time: usize, life: F) -> Vec<T>
where
    T: Send,
    F: AsyncFn(World) -> T + Copy + Send,
{
    let worlds = (1..=of_each).flat_map(|seed| modes.iter().map(move |&mode| World { mode, seed }));
    let worlds: Vec<World> = worlds.collect();
    let mut said = Vec::with_capacity(worlds.len());
    for some in worlds.chunks(at_a_time) {
        thread::scope(|scope| {
            let live = |&world| scope.spawn(move || actix::System::new().block_on(life(world)));
            let lives: Vec<_> = some.iter().map(live).collect();
            let ends = lives.into_iter().map(|it| it.join());
            said.extend(ends.map(|it| it.expect("the world holds")));
        });
    }
    said
}

/// The number of a mailserver.
pub(crate) fn index(simulation: &Simulation, mailserver: &MailserverRef) -> usize {
    let mut mailservers = simulation.mailservers().into_iter();
    let found = mailservers.position(|it| it.id == mailserver.id);
    found.expect("it is one of the simulation's")
}

/// Breaks a mailserver or mends it.
pub(crate) fn set(simulation: &Simulation, index: usize, fault: Fault) {
    let set = simulation.set_fault(index, fault);
    set.expect("its port can be opened again");
}

/// The time that a call of the node takes.
pub(crate) async fn call(pair: &Pair) -> Duration {
    let mut took = Vec::new();
    for _ in 0..9 {
        let begun = Instant::now();
        let answer = pair.rpc.call::<IgnoredAny>("wakuext_echo", json!(["?"]));
        answer.await.expect("it is answered");
        took.push(begun.elapsed());
    }
    took.sort();
    took[took.len() / 2]
}

/// The time that a dial of the node takes: it is told to connect the stranger, and lists it.
pub(crate) async fn dial(pair: &Pair, mode: Mode) -> Duration {
    let stranger = stranger(&pair.simulation);
    let method = match mode {
        Mode::Waku1 => "admin_addPeer",
        _ => "wakuext_dialPeer",
    };
    let begun = Instant::now();
    let address = json!([stranger.address]);
    let answer = pair.rpc.call::<IgnoredAny>(method, address).await;
    answer.expect("it is answered");
    let listed = |it: &Simulation| it.peers().contains(&stranger.id);
    assert!(pair.simulation.wait_for(LIMIT, listed).await, "connected");
    begun.elapsed()
}

fn stranger(simulation: &Simulation) -> MailserverInfo {
    let mut mailservers = simulation.mailservers().into_iter();
    let stranger = mailservers.find(|it| it.fleet == STRANGERS);
    stranger.expect("there is one")
}

/// Waits until a standby was drawn; its id.
pub(crate) async fn standby(pair: &Pair) -> String {
    let begun = Instant::now();
    loop {
        if let Some(standby) = pair.status().await.standby {
            return standby.id;
        }
        assert!(begun.elapsed() < LIMIT, "a standby is drawn");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// As milliseconds.
pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
