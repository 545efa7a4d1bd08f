//! What happens to the journal.

use std::time::Duration;

use super::{AUDIT_PATIENCE, Book, Command, MARKER_LAG, MOST_REPEATS, TRICKLE};
use crate::{
    Instant,
    journal::{exposure::Word, requests::Flight},
    messages::{
        events::Event,
        history::Source,
        journal::{Audited, Finding, RequestBegan, RequestEnded, Unanswered},
        online::{CLOCK_INTERVAL, Clocks},
    },
    model::{
        mailserver::Identity,
        moment::{Moment, Period},
        node::{Connectedness, Generation, NodeState},
        verdict::Verdict,
        window::{Audit, Reason, Shortage, State, WindowId},
    },
};

/// A reading of the clocks that comes so much later than it should tells that we may have slept.
const LATE: Duration = Duration::from_secs(3 * CLOCK_INTERVAL.as_secs());

impl Book {
    /// A limit that [`Self::poll_timeout`] named has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let wall = self.clock.at(now);
        let late = self.ledger.live().filter(|window| match window.state {
            State::Fetched { at } => wall >= at + AUDIT_PATIENCE,
            _ => false,
        });
        let late: Vec<_> = late.map(|it| it.id).collect();
        for id in late {
            self.ledger.covered(id, wall);
        }
        self.settle(now);
    }

    /// The clocks were read.
    pub fn handle_clocks(&mut self, clocks: Clocks, now: Instant) {
        let wall = Moment::from(clocks.wall);
        let last = self.clock.reading();
        if wall.since(last) > LATE || self.clock.age(now) > LATE {
            self.slept_from = last;
        }
        self.clock.set(wall, now);
        self.settle(now);
    }

    /// The node can be driven, or not any more.
    pub fn handle_node(&mut self, state: &NodeState, now: Instant) {
        self.exposure.handle_node(state, self.clock.at(now));
        if let NodeState::Ready { profile } = state {
            self.word = Word::default();
            // Another process, which may be another version.
            self.can_rewind = true;
            self.picks = profile.generation == Generation::PerQuery;
            // It may have asked by itself before we noticed that it is back.
            let wall = self.clock.at(now);
            self.marks.reached = self.marks.reached.map(|it| it.max(wall));
        }
        self.settle(now);
    }

    /// Whether we are online.
    pub fn handle_verdict(&mut self, verdict: Verdict, now: Instant) {
        let wall = self.clock.at(now);
        self.exposure.handle_verdict(verdict, self.slept_from, wall);
        self.settle(now);
    }

    /// Whether the node lists no peer at all.
    pub fn handle_alone(&mut self, alone: bool, now: Instant) {
        self.exposure.handle_alone(alone, self.clock.at(now));
        self.settle(now);
    }

    /// How well the node is connected, in its own words.
    pub fn handle_connectedness(&mut self, said: Connectedness, now: Instant) {
        self.word.say(said);
        self.exposure.handle_connectedness(said, self.clock.at(now));
        self.settle(now);
    }

    /// History can be asked for.
    pub fn handle_available(&mut self, source: Source, pause: Duration, now: Instant) {
        let wall = self.clock.at(now);
        self.steering.source = Some(source.clone());
        let has_reason = self.ledger.live().any(|it| self.may_ask_for(it));
        if !self.exposure.is_exposed() && !has_reason {
            // It was changed in a moment, for another reason than ours.
            self.ledger.grow(Reason::MailserverChanged, wall);
        }
        self.exposure.handle_available();
        if !self.exposure.is_exposed() {
            self.ledger.end(wall);
        }
        self.steering.retry = None;
        let since = self.reach_back();
        self.steering.owed = Some(since);
        let available = Command::Available(source, pause, since);
        self.commands.push_back(available);
        self.settle(now);
    }

    /// It cannot any more.
    pub fn handle_gone(&mut self, now: Instant) {
        self.steering.source = None;
        self.steering.retry = None;
        self.exposure.handle_gone(self.clock.at(now));
        self.commands.push_back(Command::Gone);
        self.settle(now);
    }

    /// A request began.
    pub fn handle_began(&mut self, began: &RequestBegan, now: Instant) {
        let at = self.clock.at(began.at);
        self.flight = Some(Flight::new(began, at, self.marks.reached));
        self.steering.began = Some(now);
        self.steering.retry = None;
        self.settle(now);
    }

    /// It ended.
    pub fn handle_ended(&mut self, ended: &RequestEnded, now: Instant) {
        let Some(flight) = self.flight.take_if(|it| it.number == ended.number) else {
            // Of a request of which nobody knows any more how it began: it moved the node's markers all the same.
            return self.handle_marker(now);
        };
        match &ended.outcome {
            Ok(completed) => {
                self.steering.owed = None;
                self.complete(&flight, *completed, self.clock.at(now));
                self.landed = Some((flight, now));
            }
            Err(unanswered) => self.fail(&flight, unanswered, now),
        }
        self.settle(now);
    }

    fn fail(&mut self, flight: &Flight, unanswered: &Unanswered, now: Instant) {
        self.steering.retry = Some(now + unanswered.retry_in);
        let open = self.ledger.live().filter(|window| {
            let ended = window.until.is_some_and(|until| until <= flight.began);
            window.state.is_open() && ended
        });
        let ids: Vec<_> = open.map(|it| it.id).collect();
        for id in ids {
            self.note(id, flight, false, Some(&unanswered.reason));
            if let Some(window) = self.ledger.change(id) {
                window.reasons.insert(Reason::RequestFailed);
            }
        }
    }

    /// The node asked by itself, whoever expected it: its markers may be as late as now.
    pub fn handle_marker(&mut self, now: Instant) {
        self.marks.reached = self.marks.reached.max(Some(self.clock.at(now)));
        self.word.fetched();
        self.settle(now);
    }

    /// Messages of a period that is over may have been missed; the window that it belongs to.
    pub fn handle_open(&mut self, period: Period, reason: Reason, now: Instant) -> WindowId {
        if self.picks {
            let lag = self.clock.at(now).before(MARKER_LAG);
            self.marks.reached = self.marks.reached.max(Some(lag));
        }
        let id = self.ledger.open_period(period, reason);
        self.settle(now);
        id
    }

    /// Up to then everything was swept.
    pub fn handle_swept(&mut self, until: Moment, now: Instant) {
        self.marks.swept = Some(until);
        self.settle(now);
    }

    /// History is wanted now, of no time in particular. That joins a request that is under way.
    pub fn handle_request(&mut self, now: Instant) {
        if self.flight.is_some() {
            return;
        }
        let wall = self.clock.at(now);
        let moment = Period {
            from: wall,
            until: wall,
        };
        self.ledger.open_period(moment, Reason::Asked);
        let owe = self.steering.owe(self.reach_back(), true);
        self.commands.push_back(Command::Owe(owe));
        self.settle(now);
    }

    /// Messages arrived: live, or by the request that is under way or has just ended.
    pub fn handle_messages(&mut self, count: u64, now: Instant) {
        let fresh = |(_, at): &&(Flight, Instant)| now.saturating_duration_since(*at) <= TRICKLE;
        let Some((flight, _)) = self.landed.as_ref().filter(fresh) else {
            return;
        };
        let began = flight.began;
        let ids: Vec<_> = self.ledger.live().map(|it| it.id).collect();
        for id in ids {
            let asked = self.ledger.get(id).and_then(|it| it.attempts.last());
            if asked.is_some_and(|it| it.at == began)
                && let Some(last) = self.ledger.change(id).and_then(|it| it.attempts.last_mut())
            {
                last.messages += count;
            }
        }
        self.settle(now);
    }

    /// The auditor has looked at a window.
    pub fn handle_audited(&mut self, audited: &Audited, now: Instant) {
        let wall = self.clock.at(now);
        let missing = match &audited.finding {
            Finding::Short { missing, .. }
            | Finding::Repeat { missing }
            | Finding::Unhealed { missing } => *missing,
            Finding::Complete | Finding::Unchecked | Finding::Second { .. } => 0,
        };
        let checked = !matches!(audited.finding, Finding::Unchecked | Finding::Second { .. });
        let audit = checked.then(|| Audit {
            at: wall,
            by: audited.by.clone(),
            held: audited.held,
            missing,
        });
        self.conclude(audited, audit, wall);
        self.settle(now);
    }

    fn conclude(&mut self, audited: &Audited, audit: Option<Audit>, wall: Moment) {
        let id = audited.id;
        let was_short = self
            .ledger
            .get(id)
            .and_then(|it| it.audit.as_ref())
            .map_or(0, |it| it.missing);
        self.write(id, audit.clone());
        match &audited.finding {
            Finding::Complete => {
                self.counts.found_missing += was_short;
                self.cover(id, wall);
            }
            Finding::Unchecked => self.cover(id, wall),
            Finding::Short {
                missing,
                short,
                wanted,
            } => {
                self.fetch_again(id, *missing, short, wanted.clone());
                // One that was closed is open only now.
                self.write(id, audit);
            }
            Finding::Repeat { missing } => self.repeat(id, *missing, wall),
            Finding::Unhealed { missing } => {
                let why = format!("others hold {missing} messages that this node does not take");
                self.ledger.give_up(id, wall, &why);
            }
            Finding::Second { wanted } => {
                self.ledger.reopen(id, vec![wanted.clone()]);
                if let Some(window) = self.ledger.change(id) {
                    window.reasons.insert(Reason::SecondOpinion);
                }
            }
        }
    }

    fn write(&mut self, id: WindowId, audit: Option<Audit>) {
        if let (Some(window), Some(audit)) = (self.ledger.change(id), audit) {
            window.audit = Some(audit);
        }
    }

    /// Only what was fetched can be covered: it may have been opened again meanwhile.
    fn cover(&mut self, id: WindowId, wall: Moment) {
        let window = self.ledger.get(id);
        if window.is_some_and(|it| it.state.is_fetched()) {
            self.ledger.covered(id, wall);
        }
    }

    fn fetch_again(&mut self, id: WindowId, missing: u64, short: &[String], wanted: Vec<Identity>) {
        let was_closed = self.ledger.get(id).is_none();
        // Where the node picks a mailserver for each query none can be wanted.
        let wanted = match self.picks {
            true => Vec::new(),
            false => wanted,
        };
        if !self.ledger.reopen(id, wanted) {
            return;
        }
        if let Some(window) = self.ledger.change(id) {
            window.reasons.insert(Reason::MailserverShort);
            let shortage = window.shortage.get_or_insert_default();
            match was_closed {
                // What was missing before was fetched since.
                true => shortage.join(&Shortage::found(missing, short)),
                false => shortage.find(missing, short),
            }
        }
        self.commands.push_back(Command::Publish(Event::AuditShort {
            window: id,
            mailservers: short.to_vec(),
            missing,
        }));
    }

    /// Mailservers differ, and the node picks one for each query: it is made to ask until two requests in a row bring
    /// nothing new.
    fn repeat(&mut self, id: WindowId, missing: u64, wall: Moment) {
        let Some(window) = self.ledger.get(id) else {
            return self.fetch_again(id, missing, &[], Vec::new());
        };
        let mut last = window
            .attempts
            .iter()
            .rev()
            .filter(|it| it.failure.is_none());
        let quiet = last
            .by_ref()
            .take(2)
            .filter(|it| it.rewound && it.messages == 0)
            .count();
        match (
            quiet == 2 || window.requests >= MOST_REPEATS,
            self.can_rewind,
        ) {
            (true, _) => self.cover(id, wall),
            (false, true) => self.fetch_again(id, missing, &[], Vec::new()),
            (false, false) => {
                let why = "mailservers differ, and this node cannot be made to fetch it again";
                self.ledger.give_up(id, wall, why);
            }
        }
    }
}
