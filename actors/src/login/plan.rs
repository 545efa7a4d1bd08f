//! What is done about a node that is logged out, without I/O: what is heard and the time in, commands out.
//!
//! ```text
//! logged out ─▶ Reading ─▶ Looking ─▶ LoggingIn ─▶ Done ─▶ (the node is ready) Idle
//!                  ▲          the password │
//!                  └──── Pausing ◀─────────┤ failed
//!                                          └─ wrong too often ─▶ GivenUp ─▶ another password: Reading
//! ```
//!
//! One call is under way at any time, whatever the node does meanwhile: a second login stops the healthy node that the
//! first one logged in (status-go 2024-10 and later).

use std::{collections::VecDeque, time::Duration};

use rand::{RngExt, rngs::StdRng};

use super::{choice::choose, outcome::Outcome};
use crate::{
    Instant,
    messages::login::{Account, LogIn, LoginError, Stamp, State, Status},
    model::backoff::Backoff,
};

/// Who is logged in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// This account; `None`: the only one there is.
    pub key_uid: Option<String>,
}

/// How often the same password may be refused, restarts of the node included: a node that restarts in a loop gives no
/// further tries.
pub const MOST_TRIES: u32 = 3;

/// After this long without a word of the node people are told. The login stays under way: none has an upper bound in
/// the node, and that it takes long does not mean that it failed.
pub const SLOW: Duration = Duration::from_secs(180);

/// How often the password file is looked at once it was refused too often.
const LOOK: Duration = Duration::from_secs(10);

/// Whoever was logged in shows in the state of the node within this time; else it is looked at again: the node may have
/// been restarted before that. Not at once, since a node may serve its settings only a moment after a login, and until
/// then looks logged out.
const SETTLED: Duration = Duration::from_secs(5);

/// The pauses after a failure that may pass.
const PAUSES: Backoff = Backoff {
    initial: Duration::from_secs(1),
    max: Duration::from_secs(120),
};

/// Texts of nodes may differ each time: not more of them are remembered as told.
const MOST_TOLD: usize = 32;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Ask for the accounts.
    ReadAccounts,
    /// Ask which password there is.
    LookAtPassword,
    /// Log this one in.
    LogIn(LogIn),
    /// Tell people.
    Tell(Outcome),
}

/// Where it stands. But for the first and the last three, a call is under way.
#[derive(Debug)]
enum Phase {
    /// The node is not logged out.
    Idle,
    /// The accounts are read.
    Reading,
    /// The password file is looked at, to log this account in.
    Looking(Account),
    /// The account is being logged in. People are told at `slow` that it takes long.
    LoggingIn {
        key_uid: String,
        begun: Instant,
        slow: Option<Instant>,
    },
    /// The password file is looked at, after it was refused too often.
    LookingAgain,
    /// Somebody is logged in: the state of the node is about to show it.
    Done { until: Instant },
    /// Something failed.
    Pausing { until: Instant },
    /// The password was refused too often.
    GivenUp { look: Instant },
}

/// The state.
#[derive(Debug)]
pub(super) struct Plan {
    config: Config,
    random: StdRng,
    /// Whether the node is logged out.
    wanted: bool,
    phase: Phase,
    /// How often the password of this stamp was refused.
    refused: u32,
    stamp: Option<Stamp>,
    /// We logged in whoever is logged in, for all that is known.
    own: bool,
    /// Since the node is there.
    failures: u32,
    /// In a row, the node went away while it logged in: it may be the login that ends it.
    deaths: u32,
    /// What people were told since anybody was logged in.
    told: Vec<Outcome>,
    last_outcome: Option<Outcome>,
    commands: VecDeque<Command>,
}

impl Plan {
    /// Nothing to be done yet.
    pub(super) fn new(config: Config, random: StdRng) -> Self {
        Self {
            config,
            random,
            wanted: false,
            phase: Phase::Idle,
            refused: 0,
            stamp: None,
            own: false,
            failures: 0,
            deaths: 0,
            told: Vec::new(),
            last_outcome: None,
            commands: VecDeque::new(),
        }
    }

