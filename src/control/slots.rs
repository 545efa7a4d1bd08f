//! Which connections may stay when more come than there is room for.
//!
//! Of a connection nothing is known until the head of its request is there. A client that wants an answer sends its
//! head at once; one that only wants to keep others out has to keep its slot. So the connection that has waited longest
//! for a head makes room for each newcomer. With its head a connection takes one of the slots that nobody takes from it;
//! while none of these is free, requests are served where they waited, for as long as that slot is not needed. Both are
//! counted, so that the connections are bounded, and neither silent ones nor slow ones keep a quick one out.

use std::collections::{BTreeMap, BTreeSet};

/// How many slots of each kind there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Connections without a request, and requests for which no slot of the other kind was free.
    pub(super) waiting: usize,
    /// Connections whose request has come.
    pub(super) serving: usize,
}

/// The connection that was opened as the n-th.
pub(super) type Number = u64;

/// Who has which slot. `H` is what a connection is ended by.
#[derive(Debug)]
pub(super) struct Slots<H> {
    room: Room,
    opened: Number,
    /// Ordered by age.
    waiting: BTreeMap<Number, H>,
    serving: BTreeSet<Number>,
}

impl<H> Slots<H> {
    pub(super) fn new(room: Room) -> Self {
        Self {
            room,
            opened: 0,
            waiting: BTreeMap::new(),
            serving: BTreeSet::new(),
        }
    }

    /// The number of the connection that comes next.
    pub(super) fn number(&mut self) -> Number {
        self.opened += 1;
        self.opened
    }

    /// A newcomer waits; returns who has to go for it.
    #[must_use]
    pub(super) fn enter(&mut self, number: Number, ended_by: H) -> Option<H> {
        self.waiting.insert(number, ended_by);
        let over = self.waiting.len() > self.room.waiting;
        over.then(|| self.give_up_oldest()).flatten()
    }

    /// Takes its slot from the connection that has waited longest.
    #[must_use]
    pub(super) fn give_up_oldest(&mut self) -> Option<H> {
        self.waiting.pop_first().map(|(_, ended_by)| ended_by)
    }

    /// Its request has come.
    pub(super) fn settle(&mut self, number: Number) {
        if self.serving.len() < self.room.serving && self.waiting.remove(&number).is_some() {
            self.serving.insert(number);
        }
    }

    /// It is closed.
    pub(super) fn leave(&mut self, number: Number) {
        self.waiting.remove(&number);
        self.serving.remove(&number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(waiting: usize, serving: usize) -> Slots<&'static str> {
        Slots::new(Room { waiting, serving })
    }

    fn enter(slots: &mut Slots<&'static str>, name: &'static str) -> Option<&'static str> {
        let number = slots.number();
        slots.enter(number, name)
    }

    #[test]
    fn the_oldest_that_shows_no_request_goes_for_each_newcomer() {
        let mut slots = slots(2, 2);
        assert_eq!(enter(&mut slots, "first"), None);
        assert_eq!(enter(&mut slots, "second"), None);
        assert_eq!(enter(&mut slots, "third"), Some("first"));
        // It is told of late that it has gone, or that its request came with the end: no matter.
        slots.settle(1);
        slots.leave(1);
        assert_eq!(enter(&mut slots, "fourth"), Some("second"));
    }

    #[test]
    fn a_request_keeps_its_slot_whoever_comes() {
        let mut slots = slots(1, 1);
        assert_eq!(enter(&mut slots, "served"), None);
        slots.settle(1);
        assert_eq!(enter(&mut slots, "second"), None);
        assert_eq!(enter(&mut slots, "third"), Some("second"));
        assert_eq!(slots.give_up_oldest(), Some("third"));
        assert_eq!(slots.give_up_oldest(), None);
    }

    #[test]
    fn a_request_without_a_slot_of_its_own_is_served_until_that_is_needed() {
        let mut slots = slots(1, 1);
        for name in ["served", "without a slot"] {
            assert_eq!(enter(&mut slots, name), None);
            slots.settle(slots.opened);
        }
        assert_eq!(enter(&mut slots, "third"), Some("without a slot"));
        slots.leave(1);
        slots.settle(3);
        assert_eq!(enter(&mut slots, "fourth"), None);
    }
}
