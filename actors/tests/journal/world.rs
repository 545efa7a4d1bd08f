//! A node whose messages are counted by the second, a requester that asks as it is told, and a journal between them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use actors::{
    Instant,
    journal::{
        Config,
        book::{Book, Command},
    },
    messages::{
        history::Source,
        journal::{Completed, RequestBegan, RequestEnded, Unanswered},
        online::Clocks,
    },
    model::{
        moment::Moment,
        node::{Connectedness, Mode, NodeState},
        verdict::Verdict,
        window::{State, Window, WindowId},
    },
    testing,
};

use crate::{
    keeper::Keeper,
    steps::{Step, Trouble},
};

const SECOND: Duration = Duration::from_secs(1);
const BEGIN: u64 = 1_800_000_000;

struct Asked {
    number: u64,
    began: u64,
    since: Option<Moment>,
}

pub(crate) struct World {
    pub(crate) book: Book,
    pub(crate) keeper: Keeper,
    pub(crate) now: Instant,
    /// Seconds since 1970.
    second: u64,
    trouble: BTreeSet<Trouble>,
    /// The seconds of which the node misses what was sent.
    missed: BTreeSet<u64>,
    /// The node's marker: it goes on from there.
    marker: u64,
    owed: Option<Option<Moment>>,
    asked: Option<Asked>,
    numbers: u64,
    pub(crate) requests: u64,
    available: bool,
    given_up: BTreeMap<WindowId, Window>,
}