    /// The actor was restarted: the answer to what was under way is lost. The adapter refuses a second login as long as
    /// the first one goes on.
    pub(super) fn reset(&mut self, now: Instant) {
        self.commands.clear();
        self.phase = match self.wanted {
            true => self.pause(now),
            false => Phase::Idle,
        };
    }
}

// === inputs ===

impl Plan {
    /// Nobody is logged in to the node.
    pub(super) fn handle_logged_out(&mut self, now: Instant) {
        self.wanted = true;
        if !matches!(self.phase, Phase::Idle | Phase::Done { .. }) {
            return;
        }
        self.failures = self.deaths;
        if self.refused >= MOST_TRIES {
            self.look_again();
        } else if self.deaths > 0 {
            self.phase = self.pause(now);
        } else {
            self.begin();
        }
    }

    /// The node is away, or ready.
    pub(super) fn handle_not_wanted(&mut self, ready: bool) {
        self.wanted = false;
        self.own = false;
        if ready {
            self.deaths = 0;
            self.told.clear();
        }
        if let Phase::Pausing { .. } | Phase::Done { .. } | Phase::GivenUp { .. } = self.phase {
            self.phase = Phase::Idle;
        }
    }

    /// The accounts were read.
    pub(super) fn handle_accounts(
        &mut self,
        answer: Result<Vec<Account>, LoginError>,
        now: Instant,
    ) {
        if !matches!(self.phase, Phase::Reading) {
            return;
        }
        match answer.and_then(|all| choose(&all, self.config.key_uid.as_deref())) {
            Ok(account) => {
                self.phase = Phase::Looking(account);
                self.commands.push_back(Command::LookAtPassword);
            }
            Err(error) => self.fail(error, now),
        }
    }

    /// The password file was looked at.
    pub(super) fn handle_stamp(&mut self, answer: Result<Stamp, LoginError>, now: Instant) {
        let changed = match &answer {
            Ok(stamp) => self.stamp.replace(*stamp).is_some_and(|it| it != *stamp),
            Err(_) => false,
        };
        if changed {
            self.refused = 0;
        }
        match (std::mem::replace(&mut self.phase, Phase::Idle), answer) {
            (Phase::Looking(account), Ok(_)) => self.log_in(account, now),
            (Phase::Looking(_), Err(error)) => self.fail(error, now),
            (Phase::LookingAgain, _) if changed && self.wanted => self.begin(),
            (Phase::LookingAgain, _) => self.give_up(now),
            (other, _) => self.phase = other,
        }
    }

    /// The login ended.
    pub(super) fn handle_login(&mut self, answer: Result<(), LoginError>, now: Instant) {
        let Phase::LoggingIn { key_uid, begun, .. } = &self.phase else {
            return;
        };
        let key_uid = key_uid.clone();
        let took = now.saturating_duration_since(*begun);
        match answer {
            Ok(()) => {
                self.succeed(now);
                self.told.clear();
                self.tell(Outcome::LoggedIn { key_uid, took });
            }
            Err(error @ LoginError::NotStarted(_)) => {
                self.succeed(now);
                self.tell(Outcome::Failed(error));
            }
            Err(error) => self.fail(error, now),
        }
    }

    /// A limit has passed.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Done { until } | Phase::Pausing { until } if now >= *until => self.begin(),
            Phase::GivenUp { look } if now >= *look => self.look_again(),
            Phase::LoggingIn { slow, .. } if slow.is_some_and(|at| now >= at) => {
                *slow = None;
                self.tell(Outcome::Slow(SLOW));
            }
            _ => {}
        }
    }
}

// === decisions ===

