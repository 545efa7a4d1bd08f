//! What is promised, and whether it holds.
//!
//! At the end the node has every message that any mailserver holds, and the journal says so. Until then the journal never
//! says of a time that it is covered while a message of it is missing. Some things are allowed, because nobody could know
//! better:
//!
//! - A window is called covered when it was fetched and those that hold more were looked for. Who could not be asked in
//!   the last [`ASKED`] before that (away, broken, or the message had not come to it yet) was not heard.
//! - What is missed while all seems well is found by the sweep: [`SWEPT`] after it can be had at the latest. So is what
//!   comes to a mailserver in the moments between a request and the question what it holds ([`MOMENT`]).
//! - Enodes cannot be asked what they hold, and a node since mid-2026 picks whom it asks. There a message may be missing
//!   that was asked for in vain, as often as is promised: of enodes, from two of them if a window was open, from one if
//!   all seemed well; by nodes that pick, twice; by those of them whose markers no call reaches, once, unless the journal
//!   gives the time up: it never calls covered what these did not ask for.
//! - What only those hold who never tell what they hold.

use std::{collections::BTreeSet, fmt, time::Duration};

use actors::{
    messages::{events::Event, journal::Report},
    model::{
        moment::Moment,
        node::Mode,
        window::{Reason, State, Window},
    },
};

use crate::{sidecar::Surroundings, world::Message};

/// An audit begins some seconds after the request, and a query may take a few.
const ASKED: Duration = Duration::from_secs(30);

/// A sweep each ten minutes, give or take a tenth; the request and the audit that follow it.
const SWEPT: Duration = Duration::from_secs(13 * 60);

/// A fetch each minute, and the audit that follows it.
const NEW: Duration = Duration::from_secs(120);

/// From a request to the question what the one that answered it holds.
const MOMENT: Duration = Duration::from_secs(2);

/// Something that was promised does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// An actor failed.
    ActorFailed(String),
    /// The journal says that a time is covered of which this message is missing.
    ClaimsCovered {
        message: usize,
        sent: Moment,
        why: &'static str,
    },
    /// In the end so many messages are missing, the first of them this one.
    Missing { messages: usize, first: usize },
    /// In the end so many windows are not covered.
    NotCovered(usize),
    /// In the end nobody can be asked how it stands.
    NoReport,
}

impl Violation {
    /// The number of the message that it is about.
    pub(crate) fn message(&self) -> Option<usize> {
        match self {
            Self::ClaimsCovered { message, .. } | Self::Missing { first: message, .. } => {
                Some(*message)
            }
            Self::ActorFailed(_) | Self::NotCovered(_) | Self::NoReport => None,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ActorFailed(reason) => write!(f, "an actor failed: {reason}"),
            Self::ClaimsCovered { message, sent, why } => {
                write!(f, "message {message}, sent {sent}, is missing: {why}")
            }
            Self::Missing { messages, first } => {
                write!(
                    f,
                    "{messages} messages never came, the first is number {first}"
                )
            }
            Self::NotCovered(windows) => write!(f, "{windows} windows were never covered"),
            Self::NoReport => write!(f, "the journal does not answer"),
        }
    }
}

/// The messages that some mailserver holds and the node does not have.
pub(crate) fn lost(around: &Surroundings) -> Vec<usize> {
    let world = &around.world;
    let received = &around.node.database.borrow().received;
    let all = 0..world.messages.borrow().len();
    let lost = all.filter(|it| !received.contains(it) && world.is_held(*it));
    lost.collect()
}

/// Whether an actor had to be restarted.
pub(crate) fn failed_actor(event: &Event) -> Option<Violation> {
    match event {
        Event::ActorRestarted { actor, reason, .. } => {
            Some(Violation::ActorFailed(format!("{actor}: {reason}")))
        }
        _ => None,
    }
}

/// What the journal claims of messages that are missing.
pub(crate) fn claims(around: &Surroundings, report: &Report) -> Vec<Violation> {
    let world = &around.world;
    let now = world.now();
    let claims = lost(around).into_iter().filter_map(|message| {
        let sent = world.messages.borrow()[message].sent;
        let obtainable = world.obtainable_since(message)?;
        let why = claim(report, sent, obtainable, now)?;
        if asked_in_vain(around, report, message) {
            return None;
        }
        Some(Violation::ClaimsCovered { message, sent, why })
    });
    claims.collect()
}

