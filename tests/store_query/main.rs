//! Store queries over real loopback sockets: what mailservers of the simulation hold, and how they fail to say it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod answers;
mod connections;
mod failures;
mod rig;
