//! A book, its clock, and how to talk to it briefly. Times are seconds since the book was opened.

use std::time::{Duration, SystemTime};

use actors::{
    Instant,
    journal::{
        Config,
        book::{Book, Command},
    },
    messages::{
        events::Event,
        history::Source,
        journal::{
            Audited, Completed, Entry, Finding, KeptJournal, RequestBegan, RequestEnded, Unanswered,
        },
        online::Clocks,
    },
    model::{
        mailserver::Identity,
        moment::{Moment, Period},
        node::{Generation, Mode, NodeState, Profile},
        window::{Reason, State, Window, WindowId},
    },
    testing::{self, mailserver},
};

use crate::keeper::Keeper;

pub(crate) const NOTHING: [&str; 0] = [];

/// When the book was opened.
pub(crate) const BEGIN: Moment = Moment::from_millis(1_800_000_000_000);

pub(crate) struct Rig {
    pub(crate) book: Book,
    pub(crate) keeper: Keeper,
    pub(crate) now: Instant,
    start: Instant,
    /// How much the wall clock is ahead of the process's.
    ahead: Duration,
    number: u64,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn without_audits() -> Self {
        Self::with(Config {
            audited: false,
            ..Config::default()
        })
    }

    fn with(config: Config) -> Self {
        let now = Instant::now();
        let mut rig = Self {
            book: Book::restore(config, KeptJournal::default(), BEGIN, now),
            keeper: Keeper::default(),
            now,
            start: now,
            ahead: Duration::ZERO,
            number: 0,
        };
        rig.node(Generation::Classic);
        rig.wants();
        rig
    }

    /// Mailserver 0 is in use, all is covered, ten minutes have passed.
    pub(crate) fn at_rest(mut self) -> Self {
        self.available(0);
        self.request(0, None);
        self.pass(1);
        self.complete();
        let fetched: Vec<_> = self.open().iter().map(|it| it.id).collect();
        for id in fetched {
            self.audited(id.0, Finding::Complete);
        }
        self.pass(600);
        self.wants();
        assert_eq!(self.open(), []);
        self
    }

    pub(crate) fn node(&mut self, generation: Generation) {
        let profile = Profile {
            generation,
            ..testing::profile(Mode::Waku2)
        };
        let ready = NodeState::Ready { profile };
        self.book.handle_node(&ready, self.now);
    }

    pub(crate) fn available(&mut self, index: usize) {
        let source = Source::Active {
            mailserver: mailserver(index),
            node_asks_itself: false,
        };
        self.book.handle_available(source, Duration::ZERO, self.now);
    }

    pub(crate) fn gone(&mut self) {
        self.book.handle_gone(self.now);
    }

    /// A request of this mailserver begins, going back so far.
    pub(crate) fn request(&mut self, index: usize, since: Option<u64>) {
        self.number += 1;
        let began = RequestBegan {
            number: self.number,
            at: self.now,
            mailserver: Some(mailserver(index)),
            since: since.map(at),
        };
        self.book.handle_began(&began, self.now);
    }

    /// Window 2 of most tests is fetched once more, from this one.
    pub(crate) fn refetch(&mut self, index: usize) {
        self.available(index);
        self.request(index, Some(541));
        self.complete();
    }

    pub(crate) fn complete(&mut self) {
        self.end(Ok(Completed { rewound: true }));
    }

    pub(crate) fn complete_without_going_back(&mut self) {
        self.end(Ok(Completed { rewound: false }));
    }

    pub(crate) fn fail(&mut self, reason: &str) {
        self.end(Err(Unanswered {
            reason: reason.into(),
            retry_in: Duration::from_secs(4),
        }));
    }

    fn end(&mut self, outcome: Result<Completed, Unanswered>) {
        let number = self.number;
        let ended = RequestEnded { number, outcome };
        self.book.handle_ended(&ended, self.now);
    }

    pub(crate) fn audited(&mut self, window: u64, finding: Finding) {
        let audited = Audited {
            id: WindowId(window),
            by: vec!["another".into()],
            held: 10,
            finding,
        };
        self.book.handle_audited(&audited, self.now);
    }

    /// Others hold so many more than mailserver 0: they are wanted from these.
    pub(crate) fn short(&mut self, window: u64, missing: u64, wanted: &[usize]) {
        let finding = Finding::Short {
            missing,
            short: vec![mailserver(0).id],
            wanted: wanted.iter().map(|it| identity(*it)).collect(),
        };
        self.audited(window, finding);
    }

    pub(crate) fn open_window(&mut self, from: u64, until: u64, reason: Reason) {
        let period = Period {
            from: at(from),
            until: at(until),
        };
        self.book.handle_open(period, reason, self.now);
    }

    /// The machine sleeps: only the wall clock goes on.
    pub(crate) fn sleep(&mut self, seconds: u64) {
        self.ahead += Duration::from_secs(seconds);
        self.tell_clocks();
    }

