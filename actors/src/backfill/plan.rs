//! Which chat is extended when, without I/O: what is heard and the time in, commands out.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use super::budget::Budget;
use crate::{
    Instant,
    model::{
        backoff::Backoff,
        gap::Chat,
        moment::{Moment, WallClock},
        node::{Blame, NodeError},
    },
};

/// Chats are extended until their history begins so long ago.
pub const RETENTION: Duration = Duration::from_secs(30 * DAY.as_secs());

/// The chats are read so often.
pub const READ_EVERY: Duration = Duration::from_secs(600);

/// The most steps of one chat in a day: one a day of its history, and one more.
pub const MOST_STEPS_A_DAY: u32 = 31;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The pauses of a chat whose steps fail.
const PAUSES: Backoff = Backoff {
    initial: READ_EVERY,
    max: Duration::from_secs(6 * 3600),
};

/// What is to be done; the answer comes back with the number.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Ask for the chats.
    Read(u64),
    /// Extend this one.
    Extend(u64, String),
}

/// The call that is under way.
#[derive(Debug)]
enum Call {
    None,
    Reading { number: u64 },
    Extending { number: u64, chat: Begin },
}

/// A chat, and where its history begins.
#[derive(Debug)]
struct Begin {
    id: String,
    at: Moment,
}

/// How it went with a chat.
#[derive(Debug)]
struct Course {
    /// In the day that began then.
    steps: u32,
    day: Instant,
    failures: u32,
    /// It is left alone until then.
    next: Instant,
    /// Where its history began before the last step, if the node did not say where it begins since.
    before: Option<Moment>,
}

/// The state.
#[derive(Debug)]
pub(super) struct Plan {
    ready: bool,
    available: bool,
    /// A window is open: that is more urgent.
    open: bool,
    /// So is a history request that is under way, ours or the node's own.
    requesting: bool,
    clock: Option<WallClock>,
    read_at: Instant,
    /// Those to be extended, the newest message first.
    queue: VecDeque<Begin>,
    courses: BTreeMap<String, Course>,
    budget: Budget,
    call: Call,
    last_number: u64,
    commands: VecDeque<Command>,
}

impl Plan {
    /// The chats are read for the first time after a pause: a start brings more urgent things.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            ready: false,
            available: false,
            open: false,
            requesting: false,
            clock: None,
            read_at: now + READ_EVERY,
            queue: VecDeque::new(),
            courses: BTreeMap::new(),
            budget: Budget::default(),
            call: Call::None,
            last_number: 0,
            commands: VecDeque::new(),
        }
    }

    /// The next thing to be done.
    pub(super) fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        if !self.may_ask() {
            return None;
        }
        let free = self.budget.full_until().filter(|_| !self.queue.is_empty());
        Some(free.map_or(self.read_at, |free| free.min(self.read_at)))
    }

    /// The actor was restarted: the answer to what was under way is lost, and the chats are read again.
    pub(super) fn reset(&mut self) {
        self.commands.clear();
        self.queue.clear();
        self.call = Call::None;
    }

    /// One call at a time, and only when nothing is more urgent. Without a clock nobody knows what is old.
    fn may_ask(&self) -> bool {
        let nothing_else = self.ready && self.available && !self.open && !self.requesting;
        nothing_else && self.clock.is_some() && matches!(self.call, Call::None)
    }
}

// === inputs ===

impl Plan {
    /// The node can be driven, or not. Another account has other chats.
    pub(super) fn handle_node(&mut self, ready: bool, now: Instant) {
        if !ready {
            self.queue.clear();
        }
        self.ready = ready;
        self.handle_timeout(now);
    }

    /// A mailserver can be asked, or none.
    pub(super) fn handle_available(&mut self, available: bool, now: Instant) {
        self.available = available;
        self.handle_timeout(now);
    }

    /// A window is open, or none.
    pub(super) fn handle_open(&mut self, open: bool, now: Instant) {
        self.open = open;
        self.handle_timeout(now);
    }

    /// A history request is under way, or none any more.
    pub(super) fn handle_under_way(&mut self, under_way: bool, now: Instant) {
        self.requesting = under_way;
        self.handle_timeout(now);
    }

    /// The wall clock was read.
    pub(super) fn handle_clock(&mut self, wall: Moment, now: Instant) {
        self.clock = Some(WallClock::new(wall, now));
        self.handle_timeout(now);
    }

