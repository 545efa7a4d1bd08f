//! The journal without I/O: what happens (`inputs`) and the time in, commands out.

mod inputs;
mod settling;
mod steering;

use std::{collections::VecDeque, time::Duration};

use super::{
    exposure::{Exposure, Word},
    ledger::Ledger,
    requests::{Coverage, Flight, Rule, coverage},
    spoken::Steering,
};
use crate::{
    Instant,
    messages::{
        events::Event,
        history::Source,
        journal::{Completed, Counts, Entry, Marks, Owe, Prefer, WindowCovered},
    },
    model::{
        moment::{Moment, Period, WallClock},
        window::{Attempt, MOST_ATTEMPTS, MOST_SOURCES, STORE_RETENTION, State, WindowId},
    },
};

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

/// For how long the auditor may think about a window before it counts as covered without its word.
const AUDIT_PATIENCE: Duration = Duration::from_secs(15 * 60);

/// So often a window is fetched again because mailservers differ, of which the node picks one for each query.
const MOST_REPEATS: u32 = 8;

/// For so long the messages of a request that was completed go on to arrive: 1 s was recorded (2024-10).
const TRICKLE: Duration = Duration::from_secs(4);

/// A node that picks its mailservers moves its markers forward by itself, but never beyond this before now (status-go
/// since mid-2026).
const MARKER_LAG: Duration = Duration::from_secs(60);

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
    /// How well it is connected, in its own words.
    word: Word,
    steering: Steering,
    told_open: bool,
    counts: Counts,
    commands: VecDeque<Command>,
}

impl Book {
    /// The auditor is told again of what it has not answered.
    fn look_again(&mut self) {
        let fetched = self.ledger.live().filter(|it| it.state.is_fetched());
        let ids: Vec<_> = fetched.map(|it| it.id).collect();
        for id in ids {
            self.have_audited(id);
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
        self.word.fetched();
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
        if let Some((identity, name)) = &flight.mailserver {
            if !window.fetched_from.contains(identity) && window.fetched_from.len() < MOST_SOURCES {
                window.fetched_from.push(identity.clone());
            }
            if let State::Open { wanted } = &mut window.state {
                let was_wanted = wanted.contains(identity);
                if was_wanted {
                    self.steering.prefer_anew();
                }
                if let Some(shortage) = window.shortage.as_mut().filter(|_| was_wanted) {
                    shortage.fetched(name);
                }
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
        let floor = at.before(STORE_RETENTION);
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
