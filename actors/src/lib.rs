//! The actors of mailserver-sidecar: they decide, and they talk to each other only by messages.
//!
//! | module | what it is |
//! |---|---|
//! | [`supervisor`] | starts actors, restarts those that panic or stop, drives the tick |
//! | [`fleet_registry`] | which mailservers there are: fleet, custom ones, the node's own peers, the pin |
//! | [`peer_tracker`] | which of them the node is connected to |
//! | [`pinger`] | one ping round: all targets at once, one deadline |
//! | [`selector`] | the choice, with its reasons; its rule is in [`ranking`] and [`pool`], when it can be early in [`race`] |
//! | [`connector`] | the loop; its decisions are in [`cycle`], [`pin`], [`memory`] and [`jitter`] |
//! | [`watch`] | notices at once that the active mailserver is dead; its decisions are in [`vigil`] |
//! | [`online`] | whether we are online ourselves |
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
pub mod cycle;
mod deadline;
mod discovery;
pub mod events;
pub mod fleet_registry;
pub mod history_requester;
pub mod jitter;
pub mod ledger;
pub mod mailserver;
pub mod memory;
pub mod node;
pub mod online;
mod patience;
pub mod peer_tracker;
mod phase;
pub mod pin;
pub mod pinger;
pub mod pool;
pub mod race;
pub mod ranking;
mod roster;
pub mod selector;
mod spending;
pub mod supervisor;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod vigil;
pub mod watch;

pub use tokio::time::Instant;
