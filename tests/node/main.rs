//! The adapters to the node, over real loopback sockets, against what real nodes said.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod before_login;
mod chats;
mod ears;
mod login;
mod modes;
mod observe;
mod overtaken;
mod peer;
mod peers;
mod probes;
mod recordings;
mod rewind;
mod scripted;
mod sessions;
mod signals;
mod stores;
mod traffic;
mod wire;