impl Plan {
    fn begin(&mut self) {
        self.phase = Phase::Reading;
        self.commands.push_back(Command::ReadAccounts);
    }

    fn look_again(&mut self) {
        self.phase = Phase::LookingAgain;
        self.commands.push_back(Command::LookAtPassword);
    }

    /// Unless the node said meanwhile that it is away, or that somebody is logged in.
    fn log_in(&mut self, account: Account, now: Instant) {
        if !self.wanted {
            return;
        }
        let Account {
            key_uid,
            kdf_iterations,
            ..
        } = account;
        self.own = false;
        self.phase = Phase::LoggingIn {
            key_uid: key_uid.clone(),
            begun: now,
            slow: Some(now + SLOW),
        };
        self.commands.push_back(Command::LogIn(LogIn {
            key_uid,
            kdf_iterations,
        }));
    }

    fn succeed(&mut self, now: Instant) {
        (self.refused, self.failures, self.deaths) = (0, 0, 0);
        self.own = true;
        self.phase = self.done(now);
    }

    fn fail(&mut self, error: LoginError, now: Instant) {
        let logging_in = matches!(self.phase, Phase::LoggingIn { .. });
        match &error {
            LoginError::WrongPassword | LoginError::Unheard if logging_in => self.refused += 1,
            LoginError::Unreachable(_) if logging_in => self.deaths += 1,
            _ => {}
        }
        self.failures += 1;
        self.phase = match (&error, self.wanted) {
            (_, false) => Phase::Idle,
            (LoginError::LoggedIn, _) => self.done(now),
            _ => self.pause(now),
        };
        if error != LoginError::LoggedIn || !self.own {
            self.tell(Outcome::Failed(error));
        }
        if self.refused >= MOST_TRIES {
            self.give_up(now);
        }
    }

    fn give_up(&mut self, now: Instant) {
        if !self.wanted {
            self.phase = Phase::Idle;
            return;
        }
        self.phase = Phase::GivenUp { look: now + LOOK };
        self.tell(Outcome::GivenUp(self.refused));
    }

    fn done(&self, now: Instant) -> Phase {
        let until = now + SETTLED;
        match self.wanted {
            true => Phase::Done { until },
            // The state of the node was faster.
            false => Phase::Idle,
        }
    }

    /// Each pause is shortened or lengthened by up to a fifth.
    fn pause(&mut self, now: Instant) -> Phase {
        let pause = PAUSES.pause(self.failures.max(1));
        Phase::Pausing {
            until: now + pause.mul_f64(self.random.random_range(0.8..1.2)),
        }
    }

    /// Each outcome is told once, until somebody is logged in.
    fn tell(&mut self, outcome: Outcome) {
        self.last_outcome = Some(outcome.clone());
        if self.told.contains(&outcome) {
            return;
        }
        if self.told.len() < MOST_TOLD {
            self.told.push(outcome.clone());
        }
        self.commands.push_back(Command::Tell(outcome));
    }
}

// === outputs ===

impl Plan {
    /// The next thing to be done.
    pub(super) fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Done { until } | Phase::Pausing { until } => Some(*until),
            Phase::GivenUp { look } => Some(*look),
            Phase::LoggingIn { slow, .. } => *slow,
            Phase::Idle | Phase::Reading | Phase::Looking(_) | Phase::LookingAgain => None,
        }
    }

    /// As the status page has it.
    pub(super) fn status(&self) -> Status {
        let state = match self.phase {
            Phase::Idle | Phase::Done { .. } => State::Idle,
            Phase::Reading | Phase::Looking(_) => State::Reading,
            Phase::LoggingIn { .. } => State::LoggingIn,
            Phase::Pausing { .. } => State::Pausing,
            Phase::LookingAgain | Phase::GivenUp { .. } => State::GivenUp,
        };
        Status {
            state,
            tries: self.refused,
            last_outcome: self.last_outcome.as_ref().map(Outcome::to_string),
        }
    }
}
