//! The conversation: every message that crosses between actors, or between an actor and an adapter.
//!
//! One file a conversation; each message says who sends it and what it is answered with.

pub mod audit;
pub mod candidates;
pub mod connection;
pub mod events;
pub mod gaps;
pub mod history;
pub mod journal;
pub mod login;
pub mod node;
pub mod online;
pub mod peers;
pub mod ping;
pub mod round_trips;
pub mod selection;
pub mod store;
pub mod supervision;
pub mod watch;
