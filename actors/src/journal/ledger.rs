//! The windows: opened, grown, merged, split, closed; nothing is ever taken out before it is closed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::{
    messages::{
        events::Event,
        journal::{Entry, KeptJournal, MOST_RECENT},
    },
    model::{
        mailserver::Identity,
        moment::{Moment, Period},
        window::{Reason, State, Window, WindowId},
    },
};

/// The most windows that are not closed: beyond it the two that lie nearest to each other are made one.
pub(super) const MOST_OPEN: usize = 256;

/// The most closed windows that are kept; the oldest are forgotten first.
pub const MOST_CLOSED: usize = 4096;

/// All windows that are not closed, the newest of those that are, and what changed.
#[derive(Debug)]
pub(super) struct Ledger {
    overlap: Duration,
    /// Those that are not closed.
    live: BTreeMap<WindowId, Window>,
    /// The one that goes on: at most one.
    growing: Option<WindowId>,
    /// The newest that are closed, the oldest first.
    recent: VecDeque<Window>,
    /// The numbers of all that are closed and kept, in the order in which they were closed.
    closed: VecDeque<WindowId>,
    last: u64,
    changed: BTreeSet<WindowId>,
    entries: Vec<Entry>,
    events: Vec<Event>,
}

impl Ledger {
    /// Goes on from what was kept.
    pub(super) fn restore(overlap: Duration, kept: KeptJournal) -> Self {
        let KeptJournal { windows, marks } = kept;
        let numbers = windows.iter().map(|it| it.id.0);
        let last = numbers.max().unwrap_or_default().max(marks.last_window);
        let (closed, live): (Vec<_>, Vec<_>) =
            windows.into_iter().partition(|it| it.state.is_closed());
        let growing = live.iter().find(|it| it.until.is_none()).map(|it| it.id);
        let recent = closed.iter().skip(closed.len().saturating_sub(MOST_RECENT));
        Self {
            overlap,
            growing,
            recent: recent.cloned().collect(),
            closed: closed.iter().map(|it| it.id).collect(),
            live: live.into_iter().map(|it| (it.id, it)).collect(),
            last,
            changed: BTreeSet::new(),
            entries: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Those that are not closed, in the order of their numbers.
    pub(super) fn live(&self) -> impl DoubleEndedIterator<Item = &Window> {
        self.live.values()
    }

    /// The newest that are closed, the newest first.
    pub(super) fn recent(&self) -> impl Iterator<Item = &Window> {
        self.recent.iter().rev()
    }

    /// One that is not closed.
    pub(super) fn get(&self, id: WindowId) -> Option<&Window> {
        self.live.get(&id)
    }

    /// One that is not closed, to be changed.
    pub(super) fn change(&mut self, id: WindowId) -> Option<&mut Window> {
        let window = self.live.get_mut(&id)?;
        self.changed.insert(id);
        Some(window)
    }

    /// Messages may be missed from now on, and may have been since `from`.
    pub(super) fn grow(&mut self, reason: Reason, from: Moment) {
        self.bound();
        let id = match self.growing {
            Some(id) => id,
            None => self.joined(from).unwrap_or_else(|| self.open(reason, from)),
        };
        self.growing = Some(id);
        let Some(window) = self.live.get_mut(&id) else {
            return;
        };
        let same = window.from <= from && window.until.is_none();
        if same && window.reasons.contains(&reason) {
            return;
        }
        window.from = window.from.min(from);
        window.until = None;
        window.reasons.insert(reason);
        self.changed.insert(id);
    }

    /// The window that goes on has ended, if there is one.
    pub(super) fn end(&mut self, until: Moment) {
        let Some(id) = self.growing.take() else {
            return;
        };
        if let Some(window) = self.change(id) {
            window.until = Some(until.max(window.from));
        }
    }

    /// A period that is over; its window.
    pub(super) fn open_period(&mut self, period: Period, reason: Reason) -> WindowId {
        self.bound();
        let joined = self.joined(period.from);
        let id = joined.unwrap_or_else(|| self.open(reason, period.from));
        if let Some(window) = self.change(id) {
            window.from = window.from.min(period.from);
            // One that goes on includes it.
            if window.until.is_some() || joined.is_none() {
                window.until = window.until.max(Some(period.until));
            }
            window.reasons.insert(reason);
        }
        id
    }

    /// A window that nobody was asked for yet and that lies so near that both are asked for together.
    fn joined(&self, from: Moment) -> Option<WindowId> {
        let near = |it: &&Window| {
            let idle = it.state == State::OPEN && it.requests == 0;
            idle && it.until.is_none_or(|until| until + self.overlap >= from)
                && from + self.overlap >= it.from
        };
        self.live.values().rev().find(near).map(|it| it.id)
    }

    fn open(&mut self, reason: Reason, from: Moment) -> WindowId {
        let id = self.insert(Window {
            id: WindowId(0),
            from,
            until: None,
            reasons: BTreeSet::from([reason]),
            state: State::OPEN,
            attempts: Vec::new(),
            requests: 0,
            fetched_from: Vec::new(),
            audit: None,
            shortage: None,
        });
        self.events.push(Event::WindowOpened {
            window: id,
            from_ms: from,
            reason,
        });
        id
    }

    fn insert(&mut self, window: Window) -> WindowId {
        self.last += 1;
        let id = WindowId(self.last);
        self.live.insert(id, Window { id, ..window });
        self.changed.insert(id);
        id
    }

    /// Cuts a window in two at this moment, unless it has ended by then; the part before it. The part after it keeps
    /// the number.
    pub(super) fn split(&mut self, id: WindowId, at: Moment) -> Option<WindowId> {
        let window = self.live.get(&id)?;
        if window.until.is_some_and(|until| until <= at) {
            return Some(id);
        }
        let before = Window {
            until: Some(at),
            ..window.clone()
        };
        let after = self.change(id)?;
        after.from = at;
        Some(self.insert(before))
    }

    /// It was fetched from all from whom it had to be.
    pub(super) fn fetched(&mut self, id: WindowId, at: Moment) {
        if let Some(window) = self.change(id) {
            window.state = State::Fetched { at };
        }
    }

    /// It is covered.
    pub(super) fn covered(&mut self, id: WindowId, at: Moment) {
        let Some(window) = self.close(id, State::Covered { at }) else {
            return;
        };
        let last = window.attempts.iter().rev().find(|it| it.failure.is_none());
        let event = Event::WindowCovered {
            window: id,
            from_ms: window.from,
            until_ms: window.until.unwrap_or(at),
            mailserver: last.and_then(|it| it.mailserver.clone()),
            requests: window.requests,
        };
        self.events.push(event);
    }

    /// It cannot be covered.
    pub(super) fn give_up(&mut self, id: WindowId, at: Moment, why: &str) {
        let why = why.to_owned();
        let given_up = State::GivenUp {
            at,
            why: why.clone(),
        };
        let Some(window) = self.close(id, given_up) else {
            return;
        };
        let event = Event::WindowGivenUp {
            window: id,
            from_ms: window.from,
            until_ms: window.until.unwrap_or(at),
            reason: why,
        };
        self.events.push(event);
    }

    /// It is to be fetched again, from these. False if nothing is known of it any more.
    pub(super) fn reopen(&mut self, id: WindowId, wanted: Vec<Identity>) -> bool {
        if let Some(place) = self.recent.iter().position(|it| it.id == id) {
            self.closed.retain(|it| *it != id);
            let window = self.recent.remove(place);
            self.live.extend(window.map(|it| (id, it)));
        }
        let Some(window) = self.change(id) else {
            return false;
        };
        window.state = State::Open { wanted };
        true
    }

    fn close(&mut self, id: WindowId, state: State) -> Option<&Window> {
        let mut window = self.live.remove(&id)?;
        if self.growing == Some(id) {
            self.growing = None;
        }
        window.state = state;
        self.changed.remove(&id);
        self.entries.push(Entry::Window(window.clone()));
        self.closed.push_back(id);
        if self.closed.len() > MOST_CLOSED {
            let oldest = self.closed.pop_front();
            self.entries.extend(oldest.map(Entry::Forget));
        }
        if self.recent.len() >= MOST_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(window);
        self.recent.back()
    }

    /// Makes one of the two that lie nearest to each other, while there are too many.
    fn bound(&mut self) {
        while self.live.len() >= MOST_OPEN {
            let mut ended: Vec<_> = self
                .live
                .values()
                .filter_map(|it| Some((it.period()?, it.id)))
                .collect();
            ended.sort_unstable();
            let pairs = ended.windows(2);
            let nearest = pairs.min_by_key(|pair| pair[1].0.from.since(pair[0].0.until));
            let Some(&[(_, first), (_, second)]) = nearest else {
                return;
            };
            self.merge(first, second);
        }
    }

    fn merge(&mut self, first: WindowId, second: WindowId) {
        let Some(gone) = self.live.remove(&second) else {
            return;
        };
        self.changed.remove(&second);
        if let Some(window) = self.change(first) {
            window.from = window.from.min(gone.from);
            window.until = window.until.max(gone.until);
            window.reasons.extend(gone.reasons);
            // What one of them was fetched for says nothing of the time between them.
            window.state = State::OPEN;
            window.fetched_from.clear();
            if let Some(shortage) = &gone.shortage {
                window.shortage.get_or_insert_default().join(shortage);
            }
        }
        self.entries.push(Entry::Forget(second));
    }

    /// The number of the last window.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// What is to be kept.
    pub(super) fn take_entries(&mut self) -> Vec<Entry> {
        let changed = std::mem::take(&mut self.changed);
        let windows = changed.iter().filter_map(|id| self.live.get(id)).cloned();
        let mut entries: Vec<_> = windows.map(Entry::Window).collect();
        entries.append(&mut self.entries);
        entries
    }

    /// What happened to windows since this was asked last.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }
}
