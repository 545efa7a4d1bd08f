//! The whole service in one process with a simulated node, over real sockets: does the node end up with
//! every message?

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod accounts;
mod observed;
mod recovery;
mod rig;
mod vigilance;