/// Whether a message was asked for as often as is promised where nobody can know who holds it.
fn asked_in_vain(around: &Surroundings, report: &Report, message: usize) -> bool {
    let Message { sent, topic } = around.world.messages.borrow()[message];
    let fetches = around.node.fetches.borrow();
    let fetches = fetches.iter().filter(|it| it.asks_for(topic, sent));
    match around.setup.mode {
        Mode::Waku1 => {
            let noticed = report
                .recent
                .iter()
                .any(|it| holds(it, sent) && is_open_time(it));
            let stores: BTreeSet<usize> = fetches.map(|it| it.store).collect();
            stores.len() > usize::from(noticed)
        }
        // A node that cannot be made to go back asks once, or the journal says that it did not.
        Mode::Observe if !around.setup.has_markers() => {
            let given_up = |it: &Window| matches!(it.state, State::GivenUp { .. });
            let mut of_it = report.recent.iter().filter(|it| holds(it, sent));
            fetches.count() >= 1 || of_it.any(given_up)
        }
        Mode::Observe => fetches.count() >= 2,
        Mode::Waku2 | Mode::Pin => false,
    }
}

/// Whether a window is a time in which something was known to be wrong, and no mere moment.
fn is_open_time(window: &Window) -> bool {
    let swept = window.reasons.iter().all(|it| *it == Reason::Swept);
    !swept && window.until.is_some_and(|until| window.from < until)
}

/// Why a journal with this report must not lack a message that can be had since then.
fn claim(report: &Report, sent: Moment, obtainable: Moment, now: Moment) -> Option<&'static str> {
    let from = report.since?;
    let until = report.covered_until?;
    let claimed = from <= sent && sent < until && !report.open.iter().any(|it| holds(it, sent));
    if !claimed {
        return None;
    }
    let mut closed = report.recent.iter().filter(|it| holds(it, sent));
    match closed.next() {
        Some(window) if is_claimed(window, obtainable, now) => {
            Some("its window was called covered while it could be had")
        }
        Some(window) if matches!(window.state, State::GivenUp { .. }) => None,
        _ if obtainable + SWEPT <= now => Some("no sweep has found it"),
        _ => None,
    }
}

/// Whether a window was covered after a message could be had, and neither now nor in the moments after a request: nodes
/// of 2024 show what they fetched a second later.
fn is_claimed(window: &Window, obtainable: Moment, now: Moment) -> bool {
    let State::Covered { at } = window.state else {
        return false;
    };
    let mut answered = window.attempts.iter().filter(|it| it.failure.is_none());
    let between = answered.any(|it| it.at <= obtainable && obtainable <= it.at + MOMENT);
    obtainable + ASKED <= at && at + MOMENT <= now && !between
}

/// Whether a window holds a moment.
fn holds(window: &Window, moment: Moment) -> bool {
    window.from <= moment && window.until.is_none_or(|until| moment <= until)
}

/// What must hold in the end, and how many messages are missing of which nobody could know.
pub(crate) fn at_the_end(around: &Surroundings, report: Option<&Report>) -> (Vec<Violation>, u64) {
    let Some(report) = report else {
        return (vec![Violation::NoReport], 0);
    };
    let (vain, lost): (Vec<_>, Vec<_>) = lost(around).into_iter().partition(|it| {
        around.world.obtainable_since(*it).is_none() || asked_in_vain(around, report, *it)
    });
    let missing = lost.first().map(|first| Violation::Missing {
        messages: lost.len(),
        first: *first,
    });
    let now = around.world.now();
    let open = report.open.iter().filter(|it| !is_new(it, now)).count();
    let uncovered = (open > 0).then_some(Violation::NotCovered(open));
    (
        missing.into_iter().chain(uncovered).collect(),
        vain.len() as u64,
    )
}

