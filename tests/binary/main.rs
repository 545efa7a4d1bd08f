//! The real binary against a node that knows nothing of its code: what goes over the wire, what comes
//! out, and how it ends.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod control_api;
mod custom;
mod demo;
mod exit_codes;
mod failover;
mod foreign_node;
mod history;
mod junk;
mod login;
mod outage;
mod pin;
mod playground;
mod service_manager;
mod sidecar;
mod signals;
mod story;
mod token;
mod waiting;
