//! A node that picks a mailserver for each query (since mid-2026), without I/O: inputs and the time in, commands out.
//!
//! Nothing is chosen for it, and none is active. What is left to be done: to know whether it can fetch history, to have
//! it fetched whenever something may have been missed, and to bring it online where it offers a dial. It can if it is
//! online (one that has not said anything yet is believed to be) and a mailserver answers our own probes. How far that
//! is known is the `Stage`:
//!
//! ```text
//!             ┌──────────── nobody answers, or it is offline ───────────┐
//!             ▼                                                         │
//!   Resting ──▶ Looking ──one answers, the node is online──▶ Reached ──▶ Doubted
//!                │   ▲                                        ▲  ▲         │
//!        nobody  │   │ the pause is over, or the node came    │  └─ one answers
//!       answers  │   │ online by itself                       │
//!                ├──▶ Unanswered                              │
//!                └──▶ Dialling ──the node is connected────────┘
//!                       └──it is not, or cannot be told──▶ Stranded ──▶ Looking
//! ```
//!
//! Whatever it is in, it rests while the node is away or we are offline or asleep; and looks when that is over. History
//! is owed whenever it is Reached anew, and when a poor mesh is over; while one lasts, now and then.

mod inputs;
mod stage;
mod views;
mod word;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use self::{
    stage::{Look, Stage},
    word::Word,
};
use crate::{
    Instant,
    connector::{
        attempts::Attempts,
        command::Command,
        crowd::Crowd,
        cycle::Config,
        evidence::Evidence,
        jitter::{self, Outage as Return},
        outage::Outage,
        search::Search,
        watch_order::WatchOrder,
    },
    messages::{
        connection::Counts,
        events::Event,
        selection::{Decision, Select},
        watch::Watch,
    },
    model::{
        candidate::{Candidate, Purpose, Tier},
        mailserver::{Identity, Mailserver, Origin},
        record::Cause,
    },
};

/// The first of the numbers of calls and rounds: those of the loop over an active mailserver are below.
const FIRST_NUMBER: u64 = 1 << 48;

/// The state.
#[derive(Debug)]
pub struct Observation {
    config: Config,
    service: Service,
    candidates: BTreeMap<Identity, Mailserver>,
    listed: BTreeSet<Identity>,
    word: Word,
    dial: Dial,
    outage: Outage,
    /// Since when we were offline, until somebody was reached again.
    returning: Option<Instant>,
    stage: Stage,
    told: Told,
    /// While the mesh is poor: when history is asked for next.
    asks_again_at: Option<Instant>,
    evidence: Evidence,
    search: Search,
    attempts: Attempts,
    watch: WatchOrder,
    random: StdRng,
    last_number: u64,
    counts: Counts,
    commands: VecDeque<Command>,
}

/// Whether the node is to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    /// It is away, or of another generation.
    None,
    /// Its user switched mailservers off.
    SwitchedOff,
    /// It is.
    On,
}

/// Whether the node can be told to dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dial {
    /// Unless it turns out otherwise.
    Offered,
    /// It has no such method (status-go pull request 7528).
    Missing,
}

/// What others were told: whether history can be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// That it cannot.
    Nothing,
    /// The history requester, that it can, on the node's word alone.
    Believed,
    /// Everybody, that it can.
    Available,
}

impl Observation {
    /// One that knows nothing of the node yet. `seed` makes its draws repeatable.
    #[must_use]
    pub fn new(config: Config, seed: Option<u64>) -> Self {
        Self {
            config,
            service: Service::None,
            candidates: BTreeMap::new(),
            listed: BTreeSet::new(),
            word: Word::default(),
            dial: Dial::Offered,
            outage: Outage::default(),
            returning: None,
            stage: Stage::Resting,
            told: Told::Nothing,
            asks_again_at: None,
            evidence: Evidence::default(),
            search: Search::default(),
            attempts: Attempts::default(),
            watch: WatchOrder::default(),
            random: seed.map_or_else(rand::make_rng, StdRng::seed_from_u64),
            last_number: FIRST_NUMBER,
            counts: Counts::default(),
            commands: VecDeque::new(),
        }
    }

    /// The next thing to be done.
    pub fn poll_command(&mut self) -> Option<Command> {
        let command = self.commands.pop_front();
        command.or_else(|| {
            let wanted = Watch {
                active: self.stage.reached().cloned(),
                standby: None,
            };
            self.watch.update(wanted).map(Command::Watch)
        })
    }

    /// When [`Self::handle_timeout`] is to be called, if nothing happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Looking(look) | Stage::Doubted { look, .. } => Some(look.until),
            Stage::Unanswered | Stage::Stranded { .. } => self.search.looks_again_at(),
            Stage::Reached { .. } => self.asks_again_at,
            Stage::Resting | Stage::Dialling { .. } => None,
        }
    }
}

// === decisions ===

