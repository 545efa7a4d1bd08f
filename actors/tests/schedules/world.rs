//! A world around the loop: it tells it what happens, and judges by its commands alone.

use std::{collections::BTreeSet, time::Duration};

use crate::fleet::*;
use actors::{
    Instant,
    connector::{
        cycle::{Command, Config, Cycle},
        memory::Memory,
    },
    messages::{
        candidates::CandidatesChanged, events::Event, node::NodeSwitched, peers::PeerState,
        selection::Select,
    },
    model::{
        candidate::Purpose,
        node::{Connection, Mode, NodeError, NodeState},
        record::Cause,
        verdict::Verdict,
    },
    testing,
};

/// Something that happens to the loop.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    Candidates(BTreeSet<usize>, Option<usize>),
    Node(Option<Mode>),
    SwitchedOff,
    Peer(usize, PeerState),
    /// The answer to the last selection.
    Decide(Option<usize>),
    /// The answer to the last draw of a standby.
    Draw(Option<usize>),
    /// The rest of the last decided round: whether the others answered.
    Survey(bool),
    Verdict(Verdict),
    Silence(usize, Cause),
    Measured(usize),
    /// The answer to the call so many calls ago; 0 is the last one.
    Answer(usize, Result<Connection, NodeError>),
    Failing(usize),
    Served(usize),
    Switched(usize),
    Tick,
    Pass(u64),
    Panic,
}

/// The loop, and what the outside knows of it from its commands alone.
pub(crate) struct World {
    pub(crate) cycle: Cycle,
    pub(crate) now: Instant,
    pub(crate) candidates: BTreeSet<usize>,
    pub(crate) pinned: Option<usize>,
    /// The mode of a node that may be driven.
    pub(crate) driven: Option<Mode>,
    pub(crate) listed: BTreeSet<usize>,
    /// The node went its own way since the last tick.
    pub(crate) strayed: bool,
    pub(crate) selection: Option<Select>,
    pub(crate) drawing: Option<Select>,
    /// The round that was decided last, and for whom.
    pub(crate) decided: Option<(Select, Option<usize>)>,
    pub(crate) calls: Vec<Call>,
    /// Calls made before [`World::serve`] began to count them.
    pub(crate) before: usize,
    /// Whom the last `mailserver:changed` named.
    pub(crate) changed: Option<usize>,
    /// From whom history is requested.
    pub(crate) history: Option<usize>,
    /// Who may be called available: connected or adopted since it was so called last.
    pub(crate) due: BTreeSet<usize>,
}

