//! Schedules: what is sent, and what goes wrong when. All of it is drawn from one seed.

use std::{fmt, time::Duration};

use actors::{
    model::node::{Generation, Mode},
    testing,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    store::{Fault, StoreSetup},
    world::Network,
};

/// Until then things go wrong.
pub(crate) const TROUBLE: Duration = Duration::from_secs(8 * 60);

/// Nothing goes wrong and nothing is sent before.
const SETTLING: Duration = Duration::from_secs(20);

/// The node, and its mailservers.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) seed: u64,
    pub(crate) mode: Mode,
    pub(crate) stores: Vec<StoreSetup>,
    pub(crate) topics: usize,
}

impl Setup {
    /// Some of the newest nodes can still be told to dial.
    pub(crate) fn dials(&self) -> bool {
        self.generation() != Generation::PerQuery || self.seed.is_multiple_of(2)
    }

    /// The newest nodes of all keep their topics and markers where no call reaches them.
    pub(crate) fn has_markers(&self) -> bool {
        self.generation() != Generation::PerQuery || !self.seed.is_multiple_of(5)
    }

    /// What the sidecar takes the node for.
    pub(crate) fn generation(&self) -> Generation {
        match self.mode {
            Mode::Observe => Generation::PerQuery,
            mode => mode.generation(),
        }
    }
}

/// A message that will be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sending {
    pub(crate) at: Duration,
    pub(crate) topic: usize,
    /// A bit for each mailserver that it reaches, if that is well.
    pub(crate) holders: u32,
}

/// Something goes wrong for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Trouble {
    pub(crate) from: Duration,
    pub(crate) until: Duration,
    pub(crate) kind: Kind,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A mailserver is broken.
    Store(usize, Fault),
    /// A mailserver answers, and hears nothing new.
    StoreDeaf(usize),
    /// A mailserver answers with what was sent no longer ago than this.
    ShortHistory(usize, Duration),
    /// A mailserver breaks history requests off half-way.
    BreaksOff(usize),
    /// The machine has no network.
    Network(Network),
    /// The node is killed, and started and logged in again at the end.
    NodeDown,
    /// The node hangs.
    NodeHangs,
    /// No live message reaches the node, though it has peers.
    NodeDeaf,
    /// The node's peers pass messages on badly, and it says so.
    PoorMesh,
    /// The node answers history requests with null.
    NullAnswers,
    /// The node's signals are lost.
    SignalsLost,
    /// The machine sleeps.
    Sleep,
    /// The sidecar is killed, and started again at the end.
    SidecarDown,
    /// The sidecar is killed while it writes what it keeps: so many writes later, before or after the last of them is
    /// done; it is started again at the end.
    SidecarDiesWriting(u32, bool),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, until) = (self.from.as_secs_f64(), self.until.as_secs_f64());
        write!(f, "{from:8.3} s – {until:8.3} s  {:?}", self.kind)
    }
}

/// All that is going to happen.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) setup: Setup,
    /// In the order of time.
    pub(crate) messages: Vec<Sending>,
    pub(crate) troubles: Vec<Trouble>,
}

/// One thing that happens at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Send(Sending),
    Begin(Trouble),
    End(Trouble),
}

impl Schedule {
    /// The schedule of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut draw = StdRng::seed_from_u64(seed);
        let setup = setup(seed, &mut draw);
        let count = draw.random_range(1..=8);
        let mut troubles: Vec<Trouble> = (0..count).map(|_| trouble(&setup, &mut draw)).collect();
        troubles.sort_by_key(|it| it.from);
        let messages = messages(&setup, &mut draw);
        Self {
            setup,
            messages,
            troubles,
        }
    }

    /// What happens, in the order of time.
    pub(crate) fn steps(&self) -> Vec<(Duration, Step)> {
        let sent = self.messages.iter().map(|it| (it.at, Step::Send(*it)));
        let begins = self.troubles.iter().map(|it| (it.from, Step::Begin(*it)));
        let ends = self.troubles.iter().map(|it| (it.until, Step::End(*it)));
        let mut steps: Vec<_> = begins.chain(ends).chain(sent).collect();
        steps.sort_by_key(|(at, _)| *at);
        steps
    }
}

