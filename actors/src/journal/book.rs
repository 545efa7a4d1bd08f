//! The journal without I/O: what happens ([`inputs`]) and the time in, commands out.

mod inputs;
mod steering;

use std::{collections::VecDeque, time::Duration};

use super::{
    exposure::Exposure,
    ledger::Ledger,
    requests::{Coverage, Flight, Rule, coverage},
};
use crate::{
    Instant,
    messages::{
        events::Event,
        history::Source,
        journal::{
            Completed, Counts, Entry, KeptJournal, MOST_RECENT, Marks, Owe, Prefer, Report,
            WindowCovered,
        },
    },
    model::{
        moment::{Moment, Period, WallClock},
        window::{Attempt, MOST_ATTEMPTS, MOST_SOURCES, State, WindowId},
    },
};
use steering::Steering;

/// How windows are covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How much earlier than a window, and later, is asked for.
    pub overlap: Duration,
    /// The shortest pause between the begins of two requests, unless a window was opened in between.
    pub min_interval: Duration,
    /// Others are asked whether they hold more; until they answered, a window is not called covered.
    pub audited: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            overlap: Duration::from_secs(60),
            min_interval: Duration::from_secs(20),
            audited: true,
        }
    }
}

/// Mailservers keep messages for two days unless they are told otherwise (nwaku): what is older cannot be had.
const RETENTION: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// For how long the auditor may think about a window before it counts as covered without its word.
const AUDIT_PATIENCE: Duration = Duration::from_secs(15 * 60);

/// So often a window is fetched again because mailservers differ, of which the node picks one for each query.
const MOST_REPEATS: u32 = 8;

/// For so long the messages of a request that was completed go on to arrive: 1 s was recorded (2024-10).
const TRICKLE: Duration = Duration::from_secs(4);

/// How often it is kept that the sidecar runs.
const ALIVE: Duration = Duration::from_secs(15);

/// What the journal wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// History can be asked for: the requester is told, with how far back the node is to go.
    Available(Source, Duration, Option<Moment>),
    /// It cannot any more.
    Gone,
    /// The requester owes a request.
    Owe(Owe),
    /// The connector is to use another mailserver.
    Prefer(Prefer),
    /// The auditor is to look.
    Audit(WindowCovered),
    /// Windows are open, or none is any more.
    Open(bool),
    /// To be kept.
    Keep(Vec<Entry>),
    /// Tell everybody.
    Publish(Event),
}

/// The state.
#[derive(Debug)]
pub struct Book {
    config: Config,
    clock: WallClock,
    /// The reading of the clocks before the last one that came late: we may have slept since.
    slept_from: Moment,
    exposure: Exposure,
    ledger: Ledger,
    marks: Marks,
    kept_alive: Option<Instant>,
    flight: Option<Flight>,
    /// The last request that was completed, and when: its messages come a little later.
    landed: Option<(Flight, Instant)>,
    can_rewind: bool,
    /// The node picks a mailserver for each query.
    picks: bool,
    steering: Steering,
    told_open: bool,
    counts: Counts,
    commands: VecDeque<Command>,
}

impl Book {
    /// Goes on from what was kept. From the last sign of the sidecar until now messages may have been missed.
    #[must_use]
    pub fn restore(config: Config, kept: KeptJournal, wall: Moment, now: Instant) -> Self {
        let mut marks = kept.marks;
        let ledger = Ledger::restore(config.overlap, kept);
        let mut exposure = Exposure::default();
        // A clock that was set back makes no window of negative length.
        exposure.sidecar_was_away(marks.alive.unwrap_or(wall).min(wall));
        marks.since = marks.since.or(Some(wall));
        // Until now the node may have asked by itself, and nobody looked.
        marks.reached = marks.reached.max(Some(wall));
        let mut book = Self {
            config,
            clock: WallClock::new(wall, now),
            slept_from: wall,
            exposure,
            ledger,
            marks,
            kept_alive: None,
            flight: None,
            landed: None,
            can_rewind: true,
            picks: false,
            steering: Steering::default(),
            told_open: false,
            counts: Counts::default(),
            commands: VecDeque::new(),
        };
        book.look_again();
        book.settle(now);
        book
    }

