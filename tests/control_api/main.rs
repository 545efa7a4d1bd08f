//! The control API over real sockets, with stubs in the place of the actors.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod admission;
mod attacks;
mod changes;
mod conditions;
mod described_calls;
mod described_events;
mod document;
mod events_manual;
mod history;
mod operations;
mod playground;
mod remote;
mod schema;
mod server;
mod sockets;
mod state;
mod streams;
mod stub_history;
mod stub_registry;
mod stubs;
mod token;
