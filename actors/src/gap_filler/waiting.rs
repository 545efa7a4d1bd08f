//! The gaps that wait, by chat.

use std::{collections::VecDeque, time::Duration};

use crate::{
    Instant,
    model::{gap::Gap, moment::Period},
};

/// The most gaps that wait, of all chats together.
pub const MOST_WAITING: usize = 1024;

/// The most chats that wait.
pub const MOST_CHATS: usize = 256;

/// The most gaps of one call: the node fetches from the begin of the first to the end of the last of them.
pub const MOST_AT_ONCE: usize = 50;

/// Gaps of one chat that lie so far apart are filled by calls of their own: a node fetches what is between them too
/// (status-go, `FillGaps`, all generations). An hour of one chat costs less than a call.
pub const NEAR: Duration = Duration::from_secs(3600);

/// The longest period of one call, unless one of its gaps is longer: nodes make one query of it, in as many pages as it
/// takes.
pub const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A gap without its chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) message: String,
    /// What is missing was sent then, where that is known.
    pub(super) period: Option<Period>,
}

/// Gaps of one chat, and how it went with it.
#[derive(Clone, Debug)]
pub(super) struct Chat {
    pub(super) id: String,
    pub(super) gaps: VecDeque<Waiting>,
    /// Tries in a row that failed; those of a node that was away count for the pauses alone.
    pub(super) failures: u32,
    pub(super) tries: u32,
    /// Nothing is asked before.
    pub(super) next: Instant,
}

/// The chats that wait, the one that waits longest first.
#[derive(Debug, Default)]
pub(super) struct ChatQueue(VecDeque<Chat>);

impl ChatQueue {
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|it| it.gaps.len()).sum()
    }

    pub(super) fn contains(&self, message: &str) -> bool {
        let mut all = self.0.iter().flat_map(|it| &it.gaps);
        all.any(|it| it.message == message)
    }

    /// Takes one more; false if there is no room for it.
    pub(super) fn push(&mut self, gap: Gap, now: Instant) -> bool {
        if self.len() >= MOST_WAITING {
            return false;
        }
        let waiting = Waiting {
            message: gap.message,
            period: gap.period,
        };
        if let Some(chat) = self.0.iter_mut().find(|it| it.id == gap.chat) {
            chat.gaps.push_back(waiting);
            return true;
        }
        if self.0.len() >= MOST_CHATS {
            return false;
        }
        self.0.push_back(Chat {
            id: gap.chat,
            gaps: VecDeque::from([waiting]),
            failures: 0,
            tries: 0,
            next: now,
        });
        true
    }

    /// When the first of them may be asked for.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.iter().map(|it| it.next).min()
    }

    /// Of the first chat that may be asked for now the gap that waits longest, and as many of those near it as one call
    /// takes; the others stay.
    pub(super) fn take(&mut self, now: Instant) -> Option<Chat> {
        let index = self.0.iter().position(|it| it.next <= now)?;
        let mut taken = self.0.remove(index)?;
        let mut rest = std::mem::take(&mut taken.gaps);
        taken.gaps = take_near(&mut rest);
        if !rest.is_empty() {
            let chat = Chat {
                gaps: rest,
                ..taken.clone()
            };
            self.0.push_back(chat);
        }
        Some(taken)
    }

    /// Puts back what was taken, to be asked for as it says: behind the others, before the rest of its chat.
    pub(super) fn put_back(&mut self, mut taken: Chat) {
        let index = self.0.iter().position(|it| it.id == taken.id);
        if let Some(rest) = index.and_then(|it| self.0.remove(it)) {
            taken.gaps.extend(rest.gaps);
        }
        self.0.push_back(taken);
    }

    /// Its calls are answered: the rest of it waits for nothing.
    pub(super) fn succeed(&mut self, id: &str, now: Instant) {
        if let Some(rest) = self.0.iter_mut().find(|it| it.id == id) {
            (rest.failures, rest.tries, rest.next) = (0, 0, now);
        }
    }

    /// Forgets gaps, and the chats that have none left; how many gaps.
    pub(super) fn retain(&mut self, keep: impl Fn(&Waiting) -> bool) -> usize {
        let before = self.len();
        for chat in &mut self.0 {
            chat.gaps.retain(&keep);
        }
        self.0.retain(|chat| !chat.gaps.is_empty());
        before - self.len()
    }

    /// Another mailserver may have what this one did not: none of them waits any longer.
    pub(super) fn hurry(&mut self, now: Instant) {
        for chat in &mut self.0 {
            (chat.failures, chat.next) = (0, now);
        }
    }
}

/// Takes out the first gap, and those near it.
fn take_near(gaps: &mut VecDeque<Waiting>) -> VecDeque<Waiting> {
    let mut taken = VecDeque::from_iter(gaps.pop_front());
    let mut period = taken.front().and_then(|it| it.period);
    while taken.len() < MOST_AT_ONCE {
        let near = |it: &Waiting| joined(period, it.period);
        let Some((place, all)) = (0..).zip(&*gaps).find_map(|(at, it)| Some((at, near(it)?)))
        else {
            break;
        };
        period = all;
        taken.extend(gaps.remove(place));
    }
    taken
}

/// From the begin of both to the end of both, if one call is to fetch that. One of which nobody knows where it lies goes
/// with others of these alone.
fn joined(one: Option<Period>, other: Option<Period>) -> Option<Option<Period>> {
    let (Some(one), Some(other)) = (one, other) else {
        return (one == other).then_some(None);
    };
    let all = Period {
        from: one.from.min(other.from),
        until: one.until.max(other.until),
    };
    let apart = one.from.max(other.from).since(one.until.min(other.until));
    let longest = one.length().max(other.length()).max(LONGEST);
    (apart <= NEAR && all.length() <= longest).then_some(Some(all))
}