    /// The next thing to be done.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called.
    #[must_use]
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let alive = self.kept_alive.map(|it| it + ALIVE);
        let audited = self.ledger.live().filter_map(|window| match window.state {
            State::Fetched { at } => Some(self.instant(at + AUDIT_PATIENCE, now)),
            _ => None,
        });
        let arrived = self.arrived_at().filter(|_| self.told_open);
        let limits = audited.chain(alive).chain(self.steer_at(now));
        limits.chain(arrived).min()
    }

    /// When what the last request brought has arrived.
    fn arrived_at(&self) -> Option<Instant> {
        self.landed.as_ref().map(|(_, at)| *at + TRICKLE)
    }

    /// After a panic: what others were told is told again; no window is lost.
    pub fn reset(&mut self) {
        self.commands.clear();
        self.flight = None;
        self.steering.forget();
        self.look_again();
    }

    /// The auditor is told again of what it has not answered.
    fn look_again(&mut self) {
        let fetched =
            |it: &&crate::model::window::Window| matches!(it.state, State::Fetched { .. });
        let ids: Vec<_> = self.ledger.live().filter(fetched).map(|it| it.id).collect();
        for id in ids {
            self.have_audited(id);
        }
    }

    /// For people.
    #[must_use]
    pub fn report(&self, now: Instant) -> Report {
        let open: Vec<_> = self.ledger.live().cloned().collect();
        let first = open.iter().map(|it| it.from).min();
        let wall = self.clock.at(now);
        let began = self.counts.completed > 0;
        let next = self
            .steering
            .retry
            .into_iter()
            .chain(self.steer_at(now))
            .min();
        Report {
            since: self.marks.since,
            covered_until: began.then(|| first.unwrap_or(wall)),
            requesting: self.flight.is_some(),
            next_try_ms: next.map(|at| at.saturating_duration_since(now).as_millis() as u64),
            open,
            recent: self.ledger.recent().take(MOST_RECENT).cloned().collect(),
            counts: self.counts,
        }
    }

    fn rule(&self) -> Rule {
        Rule {
            overlap: self.config.overlap,
            can_rewind: self.can_rewind,
        }
    }

    /// When the wall clock will show that; now, if it has.
    fn instant(&self, moment: Moment, now: Instant) -> Instant {
        now + moment.since(self.clock.at(now))
    }

    /// After each input: the windows follow what is known, and everybody is told what changed.
    fn settle(&mut self, now: Instant) {
        let wall = self.clock.at(now);
        for (reason, since) in self.exposure.take_new() {
            self.ledger.grow(reason, since);
        }
        if !self.exposure.is_exposed() {
            self.ledger.end(wall);
        }
        self.steer(now);
        let arriving = self.arrived_at().is_some_and(|it| now < it);
        let open = arriving || self.ledger.live().any(|it| it.state.is_open());
        if std::mem::replace(&mut self.told_open, open) != open {
            self.commands.push_back(Command::Open(open));
        }
        self.keep(now);
        let events = self.ledger.take_events();
        for event in events {
            match event {
                Event::WindowOpened { .. } => self.counts.opened += 1,
                Event::WindowCovered { .. } => self.counts.covered += 1,
                Event::WindowGivenUp { .. } => self.counts.given_up += 1,
                _ => {}
            }
            self.commands.push_back(Command::Publish(event));
        }
    }

    /// Has kept what changed. That the sidecar runs is kept with it, or alone now and then.
    fn keep(&mut self, now: Instant) {
        let due = self.kept_alive.is_none_or(|it| now >= it + ALIVE);
        let mut entries = self.ledger.take_entries(None);
        if entries.is_empty() && !due {
            return;
        }
        self.kept_alive = Some(now);
        self.marks.alive = Some(self.clock.at(now));
        self.marks.last_window = self.ledger.last();
        entries.push(Entry::Marks(self.marks));
        self.commands.push_back(Command::Keep(entries));
    }

    /// A request was completed: what it covers is fetched.
    fn complete(&mut self, flight: &Flight, completed: Completed, wall: Moment) {
        self.counts.completed += 1;
        self.counts.rewound += u64::from(completed.rewound && flight.since.is_some());
        if !completed.rewound {
            self.can_rewind = false;
        }
        let rule = self.rule();
        let ids: Vec<_> = self.ledger.live().map(|it| it.id).collect();
        let mut useful = false;
        for id in ids {
            useful |= self.apply(id, flight, completed.rewound, rule);
        }
        self.counts.needless += u64::from(!useful);
        self.marks.reached = self.marks.reached.max(Some(wall));
    }

    /// What the request does for one window; whether anything.
    fn apply(&mut self, id: WindowId, flight: &Flight, rewound: bool, rule: Rule) -> bool {
        let Some(window) = self.ledger.get(id) else {
            return false;
        };
        let fetched = match coverage(window, flight, rewound, rule) {
            Coverage::Nothing => {
                self.despair(id, flight, rule);
                return false;
            }
            Coverage::All => Some(id),
            Coverage::Before(at) => self.cut(id, at),
        };
        if let Some(id) = fetched {
            self.note(id, flight, rewound, None);
            self.served(id, flight);
        }
        true
    }

    /// Cuts off what a request covers of a window that had not ended when it began: the rest was never asked for.
    fn cut(&mut self, id: WindowId, at: Moment) -> Option<WindowId> {
        let before = self.ledger.split(id, at)?;
        if let Some(rest) = self.ledger.change(id) {
            rest.attempts.clear();
            rest.requests = 0;
        }
        Some(before)
    }

    /// A window that the node cannot be made to fetch again.
    fn despair(&mut self, id: WindowId, flight: &Flight, rule: Rule) {
        let Some(window) = self.ledger.get(id) else {
            return;
        };
        let ended = window.until.is_some_and(|until| until <= flight.began);
        if ended && window.state.is_open() && !rule.can_rewind {
            let why = "this node cannot be made to fetch it again";
            self.ledger.give_up(id, flight.began, why);
        }
    }

    /// Writes a request into a window.
    fn note(&mut self, id: WindowId, flight: &Flight, rewound: bool, failure: Option<&str>) {
        let Some(window) = self.ledger.change(id) else {
            return;
        };
        window.requests += 1;
        if window.attempts.len() >= MOST_ATTEMPTS {
            window.attempts.remove(0);
        }
        window.attempts.push(Attempt {
            at: flight.began,
            mailserver: flight.mailserver.as_ref().map(|(_, id)| id.clone()),
            rewound: rewound && flight.since.is_some(),
            failure: failure.map(str::to_owned),
            messages: 0,
        });
    }

    /// A window was fetched from one mailserver: others may be wanted still.
    fn served(&mut self, id: WindowId, flight: &Flight) {
        let Some(window) = self.ledger.change(id) else {
            return;
        };
        if let Some((identity, _)) = &flight.mailserver {
            if !window.fetched_from.contains(identity) && window.fetched_from.len() < MOST_SOURCES {
                window.fetched_from.push(identity.clone());
            }
            if let State::Open { wanted } = &mut window.state {
                wanted.retain(|it| it != identity);
                if !wanted.is_empty() {
                    return;
                }
            }
        }
        self.fetched(id, flight.began);
    }

    /// A window was fetched from all from whom it was wanted. What is too old for any mailserver is cut off.
    fn fetched(&mut self, id: WindowId, at: Moment) {
        let floor = at.before(RETENTION);
        let Some(window) = self.ledger.get(id) else {
            return;
        };
        if window.from < floor
            && let Some(old) = self.ledger.split(id, floor)
        {
            let why = "mailservers keep messages for two days, unless they are told otherwise";
            self.ledger.give_up(old, at, why);
        }
        match self.config.audited {
            true => {
                self.ledger.fetched(id, at);
                self.have_audited(id);
            }
            false => self.ledger.covered(id, at),
        }
    }

    fn have_audited(&mut self, id: WindowId) {
        let Some(window) = self.ledger.get(id) else {
            return;
        };
        let Some(period) = window.period() else {
            return;
        };
        let answered = window.attempts.iter().filter(|it| it.failure.is_none());
        self.commands.push_back(Command::Audit(WindowCovered {
            id,
            period: Period {
                from: period.from.before(self.config.overlap),
                until: period.until,
            },
            from: window.fetched_from.clone(),
            brought: answered.map(|it| it.messages).collect(),
        }));
    }
}
