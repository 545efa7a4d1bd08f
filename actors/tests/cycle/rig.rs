//! A loop with its clock, told and heard in few words.

use std::time::Duration;

use actors::{
    Instant,
    connector::{
        cycle::{Command, Config, Cycle},
        memory::Memory,
        pin::Policy,
    },
    messages::{
        candidates::CandidatesChanged, events::Event, node::NodeSwitched, peers::PeerState,
        selection::Select,
    },
    model::{
        candidate::{Candidate, Purpose, Standing, Tier},
        mailserver::Identity,
        node::{Connection, Mode, NodeError, NodeState},
        verdict::Verdict,
    },
    testing::{decision, mailserver, profile, surveyed},
};

/// A loop, its clock, and how to talk to it briefly.
pub(crate) struct Rig {
    pub(crate) cycle: Cycle,
    pub(crate) now: Instant,
    /// The last selection.
    pub(crate) order: Option<Select>,
    /// The last draw of a standby.
    pub(crate) draw: Option<Select>,
    pub(crate) attempt: u64,
    /// How often the watch was told whom to watch.
    pub(crate) watches: usize,
    /// The pause before the last request.
    pub(crate) pause: Duration,
    pub(crate) said: Vec<String>,
}

pub(crate) use actors::testing::plain;

pub(crate) const CANDIDATES: usize = 4;

pub(crate) fn identity(index: usize) -> Identity {
    mailserver(index).identity
}

pub(crate) fn index(identity: &Identity) -> usize {
    let mut all = 0..24;
    all.find(|it| mailserver(*it).identity == *identity)
        .expect("a test mailserver")
}

pub(crate) fn dial_failed() -> NodeError {
    NodeError::Node {
        code: -32000,
        message: "connection refused".into(),
    }
}

impl Rig {
    pub(crate) fn with(config: Config) -> Self {
        Self::seeded(config, 1)
    }

    pub(crate) fn seeded(config: Config, seed: u64) -> Self {
        Self {
            cycle: Cycle::new(config, Memory::default(), Some(seed)),
            now: Instant::now(),
            order: None,
            draw: None,
            attempt: 0,
            watches: 0,
            pause: Duration::ZERO,
            said: Vec::new(),
        }
    }

    /// A waku2 node is there and a selection is under way.
    pub(crate) fn started(mode: Mode) -> Self {
        Self::started_with(mode, plain(), None)
    }

    pub(crate) fn started_with(mode: Mode, config: Config, pinned: Option<usize>) -> Self {
        let mut rig = Self::with(config);
        rig.candidates(CANDIDATES, pinned);
        rig.node(mode);
        rig
    }

    /// Mailserver 0 was chosen and is connected.
    pub(crate) fn connected(mode: Mode) -> Self {
        let mut rig = Self::started(mode);
        rig.wants();
        rig.decide(Some(0));
        rig.wants();
        rig.answer(Ok(Connection::Connected));
        rig.wants();
        rig
    }

    /// 0 was in use; the node lists nobody, nobody answers, and we are offline.
    pub(crate) fn offline() -> Self {
        let mut rig = Self::connected(Mode::Waku2);
        rig.alone(0);
        rig.decide(None);
        rig.verdict(Verdict::Offline);
        rig
    }

    /// We are back from offline with nothing active, and 1 was chosen: it is dialled after a pause.
    pub(crate) fn returned(seed: u64) -> Self {
        let config = Config {
            jitter: Duration::from_millis(500),
            ..plain()
        };
        let mut rig = Self::seeded(config, seed);
        rig.candidates(CANDIDATES, None);
        rig.verdict(Verdict::Offline);
        rig.node(Mode::Waku2);
        rig.verdict(Verdict::Online);
        rig.wants();
        rig.decide(Some(1));
        rig
    }

