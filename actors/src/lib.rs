//! The actors of mailserver-sidecar: they decide, and they talk to each other only by messages.
//!
//! | module | what it is |
//! |---|---|
//! | [`supervisor`] | starts actors, restarts those that panic or stop, drives the tick |
//! | [`fleet_registry`] | which mailservers there are: fleet, custom ones, the node's own peers, the pin |
//! | [`peer_tracker`] | which of them the node is connected to |
//! | [`pinger`] | one ping round: all targets at once, one deadline |
//! | [`selector`] | the choice, with its reasons; its rule is in `ranking` and `pool`, when it can be early in `early_decision` |
//! | [`connector`] | the loop; its decisions are in `cycle`, made of the small machines beside it, and in `observation` for nodes that pick a mailserver for each query |
//! | [`watch`] | notices at once that the active mailserver is dead; its decisions are in `failure_detector` |
//! | [`online`] | whether we are online ourselves |
//! | [`journal`] | what must be covered, and what became of it; its decisions are in `book` |
//! | [`history_requester`] | what the node still has to ask for, until it was answered; its decisions are in `request_queue` |
//! | [`auditor`] | whether others hold messages that the node was not given: after each covered window, and now and then; its decisions are in `plan` |
//! | [`gap_filler`] | has the node fill the gaps of which it knows; its decisions are in `gaps` |
//! | [`backfill`] | extends chats backwards, if people want that; its decisions are in `plan` |
//! | [`login`] | logs a node in again that came back logged out, if people want that; its decisions are in `plan` |
//! | [`round_trips`] | how fast mailservers answered, for people and graphs |
//! | [`events`] | what happened, numbered, for every subscriber |
//! | [`messages`] | what they say to each other, and to the adapters |
//! | [`model`] | the words all of them share |
//!
//! Three floors, and imports run down only: rooms (one for each actor), [`messages`], [`model`]. No room knows
//! another one. Nothing here opens a socket or reads a clock: adapters answer [`messages::node`] and
//! [`messages::ping::Probe`], and time is tokio's, so that a test can hold it.

pub mod auditor;
pub mod backfill;
pub mod connector;
mod deadline;
pub mod events;
pub mod fleet_registry;
pub mod gap_filler;
pub mod history_requester;
pub mod journal;
pub mod login;
pub mod messages;
pub mod model;
pub mod online;
pub mod peer_tracker;
pub mod pinger;
pub mod round_trips;
pub mod selector;
pub mod supervisor;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod watch;

pub use tokio::time::Instant;
