//! The simulated node against what real nodes were recorded to say: each trap once.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod chats;
mod communities;
mod gaps;
mod history_faults;
mod http;
mod login;
mod markers;
mod observe;
mod peers;
mod pin;
mod rig;
mod subsets;
mod waku1;
mod waku2;
