//! Windows: periods in which the node may have missed messages, and what became of them.

use std::{collections::BTreeSet, fmt, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    mailserver::Identity,
    moment::{Moment, Period},
};

/// Why messages may have been missed.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The sidecar was not running: nobody watched.
    SidecarAway,
    /// The node was down, restarted or logged out.
    NodeAway,
    /// The node had no network, or no peer.
    NodeOffline,
    /// The machine slept.
    Asleep,
    /// The node had peers that did not pass messages on reliably (since mid-2026 it says so).
    PoorMesh,
    /// The node heard nothing while mailservers held messages for it.
    Deaf,
    /// Another mailserver was made the active one, or there was none.
    MailserverChanged,
    /// The mailserver that was asked held less than others.
    MailserverShort,
    /// Nobody could be asked which messages it holds: it is fetched from a second mailserver.
    SecondOpinion,
    /// A request was not answered to its end.
    RequestFailed,
    /// A mailserver holds messages of a time in which all seemed well.
    Swept,
    /// A person or a program wants it.
    Asked,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SidecarAway => "sidecar not running",
            Self::NodeAway => "node down or logged out",
            Self::NodeOffline => "node offline",
            Self::Asleep => "asleep",
            Self::PoorMesh => "node badly connected",
            Self::Deaf => "node deaf",
            Self::MailserverChanged => "mailserver changed",
            Self::MailserverShort => "mailserver short",
            Self::SecondOpinion => "second opinion",
            Self::RequestFailed => "request failed",
            Self::Swept => "sweep",
            Self::Asked => "asked for",
        })
    }
}

/// The number of a window; counts from 1 on each machine, across restarts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct WindowId(pub u64);

/// A period in which messages may have been missed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// Its number.
    pub id: WindowId,
    /// Its begin.
    #[serde(rename = "from_ms")]
    pub from: Moment,
    /// Its end; `None` while it goes on.
    #[serde(rename = "until_ms")]
    pub until: Option<Moment>,
    /// Why messages may have been missed in it.
    pub reasons: BTreeSet<Reason>,
    /// What became of it.
    pub state: State,
    /// The last requests for it, the oldest first: at most [`MOST_ATTEMPTS`].
    #[schemars(description = "The last requests for it, the oldest first: at most 8.")]
    pub attempts: Vec<Attempt>,
    /// All requests for it.
    pub requests: u32,
    /// The mailservers from which all of it was fetched: at most [`MOST_SOURCES`]; none if the node picks them.
    #[schemars(
        description = "The mailservers from which all of it was fetched: at most 16; none if the node picks them."
    )]
    pub fetched_from: Vec<Identity>,
    /// What others had to say when it was checked last.
    pub audit: Option<Audit>,
    /// What was once missing where it had been fetched from; it stays when that was fetched elsewhere.
    #[serde(default)]
    pub shortage: Option<Shortage>,
}

/// A node asks for what was sent from so long before its marker on (status-go, `tolerance` in `messenger_mailserver.go`,
/// all generations).
pub const NODE_OVERLAP: Duration = Duration::from_secs(60);

/// Mailservers keep messages for two days unless they are told otherwise (nwaku): what is older cannot be had.
pub const STORE_RETENTION: Duration = Duration::from_secs(2 * 24 * 3600);

/// The requests that are kept of a window.
pub const MOST_ATTEMPTS: usize = 8;

/// The mailservers that are kept of a window.
pub const MOST_SOURCES: usize = 16;

impl Window {
    /// From begin to end, unless it goes on.
    #[must_use]
    pub fn period(&self) -> Option<Period> {
        let (from, until) = (self.from, self.until?);
        Some(Period { from, until })
    }
}

/// What became of a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state")]
#[schemars(rename = "WindowState")]
pub enum State {
    /// Not covered yet.
    Open {
        /// The mailservers from which it has still to be fetched, in this order; none: any one will do.
        wanted: Vec<Identity>,
    },
    /// A request that began after its end was completed; others have still to say whether they hold more.
    Fetched {
        /// When.
        #[serde(rename = "at_ms")]
        at: Moment,
    },
    /// A request that began after its end was completed, and nobody who was asked holds more.
    Covered {
        /// When.
        #[serde(rename = "at_ms")]
        at: Moment,
    },
    /// It cannot be covered any more, or not by this node.
    GivenUp {
        /// When.
        #[serde(rename = "at_ms")]
        at: Moment,
        /// Why, for people.
        why: String,
    },
}

impl State {
    /// Not covered yet, and anybody may be asked.
    pub const OPEN: Self = Self::Open { wanted: Vec::new() };

    /// Whether it is still to be fetched.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    /// From whom it is still to be fetched in particular, in this order; nobody if any one will do, or it is not to be
    /// fetched.
    #[must_use]
    pub fn wanted(&self) -> &[Identity] {
        match self {
            Self::Open { wanted } => wanted,
            _ => &[],
        }
    }

    /// Whether it was fetched, and others have still to say whether they hold more.
    #[must_use]
    pub fn is_fetched(&self) -> bool {
        matches!(self, Self::Fetched { .. })
    }

    /// Whether nothing more is to be done about it.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Covered { .. } | Self::GivenUp { .. })
    }
}

/// A request for a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// When it began.
    #[serde(rename = "at_ms")]
    pub at: Moment,
    /// The id of the mailserver; `None` if the node picked it.
    pub mailserver: Option<String>,
    /// Whether the node was made to fetch the period again.
    pub rewound: bool,
    /// What it came to: `None` if it was completed, else why not, for people.
    pub failure: Option<String>,
    /// The messages that came with it.
    pub messages: u64,
}

/// What a check of a covered window found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "WindowAudit")]
pub struct Audit {
    /// When.
    #[serde(rename = "at_ms")]
    pub at: Moment,
    /// The ids of the mailservers that were asked.
    pub by: Vec<String>,
    /// The messages that those held of which the window had been fetched.
    pub held: u64,
    /// The messages that others held beside these.
    pub missing: u64,
}

/// What those did not hold from which a window had been fetched, and who gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shortage {
    /// The messages that were missing.
    pub missing: u64,
    /// The ids of those that held less: at most [`MOST_SOURCES`]; none if the node picks whom it asks.
    #[schemars(
        description = "The ids of those that held less: at most 16; none if the node picks whom it asks."
    )]
    pub at: Vec<String>,
    /// The ids of those from which the window was fetched for that: at most [`MOST_SOURCES`].
    #[schemars(
        description = "The ids of those from which the window was fetched for that: at most 16."
    )]
    pub fetched_from: Vec<String>,
}

impl Shortage {
    /// So many are missing at these.
    #[must_use]
    pub fn found(missing: u64, at: &[String]) -> Self {
        let mut shortage = Self::default();
        shortage.find(missing, at);
        shortage
    }

    /// A check of what was fetched since found so many missing, some of them perhaps those that were missing before.
    pub fn find(&mut self, missing: u64, at: &[String]) {
        self.missing = self.missing.max(missing);
        add(&mut self.at, at);
    }

    /// Others are missing beside these.
    pub fn join(&mut self, other: &Self) {
        self.missing = self.missing.saturating_add(other.missing);
        add(&mut self.at, &other.at);
        add(&mut self.fetched_from, &other.fetched_from);
    }

    /// The window was fetched from this one, of which it was wanted.
    pub fn fetched(&mut self, id: &str) {
        add(&mut self.fetched_from, &[id.to_owned()]);
    }
}

fn add(ids: &mut Vec<String>, more: &[String]) {
    for id in more {
        if !ids.contains(id) && ids.len() < MOST_SOURCES {
            ids.push(id.clone());
        }
    }
}
