//! The request that is under way, how late the node's own markers may be, and what a completed request covers.

use std::time::Duration;

use crate::{
    messages::journal::RequestBegan,
    model::{
        mailserver::Identity,
        moment::Moment,
        window::{NODE_OVERLAP, Window},
    },
};

/// A request that is under way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Flight {
    pub(super) number: u64,
    /// When it began.
    pub(super) began: Moment,
    /// How far back the node is made to go.
    pub(super) since: Option<Moment>,
    /// Who is asked, with the id; `None` if the node picks one.
    pub(super) mailserver: Option<(Identity, String)>,
    /// The node's markers were at most this late when it began: everything after that is fetched.
    marker: Moment,
}

impl Flight {
    /// `reached`: how late the node's markers may be.
    pub(super) fn new(began: &RequestBegan, at: Moment, reached: Option<Moment>) -> Self {
        let mailserver = began.mailserver.as_ref();
        Self {
            number: began.number,
            began: at,
            since: began.since,
            mailserver: mailserver.map(|it| (it.identity.clone(), it.id.clone())),
            marker: reached.unwrap_or_default(),
        }
    }

    /// It fetches what was sent after that.
    fn fetches_after(&self, rewound: bool, rule: Rule) -> Moment {
        let marker = rule.goes_on_from(self.marker);
        let since = self.since.filter(|_| rewound);
        since.map_or(marker, |since| since.min(marker))
    }
}

/// What is asked of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// How much earlier than a window is asked for.
    pub(super) overlap: Duration,
    /// The node can be made to go back. If it cannot, a window is all that can be asked for.
    pub(super) can_rewind: bool,
}

impl Rule {
    /// How far back a request has to go for this window.
    pub(super) fn from(&self, window: &Window) -> Moment {
        match self.can_rewind {
            true => window.from.before(self.overlap),
            false => window.from,
        }
    }

    /// From where on a node fetches that has this marker. What it does by itself counts as overlap, never as more.
    pub(super) fn goes_on_from(&self, marker: Moment) -> Moment {
        match self.can_rewind {
            true => marker.before(self.overlap.min(NODE_OVERLAP)),
            false => marker,
        }
    }
}

/// What of a window a request covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coverage {
    /// It does not go back so far, or asks somebody from whom it is not wanted.
    Nothing,
    /// What was before this moment: the window had not ended when the request began.
    Before(Moment),
    /// All of it.
    All,
}

/// What a request covers of a window, if it is completed.
pub(super) fn coverage(window: &Window, flight: &Flight, rewound: bool, rule: Rule) -> Coverage {
    if !window.state.is_open() {
        return Coverage::Nothing;
    }
    let wanted = window.state.wanted();
    let asked = flight.mailserver.as_ref().map(|(identity, _)| identity);
    let is_wanted = wanted.is_empty() || asked.is_some_and(|it| wanted.contains(it));
    if !is_wanted || flight.fetches_after(rewound, rule) > rule.from(window) {
        return Coverage::Nothing;
    }
    match window.until {
        Some(until) if until <= flight.began => Coverage::All,
        _ if window.from < flight.began => Coverage::Before(flight.began),
        _ => Coverage::Nothing,
    }
}