impl Observation {
    /// Has all mailservers pinged. What was reached stays so until nobody answers.
    fn look(&mut self, now: Instant) {
        let candidates: Vec<_> = self
            .candidates
            .values()
            .map(|it| self.candidate(it))
            .collect();
        if candidates.is_empty() {
            return self.find_nobody(now);
        }
        self.counts.selections += 1;
        let round = self.next_number();
        self.commands.push_back(Command::Select(Select {
            round,
            candidates,
            witnesses: BTreeSet::new(),
            purpose: Purpose::Reach,
            quiet: true,
            blind: false,
        }));
        let look = Look {
            round,
            until: now + self.config.selection_timeout,
            decided: None,
        };
        self.stage = match std::mem::replace(&mut self.stage, Stage::Resting) {
            Stage::Reached { mailserver, since }
            | Stage::Doubted {
                mailserver, since, ..
            } => Stage::Doubted {
                mailserver,
                since,
                look,
            },
            _ => Stage::Looking(look),
        };
    }

    fn candidate(&self, mailserver: &Mailserver) -> Candidate {
        let tier = match mailserver.origin {
            _ if self.attempts.has_failed(&mailserver.identity) => Tier::Cooling,
            Origin::Peer => Tier::Unknown,
            _ => Tier::Healthy,
        };
        Candidate {
            mailserver: mailserver.clone(),
            tier,
            listed: self.listed.contains(&mailserver.identity),
        }
    }

    /// Somebody answered the round.
    fn conclude(&mut self, decision: &Decision, from: Return, now: Instant) {
        let chosen = decision.identity.as_ref();
        match chosen.and_then(|it| self.candidates.get(it)).cloned() {
            None => self.look(now),
            Some(mailserver) if self.word.is_online() == Some(false) => {
                self.bring_online(mailserver, now);
            }
            Some(mailserver) => self.reach_by(mailserver, from, now),
        }
    }

    /// History can be fetched: this one answers, and the node is online.
    fn reach_by(&mut self, mailserver: Mailserver, from: Return, now: Instant) {
        let since = match &self.stage {
            Stage::Doubted { since, .. } => *since,
            _ => now,
        };
        let returning = self.returning.take().is_some();
        self.search = Search::Over;
        self.attempts.forget();
        let answers = Event::MailserverAvailable {
            mailserver: mailserver.reference(),
        };
        self.stage = Stage::Reached { mailserver, since };
        let told = std::mem::replace(&mut self.told, Told::Available);
        if told == Told::Available {
            return;
        }
        self.counts.connections += 1;
        self.commands.push_back(Command::Publish(answers));
        if told == Told::Nothing {
            let pause = match returning {
                true => self.pause_after(from),
                false => Duration::ZERO,
            };
            self.fetch(pause);
        }
    }

    /// Many return at the same moment as we do, and ask the same mailservers.
    fn pause_after(&mut self, from: Return) -> Duration {
        let crowd = self.crowd();
        jitter::return_request(from, crowd, self.config.jitter, self.random.random())
    }

    fn crowd(&self) -> Crowd {
        self.config.crowd.crowd(self.candidates.values())
    }

    /// Has history fetched.
    fn fetch(&mut self, pause: Duration) {
        self.outage.made_up();
        self.commands.push_back(Command::Fetch(pause));
    }

    /// Something may have been missed while history could be fetched: a poor mesh is over.
    fn fetch_again(&mut self) {
        if self.told != Told::Nothing {
            let (longest, random) = (self.config.jitter, self.random.random());
            self.fetch(jitter::before_request(Cause::Lost, longest, random));
        }
    }

    /// It answers, and the node has no peer: one dial would bring it online.
    fn bring_online(&mut self, mailserver: Mailserver, now: Instant) {
        self.be_unavailable();
        if self.dial == Dial::Missing {
            return self.strand(
                "it must find one by itself, for it offers no dial".into(),
                now,
            );
        }
        let number = self.next_number();
        let dial = Command::Introduce(number, mailserver.clone());
        self.commands.push_back(dial);
        self.stage = Stage::Dialling { mailserver, number };
    }

    fn strand(&mut self, why: String, now: Instant) {
        self.search.found_nobody(now);
        self.stage = Stage::Stranded { why };
    }

    /// Nobody answered the round.
    fn find_nobody(&mut self, now: Instant) {
        if self.told != Told::Believed || !self.may_trust() {
            self.be_unavailable();
        }
        self.search.found_nobody(now);
        self.stage = Stage::Unanswered;
        self.trust_the_node();
    }

    /// Our probes are no evidence, and the node says that it is online.
    fn may_trust(&self) -> bool {
        let blind = self.evidence.is_blocked() || self.candidates.is_empty();
        blind && self.word.is_online() == Some(true) && self.outage.is_online()
    }

    /// Where only the node's word tells anything, history is asked for all the same, once.
    fn trust_the_node(&mut self) {
        let told_nothing = self.told == Told::Nothing;
        if matches!(self.stage, Stage::Unanswered) && told_nothing && self.may_trust() {
            self.told = Told::Believed;
            self.fetch(Duration::ZERO);
        }
    }

    /// The node, or we, can do nothing now.
    fn rest(&mut self) {
        self.be_unavailable();
        self.stage = Stage::Resting;
        self.search = Search::Over;
    }

    fn be_unavailable(&mut self) {
        if std::mem::replace(&mut self.told, Told::Nothing) != Told::Nothing {
            self.commands.push_back(Command::Unavailable);
        }
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}
