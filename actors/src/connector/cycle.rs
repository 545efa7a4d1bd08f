//! The decisions of the loop, without I/O: inputs and the time in, commands out.
//!
//! Nothing active → choose one (or insist on the pin) → connect it → connected. Lost → start over, with
//! the standby that was drawn in advance. The tick is the guarantee, a signal is the speed: both end in
//! the same step. How one is connected is the machine `Phase`:
//!
//! ```text
//!   Idle ──▶ Selecting ──▶ Waiting ──▶ Connecting ──▶ Connected ──▶ Held
//!    ▲           │          │  ▲           │            │  ▲         │
//!    └───────────┴──────────┴──┼───────────┴────────────┘  └─────────┤
//!                              └─────────────────────────────────────┘
//! ```
//!
//! | from | to | when |
//! |---|---|---|
//! | Idle | Selecting | somebody is wanted, and there are candidates to ask |
//! | Idle | Waiting | the pin is insisted on, or a standby is there |
//! | Idle | Connected | the node has no lever, and lists one |
//! | Selecting | Waiting | one was chosen |
//! | Selecting | Idle | nobody answers; or we are offline |
//! | Waiting | Connecting | the pause before the dial is over, or there is none |
//! | Waiting | Idle, Held, Connected | we are offline: as it was before |
//! | Connecting | Connected | the node is connected to it |
//! | Connecting | Idle, Connected | it is not, and goes on with the one before, if there is one that works |
//! | Connecting | Waiting | it does not answer our probe while another one does |
//! | Connected | Idle | the node lists it no more, while it lists others; or it fails history requests |
//! | Connected | Held | it is silent, or the node lists nobody: is it lost, or are we offline? |
//! | Connected | Waiting | the pin works, or another one is better |
//! | Held | Waiting | another one answers; or it answers, and the node has lost it |
//! | Held | Connected | it answers, and the node lists it |
//! | Held | Idle | nobody answers, though we are online |
//! | any | Suspended | the node is away, and something was active |
//! | Suspended | Waiting, Idle | the node is back, and still lists it or not |
//!
//! What stands beside it has machines of its own:
//!
//! | machine | what it knows |
//! |---|---|
//! | `NodeView` | what others told of the node |
//! | `Outage`, `Search` | whether we are offline, what was missed; when to look again if nobody answers |
//! | `WorldReturn` | how to come back when everybody else does too |
//! | `Pauses`, `Attempts` | when we may dial, and whom not again |
//! | `Standby`, `Comparison` | who is next, and whether it is better |
//! | `Probation` | whether what is used without proof works |
//! | `Pin`, `Trial` | whether the pin is insisted on, and whether it works again |
//! | `Preferred` | whether one that holds more history is being probed |
//! | `Failovers` | how long it took from one mailserver to the next |
//! | `Evidence`, `Memory` | what our probes are worth, and what is remembered of each mailserver |
//!
//! | module | what it decides |
//! |---|---|
//! | `inputs` | what each input sets off |
//! | `choose` | what is to be done now: whom to choose, whether the pin is tried |
//! | `connect` | how a mailserver is connected, used and left |
//! | `hold` | whether a mailserver is lost or we are offline |
//! | `prefer` | whether another one is used to fetch what the active one does not hold |
//! | `prove` | whether what is used without proof works |
//! | `replace` | who is next, and whether it is better |
//! | `spread` | how to come back when everybody else does too |

mod choose;
mod connect;
mod hold;
mod inputs;
mod prefer;
mod prove;
mod replace;
mod spread;
mod views;

use std::{collections::VecDeque, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};

pub use crate::connector::{command::Command, standby::Readiness};
use crate::{
    Instant,
    connector::{
        attempts::Attempts,
        comparison::Comparison,
        crowd::CrowdRule,
        evidence::Evidence,
        failovers::Failovers,
        memory::Memory,
        node_view::NodeView,
        outage::Outage,
        pauses::Pauses,
        phase::Phase,
        pin::{Pin, Policy, Trial},
        preferred::Preferred,
        probation::Probation,
        search::Search,
        standby::Standby,
        watch_order::WatchOrder,
        world_return::WorldReturn,
    },
    messages::{connection::Counts, events::Event, watch::Watch},
    model::mailserver::{Identity, Mailserver},
};

/// How the loop behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Act on a lost mailserver at once; else at the next tick.
    pub reactive: bool,
    /// What to do while the pinned mailserver does not work.
    pub pin_policy: Policy,
    /// For how long `prefer` insists on a pin that does not work.
    pub pin_patience: Duration,
    /// The end of `Connecting`.
    pub connect_timeout: Duration,
    /// When a selection that gave no answer is given up: its actor was restarted. Well above the limit
    /// for a ping.
    pub selection_timeout: Duration,
    /// The longest random pause before a dial that many others are likely to make at the same moment.
    pub jitter: Duration,
    /// How many others act at the same moment.
    pub crowd: CrowdRule,
    /// How ready the next mailserver is kept.
    pub standby: Readiness,
    /// Leave a mailserver that works for one that is much faster.
    pub improve: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            reactive: true,
            pin_policy: Policy::Prefer,
            pin_patience: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(10),
            selection_timeout: Duration::from_secs(5),
            jitter: Duration::from_millis(500),
            crowd: CrowdRule::default(),
            standby: Readiness::Warm,
            improve: false,
        }
    }
}

