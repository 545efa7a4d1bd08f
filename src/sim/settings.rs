//! What a simulation is made of.

use std::{
    cell::{Cell, RefCell},
    io,
    rc::Rc,
    time::Duration,
};

use actors::model::node::Mode;
use rand::{SeedableRng, rngs::StdRng};

use super::{
    identity::Identity,
    mailserver::Mailserver,
    node::{Node, State},
};

/// What a simulation is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Which node is imitated.
    pub mode: Mode,
    /// The fleet of the account that is logged in.
    pub fleet: String,
    /// How many mailservers that fleet has.
    pub mailservers: usize,
    /// Further fleets with the numbers of their mailservers, for accounts that use them.
    pub more_fleets: Vec<(String, usize)>,
    /// How long each mailserver takes to answer, in their order; the last one goes for all further ones.
    /// None: 1 ms each.
    pub latencies: Vec<Duration>,
    /// Keys and random choices follow from it.
    pub seed: u64,
    /// How much faster than recorded the node's timers run (dials, detection of silent peers, redials,
    /// backoff, heartbeats). Latencies are as set. Must be positive.
    pub speed: f64,
    /// waku1: whether discovery is on; without it `discovery.summary` is never sent.
    pub discovery: bool,
    /// Classic nodes: whether their own cycle is switched on and fights an outside driver.
    pub own_cycle: bool,
    /// Whether an account is logged in from the start.
    pub logged_in: bool,
    /// Nodes with a cycle of their own: whether they connect to their fleet at login, as they do.
    pub connects_at_login: bool,
}

impl Settings {
    /// The usual node of a mode with eight mailservers, at the recorded speed.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            fleet: "sim.test".into(),
            mailservers: 8,
            more_fleets: Vec::new(),
            latencies: Vec::new(),
            seed: 1,
            speed: 1.0,
            discovery: true,
            own_cycle: false,
            logged_in: true,
            connects_at_login: true,
        }
    }

    /// Starts the mailservers and makes the node.
    pub(crate) fn build(self) -> io::Result<Rc<Node>> {
        if !(self.speed.is_finite() && self.speed > 0.0) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the speed must be positive",
            ));
        }
        let mut random = StdRng::seed_from_u64(self.seed);
        let mailservers = self.start_mailservers(&mut random)?;
        let state = State {
            logged_in: self.logged_in,
            network: true,
            fleet: self.fleet,
            ..State::default()
        };
        Ok(Rc::new(Node {
            mode: self.mode,
            speed: self.speed,
            discovery: self.discovery,
            connects_at_login: self.connects_at_login,
            own_cycle: self.own_cycle,
            mailservers,
            now: Cell::default(),
            random: RefCell::new(random),
            state: RefCell::new(state),
            signals: Default::default(),
            journal: Default::default(),
            tasks: Default::default(),
        }))
    }

    fn start_mailservers(&self, random: &mut StdRng) -> io::Result<Vec<Rc<Mailserver>>> {
        let role = match self.mode {
            Mode::Waku1 => "mail",
            _ => "store",
        };
        let mut mailservers = Vec::new();
        let own = (self.fleet.clone(), self.mailservers);
        for (fleet, count) in [own].into_iter().chain(self.more_fleets.iter().cloned()) {
            for number in 1..=count {
                let id = format!("{role}-{number:02}.{fleet}");
                let identities = [Identity::generate(random), Identity::generate(random)];
                let latency = self.latency(mailservers.len());
                mailservers.push(Mailserver::start(id, fleet.clone(), identities, latency)?);
            }
        }
        Ok(mailservers)
    }

    fn latency(&self, index: usize) -> Duration {
        let latency = self.latencies.get(index).or(self.latencies.last());
        latency.copied().unwrap_or(Duration::from_millis(1))
    }
}