fn config() -> Config {
    Config {
        audited: false,
        ..Config::default()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        let mut world = Self {
            book: Book::restore(config(), Default::default(), moment(BEGIN), now),
            keeper: Keeper::default(),
            now,
            second: BEGIN,
            trouble: BTreeSet::from([Trouble::NoMailserver]),
            missed: BTreeSet::new(),
            marker: BEGIN,
            owed: None,
            asked: None,
            numbers: 0,
            requests: 0,
            available: false,
            given_up: BTreeMap::new(),
        };
        world.listen();
        world.keeper.write();
        world
    }

    pub(crate) fn happen(&mut self, step: Step) {
        match step {
            Step::Pass(seconds) => self.pass(u64::from(seconds)),
            Step::Begin(trouble) => self.begin(trouble),
            Step::End(trouble) => self.end(trouble),
            Step::Available(index) => self.available(index),
            Step::Ask => self.ask(),
            Step::Complete { rewinds } => self.complete(rewinds),
            Step::Fail => self.fail(),
            Step::NodeAsks => self.node_asks(),
            Step::Sleep(seconds) => self.sleep(u64::from(seconds)),
            Step::Crash { lost, away } => self.crash(usize::from(lost), u64::from(away)),
            Step::Panic => self.book.reset(self.now),
            Step::Write => self.keeper.write(),
        }
        self.listen();
        self.check();
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            if !self.trouble.is_empty() {
                self.missed.insert(self.second);
            }
            self.second += 1;
            self.now += SECOND;
            if self.second.is_multiple_of(2) {
                self.tell_clocks();
            }
            if self
                .book
                .poll_timeout(self.now)
                .is_some_and(|at| at <= self.now)
            {
                self.book.handle_timeout(self.now);
            }
            self.listen();
        }
    }

    fn tell_clocks(&mut self) {
        let clocks = Clocks {
            boot: Duration::from_secs(self.second - BEGIN + 1),
            wall: SystemTime::from(moment(self.second)),
        };
        self.book.handle_clocks(clocks, self.now);
    }

    fn begin(&mut self, trouble: Trouble) {
        let now = self.now;
        match trouble {
            Trouble::Away => {
                // What its process said before is no more: the next one will say it anew.
                self.trouble.remove(&Trouble::Poor);
                self.book.handle_node(&NodeState::LoggedOut, now);
            }
            Trouble::Offline => {
                self.book.handle_verdict(Verdict::Suspect, now);
                self.book.handle_verdict(Verdict::Offline, now);
            }
            Trouble::Alone => self.book.handle_alone(true, now),
            Trouble::Poor => {
                let poor = Connectedness::PartiallyConnected;
                self.book.handle_connectedness(poor, now);
            }
            Trouble::NoMailserver => {
                self.available = false;
                self.lose("the mailserver was lost");
                self.book.handle_gone(now);
            }
            Trouble::SidecarAway | Trouble::Asleep => return,
        }
        self.trouble.insert(trouble);
    }

    fn end(&mut self, trouble: Trouble) {
        let now = self.now;
        match trouble {
            Trouble::Away => {
                let profile = testing::profile(Mode::Waku2);
                self.book.handle_node(&NodeState::Ready { profile }, now);
            }
            Trouble::Offline => self.book.handle_verdict(Verdict::Online, now),
            Trouble::Alone => self.book.handle_alone(false, now),
            Trouble::Poor => {
                let good = Connectedness::Connected;
                self.book.handle_connectedness(good, now);
            }
            // A mailserver ends these.
            Trouble::NoMailserver | Trouble::SidecarAway | Trouble::Asleep => return,
        }
        self.trouble.remove(&trouble);
    }

    fn available(&mut self, index: u8) {
        self.lose("another mailserver is used");
        let source = Source::Active {
            mailserver: testing::mailserver(usize::from(index)),
            node_asks_itself: false,
        };
        self.trouble.retain(|it| *it == Trouble::Poor);
        self.available = true;
        self.book.handle_available(source, Duration::ZERO, self.now);
    }

    fn ask(&mut self) {
        if !self.available || self.asked.is_some() {
            return;
        }
        let Some(since) = self.owed else {
            return;
        };
        self.numbers += 1;
        self.requests += 1;
        let number = self.numbers;
        self.book.handle_began(
            &RequestBegan {
                number,
                at: self.now,
                mailserver: Some(testing::mailserver(0)),
                since,
            },
            self.now,
        );
        self.asked = Some(Asked {
            number,
            began: self.second,
            since,
        });
    }

    fn complete(&mut self, rewinds: bool) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        let since = asked.since.filter(|_| rewinds);
        let since = since.map_or(u64::MAX, |it| it.as_seconds());
        self.fetch(self.marker.min(since), asked.began);
        self.marker = self.second;
        self.owed = None;
        let ended = RequestEnded {
            number: asked.number,
            outcome: Ok(Completed {
                rewound: rewinds || asked.since.is_none(),
            }),
        };
        self.book.handle_ended(&ended, self.now);
    }

    fn fail(&mut self) {
        self.lose("503");
    }

    fn lose(&mut self, reason: &str) {
        if let Some(asked) = self.asked.take() {
            let retry_in = SECOND;
            let reason = reason.to_owned();
            let ended = RequestEnded {
                number: asked.number,
                outcome: Err(Unanswered { reason, retry_in }),
            };
            self.book.handle_ended(&ended, self.now);
        }
    }

    fn node_asks(&mut self) {
        if self.available && self.asked.is_none() {
            // It may be about one chat only: nothing is known to be fetched.
            self.marker = self.second;
            self.book.handle_marker(self.now);
        }
    }

    fn fetch(&mut self, after: u64, until: u64) {
        self.missed.retain(|it| !(after..until).contains(it));
    }

    /// Only the wall clock goes on.
    fn sleep(&mut self, seconds: u64) {
        let seconds = seconds.max(10);
        self.trouble.insert(Trouble::Asleep);
        for _ in 0..seconds {
            self.missed.insert(self.second);
            self.second += 1;
        }
        self.lose("asleep");
        self.now += Duration::from_millis(10);
        self.tell_clocks();
        self.book.handle_verdict(Verdict::Asleep, self.now);
        self.available = false;
        self.book.handle_gone(self.now);
        self.trouble.insert(Trouble::NoMailserver);
    }

    fn crash(&mut self, lost: usize, away: u64) {
        self.keeper.crash(lost);
        self.asked = None;
        self.owed = None;
        self.available = false;
        self.trouble.insert(Trouble::SidecarAway);
        for _ in 0..away {
            self.missed.insert(self.second);
            self.second += 1;
            self.now += SECOND;
        }
        self.trouble.insert(Trouble::NoMailserver);
        // What was told of the node is told again, or is over once a mailserver is connected.
        self.trouble.remove(&Trouble::Poor);
        // The node may have asked meanwhile.
        self.marker = self.second;
        let kept = self.keeper.kept();
        self.book = Book::restore(config(), kept, moment(self.second), self.now);
    }

    pub(crate) fn listen(&mut self) {
        while let Some(command) = self.book.poll_command() {
            match command {
                Command::Available(_, _, since) => self.owed = Some(since),
                Command::Owe(owe) => {
                    let since = owe.since.into_iter().chain(self.owed.flatten()).min();
                    self.owed = Some(since);
                }
                Command::Keep(entries) => self.keeper.send(entries),
                Command::Prefer(prefer) => panic!("nobody is wanted: {prefer:?}"),
                Command::Gone | Command::Audit(_) | Command::Open(_) | Command::Publish(_) => {}
            }
        }
    }

    /// Whatever is missed lies in a window that is open, or that was given up with a word.
    pub(crate) fn check(&mut self) {
        let report = self.book.report(self.now);
        for window in report.recent.iter().chain(self.keeper.windows()) {
            if matches!(window.state, State::GivenUp { .. }) {
                self.given_up.insert(window.id, window.clone());
            }
        }
        let told = || report.open.iter().chain(self.given_up.values());
        for second in &self.missed {
            let at = moment(*second);
            let is_told =
                told().any(|it| it.from <= at && it.until.is_none_or(|until| at <= until));
            assert!(
                is_told,
                "{at} is missed, and the journal does not say so: {report:#?}"
            );
        }
        let growing = report.open.iter().filter(|it| it.until.is_none()).count();
        assert!(growing <= 1, "two windows go on");
        assert!(report.open.len() <= 257, "bounded");
    }

    /// Everything becomes well, and whoever is asked answers.
    pub(crate) fn calm(&mut self) {
        for trouble in [
            Trouble::Away,
            Trouble::Offline,
            Trouble::Alone,
            Trouble::Poor,
        ] {
            self.happen(Step::End(trouble));
        }
        self.happen(Step::Available(1));
        for _ in 0..60 {
            self.happen(Step::Pass(5));
            self.happen(Step::Ask);
            self.happen(Step::Pass(1));
            self.happen(Step::Complete { rewinds: true });
        }
    }

    pub(crate) fn missing(&self) -> usize {
        let told = |second: &&u64| {
            let at = moment(**second);
            let mut given_up = self.given_up.values();
            given_up.any(|it| it.from <= at && it.until.is_none_or(|until| at <= until))
        };
        self.missed.iter().filter(|it| !told(it)).count()
    }

    pub(crate) fn open(&self) -> Vec<Window> {
        self.book.report(self.now).open
    }
}

pub(crate) fn moment(second: u64) -> Moment {
    Moment::from_seconds(second)
}
