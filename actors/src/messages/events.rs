//! What happened, for every subscriber.

use std::time::SystemTime;

use actix::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::{
    messages::selection::Decision,
    model::{
        mailserver::MailserverRef,
        moment::Moment,
        window::{Reason, WindowId},
    },
};

/// Something that users and their programs want to know, once per change of state.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Event {
    /// Another mailserver is active now, or none.
    #[schemars(title = "mailserver:changed")]
    MailserverChanged {
        /// The active one.
        mailserver: Option<MailserverRef>,
        /// Why, for people.
        reason: String,
    },
    /// History can be asked for: the active mailserver is connected. Where the node picks one for each query: it is
    /// online, and a mailserver answers our own probe.
    #[schemars(title = "mailserverAvailable")]
    MailserverAvailable {
        /// The active one, or the one that answers.
        mailserver: MailserverRef,
    },
    /// The node lists a mailserver that it did not list before.
    #[schemars(title = "peerConnected")]
    PeerConnected {
        /// Which.
        mailserver: MailserverRef,
    },
    /// The node does not list a mailserver any more.
    #[schemars(title = "peerDisconnected")]
    PeerDisconnected {
        /// Which.
        mailserver: MailserverRef,
    },
    /// History was asked for.
    #[schemars(title = "history:requested")]
    HistoryRequested {
        /// From which mailserver; `None` if the node picks it.
        mailserver: Option<MailserverRef>,
    },
    /// The request was answered.
    #[schemars(title = "history:completed")]
    HistoryCompleted {
        /// By which mailserver; `None` if the node picked it.
        mailserver: Option<MailserverRef>,
        /// From request to answer.
        took_ms: u64,
    },
    /// The request was not answered; it is repeated.
    #[schemars(title = "history:failed")]
    HistoryFailed {
        /// By which mailserver; `None` if the node picked it.
        mailserver: Option<MailserverRef>,
        /// Why, for people.
        reason: String,
        /// The pause before the next try.
        retry_in_ms: u64,
    },
    /// Messages may be missed, or may have been.
    #[schemars(title = "window:opened")]
    WindowOpened {
        /// The number of the window.
        window: WindowId,
        /// Since when.
        from_ms: Moment,
        /// Why.
        reason: Reason,
    },
    /// A window is covered: a request that began after its end was completed.
    #[schemars(title = "window:covered")]
    WindowCovered {
        /// The number of the window.
        window: WindowId,
        /// Its begin.
        from_ms: Moment,
        /// Its end.
        until_ms: Moment,
        /// Which mailserver was asked; `None` if the node picked it.
        mailserver: Option<String>,
        /// How many requests it took.
        requests: u32,
    },
    /// A window cannot be covered.
    #[schemars(title = "window:given-up")]
    WindowGivenUp {
        /// The number of the window.
        window: WindowId,
        /// Its begin.
        from_ms: Moment,
        /// Its end.
        until_ms: Moment,
        /// Why, for people.
        reason: String,
    },
    /// Others hold messages of a covered window that those do not hold from which it was fetched: it is fetched again.
    #[schemars(title = "audit:short")]
    AuditShort {
        /// The number of the window.
        window: WindowId,
        /// The ids of those that hold less; none if the node picks whom it asks.
        mailservers: Vec<String>,
        /// How many messages they do not hold.
        missing: u64,
    },
    /// The node was made to fill gaps in a chat.
    #[schemars(title = "gap:filled")]
    GapFilled {
        /// The chat.
        chat: String,
        /// How many gaps.
        gaps: usize,
    },
    /// The node is deaf, or no longer: mailservers hold messages for it that it never hears.
    #[schemars(title = "node:deaf")]
    NodeDeaf {
        /// Whether it is.
        deaf: bool,
        /// What shows it, for people.
        reason: String,
    },
    /// A choice was made, with its reasons.
    #[schemars(title = "decision")]
    Decision(Decision),
    /// Somebody who could serve us is within reach again, or the suspicion was wrong.
    #[schemars(title = "online")]
    Online {
        /// Why, for people.
        reason: String,
        /// For how long we were offline; `None` if it was a suspicion or a sleep that ended.
        offline_ms: Option<u64>,
    },
    /// Nobody who could serve us is within reach.
    #[schemars(title = "offline")]
    Offline {
        /// Why, for people.
        reason: String,
    },
    /// Something speaks against our being online; it is being looked into.
    #[schemars(title = "suspect")]
    Suspect {
        /// What, for people.
        reason: String,
    },
    /// We slept and have just woken up.
    #[schemars(title = "asleep")]
    Asleep {
        /// For how long.
        slept_ms: u64,
    },
    /// The supervisor restarted an actor.
    #[schemars(title = "actor:restarted")]
    ActorRestarted {
        /// Its name.
        actor: String,
        /// What ended it.
        reason: String,
        /// Restarts within the budget's window, this one included.
        restarts: usize,
    },
}

impl Event {
    /// The name on the wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::MailserverChanged { .. } => "mailserver:changed",
            Self::MailserverAvailable { .. } => "mailserverAvailable",
            Self::PeerConnected { .. } => "peerConnected",
            Self::PeerDisconnected { .. } => "peerDisconnected",
            Self::HistoryRequested { .. } => "history:requested",
            Self::HistoryCompleted { .. } => "history:completed",
            Self::HistoryFailed { .. } => "history:failed",
            Self::WindowOpened { .. } => "window:opened",
            Self::WindowCovered { .. } => "window:covered",
            Self::WindowGivenUp { .. } => "window:given-up",
            Self::AuditShort { .. } => "audit:short",
            Self::GapFilled { .. } => "gap:filled",
            Self::NodeDeaf { .. } => "node:deaf",
            Self::Decision(_) => "decision",
            Self::Online { .. } => "online",
            Self::Offline { .. } => "offline",
            Self::Suspect { .. } => "suspect",
            Self::Asleep { .. } => "asleep",
            Self::ActorRestarted { .. } => "actor:restarted",
        }
    }
}

/// Tell all subscribers.
#[derive(Message, Clone, Debug, PartialEq)]
#[rtype(result = "()")]
pub struct Publish(pub Event);

/// An event with its number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Numbered {
    /// Counts from 1 in each process.
    pub sequence: u64,
    /// Wall-clock time, for people.
    pub at: SystemTime,
    /// What happened.
    pub event: Event,
}

/// Deliver what is kept after a number, then everything new, into a bounded channel.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Subscribe {
    /// The last number the subscriber has; `None` for new events only.
    pub after: Option<u64>,
    /// Where to deliver. Closed when the subscriber falls behind by the capacity of the channel.
    pub sink: mpsc::Sender<Numbered>,
}
