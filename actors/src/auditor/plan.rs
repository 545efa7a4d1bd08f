//! What is asked when, without I/O: what happens (`inputs`) and the time in, commands (`questions` among them) out.
//!
//! ```text
//! Idle ─▶ ReadingTopics ─▶ Asking ─▶ (all answered) Idle
//!            of the node     a mailserver, one question after the other
//! ```
//!
//! One question is under way at any time. Windows come before sweeps. Whatever is broken off is begun anew: the windows
//! and the marks are only changed by what was done to its end.

mod errands;
mod inputs;
mod outcome;
mod questions;

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use rand::{RngExt, rngs::StdRng};

use super::{
    audits::{Audits, IN_FLIGHT},
    budget::{Budget, Need},
    deafness::Deafness,
    entry::Job,
    inquiry::Inquiry,
    respondents::Respondents,
    survey::Survey,
    sweep::{Pace, Sweeps},
};
use crate::{
    Instant,
    messages::{
        audit::Status,
        events::Event,
        history::Source,
        journal::{Audited, OpenWindow, Prefer},
        store::QueryStore,
    },
    model::{
        mailserver::{Identity, Mailserver},
        moment::{Moment, Period, WallClock},
        topic::Topic,
    },
};

/// What is compared, and how much it may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Mailservers are asked for hashes. Without it a sweep is a fetch of the node, and rarer.
    pub enabled: bool,
    /// Payload bytes an hour, both directions.
    pub budget: u64,
    /// The pause between two sweeps; `None`: there are none.
    pub sweep: Option<Duration>,
    /// Messages younger than this are still on their way between mailservers, and not compared when a window is.
    pub in_flight: Duration,
    /// The longest pause before a window is compared: many others had the same outage.
    pub jitter: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            budget: 2 * 1024 * 1024,
            sweep: Some(Duration::from_secs(600)),
            in_flight: IN_FLIGHT,
            jitter: Duration::from_secs(5),
        }
    }
}

/// A sweep does not ask the node for its topics if it told them since: most sweeps find nothing, and cost it nothing.
const TOPICS_HOLD: Duration = Duration::from_secs(3600);

/// One hash does not need more than this, the dial included.
const MOST_BYTES_OF_ONE: u64 = 32 * 1024;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Command {
    /// Ask the node for its topics; the answer comes back with the number.
    ReadTopics(u64),
    /// Ask a mailserver; the answer comes back with the number.
    Ask(u64, QueryStore),
    /// Tell the journal.
    Tell(Audited),
    /// Have a period fetched.
    Open(OpenWindow),
    /// Have it kept how far it was swept.
    Swept(Moment),
    /// Have another mailserver used.
    Prefer(Prefer),
    /// Tell everybody.
    Publish(Event),
}

/// What something is asked for.
#[derive(Debug)]
enum Errand {
    /// To compare a window.
    Audit(Job),
    /// To sweep these periods, up to this moment.
    Sweep(Vec<Period>, Moment),
}

/// The questions of an errand.
#[derive(Debug)]
enum Work {
    Audit(Job, Inquiry),
    Sweep(Survey, Moment),
}

/// What is under way.
#[derive(Debug)]
enum Task {
    Idle,
    ReadingTopics {
        number: u64,
        errand: Errand,
    },
    /// A mailserver is asked; without a number the budget is waited for.
    Asking {
        work: Box<Work>,
        asked: Option<(u64, Mailserver)>,
    },
}

/// How the node is.
#[derive(Debug, Default)]
struct Node {
    ready: bool,
    /// It does not say which topics it has.
    mute: bool,
    /// Those it has, and when it said so.
    topics: Option<(Instant, Vec<Topic>)>,
    /// Whom it asks for history.
    source: Option<Source>,
    /// Windows are about to be fetched.
    windows_open: bool,
    /// Until then messages come of a fetch.
    fetched_until: Option<Instant>,
}

