//! The actors of mailserver-sidecar: they decide, and they talk to each other only by messages.
//!
//! | module | what it is |
//! |---|---|
//! | [`supervisor`] | starts actors, restarts those that panic or stop, drives the tick |
//! | [`fleet_registry`] | which mailservers there are: fleet, custom ones, the pin |
//! | [`peer_tracker`] | which of them the node is connected to |
//! | [`pinger`] | one ping round: all targets at once, one deadline |
//! | [`selector`] | the choice, with its reasons |
//! | [`connector`] | the loop; its decisions are in [`cycle`], [`pin`] and [`cooling`] |
//! | [`history_requester`] | what the node still has to ask for, until it was answered; its decisions are in [`ledger`] |
//! | [`events`] | what happened, numbered, for every subscriber |
//! | [`node`] | the port to the node: the messages that an adapter answers |
//! | [`mailserver`], [`address`] | the words all of them share |
//!
//! Nothing here opens a socket or reads a clock: an adapter answers [`node`] and [`pinger::Probe`],
//! and time is tokio's, so that a test can hold it.

pub mod address;
pub mod backoff;
pub mod connector;
pub mod cooling;
pub mod cycle;
mod deadline;
pub mod events;
pub mod fleet_registry;
pub mod history_requester;
pub mod ledger;
pub mod mailserver;
pub mod node;
pub mod peer_tracker;
mod phase;
pub mod pin;
pub mod pinger;
mod roster;
pub mod selector;
pub mod supervisor;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use tokio::time::Instant;
