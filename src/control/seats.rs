//! Which connections may stay when more come than there is room for.
//!
//! Of a connection nothing is known until the head of its request is there. A client that wants an answer sends its
//! head at once, and needs its seat for no longer than a look at it; one that only wants to keep others out has to keep
//! its seat. So whoever has shown no request yet sits on a stool, and the one who has sat there longest makes room for
//! each newcomer. With its head a connection moves to a chair, which nobody takes from it; while all chairs are taken,
//! requests are served on the stools, for as long as these are not needed. Both are counted, so that the connections
//! are bounded, and neither silent ones nor slow ones keep a quick one out.

use std::collections::{BTreeMap, BTreeSet};

/// How many may sit where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Connections without a request, and requests for which no chair was free.
    pub(super) stools: usize,
    /// Connections whose request has come.
    pub(super) chairs: usize,
}

/// The connection that was opened as the n-th.
pub(super) type Number = u64;

/// Who sits where. `H` is what a connection is ended by.
#[derive(Debug)]
pub(super) struct Seats<H> {
    room: Room,
    opened: Number,
    /// Ordered by age.
    stools: BTreeMap<Number, H>,
    chairs: BTreeSet<Number>,
}

impl<H> Seats<H> {
    pub(super) fn new(room: Room) -> Self {
        Self {
            room,
            opened: 0,
            stools: BTreeMap::new(),
            chairs: BTreeSet::new(),
        }
    }

    /// The number of the connection that comes next.
    pub(super) fn number(&mut self) -> Number {
        self.opened += 1;
        self.opened
    }

    /// A newcomer sits down; returns who has to go for it.
    #[must_use]
    pub(super) fn enter(&mut self, number: Number, ended_by: H) -> Option<H> {
        self.stools.insert(number, ended_by);
        let over = self.stools.len() > self.room.stools;
        over.then(|| self.give_up_oldest()).flatten()
    }

    /// Takes its stool from the connection that has sat there longest.
    #[must_use]
    pub(super) fn give_up_oldest(&mut self) -> Option<H> {
        self.stools.pop_first().map(|(_, ended_by)| ended_by)
    }

    /// Its request has come.
    pub(super) fn settle(&mut self, number: Number) {
        if self.chairs.len() < self.room.chairs && self.stools.remove(&number).is_some() {
            self.chairs.insert(number);
        }
    }

    /// It is closed.
    pub(super) fn leave(&mut self, number: Number) {
        self.stools.remove(&number);
        self.chairs.remove(&number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(stools: usize, chairs: usize) -> Seats<&'static str> {
        Seats::new(Room { stools, chairs })
    }

    fn enter(seats: &mut Seats<&'static str>, name: &'static str) -> Option<&'static str> {
        let number = seats.number();
        seats.enter(number, name)
    }

    #[test]
    fn the_oldest_that_shows_no_request_goes_for_each_newcomer() {
        let mut seats = seats(2, 2);
        assert_eq!(enter(&mut seats, "first"), None);
        assert_eq!(enter(&mut seats, "second"), None);
        assert_eq!(enter(&mut seats, "third"), Some("first"));
        // It is told of late that it has gone, or that its request came with the end: no matter.
        seats.settle(1);
        seats.leave(1);
        assert_eq!(enter(&mut seats, "fourth"), Some("second"));
    }

    #[test]
    fn a_request_keeps_its_chair_whoever_comes() {
        let mut seats = seats(1, 1);
        assert_eq!(enter(&mut seats, "served"), None);
        seats.settle(1);
        assert_eq!(enter(&mut seats, "second"), None);
        assert_eq!(enter(&mut seats, "third"), Some("second"));
        assert_eq!(seats.give_up_oldest(), Some("third"));
        assert_eq!(seats.give_up_oldest(), None);
    }

    #[test]
    fn a_request_without_a_chair_is_served_until_its_stool_is_needed() {
        let mut seats = seats(1, 1);
        for name in ["served", "without a chair"] {
            assert_eq!(enter(&mut seats, name), None);
            seats.settle(seats.opened);
        }
        assert_eq!(enter(&mut seats, "third"), Some("without a chair"));
        seats.leave(1);
        seats.settle(3);
        assert_eq!(enter(&mut seats, "fourth"), None);
    }
}