pub(crate) struct Call {
    pub(crate) number: u64,
    pub(crate) to: usize,
    pub(crate) answered: bool,
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            cycle: Cycle::new(config, Memory::default(), Some(1)),
            now: Instant::now(),
            candidates: BTreeSet::new(),
            pinned: None,
            driven: None,
            strayed: false,
            listed: BTreeSet::new(),
            selection: None,
            drawing: None,
            decided: None,
            calls: Vec::new(),
            before: 0,
            changed: None,
            history: None,
            due: BTreeSet::new(),
        }
    }

    pub(crate) fn candidates(&mut self, list: BTreeSet<usize>, pinned: Option<usize>) {
        self.happen(Input::Candidates(list, pinned));
    }

    pub(crate) fn node(&mut self, mode: Option<Mode>) {
        self.happen(Input::Node(mode));
    }

    pub(crate) fn disconnect(&mut self, dead: impl Fn(usize) -> bool) {
        for index in (0..MAILSERVERS).filter(|it| dead(*it)) {
            self.happen(Input::Peer(index, PeerState::Disconnected));
        }
    }

    pub(crate) fn happen(&mut self, input: Input) {
        let quiet = matches!(input, Input::Tick) && self.is_content() && !self.strayed;
        if matches!(input, Input::Tick) {
            self.pass(10_000);
        }
        let quiet = quiet && self.is_content();
        self.tell(input);
        let commands = self.listen();
        assert!(commands <= 12, "{commands} commands at once");
        assert!(!quiet || commands == 0, "connected, listed, and yet active");
        self.check();
    }

    /// Connected to whom it wants to be connected to: there is nothing to do.
    pub(crate) fn is_content(&self) -> bool {
        let connected = self.connected();
        let at_pin = self.pinned.is_none_or(|pin| connected == Some(pin));
        let asked = self.selection.is_some();
        self.driven.is_some()
            && !asked
            && at_pin
            && connected.is_some_and(|it| self.listed.contains(&it))
    }

    pub(crate) fn connected(&self) -> Option<usize> {
        let active = self.cycle.active_status(self.now)?;
        (active.state == "connected").then(|| index(&active.mailserver.identity))
    }

    pub(crate) fn tell(&mut self, input: Input) {
        let now = self.now;
        match input {
            Input::Candidates(list, pinned) => self.list(list, pinned),
            Input::Node(mode) => {
                self.driven = mode;
                let gone = NodeState::LoggedOut;
                let state = mode.map_or(gone, |mode| ready(mode, true));
                self.cycle.handle_node(state, now);
            }
            Input::SwitchedOff => {
                self.driven = None;
                self.cycle.handle_node(ready(Mode::Waku2, false), now);
            }
            Input::Peer(index, state) => {
                match state {
                    PeerState::Connected => self.listed.insert(index),
                    PeerState::Disconnected => self.listed.remove(&index),
                };
                // The tracker tells of candidates only. Without a lever, being listed is enough.
                if self.candidates.contains(&index) {
                    let alone = self.listed.is_empty();
                    (self.cycle).handle_peer(&identity(index), state, alone, now);
                }
            }
            Input::Decide(chosen) => self.decide(chosen),
            Input::Draw(chosen) => self.draw(chosen),
            Input::Survey(answered) => self.survey(|_| answered),
            Input::Verdict(verdict) => self.cycle.handle_verdict(verdict, now),
            Input::Silence(index, cause) => {
                let identity = identity(index);
                self.cycle.handle_silence(&identity, cause, "hung", now);
            }
            Input::Measured(index) => {
                let rtt = Duration::from_millis(20);
                self.cycle.handle_measured(&identity(index), rtt, now);
            }
            Input::Answer(ago, answer) => self.answer(ago, answer),
            Input::Failing(index) => self.cycle.handle_failing(&identity(index), "hung", now),
            Input::Served(index) => self.cycle.handle_served(&identity(index), now),
            Input::Switched(index) => {
                self.strayed = true;
                let switched = NodeSwitched {
                    identity: Some(identity(index)),
                    id: None,
                };
                self.cycle.handle_switched(&switched, now);
            }
            Input::Tick => {
                self.strayed = false;
                self.cycle.handle_tick(now);
            }
            Input::Pass(milliseconds) => self.pass(milliseconds),
            Input::Panic => self.cycle.reset(),
        }
    }

    pub(crate) fn list(&mut self, list: BTreeSet<usize>, pinned: Option<usize>) {
        let pinned = pinned.filter(|it| list.contains(it));
        let changed = CandidatesChanged {
            fleet: Some("test".into()),
            candidates: list.iter().copied().map(mailserver).collect(),
            pinned: pinned.map(identity),
        };
        self.listed.retain(|it| list.contains(it));
        self.candidates = list;
        self.pinned = pinned;
        self.cycle.handle_candidates(changed, self.now);
    }

    pub(crate) fn decide(&mut self, chosen: Option<usize>) {
        if let Some(selection) = self.selection.take() {
            let decision = testing::decision(&selection, chosen, |_| true);
            let chosen = decision.identity.as_ref().map(index);
            self.decided = Some((selection, chosen));
            self.cycle.handle_decision(&decision, self.now);
        }
    }

    pub(crate) fn draw(&mut self, chosen: Option<usize>) {
        if let Some(selection) = self.drawing.take() {
            let decision = testing::decision(&selection, chosen, |_| true);
            self.cycle.handle_decision(&decision, self.now);
        }
    }

    /// The round that was decided last ends.
    pub(crate) fn survey(&mut self, answered: impl Fn(usize) -> bool) {
        let Some((selection, chosen)) = self.decided.take() else {
            return;
        };
        let surveyed = testing::surveyed(&selection, |it| {
            (chosen == Some(it) || answered(it)).then_some(20)
        });
        self.cycle.handle_surveyed(&surveyed, self.now);
    }

    pub(crate) fn answer(&mut self, ago: usize, answer: Result<Connection, NodeError>) {
        let Some(call) = self.calls.iter_mut().rev().nth(ago) else {
            return;
        };
        if std::mem::replace(&mut call.answered, true) {
            return;
        }
        self.cycle.handle_answer(call.number, answer, self.now);
    }

    /// Time goes by; the limits in it are called when they pass, each of them for a reason.
    pub(crate) fn pass(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        let mut calls = 0;
        while let Some(at) = self.cycle.poll_timeout(self.now).filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.cycle.handle_timeout(self.now);
            self.listen();
            self.check();
            calls += 1;
            assert!(calls <= 2 * milliseconds / 1000 + 4, "it spins");
        }
        self.now = end;
    }

    /// Answers everything the loop asks for, until it asks for nothing more.
    pub(crate) fn serve(&mut self, replies: impl Fn(usize) -> bool, dials: impl Fn(usize) -> bool) {
        self.before = self.calls.iter().filter(|it| !it.answered).count();
        for _ in 0..64 {
            if let Some(selection) = &self.selection {
                let chosen = best(selection, &replies);
                self.happen(Input::Decide(chosen));
                self.survey(&replies);
                self.listen();
                self.check();
            } else if let Some(selection) = &self.drawing {
                let chosen = best(selection, &replies);
                self.happen(Input::Draw(chosen));
            } else if let Some(ago) = self.calls.iter().rev().position(|it| !it.answered) {
                let to = self.calls[self.calls.len() - 1 - ago].to;
                let answer = dials(to).then_some(Connection::Connected);
                self.happen(Input::Answer(ago, answer.ok_or_else(dial_failed)));
            } else {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    pub(crate) fn listen(&mut self) -> usize {
        let mut count = 0;
        while let Some(command) = self.cycle.poll_command() {
            // Whom to watch may be said again: that is nobody's business but the watch's.
            count += usize::from(!matches!(command, Command::Watch(_)));
            self.hear(command);
        }
        count
    }

    pub(crate) fn hear(&mut self, command: Command) {
        use Command::{Publish, Unavailable, Watch};
        let always = matches!(command, Publish(_) | Unavailable | Watch(_));
        let driven = self.driven.is_some();
        assert!(always || driven, "while the node is away: {command:?}");
        match command {
            Command::Select(select) => {
                assert!(!select.candidates.is_empty());
                match select.purpose {
                    Purpose::Active => self.selection = Some(select),
                    Purpose::Standby => self.drawing = Some(select),
                    Purpose::Reach => panic!("the node has an active mailserver"),
                }
            }
            Command::Watch(watch) => {
                let active = watch.active.map(|it| index(&it.identity));
                let connected = self.connected();
                assert!(
                    active.is_none() || active == connected,
                    "{active:?} is watched"
                );
            }
            Command::Connect(number, to) => self.call(number, index(&to.identity), false),
            Command::Introduce(number, to) => self.call(number, index(&to.identity), true),
            Command::Drop(_) => {
                assert_ne!(self.driven, Some(Mode::Observe), "no lever");
            }
            Command::Refresh => {}
            Command::Mark(identity, PeerState::Connected) => {
                self.listed.insert(index(&identity));
            }
            Command::Mark(identity, PeerState::Disconnected) => {
                self.listed.remove(&index(&identity));
            }
            Command::Available(to, _) => {
                let to = index(&to.identity);
                assert_eq!(Some(to), self.changed, "history from the active one");
                self.history = Some(to);
            }
            Command::Fetch(_) => panic!("the node has an active mailserver"),
            Command::Unavailable => self.history = None,
            Command::Publish(event) => self.published(event),
        }
    }

    pub(crate) fn call(&mut self, number: u64, to: usize, introduces: bool) {
        assert!(self.candidates.contains(&to), "{to} is no candidate");
        let observed = self.driven == Some(Mode::Observe);
        assert!(introduces || !observed, "no lever");
        self.due.insert(to);
        self.calls.push(Call {
            number,
            to,
            answered: false,
        });
    }

    pub(crate) fn published(&mut self, event: Event) {
        match event {
            Event::MailserverChanged { mailserver, .. } => {
                let to = mailserver.map(|it| index_of(&it.id));
                assert_ne!(to, self.changed, "nothing changed");
                self.changed = to;
                self.due.extend(to);
            }
            Event::MailserverAvailable { mailserver } => {
                let of = index_of(&mailserver.id);
                assert_eq!(Some(of), self.changed, "only the active one is available");
                assert!(self.due.remove(&of), "twice for one connection");
            }
            other => panic!("not the loop's business: {other:?}"),
        }
    }

    /// What must hold between two inputs.
    pub(crate) fn check(&self) {
        let active = self.cycle.active().map(|it| index(&it.identity));
        assert_eq!(active, self.changed, "everybody knows the active one");
        assert!(active.is_none_or(|it| self.candidates.contains(&it)));
        assert!(self.driven.is_some() || active.is_none(), "node is away");
        assert_eq!(
            self.history,
            self.connected().filter(|_| self.history.is_some())
        );
        assert!(self.connected().is_none_or(|it| self.history == Some(it)));
    }
}
