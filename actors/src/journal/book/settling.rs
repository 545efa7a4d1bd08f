//! How the journal begins, and what follows each thing that happens: windows grow and end, others are told, and
//! everything is kept.

use super::{ALIVE, AUDIT_PATIENCE, Book, Command, Config, MARKER_LAG};
use crate::{
    Instant,
    journal::{
        exposure::{Exposure, Word},
        ledger::Ledger,
        spoken::Steering,
    },
    messages::{
        events::Event,
        journal::{Counts, Entry, KeptJournal, Report},
    },
    model::{
        moment::{Moment, WallClock},
        window::State,
    },
};
use std::collections::VecDeque;

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
        if marks.alive.is_some() {
            // Until now the node may have asked by itself, and nobody looked.
            marks.reached = marks.reached.max(Some(wall));
        }
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
            word: Word::default(),
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
        audited.chain(alive).chain(self.steer_at(now)).min()
    }

    /// After a panic: what others were told is told again; no window is lost.
    pub fn reset(&mut self, now: Instant) {
        self.commands.clear();
        // The word that a request ended may be what was lost.
        self.marks.reached = self.marks.reached.max(Some(self.clock.at(now)));
        self.flight = None;
        self.steering.forget();
        self.look_again();
    }

    /// For people.
    #[must_use]
    pub fn report(&self, now: Instant) -> Report {
        let mut open: Vec<_> = self.ledger.live().cloned().collect();
        open.sort_by_key(|it| it.from);
        let first = open.first().map(|it| it.from);
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
            recent: self.ledger.recent().cloned().collect(),
            counts: self.counts,
        }
    }

    /// After each input: the windows follow what is known, and everybody is told what changed.
    pub(super) fn settle(&mut self, now: Instant) {
        let wall = self.clock.at(now);
        if self.picks && self.word.moves_markers() {
            self.marks.reached = self.marks.reached.max(Some(wall.before(MARKER_LAG)));
        }
        for (reason, since) in self.exposure.take_new() {
            self.ledger.grow(reason, since);
        }
        if !self.exposure.is_exposed() {
            self.ledger.end(wall);
        }
        self.steer(now);
        let open = self.ledger.live().any(|it| it.state.is_open());
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
        let mut entries = self.ledger.take_entries();
        if entries.is_empty() && !due {
            return;
        }
        self.kept_alive = Some(now);
        self.marks.alive = Some(self.clock.at(now));
        self.marks.last_window = self.ledger.last();
        entries.push(Entry::Marks(self.marks));
        self.commands.push_back(Command::Keep(entries));
    }
}
