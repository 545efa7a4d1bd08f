//! The journal: what must be covered, what was asked, what became of it. The requester tells it of requests, the
//! auditor of what others hold; it tells the requester what is owed, the auditor what was covered, an adapter what to
//! keep.

use actix::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    Instant,
    model::{
        mailserver::{Identity, Mailserver},
        moment::{Moment, Period},
        window::{Reason, Window, WindowId},
    },
};

/// A history request began: ours, or one of the node that was expected. Sent by the history requester.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct RequestBegan {
    /// Its number, for [`RequestEnded`].
    pub number: u64,
    /// When it began. One of the node's own, of which the signal overtook the word that its mailserver is connected:
    /// when that came.
    pub at: Instant,
    /// From whom; `None` if the node picks it.
    pub mailserver: Option<Mailserver>,
    /// How far back the node is made to go first.
    pub since: Option<Moment>,
}

/// It ended. Sent by the history requester, exactly once for each [`RequestBegan`].
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct RequestEnded {
    /// The number of the [`RequestBegan`].
    pub number: u64,
    /// What it came to.
    pub outcome: Result<Completed, Unanswered>,
}

/// A request that was answered to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completed {
    /// The node was made to go back as far as it was wanted to; true if nothing was wanted.
    pub rewound: bool,
}

/// A request that was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// Why, for people.
    pub reason: String,
    /// The pause before the next one.
    pub retry_in: std::time::Duration,
}

/// History is owed, whoever was asked before. Sent by the journal to the history requester, which asks for it as soon as
/// it can, again and again until it is answered. What is owed already is widened.
#[derive(Message, Clone, Debug, Default, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct Owe {
    /// The node's own marker may be later than this: it is made to go back. `None`: it goes on from where it was.
    pub since: Option<Moment>,
    /// A person waits for it: the pause after a failure is cut short.
    pub at_once: bool,
}

/// Use this mailserver now, if it is a candidate and nothing is pinned: a period has to be fetched from it. Sent by the
/// journal to the connector.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct Prefer {
    /// Who.
    pub identity: Identity,
    /// Who held less than it, if that is why: it is remembered for a while.
    pub short: Option<Identity>,
}

/// Messages of this period may have been missed. Sent by whoever finds out afterwards (a sweep, a person).
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct OpenWindow {
    /// Which.
    pub period: Period,
    /// Why.
    pub reason: Reason,
}

/// Up to this moment it was looked whether anything was missed while all seemed well; what was found is told already.
/// Sent by the auditor to the journal, which keeps it.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct SweptUntil(pub Moment);

/// Whether any window is open: the node fetches, or is about to be made to; what it fetched may arrive a little after
/// that. Sent by the journal, at changes, to those who do what can wait.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct WindowsOpen(pub bool);

/// A window was covered by a request. Sent by the journal to the auditor.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct WindowCovered {
    /// Its number.
    pub id: WindowId,
    /// Its period, with what was asked for on both sides.
    pub period: Period,
    /// The mailservers from which it was fetched since it was opened; empty if the node picks them.
    pub from: Vec<Identity>,
    /// The messages that the last requests brought, the oldest first.
    pub brought: Vec<u64>,
}

/// What others hold of a window that was covered. Sent by the auditor.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct Audited {
    /// The number of the window.
    pub id: WindowId,
    /// The ids of the mailservers that were asked.
    pub by: Vec<String>,
    /// The messages that those held from which it had been fetched.
    pub held: u64,
    /// What is to be done.
    pub finding: Finding,
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Nobody holds more.
    Complete,
    /// Others hold more: the window is fetched again from these, in this order; together they hold everything.
    Short {
        /// The messages that were not held by those from which it had been fetched.
        missing: u64,
        /// The ids of those who held less, of those from which it had been fetched.
        short: Vec<String>,
        /// From whom it is fetched again.
        wanted: Vec<Identity>,
    },
    /// Some mailserver holds less than others, and the node picks one for each query: it is made to fetch the window again.
    Repeat {
        /// The messages that not all of them hold.
        missing: u64,
    },
    /// It cannot be checked, and is too short to be fetched twice for that.
    Unchecked,
    /// Others hold more, however often it was fetched from them: the node does not take it.
    Unhealed {
        /// The messages that are still missing.
        missing: u64,
    },
    /// It could not be checked by hashes, and mattered: it is fetched once more, from another mailserver.
    Second {
        /// From whom.
        wanted: Identity,
    },
}

/// Keep this across restarts, in this order and all of it or nothing. Sent by the journal; answered by an adapter.
#[derive(Message, Clone, Debug, PartialEq)]
#[rtype(result = "()")]
pub struct KeepJournal(pub Vec<Entry>);

/// One change of what is kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// This window, in the place of one with its number.
    Window(Window),
    /// A window is forgotten.
    Forget(WindowId),
    /// The marks, in the place of those before.
    Marks(Marks),
}

/// What is kept beside the windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Marks {
    /// The sidecar was running then, and all that it knew was kept: its absence begins there.
    #[serde(rename = "alive_ms")]
    pub alive: Option<Moment>,
    /// The newest request that was completed began then: the node's own markers may be as late.
    #[serde(rename = "reached_ms")]
    pub reached: Option<Moment>,
    /// Nothing is said of the time before: the sidecar first ran then.
    #[serde(rename = "since_ms")]
    pub since: Option<Moment>,
    /// Everything before was swept: see [`SweptUntil`].
    #[serde(rename = "swept_ms")]
    pub swept: Option<Moment>,
    /// The number of the last window.
    pub last_window: u64,
}

/// What was kept by an earlier process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeptJournal {
    /// The windows, in the order of their numbers.
    pub windows: Vec<Window>,
    /// The marks.
    pub marks: Marks,
}

/// Fetch a period again, whatever was answered before: a window is opened for it. Sent by the control API.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "WindowId")]
pub struct AskFor(pub Period);

/// Ask for the report, for people.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Report")]
pub struct GetReport;

/// Up to when history is complete, and what is not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "JournalReport")]
pub struct Report {
    /// Nothing is said of the time before.
    #[serde(rename = "since_ms")]
    pub since: Option<Moment>,
    /// No window that begins before is open; `None` before the first request was completed.
    #[serde(rename = "covered_until_ms")]
    pub covered_until: Option<Moment>,
    /// A request is under way.
    pub requesting: bool,
    /// How long it is to the next request for an open window; `None` if none is due, or nobody can be asked.
    pub next_try_ms: Option<u64>,
    /// The windows that are still to be covered, the one that begins first before the others.
    pub open: Vec<Window>,
    /// Windows that were covered or given up, the newest first: at most [`MOST_RECENT`].
    #[schemars(
        description = "Windows that were covered or given up, the newest first: at most 50."
    )]
    pub recent: Vec<Window>,
    /// Counters since the start of the process.
    pub counts: Counts,
}

/// The closed windows of a [`Report`].
pub const MOST_RECENT: usize = 50;

/// Counters since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "JournalCounts")]
pub struct Counts {
    /// Windows that were opened.
    pub opened: u64,
    /// Windows that were covered.
    pub covered: u64,
    /// Windows that were given up.
    pub given_up: u64,
    /// Requests that were completed.
    pub completed: u64,
    /// Requests in which the node was made to go back.
    pub rewound: u64,
    /// Requests that were completed although no window was open: asked for twice.
    pub needless: u64,
    /// Messages that others held and that were fetched after all.
    pub found_missing: u64,
}