    fn tell_clocks(&mut self) {
        let boot = self.now - self.start + self.ahead;
        let wall = SystemTime::from(BEGIN + boot);
        self.book.handle_clocks(Clocks { boot, wall }, self.now);
    }

    /// Time goes by; the clocks are read every two seconds, and limits are called when they pass.
    pub(crate) fn pass(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        let mut clocks = self.now;
        while self.now < end {
            let limit = self.book.poll_timeout(self.now);
            let next = limit
                .unwrap_or(end)
                .max(self.now + Duration::from_millis(1));
            self.now = next.min(clocks + Duration::from_secs(2)).min(end);
            if limit.is_some_and(|it| it <= self.now) {
                self.book.handle_timeout(self.now);
            }
            if self.now >= clocks + Duration::from_secs(2) {
                clocks = self.now;
                self.tell_clocks();
            }
        }
    }

    pub(crate) fn second(&self) -> u64 {
        (self.now - self.start + self.ahead).as_secs()
    }

    pub(crate) fn open(&self) -> Vec<Window> {
        self.book.report(self.now).open
    }

    /// Those that are not closed, in words.
    pub(crate) fn windows(&self) -> Vec<String> {
        self.open().iter().map(in_words).collect()
    }

    /// What was missing in the one that was closed last: how many, where, and who gave them.
    pub(crate) fn shortage(&self) -> Option<(u64, Vec<String>, Vec<String>)> {
        let report = self.book.report(self.now);
        let shortage = report.recent.first()?.shortage.clone()?;
        Some((shortage.missing, shortage.at, shortage.fetched_from))
    }

    /// Those that are closed, the newest first, in words.
    pub(crate) fn closed(&self) -> Vec<String> {
        let report = self.book.report(self.now);
        report.recent.iter().map(in_words).collect()
    }

    /// What it wants done, in words; what is to be kept is kept.
    pub(crate) fn wants(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        while let Some(command) = self.book.poll_command() {
            let word = match command {
                Command::Available(_, _, since) => format!("available{}", back_to(since)),
                Command::Gone => "gone".into(),
                Command::Owe(owe) => format!("owe{}", back_to(owe.since)),
                Command::Prefer(prefer) => {
                    let short = prefer.short.map(|it| format!(", {} is short", index(&it)));
                    format!(
                        "prefer {}{}",
                        index(&prefer.identity),
                        short.unwrap_or_default()
                    )
                }
                Command::Audit(covered) => format!("audit {}", covered.id.0),
                Command::Open(_) => continue,
                Command::Keep(entries) => {
                    self.keep(entries);
                    continue;
                }
                Command::Publish(event) => word(&event),
            };
            words.push(word);
        }
        words
    }

    fn keep(&mut self, entries: Vec<Entry>) {
        self.keeper.send(entries);
        self.keeper.write();
    }
}

fn back_to(since: Option<Moment>) -> String {
    let seconds = |it: Moment| it.as_millis() as i64 / 1000 - BEGIN.as_millis() as i64 / 1000;
    since.map_or(String::new(), |it| format!(" back to {}", seconds(it)))
}

fn word(event: &Event) -> String {
    let Event::AuditShort { missing, .. } = event else {
        let window = match event {
            Event::WindowOpened { window, .. }
            | Event::WindowCovered { window, .. }
            | Event::WindowGivenUp { window, .. } => window.0,
            other => panic!("not its business: {other:?}"),
        };
        let what = event.name().trim_start_matches("window:");
        return format!("{what} {window}");
    };
    format!("{missing} missing")
}

fn in_words(window: &Window) -> String {
    let second = |it: Moment| it.as_millis() as i64 / 1000 - BEGIN.as_millis() as i64 / 1000;
    let until = window.until.map_or("…".into(), |it| second(it).to_string());
    let reasons: Vec<_> = window.reasons.iter().map(ToString::to_string).collect();
    let state = match &window.state {
        State::Open { wanted } if wanted.is_empty() => "open".into(),
        State::Open { wanted } => {
            let wanted: Vec<_> = wanted.iter().map(|it| index(it).to_string()).collect();
            format!("wanted from {}", wanted.join(" "))
        }
        State::Fetched { .. } => "fetched".into(),
        State::Covered { .. } => "covered".into(),
        State::GivenUp { .. } => "given up".into(),
    };
    let (id, from) = (window.id.0, second(window.from));
    format!("{id}: {from}–{until} {}: {state}", reasons.join(", "))
}

/// So many seconds after the book was opened.
pub(crate) fn at(second: u64) -> Moment {
    BEGIN + Duration::from_secs(second)
}

pub(crate) fn identity(index: usize) -> Identity {
    mailserver(index).identity
}

fn index(identity: &Identity) -> usize {
    let mut all = 0..24;
    all.find(|it| mailserver(*it).identity == *identity)
        .expect("a test mailserver")
}