    /// The pin did not work for its patience, and 0 is used in its place.
    pub(crate) fn fallen_back() -> Self {
        let mut rig = Self::pinned(Policy::Prefer, Mode::Waku2);
        rig.wants();
        rig.answer(Err(dial_failed()));
        rig.pass(30);
        rig.wants();
        rig.decide(Some(0));
        rig.answer(Ok(Connection::Connected));
        rig.wants();
        rig
    }

    pub(crate) fn pinned(policy: Policy, mode: Mode) -> Self {
        let config = Config {
            pin_policy: policy,
            pin_patience: Duration::from_secs(30),
            ..plain()
        };
        Self::started_with(mode, config, Some(3))
    }

    pub(crate) fn candidates(&mut self, count: usize, pinned: Option<usize>) {
        let changed = CandidatesChanged {
            fleet: Some("test".into()),
            candidates: (0..count).map(mailserver).collect(),
            pinned: pinned.map(identity),
        };
        self.cycle.handle_candidates(changed, self.now);
    }

    pub(crate) fn node(&mut self, mode: Mode) {
        let profile = profile(mode);
        self.cycle
            .handle_node(NodeState::Ready { profile }, self.now);
    }

    pub(crate) fn node_gone(&mut self) {
        let reason = "refused".into();
        self.cycle
            .handle_node(NodeState::Unreachable { reason }, self.now);
    }

    pub(crate) fn peer(&mut self, index: usize, state: PeerState) {
        (self.cycle).handle_peer(&identity(index), state, false, self.now);
    }

    pub(crate) fn lose(&mut self, index: usize) {
        self.peer(index, PeerState::Disconnected);
    }

    /// The node lists nobody any more, this one included.
    pub(crate) fn alone(&mut self, index: usize) {
        let gone = PeerState::Disconnected;
        (self.cycle).handle_peer(&identity(index), gone, true, self.now);
    }

    pub(crate) fn decide(&mut self, chosen: Option<usize>) {
        self.decide_silent(chosen, &[]);
    }

    /// A decision that knows who is silent.
    pub(crate) fn decide_silent(&mut self, chosen: Option<usize>, silent: &[usize]) {
        self.listen();
        let order = self.order.as_ref().expect("a selection");
        let decision = decision(order, chosen, |it| silent.contains(&it));
        self.cycle.handle_decision(&decision, self.now);
    }

    /// A decision for this one, while others answered too but failed lately.
    pub(crate) fn decide_answered(&mut self, chosen: usize, answered: &[usize]) {
        let order = self.order.as_ref().expect("a selection");
        let mut decision = decision(order, Some(chosen), |_| true);
        for it in &mut decision.considered {
            if answered.contains(&index(&it.identity)) {
                it.rtt = Some(Duration::from_millis(20));
                it.verdict = Standing::Cooling;
            }
        }
        self.cycle.handle_decision(&decision, self.now);
    }

    /// An early decision for this one: nothing is known of the others.
    pub(crate) fn decide_early(&mut self, chosen: usize) {
        let order = self.order.as_ref().expect("a selection");
        let mut decision = decision(order, Some(chosen), |_| false);
        decision.early = true;
        self.cycle.handle_decision(&decision, self.now);
    }

    /// The last draw of a standby is decided.
    pub(crate) fn draw(&mut self, drawn: Option<usize>) {
        self.listen();
        let order = self.draw.as_ref().expect("a draw");
        let decision = decision(order, drawn, |_| false);
        self.cycle.handle_decision(&decision, self.now);
    }

    /// The last selection's round ends: these have answered.
    pub(crate) fn survey(&mut self, answered: &[usize]) {
        let order = self.order.as_ref().expect("a selection");
        let surveyed = surveyed(order, |it| answered.contains(&it).then_some(20));
        self.cycle.handle_surveyed(&surveyed, self.now);
    }

    /// The last draw's round ends: these have answered, in so many milliseconds.
    pub(crate) fn survey_draw(&mut self, answered: &[(usize, u64)]) {
        let order = self.draw.as_ref().expect("a draw");
        let time = |it| answered.iter().find(|(of, _)| *of == it).map(|(_, ms)| *ms);
        let surveyed = surveyed(order, time);
        self.cycle.handle_surveyed(&surveyed, self.now);
    }

