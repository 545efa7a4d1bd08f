//! Which gaps are filled when, without I/O: what is heard and the time in, commands out.

use std::{collections::VecDeque, time::Duration};

use super::waiting::{Chat, ChatQueue, Waiting};
use crate::{
    Instant,
    messages::{events::Event, gaps::Status},
    model::{
        backoff::Backoff,
        gap::Gap,
        moment::{Moment, WallClock},
        node::{Blame, NodeError},
    },
};

/// The pauses after a failure, of each chat.
const PAUSES: Backoff = Backoff {
    initial: Duration::from_secs(2),
    max: Duration::from_secs(120),
};

/// How often gaps are tried before they are given up.
pub const MOST_TRIES: u32 = 5;

/// Mailservers keep nothing older (their default).
pub const RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);

/// The gaps that are remembered as filled.
pub const MOST_FILLED: usize = 1024;

/// A fill can bring the message that stands for its gap again: it is asked for once more, and no more.
const MOST_FILLS: u8 = 2;

/// A mailserver that was made available is about to be asked for history: that goes first, and a node announces a fill by
/// the signals of a history request (2024-10).
const HISTORY_FIRST: Duration = Duration::from_secs(2);

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(super) enum Command {
    /// Have the node fill these; the answer comes back with the number.
    Fill {
        number: u64,
        chat: String,
        messages: Vec<String>,
    },
    /// Tell everybody.
    Publish(Event),
}

/// Whether the node can be asked.
#[derive(Debug)]
enum Mailserver {
    /// There is none: it would crash the call.
    Gone,
    /// From then on.
    Available { from: Instant },
}

#[derive(Debug)]
struct Call {
    number: u64,
    chat: Chat,
}

/// The state.
#[derive(Debug)]
pub(super) struct Gaps {
    ready: bool,
    mailserver: Mailserver,
    /// A history request is under way.
    requesting: bool,
    clock: Option<WallClock>,
    waiting: ChatQueue,
    call: Option<Call>,
    /// How often each was filled, the last one at the end.
    filled_before: VecDeque<(String, u8)>,
    /// That there is no room was said.
    full: bool,
    last_number: u64,
    filled: u64,
    failed: u64,
    commands: VecDeque<Command>,
}

impl Gaps {
    /// Nothing waits.
    pub(super) fn new() -> Self {
        Self {
            ready: false,
            mailserver: Mailserver::Gone,
            requesting: false,
            clock: None,
            waiting: ChatQueue::default(),
            call: None,
            filled_before: VecDeque::new(),
            full: false,
            last_number: 0,
            filled: 0,
            failed: 0,
            commands: VecDeque::new(),
        }
    }

    /// The next thing to be done.
    pub(super) fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.mailserver {
            Mailserver::Available { from } if self.may_ask() => {
                self.waiting.next().map(|next| next.max(from))
            }
            _ => None,
        }
    }

    /// The actor was restarted: the answer to what was under way is lost, and it is asked again.
    pub(super) fn reset(&mut self) {
        self.commands.clear();
        if let Some(Call { chat, .. }) = self.call.take() {
            self.waiting.put_back(chat);
        }
    }

    /// The state, for the status page.
    pub(super) fn status(&self) -> Status {
        let under_way = self.call.as_ref().map_or(0, |it| it.chat.gaps.len());
        Status {
            waiting: self.waiting.len() + under_way,
            filled: self.filled,
            failed: self.failed,
        }
    }

    fn may_ask(&self) -> bool {
        self.ready && !self.requesting && self.call.is_none()
    }
}

// === inputs ===

impl Gaps {
    /// The node can be driven, or not.
    pub(super) fn handle_node(&mut self, ready: bool, now: Instant) {
        self.ready = ready;
        self.handle_timeout(now);
    }

    /// History can be asked for, after this pause.
    pub(super) fn handle_available(&mut self, pause: Duration, now: Instant) {
        let from = now + pause + HISTORY_FIRST;
        self.mailserver = Mailserver::Available { from };
        self.waiting.hurry(now);
        self.handle_timeout(now);
    }

    /// Nobody can be asked any more.
    pub(super) fn handle_gone(&mut self) {
        self.mailserver = Mailserver::Gone;
    }

    /// A history request is under way, or none any more.
    pub(super) fn handle_under_way(&mut self, under_way: bool, now: Instant) {
        self.requesting = under_way;
        if let (false, Mailserver::Available { from }) = (under_way, &mut self.mailserver) {
            *from = now;
        }
        self.handle_timeout(now);
    }