    /// The answer to [`Command::Read`].
    pub(super) fn handle_chats(
        &mut self,
        number: u64,
        answer: Result<Vec<Chat>, NodeError>,
        now: Instant,
    ) {
        if !matches!(self.call, Call::Reading { number: it } if it == number) {
            return;
        }
        self.call = Call::None;
        match answer {
            Ok(chats) => self.choose(chats, now),
            Err(error) => tracing::debug!(%error, "chats cannot be read"),
        }
        self.handle_timeout(now);
    }

    /// The answer to [`Command::Extend`].
    pub(super) fn handle_extended(
        &mut self,
        number: u64,
        answer: Result<Option<Moment>, NodeError>,
        now: Instant,
    ) {
        let is_it = matches!(&self.call, Call::Extending { number: it, .. } if *it == number);
        if !is_it {
            return;
        }
        if let Call::Extending { chat, .. } = std::mem::replace(&mut self.call, Call::None) {
            match answer {
                Ok(begins) => self.extended(chat, begins, now),
                Err(error) => self.failed(&chat, &error, now),
            }
        }
        self.handle_timeout(now);
    }

    /// A limit that [`Self::poll_timeout`] named has passed.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if !self.may_ask() {
            return;
        }
        self.budget.forget(now);
        if now >= self.read_at {
            self.read_at = now + READ_EVERY;
            let number = self.next_number();
            self.call = Call::Reading { number };
            return self.commands.push_back(Command::Read(number));
        }
        if self.budget.full_until().is_some() {
            return;
        }
        if let Some(chat) = self.queue.pop_front() {
            self.budget.take(now);
            let number = self.next_number();
            self.commands
                .push_back(Command::Extend(number, chat.id.clone()));
            self.call = Call::Extending { number, chat };
        }
    }
}

// === steps ===

impl Plan {
    /// Chats whose history begins too late, the newest message first. One without a marker has none to be moved.
    fn choose(&mut self, mut chats: Vec<Chat>, now: Instant) {
        let ids: BTreeSet<&str> = chats.iter().map(|it| it.id.as_str()).collect();
        self.courses.retain(|id, _| ids.contains(id.as_str()));
        chats.sort_by_key(|it| Reverse(it.last_message_ms));
        let begins = chats.into_iter().filter_map(|it| {
            Some(Begin {
                at: it.synced_from?,
                id: it.id,
            })
        });
        self.queue = begins.filter(|it| self.is_due(it, now)).collect();
    }

    fn is_due(&mut self, chat: &Begin, now: Instant) -> bool {
        if !self.begins_late(chat.at, now) {
            return false;
        }
        let Some(course) = self.courses.get_mut(&chat.id) else {
            return true;
        };
        if course.before.take().is_some_and(|it| chat.at >= it) {
            course.next = now + DAY;
        }
        course.next <= now && course.steps_at(now) < MOST_STEPS_A_DAY
    }

    fn begins_late(&self, at: Moment, now: Instant) -> bool {
        let clock = self.clock;
        clock.is_some_and(|clock| at > clock.at(now).before(RETENTION))
    }

    fn course(&mut self, id: &str, now: Instant) -> &mut Course {
        let fresh = || Course {
            steps: 0,
            day: now,
            failures: 0,
            next: now,
            before: None,
        };
        self.courses.entry(id.to_owned()).or_insert_with(fresh)
    }

    fn extended(&mut self, chat: Begin, begins: Option<Moment>, now: Instant) {
        let course = self.course(&chat.id, now);
        course.failures = 0;
        course.steps = course.steps_at(now) + 1;
        let steps = course.steps;
        match begins {
            // The next reading shows whether it moved.
            None => course.before = Some(chat.at),
            Some(at) if at >= chat.at => course.next = now + DAY,
            Some(at) if steps < MOST_STEPS_A_DAY && self.begins_late(at, now) => {
                self.queue.push_front(Begin { at, ..chat });
            }
            Some(_) => {}
        }
    }

    fn failed(&mut self, chat: &Begin, error: &NodeError, now: Instant) {
        tracing::debug!(chat = chat.id, %error, "chat not extended");
        if error.blame() == Blame::Node {
            // It says nothing about the chat, and the others will fare no better.
            self.queue.clear();
            return;
        }
        let course = self.course(&chat.id, now);
        course.failures += 1;
        course.next = now + PAUSES.pause(course.failures);
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

impl Course {
    /// The steps of this day.
    fn steps_at(&mut self, now: Instant) -> u32 {
        if now.saturating_duration_since(self.day) >= DAY {
            (self.steps, self.day) = (0, now);
        }
        self.steps
    }
}