/// Whether an open window is so new that it is no sign of anything: sweeps go on for ever, and so does a mesh that the
/// node called poor, if its word that it is well again was lost: it says so once, and fetches each minute until then.
fn is_new(window: &Window, now: Moment) -> bool {
    let recently = now.before(NEW);
    let only = |reason| window.reasons.iter().all(|it| *it == reason);
    let swept = only(Reason::Swept) && window.until.is_some_and(|until| recently <= until);
    swept || (only(Reason::PoorMesh) && recently <= window.from)
}

#[cfg(test)]
mod tests {
    use actors::model::window::WindowId;

    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_seconds(seconds)
    }

    fn window(from: u64, until: Option<u64>, state: State) -> Window {
        let json = serde_json::json!({
            "id": 1, "from_ms": at(from), "until_ms": until.map(at),
            "reasons": BTreeSet::from([Reason::Deaf]), "state": state,
            "attempts": [], "requests": 0, "fetched_from": [], "audit": null,
        });
        let window: Window = serde_json::from_value(json).unwrap();
        assert_eq!(window.id, WindowId(1));
        window
    }

    fn report(open: Vec<Window>, recent: Vec<Window>) -> Report {
        Report {
            since: Some(at(100)),
            covered_until: Some(at(5_000)),
            open,
            recent,
            ..Report::default()
        }
    }

    #[test]
    fn what_is_open_or_given_up_or_before_all_is_not_claimed() {
        let open = report(vec![window(200, None, State::OPEN)], vec![]);
        assert_eq!(claim(&open, at(300), at(300), at(5_000)), None);
        assert_eq!(claim(&open, at(50), at(50), at(5_000)), None);
        let given_up = State::GivenUp {
            at: at(400),
            why: "old".into(),
        };
        let given_up = report(vec![], vec![window(200, Some(400), given_up)]);
        assert_eq!(claim(&given_up, at(300), at(300), at(5_000)), None);
        assert_eq!(claim(&Report::default(), at(300), at(300), at(5_000)), None);
    }

    #[test]
    fn what_could_be_had_must_be_there_once_its_window_is_covered() {
        let covered = State::Covered { at: at(410) };
        let report = report(vec![], vec![window(200, Some(400), covered)]);
        assert!(claim(&report, at(300), at(301), at(420)).is_some());
        assert_eq!(
            claim(&report, at(390), at(391), at(420)),
            None,
            "it came late"
        );
        assert!(
            claim(&report, at(390), at(391), at(2_000)).is_some(),
            "and it was swept"
        );
    }

    #[test]
    fn what_comes_in_the_moments_after_a_request_is_left_to_the_sweep() {
        let mut covered = window(200, Some(400), State::Covered { at: at(450) });
        let attempt = serde_json::json!({
            "at_ms": at(400), "mailserver": "m", "rewound": true, "failure": null, "messages": 0,
        });
        covered.attempts = vec![serde_json::from_value(attempt).unwrap()];
        let report = report(vec![], vec![covered]);
        assert_eq!(claim(&report, at(399), at(401), at(500)), None);
        assert!(claim(&report, at(399), at(401), at(1_200)).is_some());
        assert!(claim(&report, at(399), at(403), at(500)).is_some());
    }

    #[test]
    fn what_is_always_new_is_no_open_window() {
        let open = |reason, from, until| Window {
            reasons: BTreeSet::from([reason]),
            ..window(from, until, State::OPEN)
        };
        let now = at(1_000);
        assert!(is_new(&open(Reason::Swept, 100, Some(990)), now));
        assert!(!is_new(&open(Reason::Swept, 100, Some(800)), now));
        assert!(is_new(&open(Reason::PoorMesh, 950, None), now));
        assert!(!is_new(&open(Reason::PoorMesh, 100, None), now));
        assert!(!is_new(&open(Reason::NodeAway, 990, Some(995)), now));
    }

    #[test]
    fn what_is_missed_unnoticed_is_there_after_a_sweep() {
        let report = report(vec![], vec![]);
        assert_eq!(claim(&report, at(300), at(301), at(900)), None);
        assert!(claim(&report, at(300), at(301), at(1_200)).is_some());
    }
}