/// The state of the loop: its machines, and what is to be done.
#[derive(Debug)]
pub struct Cycle {
    config: Config,
    node: NodeView,
    phase: Phase,
    outage: Outage,
    world_return: WorldReturn,
    search: Search,
    pauses: Pauses,
    attempts: Attempts,
    pin: Option<Pin>,
    trial: Trial,
    preferred: Preferred,
    standby: Standby,
    comparison: Comparison,
    probation: Probation,
    evidence: Evidence,
    memory: Memory,
    /// A history request is under way.
    requesting: bool,
    watch: WatchOrder,
    random: StdRng,
    last_number: u64,
    counts: Counts,
    failovers: Failovers,
    commands: VecDeque<Command>,
}

impl Cycle {
    /// A loop that knows nothing of the node yet. `seed` makes its draws repeatable.
    #[must_use]
    pub fn new(config: Config, memory: Memory, seed: Option<u64>) -> Self {
        Self {
            config,
            node: NodeView::unknown(),
            phase: Phase::Idle,
            outage: Outage::default(),
            world_return: WorldReturn::default(),
            search: Search::default(),
            pauses: Pauses::default(),
            attempts: Attempts::default(),
            pin: None,
            trial: Trial::default(),
            preferred: Preferred::default(),
            standby: Standby::default(),
            comparison: Comparison::default(),
            probation: Probation::default(),
            evidence: Evidence::default(),
            memory,
            requesting: false,
            watch: WatchOrder::default(),
            random: seed.map_or_else(rand::make_rng, StdRng::seed_from_u64),
            last_number: 0,
            counts: Counts::default(),
            failovers: Failovers::default(),
            commands: VecDeque::new(),
        }
    }

    /// The next thing to be done.
    pub fn poll_command(&mut self) -> Option<Command> {
        let command = self.commands.pop_front();
        command.or_else(|| {
            let wanted = self.whom_to_watch();
            self.watch.update(wanted).map(Command::Watch)
        })
    }

    /// When [`Self::handle_timeout`] is to be called, if nothing happens before.
    #[must_use]
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let pin = self.pin.as_ref();
        // What is due already was acted upon: to name it again would spin.
        let later = match &self.phase {
            Phase::Idle => [
                pin.and_then(Pin::falls_back_at),
                self.search.looks_again_at(),
            ],
            Phase::Connected { .. } => [
                self.wanted_pin().map(|pin| pin.next_trial(now)),
                self.standby.due(),
            ],
            _ => [None, None],
        };
        let later = later.into_iter().chain([self.world_return.due()]);
        let later = later.flatten().filter(|at| now < *at);
        // These move on whenever they are handled: one that has passed meanwhile is due now.
        let due = [self.phase.limit(), self.probation.begins_at()];
        due.into_iter().flatten().chain(later).min()
    }

    /// What is remembered of the mailservers, to be written down.
    pub fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }

    /// The name of the state, for the log.
    #[must_use]
    pub fn phase(&self) -> &'static str {
        self.phase.name()
    }

    /// The pin, if another mailserver is connected in its place.
    fn wanted_pin(&self) -> Option<&Pin> {
        let mailserver = self.phase.connected()?;
        let pin = self.pin.as_ref().filter(|_| self.node.has_lever());
        pin.filter(|pin| pin.mailserver().identity != mailserver.identity)
    }

    /// Whom to watch.
    fn whom_to_watch(&self) -> Watch {
        let active = self.phase.connected().cloned();
        let standby = self
            .standby
            .mailserver()
            .filter(|_| active.is_some())
            .cloned();
        Watch { active, standby }
    }

    /// The number of the next call or round.
    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// A fraction in [0, 1).
    fn fraction(&mut self) -> f64 {
        self.random.random()
    }

    /// The pin, if this is it.
    fn pin_of(&mut self, identity: &Identity) -> Option<&mut Pin> {
        let pin = self.pin.as_mut();
        pin.filter(|pin| pin.mailserver().identity == *identity)
    }

    /// Tells everybody that another mailserver is active now, or none.
    fn publish_changed(&mut self, mailserver: Option<&Mailserver>, reason: &str) {
        let event = Event::MailserverChanged {
            mailserver: mailserver.map(Mailserver::reference),
            reason: reason.to_owned(),
        };
        self.commands.push_back(Command::Publish(event));
    }
}
