//! A mailserver of the world: what it holds, and what is wrong with it.

use std::{collections::BTreeMap, time::Duration};

use actors::model::{
    mailserver::Mailserver,
    moment::{Moment, Period},
};

/// What is wrong with a mailserver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The process is gone: connections are refused, open ones close at once.
    Killed,
    /// The process is stopped: its system still accepts connections, nobody answers.
    Hung,
    /// Its host is cut off: packets vanish, open connections stay silent.
    Isolated,
    /// Somebody else lives at its address.
    Refusing,
}

/// How a mailserver was made.
#[derive(Clone, Debug)]
pub(crate) struct StoreSetup {
    /// Who it is.
    pub(crate) mailserver: Mailserver,
    /// From a question to its answer.
    pub(crate) latency: Duration,
    /// From when a message is sent until it can be asked for.
    pub(crate) ingest: Duration,
    /// It answers queries of store protocol version 3.
    pub(crate) answers_queries: bool,
    /// What it missed while it was away it fetches from the others when it is back.
    pub(crate) catches_up: bool,
}

/// A mailserver.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) setup: StoreSetup,
    pub(crate) fault: Fault,
    /// It answers, and hears nothing new.
    pub(crate) deaf: bool,
    /// It answers with what was sent no longer ago than this.
    pub(crate) reaches_back: Option<Duration>,
    /// It breaks history requests off half-way.
    pub(crate) breaks_off: bool,
    /// Since when it has answered everybody with all that it holds, if it does.
    pub(crate) sound_since: Option<Moment>,
    /// The messages that it keeps, and since when they can be asked for.
    held: BTreeMap<usize, Moment>,
    /// What it will fetch when it is back.
    missed: Vec<usize>,
}

impl Store {
    pub(crate) fn new(setup: StoreSetup) -> Self {
        Self {
            setup,
            fault: Fault::None,
            deaf: false,
            reaches_back: None,
            breaks_off: false,
            sound_since: None,
            held: BTreeMap::new(),
            missed: Vec::new(),
        }
    }

    /// Whether it takes part in the network and passes messages on.
    pub(crate) fn relays(&self) -> bool {
        self.fault == Fault::None && !self.deaf
    }

    /// A message is sent; `wanted`: it is not one of those that never reach it.
    pub(crate) fn hear(&mut self, message: usize, wanted: bool, now: Moment) {
        if !wanted {
            return;
        }
        if self.relays() {
            self.held.insert(message, now + self.setup.ingest);
        } else if self.setup.catches_up && !self.deaf {
            self.missed.push(message);
        }
    }

    /// Breaks it, or mends it.
    pub(crate) fn set_fault(&mut self, fault: Fault, now: Moment) {
        self.fault = fault;
        if fault == Fault::None {
            let ready = now + self.setup.ingest;
            self.held
                .extend(self.missed.drain(..).map(|message| (message, ready)));
        }
    }

    /// Whether a message can be asked for now, or will be without anybody's doing.
    pub(crate) fn holds(&self, message: usize) -> bool {
        self.held.contains_key(&message)
    }

    /// Since when a message could be had from it without a break, if it can.
    pub(crate) fn obtainable_since(&self, message: usize) -> Option<Moment> {
        let held = self.held.get(&message)?;
        Some(self.sound_since?.max(*held))
    }

    /// The messages that an answer holds, in the order in which they were sent; `sent` tells when that was.
    pub(crate) fn answer(
        &self,
        period: Period,
        now: Moment,
        sent: impl Fn(usize) -> Moment,
    ) -> Vec<usize> {
        let oldest = self.reaches_back.map_or(period.from, |it| now.before(it));
        let from = period.from.max(oldest);
        let held = self.held.iter().filter(|(message, since)| {
            let at = sent(**message);
            **since <= now && from <= at && at <= period.until
        });
        held.map(|(message, _)| *message).collect()
    }
}