    /// The wall clock was read.
    pub(super) fn handle_clock(&mut self, wall: Moment, now: Instant) {
        self.clock = Some(WallClock::new(wall, now));
    }

    /// Gaps arrived.
    pub(super) fn handle_gaps(&mut self, gaps: Vec<Gap>, now: Instant) {
        for gap in gaps {
            if !self.is_known(&gap.message) && !self.waiting.push(gap, now) {
                self.refuse();
            }
        }
        self.handle_timeout(now);
    }

    /// The answer to [`Command::Fill`].
    pub(super) fn handle_answer(
        &mut self,
        number: u64,
        answer: &Result<(), NodeError>,
        now: Instant,
    ) {
        let Some(Call { chat, .. }) = self.call.take_if(|it| it.number == number) else {
            return;
        };
        match answer {
            Ok(()) => self.succeed(chat, now),
            Err(NodeError::UnknownMethod(_) | NodeError::NotPossible) => {
                tracing::info!("the node fills no gaps");
                let forgotten = chat.gaps.len() + self.waiting.retain(|_| false);
                self.failed += forgotten as u64;
            }
            Err(error) => self.fail(chat, error, now),
        }
        self.handle_timeout(now);
    }

    /// A limit that [`Self::poll_timeout`] named has passed.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|at| at > now) {
            return;
        }
        self.forget_old(now);
        let Some(chat) = self.waiting.take(now) else {
            return;
        };
        self.full = false;
        self.last_number += 1;
        let number = self.last_number;
        self.commands.push_back(Command::Fill {
            number,
            chat: chat.id.clone(),
            messages: chat.gaps.iter().map(|it| it.message.clone()).collect(),
        });
        self.call = Some(Call { number, chat });
    }
}

// === steps ===

impl Gaps {
    /// It waits already, or was filled often enough.
    fn is_known(&self, message: &str) -> bool {
        let call = self.call.iter().flat_map(|it| &it.chat.gaps);
        let mut filled = self.filled_before.iter();
        self.waiting.contains(message)
            || call.into_iter().any(|it| it.message == message)
            || filled.any(|(it, times)| it == message && *times >= MOST_FILLS)
    }

    fn refuse(&mut self) {
        self.failed += 1;
        if !std::mem::replace(&mut self.full, true) {
            let waiting = self.waiting.len();
            tracing::warn!(waiting, "too many gaps, those that follow are not filled");
        }
    }

    /// Mailservers do not have these any more.
    fn forget_old(&mut self, now: Instant) {
        let Some(clock) = self.clock else {
            return;
        };
        let kept_since = clock.at(now).before(RETENTION);
        let is_kept = |it: &Waiting| it.period.is_none_or(|it| it.until >= kept_since);
        let forgotten = self.waiting.retain(is_kept);
        if forgotten > 0 {
            tracing::debug!(gaps = forgotten, "gaps older than what mailservers keep");
        }
    }

    fn succeed(&mut self, chat: Chat, now: Instant) {
        let gaps = chat.gaps.len();
        self.filled += gaps as u64;
        for Waiting { message, .. } in chat.gaps {
            let before = self.filled_before.iter().position(|(it, _)| *it == message);
            let before = before.and_then(|it| self.filled_before.remove(it));
            let times = before.map_or(0, |(_, times)| times) + 1;
            self.filled_before.push_back((message, times));
        }
        let excess = self.filled_before.len().saturating_sub(MOST_FILLED);
        self.filled_before.drain(..excess);
        self.waiting.succeed(&chat.id, now);
        let event = Event::GapFilled {
            chat: chat.id,
            gaps,
        };
        self.commands.push_back(Command::Publish(event));
    }

    fn fail(&mut self, mut chat: Chat, error: &NodeError, now: Instant) {
        // A node that is away did not try.
        chat.tries += u32::from(error.blame() != Blame::Node);
        chat.failures += 1;
        if chat.tries < MOST_TRIES {
            chat.next = now + PAUSES.pause(chat.failures);
            return self.waiting.put_back(chat);
        }
        self.failed += chat.gaps.len() as u64;
        tracing::warn!(
            chat = chat.id,
            gaps = chat.gaps.len(),
            %error,
            "gaps given up"
        );
        self.waiting.succeed(&chat.id, now);
    }
}