    pub(crate) fn answer(&mut self, answer: Result<Connection, NodeError>) {
        self.listen();
        self.cycle.handle_answer(self.attempt, answer, self.now);
    }

    pub(crate) fn introduced(&mut self, answer: Result<Connection, NodeError>) {
        self.listen();
        self.cycle.handle_answer(self.attempt, answer, self.now);
    }

    pub(crate) fn verdict(&mut self, verdict: Verdict) {
        self.cycle.handle_verdict(verdict, self.now);
    }

    pub(crate) fn switched(&mut self, index: usize) {
        let switched = NodeSwitched {
            identity: Some(identity(index)),
            id: None,
        };
        self.cycle.handle_switched(&switched, self.now);
    }

    pub(crate) fn tick(&mut self) {
        self.pass(10);
        self.cycle.handle_tick(self.now);
    }

    /// Time goes by; the limits in it are called when they pass.
    pub(crate) fn pass(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while let Some(at) = self.cycle.poll_timeout(self.now).filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.cycle.handle_timeout(self.now);
        }
        self.now = end;
    }

    /// What the loop wanted since the last call, in words; marks left out, since the tracker's tests
    /// have them.
    pub(crate) fn wants(&mut self) -> Vec<String> {
        self.listen();
        std::mem::take(&mut self.said)
    }

    pub(crate) fn listen(&mut self) {
        while let Some(command) = self.cycle.poll_command() {
            let word = self.word(command);
            self.said.extend(word);
        }
    }

    pub(crate) fn word(&mut self, command: Command) -> Option<String> {
        Some(match command {
            Command::Select(select) => {
                let cooling = |it: &&Candidate| it.tier == Tier::Cooling;
                let avoided = select.candidates.iter().filter(cooling);
                let avoided: Vec<usize> =
                    avoided.map(|it| index(&it.mailserver.identity)).collect();
                let count = select.candidates.len();
                let word = match select.purpose {
                    Purpose::Active => "select",
                    Purpose::Standby => "draw",
                    Purpose::Reach => panic!("not the loop's business: {select:?}"),
                };
                match select.purpose {
                    Purpose::Reach => {}
                    Purpose::Active => self.order = Some(select),
                    Purpose::Standby => self.draw = Some(select),
                }
                format!("{word} of {count} avoiding {avoided:?}")
            }
            Command::Connect(attempt, to) => {
                self.attempt = attempt;
                format!("connect {}", index(&to.identity))
            }
            Command::Introduce(attempt, to) => {
                self.attempt = attempt;
                format!("introduce {}", index(&to.identity))
            }
            Command::Drop(peer) => format!("drop {}", index(&peer.identity)),
            Command::Refresh => "refresh".into(),
            Command::Mark(..) => return None,
            Command::Watch(_) => {
                self.watches += 1;
                return None;
            }
            Command::Available(to, pause) => {
                self.pause = pause;
                format!("request from {}", index(&to.identity))
            }
            Command::Fetch(_) => panic!("the node has an active mailserver"),
            Command::Unavailable => "request from nobody".into(),
            Command::Publish(Event::MailserverChanged { mailserver, .. }) => {
                format!("changed {}", mailserver.map_or("none".into(), |it| it.id))
            }
            Command::Publish(Event::MailserverAvailable { mailserver }) => {
                format!("available {}", mailserver.id)
            }
            Command::Publish(other) => panic!("not the loop's business: {other:?}"),
        })
    }
}

pub(crate) fn available(index: usize) -> Vec<String> {
    let id = mailserver(index).id;
    vec![format!("available {id}"), format!("request from {index}")]
}

pub(crate) fn changed(index: usize) -> String {
    format!("changed {}", mailserver(index).id)
}

pub(crate) const NOTHING: [&str; 0] = [];