impl Node {
    fn active(&self) -> Option<&Identity> {
        let mailserver = self.source.as_ref()?.mailserver()?;
        Some(&mailserver.identity)
    }
}

/// The state.
#[derive(Debug)]
pub(super) struct Plan {
    config: Config,
    random: StdRng,
    clock: Option<WallClock>,
    online: bool,
    node: Node,
    respondents: Respondents,
    budget: Budget,
    audits: Audits,
    sweeps: Sweeps,
    deafness: Deafness,
    task: Task,
    last_number: u64,
    status: Status,
    commands: VecDeque<Command>,
}

impl Plan {
    /// Nothing is known yet.
    pub(super) fn new(config: Config, swept: Option<Moment>, random: StdRng, now: Instant) -> Self {
        Self {
            config,
            random,
            clock: None,
            online: true,
            node: Node::default(),
            respondents: Respondents::default(),
            budget: Budget::new(config.budget, now),
            audits: Audits::new(config.in_flight),
            sweeps: Sweeps::new(config.sweep, swept),
            deafness: Deafness::default(),
            task: Task::Idle,
            last_number: 0,
            status: Status::default(),
            commands: VecDeque::new(),
        }
    }

    /// The actor was restarted: the answer to what was under way is lost, and it is begun anew.
    pub(super) fn reset(&mut self) {
        self.task = Task::Idle;
        self.commands
            .retain(|it| !matches!(it, Command::ReadTopics(_) | Command::Ask(..)));
    }

    /// The next thing to be done.
    pub(super) fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub(super) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let task = match &self.task {
            Task::Idle => self.next_errand(now),
            Task::Asking { asked: None, .. } => Some(self.budget.free_at(Need::Window, now)),
            Task::ReadingTopics { .. } | Task::Asking { .. } => None,
        };
        task.into_iter().chain(self.sweeps.fetched_at()).min()
    }

    /// How it stands.
    pub(super) fn status(&self, now: Instant) -> Status {
        Status {
            enabled: self.config.enabled,
            waiting: self.audits.len(),
            dropped: self.audits.dropped,
            budget_left: self.budget.left(now),
            deaf_since: self.deafness.since(),
            ..self.status
        }
    }
}

// === what is due ===

impl Plan {
    fn wall(&self, now: Instant) -> Option<Moment> {
        self.clock.as_ref().map(|it| it.at(now))
    }

    /// Whether anything may be asked of anybody.
    fn may_ask(&self) -> bool {
        self.node.ready && self.online && self.clock.is_some()
    }

    /// Whether a node that is made to fetch can, and does not anyway.
    fn may_sweep(&self) -> bool {
        self.may_ask() && self.node.source.is_some() && !self.node.windows_open
    }

    /// Whether there is nobody who could be asked what is held.
    fn is_plain(&self, now: Instant) -> bool {
        !self.config.enabled
            || self.node.mute
            || self.respondents.are_unsupported(&BTreeSet::new(), now)
    }

    fn next_errand(&self, now: Instant) -> Option<Instant> {
        let free = |need, at: Instant| at.max(self.budget.free_at(need, now));
        let audits = (self.audits.next_at(false)).map(|at| free(Need::Window, at));
        let minor = (self.audits.next_at(true)).map(|at| free(Need::Sweep, at));
        let sweep = self.sweeps.next_at();
        let sweep = match self.is_plain(now) {
            true => sweep,
            false => sweep.map(|at| free(Need::Sweep, at)),
        };
        let audits = audits.into_iter().chain(minor).filter(|_| self.may_ask());
        let sweep = sweep.filter(|_| self.may_sweep());
        audits.chain(sweep).min()
    }
}

// === helpers ===

impl Plan {
    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn factor(&mut self) -> f64 {
        self.random.random_range(0.9..1.1)
    }

    fn pace(&self, now: Instant) -> Pace {
        match (self.deafness.since(), self.is_plain(now)) {
            (_, true) => Pace::Plain,
            (Some(_), _) => Pace::Deaf,
            (None, _) => Pace::Usual,
        }
    }
}