fn setup(seed: u64, draw: &mut StdRng) -> Setup {
    let modes = [Mode::Waku1, Mode::Waku2, Mode::Pin, Mode::Observe];
    let mode = modes[draw.random_range(0..modes.len())];
    let count = draw.random_range(2..=5);
    // A node may know one mailserver that nobody can ask by the store protocol.
    let silent = draw.random_bool(0.2).then(|| draw.random_range(0..count));
    let late = draw.random_bool(0.2).then(|| draw.random_range(0..count));
    let stores = (0..count).map(|index| StoreSetup {
        mailserver: match mode {
            Mode::Waku1 => testing::enode(index),
            _ => testing::mailserver(index),
        },
        latency: Duration::from_millis(draw.random_range(5..120)),
        ingest: match late == Some(index) {
            true => Duration::from_secs(draw.random_range(5..60)),
            false => Duration::from_millis(draw.random_range(20..500)),
        },
        answers_queries: mode != Mode::Waku1 && silent != Some(index),
        catches_up: mode == Mode::Waku1,
    });
    let stores = stores.collect();
    Setup {
        seed,
        mode,
        stores,
        topics: draw.random_range(1..=3),
    }
}

/// One message in a few seconds.
fn messages(setup: &Setup, draw: &mut StdRng) -> Vec<Sending> {
    let holes = draw.random_range(0.0..0.1);
    let mut messages = Vec::new();
    let mut at = SETTLING;
    while at < TROUBLE {
        let topic = draw.random_range(0..setup.topics);
        let holders = holders(setup, holes, draw);
        messages.push(Sending { at, topic, holders });
        at += Duration::from_millis(draw.random_range(500..6_000));
    }
    messages
}

/// Whom a message reaches: never nobody that could be asked which messages it has.
///
/// Of enodes only the first one ever lacks something: they cannot be asked for hashes, so that nobody could know.
fn holders(setup: &Setup, holes: f64, draw: &mut StdRng) -> u32 {
    let reached: Vec<bool> = setup
        .stores
        .iter()
        .map(|_| !draw.random_bool(holes))
        .collect();
    let bits = |keep: &dyn Fn(usize) -> bool| -> u32 {
        let bits = (0..setup.stores.len()).filter(|it| keep(*it));
        bits.map(|it| 1 << it).sum()
    };
    match setup.mode {
        Mode::Waku1 => bits(&|it| it > 0 || reached[it]),
        _ => {
            let asked = |it: usize| setup.stores[it].answers_queries;
            let known = (0..setup.stores.len()).any(|it| asked(it) && reached[it]);
            bits(&|it| reached[it] || (!known && asked(it)))
        }
    }
}

fn trouble(setup: &Setup, draw: &mut StdRng) -> Trouble {
    let kind = kind(setup, draw);
    let from = draw.random_range(SETTLING.as_millis() as u64..TROUBLE.as_millis() as u64 - 60_000);
    // Most are short: the edges are where things go wrong.
    let longest = match draw.random_range(0..3) {
        0 => 5_000,
        1 => 40_000,
        _ => 150_000,
    };
    let shortest = if kind == Kind::Sleep { 15_000 } else { 200 };
    let length = draw.random_range(shortest..longest.max(shortest + 1_000));
    let until = (from + length).min(TROUBLE.as_millis() as u64);
    Trouble {
        from: Duration::from_millis(from),
        until: Duration::from_millis(until),
        kind,
    }
}

fn kind(setup: &Setup, draw: &mut StdRng) -> Kind {
    let store = draw.random_range(0..setup.stores.len());
    // See `holders`.
    let short = if setup.mode == Mode::Waku1 { 0 } else { store };
    let faults = [
        Fault::Killed,
        Fault::Killed,
        Fault::Hung,
        Fault::Isolated,
        Fault::Refusing,
    ];
    let fault = faults[draw.random_range(0..faults.len())];
    match draw.random_range(0..22) {
        0..=6 => Kind::Store(store, fault),
        7 => Kind::StoreDeaf(short),
        8 => Kind::ShortHistory(short, Duration::from_secs(draw.random_range(0..90))),
        9 => Kind::BreaksOff(store),
        10 | 11 => Kind::Network(match draw.random_bool(0.5) {
            true => Network::Unplugged,
            false => Network::Vanishing,
        }),
        12 | 13 => Kind::NodeDown,
        14 => Kind::NodeHangs,
        15 => Kind::NodeDeaf,
        16 if setup.mode == Mode::Observe => Kind::PoorMesh,
        16 | 17 => Kind::NullAnswers,
        18 => Kind::SignalsLost,
        19 => Kind::Sleep,
        20 => Kind::SidecarDown,
        _ => Kind::SidecarDiesWriting(draw.random_range(1..6), draw.random_bool(0.5)),
    }
}
